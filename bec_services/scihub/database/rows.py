"""Pure: a scan's row in the history, computed from the scan's logs."""

from dataclasses import dataclass, replace
from typing import Any

import msgspec

from bec_kernel.wire import Begin, FileDone, Seal, StateChange


@dataclass(frozen=True)
class ScanRow:
    """One scan in the history.

    Attributes:
        scan_id: unique for ever; the primary key.
        number: counted for people.
        name: of the scan.
        user: name of the user who requested it.
        state: the newest known.
        reason: why it ended so.
        start_time: s since the epoch, device server's clock; None: not known.
        end_time: the same.
        points: how many; None while it runs.
        file: path of its file; None until that is complete.
        parameters: as JSON.
        metadata: as JSON.
        request: its args and kwargs, as JSON.
        devices: names of those that take part, as JSON.
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
    file: str | None = None
    parameters: str = "{}"
    metadata: str = "{}"
    request: str = "[[],{}]"
    devices: str = "[]"


def begun(row: ScanRow, begin: Begin) -> ScanRow:
    """Return the row of a scan whose first entry is known."""
    return replace(
        row,
        user=begin.user,
        parameters=_json(begin.parameters),
        metadata=_json(begin.request.metadata),
        request=_json([begin.request.args, begin.request.kwargs]),
        devices=_json(sorted(begin.servers)),
    )


def changed(row: ScanRow, change: StateChange) -> ScanRow:
    """Return the row after a change of state; nothing changes a complete scan."""
    if row.file is not None:
        return row
    row = replace(row, state=str(change.state), reason=change.reason)
    time = change.time or None
    if row.start_time is None and not change.state.is_final:
        return replace(row, start_time=time)
    return replace(row, end_time=time) if change.state.is_final else row


def filed(row: ScanRow, seal: Seal, done: FileDone) -> ScanRow:
    """Return the row of a scan that is complete."""
    return replace(
        row,
        state=str(seal.state),
        reason=seal.reason,
        end_time=seal.time or None,
        points=seal.points,
        file=done.path,
    )


def _json(value: Any) -> str:
    def other(value: Any) -> Any:
        return value.tolist() if hasattr(value, "tolist") else str(value)

    return msgspec.json.encode(value, enc_hook=other).decode()
