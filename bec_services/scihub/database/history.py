"""Find scans in the database, and store remarks and tags of users."""

import re
import time
from typing import TYPE_CHECKING

from bec_kernel.errors import RefusedError
from bec_kernel.wire import AnnotateScan, FindScans, FoundScans

if TYPE_CHECKING:
    from bec_services.scihub.database.tables import Database

MOST = 500
"""Maximum number of scans in one reply."""
_BYTES = 4 << 20
_COMMENT = 10_000
_TAG = re.compile(r"[^\s,]{1,64}")


def answer_history(
    database: "Database", user: str, ask: FindScans | AnnotateScan
) -> FoundScans | None:
    """Find or annotate scans for `user`; return the reply's value.

    Raises:
        RefusedError: the scan is unknown, or the comment or a tag is not valid.
        DatabaseError: the database does not answer.
    """
    if isinstance(ask, FindScans):
        return _find(database, ask)
    _check(ask)
    if not database.annotate(ask, user, time.time()):
        raise RefusedError(
            f"no scan with the id {ask.scan_id!r:.60} in the database",
            subject="scan_id",
            value=ask.scan_id[:60],
        )
    return None


def _find(database: "Database", ask: FindScans) -> FoundScans:
    if not 1 <= ask.limit <= MOST:
        raise RefusedError(
            f"{ask.limit} scans cannot be given in one reply",
            subject="limit",
            value=str(ask.limit),
            allowed=f"1 to {MOST}, and the rest by `below`",
        )
    scans, below = database.find(ask, _BYTES)
    return FoundScans(scans=scans, below=below)


_IS_A_TAG = "one word without a comma, 64 characters at most"


def _check(ask: AnnotateScan) -> None:
    for tag in (*ask.tags, *ask.untag):
        if not _TAG.fullmatch(tag):
            raise RefusedError(
                f"{tag!r:.80} is not a tag: a tag is {_IS_A_TAG}",
                subject="tag",
                value=tag[:80],
                allowed=_IS_A_TAG,
            )
    if len(ask.comment) > _COMMENT:
        raise RefusedError(
            f"a comment of {len(ask.comment)} characters is too long",
            subject="comment",
            allowed=f"{_COMMENT} characters at most; a text belongs into the logbook",
        )
