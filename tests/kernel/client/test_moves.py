"""A move tells where the motors were and are, and can be undone."""

import contextlib

import pytest

from bec_kernel.errors import RefusedError
from bec_kernel.wire import ScanRequest
from bec_magics.motion.move import MoveMagics
from bec_magics.scans.live import bundle_of
from bec_magics.scans.scan import ScanMagics


def asked(server):
    last = [one for one in server.seen if isinstance(one, ScanRequest)][-1]
    return last.name, last.args


def test_a_move_shows_where_its_motors_have_come_to(bec):
    report = bec.mv("samx", 1, "samy", 2)
    assert repr(report) == "samx at 1 mm, samy at 2 mm"
    assert report.before == {"samx": 0.0, "samy": 0.0}
    assert report.after == {"samx": 1.0, "samy": 2.0}
    assert repr(bec.mv("samx", 0.12345)) == "samx at 0.123 mm"
    assert repr(report) == "samx at 1 mm, samy at 2 mm"


def test_a_notebook_shows_of_a_move_what_python_shows(bec):
    report = bec.mv("samx", 1)
    assert bundle_of(report, bec) == {"text/plain": "samx at 1 mm"}


def test_a_move_that_never_began_shows_its_state(bec, server):
    server.stuck = True
    assert repr(bec.mv("samx", 1)) == "mv samx 1: completed"


def test_the_way_back_leads_to_where_the_motors_were(bec, server):
    bec.mv("samx", 3, "samy", 4)
    bec.mv("samx", 5)
    bec.mv_back()
    assert asked(server) == ("mv", ["samx", 3.0])
    bec.mv_back()
    assert asked(server) == ("mv", ["samx", 5.0])


def test_the_way_back_passes_over_a_move_that_never_began(bec, server):
    bec.mv("samx", 3, "samy", 4)
    server.stuck = True
    bec.mv("samx", 5)
    bec.mv_back()
    assert asked(server) == ("mv", ["samx", 0.0, "samy", 0.0])


def test_without_a_move_there_is_no_way_back(bec, server):
    bec.scans.line_scan("samx", 0, 1, steps=2).wait()
    with pytest.raises(RefusedError, match="nothing to go back from"):
        bec.mv_back()
    assert asked(server)[0] == "line_scan"


class Shell:
    """What the magics of a terminal need."""

    def __init__(self, client):
        self.client = client

    def waiting_for(self, report):
        return contextlib.nullcontext()


def test_the_magic_shows_was_and_is_and_goes_back(bec, server):
    magics = MoveMagics(None, Shell(bec))
    magics.mv("samx 3")
    table = magics.umv("samx 5 samy 1")
    assert table.headings == ["motor", "was", "is", "low", "high", "unit"]
    assert [row[:2] for row in table.rows] == [["samx", 3.0], ["samy", 0.0]]
    magics.mv("--back")
    assert asked(server) == ("mv", ["samx", 3.0, "samy", 0.0])


def test_a_count_shows_what_devices_hint_at(bec, server):
    table = ScanMagics(None, Shell(bec)).ct("0.1")
    assert server.seen[0].kwargs == {"exp_time": 0.1}
    assert [row[1] for row in table.rows] == ["bpm4i", "samx"]
    (point,) = bec.history[-1].points()
    assert "samx_setpoint" in point.data["samx"]


@pytest.mark.parametrize(
    ("typed", "words"),
    [("", {"exp_time": 0.1}), ("--fit Gaussian", {"exp_time": 0.1, "fit": "Gaussian"})],
)
def test_a_count_without_a_time_has_one(bec, server, typed, words):
    ScanMagics(None, Shell(bec)).ct(typed)
    assert server.seen[0].kwargs == words
