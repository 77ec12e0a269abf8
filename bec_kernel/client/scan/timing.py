"""Pure: durations of the parts of a scan's points."""

from collections.abc import Iterator, Mapping, Sequence

from bec_kernel import tabulate
from bec_kernel.client.scan import dataframes
from bec_kernel.wire import Point


class Timing(Mapping[str, float]):
    """Seconds by part: `move settle trigger read wait overhead`; shown as a table.

    A part is the sum over the points, on the device server's clock. Time before the
    first point and after the last one is not included.
    """

    _HEAD = ("part", "s", "share")

    def __init__(self, seconds: Mapping[str, float]) -> None:
        self._seconds = dict(seconds)

    @classmethod
    def of(cls, points: Sequence[Point]) -> "Timing":
        """Sum the durations of `points`; those without durations count as 0."""
        timed = [point for point in points if point.times is not None]
        return cls({part: sum(s) for part, s in dataframes.parts(timed).items()})

    @property
    def total(self) -> float:
        """Sum of all parts, s."""
        return sum(self._seconds.values())

    def __getitem__(self, part: str) -> float:
        return self._seconds[part]

    def __iter__(self) -> Iterator[str]:
        return iter(self._seconds)

    def __len__(self) -> int:
        return len(self._seconds)

    def _rows(self) -> list[tuple[str, str, str]]:
        whole = self.total
        rows = [*self._seconds.items(), ("total", whole)]
        return [
            (part, f"{s:.3f}", f"{s / whole if whole else 0.0:.1%}") for part, s in rows
        ]

    def __repr__(self) -> str:
        return tabulate.text(self._HEAD, self._rows())

    def _repr_html_(self) -> str:
        return tabulate.html(self._HEAD, self._rows())
