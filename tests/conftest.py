"""Fixtures and rules of every test: away from the user's instances, nothing left over.

Two workers run the tests, one file each. A test that measures time is marked `alone`:
it waits until no other test runs. A test that starts a process is marked `processes`,
and one that takes a second without one `slow`. The others are `fast`.
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

import pytest
from hypothesis import settings

from bec_kernel.instance import Folder, start_broker, wait_for_broker

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
TABLE = "table"
FOLDERS = ("system", "notebooks", "surface", "mutations")
PROCESSES = (*FOLDERS, "test_imports", "test_packaging", "test_docs")
"""Folders and files all of whose tests start processes."""

STARTED: list[str] = []
"""Programs that this worker has started since the test began."""


def record_start(event: str, args: tuple[object, ...]) -> None:
    """Record that a process is started (an audit hook of Python)."""
    if event == "subprocess.Popen" and args[1][:1] == ["file"]:
        return  # pyepics asks once a process for the word size of this Python
    if event in ("subprocess.Popen", "os.fork", "os.posix_spawn", "os.system"):
        STARTED.append(f"{event} {args[:2]!r:.200}")


sys.addaudithook(record_start)

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


@pytest.fixture(scope="session")
def broker_folder(runtime: Path, tmp_path_factory) -> Iterator[Folder]:
    """The folder of a running broker with two persons and no services."""
    found = Folder(tmp_path_factory.mktemp("data"))
    process = start_broker(found, ["ada", "bob"])
    wait_for_broker(process, found)
    yield found
    process.terminate()
    assert process.wait(10) == 0


@pytest.fixture(autouse=True)
def only_marked_tests_start_processes(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that starts a process, unless it is marked `processes`."""
    STARTED.clear()
    yield
    if not request.node.get_closest_marker("processes"):
        assert not STARTED, f"mark the test `processes`: it started {STARTED}"


@pytest.fixture(autouse=True)
def machine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """Share the machine with the other workers' tests; a test that is `alone` does not.

    The lock is one file for all workers: shared for most tests, exclusive for those.
    """
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base
    with (shared / "machine").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX if is_alone(request.node) else fcntl.LOCK_SH)
        yield


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests `processes` and `fast`; run files with `alone` tests at the end.

    A test that waits for the machine keeps a worker idle. At the end that costs least.
    """
    late = {item.path for item in items if is_alone(item)}
    items.sort(key=lambda item: item.path in late)
    for item in items:
        if starts_processes(item):
            item.add_marker("processes")
        if not {"processes", "slow"} & {mark.name for mark in item.iter_markers()}:
            item.add_marker("fast")


def starts_processes(item: pytest.Item) -> bool:
    """Say whether a test needs processes by where it is or by a fixture it uses."""
    path = item.path.relative_to(item.config.rootpath)
    return bool({path.stem, *path.parts} & {*PROCESSES}) or "broker_folder" in getattr(
        item, "fixturenames", ()
    )


def is_alone(item: pytest.Item) -> bool:
    """Say whether a test has the machine for itself."""
    return any(item.get_closest_marker(name) for name in ALONE)


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
