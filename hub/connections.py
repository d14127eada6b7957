"""The server's end of a connection: uvicorn's own, with the limits it lacks.

A caller that never ends its headers would grow the process without end, and one that sends nothing
would keep a connection for ever; both come before anybody has shown a token.
"""

from __future__ import annotations

import asyncio
import json

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from hub.http.middleware import MAX_HEADER_BYTES
from hub.http.problems import MEDIA_TYPE, document
from hub.ids import random_bytes

_MAX_HEAD_BYTES = 2 * MAX_HEADER_BYTES
"""Above the limit for whole heads: those are answered by the application."""

_LINGER_SECONDS = 1.0
"""How long we go on reading, and forgetting, after a refusal."""


class Connection(HttpToolsProtocol):
    """Reads requests whose head is neither endless nor late."""

    receive_seconds: float = 10.0
    _head_bytes = 0
    _in_head = True
    _refused = False
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """The first head has to come."""
        super().connection_made(transport)
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is waited for any more."""
        self._wait_no_more()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count while it is a head; the parser itself would collect without end."""
        if self._refused:
            return
        if self._in_head:
            self._head_bytes += len(data)
            if self._timer is None:
                self._wait_for_head()
        super().data_received(data)
        if self._in_head and self._head_bytes > _MAX_HEAD_BYTES:
            self._refuse("hub.headers-too-large")

    def on_headers_complete(self) -> None:
        """A whole head; the body's time is the application's business."""
        self._in_head, self._head_bytes = False, 0
        self._wait_no_more()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The next head may come; how long an idle connection is kept is uvicorn's business."""
        self._in_head = True
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """What is not HTTP is refused in the form of all other refusals."""
        del msg
        self._refuse("hub.malformed-request")

    def _wait_for_head(self) -> None:
        self._timer = self.loop.call_later(self.receive_seconds, self._refuse, "hub.too-slow")

    def _wait_no_more(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _refuse(self, code: str) -> None:
        self._wait_no_more()
        if self._refused or self.transport.is_closing():
            return
        self._refused = True
        cycle = self.cycle
        if cycle is not None and cycle.response_started and not cycle.response_complete:
            self.transport.close()
            return
        if cycle is not None:
            # Whoever still reads the body is told that there is nobody any more.
            cycle.disconnected = True
            cycle.message_event.set()
        self.transport.write(_response(code))
        # Closed at once, what the caller is still sending would wipe out our answer (RST).
        self.transport.write_eof()
        self._timer = self.loop.call_later(_LINGER_SECONDS, self.transport.close)


def _response(code: str) -> bytes:
    problem = document(code, trace=random_bytes(16).hex())
    body = json.dumps(problem, ensure_ascii=False).encode()
    head = (
        f"HTTP/1.1 {problem['status']} Refused\r\nContent-Type: {MEDIA_TYPE}\r\n"
        f"Content-Length: {len(body)}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body


def connection_within(receive_seconds: float) -> type[Connection]:
    """Connections on which a head has to come within that time."""
    return type("Connection", (Connection,), {"receive_seconds": receive_seconds})
