"""Finished files, read over the bus."""

from typing import Any

from bec_kernel.wire._base import Message


class ReadFile(Message, frozen=True, kw_only=True):
    """Read a part of a finished scan's file. Written by the asker.

    Attributes:
        request_id: unique for ever.
        scan_id: of the scan.
        path: of its file, below the folder of the instance's files or absolute; only
            looked at where the bus does not know the scan's file any more.
        item: path of a group or dataset in it.
        start: first index, one a dimension from the first one on; empty: from the
            begin.
        stop: behind the last index, the same; empty: to the end.
        look: say what there is, and read nothing.
    """

    request_id: str
    scan_id: str = ""
    path: str = ""
    item: str = "/"
    start: list[int] = []
    stop: list[int] = []
    look: bool = False


class FilePart(Message, frozen=True, kw_only=True):
    """A part of a file. Written by the file writer, as a reply's value.

    Attributes:
        names: of what lies in a group; empty for a dataset.
        shape: of the whole dataset.
        dtype: of its values, as numpy writes it; empty for a group.
        value: what was asked for: an array, or a list of texts.
        attrs: of the item.
    """

    names: list[str] = []
    shape: list[int] = []
    dtype: str = ""
    value: Any = None
    attrs: dict[str, Any] = {}
