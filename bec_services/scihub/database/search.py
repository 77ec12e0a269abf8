"""Pure: conditions of a search for scans, and the found scans as messages."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from bec_kernel.wire import FindScans, PastScan, Remark

SAMPLE = ("sample", "sample_name")
"""Metadata that name a sample."""


def pattern(words: str, *, inside: bool = False) -> str:
    """Return words as SQL's LIKE wants them, its own signs escaped.

    Args:
        words: a `*` stands for anything.
        inside: they may stand anywhere; a `*` is a star then.
    """
    for special in ("\\", "%", "_"):
        words = words.replace(special, f"\\{special}")
    return f"%{words}%" if inside else words.replace("*", "%")


def quoted(word: str) -> str:
    """Return a word as it stands in JSON."""
    return msgspec.json.encode(word).decode()


def is_meant(scan: PastScan, ask: FindScans) -> bool:
    """Say whether devices and metadata are as asked: LIKE only comes near it."""
    if ask.device and ask.device not in scan.devices:
        return False
    if ask.sample and not any(_has(scan, name, ask.sample) for name in SAMPLE):
        return False
    return all(
        name in scan.metadata and shown(scan.metadata[name]) == value
        for name, value in ask.metadata.items()
    )


def shown(value: Any) -> str:
    """Return a value of the metadata as one asks for it."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _has(scan: PastScan, name: str, part: str) -> bool:
    return part.casefold() in shown(scan.metadata.get(name, "")).casefold()


def past_scan(row: Mapping[str, Any]) -> PastScan:
    """Return a scan as it travels, from its row."""
    args, kwargs = msgspec.json.decode(row["request"])
    return PastScan(
        scan_id=row["scan_id"],
        number=row["number"],
        name=row["name"],
        user=row["user"],
        state=row["state"],
        reason=row["reason"],
        start_time=row["start_time"],
        end_time=row["end_time"],
        points=row["points"],
        file=row["file"] or "",
        args=args,
        kwargs=kwargs,
        metadata=msgspec.json.decode(row["metadata"]),
        devices=msgspec.json.decode(row["devices"]),
    )


def remarked(scan: PastScan, rows: Sequence[Mapping[str, Any]]) -> PastScan:
    """Return a scan with what people said of it, in that order."""
    comments = [
        Remark(user=one["user"], time=one["time"], text=one["text"])
        for one in rows
        if one["kind"] == "comment"
    ]
    tags = sorted(one["text"] for one in rows if one["kind"] == "tag")
    return msgspec.structs.replace(scan, comments=comments, tags=tags)
