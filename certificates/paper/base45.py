"""Base45 (RFC 9285): bytes in the 45 characters that a QR code packs tightest."""

from __future__ import annotations

from certificates.errors import MalformedData

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
_WEIGHTS = (1, 45, 45 * 45)
_VALUES = {character: value for value, character in enumerate(ALPHABET)}


def encoded(content: bytes) -> str:
    """Three characters for two bytes, two for a last one (RFC 9285 §4)."""
    return "".join(_written(content[at : at + 2]) for at in range(0, len(content), 2))


def _written(pair: bytes) -> str:
    value, characters = int.from_bytes(pair), []
    for _ in range(len(pair) + 1):
        value, digit = divmod(value, 45)
        characters.append(ALPHABET[digit])
    return "".join(characters)


def decoded(text: str) -> bytes:
    """The bytes.

    Raises:
        MalformedData: `base45`: a character beyond the alphabet, a number beyond its bytes, or a
            length that no bytes have.
    """
    return b"".join(_read(text[at : at + 3]) for at in range(0, len(text), 3))


def _read(group: str) -> bytes:
    try:
        value = sum(_VALUES[character] * _WEIGHTS[at] for at, character in enumerate(group))
        return value.to_bytes(len(group) - 1)
    except (KeyError, OverflowError, ValueError):
        raise MalformedData("base45") from None
