"""Pure: the catalogue of scans, and the binding of a request to its scan."""

from collections.abc import Iterable, Mapping

from bec_kernel import language
from bec_kernel.language import refuse_unknown
from bec_kernel.wire import Device, ScanRequest
from bec_services.scan_server.accept.metadata import Schema
from bec_services.scan_server.program import Bound, Hooks, Scan


class Catalogue:
    """Scan definitions by name and alias, and the site's rules for them.

    Attributes:
        scans: definitions by name.
        schemas: checks of the metadata of every scan, by their origin.
        hooks: steps that the site adds to scans.
        account: owner of the scans' files.
    """

    def __init__(
        self,
        scans: Iterable[type[Scan]],
        schemas: Mapping[str, Schema] | None = None,
        hooks: Hooks | None = None,
        account: str = "",
    ) -> None:
        self.account = account
        self.scans: dict[str, Scan] = {}
        self.schemas = dict(schemas or {})
        self.hooks: Hooks = hooks or {}
        self._names: dict[str, str] = {}
        for kind in scans:
            self.scans[kind.name] = scan = kind()
            scan.others = self.find
            names = (kind.name, *kind.all_aliases())
            self._names |= dict.fromkeys(names, kind.name)

    def find(self, name: str) -> Scan:
        """Find a scan by its name or alias.

        Raises:
            RefusedError: no scan is called so.
        """
        if name not in self._names:
            raise refuse_unknown("scan", name, self._names)
        return self.scans[self._names[name]]


def bind(scan: Scan, request: ScanRequest, devices: Mapping[str, Device]) -> Bound:
    """Bind the parameters of a request to its scan; check every value.

    Clients bind by the same function before they ask; here it is done again, as a
    request may come from any program.

    Returns:
        Positional values bundle by bundle, and every option, by default or as given.

    Raises:
        RefusedError: it names the parameter, the value, and what is allowed.
    """
    signature = scan.signature()
    form = language.form_named(signature.forms, request.name)
    if form is not None:
        signature = language.as_signature(signature, form)
    args, given = language.bind(signature, request.args, request.kwargs, devices)
    size = len(scan.bundle)
    return Bound(
        bundles=[args[i : i + size] for i in range(0, len(args), size)] if args else [],
        options={p.name: given.get(p.name, p.default) for p in scan.all_options()},
    )
