"""What devices send by themselves, at the times of a scan's points."""

from enum import StrEnum

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
