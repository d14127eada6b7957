"""What the parts share: one set of tables, and the ways to write a row on both databases.

Times are stored as RFC 3339 text in UTC: they sort, and they read the same on both databases.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    Connection,
    Dialect,
    MetaData,
    Table,
)
from sqlalchemy.dialects import postgresql, sqlite

metadata = MetaData()


def upsert(connection: Connection, table: Table, row: Mapping[str, Any]) -> None:
    """Insert, or replace the row with the same primary key."""
    make = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    statement = make(table).values(**row)
    keys = [column.name for column in table.primary_key]
    rest = {name: statement.excluded[name] for name in row if name not in keys}
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=rest))


def insert_if_absent(connection: Connection, table: Table, row: Mapping[str, Any]) -> bool:
    """Insert, unless a row with the same primary key is there; True: it was not."""
    make = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    statement = make(table).values(**row).on_conflict_do_nothing()
    # Asked for, because the count of rows is not told by every driver.
    made = connection.execute(statement.returning(*table.primary_key))
    return made.first() is not None


def insert_many(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that have every column. The statement is compiled once and for all: with each
    row being one of thousands a second, compiling would cost more than the database does.
    """
    text, names = _insert_of(connection.dialect, table)
    connection.exec_driver_sql(text, [tuple(row[name] for name in names) for row in rows])


@cache
def _insert_of(dialect: Dialect, table: Table) -> tuple[str, tuple[str, ...]]:
    names = tuple(column.name for column in table.columns)
    place = "?" if dialect.paramstyle == "qmark" else "%s"
    places = ", ".join(place for _ in names)
    return f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({places})", names  # noqa: S608  (names of our own tables)


def moment_text(value: datetime) -> str:
    """UTC to the second, as RFC 3339."""
    return value.astimezone(UTC).isoformat(timespec="seconds")
