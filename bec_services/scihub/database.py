"""The BEC database: scans and device lists. The only module that knows SQLAlchemy."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict

from sqlalchemy import (
    Column,
    Connection,
    Float,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import SQLAlchemyError

from bec_services.scihub.core import ScanRow

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
)
"""One row a scan; times in s since the epoch; `parameters`, `metadata` are JSON."""

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

    @contextmanager
    def _begun(self) -> Iterator[Connection]:
        try:
            with self._engine.begin() as connection:
                if not self._ready:
                    _METADATA.create_all(connection)
                yield connection
            self._ready = True
        except SQLAlchemyError as error:
            raise DatabaseError(str(error).splitlines()[0]) from error

    def close(self) -> None:
        """Let go of the connections."""
        self._engine.dispose()


def _put(connection: Connection, row: ScanRow) -> None:
    values = asdict(row)
    of_scan = update(SCANS).where(SCANS.c.scan_id == row.scan_id)
    if connection.execute(of_scan.values(values)).rowcount == 0:
        connection.execute(insert(SCANS).values(values))
