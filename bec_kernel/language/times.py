"""Pure: times as people write them: `2026-11-26`, `yesterday`, `2h`."""

import math
import re
from datetime import date, datetime, time, timedelta

from bec_kernel.errors import RefusedError

Moment = str | float | date | datetime
"""`2026-11-26 14:00`, `today`, `2h` ago, s since the epoch, or Python's own."""
_AGO = re.compile(r"(\d+(?:\.\d+)?)\s*(min|[smhdw])")
_UNITS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_DAYS = {"today": 0, "yesterday": 1}
_ALLOWED = (
    "2026-11-26, 2026-11-26 14:00, today, yesterday, 30min, 2h, 3d, 1w, or s since the "
    "epoch"
)


def time_of(said: Moment, now: datetime) -> float:
    """Convert a time as people write it to s since the epoch.

    Args:
        said: the time; without a zone it is in the zone of `now`.
        now: the present time, with a zone.

    Raises:
        RefusedError: it cannot be read as a time.
    """
    if isinstance(said, bool) or not isinstance(said, str | int | float | date):
        raise _refuse(said)
    if isinstance(said, int | float | str):
        return _finite(said, now)
    if not isinstance(said, datetime):
        said = datetime.combine(said, time.min, now.tzinfo)
    return _zoned(said, now).timestamp()


def _finite(said: str | float, now: datetime) -> float:
    try:
        found = _of_words(said, now) if isinstance(said, str) else float(said)
    except OverflowError:
        found = math.inf
    if not math.isfinite(found):
        raise _refuse(said)
    return found


def _of_words(said: str, now: datetime) -> float:
    words = said.strip().lower()
    if words in _DAYS:
        midnight = datetime.combine(now.date(), time.min, now.tzinfo)
        return (midnight - timedelta(days=_DAYS[words])).timestamp()
    if ago := _AGO.fullmatch(words):
        return now.timestamp() - float(ago[1]) * _UNITS[ago[2]]
    try:
        return _zoned(datetime.fromisoformat(said.strip()), now).timestamp()
    except ValueError:
        pass
    try:
        return float(words)
    except ValueError:
        raise _refuse(said) from None


def _zoned(said: datetime, now: datetime) -> datetime:
    return said if said.tzinfo is not None else said.replace(tzinfo=now.tzinfo)


def _refuse(said: object) -> RefusedError:
    return RefusedError(
        f"cannot read {said!r:.60} as a time; examples: {_ALLOWED}",
        value=f"{said!r:.60}",
        allowed=_ALLOWED,
    )
