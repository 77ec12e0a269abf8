"""Times as people say them."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from bec_kernel.errors import RefusedError
from bec_kernel.language.times import time_of

NOW = datetime(2026, 11, 26, 15, 30, tzinfo=timezone(timedelta(hours=1)))


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("today", datetime(2026, 11, 26, tzinfo=NOW.tzinfo)),
        ("Yesterday", datetime(2026, 11, 25, tzinfo=NOW.tzinfo)),
        ("2h", NOW - timedelta(hours=2)),
        ("30min", NOW - timedelta(minutes=30)),
        ("1.5d", NOW - timedelta(days=1.5)),
        ("2026-11-01", datetime(2026, 11, 1, tzinfo=NOW.tzinfo)),
        ("2026-11-01 14:00", datetime(2026, 11, 1, 14, tzinfo=NOW.tzinfo)),
        ("2026-11-01T14:00Z", datetime(2026, 11, 1, 14, tzinfo=UTC)),
        (date(2026, 11, 1), datetime(2026, 11, 1, tzinfo=NOW.tzinfo)),
        (NOW, NOW),
    ],
)
def test_times_are_taken_as_people_say_them(said, meant):
    assert time_of(said, NOW) == meant.timestamp()
    assert time_of(meant.timestamp(), NOW) == meant.timestamp()


@pytest.mark.parametrize("said", ["soon", "", "2 parsecs", True, [1]])
def test_what_is_no_time_is_refused(said):
    with pytest.raises(RefusedError, match="as a time; examples"):
        time_of(said, NOW)
