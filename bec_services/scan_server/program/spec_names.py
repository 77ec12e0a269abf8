"""Pure: Scans by the names and in the order of words of SPEC, the program.

SPEC counts intervals, not points; and it has the time of a point as the last word.
(https://certif.com/spec_help/scans.html)
"""

from bec_kernel.wire import Form, FormWord, Parameter
from bec_services.scan_server.program.scan import MAX_POINTS, seconds

_TIME = FormWord(parameter=seconds("time", "of each point"), option="exp_time")
_SLEEP = FormWord(
    parameter=seconds("sleep", "before each point"), option="settling_time"
)


def _intervals(number: str = "", option: str = "") -> FormWord:
    parameter = Parameter(
        name=f"intervals{number}",
        kind="int",
        low=1,
        required=True,
        doc="one fewer than points",
    )
    return FormWord(parameter=parameter, option=option, add=1)


def _line(number: str = "") -> list[FormWord]:
    """Return the words of one motor: which one, from where, to where."""
    motor = Parameter(name=f"motor{number}", kind="device", required=True, doc="motor")
    places = [_place(f"start{number}", "first"), _place(f"stop{number}", "last")]
    return [FormWord(parameter=one) for one in (motor, *places)]


def _place(name: str, which: str) -> Parameter:
    return Parameter(
        name=name, kind="float", unit="motor", required=True, doc=f"{which} position"
    )


def ascan(name: str, motors: int, *, relative: bool = False) -> Form:
    """Return `ascan`, `a2scan` …, and those that begin with d: they are relative."""
    numbers = [""] if motors == 1 else [str(i + 1) for i in range(motors)]
    words = [word for number in numbers for word in _line(number)]
    places = " ".join(f"sam{axis} -1 1" for axis in "xy"[:motors])
    return Form(
        name=name,
        doc=f"line_scan as in SPEC{_told(relative=relative)}",
        words=[*words, _intervals(option="steps"), _TIME],
        preset={"relative": True} if relative else {},
        example=f"{name} {places} 20 0.1",
    )


def mesh(name: str, *, relative: bool = False) -> Form:
    """Return `mesh`, whose first motor is the fast one, too; or `dmesh`."""
    axes = [[*_line(number), _intervals(number)] for number in "12"]
    return Form(
        name=name,
        doc=f"grid_scan as in SPEC, always the same way{_told(relative=relative)}",
        words=[*axes[0], *axes[1], _TIME],
        preset={"snaked": False} | ({"relative": True} if relative else {}),
        example=f"{name} samx -1 1 10 samy -1 1 4 0.1",
    )


def _told(*, relative: bool) -> str:
    return ", from where one is" if relative else ""


CT = Form(name="ct", doc="one point, as in SPEC", words=[_TIME], example="ct 0.1")

LOOPSCAN = Form(
    name="loopscan",
    doc="a number of points without a move, as in SPEC",
    words=[
        FormWord(
            parameter=Parameter(
                name="points", kind="int", low=1, required=True, doc="number of points"
            ),
            option="burst_at_each_point",
        ),
        _TIME,
        _SLEEP,
    ],
    example="loopscan 100 0.1",
)

TIMESCAN = Form(
    name="timescan",
    doc="points where one is until it is ended (complete), as in SPEC",
    words=[_TIME, _SLEEP],
    preset={"burst_at_each_point": MAX_POINTS},
    example="timescan 0.1 1",
)
