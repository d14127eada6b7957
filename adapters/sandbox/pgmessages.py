"""Messages of the PostgreSQL frontend/backend protocol, version 3: to bytes and from bytes."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from typing import Any

from adapters.sandbox.readonly import INTEGER, NUMERIC, Column, PGError


def message(kind: bytes, body: bytes = b"") -> bytes:
    return kind + struct.pack("!i", len(body) + 4) + body


def cstring(value: str) -> bytes:
    return value.encode() + b"\0"


def error_response(error: PGError) -> bytes:
    fields = {"S": error.severity, "V": error.severity, "C": error.state, "M": error.message}
    body = b"".join(key.encode() + cstring(value) for key, value in fields.items())
    return message(b"E", body + b"\0")


def ready() -> bytes:
    return message(b"Z", b"I")


def row_description(columns: Iterable[Column], formats: Sequence[int] = ()) -> bytes:
    columns = tuple(columns)
    parts = [struct.pack("!h", len(columns))]
    for at, column in enumerate(columns):
        size = 4 if column.type == INTEGER else -1
        format_ = format_of(formats, at)
        parts.append(
            cstring(column.name) + struct.pack("!ihihih", 0, 0, column.type, size, -1, format_)
        )
    return message(b"T", b"".join(parts))


def format_of(formats: Sequence[int], at: int) -> int:
    """Format code of column `at`: none means text, one counts for all."""
    if not formats:
        return 0
    return formats[at] if len(formats) > 1 else formats[0]


def data_row(row: Sequence[Any], columns: Sequence[Column], formats: Sequence[int]) -> bytes:
    parts = [struct.pack("!h", len(row))]
    for at, value in enumerate(row):
        if value is None:
            parts.append(struct.pack("!i", -1))
            continue
        raw = value if isinstance(value, bytes) else str(value).encode()
        if format_of(formats, at) and columns[at].type == INTEGER:
            raw = struct.pack("!i", int(value))
        elif format_of(formats, at) and columns[at].type == NUMERIC:
            raise PGError("0A000", "numeric is only sent as text")
        parts.append(struct.pack("!i", len(raw)) + raw)
    return message(b"D", b"".join(parts))


def startup_options(body: Reader) -> dict[str, str]:
    """The name and value pairs of a startup message."""
    found: dict[str, str] = {}
    while name := body.text():
        found[name] = body.text()
    return found


class Reader:
    """Takes a message apart."""

    def __init__(self, body: bytes) -> None:
        self._body, self._at = body, 0

    def take(self, size: int) -> bytes:
        piece = self._body[self._at : self._at + size]
        if size < 0 or len(piece) != size:
            raise PGError("08P01", "message is too short", severity="FATAL")
        self._at += size
        return piece

    def text(self) -> str:
        end = self._body.find(b"\0", self._at)
        if end < 0:
            raise PGError("08P01", "text without end", severity="FATAL")
        piece, self._at = self._body[self._at : end], end + 1
        try:
            return piece.decode()
        except UnicodeDecodeError:
            raise PGError("22021", "invalid byte sequence for encoding UTF8") from None

    def int16(self) -> int:
        return int(struct.unpack("!h", self.take(2))[0])

    def int32(self) -> int:
        return int(struct.unpack("!i", self.take(4))[0])

    def int16s(self) -> list[int]:
        return [self.int16() for _ in range(self.int16())]


_INTEGER_SIZES = {20: 8, 21: 2, 23: 4}
"""Integer type → bytes of its binary form."""


def parameter(raw: bytes, type_: int, format_: int) -> str:
    """A bound value as text."""
    if format_ and type_ in _INTEGER_SIZES and len(raw) == _INTEGER_SIZES[type_]:
        return str(int.from_bytes(raw, "big", signed=True))
    if format_ and type_ in _INTEGER_SIZES:
        raise PGError("22P03", "incorrect binary data format")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise PGError("22021", "invalid byte sequence for encoding UTF8") from None
