"""Keys behind a sealing service over HTTP: a key server, or the front of a cryptographic machine.

    POST <url>   Authorization: Bearer <token>
    {"key": "<name>", "algorithm": "sm2-sm3", "digest": "<base64>"}     or "message"
    200 {"signature": "<base64>"}

Nothing is retried, for a signature that was made and lost is still one that somebody has to account
for; the line is kept as `posting.py` says. What comes back is checked with the public key before
anyone sees it.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from seals.algorithms import Algorithm
from seals.encoding import fitting
from seals.errors import InvalidKey, KeyUnavailable, Unreachable
from seals.keys import VerifyingKey, verifying_key
from seals.posting import Address

MAX_ANSWER = 64 * 1024
MAX_MESSAGE = 16 * 1024 * 1024


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
    token_variable: str = "SEALING_TOKEN"  # noqa: S105  (the name of a variable)
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
        try:
            self._address = Address(service.url, service.ca_file)
        except Unreachable as error:
            raise KeyUnavailable(f"service-{error}") from None
        token = environment.get(service.token_variable, "")
        if not token or not token.isascii() or not token.isprintable():
            raise KeyUnavailable("service-token-missing")
        self._service, self._token = service, token
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
        headers = {
            "Authorization": f"Bearer {self._token}",
            "Content-Type": "application/json",
            "Accept": "application/json",
        }
        try:
            answer = self._address.post(body, headers, deadline=service.deadline, most=MAX_ANSWER)
        except Unreachable as error:
            raise KeyUnavailable(f"service-{error}") from None
        if answer.status != 200:
            raise KeyUnavailable("service-refuses")
        return _signature(answer.body)


def _signature(answer: bytes) -> bytes:
    try:
        found = json.loads(answer) if len(answer) <= MAX_ANSWER else None
        if isinstance(found, dict) and isinstance(found.get("signature"), str):
            return base64.b64decode(found["signature"], validate=True)
    except (ValueError, RecursionError, binascii.Error):
        pass
    raise KeyUnavailable("service-answers-nonsense")
