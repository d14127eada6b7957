"""DER (X.690), as much as seals need: a strict reader over the original bytes, and a writer.

The reader goes through a value once, from left to right, and gives back slices of what it was
given: what was signed is hashed as it stands, never as we would write it. What cannot be read
raises `MalformedSeal`; what can be read but is not DER is told to `deviations` and read on.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

from seals.errors import Deviation, MalformedSeal

MAX_SIZE = 8 * 1024 * 1024
"""A picture at print resolution is a tenth of this."""
MAX_DEPTH = 16
MAX_COUNT = 1024
"""Values in one SEQUENCE OF. A seal lists a handful of certificates."""
MAX_TEXT = 4096

BOOLEAN, INTEGER, BITS, OCTETS, OID = 0x01, 0x02, 0x03, 0x04, 0x06
UTF8, PRINTABLE, IA5, UTC_TIME, TIME = 0x0C, 0x13, 0x16, 0x17, 0x18
SEQUENCE, EXPLICIT_0 = 0x30, 0xA0

_TEXTS = {UTF8: "utf-8", PRINTABLE: "ascii", IA5: "ascii", 0x14: "latin-1", 0x1E: "utf-16-be"}
_TIMES = {
    UTC_TIME: re.compile(rb"(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})?()(Z|[+-]\d{4})?"),
    TIME: re.compile(rb"(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})?(\.\d{1,6})?(Z|[+-]\d{4})?"),
}
_CANONICAL = {UTC_TIME: re.compile(rb"\d{12}Z"), TIME: re.compile(rb"\d{14}(\.\d*[1-9])?Z")}


class Reader:
    """The values inside one value, one after the other."""

    def __init__(
        self,
        data: bytes,
        start: int = 0,
        end: int | None = None,
        depth: int = 0,
        deviations: list[Deviation] | None = None,
    ) -> None:
        """Args:
        data: The whole of what was received.
        start: Where the first value begins.
        end: Where the last one ends; the end of `data` where it is not said.
        depth: How many values this one lies in.
        deviations: Takes what is not as it should be; shared by all readers of one document.

        Raises:
            MalformedSeal: Too long, or nested too deeply.
        """
        if len(data) > MAX_SIZE:
            raise MalformedSeal("too-long", "")
        if depth > MAX_DEPTH:
            raise MalformedSeal("too-deep", "")
        self._data, self._at, self._depth = data, start, depth
        self._end = len(data) if end is None else end
        self.deviations: list[Deviation] = [] if deviations is None else deviations

    def tag(self) -> int | None:
        """The tag of what comes next; None where nothing does."""
        return self._data[self._at] if self._at < self._end else None

    def inside(self, where: str, tag: int = SEQUENCE) -> Reader:
        """Go into the next value."""
        start, end = self._next(tag, where)
        return Reader(self._data, start, end, self._depth + 1, self.deviations)

    def each(self, where: str) -> list[Reader]:
        """For each value inside the next SEQUENCE a reader that stands before it."""
        inner = self.inside(where)
        found: list[Reader] = []
        while inner.tag() is not None:
            if len(found) == MAX_COUNT:
                raise MalformedSeal("too-many", where)
            one = inner.raw(where)
            found.append(Reader(one, depth=self._depth + 1, deviations=self.deviations))
        return found

    def raw(self, where: str) -> bytes:
        """The next value whole, tag and length included, whatever it is."""
        begin, tag = self._at, self.tag()
        if tag is None:
            raise MalformedSeal("missing", where)
        self._next(tag, where)
        return self._data[begin : self._at]

    def done(self, where: str) -> None:
        """Raises:
        MalformedSeal: Something is left that nothing accounts for.
        """
        if self._at != self._end:
            raise MalformedSeal("unexpected", where)

    def octets(self, where: str) -> bytes:
        """An OCTET STRING."""
        start, end = self._next(OCTETS, where)
        return self._data[start:end]

    def bits(self, where: str) -> bytes:
        """A BIT STRING of whole bytes."""
        start, end = self._next(BITS, where)
        if start == end or self._data[start] != 0:
            raise MalformedSeal("bits", where)
        return self._data[start + 1 : end]

    def integer(self, where: str) -> int:
        """An INTEGER of up to eight bytes; nothing here counts further."""
        start, end = self._next(INTEGER, where)
        body = self._data[start:end]
        if not 1 <= len(body) <= 8:
            raise MalformedSeal("integer", where)
        if len(body) > 1 and (body[0], body[1] >> 7) in {(0, 0), (255, 1)}:
            self.note("integer-padding", where)
        return int.from_bytes(body, signed=True)

    def boolean(self, where: str) -> bool:
        """A BOOLEAN."""
        start, end = self._next(BOOLEAN, where)
        if end - start != 1:
            raise MalformedSeal("boolean", where)
        if self._data[start] not in {0, 255}:
            self.note("boolean", where)
        return self._data[start] != 0

    def oid(self, where: str) -> str:
        """An OBJECT IDENTIFIER, with dots."""
        start, end = self._next(OID, where)
        body = self._data[start:end]
        if not 1 <= len(body) <= 64 or body[-1] & 0x80:
            raise MalformedSeal("oid", where)
        arcs, value = [], 0
        for byte in body:
            if value == 0 and byte == 0x80:
                raise MalformedSeal("oid", where)
            value = value << 7 | byte & 0x7F
            if not byte & 0x80:
                arcs.append(value)
                value = 0
        first = min(arcs[0] // 40, 2)
        return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))

    def text(self, tag: int, where: str) -> str:
        """A string; one of another string type is read and noted."""
        found = self.tag()
        if found is not None and found != tag and found in _TEXTS:
            self.note("string-type", where)
            tag = found
        start, end = self._next(tag, where)
        if end - start > MAX_TEXT:
            raise MalformedSeal("too-long", where)
        try:
            return self._data[start:end].decode(_TEXTS[tag])
        except UnicodeDecodeError:
            raise MalformedSeal("characters", where) from None

    def time(self, tag: int, where: str) -> datetime:
        """A point of time in UTC; the other time type and local times are read and noted."""
        found = self.tag()
        if found is not None and found != tag and found in _TIMES:
            self.note("time-type", where)
            tag = found
        start, end = self._next(tag, where)
        return moment(self._data[start:end], tag, where, self.deviations)

    def note(self, why: str, where: str) -> None:
        """Remember what is not as it should be; only the first `MAX_COUNT` of them."""
        if len(self.deviations) < MAX_COUNT:
            self.deviations.append(Deviation(why=why, where=where))

    def _next(self, tag: int, where: str) -> tuple[int, int]:
        """Beginning and end of the content of the next value, and go behind it."""
        data, at, end = self._data, self._at, self._end
        if at >= end:
            raise MalformedSeal("missing", where)
        if data[at] != tag or tag & 0x1F == 0x1F:
            raise MalformedSeal("type", where)
        if at + 2 > end:
            raise MalformedSeal("truncated", where)
        size, start = data[at + 1], at + 2
        if size >= 0x80:
            wide = size & 0x7F
            start += wide
            if not 1 <= wide <= 4:
                raise MalformedSeal("length", where)
            if start > end:
                raise MalformedSeal("truncated", where)
            size = int.from_bytes(data[start - wide : start])
            if size < 0x80 or data[start - wide] == 0:
                self.note("length-form", where)
        if start + size > end:
            raise MalformedSeal("truncated", where)
        self._at = start + size
        return start, start + size


def moment(body: bytes, tag: int, where: str, deviations: list[Deviation]) -> datetime:
    """The content of a time value.

    Raises:
        MalformedSeal: No time, or no such day.
    """
    found = _TIMES[tag].fullmatch(body)
    if found is None:
        raise MalformedSeal("time", where)
    if not _CANONICAL[tag].fullmatch(body) and len(deviations) < MAX_COUNT:
        deviations.append(Deviation(why="time-form", where=where))
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
    if tag == UTC_TIME:
        year += 1900 if year >= 50 else 2000  # RFC 5280 §4.1.2.5.1
    micro = int((found[7] or b".0")[1:].ljust(6, b"0"))
    zone = (found[8] or b"Z").decode()
    try:
        offset = UTC if zone == "Z" else _offset(zone)
        told = datetime(year, month, day, hour, minute, second, micro, offset)
        return told.astimezone(UTC)
    except (ValueError, OverflowError):
        raise MalformedSeal("time", where) from None


def _offset(zone: str) -> timezone:
    away = timedelta(hours=int(zone[1:3]), minutes=int(zone[3:5]))
    return timezone(-away if zone[0] == "-" else away)


# --- writing ----------------------------------------------------------------------------------


def value(tag: int, *parts: bytes) -> bytes:
    """One value, its length in the shortest form."""
    size = sum(map(len, parts))
    if size < 0x80:
        return b"".join((bytes((tag, size)), *parts))
    length = size.to_bytes((size.bit_length() + 7) // 8)
    return b"".join((bytes((tag, 0x80 | len(length))), length, *parts))


def sequence(*parts: bytes) -> bytes:
    """A SEQUENCE of values that are written already."""
    return value(SEQUENCE, *parts)


def integer(number: int) -> bytes:
    """An INTEGER in the fewest bytes.

    Raises:
        ValueError: Below nought; nothing here is.
    """
    if number < 0:
        raise ValueError("below nought")
    return value(INTEGER, number.to_bytes(number.bit_length() // 8 + 1))


def octets(data: bytes) -> bytes:
    """An OCTET STRING."""
    return value(OCTETS, data)


def bits(data: bytes) -> bytes:
    """A BIT STRING of whole bytes."""
    return value(BITS, b"\x00", data)


def text(tag: int, told: str) -> bytes:
    """A string of the type `tag`.

    Raises:
        ValueError: That type cannot hold it.
    """
    return value(tag, told.encode(_TEXTS[tag]))


def time(told: datetime) -> bytes:
    """A GeneralizedTime in UTC, whole seconds.

    Raises:
        ValueError: It does not say where on earth.
    """
    if told.tzinfo is None:
        raise ValueError("a time without its zone")
    at = told.astimezone(UTC)
    return value(TIME, f"{at.year:04}{at:%m%d%H%M%S}Z".encode())


def oid(dotted: str) -> bytes:
    """An OBJECT IDENTIFIER.

    Raises:
        ValueError: It is none.
    """
    arcs = [int(arc) for arc in dotted.split(".")]
    if len(arcs) < 2 or min(arcs) < 0 or arcs[0] > 2 or (arcs[0] < 2 and arcs[1] > 39):
        raise ValueError("no object identifier")
    body = b"".join(_arc(arc) for arc in (40 * arcs[0] + arcs[1], *arcs[2:]))
    return value(OID, body)


def _arc(number: int) -> bytes:
    groups = [number & 0x7F]
    while number := number >> 7:
        groups.append(number & 0x7F | 0x80)
    return bytes(reversed(groups))
