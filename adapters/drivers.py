"""How each DB-API driver is spoken to, and how it is kept from resolving names by itself.

A driver gets the address that was checked (`adapters.egress`), not the name to look up again; the
name goes along only where the driver needs it for TLS.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from typing import Any

from adapters.errors import SourceUnavailable
from adapters.statements import Statement, statement

Reach = Callable[[str, int], list[str]]
"""(host as it is written, port) → addresses to connect to; see `adapters.resolving.pinned`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Driver:
    """How one DB-API driver is spoken to."""

    module: str
    dialect: str
    """sqlglot's name of the dialect the statement is written in."""
    placeholder: str
    """What a named parameter becomes; `{}` is its name. A `?` is positional."""
    open: Callable[[Any, str, float, Reach], Any]
    """(module, dsn, timeout in seconds, reach) → connection: autocommit, read-only, with a limit on how
    long a statement runs where the driver can say so."""
    rows: Callable[[Any, str, Any, int], list[Sequence[Any]]]
    """(cursor, statement, parameters, limit) → at most a row over the limit, without taking in
    what lies beyond."""

    def statement(self, text: str) -> Statement:
        """`text` checked and written for this driver; see `adapters.statements`."""
        return statement(text, dialect=self.dialect, placeholder=self.placeholder)


def _postgres(module: Any, dsn: str, timeout: float, reach: Reach) -> Any:
    options = f"-c statement_timeout={int(timeout * 1000)} -c default_transaction_read_only=on"
    # libpq takes whole seconds, and reads 1 as 2.
    seconds = max(2, round(timeout))
    return module.connect(
        **_pinned(module.conninfo.conninfo_to_dict(dsn), reach),
        autocommit=True, connect_timeout=seconds, options=options, prepare_threshold=None,
        keepalives_idle=10, keepalives_interval=5, keepalives_count=3,
    )  # fmt: skip


def _kingbase(module: Any, dsn: str, timeout: float, reach: Reach) -> Any:
    options = f"-c statement_timeout={int(timeout * 1000)} -c default_transaction_read_only=on"
    connection = module.connect(
        **_pinned(module.extensions.parse_dsn(dsn), reach),
        connect_timeout=max(2, round(timeout)), options=options,
    )  # fmt: skip
    connection.autocommit = True
    return connection


def _pinned(parameters: Mapping[str, Any], reach: Reach) -> dict[str, Any]:
    """What libpq is told: `hostaddr` is connected to, `host` only names the server for TLS. It tries
    one after the other, so a name of several addresses stands there as often.
    """
    hosts = str(parameters.get("hostaddr") or parameters.get("host") or "").split(",")
    names = str(parameters.get("host") or parameters.get("hostaddr") or "").split(",")
    ports = str(parameters.get("port") or 5432).split(",")
    if len(ports) == 1:
        ports *= len(hosts)
    tried = [
        (name, address, port)
        for name, host, port in zip(names, hosts, ports, strict=True)
        for address in (
            [""] if not host or host.startswith("/") else reach(host, int(port or 5432))
        )
    ]
    if not any(address for _, address, _ in tried):
        return dict(parameters)
    listed = zip(("host", "hostaddr", "port"), zip(*tried, strict=True), strict=True)
    return {**parameters, **{name: ",".join(each) for name, each in listed}}


def _oracle(module: Any, dsn: str, timeout: float, reach: Reach) -> Any:
    said = re.fullmatch(r"([^/]+)/([^@]*)@(.+)", dsn, re.DOTALL)
    if said is None:
        raise SourceUnavailable("dsn")
    user, password, address = said.groups()
    connection = module.connect(
        user=user, password=password, dsn=_addressed(address, reach), tcp_connect_timeout=timeout
    )
    connection.autocommit = False
    connection.call_timeout = int(timeout * 1000)
    return connection


_IN_DESCRIPTOR = re.compile(r"(\(\s*HOST\s*=\s*)([^\s()]+)", re.IGNORECASE)
_EASY = re.compile(r"((?:tcps?:)?(?://)?)(\[[^\]]+\]|[^:/\[\],]+)((?::\d+)?(?:/.*)?)", re.DOTALL)


def _addressed(address: str, reach: Reach) -> str:
    """A connect descriptor, or `host:port/service`, with addresses in place of the hosts' names.

    An alias of a `tnsnames.ora` says nothing that could be checked, and is refused.
    """
    if address.lstrip().startswith("("):
        found, many = _IN_DESCRIPTOR.subn(lambda m: m[1] + reach(m[2], 1521)[0], address)
        if many:
            return found
    elif (easy := _EASY.fullmatch(address.strip())) and easy[3]:
        at = reach(easy[2].strip("[]"), 1521)[0]
        return easy[1] + (f"[{at}]" if ":" in at else at) + easy[3]
    raise SourceUnavailable("dsn")


def _mysql(module: Any, dsn: str, timeout: float, reach: Reach) -> Any:
    url = re.fullmatch(r"mysql://([^:@/]+):([^@/]*)@([^:/]+)(?::(\d+))?/([^?]+)", dsn)
    if url is None:
        raise SourceUnavailable("dsn")
    user, password, host, port, database = url.groups()
    number = int(port or 3306)
    return module.connect(
        user=user, password=password, host=reach(host, number)[0], port=number, database=database,
        charset="utf8mb4", autocommit=True, connect_timeout=timeout, read_timeout=timeout,
        init_command="SET SESSION TRANSACTION READ ONLY",
    )  # fmt: skip


def _dameng(module: Any, dsn: str, timeout: float, reach: Reach) -> Any:
    said = re.fullmatch(r"([^/]+)/(.*)@([^@:/]+)(?::(\d+))?", dsn, re.DOTALL)
    if said is None:
        raise SourceUnavailable("dsn")
    user, password, host, port = said.groups()
    number = int(port or 5236)
    return module.connect(
        user=user, password=password, server=reach(host, number)[0], port=number, autoCommit=True,
        login_timeout=max(1, round(timeout)),
    )  # fmt: skip


def _fetched(cursor: Any, text: str, parameters: Any, limit: int) -> list[Sequence[Any]]:
    cursor.execute(text, parameters)
    return list(cursor.fetchmany(limit + 1))


def _streamed(cursor: Any, text: str, parameters: Any, limit: int) -> list[Sequence[Any]]:
    """Row by row: libpq would otherwise take in the whole result before the first row is seen."""
    with closing(cursor.stream(text, parameters)) as rows:
        return list(islice(rows, limit + 1))


DRIVERS: Mapping[str, Driver] = {
    "psycopg": Driver(
        module="psycopg", dialect="postgres", placeholder="%({})s", open=_postgres, rows=_streamed
    ),
    "ksycopg2": Driver(
        module="ksycopg2", dialect="postgres", placeholder="%({})s", open=_kingbase, rows=_fetched
    ),
    "oracledb": Driver(
        module="oracledb", dialect="oracle", placeholder=":{}", open=_oracle, rows=_fetched
    ),
    "PyMySQL": Driver(
        module="pymysql", dialect="mysql", placeholder="%({})s", open=_mysql, rows=_fetched
    ),
    "dmPython": Driver(
        module="dmPython", dialect="oracle", placeholder="?", open=_dameng, rows=_fetched
    ),
}
"""The drivers a manifest may name. Only psycopg comes with the product; the others are installed
where the database is (they are not tested against a server here)."""
