"""What this room asks of outside."""

from __future__ import annotations

from typing import Protocol

from seals.algorithms import Algorithm


class SigningKey(Protocol):
    """A private key, wherever it is: in a file, in a device, behind a service.

    It says what it is and signs; it never says the key.
    """

    @property
    def algorithm(self) -> Algorithm:
        """How it signs."""
        ...

    @property
    def spki(self) -> bytes:
        """SubjectPublicKeyInfo of its public key."""
        ...

    @property
    def chain(self) -> tuple[bytes, ...]:
        """X.509 certificates in DER, its own first; empty where it has none."""
        ...

    def sign(self, message: bytes) -> bytes:
        """The signature of `message`, as X.509 and CMS write it.

        Raises:
            KeyUnavailable: It cannot be had now. Nothing was signed that may be believed.
            SM2Unavailable: There is no signer here that may be trusted with an SM2 key.
        """
        ...

    def sign_digest(self, digest: bytes) -> bytes:
        """The signature over what `VerifyingKey.digest` gave, so that a document can stay at home.

        Raises:
            InvalidKey: This algorithm takes no digest, or one of another length.
            KeyUnavailable: As for `sign`.
            SM2Unavailable: As for `sign`.
        """
        ...
