"""SQL: one bound SELECT against a read-only account of a front database (前置库).

The statement is checked when the manifest is loaded (`adapters.statements`); the account should be
read-only all the same. Statements run in threads of their own, as many as there
are connections; one that hangs keeps its thread, and no more than that.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from importlib import import_module
from queue import Empty, LifoQueue
from typing import Any, ClassVar, Literal

import anyio
import anyio.to_thread
from pydantic import Field

from adapters import asking, manifest, tracing
from adapters.drivers import DRIVERS, Driver
from adapters.errors import (
    AdapterError,
    SourceAnswerInvalid,
    SourceRefused,
    SourceTimedOut,
    SourceUnavailable,
)
from adapters.kinds import Opening
from adapters.manifest import Finding, Leaf
from adapters.model import RawReply, SourceCall
from adapters.resolving import pinned
from adapters.statements import Statement, StatementRefused
from adapters.values import Networks, Secret, parsed_networks

Rows = list[dict[str, Any]]


class SQLConnect(manifest.Connect):
    """Which driver, and where the database is."""

    driver: Literal["psycopg", "ksycopg2", "oracledb", "PyMySQL", "dmPython"]
    dsn: Secret
    """URL or driver's own connection string; it holds the password."""
    connections: int = Field(default=4, ge=1, le=50)
    """Most connections, and threads, at a time."""
    allow_networks: Networks = ()
    """Private networks that *names* in the dsn may lead to; see `adapters.egress`."""


class SQLAsk(manifest.Ask):
    """One SELECT with named parameters (`:name`) and what they are bound to."""

    statement: str = Field(min_length=1, max_length=20_000)
    bind: dict[str, Leaf] = Field(default_factory=dict)
    max_rows: int = Field(default=1000, ge=1, le=100_000)


@dataclass(frozen=True, slots=True)
class _Query:
    statement: Statement
    bind: Callable[[SourceCall], dict[str, str]]
    names: tuple[str, ...]
    max_rows: int

    def parameters(self, call: SourceCall, *, positional: bool) -> Any:
        """Values for the driver; a name that is not known is NULL."""
        known = self.bind(call)
        if positional:
            return [known.get(name) for name in self.statement.names]
        return {name: known.get(name) for name in self.names}

    def sent(self, call: SourceCall, driver: Driver) -> tracing.Sent:
        """What a trace is told."""
        body = self.statement.text.encode()
        return tracing.Sent(
            method="SELECT", address=driver.module, query=self.bind(call), body=body
        )


class SQLTransport:
    """Asks one database."""

    Connect: ClassVar[type[manifest.Connect]] = SQLConnect
    Ask: ClassVar[type[manifest.Ask]] = SQLAsk
    expires_at: datetime | None = None

    def __init__(self, opening: Opening) -> None:
        connect: SQLConnect = opening.connect
        self._driver = DRIVERS[connect.driver]
        self._module = import_module(self._driver.module)
        self._dsn, self._timeout = connect.dsn, connect.timeout
        own = parsed_networks(connect.allow_networks)
        self._reach = partial(pinned, networks=(*own, *opening.surroundings.allow_networks))
        self._idle: LifoQueue[Any] = LifoQueue()
        self._threads = anyio.CapacityLimiter(connect.connections)
        self._queries = {
            resource: _Query(
                self._driver.statement(ask.statement), asking.row(ask.bind), tuple(ask.bind),
                ask.max_rows,
            )
            for resource, ask in opening.asks.items()
        }  # fmt: skip

    @classmethod
    def inspect(cls, opening: Opening) -> Iterable[Finding]:
        """Check the statements and that their parameters are bound."""
        driver = DRIVERS[opening.connect.driver]
        for resource, ask in opening.asks.items():
            yield from _inspected(("resources", resource, "ask"), ask, driver)
        if _missing(driver.module):
            yield Finding(
                at=("connect", "driver"), rule="missing-driver",
                found=f"{driver.module} is not installed", expected="the driver's package",
            )  # fmt: skip

    async def fetch(self, call: SourceCall, *, within: float) -> RawReply:
        """Ask; see `adapters.model.Transport`."""
        query = self._queries[call.resource]
        parameters = query.parameters(call, positional=self._driver.placeholder == "?")
        run = partial(self._run, query, parameters)
        if (trace := tracing.current()) is not None:
            trace.sent(query.sent(call, self._driver))
        try:
            with anyio.fail_after(within):
                rows = await anyio.to_thread.run_sync(
                    run, abandon_on_cancel=True, limiter=self._threads
                )
        except TimeoutError:
            raise SourceTimedOut("timed-out") from None
        return RawReply(rows=rows)

    async def aclose(self) -> None:
        """Close idle connections; one in use is closed when its statement ends."""
        self._closed = True
        while True:
            try:
                _close(self._idle.get_nowait())
            except Empty:
                return

    _closed = False

    def _run(self, query: _Query, parameters: Any) -> Rows:
        """In a thread: run the query on an idle connection, or on a new one when the idle one
        turns out to have been cut off.
        """
        try:
            connection = self._idle.get_nowait()
        except Empty:
            return self._rows(self._opened(), query, parameters)
        try:
            return self._rows(connection, query, parameters)
        except SourceUnavailable:
            return self._rows(self._opened(), query, parameters)

    def _opened(self) -> Any:
        try:
            return self._driver.open(
                self._module, self._dsn.get_secret_value(), self._timeout, self._reach
            )
        except AdapterError:
            raise
        except Exception as error:  # noqa: BLE001 -- drivers raise what they like when connecting
            raise _connecting(error) from None

    def _rows(self, connection: Any, query: _Query, parameters: Any) -> Rows:
        try:
            cursor = connection.cursor()
            text, limit = query.statement.text, query.max_rows
            found = self._driver.rows(cursor, text, parameters, limit)
            names = [str(column[0]).lower() for column in cursor.description or ()]
            rows = [dict(zip(names, row, strict=True)) for row in found]
            cursor.close()
        except Exception as error:  # noqa: BLE001 -- drivers' errors are told apart in one place
            _close(connection)
            raise _translated(error) from None
        if self._closed:
            _close(connection)
        else:
            self._idle.put(connection)
        if len(rows) > query.max_rows:
            raise SourceAnswerInvalid("too-many-rows")
        return rows


def _inspected(at: tuple[str, ...], ask: SQLAsk, driver: Driver) -> Iterator[Finding]:
    try:
        names = set(driver.statement(ask.statement).names)
    except StatementRefused as error:
        yield Finding(at=(*at, "statement"), rule="statement", found=str(error),
                      expected="one SELECT with named parameters, pure functions only")  # fmt: skip
        return
    if not names:
        yield Finding(at=(*at, "statement"), rule="statement", found="no parameter",
                      expected="a WHERE with a :parameter")  # fmt: skip
    for name in sorted(names ^ set(ask.bind)):
        where = "the statement" if name in names else "bind"
        yield Finding(at=(*at, "bind"), rule="bind", found=f"{name!r} is only in {where}",
                      expected="the same names in the statement and in bind")  # fmt: skip


def _missing(module: str) -> bool:
    try:
        import_module(module)
    except ImportError:
        return True
    return False


def _close(connection: Any) -> None:
    with suppress(Exception):
        connection.close()


_LOGIN = re.compile(
    r"authentication failed|no password supplied|role .{1,80} does not exist|no pg_hba.conf entry"
    r"|认证失败|ORA-01017|ORA-28000|Access denied for user",
    re.IGNORECASE,
)
"""Drivers give no SQLSTATE while connecting, only the server's words."""


def _connecting(error: Exception) -> AdapterError:
    """Why there is no connection, without the driver's words: they hold host and user."""
    return SourceRefused("login") if _LOGIN.search(str(error)) else SourceUnavailable("connect")


def _translated(error: Exception) -> AdapterError:
    """A statement's failure by its SQLSTATE where the driver has one, else by its DB-API class."""
    state = str(getattr(error, "sqlstate", None) or getattr(error, "pgcode", None) or "")
    if state == "57014":
        return SourceTimedOut("statement-timeout")
    if state == "42501":
        return SourceRefused("state-42501")
    if state and state[:2] not in {"08", "57"}:
        return SourceAnswerInvalid(f"state-{state[:5]}")
    if type(error).__name__ in {"OperationalError", "InterfaceError"} or state:
        return SourceUnavailable("cut-off")
    return SourceAnswerInvalid("driver")
