"""Wait for a condition, with a deadline and without a sleep."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from bec_kernel.testing import MemoryBroker

T = TypeVar("T")


def until(condition: Callable[[], T], seconds: float = 15.0) -> T:
    """Return the value of `condition` as soon as it is true; fail after `seconds`."""
    never = threading.Event()
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not true within {seconds} s"
        never.wait(0.02)
    return found


def until_on(
    broker: MemoryBroker, condition: Callable[[], object], seconds: float = 10.0
) -> None:
    """Wait until `condition` is true, looking after each change of the broker."""
    deadline = time.monotonic() + seconds
    with broker.changed:
        while not condition():
            assert time.monotonic() < deadline, f"not true within {seconds} s"
            broker.changed.wait(0.05)
