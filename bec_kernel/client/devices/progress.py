"""Show the progress of a change of the device list."""

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator

from bec_kernel.bus import Bus
from bec_kernel.errors import BecError
from bec_kernel.wire import keys

_SLICE = 0.1

Progress = Callable[[int, int, str], None]
"""Called with devices done, total number, and name of the newest one."""


@contextlib.contextmanager
def progress(
    bus: Bus, server: str, request_id: str, report: Progress
) -> Iterator[None]:
    """Report a device server's progress with a change while the block waits."""
    over = threading.Event()
    thread = threading.Thread(
        target=_follow, args=(bus, server, request_id, report, over), daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(timeout=5.0)


def _follow(
    bus: Bus, server: str, request_id: str, report: Progress, over: threading.Event
) -> None:
    key = keys.list_progress(server)
    with contextlib.suppress(BecError), bus.watch(key) as watch:
        while not over.is_set():
            if not watch.wait(_SLICE):
                continue
            one = bus.get(key)
            if one is not None and one.request_id == request_id:
                report(one.done, one.total, one.name)


def shown(done: int, total: int, name: str) -> None:
    """Print the progress on stderr, if that is a terminal."""
    if not sys.stderr.isatty():
        return
    end = "\n" if done >= total else ""
    sys.stderr.write(f"\r{done} of {total} devices: {name:<40.40}{end}")
    sys.stderr.flush()
