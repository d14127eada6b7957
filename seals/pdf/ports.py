"""What sealing and judging a PDF ask of outside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from seals.verdicts import Step

TimestampAuthority = Callable[[bytes], bytes]
"""SHA-256 in, an RFC 3161 token (DER of ContentInfo) out.

Raises SealError where none can be had.
"""


class SigningKey(Protocol):
    """A private key, wherever it is."""

    @property
    def chain(self) -> tuple[bytes, ...]:
        """X.509 certificates in DER, its own first."""
        ...

    def sign(self, message: bytes) -> bytes:
        """The signature of `message`, as CMS writes it."""
        ...


class ChainJudge(Protocol):
    """Whether a certificate was good for something at a time. It asks no network and no clock."""

    def signer(self, certificate: bytes, others: Sequence[bytes], at: datetime) -> Step:
        """Of a seal: one step, `key` being `chain`."""
        ...

    def timestamper(self, certificate: bytes, others: Sequence[bytes], at: datetime) -> Step:
        """Of a timestamp: one step, `key` being `timestamp-chain`."""
        ...
