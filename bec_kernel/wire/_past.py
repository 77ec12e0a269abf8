"""Scans of the past: look for them, and keep remarks on them."""

from typing import Any

import msgspec

from bec_kernel.wire._base import Message


class FindScans(Message, frozen=True, kw_only=True):
    """Look for scans in the BEC database. Written by the asker.

    All that is given must be so; what is empty is not asked for. In `name`, `user` and
    `state` a `*` stands for anything; upper and lower case are the same, but for
    devices and metadata.

    Attributes:
        request_id: unique for ever.
        name: of the scan.
        user: the user that asked for it.
        state: of the scan, `closed` or `aborted` for instance.
        device: takes part in it.
        sample: in the metadata `sample` or `sample_name`.
        text: somewhere in name, request, user, metadata, comments or tags.
        scan_id: how it begins.
        tag: it has.
        metadata: values, by name, compared as text.
        since: began then or later, s since the epoch.
        until: began before, s since the epoch.
        below: its number is lower; 0: any. For the next page.
        limit: maximum number, the newest ones; the database may give fewer.
    """

    request_id: str
    name: str = ""
    user: str = ""
    state: str = ""
    device: str = ""
    sample: str = ""
    text: str = ""
    scan_id: str = ""
    tag: str = ""
    metadata: dict[str, str] = {}
    since: float | None = None
    until: float | None = None
    below: int = 0
    limit: int = 500


class Remark(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a person says of a scan.

    Attributes:
        user: name of the author.
        time: s since the epoch, wall clock.
        text: of a comment.
    """

    user: str
    time: float
    text: str


class PastScan(Message, frozen=True, kw_only=True):
    """A scan as the BEC database knows it. Written by SciHub.

    Attributes:
        scan_id: unique for ever.
        number: counted for people.
        name: of the scan.
        user: the user that asked for it.
        state: the newest known.
        reason: why it ended so.
        start_time: s since the epoch, device server's clock; None: not known.
        end_time: the same.
        points: how many; None while it runs.
        file: path of its file; empty until that is complete.
        args: of the request.
        kwargs: the same.
        metadata: of the scan.
        devices: that take part.
        comments: in the order they were made.
        tags: in order of the alphabet.
    """

    scan_id: str
    number: int
    name: str
    user: str
    state: str = ""
    reason: str = ""
    start_time: float | None = None
    end_time: float | None = None
    points: int | None = None
    file: str = ""
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    metadata: dict[str, Any] = {}
    devices: list[str] = []
    comments: list[Remark] = []
    tags: list[str] = []


class FoundScans(Message, frozen=True, kw_only=True):
    """Result of a search. Written by SciHub, as a reply's value.

    Attributes:
        scans: the newest first.
        below: where to go on; 0: there are no more.
    """

    scans: list[PastScan] = []
    below: int = 0


class AnnotateScan(Message, frozen=True, kw_only=True):
    """Say something about a scan: kept in the BEC database. Written by the asker.

    Attributes:
        request_id: unique for ever; asked twice it is kept once.
        scan_id: of the scan.
        comment: is added to those there are.
        tags: it gets.
        untag: it loses.
    """

    request_id: str
    scan_id: str
    comment: str = ""
    tags: list[str] = []
    untag: list[str] = []


class Expiring(Message, frozen=True, kw_only=True):
    """The logs of a scan or move are not needed any more, and when they go.

    Written by SciHub once a scan is in the database and its file is complete, by the
    scan server when a move has ended; each owner of such logs obeys.

    Attributes:
        scan_id: of the scan or move.
        until: time at which they go, s since the epoch, wall clock.
        streams: device and signal of each stream it had.
    """

    scan_id: str
    until: float
    streams: list[tuple[str, str]] = []
