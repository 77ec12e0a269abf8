import pytest
from IPython.core.completer import provisionalcompleter

from bec_kernel.bus.changes import Append, Id
from bec_kernel.errors import RefusedError
from bec_kernel.wire import Begin, ScanRequest, ScanState, StateChange, Taken, keys

pytestmark = pytest.mark.keeps_threads  # IPython's history saver


@pytest.fixture
def scan(bus):
    request = ScanRequest(request_id="s", name="line_scan", args=["samx", 0, 1])
    begin = Begin(scan_id="s", scan_number=1, user="ann", request=request)
    taken = Taken(scan_id="s", scan_number=1, name="line_scan", user="ann")
    bus.commit(
        [
            Append(keys.scans(), taken, Id(1)),
            Append(keys.steps("s"), begin, Id.of(0)),
            Append(keys.states("s"), StateChange(state=ScanState.OPEN), Id(1)),
        ]
    )


def test_the_last_scans_are_listed_and_one_is_looked_at(connected, scan):
    assert connected.run_cell("%scans").result.numbers == [1]
    assert connected.run_cell("%scans -1").result.scan_id == "s"


def test_what_cannot_be_looked_for_is_one_line(connected, scan, capsys):
    result = connected.run_cell("%scans --usr ann")
    assert isinstance(result.error_in_exec, RefusedError)
    assert "did you mean --user" in capsys.readouterr().out


def test_its_options_are_told_and_offered(connected):
    assert "--since" in connected.find_line_magic("scans").__func__.getdoc()
    with provisionalcompleter():
        typed = "%scans --si"
        found = list(connected.Completer.completions(typed, len(typed)))
    assert [one.text for one in found] == ["--since"]
