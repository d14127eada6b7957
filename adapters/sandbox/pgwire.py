"""A small, read-only server of the PostgreSQL frontend/backend protocol, version 3.

It stands for the front databases (前置库) that departments give a read-only account on. Behind it
lies an in-memory database with the views (`readonly`); in front of it any PostgreSQL driver. It
knows the simple and the extended query cycle, text results (and binary ones of integers and text),
NULL, a clear text password, `statement_timeout`, and errors by SQLSTATE.
"""

from __future__ import annotations

import asyncio
import hmac
import re
import struct
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from adapters.sandbox.faults import Fault, Switch, reset
from adapters.sandbox.pgmessages import (
    Reader,
    cstring,
    data_row,
    error_response,
    format_of,
    message,
    parameter,
    ready,
    row_description,
    startup_options,
)
from adapters.sandbox.readonly import TEXT, Column, PGError, ReadOnly, Result

_VERSION_3, _CANCEL, _SSL, _GSS = 196608, 80877102, 80877103, 80877104
_MAX_MESSAGE = 1024 * 1024
HUGE_ROWS = 50_000
_TIMEOUT = re.compile(r"statement_timeout=(\d+)")


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
                while (received := await self._next()) is not None:
                    await self._answer(*received)
        except PGError as error:
            self._send(error_response(error))

    def _send(self, data: bytes) -> None:
        if not self._writer.is_closing():
            self._writer.write(data)

    async def _greeted(self) -> bool:
        """Startup: refuse encryption, check the password, tell the parameters."""
        while True:
            length = struct.unpack("!i", await self._reader.readexactly(4))[0]
            if not 8 <= length <= 10_000:
                return False
            body = Reader(await self._reader.readexactly(length - 4))
            code = body.int32()
            if code in {_SSL, _GSS}:
                self._send(b"N")
                continue
            break
        if code == _CANCEL:
            return False
        if code != _VERSION_3:
            raise PGError("0A000", "unsupported frontend protocol", severity="FATAL")
        await self._admitted(startup_options(body))
        return True

    async def _admitted(self, options: Mapping[str, str]) -> None:
        password = self._users.get(options.get("user", ""))
        self._send(message(b"R", struct.pack("!i", 3)))
        reply = await self._next()
        given = Reader(reply[1]).text() if reply and reply[0] == b"p" else ""
        if password is None or not hmac.compare_digest(password.encode(), given.encode()):
            raise PGError("28P01", "password authentication failed", severity="FATAL")
        if found := _TIMEOUT.search(options.get("options", "")):
            self._session.timeout_ms = int(found[1])
        self._send(message(b"R", struct.pack("!i", 0)))
        parameters = {"server_version": "14.0", "server_encoding": "UTF8",
                      "client_encoding": "UTF8", "DateStyle": "ISO, YMD",
                      "integer_datetimes": "on", "standard_conforming_strings": "on",
                      "TimeZone": "PRC"}  # fmt: skip
        for name, value in parameters.items():
            self._send(message(b"S", cstring(name) + cstring(value)))
        self._send(message(b"K", struct.pack("!ii", 1, 1)) + ready())

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
            self._send(ready())
            return
        if self._session.skipping:
            return
        try:
            await self._acted(kind, Reader(body))
        except PGError as error:
            if error.severity == "FATAL":
                raise
            self._send(error_response(error))
            self._session.skipping = kind != b"Q"
            if kind == b"Q":
                self._send(ready())

    async def _acted(self, kind: bytes, body: Reader) -> None:
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
            self._send(row_description(result.columns))
        for row in result.rows:
            self._send(data_row(row, result.columns, ()))
        self._send(message(b"C", cstring(result.tag)) if result.tag else message(b"I"))
        self._send(ready())

    def _parse(self, body: Reader) -> None:
        name, sql = body.text(), body.text()
        types = tuple(body.int32() for _ in range(body.int16()))
        self._session.statements[name] = _Statement(sql, types)
        self._send(message(b"1"))

    def _bind(self, body: Reader) -> None:
        portal, name, formats = body.text(), body.text(), body.int16s()
        statement = self._statement(name)
        values: list[str | None] = []
        for at in range(body.int16()):
            length = body.int32()
            type_ = statement.types[at] if at < len(statement.types) else 0
            raw = None if length == -1 else body.take(length)
            values.append(None if raw is None else parameter(raw, type_, format_of(formats, at)))
        self._session.portals[portal] = _Portal(statement.sql, values, body.int16s())
        self._send(message(b"2"))

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

    def _describe(self, body: Reader) -> None:
        kind, name = body.take(1), body.text()
        if kind == b"S":
            statement = self._statement(name)
            types = statement.types
            head = struct.pack(f"!h{len(types)}i", len(types), *(t or TEXT for t in types))
            self._send(message(b"t", head))
            columns, formats = self._database.described(statement.sql), list[int]()
        else:
            portal = self._portal(name)
            columns, formats = self._result(portal).columns, portal.formats
        self._send(row_description(columns, formats) if columns else message(b"n"))

    def _result(self, portal: _Portal) -> Result:
        if portal.result is None:
            portal.result = self._database.run(portal.sql, portal.parameters)
        return portal.result

    async def _execute(self, body: Reader) -> None:
        name, limit = body.text(), body.int32()
        portal = self._portal(name)
        await self._slowly()
        result = self._spoilt(self._result(portal))
        rows = result.rows[portal.sent : portal.sent + limit if limit else None]
        portal.sent += len(rows)
        for row in rows:
            self._send(data_row(row, result.columns, portal.formats))
        if portal.sent < len(result.rows):
            self._send(message(b"s"))
        else:
            self._send(message(b"C", cstring(result.tag)) if result.tag else message(b"I"))

    def _close(self, body: Reader) -> None:
        kind, name = body.take(1), body.text()
        (self._session.statements if kind == b"S" else self._session.portals).pop(name, None)
        self._send(message(b"3"))

    async def _slowly(self) -> None:
        """Take as long as the switch says, misbehave as it says, and heed the client's limit."""
        limit = self._session.timeout_ms
        try:
            async with asyncio.timeout(limit / 1000 if limit else None):
                await self._switch.wait()
        except TimeoutError:
            raise PGError("57014", "canceling statement due to statement timeout") from None
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
        row = data_row(["9901000000001"], columns, ())
        self._send(row_description(columns) + row[: len(row) // 2])
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
        self._send(row_description((Column(name="aac001", type=TEXT),)))
        self._send(message(b"D", struct.pack("!hi", 1, 1024**3) + b"a"))
        self._writer.close()
        raise ConnectionAbortedError

    async def moved(self) -> None:
        raise PGError("57P01", "terminating connection: the service has moved", severity="FATAL")

    async def closed(self) -> None:
        raise PGError("57P03", "the database system is in maintenance", severity="FATAL")

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
    Fault.MAINTENANCE: Connection.closed,
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

    def tls(self) -> None:
        """As `serving.Connections.tls`: in clear, as on a front machine's own network."""

    def release(self) -> None:
        """As `serving.Connections.release`."""
        self._database.close()

    async def end(self) -> None:
        """As `serving.Connections.end`."""
        tasks = dict(self._tasks)
        for writer in tasks.values():
            writer.transport.abort()
        if tasks:
            _, stuck = await asyncio.wait(tasks, timeout=1)
            for task in stuck:
                task.cancel()
