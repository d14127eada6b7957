"""What can go wrong between bytes and trust in them."""

from __future__ import annotations

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


class Malformed(SealError, ValueError):
    """Bytes that are not the structure they should be; the text is a short stable key."""

    code = "seals.malformed"
    origin = "caller"


class UnknownAlgorithm(SealError, ValueError):
    """A signature algorithm or kind of key that is not in our table."""

    code = "seals.unknown-algorithm"
    origin = "caller"


class KeyUnavailable(SealError, RuntimeError):
    """A key cannot be used: its file, device or service is not there, refuses, or is not as it must
    be. Nothing was signed that anyone may believe. The text is a short stable key.
    """

    code = "seals.key-unavailable"


class NotIssuable(SealError, ValueError):
    """An X.509 certificate or list that this authority must not issue; the text is a stable key."""

    code = "seals.not-issuable"
    origin = "caller"
