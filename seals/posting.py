"""One question over HTTP, one connection, one answer; nothing is retried, no redirect is followed.

The deadline covers everything from the first byte to the last, however slowly they come. TLS is
needed but for a service on this machine.
"""

from __future__ import annotations

import os
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlsplit

from seals.errors import Unreachable

_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back."""

    status: int
    body: bytes
    kind: str
    """Content-Type without its parameters, in small letters."""


class Address:
    """Where a service is, and how the line to it is kept."""

    def __init__(self, url: str, ca_file: Path | None = None) -> None:
        """Nothing is asked yet.

        Args:
            url: `https`, or `http` on this machine.
            ca_file: Who vouches for the service; the system's authorities where it is not said.

        Raises:
            Unreachable: `url`, `without-tls`, `authorities-unreadable`.
        """
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port
        except ValueError:
            raise Unreachable("url") from None
        plain = url.isascii() and url.isprintable() and " " not in url
        if parts.scheme not in {"https", "http"} or not host or not plain:
            raise Unreachable("url")
        if parts.username or parts.fragment:
            raise Unreachable("url")
        if parts.scheme == "http" and host not in _LOCAL:
            raise Unreachable("without-tls")
        self._host, self._port = host, port or (443 if parts.scheme == "https" else 80)
        self._target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._tls = _tls(ca_file) if parts.scheme == "https" else None

    def post(
        self, body: bytes, headers: Mapping[str, str], *, deadline: float, most: int
    ) -> Answer:
        """Ask once.

        Args:
            body: The question.
            headers: Beside those of the connection.
            deadline: Seconds for all of it.
            most: Bytes of an answer; of a longer one that many and one more are given.

        Raises:
            Unreachable: `too-slow`, `unreachable`.
        """
        until = time.monotonic() + deadline
        try:
            return self._exchanged(body, {**headers, "Connection": "close"}, until, most)
        except (OSError, HTTPException, ValueError):
            late = time.monotonic() >= until
            raise Unreachable("too-slow" if late else "unreachable") from None

    def _exchanged(
        self, body: bytes, headers: Mapping[str, str], until: float, most: int
    ) -> Answer:
        left = max(0.001, until - time.monotonic())
        plain = socket.create_connection((self._host, self._port), left)
        with closing(plain), _cut(plain, until):
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = HTTPConnection(self._host, self._port)
            connection.sock = (
                self._tls.wrap_socket(plain, server_hostname=self._host) if self._tls else plain
            )
            with closing(connection):
                connection.request("POST", self._target, body, headers)
                answer = connection.getresponse()
                read = answer.read(most + 1)
                if time.monotonic() >= until:
                    raise TimeoutError
                kind = (answer.getheader("Content-Type") or "").partition(";")[0].strip().lower()
                return Answer(status=answer.status, body=read, kind=kind)


def _tls(ca_file: Path | None) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError):
        raise Unreachable("authorities-unreadable") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


@contextmanager
def _cut(plain: socket.socket, until: float) -> Iterator[None]:
    """Shut the line at the deadline. A timeout of the socket would begin anew with each byte.

    A second handle on the line is kept, for TLS takes the first one over.
    """
    line = socket.socket(fileno=os.dup(plain.fileno()))

    def shut() -> None:
        with suppress(OSError):
            line.shutdown(socket.SHUT_RDWR)

    watch = threading.Timer(max(0.0, until - time.monotonic()), shut)
    watch.daemon = True
    watch.start()
    try:
        yield
    finally:
        watch.cancel()
        watch.join()
        line.close()
