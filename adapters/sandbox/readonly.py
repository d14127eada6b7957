"""An in-memory database that is only read, speaking of itself as PostgreSQL would."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

TEXT, INTEGER, NUMERIC = 25, 23, 1700
"""Object ids of the types a column may have (pg_type)."""

_PARAMETER = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\$(\d+)""")
_SESSION = re.compile(
    r"\s*(SET|BEGIN|START|COMMIT|ROLLBACK|END|DISCARD|DEALLOCATE)\b", re.IGNORECASE
)
_SELECT = re.compile(r"\s*(SELECT|WITH|VALUES)\b", re.IGNORECASE)


class PGError(Exception):
    """An error the client is told."""

    def __init__(self, state: str, message: str, *, severity: str = "ERROR") -> None:
        self.state, self.message, self.severity = state, message, severity
        super().__init__(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a result."""

    name: str
    type: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a statement gave."""

    columns: tuple[Column, ...]
    rows: Sequence[Sequence[Any]]
    tag: str


class ReadOnly:
    """An SQLite database that is only read, and what its columns are in PostgreSQL."""

    def __init__(
        self, script: Callable[[sqlite3.Connection], None], types: Mapping[str, int]
    ) -> None:
        """Args:
        script: Fills the empty database.
        types: Column name → type; text where it says nothing.
        """
        self._types = types
        self._database = sqlite3.connect(":memory:", check_same_thread=False)
        script(self._database)
        self._database.commit()
        self._database.execute("PRAGMA query_only = ON")
        self._database.set_authorizer(_only_reading)

    def close(self) -> None:
        """Drop everything."""
        self._database.close()

    def run(self, sql: str, parameters: Sequence[str | None]) -> Result:
        """Run one statement.

        Raises:
            PGError: As PostgreSQL would complain.
        """
        if not sql.strip(" \t\r\n;"):
            return Result(columns=(), rows=(), tag="")
        if session := _SESSION.match(sql):
            return Result(columns=(), rows=(), tag=session[1].upper())
        if not _SELECT.match(sql):
            raise PGError("25006", "cannot execute this statement in a read-only transaction")
        try:
            cursor = self._database.execute(_numbered(sql), parameters)
            rows = cursor.fetchall()
        except sqlite3.Error as error:
            raise _complaint(error) from None
        names = [each[0] for each in cursor.description or ()]
        columns = tuple(
            Column(name=each.lower(), type=self._types.get(each.lower(), TEXT)) for each in names
        )
        return Result(columns=columns, rows=rows, tag=f"SELECT {len(rows)}")

    def described(self, sql: str) -> tuple[Column, ...]:
        """The columns a statement would give."""
        count = max((int(found[1]) for found in _PARAMETER.finditer(sql) if found[1]), default=0)
        return self.run(sql, [None] * count).columns


def _only_reading(action: int, *_: object) -> int:
    reading = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION}
    return sqlite3.SQLITE_OK if action in reading else sqlite3.SQLITE_DENY


def _numbered(sql: str) -> str:
    """`$1` as SQLite has it, outside of strings and comments."""
    return _PARAMETER.sub(lambda found: f"?{found[1]}" if found[1] else found[0], sql)


def _complaint(error: sqlite3.Error) -> PGError:
    text = str(error)
    if "no such table" in text:
        return PGError("42P01", "relation does not exist")
    if "no such column" in text:
        return PGError("42703", "column does not exist")
    if "not authorized" in text or "prohibited" in text:
        return PGError("42501", "permission denied")
    if "bind" in text.lower():
        return PGError("08P01", "bind message supplies another number of parameters")
    return PGError("42601", "syntax error")
