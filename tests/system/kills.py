"""Kill or freeze a process of an instance, and see when all run again."""

import contextlib
import os
import signal
import threading

from bec_kernel.wire import SERVICES
from tests.system.beamline import Instance

FREEZE = 5.0


def disturb(pid: int, number: signal.Signals) -> threading.Timer | None:
    """Send a signal; what is frozen is woken after `FREEZE` s, if it is still there."""
    os.kill(pid, number)
    if number is not signal.SIGSTOP:
        return None

    def wake():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)

    timer = threading.Timer(FREEZE, wake)
    timer.start()
    return timer


def whole(instance: Instance) -> bool:
    """All services run and their heartbeats are fresh."""
    services = instance.client.status()["services"]
    return all(
        one["state"] == "running" and (one["heartbeat_age"] or 99) < 2
        for one in services
        if one["name"] in SERVICES
    )
