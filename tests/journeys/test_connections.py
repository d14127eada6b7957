"""Bytes on a socket that are hardly HTTP, or never end: each is refused, and the next one is served."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

import httpx2
import pytest

from hub.http.problems import Problem
from tests.journeys.conftest import County

NUMBER, WORD = "990101199001010019", "kanarienvogel"
HEAD = b"POST /v1/queries HTTP/1.1\r\nHost: hub\r\nContent-Type: application/json\r\n"
MALFORMED, SLOW = (400, "hub.malformed-request"), (408, "hub.too-slow")
HUGE = (431, "hub.headers-too-large")


def answered(county: County, *sent: bytes) -> tuple[bytes, bytes]:
    """Head and body of what the hub answers to these bytes, until it closes the connection."""
    where = urlsplit(county.hub.url)
    with socket.create_connection((where.hostname, where.port), timeout=20) as connection:
        for each in sent:
            connection.sendall(each)
        said = bytearray()
        while part := connection.recv(65536):
            said += part
    head, _, body = bytes(said).partition(b"\r\n\r\n")
    return head, body


CASES: dict[str, tuple[bytes, tuple[int, str]]] = {
    "not HTTP": (f"{NUMBER} {WORD}\r\n\r\n".encode(), MALFORMED),
    "another protocol": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 99, MALFORMED),
    "an unknown method": (f"{WORD.upper()} / HTTP/1.1\r\nHost: hub\r\n\r\n".encode(), MALFORMED),
    "a NUL in a header": (HEAD + f"X-A: {NUMBER}\0\r\n\r\n".encode(), MALFORMED),
    "a blank before the colon": (HEAD + f"X-A : {NUMBER}\r\n\r\n".encode(), MALFORMED),
    "a bare line feed in a header": (HEAD + b"X-A: a\rb\r\n\r\n", MALFORMED),
    "two lengths": (HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", MALFORMED),
    "a length below nothing": (HEAD + b"Content-Length: -1\r\n\r\n", MALFORMED),
    "a length beyond all numbers": (HEAD + b"Content-Length: " + b"9" * 99 + b"\r\n\r\n", MALFORMED),
    "a length and chunks": (
        HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", MALFORMED,
    ),
    "a chunk of no length": (
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + WORD.encode() + b"\r\n", MALFORMED,
    ),
    "headers without end": (HEAD + b"X-A: b\r\n" * 100_000, HUGE),
    "a header without end": (HEAD + b"X-A: " + b"b" * 1_000_000, HUGE),
    "an address without end": (b"GET /" + b"a" * 1_000_000, HUGE),
    "nothing at all": (b"", SLOW),
    "half a head": (HEAD + f"X-A: {NUMBER}".encode(), SLOW),
    "half a body": (HEAD + b"Content-Length: 99\r\n\r\n{" + NUMBER.encode(), SLOW),
    "half a chunk": (HEAD + b"Transfer-Encoding: chunked\r\n\r\nff\r\n{" + NUMBER.encode(), SLOW),
}  # fmt: skip


@pytest.mark.parametrize(("sent", "expected"), CASES.values(), ids=CASES.keys())
def test_what_cannot_be_read_is_refused_and_the_next_is_served(
    county: County, sent: bytes, expected: tuple[int, str]
) -> None:
    """A problem document, the end of the connection, a whole log, and nothing of it repeated."""
    head, body = answered(county, sent)
    problem = Problem.model_validate_json(body)
    status, code = expected

    assert head.split(b" ", 2)[1] == str(status).encode()
    assert (problem.status, problem.code, problem.origin) == (status, code, "caller")
    assert b"application/problem+json" in head
    said = (head + body).decode() + county.hub.lines()
    assert [word for word in (NUMBER, WORD, WORD.upper()) if word in said] == []
    assert httpx2.get(f"{county.hub.url}/livez", trust_env=False).status_code == 200
    assert county.hub.log.audit() == []


def test_a_caller_that_goes_away_costs_nothing(county: County) -> None:
    """In the middle of its head, of its body, and before its answer: the next one is served."""
    where = urlsplit(county.hub.url)
    for sent in (HEAD, HEAD + b"Content-Length: 99\r\n\r\n{", b"GET /readyz HTTP/1.1\r\n\r\n"):
        with socket.create_connection((where.hostname, where.port), timeout=20) as connection:
            connection.sendall(sent)

    assert httpx2.get(f"{county.hub.url}/readyz", trust_env=False).json()["ready"] is True
    assert county.hub.log.audit() == []


def test_a_kept_connection_serves_one_request_after_the_other(county: County) -> None:
    """Limits are for each request, not for the connection: many small ones are fine."""
    many = b"GET /livez HTTP/1.1\r\nHost: hub\r\nX-A: " + b"b" * 900 + b"\r\n\r\n"
    last = b"GET /livez HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n\r\n"
    head, body = answered(county, many * 200, last)

    assert (head + body).count(b"HTTP/1.1 200 OK") == 201
