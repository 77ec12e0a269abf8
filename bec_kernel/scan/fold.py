"""Pure: the state of one scan, folded from the messages of its logs.

The client's cache and the notebook's card follow the same logs; both keep this fold and
add what they show. The terminal shows the client's cache.
"""

import math
from typing import Any

from bec_kernel.wire import Begin, FileDone, Fit, Seal, StateChange


class ScanFold:
    """State, file and fit of one scan as far as its logs were read.

    Attributes:
        begin: the scan's definition, first entry of its step log.
        states: its changes of state, oldest first.
        seal: last entry of the point log: no point follows.
        file: the finished file.
        fit: the newest fit.
    """

    def __init__(self) -> None:
        self.begin: Begin | None = None
        self.states: list[StateChange] = []
        self.seal: Seal | None = None
        self.file: FileDone | None = None
        self.fit: Fit | None = None

    def fold(self, message: Any) -> None:
        """Fold one message in; others, such as points, change nothing here."""
        match message:
            case Begin():
                self.begin = message
            case StateChange():
                self.states.append(message)
            case Seal():
                self.seal = message
            case FileDone():
                self.file = message
            case Fit():
                self.fit = message

    @property
    def state(self) -> StateChange | None:
        """The newest change of state; None before the first."""
        return self.states[-1] if self.states else None

    @property
    def is_final(self) -> bool:
        """The scan has ended: its state does not change any more."""
        return bool(self.states) and self.states[-1].state.is_final

    @property
    def has_final_fit(self) -> bool:
        """The fit does not change any more."""
        return self.fit is not None and self.fit.final


def total_points(begin: Begin | None) -> int | None:
    """Return the number of points a scan will have; None if unknown."""
    return math.prod(begin.shape) if begin is not None and begin.shape else None


def main_devices(begin: Begin | None) -> list[str]:
    """List the devices to show first: the motors, then the device of `signal`."""
    if begin is None:
        return []
    signal = begin.parameters.get("signal")
    return [*begin.motors, *([str(signal)] if signal else [])]
