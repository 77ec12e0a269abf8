"""Words that look for scans of the past: meant, refused, completed."""

import pytest

from bec_kernel.client.history import command
from bec_kernel.errors import RefusedError


def test_words_without_words_need_no_database(bec):
    bec.scans.line_scan("samx", 0, 1, steps=2).wait(5)
    assert command.run_history_command(bec.history, "").numbers == [1]
    assert command.run_history_command(bec.history, "-1").scan_number == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--usr ada", "did you mean --user"),
        ("--user", "--user needs a value"),
        ("--metadata run", "NAME=VALUE"),
        ("--limit many", "not 'many'"),
        ("--since soon", "cannot read 'soon' as a time; examples: 2026-11-26"),
        ("--status closd", "did you mean closed"),
        ("99", "no scan 99"),
        ("--limit " + "9" * 5000, "takes a number of scans"),
    ],
)
def test_words_that_mean_nothing_are_refused(bec, words, said):
    with pytest.raises(RefusedError, match=said):
        command.run_history_command(bec.history, words)


def test_words_are_completed():
    def offered(text):
        return command.complete_history_command(lambda: ["samx", "samy"], text)

    assert offered("--us") == ["--user"]
    assert offered("--device sam") == ["samx", "samy"]
    assert offered("--status clo") == ["closed"]
    assert offered("--since to") == ["today"]
    assert "--limit" in command.history_help()


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"status": "closd"}, "did you mean closed"),
        ({"text": 3}, r"find\(text=…\) takes a text, not 3 .*scan 7 is history\[7\]"),
        ({"user": None}, "takes a text, not None"),
        ({"limit": "3"}, "limit='3' finds nothing"),
        ({"limit": True}, "a number of scans, from 1 on"),
        ({"metadata": "run=7"}, "not a dict with names"),
        ({"since": "1e400"}, "cannot read '1e400' as a time"),
        ({"until": float("nan")}, "cannot read nan as a time"),
    ],
)
def test_what_cannot_be_looked_for_is_refused(bec, wanted, said):
    with pytest.raises(RefusedError, match=said):
        bec.history.find(**wanted)


def test_what_nobody_there_could_read_is_refused_before_it_is_asked(bec):
    with pytest.raises(RefusedError, match="point: expected int, got str"):
        bec.queue.rewind("x")
    with pytest.raises(RefusedError, match="reason: expected str, got int"):
        bec.queue.lock(3)
    report = bec.scans.line_scan("samx", 0, 1, steps=2).wait(5)
    with pytest.raises(RefusedError, match="a comment must not be empty"):
        report.comment(" ")
    with pytest.raises(RefusedError, match="no device 'nope' in devices of scan 1"):
        _ = report.devices.nope
    assert not hasattr(report.devices, "nope")
