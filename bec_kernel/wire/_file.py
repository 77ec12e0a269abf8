"""Files of scans: how far they are written, and their parts, read over the bus."""

from typing import Any

from bec_kernel.wire._base import Message, Readings


class Written(Message, frozen=True, kw_only=True):
    """How far a running scan's file is on disk: what it holds may leave the bus.

    Written by the file writer, only of scans with very many points. It has all that a
    new file must be told besides the rows of the old one.

    Attributes:
        path: of the file.
        upto: place of the last entry in the scan's log of points that is in it.
        columns: device, signal, dtype as numpy writes it, and shape of one value, of
            each column, in order.
        baseline: readings, by device.
        configuration: readings of config signals, by device.
        configuration_units: engineering unit of each of them that has one.
    """

    path: str
    upto: tuple[int, int]
    columns: list[tuple[str, str, str, list[int]]] = []
    baseline: dict[str, Readings] = {}
    configuration: dict[str, Readings] = {}
    configuration_units: dict[str, str] = {}


class ReadFile(Message, frozen=True, kw_only=True):
    """Read a part of a scan's file. Written by the asker.

    Of a scan that still runs only what `Written` tells of is sure to be there.

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
