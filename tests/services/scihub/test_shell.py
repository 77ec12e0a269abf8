"""The connector on a bus, with a real database file."""

import contextlib
import sqlite3
import time

import pytest

from bec_kernel.bus import put
from bec_kernel.bus.changes import Append, Id
from bec_kernel.testing import MemoryBroker, MemoryBus
from bec_kernel.wire import (
    Device,
    FileDone,
    ScanState,
    SignalDescription,
    StateChange,
    keys,
)
from bec_services.scihub.service import run
from tests.services.recorded import (
    T0,
    begin,
    new_life,
    points_log,
    running,
    take,
    until,
)

ROLE = "scihub"


@pytest.fixture
def bus():
    return MemoryBus(MemoryBroker())


def rows(data):
    connection = sqlite3.connect(data / "bec.sqlite")
    with contextlib.closing(connection):
        return connection.execute("SELECT * FROM scans ORDER BY number").fetchall()


def shown(data):
    """Scans and their states, as far as anybody wrote them."""
    try:
        return [(row[0], row[4]) for row in rows(data)]
    except sqlite3.OperationalError:
        return []


def finish(bus, scan_id="scan1"):
    """What the other services write at a scan's end."""
    closed = StateChange(state=ScanState.CLOSED, time=T0 + 5, reason="done")
    at, seal = points_log(5)[-1]
    done = FileDone(path=f"/files/{scan_id}.h5", points=5)
    bus.commit([Append(keys.states(scan_id), closed, Id(2))])
    bus.commit([Append(keys.points(scan_id), seal, at)])
    bus.commit([Append(keys.files(scan_id), done, Id(1))])


def delivered(bus):
    return not bus.get_all(keys.todo[ROLE]("main"))


def test_a_scan_is_in_the_history_while_it_runs_and_whole_at_its_end(bus, tmp_path):
    connector = new_life(ROLE, bus.broker, tmp_path)
    with running(connector, run):
        take(bus, ROLE, begin())
        for _ in range(500):
            if shown(tmp_path) == [("scan1", "open")]:
                break
            connector.over.wait(0.01)
        assert shown(tmp_path) == [("scan1", "open")]
        assert bus.last(keys.expiring()) is None  # its logs are all there is
        finish(bus)
        until(bus, lambda: delivered(bus))
    (row,) = rows(tmp_path)
    assert row[:6] == ("scan1", 42, "line_scan", "ada", "closed", "done")
    assert row[6:10] == (T0, T0 + 5, 5, "/files/scan1.h5")
    assert row[10:12] == ('{"steps":5}', '{"sample":"gold"}')
    assert row[12:] == (
        '[["samx",-5,5],{"steps":5}]',
        '["bpm4i","samx","samz"]',
    )


def test_logs_are_told_to_expire_once_file_and_row_are_there(bus, tmp_path):
    (tmp_path / "settings.yaml").write_text("keep_hours: 2")
    stream = SignalDescription(name="gas_flow", stream=["value"])
    gas = Device(name="gas", server="main", device_class="Sim", signals=[stream])
    put(bus, keys.devices("main"), gas, "gas")
    (tmp_path / "bec.sqlite").mkdir()
    with running(new_life(ROLE, bus.broker, tmp_path), run):
        take(bus, ROLE, begin(streaming=["gas"], servers={"gas": "main"}))
        finish(bus)
        until(bus, lambda: bus.last(keys.alarms()) is not None)
        assert bus.last(keys.expiring()) is None  # the row is not written
        (tmp_path / "bec.sqlite").rmdir()
        until(bus, lambda: delivered(bus))
    (entry,) = bus.read(keys.expiring())
    told = entry.message
    assert (told.scan_id, told.streams) == ("scan1", [("gas", "gas_flow")])
    assert abs(told.until - time.time() - 7200) < 60


def test_a_life_that_begins_again_writes_no_row_twice(bus, tmp_path):
    take(bus, ROLE, begin())
    finish(bus)
    taken = bus.get_all(keys.todo[ROLE]("main"))["scan1"]
    for _ in range(2):
        with running(new_life(ROLE, bus.broker, tmp_path), run):
            until(bus, lambda: delivered(bus))
        put(bus, keys.todo[ROLE]("main"), taken, "scan1")
    assert len(rows(tmp_path)) == 1


def test_a_database_that_is_gone_gets_everything_later_and_holds_nobody_up(
    bus, tmp_path
):
    (tmp_path / "bec.sqlite").mkdir()
    with running(new_life(ROLE, bus.broker, tmp_path), run):
        take(bus, ROLE, begin())
        until(bus, lambda: bus.last(keys.alarms()) is not None)
        take(bus, ROLE, begin(scan_id="scan2", scan_number=43))
        finish(bus)
        finish(bus, "scan2")
        (tmp_path / "bec.sqlite").rmdir()
        until(bus, lambda: delivered(bus))
    assert shown(tmp_path) == [("scan1", "closed"), ("scan2", "closed")]
    assert len(bus.read(keys.alarms())) == 1
