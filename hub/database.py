"""The database: SQLite in a file by default, PostgreSQL in production; the same code on both.

Two engines on SQLite: readers, and one writer that takes the write lock at `BEGIN`. Upgrading a
reader to a writer in mid-transaction is what gives “database is locked”.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import SQLAlchemyError

from hub.errors import EvidenceUnavailable

_MIGRATIONS = Path(__file__).parent / "migrations"
_MIGRATION_LOCK = 0x6D69616E  # “mian”: any constant will do, as long as it is ours


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
        """A connection for reading."""
        with self.reader.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction; it commits at the end of the block."""
        with self.writer.begin() as connection:
            yield connection

    def close(self) -> None:
        """Close all connections."""
        self.reader.dispose()
        self.writer.dispose()


def open_database(address: str) -> Database:
    """Open a database by its SQLAlchemy address; the file and its folder are made where needed."""
    url = make_url(address)
    if url.get_backend_name() == "sqlite":
        return _open_sqlite(url)
    engine = create_engine(url, pool_size=8, max_overflow=8, pool_pre_ping=True)
    return Database(engine, engine)


def _open_sqlite(url: URL) -> Database:
    if url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    reader = create_engine(url, pool_size=8, max_overflow=24)
    writer = create_engine(url, pool_size=1, max_overflow=0)
    event.listen(reader, "connect", _reader_pragmas)
    event.listen(writer, "connect", _writer_pragmas)
    event.listen(writer, "begin", _begin_immediate)
    return Database(reader, writer)


def _reader_pragmas(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA busy_timeout=5000")
    connection.execute("PRAGMA journal_mode=WAL")


def _writer_pragmas(connection: Any, record: object) -> None:
    _reader_pragmas(connection, record)
    # The evidence log is a legal record: it has to survive a power cut.
    connection.execute("PRAGMA synchronous=FULL")
    connection.isolation_level = None


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _alembic(database: Database) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["engine"] = database.writer
    return config


def migrate(database: Database) -> None:
    """Bring the tables to the newest shape. Two processes starting at once do it one by one.

    Raises:
        EvidenceUnavailable: the database cannot be reached or written.
    """
    try:
        with database.writer.begin() as connection:
            if not database.is_sqlite:
                connection.exec_driver_sql("SET LOCAL lock_timeout = '10s'")
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})")
            config = _alembic(database)
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except (SQLAlchemyError, OSError) as problem:
        raise EvidenceUnavailable("migration-failed") from problem


def is_current(database: Database) -> bool:
    """Are the tables in the newest shape?"""
    newest = ScriptDirectory.from_config(_alembic(database)).get_current_head()
    with database.reading() as connection:
        return MigrationContext.configure(connection).get_current_revision() == newest
