"""What can go wrong between bytes and trust in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


class SealError(Exception):
    """Root of this room's errors. Their texts are our own and hold nothing of a key."""

    code: ClassVar[str] = "seals.error"
    origin: ClassVar[str] = "hub"
    retryable: ClassVar[bool] = False


class SM2Unavailable(SealError, RuntimeError):
    """There is no OpenSSL 3 with SM2 here, or it does not pass its self-test: nothing is signed."""

    code = "seals.sm2-unavailable"


class InvalidKey(SealError, ValueError):
    """No key: of another kind or length, under another password, or no point of the curve."""

    code = "seals.invalid-key"


class Undecipherable(SealError, ValueError):
    """A ciphertext that was not made for this key, or was changed."""

    code = "seals.undecipherable"
    origin = "caller"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deviation:
    """Something that could be read although it is not as its standard says."""

    why: str
    """Stable key, e.g. `length-form`."""
    where: str
    """Path of field names after the standard, e.g. `eseal.eSealInfo.property.name`."""


class Malformed(SealError, ValueError):
    """Bytes that are not the structure they should be; the text is a short stable key."""

    code = "seals.malformed"
    origin = "caller"


class MalformedSeal(Malformed):
    """Bytes that are no seal and no seal signature. `why` is a stable key, `where` the field."""

    code = "seals.malformed-seal"

    def __init__(self, why: str, where: str) -> None:
        super().__init__(f"{where}: {why}" if where else why)
        self.why, self.where = why, where


class MalformedDocument(SealError, ValueError):
    """Bytes that are no document that may be opened. `why` is a stable key, `where` the part."""

    code = "seals.malformed-document"
    origin = "caller"

    def __init__(self, why: str, where: str = "") -> None:
        super().__init__(f"{where}: {why}" if where else why)
        self.why, self.where = why, where


class DocumentRefused(SealError, ValueError):
    """A document that may not be sealed. `why` holds a stable key and a place for each reason."""

    code = "seals.document-refused"
    origin = "caller"

    def __init__(self, *why: tuple[str, str]) -> None:
        super().__init__(", ".join(f"{where}: {key}" if where else key for key, where in why))
        self.why = why


class SealRefused(SealError, ValueError):
    """What was asked of a seal is not allowed. `why` is a stable key."""

    code = "seals.refused"
    origin = "caller"

    def __init__(self, why: str, detail: str = "") -> None:
        super().__init__(f"{why}: {detail}" if detail else why)
        self.why, self.detail = why, detail


class SealingFailed(SealError, RuntimeError):
    """What was made does not verify: the key is not the certificate's. Nothing leaves."""

    code = "seals.sealing-failed"


class PictureRefused(SealError, ValueError):
    """A picture that may not become an impression. `why` holds a stable key for each reason."""

    code = "seals.picture-refused"
    origin = "caller"

    def __init__(self, *why: str) -> None:
        super().__init__(", ".join(why))
        self.why = why


class GlyphMissing(SealError, LookupError):
    """The face has no outline for a character; nothing is drawn with a box in its place."""

    code = "seals.glyph-missing"
    origin = "caller"

    def __init__(self, character: str) -> None:
        super().__init__(f"U+{ord(character):04X}")
        self.character = character


class IllegalAct(SealError, ValueError):
    """An act that a seal's state, its actor or its data does not allow. `why` is a stable key."""

    code = "seals.illegal-act"
    origin = "caller"

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class UnknownSeal(SealError, LookupError):
    """No seal under that identifier."""

    code = "seals.unknown"
    origin = "caller"


class RegisterConflict(SealError, RuntimeError):
    """Somebody else changed the seal in between: read it again."""

    code = "seals.conflict"
    retryable = True


class RegisterDamaged(SealError, RuntimeError):
    """Something in the register cannot be read; the text names the row, never what stands in it."""

    code = "seals.register-damaged"


class UnknownAlgorithm(SealError, ValueError):
    """A signature algorithm or kind of key that is not in our table."""

    code = "seals.unknown-algorithm"
    origin = "caller"


class KeyUnavailable(SealError, RuntimeError):
    """A key cannot be used: its file, device or service is not there, refuses, or is not as it must
    be. Nothing was signed that anyone may believe. The text is a short stable key.
    """

    code = "seals.key-unavailable"


class Unreachable(SealError, RuntimeError):
    """A service over HTTP that cannot be asked, or does not answer in time; a short stable key."""

    code = "seals.unreachable"
    origin = "source"
    retryable = True


class NotIssuable(SealError, ValueError):
    """An X.509 certificate or list that this authority must not issue; the text is a stable key."""

    code = "seals.not-issuable"
    origin = "caller"


class TimestampUnavailable(SealError, RuntimeError):
    """No timestamp can be had: the authority is not there, refuses, or answers something else. The
    text is a short stable key.
    """

    code = "seals.timestamp-unavailable"
    origin = "source"
    retryable = True


class TrustListRefused(SealError, ValueError):
    """A trust list that may not be relied on. `why` holds a stable key and a place for each reason."""

    code = "seals.trust-list-refused"
    origin = "source"

    def __init__(self, *why: tuple[str, str]) -> None:
        super().__init__(", ".join(f"{where}: {key}" if where else key for key, where in why))
        self.why = why


class PolicyRefused(SealError, ValueError):
    """A policy file that says what cannot be. `why` holds a stable key and a place for each reason."""

    code = "seals.policy-refused"
    origin = "caller"

    def __init__(self, *why: tuple[str, str]) -> None:
        super().__init__(", ".join(f"{where}: {key}" if where else key for key, where in why))
        self.why = why
