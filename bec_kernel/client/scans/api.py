"""Scans as functions, made from what the scan server publishes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from bec_kernel import tabulate
from bec_kernel.bus import Bus
from bec_kernel.client.connection import Reader
from bec_kernel.client.scan import ScanReport
from bec_kernel.client.scans import dry_run as forecasts
from bec_kernel.client.scans.dry_run import DryBlock, ScanForecast
from bec_kernel.client.scans.interactive import Drive
from bec_kernel.client.scans.metadata import Metadata
from bec_kernel.client.scans.multi import Parts
from bec_kernel.errors import BecError, RefusedError
from bec_kernel.language import (
    as_part,
    bind_parts,
    call_signature,
    explain_signature,
    find_signature,
    parse_line,
    request_of,
)
from bec_kernel.wire import Forecast, Problem, ScanRequest, Signature, keys


class ScanFunction(Protocol):
    """A scan to be called; its `dry_run`, called alike, only says what it would do."""

    dry_run: Callable[..., ScanForecast]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Ask for the scan; return its report, of an interactive one what drives it."""


class Scans:
    """All scans: `scans.line_scan(dev.samx, -5, 5, steps=21)`.

    Attributes:
        block: the dry run, or the scan in parts, that is open: it receives the
            requests; None: they are sent.
    """

    _HEAD = ("scan", "example", "what it does")

    def __init__(
        self,
        bus: Bus,
        reader: Reader,
        names: Callable[[], list[str]],
        submit: Callable[[ScanRequest], ScanReport],
        error_of: Callable[[Problem], BecError],
        *,
        metadata: Metadata,
    ) -> None:
        self.block: DryBlock | Parts | None = None
        self._bus = bus
        self._reader = reader
        self._names = names
        self._submit = submit
        self._metadata = metadata
        self._ask = forecasts.teller(bus, reader, error_of)
        self._catalogue: dict[str, Signature] = {}

    def catalogue(self, *, fresh: bool = True) -> dict[str, Signature]:
        """Return the published signatures by name; as last seen, unless `fresh`.

        Raises:
            RefusedError: no scan server has published any.
        """
        if fresh or not self._catalogue:
            found = self._reader.retry(lambda: self._bus.get_all(keys.catalogue()))
            self._catalogue = dict(sorted(found.items()))
        if not self._catalogue:
            raise RefusedError(
                "the scan server has published no scans; see: bec status",
                subject="scans",
            )
        return self._catalogue

    def signature(self, name: str) -> Signature:
        """Return the signature of a scan, by its name or an alias.

        Raises:
            RefusedError: there is no such scan.
        """
        try:
            return find_signature(name, self.catalogue(fresh=False))
        except RefusedError:
            return find_signature(name, self.catalogue())

    def function(self, name: str) -> ScanFunction:
        """Return a scan as a function with name, signature and text of its own."""
        signature = self.signature(name)

        def submit(args: Sequence[Any], kwargs: Mapping[str, Any]) -> ScanReport:
            return self._submit(self._bound(signature, args, kwargs))

        def run(*args: Any, **kwargs: Any) -> ScanReport | Drive | Parts:
            if signature.has_parts and not args:
                return Parts(self._part, lambda made: submit(made, kwargs), self._swap)
            report = submit(args, kwargs)
            return self._drive(report) if signature.driven else report

        def dry_run(*args: Any, **kwargs: Any) -> ScanForecast:
            request = self._bound(signature, args, kwargs)
            return next(iter(self.dry_run(request)))

        function: Any = run
        both: tuple[Any, ...] = (run, dry_run)
        for one in both:
            one.__name__ = one.__qualname__ = signature.name
            one.__doc__ = explain_signature(signature, self._metadata.fields())
            one.__signature__ = call_signature(signature)
        function.dry_run = dry_run
        return function  # type: ignore[no-any-return]

    def dry_run(self, *asked: str | ScanRequest) -> DryBlock:
        """Forecast scans, one after the other; nothing is done.

        Args:
            asked: lines like `line_scan samx -5 5 --steps 21`, or requests. Without
                any, open it (`with scans.dry_run() as block:`) and write them in it.

        Raises:
            RefusedError: one of them would be refused.
        """
        requests = [
            parse_line(one, self.catalogue(fresh=False), self._names())
            if isinstance(one, str)
            else one
            for one in asked
        ]
        return DryBlock(self._tell, self._swap, requests)

    def with_metadata(self, request: ScanRequest) -> ScanRequest:
        """Return a request with what is kept with every scan, too.

        Raises:
            RefusedError: the site does not want its metadata so.
        """
        whole = {**self._metadata, **request.metadata}
        named = self.catalogue(fresh=False).get(request.name)
        if named is not None and named.is_scan:
            self._metadata.check(whole)
        return msgspec.structs.replace(request, metadata=whole)

    def _tell(
        self, requests: list[ScanRequest], positions: dict[str, float]
    ) -> list[Forecast]:
        return self._ask([self.with_metadata(one) for one in requests], positions)

    def _swap(self, block: DryBlock | Parts | None) -> DryBlock | Parts | None:
        """Open a block, or none; return the one that was open."""
        before, self.block = self.block, block
        return before

    def _bound(
        self, signature: Signature, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> ScanRequest:
        catalogue, names = self.catalogue(fresh=False), self._names()
        words = bind_parts(signature, args, catalogue, names)
        return request_of(signature, words, kwargs, names)

    def _part(self, request: ScanRequest) -> dict[str, Any]:
        return as_part(request, self.catalogue(fresh=False), self._names())

    def _drive(self, report: ScanReport) -> Drive:
        return Drive(self._bus, self._reader, report)

    def __getattr__(self, name: str) -> ScanFunction:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self.function(name)
        except RefusedError as error:
            raise UnknownScanError(
                str(error),
                subject=error.subject,
                value=error.value,
                allowed=error.allowed,
            ) from None

    def __getitem__(self, name: str) -> ScanFunction:
        return self.function(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self.catalogue())

    def __dir__(self) -> list[str]:
        aliases = (a for one in self.catalogue().values() for a in one.aliases)
        return sorted({*self.catalogue(fresh=False), *aliases})

    def _rows(self) -> list[tuple[str, str, str]]:
        return [
            (one.name, one.example, one.doc.split(". ", 1)[0].removesuffix("."))
            for one in self.catalogue().values()
        ]

    def __repr__(self) -> str:
        return tabulate.text(self._HEAD, self._rows())

    def _repr_html_(self) -> str:
        return tabulate.html(self._HEAD, self._rows())


class UnknownScanError(RefusedError, AttributeError):
    """There is no scan of this name."""
