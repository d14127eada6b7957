"""A sealing service on a real socket, with or without TLS, that can be told to misbehave."""

from __future__ import annotations

import base64
import json
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from seals.ports import SigningKey

TOKEN = "correct-horse-battery"


class Manner(StrEnum):
    """How it answers."""

    WELL = "well"
    WRONG_SIGNATURE = "wrong-signature"
    OTHER_KEY = "other-key"
    REFUSES = "refuses"
    REDIRECTS = "redirects"
    NONSENSE = "nonsense"
    NO_SIGNATURE = "no-signature"
    DEEP = "deep"
    HUGE = "huge"
    HANGS_UP = "hangs-up"
    SILENT = "silent"
    DRIPS_HEADERS = "drips-headers"
    DRIPS_BODY = "drips-body"


@dataclass(slots=True)
class SealingService:
    """What was asked of it and how it is to answer."""

    key: SigningKey
    other: SigningKey
    manner: Manner = Manner.WELL
    url: str = ""
    questions: list[dict[str, Any]] = field(default_factory=list)

    def answer(self, question: dict[str, Any]) -> bytes:
        """The body of a 200."""
        key = self.other if self.manner is Manner.OTHER_KEY else self.key
        if "digest" in question:
            signature = key.sign_digest(base64.b64decode(question["digest"]))
        else:
            signature = key.sign(base64.b64decode(question["message"]))
        if self.manner is Manner.WRONG_SIGNATURE:
            signature = signature[:-1] + bytes((signature[-1] ^ 1,))
        bodies = {
            Manner.NONSENSE: b"<html>",
            Manner.NO_SIGNATURE: b'{"signature": 7}',
            Manner.DEEP: b"[" * 50_000,
            Manner.HUGE: b'"' + b"x" * 10_000_000 + b'"',
        }
        whole = json.dumps({"signature": base64.b64encode(signature).decode()}).encode()
        return bodies.get(self.manner, whole)


@contextmanager
def sealing_service(
    key: SigningKey, other: SigningKey, tls: tuple[Path, str] | None = None
) -> Iterator[SealingService]:
    """It runs while the block does.

    Args:
        key: What it signs with.
        other: What it signs with when it misbehaves.
        tls: A file with its certificate and encrypted key, and the password.
    """
    service = SealingService(key, other)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            _served(self, service)

        def log_message(self, *_: object) -> None:
            """Nothing is printed."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """A caller that hangs up is meant."""

    server = Server(("127.0.0.1", 0), Handler)
    if tls is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tls[0], password=tls[1])
        server.socket = context.wrap_socket(server.socket, server_side=True)
    scheme = "http" if tls is None else "https"
    service.url = f"{scheme}://127.0.0.1:{server.server_address[1]}/v1/sign"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _served(handler: BaseHTTPRequestHandler, service: SealingService) -> None:
    body = handler.rfile.read(int(handler.headers["Content-Length"]))
    question = json.loads(body)
    service.questions.append(question)
    if handler.headers["Authorization"] != f"Bearer {TOKEN}":
        handler.send_error(401)
        return
    match service.manner:
        case Manner.REFUSES:
            handler.send_error(403)
        case Manner.REDIRECTS:
            handler.send_response(307)
            handler.send_header("Location", service.url)
            handler.end_headers()
        case Manner.HANGS_UP:
            handler.close_connection = True
        case Manner.SILENT:
            time.sleep(3)
        case Manner.DRIPS_HEADERS:
            _drip(handler, b"HTTP/1.1 200 OK\r\nX-Slow: " + b"y" * 1000)
        case Manner.DRIPS_BODY:
            _drip(handler, b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b"z" * 1000)
        case _:
            answer = service.answer(question)
            handler.send_response(200)
            handler.send_header("Content-Length", str(len(answer)))
            handler.end_headers()
            handler.wfile.write(answer)


def _drip(handler: BaseHTTPRequestHandler, *parts: bytes) -> None:
    """A byte every 20 ms: no timeout of a socket would ever notice."""
    handler.close_connection = True
    if len(parts) > 1:
        handler.wfile.write(parts[0])
    for byte in parts[-1]:
        handler.wfile.write(bytes((byte,)))
        time.sleep(0.02)
