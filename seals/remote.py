"""Keys behind a sealing service over HTTP: a key server, or the front of a cryptographic machine.

    POST <url>   Authorization: Bearer <token>
    {"key": "<name>", "algorithm": "sm2-sm3", "digest": "<base64>"}     or "message"
    200 {"signature": "<base64>"}

One question, one connection, one answer: nothing is retried, for a signature that was made and lost
is still one that somebody has to account for. The deadline covers everything from the first byte to
the last, however slowly they come. What comes back is checked with the public key before anyone
sees it. TLS is needed but for a service on this machine.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlsplit

from seals.algorithms import Algorithm
from seals.encoding import fitting
from seals.errors import InvalidKey, KeyUnavailable
from seals.keys import VerifyingKey, verifying_key

MAX_ANSWER = 64 * 1024
MAX_MESSAGE = 16 * 1024 * 1024
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})


class Sends(StrEnum):
    """What leaves for the service."""

    DIGEST = "digest"
    """The document stays at home; for SM2 the digest holds Z."""
    MESSAGE = "message"


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """Where a key is, and how it is asked."""

    url: str
    key_name: str
    algorithm: Algorithm
    spki: bytes = field(repr=False)
    chain: tuple[bytes, ...] = field(default=(), repr=False)
    sends: Sends = Sends.DIGEST
    token_variable: str = "MIANTI_SEALING_TOKEN"  # noqa: S105  (the name of a variable)
    deadline: float = 5.0
    """Seconds."""
    ca_file: Path | None = None
    """Who vouches for the service; the system's authorities where it is not said."""


class RemoteKey:
    """A `SigningKey` behind a service."""

    def __init__(self, service: Service, environment: Mapping[str, str]) -> None:
        """Nothing is asked yet.

        Args:
            service: Where and how.
            environment: Holds the token under `service.token_variable`.

        Raises:
            KeyUnavailable: No token, no TLS where it is needed, or no such file of authorities.
            InvalidKey: The algorithm does not go with the key or the digest, or the chain is of
                another one.
            UnknownAlgorithm: The public key is of a kind we do not know.
        """
        parts = urlsplit(service.url)
        host = parts.hostname or ""
        if parts.scheme not in {"https", "http"} or not host or parts.username or parts.fragment:
            raise KeyUnavailable("service-url")
        if parts.scheme == "http" and host not in _LOCAL:
            raise KeyUnavailable("service-without-tls")
        token = environment.get(service.token_variable, "")
        if not token or not token.isascii() or not token.isprintable():
            raise KeyUnavailable("service-token-missing")
        self._service, self._token = service, token
        self._host, self._port = host, parts.port or (443 if parts.scheme == "https" else 80)
        self._target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._tls = _tls(service.ca_file) if parts.scheme == "https" else None
        self._key: VerifyingKey = verifying_key(service.spki)
        by_digest = service.sends is Sends.DIGEST
        if self._key.kind not in service.algorithm.kinds or self._key.short:
            raise InvalidKey("the algorithm does not go with the key")
        if by_digest and not service.algorithm.digest:
            raise InvalidKey("this algorithm signs no digest")
        fitting(service.chain, service.spki)

    def __repr__(self) -> str:
        return f"RemoteKey({self._service.algorithm})"

    @property
    def algorithm(self) -> Algorithm:
        """See `SigningKey`."""
        return self._service.algorithm

    @property
    def spki(self) -> bytes:
        """See `SigningKey`."""
        return self._service.spki

    @property
    def chain(self) -> tuple[bytes, ...]:
        """See `SigningKey`."""
        return self._service.chain

    def sign(self, message: bytes) -> bytes:
        """See `SigningKey`."""
        if self._service.sends is Sends.DIGEST:
            return self.sign_digest(self._key.digest(self.algorithm, message))
        if len(message) > MAX_MESSAGE:
            raise KeyUnavailable("message-too-large")
        signature = self._asked("message", message)
        if not self._key.verify(self.algorithm, message, signature):
            raise KeyUnavailable("signature-does-not-hold")
        return signature

    def sign_digest(self, digest: bytes) -> bytes:
        """See `SigningKey`."""
        if self._service.sends is not Sends.DIGEST:
            raise InvalidKey("this service signs no digest")
        signature = self._asked("digest", digest)
        if not self._key.verify_digest(self.algorithm, digest, signature):
            raise KeyUnavailable("signature-does-not-hold")
        return signature

    def _asked(self, what: str, data: bytes) -> bytes:
        service = self._service
        question = {
            "key": service.key_name,
            "algorithm": service.algorithm,
            what: base64.b64encode(data).decode(),
        }
        body = json.dumps(question).encode()
        until = time.monotonic() + service.deadline
        try:
            status, answer = self._exchanged(body, until)
        except (OSError, HTTPException, ValueError):
            late = time.monotonic() >= until
            raise KeyUnavailable("service-too-slow" if late else "service-unreachable") from None
        if status != 200:
            raise KeyUnavailable("service-refuses")
        return _signature(answer)

    def _exchanged(self, body: bytes, until: float) -> tuple[int, bytes]:
        headers = {
            "Authorization": f"Bearer {self._token}",
            "Content-Type": "application/json",
            "Accept": "application/json",
            "Connection": "close",
        }
        plain = socket.create_connection((self._host, self._port), self._service.deadline)
        with closing(plain), _cut(plain, until):
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = HTTPConnection(self._host, self._port)
            connection.sock = (
                self._tls.wrap_socket(plain, server_hostname=self._host) if self._tls else plain
            )
            with closing(connection):
                connection.request("POST", self._target, body, headers)
                answer = connection.getresponse()
                read = answer.read(MAX_ANSWER + 1)
                if time.monotonic() >= until:
                    raise TimeoutError
                return answer.status, read


def _signature(answer: bytes) -> bytes:
    try:
        found = json.loads(answer) if len(answer) <= MAX_ANSWER else None
        if isinstance(found, dict) and isinstance(found.get("signature"), str):
            return base64.b64decode(found["signature"], validate=True)
    except (ValueError, RecursionError, binascii.Error):
        pass
    raise KeyUnavailable("service-answers-nonsense")


def _tls(ca_file: Path | None) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError):
        raise KeyUnavailable("service-authorities-unreadable") from None
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
