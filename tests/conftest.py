"""What holds for every test: away from the user's instances, nothing left behind.

Two workers run the tests, a file each. A test that measures time has the machine for
itself: it is marked ``alone``, as all campaigns are.
"""

import fcntl
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import pytest
from hypothesis import settings

settings.register_profile("bec", derandomize=True, deadline=None)
settings.load_profile("bec")

# Where nothing may be written beside the sources, each process the tests start would
# compile all it imports anew: most of its start, and half of the whole run.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# Where the run itself is a background job Ctrl-C is ignored, and children inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

LEAVE = 2.0
"""How long a thread of a finished test may take to end, s."""
ALONE = ("alone", "browser", "chaos", "soak")
UNTIL = 0.9
"""The last long file begins when so much of the short ones has begun."""
TABLE = "table"
NEXT = pytest.StashKey[pytest.Item | None]()
ROOM: list[IO[str]] = []
"""Held by this worker."""

# Started once a process by libraries, and meant to live as long as it does.
OPHYD = ("metadata", "monitor", "get_put", "util", "debug_monitor")
LASTING = (*OPHYD, "asyncio_", "ThreadPoolExecutor", "crew", "IPython", "Tornado")


def started_since(before: set[threading.Thread]) -> list[threading.Thread]:
    """The threads a test started that it has to end itself."""
    return [
        thread
        for thread in threading.enumerate()
        if thread not in before
        and thread.is_alive()
        and not thread.name.startswith(LASTING)
        and not isinstance(thread, threading._DummyThread)  # C code calling Python
    ]


@pytest.fixture(autouse=True)
def no_thread_is_left_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that leaves a thread, unless it is marked ``keeps_threads``."""
    before = set(threading.enumerate())
    yield
    if request.node.get_closest_marker("keeps_threads"):
        return
    until = time.monotonic() + LEAVE
    for thread in started_since(before):
        thread.join(max(0.0, until - time.monotonic()))
    left = [thread.name for thread in started_since(before)]
    assert not left, f"threads left running: {left}"


@pytest.fixture(scope="session", autouse=True)
def runtime() -> Iterator[Path]:
    """A short folder for sockets: their paths must stay below 107 bytes."""
    folder = Path(tempfile.mkdtemp(prefix="bec-"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(folder))
        patch.setenv("BEC_USER", "ada")
        patch.delenv("BEC_REDIS", raising=False)
        yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(autouse=True)
def room(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """Let a test that is ``alone`` run while no other worker runs one.

    Several of a file, one behind the other, keep the room: each would wait for another
    test to end.
    """
    item = request.node
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base
    if not ROOM:
        room = (shared / "room").open("w")
        with (shared / "door").open("w") as door:
            fcntl.flock(door, fcntl.LOCK_EX)  # who waits for the room waits in the door
            fcntl.flock(room, fcntl.LOCK_EX if is_alone(item) else fcntl.LOCK_SH)
        ROOM.append(room)
    yield
    after = item.stash[NEXT]
    stays = after is not None and after.path == item.path and is_alone(after)
    if not (is_alone(item) and stays):
        ROOM.pop().close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let long files come between short ones, and in a file who is ``alone`` first.

    Two long ones side by side wait for each other, where tests need the machine. Short
    ones are the last: no worker has long to wait for the other. (xdist would begin with
    the files of most tests, and do all long ones side by side at the end:
    ``--no-loadscope-reorder``.)
    """
    files = list(dict.fromkeys(item.path for item in items))
    halves = [[], []]  # type: list[list[Path]]
    for path in files:
        halves[is_long(path)].append(path)
    spans = (1.0, UNTIL)
    place = {
        path: span * n / len(half)
        for half, span in zip(halves, spans, strict=True)
        for n, path in enumerate(half)
    }
    items.sort(key=lambda item: (place[item.path], not is_alone(item)))


def is_long(path: Path) -> bool:
    """Say whether a file's tests start instances or programs."""
    named = {"system", "notebooks", "surface"} & {*path.parts}
    return bool(named) or path.parent == Path(__file__).parent


def is_alone(item: pytest.Item) -> bool:
    """Say whether a test has the machine for itself."""
    return any(item.get_closest_marker(name) for name in ALONE)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Know which test comes next."""
    item.stash[NEXT] = nextitem


@pytest.fixture
def show(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Print lines below the summary, where a worker's own output cannot be seen."""
    return lambda text: request.node.user_properties.append((TABLE, text))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what campaigns have to show."""
    found = (one for listed in terminalreporter.stats.values() for one in listed)
    for report in found:
        if getattr(report, "when", "") != "call":
            continue
        if texts := [text for name, text in report.user_properties if name == TABLE]:
            terminalreporter.section(report.nodeid)
            terminalreporter.write_line("\n".join(texts))
