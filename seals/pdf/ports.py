"""What sealing a PDF asks of outside, beyond `seals.ports`."""

from __future__ import annotations

from typing import Protocol


class SigningKey(Protocol):
    """A private key, wherever it is: less of it is asked than `seals.ports.SigningKey` has."""

    @property
    def chain(self) -> tuple[bytes, ...]:
        """X.509 certificates in DER, its own first."""
        ...

    def sign(self, message: bytes) -> bytes:
        """The signature of `message`, as CMS writes it."""
        ...
