"""What this room asks of outside: keys that sign, timestamps, a register of seals and their uses."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

from seals.algorithms import Algorithm
from seals.registered import RegisteredSeal
from seals.using import Freeze, Use


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


class TimestampAuthority(Protocol):
    """Somebody who vouches for when something was there (RFC 3161)."""

    def token(self, digest: bytes, algorithm: str) -> bytes:
        """A timestamp of a digest: DER of a ContentInfo, found to be the answer to this very question.

        Args:
            digest: Of the bytes that are to be stamped.
            algorithm: Its name for `hashlib`: `sm3`, `sha256`, `sha384` or `sha512`.

        Raises:
            TimestampUnavailable: None is to be had now, or what came is no answer.
        """
        ...


class SealRegister(Protocol):
    """Seals by identifier, their uses, and the freeze switch. Several workers share it."""

    def put(self, seal: RegisteredSeal) -> None:
        """Keep the seal's next state: it has one entry of history more than what is kept, and
        begins with the same ones.

        Raises:
            RegisterConflict: Somebody else acted in between: on this seal, on another that has its
                number now, or, where it is applied for, on one that would be the same to whoever
                looks at a document.
        """
        ...

    def get(self, seal_id: str) -> RegisteredSeal:
        """Raises:
        UnknownSeal: There is none.
        """
        ...

    def of(self, organisation: str) -> Iterable[RegisteredSeal]:
        """All seals of one organisation, by identifier."""
        ...

    def every(self) -> Iterable[RegisteredSeal]:
        """All seals, by identifier."""
        ...

    def use(self, use: Use) -> int:
        """Judge the wish by `seals.using.why_not`, count it and log it, as one step that no other
        comes between. Refused wishes are logged, too, and not counted.

        Returns:
            How often the seal has been used that day, this one included.

        Raises:
            UnknownSeal: There is none.
            SealRefused: It is not allowed; `why` is the first reason, `detail` holds all of them.
        """
        ...

    def uses(self, seal_id: str) -> Iterable[tuple[Use, tuple[str, ...]]]:
        """The log of one seal: each wish with the reasons against it, empty where it was allowed."""
        ...

    def freeze(self, freeze: Freeze) -> None:
        """Stop sealing."""
        ...

    def freezes(self) -> Iterable[Freeze]:
        """Those in force, oldest first."""
        ...

    def thaw(self, by: str, at: datetime, reason: str) -> None:
        """Lift all freezes.

        Raises:
            SealRefused: `same-person`: whoever froze does not thaw alone; `reason`.
        """
        ...

    def keep(self, data: bytes) -> str:
        """Keep a finished seal (`Seal.esl`) or the picture of an impression for ever.

        Returns:
            Its digest, `sm3:` and hexadecimal digits, under which it is kept.
        """
        ...

    def kept(self, digest: str) -> bytes:
        """What is kept under that digest, byte for byte.

        Raises:
            UnknownSeal: Nothing is.
            RegisterDamaged: It is no longer what it was.
        """
        ...
