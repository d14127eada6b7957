"""The container of an OFD: a zip, read strictly over its original bytes and written repeatably.

Every byte is accounted for: local headers follow one another from the first byte, behind them the
central directory, behind it its end record and nothing more. What is said twice (name, flags,
method, sizes, checksum) must agree. Content is unpacked when it is asked for, piece by piece, and
never beyond what the directory declared.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from seals.errors import MalformedDocument
from seals.ofd.frame import (
    CENTRAL,
    DEFLATED,
    END,
    LOCAL,
    STORED,
    UTF8,
    Entry,
    Limits,
    entries,
    explodes,
)
from seals.ofd.names import checked, shown

__all__ = ["CHUNK", "LIMITS", "Entry", "Limits", "OFDPackage", "digest_of", "packed"]

CHUNK = 256 * 1024
SMALL = 128 * 1024
"""Bytes of a part that is kept once it is unpacked, as long as there is room: a certificate's border
has many curves."""
ROOM = 1 << 20
_NEVER = 0x0021
"""1980-01-01, the first day a zip can tell: the same input gives the same bytes."""
_AS_IT_IS = (".esl", ".dat")
"""Seals and their signatures are a packed picture and random numbers: packing gains nothing."""

LIMITS = Limits()


class Known:
    """What came of reading one part: its content where that is small, and its digests."""

    __slots__ = ("content", "digests")

    def __init__(self) -> None:
        self.content: bytes | None = None
        self.digests: dict[str, bytes] = {}


class Memory:
    """What is known of the parts of a container."""

    __slots__ = ("before", "known", "room")

    def __init__(self, before: OFDPackage | None) -> None:
        self.before = before
        self.known: dict[str, Known] = {}
        self.room = ROOM


@dataclass(frozen=True, slots=True)
class OFDPackage:
    """An opened container. It holds on to the bytes and unpacks nothing by itself."""

    data: bytes
    entries: tuple[Entry, ...]
    """In the order they lie in the file."""
    parts: Mapping[str, Entry]
    memory: Memory = field(repr=False, compare=False)

    @classmethod
    def open(
        cls, data: bytes, limits: Limits = LIMITS, before: OFDPackage | None = None
    ) -> OFDPackage:
        """Check the whole frame of a container; contents are checked when they are read.

        Args:
            data: Its bytes.
            limits: How much of it is read.
            before: A container that was read before. What lies there in the very same packed bytes
                is not unpacked and digested again.

        Raises:
            MalformedDocument: It is none, or not beyond doubt. Keys: `no-zip`, `bytes-before`,
                `bytes-between`, `bytes-behind`, `overlap`, `comment`, `several-disks`, `zip64`,
                `directory`, `headers-disagree`, `encrypted`, `flags`, `method`, `extra`,
                `name-twice`, `symlink`, `special-file`, `duplicate-name`, `name-clash`, `folder`,
                `too-large`, `too-many`, `ratio`, and those of names.
        """
        found = entries(data, limits)
        parts = {each.name: each for each in found if not each.name.endswith("/")}
        return cls(data, found, parts, Memory(before))

    def chunks(self, part: str) -> Iterator[bytes]:
        """The content of a part, at most `CHUNK` bytes at a time.

        Raises:
            MalformedDocument: `missing`, `damaged`, `size`, `checksum`.
        """
        entry = self._entry(part)
        source = self.packed(entry)
        pieces = _inflated(source, entry) if entry.method == DEFLATED else _cut(source)
        size = crc = 0
        for piece in pieces:
            size += len(piece)
            if size > entry.size:
                raise MalformedDocument("size", part)
            crc = zlib.crc32(piece, crc)
            yield piece
        if size != entry.size:
            raise MalformedDocument("size", part)
        if crc != entry.crc:
            raise MalformedDocument("checksum", part)

    def read(self, part: str) -> bytes:
        """The whole content of a part.

        Raises:
            MalformedDocument: As for `chunks`.
        """
        entry = self._entry(part)
        if entry.size > SMALL:
            return b"".join(self.chunks(part))
        known = self.known(entry)
        content = known.content
        if content is None:
            content = _small(self.packed(entry), entry)
            if entry.size <= self.memory.room:
                self.memory.room -= entry.size
                known.content = content
        return content

    def digest(self, part: str, algorithm: str = "sm3") -> bytes:
        """The digest of a part's content.

        Raises:
            MalformedDocument: As for `chunks`.
        """
        entry = self._entry(part)
        known = self.known(entry)
        found = known.digests.get(algorithm)
        if found is None:
            if entry.size <= SMALL:
                found = digest_of(part, self.read(part), algorithm)
            else:
                state = hashlib.new(algorithm, usedforsecurity=False)
                for piece in self.chunks(part):
                    state.update(piece)
                found = state.digest()
            known.digests[algorithm] = found
        return found

    def _entry(self, part: str) -> Entry:
        entry = self.parts.get(part)
        if entry is None:
            raise MalformedDocument("missing", shown(part))
        return entry

    def packed(self, entry: Entry) -> memoryview:
        """The content of an entry as it lies there."""
        return memoryview(self.data)[entry.content : entry.content + entry.packed]

    def known(self, entry: Entry) -> Known:
        """What is known of a part: here, or where its bytes were read before."""
        memory = self.memory
        known = memory.known.get(entry.name)
        if known is None:
            known = memory.known[entry.name] = self._known_before(entry) or Known()
        return known

    def unchanged(self, part: str) -> bool:
        """Does this part lie here in the very same bytes as in the container that was read before?"""
        before = self.memory.before
        entry = self.parts.get(part)
        other = None if before is None else before.parts.get(part)
        if before is None or entry is None or other is None:
            return False
        return self.known(entry) is before.known(other)

    def _known_before(self, entry: Entry) -> Known | None:
        """The name only says where to look: packed bytes, method, sizes and checksum must all be
        the same, so that unpacking could only give the same again.
        """
        before = self.memory.before
        other = None if before is None else before.parts.get(entry.name)
        if before is None or other is None:
            return None
        told = entry.method, entry.crc, entry.packed, entry.size
        if told != (other.method, other.crc, other.packed, other.size):
            return None
        pairs = zip(_cut(self.packed(entry)), _cut(before.packed(other)), strict=True)
        return before.known(other) if all(one == more for one, more in pairs) else None

    def rewritten(self, written: Mapping[str, bytes]) -> bytes:
        """The container with these parts in it: those that exist are exchanged where they stand,
        others come behind the last; every other entry keeps its bytes.
        """
        pieces: list[bytes | memoryview] = []
        directory: list[bytes] = []
        view, at = memoryview(self.data), 0
        for entry in self.entries:
            if entry.name in written:
                record, head = _record(entry.name, written[entry.name], at)
                pieces.append(record)
            else:
                head = entry.head[:42] + at.to_bytes(4, "little") + entry.head[46:]
                pieces.append(view[entry.begin : entry.end])
            directory.append(head)
            at += len(pieces[-1])
        for name, content in written.items():
            if name not in self.parts:
                record, head = _record(name, content, at)
                pieces.append(record)
                directory.append(head)
                at += len(record)
        return _closed(pieces, directory, at)


def digest_of(part: str, content: bytes, algorithm: str = "sm3") -> bytes:
    """The digest of a content. A seal lies in many documents, and is digested once."""
    few = len(content) <= SMALL
    return (_seal_digest if few and part.endswith(".esl") else _digest)(content, algorithm)


def _digest(content: bytes, algorithm: str) -> bytes:
    return hashlib.new(algorithm, content, usedforsecurity=False).digest()


_seal_digest = lru_cache(maxsize=64)(_digest)


def packed(parts: Mapping[str, bytes]) -> bytes:
    """A new container of these parts, in this order; the same parts give the same bytes.

    Raises:
        MalformedDocument: A name that `OFDPackage.open` would refuse.
    """
    pieces: list[bytes | memoryview] = []
    directory: list[bytes] = []
    at = 0
    for name, content in parts.items():
        checked(name.removeprefix("/").encode())
        record, head = _record(name, content, at)
        pieces.append(record)
        directory.append(head)
        at += len(record)
    return _closed(pieces, directory, at)


# --- reading ----------------------------------------------------------------------------------


def _inflated(source: memoryview, entry: Entry) -> Iterator[bytes]:
    """Packed bytes go in by the piece, so that the rest is never copied."""
    state = zlib.decompressobj(-15)
    at = 0
    try:
        while not state.eof:
            pending = state.unconsumed_tail
            if not pending:
                pending = bytes(source[at : at + CHUNK])
                at += len(pending)
            piece = state.decompress(pending, CHUNK)
            if piece:
                yield piece
            elif not pending:
                raise MalformedDocument("damaged", entry.name)
    except zlib.error:
        raise MalformedDocument("damaged", entry.name) from None
    if state.unused_data or state.unconsumed_tail or at < len(source):
        raise MalformedDocument("damaged", entry.name)


def _small(source: memoryview, entry: Entry) -> bytes:
    """The content of a small part in one go, held against all that is told of it."""
    content = bytes(source)
    if entry.method == DEFLATED:
        state = zlib.decompressobj(-15)
        try:
            content = state.decompress(content, entry.size + 1)
        except zlib.error:
            raise MalformedDocument("damaged", entry.name) from None
        if len(content) > entry.size:
            raise MalformedDocument("size", entry.name)
        if not state.eof or state.unused_data:
            raise MalformedDocument("damaged", entry.name)
    if len(content) != entry.size:
        raise MalformedDocument("size", entry.name)
    if zlib.crc32(content) != entry.crc:
        raise MalformedDocument("checksum", entry.name)
    return content


def _cut(source: memoryview) -> Iterator[bytes]:
    for at in range(0, len(source), CHUNK):
        yield bytes(source[at : at + CHUNK])


# --- writing ----------------------------------------------------------------------------------


def _record(name: str, content: bytes, at: int) -> tuple[bytes, bytes]:
    """Local header with content, and the record for the central directory."""
    path = name.removeprefix("/").encode()
    method, body = STORED, content
    if not name.endswith(_AS_IT_IS):
        state = zlib.compressobj(6, zlib.DEFLATED, *_windowed(len(content)))
        deflated = state.compress(content) + state.flush()
        if len(deflated) < len(content) and not explodes(len(content), len(deflated), LIMITS):
            method, body = DEFLATED, deflated
    known = (UTF8, method, 0, _NEVER, zlib.crc32(content), len(body), len(content), len(path))
    local = LOCAL.pack(b"PK\x03\x04", 20, *known, 0)
    head = CENTRAL.pack(b"PK\x01\x02", 20, 20, *known, 0, 0, 0, 0, 0, at)
    return b"".join((local, path, body)), head + path


def _windowed(size: int) -> tuple[int, int]:
    """Window (bits, without frame) and memory level for a content of this size: setting up room for
    32 KB takes longer than packing a small part does.
    """
    for most, window in _WINDOWS.items():
        if size <= most:
            return window
    return -15, 8


_WINDOWS = {1 << 12: (-12, 5), 1 << 14: (-14, 7)}


def _closed(pieces: list[bytes | memoryview], directory: list[bytes], start: int) -> bytes:
    size, count = sum(map(len, directory)), len(directory)
    end = END.pack(b"PK\x05\x06", 0, 0, count, count, size, start, 0)
    return b"".join((*pieces, *directory, end))
