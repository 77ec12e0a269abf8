"""Signatures and points that the tests of the client share."""

from bec_kernel.wire import (
    Parameter,
    Point,
    Reading,
    Signature,
)

MOTOR = Parameter(name="motor", kind="device", required=True)


STEPS = Parameter(name="steps", kind="int", low=1, required=True, doc="points")


EXPOSURE = Parameter(name="exp_time", kind="float", unit="s", low=0.0, default=0.0)


RELATIVE = Parameter(name="relative", kind="bool", default=False)


FIT = Parameter(name="fit", kind="str", default="")


def _place(name: str) -> Parameter:
    return Parameter(name=name, kind="float", unit="motor", required=True)


CATALOGUE = {
    one.name: one
    for one in (
        Signature(
            name="line_scan",
            doc="Along a line. Both ends are included.",
            bundle=[MOTOR, _place("start"), _place("stop")],
            bundles=(1, 0),
            options=[STEPS, RELATIVE, EXPOSURE, FIT],
            aliases=["ascan"],
            example="line_scan samx -5 5 --steps 21",
        ),
        Signature(
            name="list_scan",
            bundle=[MOTOR, Parameter(name="positions", kind="number_list")],
            bundles=(1, 2),
            options=[
                EXPOSURE,
                Parameter(name="mode", kind="str", choices=["fast", "slow"]),
                Parameter(name="ratio", kind="float", low=0.0, high=1.0),
            ],
        ),
        Signature(name="acquire", options=[EXPOSURE, FIT]),
        Signature(
            name="mv",
            bundle=[MOTOR, _place("position")],
            bundles=(1, 0),
            options=[RELATIVE],
            is_scan=False,
        ),
    )
}


def point(i: int) -> Point:
    return Point(
        index=i,
        point_id=i,
        attempt=1,
        begin=100.0 + i,
        end=100.5 + i,
        data={
            "bpm4i": {"bpm4i": Reading(10.0 * i, 100.0 + i)},
            "samx": {
                "samx": Reading(float(i), 100.0 + i),
                "samx_setpoint": Reading(float(i), 100.0 + i),
            },
        },
    )
