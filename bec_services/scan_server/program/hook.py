"""Pure: What a site adds to the scans: something before, after or instead of a phase.

An installed package names its hooks under the entry point group `bec.hooks`. A hook is
part of the scan's program: a pure function of the scan's first entry and of the
answers, like the scan itself. See docs/decisions/0053.
"""

import contextlib
from collections.abc import Collection, Mapping
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import ClassVar

from bec_kernel.errors import DeviceError
from bec_kernel.wire import Begin
from bec_services.scan_server.program.request import Program, StepRequest


class Phase(StrEnum):
    """The parts of the frame of a scan, in their order.

    The last two are always done, whatever happened before, unless the scan was halted.
    """

    OPEN = "open"
    BASELINE = "baseline"
    STAGE = "stage"
    POINTS = "points"
    UNSTAGE = "unstage"
    CLOSE = "close"


class Hook:
    """One addition. A subclass says for which scans, with which devices, and what.

    It takes part where its devices are in the device list; they belong to the scan
    then, and are locked for it. Nothing comes before `open` nor after `close`, and
    neither of them can be replaced.

    Attributes:
        scans: names of the scans, `*` stands for any part of a name.
        devices: what it moves or reads.
        version: increase it when its steps change: a scan that was begun with another
            version is not continued after a restart.
    """

    scans: ClassVar[tuple[str, ...]] = ("*",)
    devices: ClassVar[tuple[str, ...]] = ()
    version: ClassVar[int] = 1

    def before(self, phase: Phase, begin: Begin) -> Program:
        """Yield what is to be done before a phase."""
        yield from ()

    def after(self, phase: Phase, begin: Begin) -> Program:
        """Yield what is to be done after a phase."""
        yield from ()

    def replace(self, phase: Phase, begin: Begin) -> Program | None:
        """Return steps to do instead of a phase; None keeps the phase."""
        return None


Hooks = Mapping[str, Hook]
"""By the name of the entry point, in the order they are asked."""


def hooks_for(
    hooks: Hooks, scans: Collection[str], known: Collection[str]
) -> dict[str, list[str]]:
    """Return which of `hooks` take part in a scan, with their devices.

    Args:
        hooks: there are.
        scans: its name, and those of its parts.
        known: names in the device list.
    """
    return {
        name: list(hook.devices)
        for name, hook in hooks.items()
        if any(fnmatchcase(scan, like) for like in hook.scans for scan in scans)
        and all(device in known for device in hook.devices)
    }


def taking_part(hooks: Hooks, begin: Begin) -> dict[str, Hook]:
    """Find the hooks a scan was begun with; a removed hook is left out."""
    return {name: hooks[name] for name in begin.hooks if name in hooks}


def driven(name: str, program: Program, begin: Begin) -> Program:
    """Run a hook's program: it ends on request, and keeps to its devices.

    Raises:
        DeviceError: it wants something of a device that is not part of the scan.
    """
    answer = None
    while True:
        try:
            want = program.send(answer)
        except StopIteration:
            return
        _check(name, want, begin)
        try:
            answer = yield want
        except GeneratorExit:
            with contextlib.suppress(RuntimeError):  # it has more to say: too late
                program.close()
            raise


def _check(name: str, want: object, begin: Begin) -> None:
    if not isinstance(want, StepRequest):
        raise DeviceError(
            f"hook {name} wants {want!r:.60}: it must yield a StepRequest"
        )
    for device in (*want.set, *want.devices):
        if device not in begin.servers:
            raise DeviceError(
                f"hook {name} uses {device}, which is not among its devices",
                subject=device,
            )
