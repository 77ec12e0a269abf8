"""What is fitted over what, and when."""

import math

import msgspec
import pytest

from bec_kernel.bus.changes import Id
from bec_kernel.bus.protocol import Entry
from bec_kernel.wire import Device, Fit, Point, Reading, SignalDescription
from bec_services.data_analysis.fits.schedule import Axes, FitSeries, choose
from tests.services.recorded import T0, begin, points_log


def series(points=5, last=None, upto=None, **changes):
    fits = FitSeries(begin(fit="Gaussian", **changes), {}, last)
    for _, entry in points_log(points)[:upto]:
        fits.take(entry)
    return fits


def point(**values):
    data = {name: {name: Reading(value, T0)} for name, value in values.items()}
    return Point(index=1, point_id=0, attempt=1, begin=T0, end=T0, data=data)


def test_the_detector_is_fitted_over_the_motor():
    task = series().next()
    assert (task.x_name, task.y_name) == ("samx", "bpm4i")
    assert task.x == pytest.approx([-5, -2.5, 0, 2.5, 5])
    assert task.y[2] == max(task.y)


@pytest.mark.parametrize(("triggered", "chosen"), [([], "diode"), (["bpm4i"], "bpm4i")])
def test_among_several_detectors_the_triggered_one_is_meant(triggered, chosen):
    scan = begin(monitored=["samx", "diode", "bpm4i"], triggered=triggered)
    axes = choose(scan, {}, point(samx=1.0, diode=2.0, bpm4i=3))
    assert axes == Axes(("samx", "samx"), (chosen, chosen))


def test_the_hinted_signal_is_the_one_people_look_at():
    signals = [
        SignalDescription(name="raw"),
        SignalDescription(name="total", kind="hinted"),
    ]
    device = Device(name="bpm4i", server="main", device_class="Sim", signals=signals)
    data = {"bpm4i": {"raw": Reading(1, T0), "total": Reading(2, T0)}}
    one = Point(index=1, point_id=0, attempt=1, begin=T0, end=T0, data=data)
    axes = choose(begin(), {"bpm4i": device}, one)
    assert axes.y == ("bpm4i", "total")


def test_an_image_is_not_fitted():
    scan = begin(monitored=["samx", "eiger", "bpm4i"], triggered=["eiger"])
    axes = choose(scan, {}, point(samx=1.0, eiger=[[1, 2], [3, 4]], bpm4i=3))
    assert axes.y == ("bpm4i", "bpm4i")


def test_without_a_motor_it_is_fitted_over_time():
    task = series(motors=[], monitored=["bpm4i"]).next()
    assert task.x_name == "time"
    assert task.x == pytest.approx(range(5))


def test_without_a_detector_the_task_says_why_it_cannot_be_done():
    task = series(monitored=["samx"]).next()
    assert "no detector of line_scan" in task.problem


def test_only_new_points_make_a_new_fit():
    fits = series(upto=4)
    assert fits.next().at == Id(3)
    assert fits.next() is None
    assert not fits.ends


def test_the_last_fit_stands_behind_all_others():
    fits = series()
    task = fits.next()
    assert (task.at, task.final) == (Id(5, 1), True)
    assert fits.done
    assert fits.next() is None


def test_a_new_life_goes_on_behind_the_last_fit():
    last = Entry(Id(3), Fit(points=3, model="Gaussian", x="samx", y="bpm4i"))
    assert series(upto=4, last=last).next() is None
    task = series(upto=5, last=last).next()
    assert task.at == Id(4)
    assert len(task.x) == 4


def test_a_point_without_a_number_is_left_out():
    fits = FitSeries(begin(fit="Gaussian"), {})
    for at, value in enumerate((1.0, math.nan, 3.0)):
        one = point(samx=1.0, bpm4i=value)
        fits.take(msgspec.structs.replace(one, point_id=at))
    assert fits.next().y == [1.0, 3.0]


def test_the_detector_the_asker_named_is_fitted():
    scan = begin(monitored=["samx", "diode", "bpm4i"], parameters={"signal": "diode"})
    axes = choose(scan, {}, point(samx=1.0, diode=2.0, bpm4i=3))
    assert axes.y == ("diode", "diode")


def test_a_point_that_is_taken_again_is_fitted_as_it_was_taken_last():
    fits = series(upto=5)  # a baseline and four points
    again = next(e for _, e in points_log(5) if isinstance(e, Point))
    data = {**again.data, "bpm4i": {"bpm4i": Reading(77.0, T0)}}
    fits.take(msgspec.structs.replace(again, attempt=2, data=data))
    task = fits.next()
    assert (len(task.x), len(task.y)) == (4, 4)
    assert task.y[0] == 77.0
