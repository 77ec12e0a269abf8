"""A process that waits says so at once and now and then, not all the time."""

import pytest

from bec_kernel.service import notices
from bec_kernel.service.notices import Notices


@pytest.fixture
def now(monkeypatch):
    """The time, to be set."""
    clock = [100.0]
    monkeypatch.setattr(notices.time, "monotonic", lambda: clock[0])
    return clock


def test_a_missing_broker_is_said_at_once_and_every_ten_seconds(now, capsys):
    one = Notices("file_writer/main", "redis://there:6379")
    for second in range(21):
        now[0] = 100.0 + second
        one.no_broker(OSError("refused"))
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition("(for ")[2][:5] for line in lines] == [
        "0 s n",
        "10 s ",
        "20 s ",
    ]
    assert "no broker at redis://there:6379: refused" in lines[0]
    one.over()
    assert capsys.readouterr().err == "file_writer/main: runs\n"
    one.over()
    assert capsys.readouterr().err == ""


def test_a_standby_says_whom_it_waits_for_unless_that_is_soon_over(now, capsys):
    one = Notices("file_writer/main", "redis://there:6379")
    one.standby("host.name.77.abc", 2.0)
    assert capsys.readouterr().err == ""
    now[0] += 2.1
    one.standby("host.name.77.abc", 2.0)
    said = capsys.readouterr().err
    assert "process 77 on host.name has this role" in said
