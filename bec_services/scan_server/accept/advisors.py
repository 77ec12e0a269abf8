"""Whether those a scan will ask are there: a wrong name is refused, not waited for."""

import time
from collections.abc import Iterable

from bec_kernel.bus import Bus
from bec_kernel.errors import RefusedError
from bec_kernel.language import nearest
from bec_kernel.wire import Heartbeat, keys


def doubts(bus: Bus, names: Iterable[str]) -> list[str]:
    """Return a warning for each analysis that is silent now, but was there before.

    It may be started again, and a scan waits for an answer as long as its patience.

    Args:
        bus: where they give signs of life.
        names: of the analyses that a scan will ask.

    Raises:
        RefusedError: no analysis has ever answered to one of these names.
    """
    return [told for name in names if (told := _doubt(bus, name))]


def _doubt(bus: Bus, name: str) -> str:
    beat = _beat(bus, name)
    if beat is None:
        raise _unknown(name, bus)
    age = time.time() - beat.time
    if age <= Heartbeat.SILENT:
        return ""
    return (
        f"the analysis {name} is silent, since {age:.0f} s: if it is not started "
        "before it is asked, the scan waits for it and is aborted"
    )


def _beat(bus: Bus, name: str) -> Heartbeat | None:
    return bus.get(keys.heartbeats["data_analysis"](name))


def _unknown(name: str, bus: Bus) -> RefusedError:
    now = time.time()
    beats = {one: _beat(bus, one) for one in sorted(bus.get_all(keys.advisors()))}
    there = [
        one
        for one, beat in beats.items()
        if beat and now - beat.time <= Heartbeat.SILENT
    ]
    hint = nearest(name, there) if there else "none runs"
    return RefusedError(
        f"nobody answers to ask={name}: {hint}; an analysis is started before it is "
        f"asked, with BEC_NAME={name}",
        subject="ask",
        value=name,
        allowed=", ".join(there),
    )
