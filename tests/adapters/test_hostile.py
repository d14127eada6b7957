"""What must hold for every kind over HTTP, whatever the other side does: the outcome is right, the
answer is in time, and nothing about a person is in a reason or a log.
"""

from __future__ import annotations

import asyncio
import gzip
import logging
from pathlib import Path

import pytest

from adapters.model import Outcome, SourceReply
from tests.adapters.dialects import DIALECTS, Dialect, prepare
from tests.adapters.servers import Behaviour, Request, http, says, serve
from tests.adapters.small import ID_NUMBER, NAME, call, connected

pytestmark = pytest.mark.anyio

DEADLINE = 0.6
HANGS = 30
ENVIRONMENT = {"TOKEN": "t-secret"}


async def _never(_: Request, __: asyncio.StreamWriter) -> None:
    await asyncio.sleep(HANGS)


async def _reset(_: Request, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def _hang_up(_: Request, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def _half(_: Request, writer: asyncio.StreamWriter) -> None:
    writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n{"code":')
    await writer.drain()
    writer.close()


async def _drip(_: Request, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n")
    for _byte in range(9999):
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.05)


async def _drip_head(_: Request, writer: asyncio.StreamWriter) -> None:
    for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"a" * 500:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.05)


async def _huge(_: Request, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _chunk in range(160):
        writer.write(b"10000\r\n" + b"[" * 0x10000 + b"\r\n")
        await writer.drain()


async def _old(_: Request, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.0 200 OK\r\n\r\n<html>")
    await writer.drain()
    writer.close()


_BOMB = gzip.compress(b"0" * 50_000_000)
_GZIP = "Content-Encoding: gzip\r\n"
_LOL = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 9))
_BILLION = f'<!DOCTYPE x [<!ENTITY l0 "lol">{_LOL}]><x>&l8;</x>'
_XXE = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>'

Case = tuple[Behaviour, Outcome, str]

CASES: dict[str, Case] = {
    "never answers": (_never, Outcome.TIMED_OUT, "timed-out"),
    "slow drip of the body": (_drip, Outcome.TIMED_OUT, "timed-out"),
    "slow drip of the head": (_drip_head, Outcome.TIMED_OUT, "timed-out"),
    "reset": (_reset, Outcome.UNREACHABLE, "cut-off"),
    "hangs up": (_hang_up, Outcome.UNREACHABLE, "cut-off"),
    "half a body": (_half, Outcome.UNREACHABLE, "cut-off"),
    "10 MB": (_huge, Outcome.FAILED, "too-large"),
    "10 MB announced": (says(http(b" " * 10_000_000)), Outcome.FAILED, "too-large"),
    "gzip bomb": (says(http(_BOMB, extra=_GZIP)), Outcome.FAILED, "too-large"),
    "not gzip": (says(http("{}", extra=_GZIP)), Outcome.FAILED, "gzip"),
    "half of a gzip": (
        says(http(gzip.compress(b"{}" * 99)[:-9], extra=_GZIP)), Outcome.UNREACHABLE, "cut-off",
    ),
    "unknown coding": (
        says(http("{}", extra="Content-Encoding: br\r\n")), Outcome.FAILED, "content-encoding",
    ),
    "redirect": (
        says(http("", status="302 Found", extra="Location: http://127.0.0.1:9/x\r\n")),
        Outcome.FAILED, "redirect",
    ),
    "not modified": (says(http("", status="304 Not Modified")), Outcome.FAILED, "redirect"),
    "garbage": (says(b"\x00\xff\x13garbage\r\n\r\n"), Outcome.FAILED, "protocol"),
    "chunked garbage": (
        says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n"),
        Outcome.FAILED, "protocol",
    ),
    "two lengths": (
        says(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}"),
        Outcome.FAILED, "protocol",
    ),
    "HTML page in 200": (says(http("<html><br></html>", type_="text/html")), Outcome.FAILED, "*"),
    "HTML page in 502": (
        says(http("<html>", status="502 Bad Gateway")), Outcome.FAILED, "status-502",
    ),
    "HTTP/1.0 with a page": (_old, Outcome.FAILED, "*"),
    "204": (says(b"HTTP/1.1 204 No Content\r\n\r\n"), Outcome.FAILED, "*"),
    "empty 200": (says(http("")), Outcome.FAILED, "*"),
    "forbidden": (says(http("", status="403 Forbidden")), Outcome.REFUSED, "status-403"),
    "undecodable": (
        says(http(f'{{"x":"{NAME}"}}'.encode("gb18030"))), Outcome.FAILED, "encoding",
    ),
    "unknown charset": (
        says(http("{}", type_="application/json; charset=x-martian")), Outcome.FAILED, "encoding",
    ),
    "null": (says(http("null")), Outcome.FAILED, "*"),
    "deep JSON": (says(http("[" * 100_000)), Outcome.FAILED, "*"),
    "NaN": (says(http('{"code":NaN}')), Outcome.FAILED, "*"),
    "a key twice": (says(http('{"code":"1","code":"0","data":[]}')), Outcome.FAILED, "*"),
    "billion laughs": (says(http(_BILLION, type_="text/xml")), Outcome.FAILED, "*"),
    "XXE": (says(http(_XXE, type_="text/xml")), Outcome.FAILED, "*"),
}  # fmt: skip


async def _asked(folder: Path, dialect: Dialect, url: str) -> SourceReply:
    county = connected(
        prepare(folder), {"URL": url, **ENVIRONMENT}, **{dialect.source: dialect.manifest}
    )
    async with asyncio.timeout(HANGS / 2):
        reply = await county.sources[dialect.source].answer(call(dialect.resource), within=DEADLINE)
    await county.aclose()
    return reply


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("kind", DIALECTS)
async def test_a_hostile_source_costs_only_its_own_answer(
    tmp_path: Path, kind: str, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The outcome says what happened; the answer does not wait for a source that hangs;
    neither the reason nor any log names the person, the token or the address.
    """
    behaviour, outcome, why = CASES[name]
    caplog.set_level(logging.DEBUG)
    async with serve(behaviour) as server:
        reply = await _asked(tmp_path, DIALECTS[kind], server.url)
    assert (reply.outcome, reply.records) == (outcome, ())
    assert reply.why is not None
    assert reply.why.startswith(f"{kind}.")
    assert why == "*" or reply.why == f"{kind}.{why}"
    said = caplog.text + repr(reply.why)
    assert not any(secret in said for secret in (ID_NUMBER, NAME, "t-secret", server.url))


@pytest.mark.parametrize("kind", DIALECTS)
async def test_nobody_listens(tmp_path: Path, kind: str) -> None:
    """A closed port is told as such."""
    async with serve(_never) as server:
        url = server.url
    reply = await _asked(tmp_path, DIALECTS[kind], url)
    assert (reply.outcome, reply.why) == (Outcome.UNREACHABLE, f"{kind}.connect")


@pytest.mark.parametrize("kind", DIALECTS)
async def test_a_good_answer_may_be_gzipped(tmp_path: Path, kind: str) -> None:
    """Compression as such is welcome."""
    dialect = DIALECTS[kind]
    body = dialect.good.partition(b"\r\n\r\n")[2]
    async with serve(says(http(gzip.compress(body), extra=_GZIP))) as server:
        reply = await _asked(tmp_path, dialect, server.url)
    assert reply.outcome is Outcome.ANSWERED, reply
    assert server.requests[0].headers["accept-encoding"] == "gzip"


@pytest.mark.parametrize("name", ["reset", "hangs up", "half a body"])
async def test_nothing_is_asked_twice_of_its_own_accord(tmp_path: Path, name: str) -> None:
    """A connection that ends under a GET: whether it may be put again is not the client's to say."""
    async with serve(CASES[name][0]) as server:
        await _asked(tmp_path, DIALECTS["rest"], server.url)
    assert server.connections == 1


async def test_a_redirect_is_not_followed_anywhere(tmp_path: Path) -> None:
    """The other host that a redirect names is never contacted."""
    async with serve(says(DIALECTS["rest"].good)) as other:
        moved = http("", status="307 Moved", extra=f"Location: {other.url}/x\r\n")
        async with serve(says(moved)) as server:
            reply = await _asked(tmp_path, DIALECTS["rest"], server.url)
    assert (reply.why, other.connections) == ("rest.redirect", 0)


async def test_cookies_are_not_carried_from_one_person_to_the_next(tmp_path: Path) -> None:
    """A session that a source opens for one question is not continued in another."""
    dialect = DIALECTS["rest"]
    body = dialect.good.partition(b"\r\n\r\n")[2]
    async with serve(says(http(body, extra="Set-Cookie: JSESSIONID=1; Path=/\r\n"))) as server:
        county = connected(tmp_path, {"URL": server.url}, permit=dialect.manifest)
        for _ in range(2):
            await county.sources["permit"].answer(call(dialect.resource), within=2)
        await county.aclose()
    assert len(server.requests) == 2
    assert "cookie" not in server.requests[1].headers
