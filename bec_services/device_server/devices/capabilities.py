"""What a device can declare about itself; a site declares the same for its own devices.

Two class attributes and one protocol. What is not declared is assumed to be the slower,
safer case: a device may block, and it has a connection that can be lost.

    class FastCounter(ophyd.Device):
        NEVER_BLOCKS = True      # the server calls it directly, without a thread
        ALWAYS_CONNECTED = True  # it lives in this process: nothing to lose

Subclasses inherit a declaration. A class that blocks although its parent class does not
sets `NEVER_BLOCKS = False`.

A signal that has `listen`, `unlisten` and `reading` (see `ReportsChanges`) calls its
listeners directly, in the thread that changes it. Any other signal is watched with
ophyd's `subscribe`, which passes each change through a thread of ophyd.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, Protocol, runtime_checkable


class Capabilities(NamedTuple):
    """What the device server may assume of a device.

    Attributes:
        never_blocks: no method waits for hardware or a network; each returns at once.
        always_connected: it lives in this process and has no connection to lose; it can
            be built without any hardware.
    """

    never_blocks: bool = False
    always_connected: bool = False


_OF_MEMORY = Capabilities(never_blocks=True, always_connected=True)
_OF_OPHYD = {
    "ophyd.signal": {"Signal": Capabilities(never_blocks=True)},
    "ophyd.sim": dict.fromkeys(
        (
            *("ABDetector", "DetWithConf", "DetWithCountTime", "DirectImage"),
            *("EnumSignal", "FakeEpicsPathSignal", "FakeEpicsSignal"),
            *("FakeEpicsSignalRO", "FakeEpicsSignalWithRBV", "InvariantSignal"),
            *("SPseudo1x3", "SPseudo3x3", "Syn2DGauss", "SynAxis"),
            *("SynAxisEmptyHints", "SynAxisNoHints", "SynAxisNoPosition", "SynGauss"),
            *("SynPeriodicSignal", "SynSignal", "SynSignalRO", "SynSignalWithRegistry"),
        ),
        _OF_MEMORY,
    ),
}
"""Classes of ophyd, which declare nothing: by module and name, without subclasses."""


def capabilities_of(kind: type) -> Capabilities:
    """Look up what a device class declares, or what the table has for ophyd's."""
    listed = _OF_OPHYD.get(kind.__module__, {}).get(kind.__name__)
    if listed is not None:
        return listed
    return Capabilities(
        never_blocks=bool(getattr(kind, "NEVER_BLOCKS", False)),
        always_connected=bool(getattr(kind, "ALWAYS_CONNECTED", False)),
    )


@runtime_checkable
class ReportsChanges(Protocol):
    """A signal that reports its changes by itself, without ophyd's event thread."""

    def listen(self, report: Callable[..., None], /) -> int:
        """Call `report(value=..., timestamp=...)` at each change; return a number."""

    def unlisten(self, number: int, /) -> None:
        """Forget the listener that `listen` returned this number for."""

    def reading(self) -> dict[str, Any]:
        """Return the current `{"value": ..., "timestamp": ...}`."""


def watch_signal(
    signal: Any, report: Callable[..., None], *, first: bool = False
) -> Callable[[], None]:
    """Call `report(value=..., timestamp=...)` at each change of a signal.

    Args:
        signal: of ophyd, or one that reports its changes by itself.
        report: called with the new value and its timestamp, s since the epoch.
        first: call it with the present value, too.

    Returns:
        Ends it.
    """
    if isinstance(signal, ReportsChanges):
        if first:
            report(**signal.reading())
        number = signal.listen(report)
        return partial(signal.unlisten, number)
    number = signal.subscribe(report, run=first)
    return partial(signal.unsubscribe, number)
