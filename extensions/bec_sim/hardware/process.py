"""What all simulated hardware does as a process."""

import asyncio
import os
import sys


def watch_parent(loop: asyncio.AbstractEventLoop, over: asyncio.Event) -> None:
    """Set `over` when the process that started this one has ended (Linux only)."""
    # Not PR_SET_PDEATHSIG: that fires when the *thread* that started us ends.
    if sys.platform != "linux":
        return
    try:
        parent = os.pidfd_open(os.getppid())
    except ProcessLookupError:
        over.set()
        return
    loop.add_reader(parent, over.set)
