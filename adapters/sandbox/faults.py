"""Faults that can be switched on while a department runs, below what the department itself does.

A `Switch` belongs to one department. `Faulty` wraps a department that speaks HTTP; the SQL wire
(`pgwire`) has its own reading of the same list. `refuse` is the listener's: it closes the port.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

HUGE_BYTES = 8 * 1024 * 1024
_SKEW_SECONDS = 3600


class Fault(StrEnum):
    """What can be wrong with a department."""

    SLOW = "slow"
    """The right answer, some milliseconds late."""
    HANG = "hang"
    """No answer at all, until the fault is cleared."""
    RESET = "reset"
    """The connection is reset (RST) after the question."""
    HALF_BODY = "half-body"
    """The connection ends in the middle of the answer."""
    GARBAGE = "garbage"
    """Bytes that are no document."""
    WRONG_SCHEMA = "wrong-schema"
    """A well-formed document in which nothing is where it should be."""
    ERROR_200 = "200-with-error"
    """HTTP 200, and an error inside."""
    WRONG_ENCODING = "wrong-encoding"
    """The right answer in another charset than the declared one."""
    XML_BOMB = "xml-bomb"
    """A few hundred bytes that mean gigabytes."""
    REDIRECT = "redirect"
    """Go and ask somewhere else."""
    HUGE = "huge"
    """More than anybody wants to read."""
    STATUS_500 = "status-500"
    MAINTENANCE = "maintenance"
    """Closed for now, and says so in its own way."""
    CLOCK_SKEW = "clock-skew"
    """Its clock is an hour fast, so that no moment a caller names is believed."""
    TOKEN_RACE = "token-race"  # noqa: S105 -- the name of a fault
    """Each new secret or token ends all others at once, as if others refreshed all the time."""
    EXPIRED_CERTIFICATE = "expired-certificate"
    """The server's certificate ended yesterday."""
    REFUSE = "refuse"
    """Nobody listens on the port."""


@dataclass(slots=True)
class Switch:
    """What is wrong with one department now. Used on the sandbox's loop only."""

    fault: Fault | None = None
    ms: int = 0
    """Of `slow`."""
    delay_ms: int = 0
    """Added to every answer, with or without a fault; for benchmarks."""
    released: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the fault changes: whoever hangs lets go."""

    def now(self) -> float:
        """Seconds since the epoch, by the department's own clock."""
        return time.time() + (_SKEW_SECONDS if self.fault is Fault.CLOCK_SKEW else 0)

    def turn(self, fault: Fault | None, ms: int = 0) -> None:
        """Switch to `fault`, or to none."""
        self.fault, self.ms = fault, ms
        self.released.set()
        self.released = asyncio.Event()

    async def wait(self) -> None:
        """Wait as long as an answer takes, or until the fault changes."""
        late = self.ms if self.fault is Fault.SLOW else 0
        if late or self.delay_ms:
            with suppress(TimeoutError):
                async with asyncio.timeout((late + self.delay_ms) / 1000):
                    await self.released.wait()


@dataclass(frozen=True, slots=True, kw_only=True)
class Misbehaviour:
    """How a department that speaks HTTP misbehaves in its own dialect."""

    media_type: str
    charset: str
    """Of its ordinary answers."""
    wrong_schema: bytes
    error: bytes
    """The body of `200-with-error`."""
    maintenance: bytes | None = None
    """What it says with HTTP 200 while it is closed; None: it says 503."""

    def misencoded(self, body: bytes) -> bytes:
        """`body` in a charset nobody announced. GB18030 reads nearly everything, so that its
        opposite is UTF-16.
        """
        text = body.decode(self.charset)
        return text.encode("gb18030" if self.charset == "utf-8" else "utf-16")


def json_misbehaviour(
    error: dict[str, Any], maintenance: dict[str, Any] | None = None
) -> Misbehaviour:
    """For the departments that answer in JSON."""
    return Misbehaviour(
        media_type="application/json; charset=utf-8",
        charset="utf-8",
        wrong_schema=b'{"greeting": "hello", "items": [{"a": 1}]}',
        error=json.dumps(error, ensure_ascii=False).encode(),
        maintenance=json.dumps(maintenance, ensure_ascii=False).encode() if maintenance else None,
    )


BOMB = b"""<?xml version="1.0"?>
<!DOCTYPE b [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;">
<!ENTITY e "&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;"><!ENTITY f "&e;&e;&e;&e;&e;&e;&e;&e;&e;&e;">
<!ENTITY g "&f;&f;&f;&f;&f;&f;&f;&f;&f;&f;"><!ENTITY h "&g;&g;&g;&g;&g;&g;&g;&g;&g;&g;">]>
<b>&h;</b>"""
GARBAGE = bytes((at * 151 + 7) % 256 for at in range(600))


class Faulty:
    """A department that speaks HTTP, with its switch."""

    def __init__(self, app: ASGIApp, switch: Switch, manner: Misbehaviour) -> None:
        self._app, self._switch, self._manner = app, switch, manner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        await self._switch.wait()
        fault = self._switch.fault
        act = _ACTS.get(fault) if fault else None
        if act is None:
            await self._app(scope, receive, send)
        else:
            await act(self, scope, receive, send)

    async def hang(self, scope: Scope, receive: Receive, _send: Send) -> None:
        released = asyncio.create_task(self._switch.released.wait())
        gone = asyncio.create_task(_gone(receive))
        try:
            await asyncio.wait((released, gone), return_when=asyncio.FIRST_COMPLETED)
        finally:
            released.cancel()
            gone.cancel()
            with suppress(asyncio.CancelledError):
                await gone
        _transport(scope).abort()
        await _gone(receive)

    async def reset(self, scope: Scope, receive: Receive, _send: Send) -> None:
        reset(_transport(scope))
        await _gone(receive)

    async def half(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = (await self._answer(scope, receive))[1]
        await send(_start(200, self._manner.media_type, len(body)))
        await send(_body(body[: len(body) // 2], more=True))
        _transport(scope).close()
        await _gone(receive)

    async def garbage(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        await _whole(send, 200, self._manner.media_type, GARBAGE)

    async def wrong_schema(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        await _whole(send, 200, self._manner.media_type, self._manner.wrong_schema)

    async def error_200(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        await _whole(send, 200, self._manner.media_type, self._manner.error)

    async def wrong_encoding(self, scope: Scope, receive: Receive, send: Send) -> None:
        status, body = await self._answer(scope, receive)
        await _whole(send, status, self._manner.media_type, self._manner.misencoded(body))

    async def bomb(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        await _whole(send, 200, "text/xml", BOMB)

    async def redirect(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        start = _start(302, "text/plain", 0)
        start["headers"].append((b"location", b"http://127.0.0.1:9/elsewhere"))
        await send(start)
        await send(_body(b""))

    async def huge(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        await send(_start(200, self._manner.media_type, HUGE_BYTES))
        for _ in range(HUGE_BYTES // 65536):
            await send(_body(b" " * 65536, more=True))
        await send(_body(b""))

    async def status_500(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        await _whole(send, 500, "text/html", "<h1>服务器内部错误</h1>".encode("gb18030"))

    async def maintenance(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        if self._manner.maintenance is not None:
            await _whole(send, 200, self._manner.media_type, self._manner.maintenance)
        else:
            await _whole(send, 503, "text/html", "<h1>系统维护中</h1>".encode("gb18030"))

    async def _answer(self, scope: Scope, receive: Receive) -> tuple[int, bytes]:
        """Status and body of what the department would have answered."""
        status, body = 200, bytearray()

        async def keep(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            body.extend(message.get("body", b""))

        await self._app(scope, receive, keep)
        return status, bytes(body)


_Act = Callable[[Faulty, Scope, Receive, Send], Awaitable[None]]

_ACTS: dict[Fault, _Act] = {
    Fault.HANG: Faulty.hang,
    Fault.RESET: Faulty.reset,
    Fault.HALF_BODY: Faulty.half,
    Fault.GARBAGE: Faulty.garbage,
    Fault.WRONG_SCHEMA: Faulty.wrong_schema,
    Fault.ERROR_200: Faulty.error_200,
    Fault.WRONG_ENCODING: Faulty.wrong_encoding,
    Fault.XML_BOMB: Faulty.bomb,
    Fault.REDIRECT: Faulty.redirect,
    Fault.HUGE: Faulty.huge,
    Fault.STATUS_500: Faulty.status_500,
    Fault.MAINTENANCE: Faulty.maintenance,
}
"""What each fault means over HTTP; those of clocks, tokens and certificates are the fronts'."""


def reset(transport: asyncio.WriteTransport) -> None:
    """End a connection with RST instead of FIN: the peer sees “connection reset”."""
    connection: socket.socket | None = transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def _transport(scope: Scope) -> asyncio.Transport:
    """The connection below the request; `serving` puts it there."""
    found: asyncio.Transport = scope["state"]["transport"]
    return found


async def _gone(receive: Receive) -> None:
    """Wait until the connection is over, so that the server does not miss the rest of an answer."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _start(status: int, media_type: str, length: int) -> Message:
    headers = [(b"content-type", media_type.encode()), (b"content-length", b"%d" % length)]
    return {"type": "http.response.start", "status": status, "headers": headers}


def _body(body: bytes, *, more: bool = False) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": more}


async def _whole(send: Send, status: int, media_type: str, body: bytes) -> None:
    await send(_start(status, media_type, len(body)))
    await send(_body(body))
