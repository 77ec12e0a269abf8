"""A move tells where the motors were and are, and can be undone."""

import pytest

from bec_kernel.errors import RefusedError
from bec_magics.live import bundle_of


def asked(server):
    return server.seen[-1].name, server.seen[-1].args


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
