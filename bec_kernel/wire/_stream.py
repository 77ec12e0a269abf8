"""What devices send by themselves: samples, previews, progress, files; conditions."""

from enum import StrEnum
from typing import Any

import msgspec

from bec_kernel.wire._base import Message, Readings


class Alignment(StrEnum):
    """How the samples of a stream become one value a point.

    A point has a begin and an end; its middle is halfway between them.
    """

    PREVIOUS = "previous"
    """The last sample up to the middle."""
    NEAREST = "nearest"
    """The sample nearest to the middle; of two, the earlier one."""
    LINEAR = "linear"
    """Between the samples around the middle, on a straight line."""
    MEAN = "mean"
    """Of the samples from begin on, up to but without end."""
    SUM = "sum"
    """The same, added up; 0 where there are none."""


class AlignedRow(msgspec.Struct, frozen=True, array_like=True):
    """One stream at one point.

    Attributes:
        point_id: of the point.
        values: of each of the stream's signals, by name; None where no sample tells.
            The timestamp is the sample's, or the point's middle where several were
            put together, s since the epoch, device server's clock.
    """

    point_id: int
    values: Readings


class Aligned(Message, frozen=True, kw_only=True):
    """Rows that follow each other. Written by the bundler.

    It stands in its log where the last one's point stands in the log of points.

    Attributes:
        rows: at least one, in the order of the points; of a point that was taken again
            there is a second row, and that counts.
        refused: samples of this stream that came out of order so far, and take no
            part.
    """

    rows: list[AlignedRow]
    refused: int = 0


class AlignedEnd(Message, frozen=True, kw_only=True):
    """Last entry: every point of the scan has its row.

    Attributes:
        refused: samples that came out of order.
    """

    refused: int = 0


AlignedEntry = Aligned | AlignedEnd


class StreamMode(StrEnum):
    """What becomes of a sample in the scan's file."""

    ADD = "add"
    ADD_SLICE = "add_slice"
    REPLACE = "replace"


class Sample(msgspec.Struct, frozen=True, array_like=True):
    """One asynchronous sample.

    Attributes:
        timestamp: s since the epoch, device server's clock.
        values: of each of the stream's signals, by name.
        row: where a slice belongs, in mode `add_slice`.
    """

    timestamp: float
    values: dict[str, Any]
    row: int = 0


class Samples(Message, frozen=True, kw_only=True):
    """Samples that follow each other. Written by the device server that has the device.

    Attributes:
        index: of the first one, counted from 0 in this scan.
        mode: what becomes of them in the file.
        samples: at least one.
    """

    index: int
    mode: StreamMode = StreamMode.ADD
    samples: list[Sample]


class Watermark(Message, frozen=True, kw_only=True):
    """No sample older than `time` follows.

    Attributes:
        index: how many samples there are before it.
        time: s since the epoch, device server's clock.
    """

    index: int
    time: float


class StreamEnd(Message, frozen=True, kw_only=True):
    """Last entry of a stream: the device is unstaged.

    Attributes:
        samples: how many there are.
        time: s since the epoch, device server's clock.
    """

    samples: int
    time: float


StreamEntry = Samples | Watermark | StreamEnd


class Preview(Message, frozen=True, kw_only=True):
    """The newest picture or curve of a device, made small; some are left out.

    Attributes:
        value: 1 or 2 dimensions.
        timestamp: s since the epoch, device server's clock.
        scan_id: of the scan it was taken in.
        shape: before it was made small.
    """

    value: Any
    timestamp: float
    scan_id: str = ""
    shape: list[int] = []


class Progress(Message, frozen=True, kw_only=True):
    """How far a device has come with what it does.

    Attributes:
        value: so far.
        max_value: when it is done.
        done: it is.
        timestamp: s since the epoch, device server's clock.
        scan_id: of the scan it belongs to.
    """

    value: float
    max_value: float
    done: bool = False
    timestamp: float = 0.0
    scan_id: str = ""


class DeviceFile(Message, frozen=True, kw_only=True):
    """A file that a device writes by itself. Written by its device server.

    Attributes:
        device: its name.
        path: of the file.
        entries: what in it is to be linked: name in the scan's file, path in this one.
        done: it is complete.
        successful: and as it should be.
        timestamp: s since the epoch, device server's clock.
    """

    device: str
    path: str
    entries: dict[str, str] = {}
    done: bool = False
    successful: bool = True
    timestamp: float = 0.0


class StreamRead(Message, frozen=True, kw_only=True):
    """How far a consumer has come with a stream. Written by the consumer."""

    samples: int
