"""What sealing and judging a PDF ask of outside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from seals.report import Role
from seals.verdicts import Step

TimestampAuthority = Callable[[bytes], bytes]
"""SHA-256 in, an RFC 3161 token (DER of ContentInfo) out; raises SealError where none is had."""

ChainJudge = Callable[[bytes, Sequence[bytes], Role, datetime], tuple[Step, ...]]
"""As `seals.report.ChainJudge`, and handed the other certificates that a PDF carries along."""


class SigningKey(Protocol):
    """A private key, wherever it is."""

    @property
    def chain(self) -> tuple[bytes, ...]:
        """X.509 certificates in DER, its own first."""
        ...

    def sign(self, message: bytes) -> bytes:
        """The signature of `message`, as CMS writes it."""
        ...
