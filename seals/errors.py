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
    """No SM2 key: of another kind or length, under another password, or no point of the curve."""

    code = "seals.invalid-key"


class Undecipherable(SealError, ValueError):
    """A ciphertext that was not made for this key, or was changed."""

    code = "seals.undecipherable"
    origin = "caller"
