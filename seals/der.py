"""Writing DER (X.690 §10): the values that X.509, PKCS #8 and seals are made of.

Every function gives the bytes of one value. Writing is always canonical; reading what others wrote
is in `ber.py`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

BOOLEAN, INTEGER, BITS, OCTETS, NULL, OID = 0x01, 0x02, 0x03, 0x04, 0x05, 0x06
ENUMERATED, UTF8, PRINTABLE, IA5, UTC_TIME, TIME = 0x0A, 0x0C, 0x13, 0x16, 0x17, 0x18
SEQUENCE, SET = 0x30, 0x31


def tlv(tag: int, content: bytes) -> bytes:
    """A value with that tag."""
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    wide = (size.bit_length() + 7) // 8
    return bytes((tag, 0x80 | wide)) + size.to_bytes(wide) + content


def sequence(*parts: bytes) -> bytes:
    """SEQUENCE of these values."""
    return tlv(SEQUENCE, b"".join(parts))


def set_of(*parts: bytes) -> bytes:
    """SET OF, in the order that DER wants."""
    return tlv(SET, b"".join(sorted(parts)))


def integer(value: int) -> bytes:
    """INTEGER in as few bytes as it needs."""
    size = (value if value >= 0 else ~value).bit_length() // 8 + 1
    return tlv(INTEGER, value.to_bytes(size, signed=True))


def enumerated(value: int) -> bytes:
    """ENUMERATED, not negative."""
    return bytes((ENUMERATED,)) + integer(value)[1:]


def true() -> bytes:
    """BOOLEAN; FALSE is never written, for it is always the default."""
    return b"\x01\x01\xff"


def null() -> bytes:
    """NULL."""
    return b"\x05\x00"


@lru_cache(maxsize=256)
def oid(dotted: str) -> bytes:
    """OBJECT IDENTIFIER.

    Raises:
        ValueError: It is none.
    """
    first, second, *rest = (int(arc) for arc in dotted.split("."))
    if not 0 <= first <= 2 or second < 0 or min(rest, default=0) < 0 or (first < 2 and second > 39):
        raise ValueError("no object identifier")
    return tlv(OID, b"".join(map(_base128, (first * 40 + second, *rest))))


def octets(content: bytes) -> bytes:
    """OCTET STRING."""
    return tlv(OCTETS, content)


def bits(content: bytes) -> bytes:
    """BIT STRING of whole bytes."""
    return tlv(BITS, b"\x00" + content)


def named_bits(*numbers: int) -> bytes:
    """BIT STRING of named bits: as short as can be (X.690 §11.2.2)."""
    if not numbers:
        return tlv(BITS, b"\x00")
    size = max(numbers) + 1
    value = sum(1 << (size - 1 - number) for number in set(numbers))
    spare = -size % 8
    return tlv(BITS, bytes((spare,)) + (value << spare).to_bytes((size + spare) // 8))


def utf8(text: str) -> bytes:
    """UTF8String."""
    return tlv(UTF8, text.encode())


def printable(text: str) -> bytes:
    """PrintableString; the caller keeps to its letters."""
    return tlv(PRINTABLE, text.encode("ascii"))


def time(at: datetime) -> bytes:
    """Time of X.509 (RFC 5280 §4.1.2.5): UTCTime until 2049, then GeneralizedTime; whole seconds.

    Raises:
        ValueError: It has no zone.
    """
    moment = _in_utc(at)
    if 1950 <= moment.year <= 2049:
        return tlv(UTC_TIME, moment.strftime("%y%m%d%H%M%SZ").encode())
    return generalized_time(moment)


def generalized_time(at: datetime) -> bytes:
    """GeneralizedTime in UTC, whole seconds.

    Raises:
        ValueError: It has no zone.
    """
    moment = _in_utc(at)
    return tlv(TIME, f"{moment.year:04}{moment:%m%d%H%M%S}Z".encode())


def explicit(number: int, value: bytes) -> bytes:
    """The value under an explicit context tag."""
    return tlv(0xA0 | number, value)


def implicit(number: int, content: bytes) -> bytes:
    """A primitive under an implicit context tag: `content` is what stands in it."""
    return tlv(0x80 | number, content)


def _in_utc(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError("a time without a zone")
    return at.astimezone(UTC).replace(microsecond=0)


def _base128(value: int) -> bytes:
    out = [value & 0x7F]
    while value := value >> 7:
        out.append(0x80 | value & 0x7F)
    return bytes(reversed(out))
