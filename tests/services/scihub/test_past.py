"""Scans are found by what people remember of them; what they say of one is kept."""

import sqlite3

import msgspec
import pytest

from bec_kernel.bus import put
from bec_kernel.errors import RefusedError
from bec_kernel.testing import MemoryBroker, MemoryBus
from bec_kernel.wire import AnnotateScan, FindScans, FoundScans, Users, keys
from bec_services.scihub.database import history
from bec_services.scihub.database.rows import ScanRow
from bec_services.scihub.database.tables import Database
from bec_services.scihub.service import run
from tests.services.recorded import new_life, running, until

T0 = 1_700_000_000.0


def row(number, **fields):
    known = {
        "scan_id": f"{number:04d}abcdef",
        "number": number,
        "name": "line_scan",
        "user": "ada",
        "state": "closed",
        "start_time": T0 + 60 * number,
        "end_time": T0 + 60 * number + 30,
        "points": 21,
        "file": f"/files/S{number:05d}.h5",
        "metadata": '{"sample":"gold","run":7}',
        "request": '[["samx",-5,5],{"steps":21}]',
        "devices": '["bpm4i","samx"]',
    }
    return ScanRow(**{**known, **fields})


@pytest.fixture
def database(tmp_path):
    database = Database(f"sqlite:///{tmp_path / 'bec.sqlite'}")
    database.write(
        [
            row(1),
            row(2, name="grid_scan", user="Bob"),
            row(3, state="aborted", metadata='{"sample_name":"Gold foil, 5 %"}'),
            row(4, devices='["samx_2"]', metadata='{"run":"7","note":"a_b"}'),
            row(5, state="open", points=None, file=None, metadata="{}"),
        ]
    )
    yield database
    database.close()


def find(database, **asked):
    scans, _ = database.find(FindScans(request_id="r", **asked), 1 << 20)
    return [scan.number for scan in scans]


@pytest.mark.parametrize(
    ("asked", "numbers"),
    [
        ({}, [5, 4, 3, 2, 1]),
        ({"name": "GRID_scan"}, [2]),
        ({"name": "*scan", "user": "b*"}, [2]),
        ({"name": "scan"}, []),
        ({"name": "line%"}, []),
        ({"user": "bob"}, [2]),
        ({"state": "closed"}, [4, 2, 1]),
        ({"device": "samx"}, [5, 3, 2, 1]),
        ({"device": "samx_2"}, [4]),
        ({"device": "sam"}, []),
        ({"sample": "gold"}, [3, 2, 1]),
        ({"sample": "foil"}, [3]),
        ({"metadata": {"run": "7"}}, [4, 2, 1]),
        ({"metadata": {"run": "8"}}, []),
        ({"metadata": {"run": "7", "note": "a_b"}}, [4]),
        ({"text": "FOIL"}, [3]),
        ({"text": "5 %"}, [3]),
        ({"text": "a_b"}, [4]),
        ({"text": "%"}, [3]),
        ({"text": "-5,5"}, [5, 4, 3, 2, 1]),
        ({"scan_id": "0003"}, [3]),
        ({"scan_id": "00"}, [5, 4, 3, 2, 1]),
        ({"since": T0 + 180, "until": T0 + 300}, [4, 3]),
        ({"below": 3}, [2, 1]),
        ({"limit": 2}, [5, 4]),
    ],
)
def test_scans_are_found_by_what_is_known_of_them(database, asked, numbers):
    assert find(database, **asked) == numbers


def test_what_is_found_is_told_whole(database):
    (one,), below = database.find(FindScans(request_id="r", scan_id="0001"), 1 << 20)
    assert below == 0
    assert (one.args, one.kwargs) == (["samx", -5, 5], {"steps": 21})
    assert (one.metadata, one.devices) == (
        {"sample": "gold", "run": 7},
        ["bpm4i", "samx"],
    )
    assert (one.points, one.file) == (21, "/files/S00001.h5")
    assert (one.start_time, one.end_time) == (T0 + 60, T0 + 90)


def test_large_answers_come_in_pages_that_meet(database):
    seen, below = [], 0
    while True:
        ask = FindScans(request_id="r", below=below)
        scans, below = database.find(ask, 60)
        seen.append([scan.number for scan in scans])
        if not below:
            break
    assert [number for page in seen for number in page] == [5, 4, 3, 2, 1]
    assert len(seen) > 1


def test_comments_add_up_tags_come_and_go(database):
    scan = "0001abcdef"

    def say(**words):
        ask = AnnotateScan(request_id=str(words), scan_id=scan, **words)
        assert database.annotate(ask, "ada", T0)

    say(comment="beam was low", tags=["good", "fig3"])
    say(comment="beam was low", tags=["good", "fig3"])  # asked twice
    say(comment="repeat this")
    say(untag=["good", "never"])
    (one,), _ = database.find(FindScans(request_id="r", tag="fig3"), 1 << 20)
    assert [remark.text for remark in one.comments] == ["beam was low", "repeat this"]
    assert one.comments[0].user == "ada"
    assert one.tags == ["fig3"]
    assert find(database, tag="good") == []
    assert find(database, text="beam") == find(database, text="FIG3") == [1]
    nobody = AnnotateScan(request_id="r", scan_id="none", comment="x")
    assert not database.annotate(nobody, "ada", T0)


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (FindScans(request_id="r", limit=501), "501 scans cannot"),
        (FindScans(request_id="r", limit=0), "0 scans cannot"),
        (
            AnnotateScan(request_id="r", scan_id="x", tags=["a b"]),
            "'a b' is not a tag: a tag",
        ),
        (AnnotateScan(request_id="r", scan_id="x", untag=[""]), "'' is not a tag"),
        (AnnotateScan(request_id="r", scan_id="x", comment="x" * 10_001), "too long"),
        (AnnotateScan(request_id="r", scan_id="x", comment="x"), "no scan with"),
    ],
)
def test_what_cannot_be_done_is_refused(database, ask, said):
    with pytest.raises(RefusedError, match=said):
        history.answer_history(database, "ada", ask)


def test_a_database_of_an_earlier_version_gets_its_new_columns(tmp_path):
    path = tmp_path / "bec.sqlite"
    old = sqlite3.connect(path)
    names = [n for n in ScanRow.__dataclass_fields__ if n not in ("request", "devices")]
    old.execute(f"CREATE TABLE scans ({', '.join(names)})")
    values = [getattr(row(1), name) for name in names]
    old.execute(f"INSERT INTO scans VALUES ({', '.join('?' * len(names))})", values)
    old.commit()
    old.close()
    database = Database(f"sqlite:///{path}")
    database.write([row(2)])
    assert find(database) == [2, 1]
    assert find(database, device="samx") == [2]
    database.close()


def test_a_person_asks_on_the_bus(tmp_path):
    bus = MemoryBus(MemoryBroker())
    with running(new_life("scihub", bus.broker, tmp_path), _filled) as life:
        ada = MemoryBus(bus.broker, "ada")
        inbox = keys.scihub_asks("ada")
        note = AnnotateScan(request_id="a", scan_id="0001abcdef", tags=["good"])
        ada.ask(inbox, note)
        ada.ask(inbox, FindScans(request_id="f", tag="good"))
        until(bus, lambda: len(bus.read(inbox.replies)) == 2)
    first, second = [entry.message for entry in life.bus.read(inbox.replies)]
    assert first.problem is None
    found = msgspec.convert(second.value, FoundScans)
    assert [scan.tags for scan in found.scans] == [["good"]]


def _filled(life):
    database = Database(f"sqlite:///{life.setup.data.resolve() / 'bec.sqlite'}")
    database.write([row(1)])
    database.close()
    put(life.bus, keys.users(), Users(names=["ada"], device_servers=["main"]))
    run(life)
