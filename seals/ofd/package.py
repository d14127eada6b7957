"""The container of an OFD: a zip, read strictly over its original bytes and written repeatably.

Every byte is accounted for: local headers follow one another from the first byte, behind them the
central directory, behind it its end record and nothing more. What is said twice (name, flags,
method, sizes, checksum) must agree. Content is unpacked when it is asked for, piece by piece, and
never beyond what the directory declared.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from seals.errors import MalformedDocument
from seals.ofd.names import checked, folded, shown

CHUNK = 256 * 1024
STORED, DEFLATED = 0, 8
DESCRIPTOR, UTF8 = 0x0008, 0x0800
_ENCRYPTED = 0x0001 | 0x0040 | 0x2000
_FLAGS = 0x0006 | DESCRIPTOR | UTF8
_AMBIGUOUS_EXTRAS = {0x0001: "zip64", 0x7075: "name-twice", 0x9901: "encrypted"}
_UNIX_TYPES = {0: "", 0x8: "", 0x4: "", 0xA: "symlink"}

_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_NEVER = 0x0021
"""1980-01-01, the first day a zip can tell: the same input gives the same bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much of a container is read; beyond it, it is refused."""

    size: int = 1 << 30
    entries: int = 20_000
    part: int = 256 << 20
    """Bytes of one part, unpacked."""
    total: int = 2 << 30
    """Bytes of all parts, unpacked."""
    ratio: int = 200
    """How often larger a part of more than a megabyte may become."""


LIMITS = Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry as the central directory has it."""

    name: str
    """Path with a slash in front; a folder has one behind, too."""
    method: int
    flags: int
    crc: int
    packed: int
    size: int
    begin: int
    """Where its local header begins."""
    content: int
    """Where its content begins."""
    end: int
    """Where the next thing begins."""
    head: bytes
    """Its record in the central directory."""

    @property
    def folder(self) -> bool:
        """No part, only a name."""
        return self.name.endswith("/")


@dataclass(frozen=True, slots=True)
class OFDPackage:
    """An opened container. It holds on to the bytes and unpacks nothing by itself."""

    data: bytes
    entries: tuple[Entry, ...]
    """In the order they lie in the file."""
    parts: Mapping[str, Entry]

    @classmethod
    def open(cls, data: bytes, limits: Limits = LIMITS) -> OFDPackage:
        """Check the whole frame of a container; contents are checked when they are read.

        Raises:
            MalformedDocument: It is none, or not beyond doubt. Keys: `no-zip`, `bytes-before`,
                `bytes-between`, `bytes-behind`, `overlap`, `comment`, `several-disks`, `zip64`,
                `directory`, `headers-disagree`, `encrypted`, `flags`, `method`, `extra`,
                `name-twice`, `symlink`, `special-file`, `duplicate-name`, `name-clash`, `folder`,
                `too-large`, `too-many`, `ratio`, and those of names.
        """
        if len(data) > limits.size:
            raise MalformedDocument("too-large")
        count, start = _end(data, limits)
        records = list(_directory(data, count, start))
        records.sort(key=lambda each: each.begin)
        entries = tuple(_located(data, records, start))
        _bounded(entries, limits)
        _distinct(entries)
        parts = {each.name: each for each in entries if not each.folder}
        return cls(data, entries, parts)

    def chunks(self, part: str) -> Iterator[bytes]:
        """The content of a part, at most `CHUNK` bytes at a time.

        Raises:
            MalformedDocument: `missing`, `damaged`, `size`, `checksum`.
        """
        entry = self.parts.get(part)
        if entry is None:
            raise MalformedDocument("missing", shown(part))
        source = memoryview(self.data)[entry.content : entry.content + entry.packed]
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
        return b"".join(self.chunks(part))

    def digest(self, part: str, algorithm: str = "sm3") -> bytes:
        """The digest of a part's content.

        Raises:
            MalformedDocument: As for `chunks`.
        """
        state = hashlib.new(algorithm, usedforsecurity=False)
        for piece in self.chunks(part):
            state.update(piece)
        return state.digest()

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


def _end(data: bytes, limits: Limits) -> tuple[int, int]:
    """How many entries there are, and where the central directory begins."""
    at = len(data) - _END.size
    if at < 0 or data[at : at + 4] != b"PK\x05\x06":
        near = data.rfind(b"PK\x05\x06", max(0, at - 0xFFFF))
        if near < 0:
            raise MalformedDocument("no-zip")
        told = int.from_bytes(data[near + 20 : near + 22], "little")
        whole = near + _END.size + told == len(data)
        raise MalformedDocument("comment" if told and whole else "bytes-behind")
    _, disk, first, here, count, size, start, comment = _END.unpack_from(data, at)
    if comment:
        raise MalformedDocument("comment")
    if disk or first or here != count:
        raise MalformedDocument("several-disks")
    if count == 0xFFFF or 0xFFFFFFFF in {size, start}:
        raise MalformedDocument("zip64")
    if count > limits.entries:
        raise MalformedDocument("too-many")
    if start + size != at:
        raise MalformedDocument("bytes-before" if start + size < at else "directory")
    return count, start


def _directory(data: bytes, count: int, start: int) -> Iterator[Entry]:
    at, end = start, len(data) - _END.size
    for _ in range(count):
        if at + _CENTRAL.size > end or data[at : at + 4] != b"PK\x01\x02":
            raise MalformedDocument("directory")
        (_, _, _, flags, method, _, _, crc, packed_size, size, name, extra, comment, disk, _,
         attributes, begin) = _CENTRAL.unpack_from(data, at)  # fmt: skip
        behind = at + _CENTRAL.size + name + extra + comment
        if behind > end:
            raise MalformedDocument("directory")
        at += _CENTRAL.size
        path = "/" + checked(data[at : at + name])
        _allowed(path, flags, method, attributes)
        _extras(data[at + name : at + name + extra], path)
        if comment:
            raise MalformedDocument("comment", path)
        if disk:
            raise MalformedDocument("several-disks", path)
        if 0xFFFFFFFF in {packed_size, size, begin}:
            raise MalformedDocument("zip64", path)
        head = data[at - _CENTRAL.size : behind]
        at = behind
        yield Entry(name=path, method=method, flags=flags, crc=crc, packed=packed_size, size=size,
                    begin=begin, content=0, end=0, head=head)  # fmt: skip
    if at != end:
        raise MalformedDocument("directory")


def _allowed(path: str, flags: int, method: int, attributes: int) -> None:
    if flags & _ENCRYPTED:
        raise MalformedDocument("encrypted", path)
    if flags & ~_FLAGS:
        raise MalformedDocument("flags", path)
    if method not in {STORED, DEFLATED}:
        raise MalformedDocument("method", path)
    if why := _UNIX_TYPES.get(attributes >> 28, "special-file"):
        raise MalformedDocument(why, path)


def _extras(data: bytes, path: str) -> None:
    """Extra fields may tell dates and owners, but no second name, size or method."""
    at = 0
    while at < len(data):
        if at + 4 > len(data):
            raise MalformedDocument("extra", path)
        kind, size = struct.unpack_from("<2H", data, at)
        if why := _AMBIGUOUS_EXTRAS.get(kind):
            raise MalformedDocument(why, path)
        at += 4 + size
    if at != len(data):
        raise MalformedDocument("extra", path)


def _located(data: bytes, records: list[Entry], start: int) -> Iterator[Entry]:
    """Hold each entry against its local header, and all against one another."""
    if records and records[0].begin:
        raise MalformedDocument("bytes-before")
    if not records and start:
        raise MalformedDocument("bytes-before")
    bounds = [each.begin for each in records[1:]] + [start]
    for entry, bound in zip(records, bounds, strict=True):
        at = entry.begin
        if at + _LOCAL.size > bound or data[at : at + 4] != b"PK\x03\x04":
            raise MalformedDocument("overlap" if at + _LOCAL.size > bound else "directory",
                                    entry.name)  # fmt: skip
        _, _, flags, method, _, _, crc, packed_size, size, name, extra = _LOCAL.unpack_from(
            data, at
        )
        content = at + _LOCAL.size + name + extra
        end = content + entry.packed
        if end > bound:
            raise MalformedDocument("overlap", entry.name)
        told, known = (crc, packed_size, size), (entry.crc, entry.packed, entry.size)
        unsaid = flags & DESCRIPTOR and told == (0, 0, 0)
        named = data[at + _LOCAL.size : at + _LOCAL.size + name] == entry.name[1:].encode()
        same = (flags, method) == (entry.flags, entry.method)
        if not (named and same and (told == known or unsaid)):
            raise MalformedDocument("headers-disagree", entry.name)
        _extras(data[content - extra : content], entry.name)
        if flags & DESCRIPTOR:
            end = _described(data, end, bound, entry)
        if end != bound:
            raise MalformedDocument("bytes-between", entry.name)
        yield Entry(name=entry.name, method=method, flags=flags, crc=entry.crc,
                    packed=entry.packed, size=entry.size, begin=at, content=content, end=end,
                    head=entry.head)  # fmt: skip


def _described(data: bytes, at: int, bound: int, entry: Entry) -> int:
    """Where the data descriptor ends, with its signature or without."""
    known = struct.pack("<3I", entry.crc, entry.packed, entry.size)
    for descriptor in (b"PK\x07\x08" + known, known):
        if data[at:bound] == descriptor:
            return bound
    raise MalformedDocument("headers-disagree", entry.name)


def _bounded(entries: tuple[Entry, ...], limits: Limits) -> None:
    total = 0
    for entry in entries:
        total += entry.size
        if entry.size > limits.part or total > limits.total:
            raise MalformedDocument("too-large", entry.name)
        if _explodes(entry.size, entry.packed, limits):
            raise MalformedDocument("ratio", entry.name)
        if entry.method == STORED and entry.size != entry.packed:
            raise MalformedDocument("size", entry.name)
        if entry.folder and entry.size:
            raise MalformedDocument("folder", entry.name)


def _explodes(size: int, packed_size: int, limits: Limits) -> bool:
    return size > 1 << 20 and size > limits.ratio * packed_size


def _distinct(entries: tuple[Entry, ...]) -> None:
    """No two entries that any system takes for one, and no part that is a folder, too."""
    seen: set[str] = set()
    folders: set[str] = set()
    spelled: dict[str, str] = {}
    for entry in entries:
        key = folded(entry.name.removesuffix("/"))
        if key in seen:
            raise MalformedDocument("duplicate-name", entry.name)
        seen.add(key)
        path = entry.name if entry.folder else entry.name[: entry.name.rindex("/") + 1]
        if path not in folders:
            folders.update(path[: at + 1] for at, each in enumerate(path) if each == "/")
    for path in folders:
        if spelled.setdefault(folded(path), path) != path:
            raise MalformedDocument("duplicate-name", path)
    for entry in entries:
        if not entry.folder and folded(entry.name + "/") in spelled:
            raise MalformedDocument("name-clash", entry.name)


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


def _cut(source: memoryview) -> Iterator[bytes]:
    for at in range(0, len(source), CHUNK):
        yield bytes(source[at : at + CHUNK])


# --- writing ----------------------------------------------------------------------------------


def _record(name: str, content: bytes, at: int) -> tuple[bytes, bytes]:
    """Local header with content, and the record for the central directory."""
    path = name.removeprefix("/").encode()
    state = zlib.compressobj(6, zlib.DEFLATED, -15)
    body = state.compress(content) + state.flush()
    method = DEFLATED
    if len(body) >= len(content) or _explodes(len(content), len(body), LIMITS):
        method, body = STORED, content
    known = (UTF8, method, 0, _NEVER, zlib.crc32(content), len(body), len(content), len(path))
    local = _LOCAL.pack(b"PK\x03\x04", 20, *known, 0)
    head = _CENTRAL.pack(b"PK\x01\x02", 20, 20, *known, 0, 0, 0, 0, 0, at)
    return b"".join((local, path, body)), head + path


def _closed(pieces: list[bytes | memoryview], directory: list[bytes], start: int) -> bytes:
    size, count = sum(map(len, directory)), len(directory)
    end = _END.pack(b"PK\x05\x06", 0, 0, count, count, size, start, 0)
    return b"".join((*pieces, *directory, end))
