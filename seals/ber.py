"""Reading what others wrote as DER, as leniently as the field needs and no more.

A `Value` is a place in the bytes it was read from, so that what was signed is always taken as it
stood there. Children are read when they are asked for: nesting costs nothing, however deep. Lengths
that take more bytes than they need are read and can be told (`Value.canonical`); indefinite lengths,
tags of many bytes and lengths beyond the end are refused.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import NamedTuple

from seals import der
from seals.errors import Malformed

MAX_PARTS = 100_000
"""More values in one are refused where they are listed."""

MAX_NUMBER = 64
"""Bytes of a number that is no key: serial numbers have 20, odd ones a little more."""


class Value(NamedTuple):
    """One value, where it stands in `data`."""

    data: bytes
    at: int
    start: int
    end: int

    @property
    def tag(self) -> int:
        """Its tag, class and form in one byte."""
        return self.data[self.at]

    @property
    def content(self) -> bytes:
        """What stands in it."""
        return self.data[self.start : self.end]

    @property
    def whole(self) -> bytes:
        """Tag, length and content as they stand there."""
        return self.data[self.at : self.end]

    @property
    def canonical(self) -> bool:
        """Is its length written as DER wants? Its children are not looked at."""
        size = self.end - self.start
        head = 2 if size < 0x80 else 2 + (size.bit_length() + 7) // 8
        return self.start - self.at == head


_MADE = tuple.__new__
"""Without the detour over `Value.__new__`: a certificate holds a hundred values."""


def whole(data: bytes) -> Value:
    """The one value that `data` is.

    Raises:
        Malformed: It is none, or something stands behind it.
    """
    found = at(data, 0, len(data))
    if found.end != len(data):
        raise Malformed("bytes-behind")
    return found


def at(data: bytes, place: int, limit: int) -> Value:
    """The value that begins at `place` and ends by `limit`.

    Raises:
        Malformed: There is none.
    """
    if place + 2 > limit or data[place] & 0x1F == 0x1F:
        raise Malformed("not-der")
    size, start = data[place + 1], place + 2
    if size >= 0x80:
        wide = size & 0x7F
        start += wide
        if not 1 <= wide <= 8 or start > limit:
            raise Malformed("not-der")
        size = int.from_bytes(data[start - wide : start])
    if start + size > limit:
        raise Malformed("cut-off")
    return _MADE(Value, (data, place, start, start + size))


def parts(value: Value, most: int = MAX_PARTS) -> list[Value]:
    """The values inside a constructed one, at most so many.

    Raises:
        Malformed: It is not constructed, or its content is not whole values, or too many.
    """
    if not value.tag & 0x20:
        raise Malformed("not-constructed")
    found: list[Value] = []
    data, place, end = value.data, value.start, value.end
    while place < end:
        child = at(data, place, end)
        found.append(child)
        place = child.end
        if len(found) > most:
            raise Malformed("too-many-parts")
    return found


def expect(value: Value, tag: int) -> Value:
    """The value, if it has that tag.

    Raises:
        Malformed: It has another.
    """
    if value.tag != tag:
        raise Malformed("other-tag")
    return value


def sequence(value: Value, least: int = 0, most: int = MAX_PARTS) -> list[Value]:
    """The parts of a SEQUENCE that has so many.

    Raises:
        Malformed: It is none, or has fewer or more.
    """
    found = parts(expect(value, der.SEQUENCE), most)
    if len(found) < least:
        raise Malformed("too-few-parts")
    return found


def number(value: Value, *, most: int = MAX_NUMBER) -> int:
    """An INTEGER of at most `most` bytes; padding is read.

    Raises:
        Malformed: It is none, or longer.
    """
    content = expect(value, der.INTEGER).content
    if not 1 <= len(content) <= most:
        raise Malformed("number")
    return int.from_bytes(content, signed=True)


def padded(value: Value) -> bool:
    """Does this INTEGER have a byte that it does not need?"""
    content = value.content
    return len(content) > 1 and (
        (content[0] == 0 and content[1] < 0x80) or (content[0] == 0xFF and content[1] >= 0x80)
    )


def oid(value: Value) -> str:
    """An OBJECT IDENTIFIER with dots.

    Raises:
        Malformed: It is none, or a long one.
    """
    content = expect(value, der.OID).content
    if not 1 <= len(content) <= 64 or content[-1] & 0x80:
        raise Malformed("oid")
    return _dotted(content)


@lru_cache(maxsize=1024)
def _dotted(content: bytes) -> str:
    arcs: list[int] = []
    running = 0
    for byte in content:
        running = running << 7 | byte & 0x7F
        if not byte & 0x80:
            arcs.append(running)
            running = 0
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))


def bits(value: Value) -> bytes:
    """A BIT STRING of whole bytes.

    Raises:
        Malformed: It is none.
    """
    content = expect(value, der.BITS).content
    if not content or content[0]:
        raise Malformed("bits")
    return content[1:]


def named_bits(value: Value) -> frozenset[int]:
    """The numbers of the bits that are set; trailing noughts are read.

    Raises:
        Malformed: No BIT STRING, or a long one.
    """
    content = expect(value, der.BITS).content
    if not 1 <= len(content) <= 9 or content[0] > 7 or (content[0] and len(content) == 1):
        raise Malformed("bits")
    size = (len(content) - 1) * 8 - content[0]
    value_of = int.from_bytes(content[1:]) >> content[0]
    return frozenset(n for n in range(size) if value_of >> (size - 1 - n) & 1)


def boolean(value: Value) -> bool:
    """A BOOLEAN; any byte but 0 is true, as BER has it.

    Raises:
        Malformed: It is none.
    """
    content = expect(value, der.BOOLEAN).content
    if len(content) != 1:
        raise Malformed("boolean")
    return content != b"\x00"


def moment(value: Value) -> datetime:
    """UTCTime or GeneralizedTime: seconds and zone as BER allows, fractions dropped.

    One without a zone is refused; nobody could say when it is.

    Raises:
        Malformed: Neither, or no time of the calendar.
    """
    form = _TIMES.get(value.tag)
    found = form and form.fullmatch(value.content)
    if not found:
        raise Malformed("time")
    *written, zone = found.groups()
    year, month, day, hour, minute, second = (int(part or 0) for part in written)
    if value.tag == der.UTC_TIME:
        year += 2000 if year < 50 else 1900
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=_zone(zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Malformed("time") from None


_TIMES = {
    der.UTC_TIME: re.compile(rb"(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)?(Z|[+-]\d{4})"),
    der.TIME: re.compile(
        rb"(\d{4})(\d\d)(\d\d)(\d\d)(?:(\d\d)(?:(\d\d)(?:[.,]\d{1,9})?)?)?(Z|[+-]\d{4})"
    ),
}


def _zone(text: bytes) -> timezone:
    if text == b"Z":
        return UTC
    ahead = timedelta(hours=int(text[1:3]), minutes=int(text[3:]))
    return timezone(-ahead if text.startswith(b"-") else ahead)


_STRINGS = {
    0x0C: ("utf-8", "gb18030"),
    0x12: ("ascii",),
    0x13: ("ascii", "utf-8", "gb18030"),
    0x14: ("ascii", "utf-8", "gb18030", "latin-1"),
    0x16: ("ascii", "utf-8", "gb18030"),
    0x1A: ("ascii",),
    0x1C: ("utf-32-be",),
    0x1E: ("utf-16-be",),
}
_PRINTABLE = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 '()+,-./:=?")


class Text(NamedTuple):
    """A string, and whether it kept to its own letters."""

    value: str
    proper: bool


def text(value: Value) -> Text:
    """Any of the strings of a name. Chinese bytes in a type that has none are read and told.

    Raises:
        Malformed: No string, or unreadable.
    """
    content, ways = value.content, _STRINGS.get(value.tag)
    if ways is None or len(content) > 32 * 1024:
        raise Malformed("string")
    for way in ways:
        try:
            found = content.decode(way)
        except UnicodeDecodeError:
            continue
        proper = way == ways[0] and "\0" not in found
        return Text(found, proper and (value.tag != der.PRINTABLE or set(found) <= _PRINTABLE))
    raise Malformed("string")
