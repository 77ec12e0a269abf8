"""What holds for every test: hypothesis is deterministic, and no thread is left."""

import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import settings

settings.register_profile("bec", derandomize=True, deadline=None)
settings.load_profile("bec")

LEAVE = 2.0
"""How long a thread of a finished test may take to end, s."""

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
