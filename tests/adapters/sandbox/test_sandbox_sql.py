"""The front database on a socket, asked by a real PostgreSQL driver and by a rude one."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from decimal import Decimal
from urllib.parse import urlsplit

import psycopg
import pytest

from adapters.sandbox import Fault, Sandbox

Session = psycopg.Connection[tuple[object, ...]]


@pytest.fixture
def session(running: Sandbox) -> Iterator[Session]:
    """A connection as our own adapter opens it."""
    with psycopg.connect(running.environment["SOCIAL_INSURANCE_DSN"], autocommit=True) as opened:
        yield opened


def number(running: Sandbox, persona: str = "complete") -> str:
    """The applicant's number."""
    return running.population.personas[persona].subjects["applicant"].number


HISTORY = "SELECT aae003, aae180, ljjfys FROM v_ac43 WHERE aac002 = %(n)s ORDER BY aae003 DESC"


@pytest.mark.parametrize("prepare", [True, False])
def test_bound_parameters_find_a_person(
    running: Sandbox, session: Session, *, prepare: bool
) -> None:
    """Text, integers and numerics come with their types, with and without preparing."""
    known = running.population.insurance[number(running)]
    rows = session.execute(HISTORY, {"n": number(running)}, prepare=prepare).fetchall()
    assert len(rows) == len(known.payments)
    assert rows[0] == (
        known.payments[0].period,
        Decimal(known.payments[0].base),
        known.total_months,
    )


def test_a_parameter_is_never_part_of_the_statement(running: Sandbox, session: Session) -> None:
    """What looks like SQL is a text that matches nobody."""
    for text in ("' OR '1'='1", "x'; DROP VIEW v_ac43; --", "$1", "％"):
        assert session.execute(HISTORY, {"n": text}).fetchall() == []
    assert session.execute(HISTORY, {"n": number(running)}).fetchall()


def test_null_is_null_and_empty_is_empty(session: Session) -> None:
    """Two of the kinds of nothing stay apart on the wire."""
    assert session.execute("SELECT %s AS a, '' AS b", (None,)).fetchone() == (None, "")


def test_dollar_signs_in_texts_and_comments_are_left_alone(session: Session) -> None:
    """Only parameters are parameters."""
    row = session.execute("SELECT '$1' AS a, %s AS b -- $2\n", ("x",)).fetchone()
    assert row == ("$1", "x")


def test_binary_results_and_pipelines_work(running: Sandbox, session: Session) -> None:
    """Integers and text are also sent in binary; several statements go in one pipeline."""
    with session.cursor(binary=True) as cursor:
        cursor.execute("SELECT ljjfys, aac002 FROM v_ac43 WHERE aac002 = %s", (number(running),))
        months = running.population.insurance[number(running)].total_months
        assert cursor.fetchone() == (months, number(running))
    with session.pipeline():
        first = session.execute("SELECT %s", ("a",))
        second = session.execute("SELECT %s", ("b",))
        assert (first.fetchone(), second.fetchone()) == (("a",), ("b",))


def test_a_server_side_cursor_reads_in_portions(session: Session) -> None:
    """`stream` gets row by row what `fetchall` gets at once."""
    statement = "SELECT aac002 FROM v_ac01 ORDER BY aac002"
    with session.cursor() as cursor:
        streamed = list(cursor.stream(statement))
    assert streamed == session.execute(statement).fetchall()
    assert len(streamed) > 50


REFUSED = {
    "insert": ("INSERT INTO ac01 (aac001) VALUES ('x')", "25006"),
    "update": ("UPDATE ac01 SET aac003 = 'x'", "25006"),
    "delete": ("DELETE FROM ac43", "25006"),
    "drop": ("DROP VIEW v_ac01", "25006"),
    "pragma": ("PRAGMA query_only = OFF", "25006"),
    "attach": ("ATTACH DATABASE 'x' AS y", "25006"),
    "writing behind a WITH": ("WITH x AS (SELECT 1) DELETE FROM ac43", "42501"),
    "extension": ("SELECT load_extension('x')", "42501"),
    "two statements": ("SELECT 1; DELETE FROM ac43", "42601"),
    "unknown view": ("SELECT * FROM v_ac99", "42P01"),
    "unknown column": ("SELECT aac999 FROM v_ac01", "42703"),
    "nonsense": ("SELECT FROM WHERE", "42601"),
    "procedure": ("CALL x()", "25006"),
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("bound", [True, False])
def test_it_is_read_only(session: Session, case: str, *, bound: bool) -> None:
    """Whatever would write, or is no statement, is refused by its SQLSTATE; the session lives on."""
    statement, state = REFUSED[case]
    with pytest.raises(psycopg.Error) as refusal:
        session.execute(statement.encode(), [] if bound else None, prepare=bound)
    assert refusal.value.sqlstate == state
    assert session.execute("SELECT count(*) FROM v_ac43").fetchone() != ("0",)


def test_transactions_are_accepted_and_mean_nothing(running: Sandbox) -> None:
    """A driver that begins and commits works as well."""
    with psycopg.connect(running.environment["SOCIAL_INSURANCE_DSN"]) as opened:
        assert opened.execute(HISTORY, {"n": number(running)}).fetchone()
        opened.commit()


@pytest.mark.parametrize("change", ["password", "user"])
def test_only_a_known_user_with_the_right_password_is_let_in(running: Sandbox, change: str) -> None:
    """SQLSTATE 28P01, and the password is not repeated."""
    dsn = running.environment["SOCIAL_INSURANCE_DSN"]
    with pytest.raises(psycopg.OperationalError, match="password authentication failed") as error:
        psycopg.connect(dsn, **{change: "wrong-guess"})
    assert "wrong-guess" not in str(error.value).replace('user "wrong-guess"', "")


def test_the_clients_limit_on_a_statement_is_heeded(working: Sandbox) -> None:
    """A slow statement ends as `57014`, and the connection can be used again."""
    dsn = working.environment["SOCIAL_INSURANCE_DSN"]
    with psycopg.connect(dsn, autocommit=True, options="-c statement_timeout=50") as opened:
        working.fault("social-insurance", Fault.SLOW, 30_000)
        with pytest.raises(psycopg.errors.QueryCanceled):
            opened.execute(HISTORY, {"n": number(working)})
        working.clear()
        assert opened.execute(HISTORY, {"n": number(working)}).fetchone()


def _raw(running: Sandbox, data: bytes) -> bytes:
    """Everything the server says to `data` until it hangs up."""
    at = urlsplit(running.environment["SOCIAL_INSURANCE_DSN"])
    with socket.create_connection((str(at.hostname), at.port or 0), timeout=5) as peer:
        peer.sendall(data)
        peer.shutdown(socket.SHUT_WR)
        said = b""
        while piece := peer.recv(4096):
            said += piece
    return said


def _startup(code: int, body: bytes = b"\0") -> bytes:
    return struct.pack("!ii", len(body) + 8, code) + body


RUDE = {
    "nothing": (b"", b""),
    "half a length": (b"\0\0", b""),
    "a huge startup": (struct.pack("!ii", 2**30, 196608), b""),
    "a negative length": (struct.pack("!i", -5), b""),
    "HTTP": (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b""),
    "version 2": (_startup(131072), b"0A000"),
    "a cancel": (_startup(80877102, struct.pack("!ii", 1, 1)), b""),
    "encryption, then nothing": (_startup(80877103, b""), b"N"),
    "a startup without end": (_startup(196608, b"user"), b"08P01"),
    "no password": (_startup(196608, b"user\0mianti_ro\0\0"), b"28P01"),
    "a wrong message": (_startup(196608, b"user\0x\0\0") + b"p" + struct.pack("!i", 2), b"08P01"),
}


@pytest.mark.parametrize("case", RUDE)
def test_rude_clients_are_shown_the_door(running: Sandbox, case: str) -> None:
    """No answer or an error by SQLSTATE, the connection ends, and others are still served."""
    data, expected = RUDE[case]
    said = _raw(running, data)
    assert expected in said
    assert expected or not said
    with psycopg.connect(running.environment["SOCIAL_INSURANCE_DSN"]) as opened:
        assert opened.execute("SELECT 1").fetchone()
