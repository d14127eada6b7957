"""The database: SQLite in a file by default, PostgreSQL in production; the same code on both.

Two engines on SQLite: readers, and one writer that takes the write lock at `BEGIN`. Upgrading a
reader to a writer in mid-transaction is what gives “database is locked”.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import SQLAlchemyError

from hub.errors import EvidenceUnavailable

_MIGRATIONS = Path(__file__).parent / "migrations"
_MIGRATION_LOCK = 0x6D69616E  # “mian”: any constant will do, as long as it is ours
_WAIT_SECONDS = 5
"""For a lock, a connection or a server. Longer than that, a refusal serves the caller better."""
_SHARED_FOLDERS = frozenset({"nfs", "nfs4", "cifs", "smb3", "9p", "afs", "fuse.sshfs", "ceph"})
"""File systems of other machines: SQLite's write-ahead log needs shared memory and breaks there."""


@dataclass(frozen=True, slots=True)
class Database:
    """A reader and a writer on the same data."""

    reader: Engine
    writer: Engine

    @property
    def is_sqlite(self) -> bool:
        """Embedded, or a server?"""
        return self.writer.dialect.name == "sqlite"

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection for reading.

        Raises:
            EvidenceUnavailable: the database does not answer.
        """
        with _mapped(), self.reader.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction; it commits at the end of the block.

        On SQLite there is one writer a process: never open a second transaction within the block.

        Raises:
            EvidenceUnavailable: nothing was written.
        """
        with _mapped(), self.writer.begin() as connection:
            yield connection

    def close(self) -> None:
        """Close all connections."""
        self.reader.dispose()
        self.writer.dispose()


@contextmanager
def _mapped() -> Iterator[None]:
    """What the library raises, as our own error: its texts hold statements and values."""
    try:
        yield
    except (SQLAlchemyError, OSError, ImportError) as problem:
        raise EvidenceUnavailable(type(problem).__name__) from problem


def open_database(address: str) -> Database:
    """Open a database by its SQLAlchemy address; the file and its folder are made where needed.

    Raises:
        EvidenceUnavailable: not an address, no driver for it, no file behind it, or a folder of
            another machine.
    """
    with _mapped():
        url = make_url(address)
        if url.get_backend_name() == "sqlite":
            return _open_sqlite(url)
        return _open_server(url)


def _open_server(url: URL) -> Database:
    # Without limits of our own a server that is gone, or a lock that is never given back, would
    # hold a caller for minutes.
    limits: dict[str, Any] = {"connect_timeout": _WAIT_SECONDS}
    if "options" not in url.query:
        limits["options"] = f"-c lock_timeout={_WAIT_SECONDS}s"
    engine = create_engine(
        url,
        pool_size=8,
        max_overflow=8,
        pool_timeout=_WAIT_SECONDS,
        pool_pre_ping=True,
        connect_args=limits,
        hide_parameters=True,
    )
    return Database(engine, engine)


def _open_sqlite(url: URL) -> Database:
    if not url.database or url.database == ":memory:" or "mode=memory" in str(url):
        raise EvidenceUnavailable("sqlite-needs-a-file")
    path = Path(url.database)
    path.parent.mkdir(parents=True, exist_ok=True)
    if _file_system(path.parent.resolve()) in _SHARED_FOLDERS:
        raise EvidenceUnavailable("sqlite-on-a-network-file-system")
    # Made by us, so that it is ours alone; SQLite gives its side files the same mode.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    limits = {"pool_timeout": _WAIT_SECONDS, "hide_parameters": True}
    reader = create_engine(url, pool_size=8, max_overflow=24, **limits)
    writer = create_engine(url, pool_size=1, max_overflow=0, **limits)
    event.listen(reader, "connect", _reader_pragmas)
    event.listen(writer, "connect", _writer_pragmas)
    event.listen(writer, "begin", _begin_immediate)
    return Database(reader, writer)


def _file_system(folder: Path) -> str:
    """The type of the file system a folder lies on; empty where the machine does not tell."""
    try:
        mounts = Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return ""
    around = [(Path(where), kind) for _, where, kind, *_ in (line.split() for line in mounts)]
    found = [(len(where.parts), kind) for where, kind in around if folder.is_relative_to(where)]
    return max(found, default=(0, ""))[1]


def _reader_pragmas(connection: Any, _record: object) -> None:
    connection.execute(f"PRAGMA busy_timeout={_WAIT_SECONDS * 1000}")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA foreign_keys=ON")


def _writer_pragmas(connection: Any, record: object) -> None:
    _reader_pragmas(connection, record)
    # The evidence log is a legal record: it has to survive a power cut.
    connection.execute("PRAGMA synchronous=FULL")
    connection.isolation_level = None


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _alembic(database: Database) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["engine"] = database.writer
    return config


def migrate(database: Database, revision: str = "head") -> None:
    """Bring the tables to the newest shape. Two processes starting at once do it one by one.

    Args:
        database: Of any earlier shape.
        revision: How far; an older one is for trying out a migration.

    Raises:
        EvidenceUnavailable: the database cannot be reached or written, or is newer than we are.
    """
    try:
        with database.writer.begin() as connection:
            if not database.is_sqlite:
                # Whoever comes second waits for the first: that may take longer than a lock does.
                connection.exec_driver_sql("SET LOCAL lock_timeout = '10s'")
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})")
            config = _alembic(database)
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
    except (SQLAlchemyError, OSError, CommandError) as problem:
        raise EvidenceUnavailable("migration-failed") from problem


def is_current(database: Database) -> bool:
    """Are the tables in the newest shape?"""
    newest = ScriptDirectory.from_config(_alembic(database)).get_current_head()
    with database.reading() as connection:
        return MigrationContext.configure(connection).get_current_revision() == newest
