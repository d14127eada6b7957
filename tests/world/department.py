"""A department's system on a socket of its own, for a test that says what it answers."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Department(BaseHTTPRequestHandler):
    """Says what a subclass makes of the question, and keeps no log."""

    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        """Look at `path` and `say` something."""
        raise NotImplementedError

    def do_GET(self) -> None:
        """A question."""
        self.answer()

    def do_POST(self) -> None:
        """A question with a body."""
        self.answer()

    def say(self, body: Any, status: int = 200) -> None:
        """Answer with JSON, or with these bytes."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@contextmanager
def listening(department: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """The address at which it answers."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), department)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
