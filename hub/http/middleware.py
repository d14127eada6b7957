"""What surrounds every request: trace, limits on size and time, headers, one log line.

Plain ASGI: it costs microseconds, and sees the body before anything parses it.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub.http.clear import number_of_a_person
from hub.http.problems import problem, unexpected
from hub.ids import random_bytes

log = structlog.get_logger()

MAX_HEADER_BYTES = 32 * 1024
"""Of all headers together; `hub.connections` ends what does not even end."""
_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")
_SHORTEST_NUMBER = 15
_SLOWEST_BYTES_A_SECOND = 64 * 1024
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}


class Envelope:
    """Trace id in and out (W3C Trace Context), hard limits, safe headers, and the last net: what
    nobody caught becomes a problem document here, and no traceback of it is printed anywhere.
    """

    def __init__(
        self,
        app: ASGIApp,
        max_body_bytes: int,
        receive_seconds: float,
        larger: Mapping[str, int] | None = None,
    ) -> None:
        """Args:
        app: What is surrounded.
        max_body_bytes: Largest body of a request.
        receive_seconds: How long to wait for a body.
        larger: Path → largest body there.
        """
        self.app, self.max_body_bytes, self.seconds = app, max_body_bytes, receive_seconds
        self.larger = dict(larger or {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI event."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.monotonic()
        headers = Headers(scope=scope)
        trace = _trace_of(headers.get("traceparent", ""))
        state = scope.setdefault("state", {})
        state["trace"], state["began"] = trace, began
        limit = self.larger.get(scope["path"], self.max_body_bytes)
        status = 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                out = MutableHeaders(scope=message)
                out["traceparent"] = f"00-{trace}-{random_bytes(8).hex()}-01"
                took = (time.monotonic() - began) * 1000
                out["Server-Timing"] = f"total;dur={took:.1f}"
                for name, value in _HEADERS.items():
                    out.setdefault(name, value)
            await send(message)

        declared = headers.get("content-length", "0")
        if sum(len(name) + len(value) for name, value in headers.raw) > MAX_HEADER_BYTES:
            await problem(Request(scope), "hub.headers-too-large")(scope, receive, answer)
        elif declared.isdecimal() and int(declared) > limit:
            await problem(Request(scope), "hub.too-large")(scope, receive, answer)
        else:
            limited = _Limited(receive, limit, self.seconds)
            try:
                await self.app(scope, limited, answer)
            except Exception as error:  # noqa: BLE001  (whatever it is, the caller gets an answer)
                failed = unexpected(Request(scope), error)
                if not status:
                    await failed(scope, receive, answer)
        route = scope.get("route")
        log.info(
            "request",
            method=scope["method"],
            route=getattr(route, "path", "-"),
            status=status,
            elapsed_ms=round((time.monotonic() - began) * 1000, 1),
            trace=trace,
        )


class _Limited:
    """A `receive` that passes on no more than the limit, whatever was declared, and waits for a
    body no longer than the time, to which what has arrived adds at the slowest rate we put up with.
    """

    def __init__(self, receive: Receive, limit: int, seconds: float) -> None:
        self.receive, self.left, self.seconds = receive, limit, seconds
        self.whole = False

    async def __call__(self) -> Message:
        if self.whole:
            return await self.receive()
        began = time.monotonic()
        try:
            async with asyncio.timeout(max(self.seconds, 0)):
                message = await self.receive()
        except TimeoutError:
            raise HTTPException(408) from None
        size = len(message.get("body", b""))
        # Only what we wait counts: not what the reader does with each part of a long body.
        self.seconds += size / _SLOWEST_BYTES_A_SECOND - (time.monotonic() - began)
        self.whole = not message.get("more_body", False)
        self.left -= size
        if self.left < 0:
            raise HTTPException(413)
        return message


def _trace_of(traceparent: str) -> str:
    match = _TRACEPARENT.fullmatch(traceparent)
    if match and match[1] != "0" * 32 and match[2] != "0" * 16 and not _names_a_person(match[1]):
        return match[1]
    return random_bytes(16).hex()


def _names_a_person(trace: str) -> bool:
    """Does a citizen number hide in a trace id? It stands in every log line of the request."""
    if sum(sign.isdecimal() for sign in trace) < _SHORTEST_NUMBER:
        return False
    today = datetime.now(UTC).date()
    kinds = {number_of_a_person(text, today=today) for text in (trace, trace.lstrip("0"))}
    # A row of eleven digits is common in honest trace ids, a whole citizen number is not.
    return "citizen-number" in kinds
