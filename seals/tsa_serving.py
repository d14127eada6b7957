"""A timestamp authority on a socket (RFC 3161 §3.4): one path, one method, small questions.

For the sandbox and inner networks; TLS is the matter of whatever stands before it.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import ClassVar

from seals.errors import SealError
from seals.timestamps import MAX_REQUEST
from seals.tsa import TSA
from seals.tsa_client import ANSWERED, ASKED

MAX_AT_ONCE = 32
"""Connections; more wait in the system's queue."""


class _Desk(BaseHTTPRequestHandler):
    tsa: ClassVar[TSA]
    timeout = 10
    """Seconds that a line may be silent."""
    protocol_version = "HTTP/1.0"
    server_version, sys_version = "mianti-tsa", ""

    def do_POST(self) -> None:
        """One question."""
        kind = (self.headers.get("Content-Type") or "").partition(";")[0].strip().lower()
        length = self.headers.get("Content-Length") or ""
        if kind != ASKED:
            self._answered(415)
        elif not (length.isascii() and length.isdigit() and len(length) < 10):
            self._answered(411)
        elif int(length) > MAX_REQUEST:
            self._answered(413)
        else:
            self._answered(200, self.tsa.stamp(self.rfile.read(int(length))))

    def _answered(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        if status == 200:
            self.send_header("Content-Type", ANSWERED)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its own name
        """Nothing: who asked for a timestamp, and when, is nobody's business."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], desk: type[_Desk]) -> None:
        self._free = threading.BoundedSemaphore(MAX_AT_ONCE)
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, desk)

    def server_bind(self) -> None:
        """As any server of TCP; HTTP's own would ask the network for our name."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def process_request(self, request: object, client_address: object) -> None:
        self._free.acquire()
        super().process_request(request, client_address)  # type: ignore[arg-type]  # as it came

    def process_request_thread(self, request: object, client_address: object) -> None:
        try:
            super().process_request_thread(request, client_address)  # type: ignore[arg-type]  # as above
        finally:
            self._free.release()

    def handle_error(self, request: object, client_address: object) -> None:
        """Somebody hung up: no stack."""


@contextmanager
def listening(tsa: TSA, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """Serve while the block runs; its address is given.

    Args:
        tsa: Stamps.
        host: Where to listen; this machine alone where it is not said.
        port: 0 for any free one.

    Raises:
        SealError: The address cannot be had.
    """
    desk = type("Desk", (_Desk,), {"tsa": tsa})
    try:
        server = _Server((host, port), desk)
    except OSError:
        raise SealError("address-taken") from None
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        shown = f"[{host}]" if ":" in host else host
        yield f"http://{shown}:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
