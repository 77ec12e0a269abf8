import pytest

from bec_kernel.svg import Curve, line_plot, thin, ticks
from bec_kernel.wire import (
    Begin,
    Fit,
    Point,
    Reading,
    ScanRequest,
    ScanState,
    Seal,
    StateChange,
)
from bec_live.views.card_state import CardState
from bec_live.views.scan_picture import mime_bundle, picture
from bec_live.views.scan_text import summary

REQUEST = ScanRequest(
    request_id="a", name="line_scan", args=["samx", -1, 1], kwargs={"exp_time": 0.1}
)
BEGIN = Begin(
    scan_id="a",
    scan_number=7,
    user="ann",
    request=REQUEST,
    motors=["samx"],
    monitored=["samx", "bpm4i"],
    units={"samx": "mm"},
    shape=[3],
)


def point(p, x, y):
    readings = {
        "samx": {"samx": Reading(x, 0.0), "samx_setpoint": Reading(x, 0.0)},
        "bpm4i": {"bpm4i": Reading(y, 0.0)},
    }
    return Point(
        index=p, point_id=p, attempt=1, begin=float(p), end=p + 1.0, data=readings
    )


def state_of(*messages, **kwargs):
    state = CardState(**kwargs)
    for message in messages:
        state.take(message)
    return state


POINTS = (point(0, -1.0, 2.0), point(1, 0.0, 9.0), point(2, 1.0, 3.0))
CLOSED = StateChange(state=ScanState.CLOSED, reason="done")
SEAL = Seal(index=9, points=3, state=ScanState.CLOSED, reason="done", time=3.0)
FIT = Fit(
    points=3,
    model="Gaussian",
    x="samx",
    y="bpm4i",
    values={"center": 0.0123, "fwhm": 1.0, "sigma": 0.4},
    curve=[[-1, 0, 1], [2, 9, 3]],
    final=True,
)


def test_a_row_holds_the_motor_and_then_the_detectors():
    state = state_of(BEGIN, *POINTS)
    assert state.columns == ["samx", "bpm4i"]
    assert state.rows[1] == [1, 0.0, 9.0]
    assert (state.x, state.y) == ("samx", "bpm4i")


def test_hints_say_which_signals_are_worth_a_column():
    state = state_of(BEGIN, *POINTS, hints={"samx": ["samx_setpoint"]})
    assert state.columns == ["samx_setpoint", "bpm4i"]


def test_without_a_first_entry_every_device_is_shown():
    assert state_of(*POINTS).columns == ["samx", "bpm4i"]


def detectors(p, **values):
    data = {n: {n: Reading(value, 0.0)} for n, value in values.items()}
    return Point(index=p, point_id=p, attempt=1, begin=p, end=p + 1.0, data=data)


def test_the_table_shows_what_the_scan_is_about_then_what_varies():
    begin = Begin(
        scan_id="a",
        user="ann",
        request=REQUEST,
        motors=["samx"],
        parameters={"signal": "diode"},
    )
    others = {f"far{n}": 5 for n in range(6)}
    points = [detectors(p, **others, ring=p, diode=1, samx=0.0) for p in range(2)]
    state = state_of(begin, *points)
    assert state.table == ["samx", "diode", "ring", "far0", "far1", "far2"]
    assert state.y == "diode"
    assert state.series("far5") == [5, 5]


def test_the_fit_decides_what_is_drawn():
    state = state_of(BEGIN, *POINTS, Fit(points=3, model="m", x="samx", y="samx"))
    assert state.y == "samx"


def test_the_time_left_follows_the_scans_own_clock():
    assert state_of(BEGIN, POINTS[0]).left == pytest.approx(2.0)
    assert state_of(BEGIN, *POINTS).left == 0.0
    assert state_of(BEGIN).left is None


def test_a_card_is_complete_when_the_last_point_is_there():
    assert not state_of(BEGIN, *POINTS, CLOSED).is_complete
    assert state_of(BEGIN, *POINTS, CLOSED, SEAL).is_complete


def test_a_card_of_a_fitted_scan_waits_for_the_final_fit():
    begin = Begin(scan_id="a", user="ann", request=REQUEST, fit="Gaussian")
    assert not state_of(begin, CLOSED, SEAL).is_complete
    assert state_of(begin, CLOSED, SEAL, FIT).is_complete


def test_a_value_that_json_cannot_carry_is_left_out():
    state = state_of(BEGIN, point(0, 0.0, float("nan")))
    assert state.rows == [[0, 0.0, None]]


def test_a_grid_is_drawn_over_its_points():
    grid = Begin(scan_id="a", user="ann", request=REQUEST, motors=["x"], shape=[2, 3])
    assert state_of(grid).x == "point_id"
    assert state_of(grid).total == 6


def test_the_largest_of_a_grid_is_told_with_where_its_motors_were():
    grid = Begin(
        scan_id="a",
        user="ann",
        request=REQUEST,
        motors=["samx"],
        monitored=["samx", "bpm4i"],
        shape=[1, 2],
    )
    points = [point(0, 1.5, 2.0), point(1, 1.0, 9.0)]
    assert state_of(grid, *points).x == "point_id"
    said = summary(state_of(grid, *points, CLOSED)).splitlines()[1]
    assert said == "bpm4i: largest 9 at samx = 1"


def test_of_one_point_or_without_a_motor_nothing_is_the_largest():
    begin = Begin(scan_id="a", user="ann", request=REQUEST, monitored=["bpm4i"])
    for points in ([point(0, 0.0, 9.0)], [point(n, 0.0, float(n)) for n in range(3)]):
        said = summary(state_of(begin, *points, CLOSED))
        assert len(said.splitlines()) == 1
    assert "largest" not in summary(state_of(BEGIN, point(0, 0.0, 9.0), CLOSED))


def test_the_text_of_a_finished_scan_has_no_id_path_or_time():
    text = summary(state_of(BEGIN, *POINTS, FIT, CLOSED, SEAL))
    assert text.splitlines() == [
        "Scan 7 line_scan samx -1 1 --exp-time 0.1: closed, 3 points",
        "bpm4i: largest 9 at samx = 0",
        "Gaussian of bpm4i: center 0.0123, fwhm 1",
    ]


def test_what_varies_lies_beside_the_data():
    data, metadata = mime_bundle(state_of(BEGIN, *POINTS, CLOSED))
    assert set(data) == {"text/plain", "image/svg+xml"}
    assert metadata["bec"]["scan_id"] == "a"


def test_a_scan_without_points_has_no_picture():
    data, _ = mime_bundle(state_of(BEGIN, StateChange(state=ScanState.ABORTED)))
    assert set(data) == {"text/plain"}


def test_the_picture_is_the_same_for_the_same_data():
    messages = (BEGIN, *POINTS, FIT, CLOSED)
    assert picture(state_of(*messages)) == picture(state_of(*messages))
    assert "samx [mm]" in picture(state_of(*messages))


def test_a_picture_of_many_points_stays_below_100_kb():
    many = [(float(n), float(n % 17)) for n in range(100_000)]
    curves = [Curve(many, "red", marks=True), Curve(many, "blue")]
    svg = line_plot(curves, title="t", notes=[""], x="x", y="y")
    assert len(svg) < 100_000


def test_thinning_keeps_the_highest_and_the_lowest():
    many = [(float(n), 0.0) for n in range(10_000)]
    many[1234] = (1234.0, 99.0)
    many[4321] = (4321.0, -99.0)
    kept = thin(many, most=100)
    assert len(kept) <= 100
    assert {99.0, -99.0} <= {y for _, y in kept}


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-5.2, 5.2), (1e6, 1e6 + 1)])
def test_ticks_are_round_and_inside(low, high):
    marks = ticks(low, high)
    assert 3 <= len(marks) <= 12
    assert all(low <= mark <= high for mark in marks)


@pytest.mark.parametrize("value", [0.0, 7.0])
def test_a_single_point_can_be_drawn(value):
    svg = line_plot(
        [Curve([(value, value)], "red", marks=True)], title="", notes=[""], x="", y=""
    )
    assert "nan" not in svg


def test_a_point_that_is_taken_again_takes_its_old_row():
    state = state_of(BEGIN, *POINTS)
    assert state.news() == 0
    assert state.news() == 3

    state.take(point(1, 0.5, 8.0))
    assert [row[0] for row in state.rows] == [0, 1, 2]
    assert state.rows[1] == [1, 0.5, 8.0]
    assert state.retaken == 1
    assert state.news() == 1
    assert state.news() == 3
