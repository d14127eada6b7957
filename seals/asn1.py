"""Reading the fields of seals one after the other, by name and type, out of the original bytes.

Over `ber.py`, which reads single values. What cannot be read raises `MalformedSeal` with the field;
what can be read but is not DER, or not of the type that the standard names, is told to
`deviations` and read on. Slices are of what was received: what was signed is hashed as it stands.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from seals import ber, der
from seals.ber import Value
from seals.errors import Deviation, Malformed, MalformedSeal

MAX_SIZE = 8 * 1024 * 1024
"""A picture at print resolution is a tenth of this."""
MAX_COUNT = 1024
"""Values in one SEQUENCE OF, and deviations told. A seal lists a handful of certificates."""
MAX_TEXT = 4096
MAX_INTEGER = 8
"""Bytes; nothing in a seal counts further."""

_TEXTS = {der.UTF8, der.PRINTABLE, der.IA5, 0x14, 0x1E}
_TIMES = {
    der.UTC_TIME: re.compile(rb"\d{12}Z", re.ASCII),
    der.TIME: re.compile(rb"\d{14}(\.\d*[1-9])?Z", re.ASCII),
}
_T = TypeVar("_T")


class Fields:
    """The values inside one value, one after the other."""

    def __init__(
        self, data: bytes, deviations: list[Deviation] | None = None, inside: Value | None = None
    ) -> None:
        """Args:
        data: What was received.
        deviations: Takes what is not as it should be; shared by all readers of one document.
        inside: The value to go into; the whole of `data` where it is not said.

        Raises:
            MalformedSeal: Too long.
        """
        if len(data) > MAX_SIZE:
            raise MalformedSeal("too-long", "")
        self._data = data
        self._at, self._end = (inside.start, inside.end) if inside else (0, len(data))
        self.deviations: list[Deviation] = [] if deviations is None else deviations

    def tag(self) -> int | None:
        """The tag of what comes next; None where nothing does."""
        return self._data[self._at] if self._at < self._end else None

    def inside(self, where: str, tag: int = der.SEQUENCE) -> Fields:
        """Go into the next value."""
        return Fields(self._data, self.deviations, self._next(where, tag))

    def each(self, where: str) -> list[Fields]:
        """For each value inside the next SEQUENCE, a reader that stands before it."""
        inner = self.inside(where)
        found: list[Fields] = []
        while inner.tag() is not None:
            if len(found) == MAX_COUNT:
                raise MalformedSeal("too-many", where)
            found.append(Fields(inner.raw(where), self.deviations))
        return found

    def raw(self, where: str) -> bytes:
        """The next value whole, tag and length included, whatever it is."""
        return self._next(where, self.tag()).whole

    def done(self, where: str) -> None:
        """Nothing may be left.

        Raises:
            MalformedSeal: Something is that nothing accounts for.
        """
        if self._at != self._end:
            raise MalformedSeal("unexpected", where)

    def octets(self, where: str) -> bytes:
        """An OCTET STRING."""
        return self._next(where, der.OCTETS).content

    def bits(self, where: str) -> bytes:
        """A BIT STRING of whole bytes."""
        return _read(ber.bits, self._next(where, der.BITS), where)

    def integer(self, where: str) -> int:
        """An INTEGER of a few bytes."""
        found = self._next(where, der.INTEGER)
        if len(found.content) > MAX_INTEGER:
            raise MalformedSeal("number", where)
        if ber.padded(found):
            self.note("integer-padding", where)
        return _read(ber.number, found, where)

    def boolean(self, where: str) -> bool:
        """A BOOLEAN."""
        found = self._next(where, der.BOOLEAN)
        if found.content not in {b"\x00", b"\xff"}:
            self.note("boolean", where)
        return _read(ber.boolean, found, where)

    def oid(self, where: str) -> str:
        """An OBJECT IDENTIFIER, with dots."""
        return _read(ber.oid, self._next(where, der.OID), where)

    def text(self, tag: int, where: str) -> str:
        """A string. One of another type is noted, and so is what people cannot see in it."""
        found = self._next(where, self._alike(tag, _TEXTS, "string-type", where))
        if len(found.content) > MAX_TEXT:
            raise MalformedSeal("too-long", where)
        told, proper = _read(ber.text, found, where)
        if not proper or not told.isprintable():
            self.note("characters", where)
        return told

    def time(self, tag: int, where: str) -> datetime:
        """A point of time in UTC; the other time type and other forms are noted."""
        found = self._next(where, self._alike(tag, set(_TIMES), "time-type", where))
        if not _TIMES[found.tag].fullmatch(found.content):
            self.note("time-form", where)
        return _read(ber.moment, found, where)

    def note(self, why: str, where: str) -> None:
        """Remember what is not as it should be."""
        if len(self.deviations) < MAX_COUNT:
            self.deviations.append(Deviation(why=why, where=where))

    def _alike(self, tag: int, others: set[int], why: str, where: str) -> int:
        """The tag that is there, where it is of the same family."""
        found = self.tag()
        if found is None or found == tag or found not in others:
            return tag
        self.note(why, where)
        return found

    def _next(self, where: str, tag: int | None) -> Value:
        """The next value, which must have that tag, and go behind it."""
        if self._at >= self._end:
            raise MalformedSeal("missing", where)
        if self._data[self._at] != tag:
            raise MalformedSeal("other-tag", where)
        try:
            found = ber.at(self._data, self._at, self._end)
        except Malformed as error:
            raise MalformedSeal(str(error), where) from None
        if not found.canonical:
            self.note("length-form", where)
        self._at = found.end
        return found


def _read(read: Callable[[Value], _T], value: Value, where: str) -> _T:
    """What `read` makes of the value, or the field that it could not read."""
    try:
        return read(value)
    except Malformed as error:
        raise MalformedSeal(str(error), where) from None
