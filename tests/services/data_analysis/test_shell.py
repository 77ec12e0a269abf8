"""The analysis on a bus."""

import pytest

from bec_kernel.bus.changes import Append, Id, Trim
from bec_kernel.testing import MemoryBroker, MemoryBus
from bec_kernel.wire import keys
from bec_services.data_analysis.service import run
from tests.services.recorded import begin, new_life, points_log, running, take, until

ROLE = "data_analysis"
LOG = points_log(21)


@pytest.fixture
def bus():
    return MemoryBus(MemoryBroker())


def put(bus, entries):
    bus.commit([Append(keys.points("scan1"), entry, at) for at, entry in entries])


def fits(bus):
    return bus.read(keys.fits("scan1"))


def final(bus):
    return bool(fits(bus)) and fits(bus)[-1].message.final


def test_a_scan_is_fitted_while_it_runs_and_at_its_end(bus, tmp_path):
    with running(new_life(ROLE, bus.broker, tmp_path), run):
        take(bus, ROLE, begin(21, fit="Gaussian"))
        put(bus, LOG[:16])
        until(bus, lambda: fits(bus) != [])
        put(bus, LOG[16:])
        until(bus, lambda: final(bus))
        until(bus, lambda: not bus.get_all(keys.todo[ROLE]("main")))
    last = fits(bus)[-1]
    assert (last.id, last.message.points) == (Id(21, 1), 21)
    assert last.message.values["center"] == pytest.approx(0.5, abs=0.01)


def test_a_new_life_ends_with_the_same_fit(bus, tmp_path):
    take(bus, ROLE, begin(21, fit="Gaussian"))
    put(bus, LOG[:12])
    with running(new_life(ROLE, bus.broker, tmp_path), run):
        until(bus, lambda: fits(bus) != [])
    before = fits(bus)
    put(bus, LOG[12:])
    with running(new_life(ROLE, bus.broker, tmp_path), run):
        until(bus, lambda: final(bus))
    other = MemoryBus(MemoryBroker())
    take(other, ROLE, begin(21, fit="Gaussian"))
    put(other, LOG)
    with running(new_life(ROLE, other.broker, tmp_path), run):
        until(other, lambda: final(other))
    assert fits(bus)[: len(before)] == before
    assert fits(bus)[-1] == fits(other)[-1]


def test_a_fit_that_misses_points_that_left_the_bus_says_so_once(bus, tmp_path):
    take(bus, ROLE, begin(21, fit="Gaussian"))
    put(bus, LOG)
    bus.commit([Trim(keys.points("scan1"), Id(6))])
    with running(new_life(ROLE, bus.broker, tmp_path), run):
        until(bus, lambda: final(bus))
    assert fits(bus)[-1].message.points == 21
    (alarm,) = bus.read(keys.alarms())
    assert alarm.message.message.startswith("5 points had left the bus")


def test_a_scan_that_asked_for_no_fit_gets_none(bus, tmp_path):
    with running(new_life(ROLE, bus.broker, tmp_path), run):
        take(bus, ROLE, begin(scan_id="other", scan_number=41), todo=False)
        take(bus, ROLE, begin(21, fit="Gausian"))
        put(bus, LOG)
        until(bus, lambda: final(bus))
    assert bus.read(keys.fits("other")) == []
    assert "Gaussian" in fits(bus)[-1].message.message
