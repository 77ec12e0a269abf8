"""The BEC database: scans and device lists. The only module that knows SQLAlchemy."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any, cast

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Float,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    delete,
    func,
    insert,
    inspect,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.exc import SQLAlchemyError

from bec_kernel.wire import AnnotateScan, FindScans, PastScan
from bec_services.scihub.database.rows import ScanRow
from bec_services.scihub.database.search import (
    SAMPLE,
    is_meant,
    past_scan,
    pattern,
    quoted,
    remarked,
)

_METADATA = MetaData()

SCANS = Table(
    "scans",
    _METADATA,
    Column("scan_id", String(64), primary_key=True),
    Column("number", Integer, nullable=False, index=True),
    Column("name", String(128), nullable=False),
    Column("user", String(128), nullable=False),
    Column("state", String(32), nullable=False),
    Column("reason", String(64), nullable=False),
    Column("start_time", Float),
    Column("end_time", Float),
    Column("points", Integer),
    Column("file", Text),
    Column("parameters", Text, nullable=False),
    Column("metadata", Text, nullable=False),
    Column("request", Text, nullable=False, server_default="[[],{}]"),
    Column("devices", Text, nullable=False, server_default="[]"),
)
"""One row a scan; times in s since the epoch; what is behind `file` is JSON."""

REMARKS = Table(
    "remarks",
    _METADATA,
    Column("id", Integer, primary_key=True),
    Column("scan_id", String(64), nullable=False, index=True),
    Column("kind", String(16), nullable=False),
    Column("text", Text, nullable=False),
    Column("user", String(128), nullable=False),
    Column("time", Float, nullable=False),
    Column("request_id", String(64), nullable=False),
)
"""Comments and tags of scans: `kind` is `comment` or `tag`."""

DEVICE_LISTS = Table(
    "device_lists",
    _METADATA,
    Column("name", String(128), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("time", Float, nullable=False),
    Column("user", String(128), nullable=False),
    Column("devices", Text, nullable=False),
    Column("request_id", String(64), nullable=False, unique=True),
)
"""One row a version of a named device list; `devices` is JSON."""


_PAGE = 200


class DatabaseError(Exception):
    """The database cannot be reached, or refuses."""


class Database:
    """The history of scans, and device lists by name, at a URL of SQLAlchemy.

    Args:
        url: `sqlite:////folder/bec.sqlite`, `postgresql+psycopg://…`.
    """

    def __init__(self, url: str) -> None:
        self._engine = create_engine(url)
        self._ready = False

    def write(self, rows: Iterable[ScanRow]) -> None:
        """Insert or replace rows by their primary key: all of them or none.

        Raises:
            DatabaseError: it is not there, or it is locked; nothing was written.
        """
        with self._begun() as connection:
            for row in rows:
                _put(connection, row)

    def save_list(
        self, name: str, time: float, user: str, devices: str, request_id: str
    ) -> int:
        """Keep a device list as the next version of its name; return the version.

        A request that was kept already is not kept again.

        Raises:
            DatabaseError: it is not there, or it is locked; nothing was written.
        """
        with self._begun() as connection:
            table = DEVICE_LISTS.c
            there = select(table.version).where(table.request_id == request_id)
            known = connection.execute(there).scalar()
            if known is not None:
                return int(known)
            newest = select(func.max(table.version)).where(table.name == name)
            version = int(connection.execute(newest).scalar() or 0) + 1
            row = {
                "name": name,
                "version": version,
                "time": time,
                "user": user,
                "devices": devices,
                "request_id": request_id,
            }
            connection.execute(insert(DEVICE_LISTS).values(row))
            return version

    def lists(self, name: str = "") -> list[tuple[str, int, float, str]]:
        """Return name, version, time and user of the device lists, in order.

        Raises:
            DatabaseError: it is not there, or it is locked.
        """
        table = DEVICE_LISTS.c
        wanted = select(table.name, table.version, table.time, table.user)
        if name:
            wanted = wanted.where(table.name == name)
        with self._begun() as connection:
            rows = connection.execute(wanted.order_by(table.name, table.version))
            return [(row[0], row[1], row[2], row[3]) for row in rows]

    def fetch_list(self, name: str, version: int = 0) -> tuple[int, str] | None:
        """Return version and devices of a list (0: its newest); None: not there.

        Raises:
            DatabaseError: it is not there, or it is locked.
        """
        table = DEVICE_LISTS.c
        wanted = select(table.version, table.devices).where(table.name == name)
        if version:
            wanted = wanted.where(table.version == version)
        with self._begun() as connection:
            newest = wanted.order_by(table.version.desc()).limit(1)
            row = connection.execute(newest).first()
        return (int(row[0]), str(row[1])) if row else None

    def find(self, ask: FindScans, most: int) -> tuple[list[PastScan], int]:
        """Find scans, newest first, and the number to continue below; 0: no more.

        Args:
            ask: what they must be like.
            most: approximate limit for metadata and requests, bytes.

        Raises:
            DatabaseError: it is not there, or it is locked.
        """
        wanted = select(SCANS).where(*_conditions(ask))
        newest = wanted.order_by(SCANS.c.number.desc())
        found: list[PastScan] = []
        with self._begun() as connection:
            for row in connection.execute(newest).mappings().yield_per(_PAGE):
                scan = past_scan(cast("Mapping[str, Any]", row))
                if not is_meant(scan, ask):
                    continue
                if len(found) >= ask.limit or most <= 0:
                    return _with_remarks(connection, found), found[-1].number
                found.append(scan)
                most -= len(row["metadata"]) + len(row["request"])
            return _with_remarks(connection, found), 0

    def annotate(self, ask: AnnotateScan, user: str, time: float) -> bool:
        """Keep a comment and tags; an ask that was kept is not kept twice.

        Returns:
            False where there is no such scan.

        Raises:
            DatabaseError: it is not there, or it is locked; nothing was written.
        """
        table = REMARKS.c
        of_scan = table.scan_id == ask.scan_id
        tags = (table.kind == "tag") & table.text.in_([*ask.tags, *ask.untag])
        again = (table.kind == "comment") & (table.request_id == ask.request_id)
        rows = [("tag", tag) for tag in ask.tags]
        rows += [("comment", ask.comment)] if ask.comment else []
        with self._begun() as connection:
            known = select(SCANS.c.scan_id).where(SCANS.c.scan_id == ask.scan_id)
            if connection.execute(known).first() is None:
                return False
            connection.execute(delete(REMARKS).where(of_scan & (tags | again)))
            for kind, words in rows:
                row = {
                    "scan_id": ask.scan_id,
                    "kind": kind,
                    "text": words,
                    "user": user,
                    "time": time,
                    "request_id": ask.request_id,
                }
                connection.execute(insert(REMARKS).values(row))
        return True

    @contextmanager
    def _begun(self) -> Iterator[Connection]:
        try:
            with self._engine.begin() as connection:
                if not self._ready:
                    _METADATA.create_all(connection)
                    _grow(connection)
                yield connection
            self._ready = True
        except SQLAlchemyError as error:
            raise DatabaseError(str(error).splitlines()[0]) from error

    def close(self) -> None:
        """Let go of the connections."""
        self._engine.dispose()


def _with_remarks(connection: Connection, scans: list[PastScan]) -> list[PastScan]:
    """Return the scans with what was said of them."""
    said: dict[str, list[Any]] = {scan.scan_id: [] for scan in scans}
    names = list(said)
    for first in range(0, len(names), _PAGE):
        some = REMARKS.c.scan_id.in_(names[first : first + _PAGE])
        wanted = select(REMARKS).where(some).order_by(REMARKS.c.id)
        for row in connection.execute(wanted).mappings():
            said[row["scan_id"]].append(row)
    return [remarked(scan, said[scan.scan_id]) for scan in scans]


def _grow(connection: Connection) -> None:
    """Add the columns that a table of an earlier version lacks."""
    there = {column["name"] for column in inspect(connection).get_columns("scans")}
    for column in SCANS.columns:
        if column.name not in there:
            kind = column.type.compile(connection.dialect)
            default = column.server_default.arg  # type: ignore[union-attr]
            connection.execute(
                text(
                    f"ALTER TABLE scans ADD COLUMN {column.name} {kind} "
                    f"NOT NULL DEFAULT '{default}'"
                )
            )


def _conditions(ask: FindScans) -> Iterator[ColumnElement[bool]]:
    """Yield what must be so of a row of `SCANS`; see `is_meant` for the rest."""
    table = SCANS.c
    for column, words in (
        (table.name, ask.name),
        (table.user, ask.user),
        (table.state, ask.state),
        (table.scan_id, f"{ask.scan_id}*" if ask.scan_id else ""),
    ):
        if words:
            yield column.ilike(pattern(words), escape="\\")
    if ask.since is not None:
        yield table.start_time >= ask.since
    if ask.until is not None:
        yield table.start_time < ask.until
    if ask.below:
        yield table.number < ask.below
    if ask.device:
        yield table.devices.contains(quoted(ask.device), autoescape=True)
    yield from _conditions_of_metadata(ask)
    yield from _conditions_of_remarks(ask)


def _conditions_of_metadata(ask: FindScans) -> Iterator[ColumnElement[bool]]:
    metadata = SCANS.c.metadata
    for name in ask.metadata:
        yield metadata.contains(f"{quoted(name)}:", autoescape=True)
    if ask.sample:
        yield or_(*(metadata.contains(f"{quoted(name)}:") for name in SAMPLE))


def _conditions_of_remarks(ask: FindScans) -> Iterator[ColumnElement[bool]]:
    table, remarks = SCANS.c, REMARKS.c
    if ask.tag:
        tagged = (remarks.kind == "tag") & (remarks.text == ask.tag)
        yield table.scan_id.in_(select(remarks.scan_id).where(tagged))
    if ask.text:
        words = pattern(ask.text, inside=True)
        said = remarks.text.ilike(words, escape="\\")
        places = (table.name, table.user, table.request, table.metadata)
        yield or_(
            *(place.ilike(words, escape="\\") for place in places),
            table.scan_id.in_(select(remarks.scan_id).where(said)),
        )


def _put(connection: Connection, row: ScanRow) -> None:
    values = asdict(row)
    of_scan = update(SCANS).where(SCANS.c.scan_id == row.scan_id)
    if connection.execute(of_scan.values(values)).rowcount == 0:
        connection.execute(insert(SCANS).values(values))
