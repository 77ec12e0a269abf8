"""Scans and moves written in a `with` block, which are one scan when it is left."""

from collections.abc import Callable
from typing import Any, Self

from bec_kernel.client.scan import ScanReport
from bec_kernel.client.scans.dry_run import ScanForecast, check_reads
from bec_kernel.language import summary
from bec_kernel.wire import Part, ScanRequest


class WrittenPart:
    """A scan or move written in such a block: noted, and run later as a part."""

    def __init__(self, number: int, request: ScanRequest) -> None:
        self.number = number
        self.request = request

    def wait(self, timeout: float | None = None) -> Self:
        """Return at once: it is done with the others."""
        del timeout
        return self

    def __repr__(self) -> str:
        return f"part {self.number}: {summary(self.request)}"


class Parts:
    """Scans and moves that become one scan, with one number and one file.

        with scans.multi(exp_time=0.1) as multi:
            scans.line_scan(dev.samx, -5, 5, steps=5)
            mv(dev.samy, 1)
            scans.grid_scan(dev.samx, 0, 1, 3, dev.samy, 0, 1, 3)
        multi.report.wait()

    It is asked for at the end of the block; an error in the block leaves it off.
    Within the block the client moves nothing: a call to a device that does more than
    read is refused.

    Attributes:
        report: of the scan; None: it was not asked for yet.
    """

    def __init__(
        self,
        part: Callable[[ScanRequest], dict[str, Any]],
        submit: Callable[[list[dict[str, Any]]], ScanReport | ScanForecast],
        swap: Callable[[Any], Any],
    ) -> None:
        self.report: ScanReport | ScanForecast | None = None
        self._part = part
        self._submit = submit
        self._swap = swap
        self._outer: Any = None
        self._parts: list[dict[str, Any]] = []

    def add(self, request: ScanRequest) -> WrittenPart:
        """Take note of a part.

        Raises:
            RefusedError: it cannot be one.
        """
        self._parts.append(self._part(request))
        return WrittenPart(len(self._parts), request)

    def check(self, device: str, method: str) -> None:
        """Return if a call to a device does no more than read.

        Raises:
            RefusedError: it may do more.
        """
        why = "it would be done now, and not between the parts of the scan"
        check_reads(device, method, why)

    def __enter__(self) -> Self:
        self._outer = self._swap(self)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._swap(self._outer)
        if kind is None:
            self.report = self._submit(self._parts)

    def __repr__(self) -> str:
        if self.report is not None:
            return repr(self.report)
        lines = [f"  {summary(Part(**one))}" for one in self._parts]
        return "\n".join(
            [
                "a scan in parts: write them in a with block; so far",
                *(lines or ["  none"]),
            ]
        )
