"""A small, read-only server of the PostgreSQL frontend/backend protocol, version 3.

It stands for the front databases (前置库) that departments give a read-only account on. Behind it
lies an in-memory SQLite with the views; in front of it any PostgreSQL driver. It knows the simple
and the extended query cycle, text results (and binary ones of integers and text), NULL, a clear
text password, `statement_timeout`, and errors by SQLSTATE. It writes nothing.
"""

from __future__ import annotations

import asyncio
import hmac
import re
import sqlite3
import struct
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from adapters.sandbox.faults import Fault, Switch, reset

TEXT, INTEGER, NUMERIC = 25, 23, 1700
"""Object ids of the types a column may have (pg_type)."""

_VERSION_3, _CANCEL, _SSL, _GSS = 196608, 80877102, 80877103, 80877104
_MAX_MESSAGE = 1024 * 1024
HUGE_ROWS = 50_000
_PARAMETER = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\$(\d+)""")
_SESSION = re.compile(
    r"\s*(SET|BEGIN|START|COMMIT|ROLLBACK|END|DISCARD|DEALLOCATE)\b", re.IGNORECASE
)
_SELECT = re.compile(r"\s*(SELECT|WITH|VALUES)\b", re.IGNORECASE)
_TIMEOUT = re.compile(r"statement_timeout=(\d+)")


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


# --- messages ---------------------------------------------------------------------------------


def _message(kind: bytes, body: bytes = b"") -> bytes:
    return kind + struct.pack("!i", len(body) + 4) + body


def _text(value: str) -> bytes:
    return value.encode() + b"\0"


def _error(error: PGError) -> bytes:
    fields = {"S": error.severity, "V": error.severity, "C": error.state, "M": error.message}
    body = b"".join(key.encode() + _text(value) for key, value in fields.items())
    return _message(b"E", body + b"\0")


def _ready() -> bytes:
    return _message(b"Z", b"I")


def _row_description(columns: Iterable[Column], formats: Sequence[int] = ()) -> bytes:
    columns = tuple(columns)
    parts = [struct.pack("!h", len(columns))]
    for at, column in enumerate(columns):
        size = 4 if column.type == INTEGER else -1
        format_ = _format(formats, at)
        parts.append(
            _text(column.name) + struct.pack("!ihihih", 0, 0, column.type, size, -1, format_)
        )
    return _message(b"T", b"".join(parts))


def _format(formats: Sequence[int], at: int) -> int:
    """Format code of column `at`: none means text, one counts for all."""
    if not formats:
        return 0
    return formats[at] if len(formats) > 1 else formats[0]


def _data_row(row: Sequence[Any], columns: Sequence[Column], formats: Sequence[int]) -> bytes:
    parts = [struct.pack("!h", len(row))]
    for at, value in enumerate(row):
        if value is None:
            parts.append(struct.pack("!i", -1))
            continue
        raw = value if isinstance(value, bytes) else str(value).encode()
        if _format(formats, at) and columns[at].type == INTEGER:
            raw = struct.pack("!i", int(value))
        elif _format(formats, at) and columns[at].type == NUMERIC:
            raise PGError("0A000", "numeric is only sent as text")
        parts.append(struct.pack("!i", len(raw)) + raw)
    return _message(b"D", b"".join(parts))


def _options(body: _Reader) -> dict[str, str]:
    """The name and value pairs of a startup message."""
    found: dict[str, str] = {}
    while name := body.text():
        found[name] = body.text()
    return found


class _Reader:
    """Takes a message apart."""

    def __init__(self, body: bytes) -> None:
        self._body, self._at = body, 0

    def take(self, size: int) -> bytes:
        piece = self._body[self._at : self._at + size]
        if size < 0 or len(piece) != size:
            raise PGError("08P01", "message is too short", severity="FATAL")
        self._at += size
        return piece

    def text(self) -> str:
        end = self._body.find(b"\0", self._at)
        if end < 0:
            raise PGError("08P01", "text without end", severity="FATAL")
        piece, self._at = self._body[self._at : end], end + 1
        try:
            return piece.decode()
        except UnicodeDecodeError:
            raise PGError("22021", "invalid byte sequence for encoding UTF8") from None

    def int16(self) -> int:
        return int(struct.unpack("!h", self.take(2))[0])

    def int32(self) -> int:
        return int(struct.unpack("!i", self.take(4))[0])

    def int16s(self) -> list[int]:
        return [self.int16() for _ in range(self.int16())]


_INTEGER_SIZES = {20: 8, 21: 2, 23: 4}
"""Integer type → bytes of its binary form."""


def _parameter(raw: bytes, type_: int, format_: int) -> str:
    """A bound value as text."""
    if format_ and type_ in _INTEGER_SIZES and len(raw) == _INTEGER_SIZES[type_]:
        return str(int.from_bytes(raw, "big", signed=True))
    if format_ and type_ in _INTEGER_SIZES:
        raise PGError("22P03", "incorrect binary data format")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise PGError("22021", "invalid byte sequence for encoding UTF8") from None


# --- one connection ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Statement:
    sql: str
    types: tuple[int, ...]


@dataclass(slots=True)
class _Portal:
    sql: str
    parameters: list[str | None]
    formats: list[int]
    result: Result | None = None
    sent: int = 0


@dataclass(slots=True)
class _Session:
    """What a client has prepared, and how long it lets a statement run."""

    timeout_ms: int = 0
    statements: dict[str, _Statement] = field(default_factory=dict)
    portals: dict[str, _Portal] = field(default_factory=dict)
    skipping: bool = False
    """After an error in the extended cycle: until Sync, nothing is done."""


class Connection:
    """Speaks to one client."""

    def __init__(
        self, database: ReadOnly, switch: Switch, users: Mapping[str, str],
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter,
    ) -> None:  # fmt: skip
        self._database, self._switch, self._users = database, switch, users
        self._reader, self._writer = reader, writer
        self._session = _Session()

    async def serve(self) -> None:
        """Serve until the client leaves."""
        try:
            if await self._greeted():
                while (message := await self._next()) is not None:
                    await self._answer(*message)
        except PGError as error:
            self._send(_error(error))

    def _send(self, data: bytes) -> None:
        if not self._writer.is_closing():
            self._writer.write(data)

    async def _greeted(self) -> bool:
        """Startup: refuse encryption, check the password, tell the parameters."""
        while True:
            length = struct.unpack("!i", await self._reader.readexactly(4))[0]
            if not 8 <= length <= 10_000:
                return False
            body = _Reader(await self._reader.readexactly(length - 4))
            code = body.int32()
            if code in {_SSL, _GSS}:
                self._send(b"N")
                continue
            break
        if code == _CANCEL:
            return False
        if code != _VERSION_3:
            raise PGError("0A000", "unsupported frontend protocol", severity="FATAL")
        await self._admitted(_options(body))
        return True

    async def _admitted(self, options: Mapping[str, str]) -> None:
        password = self._users.get(options.get("user", ""))
        self._send(_message(b"R", struct.pack("!i", 3)))
        message = await self._next()
        given = _Reader(message[1]).text() if message and message[0] == b"p" else ""
        if password is None or not hmac.compare_digest(password.encode(), given.encode()):
            raise PGError("28P01", "password authentication failed", severity="FATAL")
        if found := _TIMEOUT.search(options.get("options", "")):
            self._session.timeout_ms = int(found[1])
        self._send(_message(b"R", struct.pack("!i", 0)))
        parameters = {"server_version": "14.0", "server_encoding": "UTF8",
                      "client_encoding": "UTF8", "DateStyle": "ISO, YMD",
                      "integer_datetimes": "on", "standard_conforming_strings": "on",
                      "TimeZone": "PRC"}  # fmt: skip
        for name, value in parameters.items():
            self._send(_message(b"S", _text(name) + _text(value)))
        self._send(_message(b"K", struct.pack("!ii", 1, 1)) + _ready())

    async def _next(self) -> tuple[bytes, bytes] | None:
        await self._writer.drain()
        try:
            kind = await self._reader.readexactly(1)
            length = struct.unpack("!i", await self._reader.readexactly(4))[0]
            if not 4 <= length <= _MAX_MESSAGE:
                raise PGError("08P01", "invalid message length", severity="FATAL")
            body = await self._reader.readexactly(length - 4)
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        return None if kind == b"X" else (kind, body)

    async def _answer(self, kind: bytes, body: bytes) -> None:
        if kind == b"S":
            self._session.skipping = False
            self._send(_ready())
            return
        if self._session.skipping:
            return
        try:
            await self._acted(kind, _Reader(body))
        except PGError as error:
            if error.severity == "FATAL":
                raise
            self._send(_error(error))
            self._session.skipping = kind != b"Q"
            if kind == b"Q":
                self._send(_ready())

    async def _acted(self, kind: bytes, body: _Reader) -> None:
        match kind:
            case b"Q":
                await self._query(body.text())
            case b"P":
                self._parse(body)
            case b"B":
                self._bind(body)
            case b"D":
                self._describe(body)
            case b"E":
                await self._execute(body)
            case b"C":
                self._close(body)
            case b"H":
                pass
            case _:
                raise PGError("08P01", "unknown message", severity="FATAL")

    async def _query(self, sql: str) -> None:
        await self._slowly()
        result = self._spoilt(self._database.run(sql, []))
        if result.columns:
            self._send(_row_description(result.columns))
        for row in result.rows:
            self._send(_data_row(row, result.columns, ()))
        self._send(_message(b"C", _text(result.tag)) if result.tag else _message(b"I"))
        self._send(_ready())

    def _parse(self, body: _Reader) -> None:
        name, sql = body.text(), body.text()
        types = tuple(body.int32() for _ in range(body.int16()))
        self._session.statements[name] = _Statement(sql, types)
        self._send(_message(b"1"))

    def _bind(self, body: _Reader) -> None:
        portal, name, formats = body.text(), body.text(), body.int16s()
        statement = self._statement(name)
        values: list[str | None] = []
        for at in range(body.int16()):
            length = body.int32()
            type_ = statement.types[at] if at < len(statement.types) else 0
            raw = None if length == -1 else body.take(length)
            values.append(None if raw is None else _parameter(raw, type_, _format(formats, at)))
        self._session.portals[portal] = _Portal(statement.sql, values, body.int16s())
        self._send(_message(b"2"))

    def _statement(self, name: str) -> _Statement:
        try:
            return self._session.statements[name]
        except KeyError:
            raise PGError("26000", "prepared statement does not exist") from None

    def _portal(self, name: str) -> _Portal:
        try:
            return self._session.portals[name]
        except KeyError:
            raise PGError("34000", "portal does not exist") from None

    def _describe(self, body: _Reader) -> None:
        kind, name = body.take(1), body.text()
        if kind == b"S":
            statement = self._statement(name)
            types = statement.types
            head = struct.pack(f"!h{len(types)}i", len(types), *(t or TEXT for t in types))
            self._send(_message(b"t", head))
            columns, formats = self._database.described(statement.sql), list[int]()
        else:
            portal = self._portal(name)
            columns, formats = self._result(portal).columns, portal.formats
        self._send(_row_description(columns, formats) if columns else _message(b"n"))

    def _result(self, portal: _Portal) -> Result:
        if portal.result is None:
            portal.result = self._database.run(portal.sql, portal.parameters)
        return portal.result

    async def _execute(self, body: _Reader) -> None:
        name, limit = body.text(), body.int32()
        portal = self._portal(name)
        await self._slowly()
        result = self._spoilt(self._result(portal))
        rows = result.rows[portal.sent : portal.sent + limit if limit else None]
        portal.sent += len(rows)
        for row in rows:
            self._send(_data_row(row, result.columns, portal.formats))
        if portal.sent < len(result.rows):
            self._send(_message(b"s"))
        else:
            self._send(_message(b"C", _text(result.tag)) if result.tag else _message(b"I"))

    def _close(self, body: _Reader) -> None:
        kind, name = body.take(1), body.text()
        (self._session.statements if kind == b"S" else self._session.portals).pop(name, None)
        self._send(_message(b"3"))

    async def _slowly(self) -> None:
        """Take as long as the switch says, misbehave as it says, and heed the client's limit."""
        limit = self._session.timeout_ms
        try:
            async with asyncio.timeout(limit / 1000 if limit else None):
                await self._switch.wait()
        except TimeoutError:
            message = "canceling statement due to statement timeout"
            raise PGError("57014", message) from None
        if act := _ACTS.get(self._switch.fault) if self._switch.fault else None:
            await act(self)

    # --- faults ---

    async def hang(self) -> None:
        """Neither answer nor heed the limit, until released or left alone."""
        released = asyncio.create_task(self._switch.released.wait())
        gone = asyncio.create_task(self._reader.read(-1))
        try:
            await asyncio.wait((released, gone), return_when=asyncio.FIRST_COMPLETED)
        finally:
            released.cancel()
            gone.cancel()
            with suppress(asyncio.CancelledError, ConnectionError):
                await gone
        self._leave()

    def _leave(self) -> None:
        self._writer.transport.abort()
        raise ConnectionAbortedError

    async def reset(self) -> None:
        reset(self._writer.transport)
        raise ConnectionAbortedError

    async def half(self) -> None:
        columns = (Column(name="aac001", type=TEXT),)
        row = _data_row(["9901000000001"], columns, ())
        self._send(_row_description(columns) + row[: len(row) // 2])
        self._writer.close()
        raise ConnectionAbortedError

    async def garbage(self) -> None:
        self._send(bytes((at * 151 + 7) % 256 for at in range(600)))
        self._writer.close()
        raise ConnectionAbortedError

    async def wrong_schema(self) -> None:
        raise PGError("42703", "column does not exist")

    async def error_200(self) -> None:
        # As ORA-00942 at night, while the view is being built anew.
        raise PGError("42P01", "relation does not exist")

    async def bomb(self) -> None:
        """A row that says it has a gigabyte and has none."""
        self._send(_row_description((Column(name="aac001", type=TEXT),)))
        self._send(_message(b"D", struct.pack("!hi", 1, 1024**3) + b"a"))
        self._writer.close()
        raise ConnectionAbortedError

    async def moved(self) -> None:
        raise PGError("57P01", "terminating connection: the service has moved", severity="FATAL")

    async def internal(self) -> None:
        raise PGError("XX000", "internal error")

    def _spoilt(self, result: Result) -> Result:
        """Faults that lie in the rows themselves."""
        match self._switch.fault:
            case Fault.WRONG_ENCODING:
                rows: Sequence[Sequence[Any]] = [
                    [str(value).encode("gb18030") if value else value for value in row]
                    for row in result.rows
                ]
            case Fault.HUGE:
                row = result.rows[0] if result.rows else [None] * len(result.columns)
                rows = [row] * HUGE_ROWS
            case _:
                return result
        return Result(columns=result.columns, rows=rows, tag=f"SELECT {len(rows)}")


_ACTS: Mapping[Fault, Callable[[Connection], Awaitable[None]]] = {
    Fault.HANG: Connection.hang,
    Fault.RESET: Connection.reset,
    Fault.HALF_BODY: Connection.half,
    Fault.GARBAGE: Connection.garbage,
    Fault.WRONG_SCHEMA: Connection.wrong_schema,
    Fault.ERROR_200: Connection.error_200,
    Fault.XML_BOMB: Connection.bomb,
    Fault.REDIRECT: Connection.moved,
    Fault.STATUS_500: Connection.internal,
}
"""What each fault means on this wire; `refuse` is the listener's."""


# --- all connections --------------------------------------------------------------------------


class SQLConnections:
    """Serves a database to whoever knows a password."""

    def __init__(self, database: ReadOnly, switch: Switch, users: Mapping[str, str]) -> None:
        """Args:
        database: What is read.
        switch: What is wrong with it.
        users: User → password.
        """
        self._database, self._switch, self._users = database, switch, users
        self._tasks: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    def protocol(self) -> asyncio.Protocol:
        """As `serving.Connections.protocol`."""
        return asyncio.StreamReaderProtocol(asyncio.StreamReader(), self._connected)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._served(reader, writer))
        self._tasks[task] = writer
        task.add_done_callback(self._tasks.pop)

    async def _served(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(self._database, self._switch, self._users, reader, writer)
        try:
            await connection.serve()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client left, or a fault ended the connection
        finally:
            writer.close()

    async def end(self) -> None:
        """As `serving.Connections.end`."""
        tasks = dict(self._tasks)
        for writer in tasks.values():
            writer.transport.abort()
        if tasks:
            _, stuck = await asyncio.wait(tasks, timeout=1)
            for task in stuck:
                task.cancel()
