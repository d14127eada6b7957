"""What surrounds every request: trace, size limit, headers, one log line.

Plain ASGI: it costs microseconds, and sees the body before anything parses it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub.http.problems import problem
from hub.ids import random_bytes

log = structlog.get_logger()

_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}


class _TooLarge(Exception):
    pass


class Envelope:
    """Trace id in and out (W3C Trace Context), a hard limit on the body, safe headers."""

    def __init__(
        self, app: ASGIApp, max_body_bytes: int, larger: Mapping[str, int] | None = None
    ) -> None:
        """Args:
        app: What is surrounded.
        max_body_bytes: Largest body of a request.
        larger: Path → largest body there.
        """
        self.app, self.max_body_bytes, self.larger = app, max_body_bytes, dict(larger or {})

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
        limited = _Limited(receive, limit)
        status = 500

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
        if declared.isdigit() and int(declared) > limit:
            await problem(Request(scope), "hub.too-large")(scope, receive, answer)
        else:
            try:
                await self.app(scope, limited, answer)
            except _TooLarge:
                await problem(Request(scope), "hub.too-large")(scope, receive, answer)
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
    """A `receive` that refuses to pass on more than the limit, whatever was declared."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self.receive, self.left = receive, limit

    async def __call__(self) -> Message:
        message = await self.receive()
        if message["type"] == "http.request":
            self.left -= len(message.get("body", b""))
            if self.left < 0:
                raise _TooLarge
        return message


def _trace_of(traceparent: str) -> str:
    match = _TRACEPARENT.fullmatch(traceparent)
    if match and match[1] != "0" * 32 and match[2] != "0" * 16:
        return match[1]
    return random_bytes(16).hex()
