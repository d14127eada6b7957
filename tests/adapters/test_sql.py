"""SQL sources on a real PostgreSQL: the statement check, and what a database may do to us."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import psycopg
import pytest

from adapters.errors import InvalidManifest
from adapters.model import Outcome, SourceReply
from adapters.sql import DRIVERS
from adapters.statements import StatementRefused
from tests.adapters.small import ID_NUMBER, NAME, call, connected

MANIFEST = """
source: social-insurance
name: 社会保险前置库
authority: 县人社局
kind: sql
connect:
  driver: psycopg
  dsn: ${DSN}
  timeout: 2s
  connections: 2
resources:
  social-insurance.payment-history:
    ask:
      statement: "SELECT AAC001, aac003, aae003, aae180 FROM ac43 WHERE aac002 = :id_number AND aae003 LIKE '20%' ORDER BY aae003"
      bind: { id_number: keys.id_number }
      max_rows: 5
    answer:
      record: all-rows
      empty_when: { records: none }
      fields:
        personal_no: { at: aac001 }
        name: { at: aac003 }
        period: { at: aae003 }
        base: { at: aae180 }
"""
OLD = "SELECT AAC001, aac003, aae003, aae180 FROM ac43 WHERE aac002 = :id_number AND aae003 LIKE '20%' ORDER BY aae003"


@pytest.fixture(scope="module")
def dsn(postgres_url: str) -> str:
    """A front database with two months of contributions, and a reader's account."""
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute("DROP DATABASE IF EXISTS front")
        admin.execute("CREATE DATABASE front")
    url = postgres_url.replace("/postgres?", "/front?")
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(
            "CREATE TABLE ac43(aac001 bigint, aac002 text, aac003 text, aae003 text, aae180 numeric(10,2))"
        )
        admin.execute(
            "INSERT INTO ac43 VALUES (9901, %(i)s, %(n)s, '202501', 5200.00), (9901, %(i)s, %(n)s, '202502', NULL),"
            "(9902, 'many', 'x', '202501', 'NaN')",
            {"i": ID_NUMBER, "n": NAME},
        )
        admin.execute(
            "INSERT INTO ac43 SELECT 1, 'too-many', 'x', '20' || n, n FROM generate_series(1,6) n"
        )
        admin.execute("CREATE TABLE secret(x text)")
        admin.execute("DROP ROLE IF EXISTS reader")
        admin.execute("CREATE ROLE reader LOGIN")
        admin.execute("GRANT SELECT ON ac43 TO reader")
        # A view that hangs, as a view over a link to a dead database does.
        admin.execute(
            "CREATE VIEW slow AS SELECT aac001, aac002, aac003, aae003, aae180 FROM ac43, pg_sleep(5)"
        )
        joined = ", ".join(f"ac43 t{n}" for n in range(9))
        admin.execute("CREATE VIEW vast AS SELECT t0.* FROM many".replace("many", joined))
        admin.execute("GRANT SELECT ON slow, vast TO reader")
    return url.replace("postgres@", "reader@")


async def answered(folder: Path, dsn: str, manifest: str = MANIFEST, **keys: str) -> SourceReply:
    """One answer."""
    county = connected(folder, {"DSN": dsn}, social_insurance=manifest)
    reply = await county.sources["social-insurance"].answer(
        call("social-insurance.payment-history", **keys), within=2
    )
    await county.aclose()
    return reply


@pytest.mark.anyio
async def test_rows_become_one_record_with_lines(tmp_path: Path, dsn: str) -> None:
    """Head from the first row, a line for each; decimals keep their digits; NULL is no value; a
    `%` in the statement is just that.
    """
    reply = await answered(tmp_path, dsn)
    assert reply.outcome is Outcome.ANSWERED, reply
    assert dict(reply.records[0].values) == {"personal_no": "9901", "name": NAME}
    assert [dict(line) for line in reply.records[0].lines] == [
        {"period": "202501", "base": "5200.00"},
        {"period": "202502", "base": None},
    ]
    again = await answered(tmp_path, dsn)
    assert reply.record_hash is not None
    assert reply.record_hash == again.record_hash


@pytest.mark.anyio
async def test_each_row_a_record(tmp_path: Path, dsn: str) -> None:
    """`records: rows` gives one record a row."""
    text = MANIFEST.replace("record: all-rows", "records: rows").split("        period")[0]
    reply = await answered(tmp_path, dsn, text)
    assert [record.values["name"] for record in reply.records] == [NAME, NAME]


OUTCOMES: dict[str, tuple[dict[str, str], str, Outcome, str | None]] = {
    "zero rows": ({"id_number": "nobody"}, OLD, Outcome.NO_RECORD, None),
    "an injection is a value": (
        {"id_number": "' OR '1'='1"}, OLD, Outcome.NO_RECORD, None,
    ),
    "too many rows": ({"id_number": "too-many"}, OLD, Outcome.FAILED, "sql.too-many-rows"),
    "a hundred million rows": (
        {}, "SELECT aac001 FROM vast WHERE aac002 = :id_number", Outcome.FAILED, "sql.too-many-rows",
    ),
    "no such table": (
        {}, "SELECT a FROM nowhere WHERE a = :id_number", Outcome.FAILED, "sql.state-42P01",
    ),
    "not ours to read": (
        {}, "SELECT x FROM secret WHERE x = :id_number", Outcome.REFUSED, "sql.state-42501",
    ),
    "NUL in a key": ({"id_number": "a\x00b"}, OLD, Outcome.NOT_ASKED, "sql.unaskable"),
}  # fmt: skip


@pytest.mark.anyio
@pytest.mark.parametrize("name", OUTCOMES)
async def test_outcomes(tmp_path: Path, dsn: str, name: str) -> None:
    """Zero rows, a refusal and a broken statement stay apart."""
    keys, text, outcome, why = OUTCOMES[name]
    reply = await answered(tmp_path, dsn, MANIFEST.replace(OLD, text), **keys)
    assert (reply.outcome, reply.why) == (outcome, why)


@pytest.mark.anyio
async def test_a_value_that_cannot_be_read_is_marked(tmp_path: Path, dsn: str) -> None:
    """`NaN` in a numeric column is bad, not empty."""
    reply = await answered(tmp_path, dsn, id_number="many")
    assert dict(reply.records[0].bad) == {"base": "decimal"}
    assert reply.records[0].lines[0]["base"] is None


@pytest.mark.anyio
async def test_a_statement_that_hangs_is_left_behind(tmp_path: Path, dsn: str) -> None:
    """The answer is in time, the database ends the statement itself, and no more than the allowed
    connections ever wait.
    """
    manifest = MANIFEST.replace("FROM ac43", "FROM slow").replace("timeout: 2s", "timeout: 500ms")
    county = connected(tmp_path, {"DSN": dsn}, social_insurance=manifest)
    source = county.sources["social-insurance"]
    replies = await asyncio.gather(
        *(source.answer(call("social-insurance.payment-history"), within=2) for _ in range(4))
    )
    assert {reply.outcome for reply in replies} == {Outcome.TIMED_OUT}
    with psycopg.connect(dsn.replace("reader@", "postgres@")) as admin:
        seen = admin.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE usename='reader'"
        ).fetchone()
    assert seen is not None
    assert seen[0] <= 2
    await county.aclose()


@pytest.mark.anyio
async def test_an_idle_connection_that_was_cut_is_replaced(tmp_path: Path, dsn: str) -> None:
    """A restart of the database between two calls costs neither of them."""
    county = connected(tmp_path, {"DSN": dsn}, social_insurance=MANIFEST)
    source = county.sources["social-insurance"]
    first = await source.answer(call("social-insurance.payment-history"), within=2)
    with psycopg.connect(dsn.replace("reader@", "postgres@"), autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename='reader'"
        )
    second = await source.answer(call("social-insurance.payment-history"), within=2)
    await county.aclose()
    assert (first.outcome, second.outcome) == (Outcome.ANSWERED, Outcome.ANSWERED)


@pytest.mark.anyio
async def test_the_session_is_read_only(tmp_path: Path, dsn: str) -> None:
    """Even a superuser's account cannot write through a function in a view."""
    owner = dsn.replace("reader@", "postgres@")
    with psycopg.connect(owner, autocommit=True) as admin:
        admin.execute(
            "CREATE OR REPLACE FUNCTION sneak() RETURNS text LANGUAGE sql VOLATILE AS "
            "$$ INSERT INTO secret VALUES ('x') RETURNING x $$"
        )
        admin.execute("CREATE OR REPLACE VIEW sneaky AS SELECT sneak() AS aac001")
    text = "SELECT aac001 FROM sneaky WHERE aac001 = :id_number"
    reply = await answered(tmp_path, owner, MANIFEST.replace(OLD, text))
    assert (reply.outcome, reply.why) == (Outcome.FAILED, "sql.state-25006")


DSNS = {
    "nobody listens": ("postgresql://reader@127.0.0.1:9/x", Outcome.UNREACHABLE, "sql.connect"),
    "no such account": ("nobody", Outcome.REFUSED, "sql.login"),
}


@pytest.mark.anyio
@pytest.mark.parametrize("name", DSNS)
async def test_no_connection(tmp_path: Path, dsn: str, name: str) -> None:
    """A dead database and a refused account are told apart, without naming either."""
    url, outcome, why = DSNS[name]
    url = dsn.replace("reader@", "nobody-here@") if url == "nobody" else url
    reply = await answered(tmp_path, url)
    assert (reply.outcome, reply.why) == (outcome, why)


REFUSED = {
    "no statement": "",
    "not SQL": "hello there",
    "two statements": "SELECT a FROM t WHERE a=:id; SELECT 1",
    "a write": "UPDATE t SET a=1 WHERE a=:id",
    "a write in a CTE": "WITH x AS (DELETE FROM t WHERE a=:id RETURNING a) SELECT a FROM x",
    "SELECT INTO": "SELECT a INTO n FROM t WHERE a=:id",
    "a lock": "SELECT a FROM t WHERE a=:id FOR UPDATE",
    "sleeping": "SELECT pg_sleep(10), a FROM t WHERE a=:id",
    "reading files": "SELECT pg_read_file('/etc/passwd') FROM t WHERE a=:id",
    "reading files in FROM": "SELECT a FROM pg_read_file('/etc/passwd') WHERE a=:id",
    "a sequence": "SELECT nextval('s') FROM t WHERE a=:id",
    "settings": "SELECT set_config('a','b',false) FROM t WHERE a=:id",
    "a function of a schema": "SELECT pg_catalog.pg_sleep(1) FROM t WHERE a=:id",
    "rows out of nothing": "SELECT n FROM generate_series(1,1000000000) n WHERE n=:id",
    "recursion without end": "WITH RECURSIVE r AS (SELECT 1 n UNION ALL SELECT n FROM r) SELECT n FROM r WHERE n=:id",
    "a union": "SELECT a FROM t WHERE a=:id UNION SELECT b FROM u",
    "COPY": "COPY t TO PROGRAM 'id'",
    "a call": "CALL p(:id)",
    "a block": "DO $$ BEGIN END $$",
    "explain": "EXPLAIN ANALYZE SELECT a FROM t WHERE a=:id",
    "a comment": "SELECT a FROM t /*! UNION SELECT b FROM u */ WHERE a=:id",
    "a comment at the end": "SELECT a FROM t WHERE a=:id -- x",
    "an Oracle sequence": "SELECT s.NEXTVAL FROM t WHERE a=:id",
    "a positional parameter": "SELECT a FROM t WHERE a=?",
    "nesting": "SELECT a FROM t WHERE a=:id AND 1".replace("1", "(" * 3000 + "1=1" + ")" * 3000),
}


@pytest.mark.parametrize("name", REFUSED)
def test_statements_that_are_refused(name: str) -> None:
    """Anything but one pure SELECT with named parameters is refused at load."""
    with pytest.raises(StatementRefused):
        DRIVERS["psycopg"].statement(REFUSED[name])


WRITTEN = {
    "psycopg": ("SELECT a::text, ':x 100%%' FROM t WHERE a=%(id)s AND b=%(id)s", ("id", "id")),
    "PyMySQL": ("SELECT a::text, ':x 100%%' FROM t WHERE a=%(id)s AND b=%(id)s", ("id", "id")),
    "oracledb": ("SELECT a::text, ':x 100%' FROM t WHERE a=:id AND b=:id", ("id", "id")),
    "dmPython": ("SELECT a::text, ':x 100%' FROM t WHERE a=? AND b=?", ("id", "id")),
}


@pytest.mark.parametrize("driver", WRITTEN)
def test_parameters_are_written_the_drivers_way(driver: str) -> None:
    """Only names outside texts and casts are parameters; the rest of the statement is untouched."""
    text = "SELECT a::text, ':x 100%' FROM t WHERE a=:id AND b=:id"
    found = DRIVERS[driver].statement(text)
    assert (found.text, found.names) == WRITTEN[driver]


def test_oracle_statements_are_understood() -> None:
    """What departments' front databases are asked with passes."""
    text = (
        "SELECT NVL(a.AAC003, '无') AS xm, TO_CHAR(a.AAC006, 'YYYYMMDD') csrq, SUM(b.AAE180) "
        "FROM AC01 a LEFT JOIN AC43 b ON a.AAC001 = b.AAC001 WHERE a.AAC002 = :id_number AND ROWNUM <= 10 "
        "GROUP BY a.AAC003, a.AAC006"
    )
    assert DRIVERS["oracledb"].statement(text).names == ("id_number",)


def test_names_of_statement_and_bind_have_to_agree(tmp_path: Path) -> None:
    """A parameter without a value, and a value without a parameter, are complaints on the line of
    `bind`.
    """
    text = MANIFEST.replace("bind: { id_number:", "bind: { id:")
    with pytest.raises(InvalidManifest) as caught:
        connected(tmp_path, {"DSN": "postgresql://x"}, social_insurance=text)
    assert [(c.rule, c.line) for c in caught.value.complaints] == [("bind", 15), ("bind", 15)]


def test_a_driver_that_is_not_installed_is_a_complaint(tmp_path: Path) -> None:
    """The manifest names a driver of the table; the machine has to have it."""
    text = MANIFEST.replace("driver: psycopg", "driver: dmPython")
    with pytest.raises(InvalidManifest) as caught:
        connected(tmp_path, {"DSN": "x"}, social_insurance=text)
    assert [complaint.rule for complaint in caught.value.complaints] == ["missing-driver"]


HOSTILE: dict[str, tuple[bytes | None, Outcome, str]] = {
    "never answers": (None, Outcome.TIMED_OUT, "sql.timed-out"),
    "hangs up": (b"", Outcome.UNREACHABLE, "sql.connect"),
    "speaks HTTP": (b"HTTP/1.1 400 Bad Request\r\n\r\n", Outcome.UNREACHABLE, "sql.connect"),
    "greets, then garbage": (
        b"R\x00\x00\x00\x08\x00\x00\x00\x00Z\x00\x00\x00\x05I\x00\xff\x00\xff", Outcome.UNREACHABLE,
        "sql.cut-off",
    ),
}  # fmt: skip


@pytest.mark.anyio
@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_database(tmp_path: Path, name: str) -> None:
    """Whatever listens where the database should be, the answer is in time and says what it was."""
    said, outcome, why = HOSTILE[name]

    over = asyncio.Event()
    handled: list[asyncio.Task[None] | None] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handled.append(asyncio.current_task())
        with suppress(ConnectionError):
            await reader.read(4096)
            if said is None:
                await over.wait()
            writer.write(said or b"")
            await writer.drain()
            writer.close()
            await writer.wait_closed()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    manifest = MANIFEST.replace("timeout: 2s", "timeout: 600ms")
    async with asyncio.timeout(30):
        reply = await answered(
            tmp_path, f"postgresql://reader@127.0.0.1:{port}/x?sslmode=disable", manifest
        )
    over.set()
    server.close()
    await asyncio.gather(*(task for task in handled if task))
    assert (reply.outcome, reply.why) == (outcome, why)


@asynccontextmanager
async def on_tcp(dsn: str) -> AsyncIterator[int]:
    """The database on a port of loopback; it listens on a UNIX socket otherwise."""
    path = dsn.partition("?host=")[2] + "/.s.PGSQL.5432"

    open_: list[asyncio.StreamWriter] = []
    relays: list[asyncio.Task[None]] = []

    async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while chunk := await source.read(65536):
                sink.write(chunk)
                await sink.drain()
        sink.close()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner, outer = await asyncio.open_unix_connection(path)
        open_.extend((writer, outer))
        relays.extend(
            asyncio.create_task(each) for each in (pump(reader, outer), pump(inner, writer))
        )

    async with await asyncio.start_server(relay, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]
        await asyncio.gather(*relays)
        for each in open_:
            with suppress(ConnectionError):
                await each.wait_closed()


@pytest.mark.anyio
async def test_a_name_that_leads_home_is_refused_before_connecting(
    tmp_path: Path, dsn: str
) -> None:
    """A name is not the operator's word: where it leads has to be listed. `localhost` is."""
    listing = MANIFEST.replace("timeout: 2s", "timeout: 2s\n  allow_networks: [127.0.0.0/8]")
    async with on_tcp(dsn) as port:
        at = f"postgresql://reader@{{}}:{port}/front"
        refused = await answered(tmp_path, at.format("0x7f.1"))
        listed = await answered(tmp_path, at.format("0x7f.1"), listing)
        plain = await answered(tmp_path, at.format("localhost"))
    assert (refused.outcome, refused.why) == (Outcome.UNREACHABLE, "sql.address-refused")
    assert (listed.outcome, plain.outcome) == (Outcome.ANSWERED, Outcome.ANSWERED)
