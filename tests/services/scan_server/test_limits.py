"""Motors behind computed axes stay within their limits wherever a scan goes."""

import pytest
from hypothesis import given, strategies as st

from bec_kernel.errors import RefusedError
from bec_kernel.wire import (
    Device,
    DeviceValue,
    DriverRequest,
    Motion,
    Reading,
    ScanRequest,
)
from bec_services.scan_server import scans
from bec_services.scan_server.accept.assembler import Catalogue
from bec_services.scan_server.accept.guard import accept
from bec_services.scan_server.accept.limits import Beamline
from bec_services.scan_server.run.drivers import check_driver_request

CATALOGUE = Catalogue([getattr(scans, name) for name in scans.__all__])
BLADES = (-6.0, 6.0)


def axis(name, span, left, right, **more):
    to = {"slit_left": left, "slit_right": right}
    told = [
        Motion(velocity=1.0, span=span, to=places, motor=motor, limits=BLADES)
        for motor, places in to.items()
    ]
    return Device(
        name=name,
        server="main",
        device_class="axes.PseudoAxis",
        positioner=True,
        limits=span,
        motion=told,
        needs=["slit"],
        **more,
    )


GAP = axis("gap", (0.0, 20.0), [0.0, -10.0], [0.0, 10.0])
CENTRE = axis("centre", (-10.0, 10.0), [-11.0, 9.0], [-9.0, 11.0])
ANGLES = [30.0 - 0.1 * n * (40 - n) for n in range(21)]  # a curve, in steps of 1
MONO = Motion(
    velocity=1.0, span=(0.0, 20.0), to=ANGLES, motor="theta", limits=(-5.0, 20.0)
)
DEVICES = {
    one.name: one
    for one in (
        GAP,
        CENTRE,
        Device(
            name="energy",
            server="main",
            device_class="axes.PseudoAxis",
            positioner=True,
            limits=(0.0, 20.0),
            motion=[MONO],
            needs=["mono"],
        ),
        Device(name="slit", server="main", device_class="SimSlit"),
        Device(name="det", server="main", device_class="x", software_trigger=True),
    )
}


def beamline(gap=2.0, centre=0.0, devices=DEVICES):
    blades = {"slit_left": centre - gap / 2, "slit_right": centre + gap / 2}
    readings = {"gap": {"gap": gap}, "centre": {"centre": centre}, "slit": blades}
    readings |= {"energy": {"energy": 10.0}, "mono": {"theta": ANGLES[10]}}
    values = {
        name: DeviceValue(readings={k: Reading(v, 0.0) for k, v in told.items()})
        for name, told in readings.items()
    }
    return Beamline(devices=devices, values=values)


def ask(name, *args, at=None, **kwargs):
    request = ScanRequest(request_id="r", name=name, args=[*args], kwargs=kwargs)
    return accept(CATALOGUE, at or beamline(), request, "ada", 0.0)


def part(name, *args, **kwargs):
    return {"name": name, "args": [*args], "kwargs": kwargs}


def test_a_move_of_an_axis_that_takes_a_motor_behind_it_too_far_is_refused():
    ask("mv", "gap", 12)
    with pytest.raises(RefusedError) as error:
        ask("mv", "gap", 13)
    assert str(error.value) == (
        "slit_left cannot go to -6.5, where gap is 13: its limits are -6 and 6"
    )
    assert error.value.allowed == "-6 to 6"
    with pytest.raises(RefusedError, match=r"slit_right cannot go to 6\.5 at point 1,"):
        ask("line_scan", "centre", 0, 11 / 2, steps=2)


def test_a_part_counts_from_where_the_one_before_left_the_motors():
    wide = part("mv", "gap", 10)
    ask("multi", wide, part("line_scan", "centre", -1, 1, steps=3))
    with pytest.raises(RefusedError) as error:
        ask("multi", wide, part("line_scan", "centre", -1, 2, steps=4))
    assert str(error.value).startswith(
        "slit_right cannot go to 7 at point 3 of part 2, where gap is 10 and "
        "centre is 2"
    )
    back = part("line_scan", "gap", 0, 8, steps=2, relative=True)
    ask("multi", back, part("mv", "centre", 4))  # the gap is 2 again by then
    narrow = part("mv", "gap", 1)
    ask("multi", narrow, part("mv", "centre", 5), at=beamline(gap=10.0))


def test_a_curve_is_followed_and_the_device_server_has_the_last_word_near_its_end():
    with pytest.raises(
        RefusedError, match=r"theta cannot go to 26\.1, where energy is"
    ):
        ask("mv", "energy", 1)
    ask("mv", "energy", 2.95)  # by the table 20.03: it may be less, by the curve
    with pytest.raises(RefusedError, match="theta cannot go to -6"):
        ask("mv", "energy", 14)


def test_what_nobody_has_told_is_not_guessed():
    silent = beamline()
    silent = Beamline(
        devices=DEVICES, values={**silent.values, "slit": DeviceValue(readings={})}
    )
    ask("mv", "gap", 13, at=silent)
    ask("mv", "gap", 13, at=Beamline(devices=DEVICES))


def test_an_interactive_scan_is_held_to_it_too():
    begin = ask("interactive", "gap").begin
    check_driver_request(DriverRequest(set={"gap": 12.0}), begin, beamline())
    with pytest.raises(RefusedError, match="slit_left"):
        check_driver_request(DriverRequest(set={"gap": 13.0}), begin, beamline())


PLACES = st.tuples(st.floats(0, 20), st.floats(-10, 10))


@given(PLACES, st.lists(PLACES, min_size=1, max_size=5))
def test_a_path_is_taken_exactly_where_no_blade_leaves_its_limits(start, path):
    parts = [
        part("mv", name, at)
        for gap, centre in path
        for name, at in (("gap", gap), ("centre", centre))
    ]
    centre = start[1]
    worst = 0.0
    for to_gap, to_centre in path:
        for g, c in ((to_gap, centre), (to_gap, to_centre)):
            worst = max(worst, abs(c) + g / 2)
        centre = to_centre
    there = beamline(*start)
    if worst > 6.0 + 1e-6:
        with pytest.raises(RefusedError, match="slit_"):
            ask("multi", *parts, at=there)
    elif worst < 6.0 - 1e-6:
        ask("multi", *parts, at=there)
