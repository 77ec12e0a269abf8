"""Metadata kept with every scan of a client, checked by the site's fields."""

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any

from bec_kernel import tabulate
from bec_kernel.bus import Bus
from bec_kernel.client.connection import Reader
from bec_kernel.errors import RefusedError
from bec_kernel.language import check_metadata, check_value, field_meaning, fields_of
from bec_kernel.wire import MetadataField, MetadataSchema, keys


class Metadata(MutableMapping[str, Any]):
    """Kept with every scan that is asked for here: `bec.metadata["sample"] = "gold"`.

    What a scan says itself wins. What the site has published of a name is checked when
    it is given, in the words the scan server would refuse the scan with.
    """

    def __init__(self, bus: Bus, reader: Reader) -> None:
        self._bus = bus
        self._reader = reader
        self._kept: dict[str, Any] = {}
        self._published: list[MetadataSchema] | None = None

    @property
    def schema(self) -> "MetadataTable":
        """The names the site knows, and what may stand there."""
        return MetadataTable(self.fields(fresh=True))

    def fields(self, *, fresh: bool = False) -> Mapping[str, MetadataField]:
        """Return the fields the site has published by name; as last seen, or fresh."""
        return fields_of(self._schemas(fresh=fresh))

    def check(self, metadata: Mapping[str, Any]) -> None:
        """Return if the metadata of a scan, whole, are as the site wants them.

        Raises:
            RefusedError: they do not fit; the text names the field.
        """
        self._checked(check_metadata, metadata)

    def _checked(self, check: Callable[..., None], *what: Any) -> None:
        """Check against the site's schemas, as they are now where it fails."""
        try:
            check(self._schemas(), *what)
        except RefusedError:  # what was last seen may be old
            check(self._schemas(fresh=True), *what)

    def _schemas(self, *, fresh: bool = False) -> list[MetadataSchema]:
        if fresh or self._published is None:
            found = self._reader.retry(lambda: self._bus.get_all(keys.metadata()))
            self._published = [found[name] for name in sorted(found)]
        return self._published

    def __getitem__(self, name: str) -> Any:
        return self._kept[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self._checked(check_value, name, value)
        self._kept[name] = value

    def __delitem__(self, name: str) -> None:
        del self._kept[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._kept)

    def __len__(self) -> int:
        return len(self._kept)

    def __repr__(self) -> str:
        return repr(self._kept)


class MetadataTable:
    """The names a site knows, one row each.

    Attributes:
        fields: by name.
    """

    _HEAD = ("name", "may be", "needed", "what it is")

    def __init__(self, fields: Mapping[str, MetadataField]) -> None:
        self.fields = fields

    def _rows(self) -> list[tuple[str, str, str, str]]:
        return [
            (name, field_meaning(one), "yes" if one.required else "", one.doc)
            for name, one in self.fields.items()
        ]

    def __repr__(self) -> str:
        if not self.fields:
            return "this site asks for no metadata: any name and value are kept"
        return tabulate.text(self._HEAD, self._rows())

    def _repr_html_(self) -> str:
        rows = self._rows()
        return tabulate.html(self._HEAD, rows) if rows else f"<p>{self!r}</p>"
