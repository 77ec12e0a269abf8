"""Where the time of a scan went, as people see it."""

import msgspec

from bec_kernel.client.scan.timing import Timing
from bec_kernel.wire import Times
from tests.kernel.client.samples import point


def points(count):
    times = Times(0.0, 1.0, 0.5, 0.25, 0.125, 0.0, 0.125)
    return [msgspec.structs.replace(point(i), times=times) for i in range(count)]


def test_the_parts_are_summed_and_shown_as_shares():
    timing = Timing.of(points(2))
    assert timing["move"] == 2.0
    assert timing.total == 4.0
    assert repr(timing).splitlines()[2:] == [
        "move      2.000  50.0%",
        "settle    1.000  25.0%",
        "trigger   0.500  12.5%",
        "read      0.250  6.2%",
        "wait      0.000  0.0%",
        "overhead  0.250  6.2%",
        "total     4.000  100.0%",
    ]
    assert "<td>12.5%</td>" in timing._repr_html_()


def test_points_that_do_not_tell_count_nothing():
    assert Timing.of([point(0)]).total == 0.0


def test_a_report_adds_columns_only_when_it_is_asked(bec, server):
    report = bec.scans.line_scan("samx", 0, 1, steps=2).wait()
    plain = report.to_pandas()
    assert not [name for name in plain.columns if name.startswith("time_")]
    more = report.to_pandas(timing=True)
    assert list(more.columns)[-6:] == [
        "time_move",
        "time_settle",
        "time_trigger",
        "time_read",
        "time_wait",
        "time_overhead",
    ]
    data = report.to_xarray(timing=True)
    assert data["time_move"].attrs == {"units": "s"}
    assert "time_move" not in report.to_xarray()
    assert report.timing.total == 0.0
