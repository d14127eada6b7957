"""The frame of a container: every byte of a zip accounted for, read over the original bytes.

Local headers follow one another from the first byte, behind them the central directory, behind it
its end record and nothing more. What is said twice (name, flags, method, sizes, checksum) must
agree, and no two names may be one on any system. Nothing is unpacked here.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter
from typing import NamedTuple

from seals.errors import MalformedDocument
from seals.ofd.names import checked, folded

STORED, DEFLATED = 0, 8
DESCRIPTOR, UTF8 = 0x0008, 0x0800
_ENCRYPTED = 0x0001 | 0x0040 | 0x2000
_FLAGS = 0x0006 | DESCRIPTOR | UTF8
_AMBIGUOUS_EXTRAS = {0x0001: "zip64", 0x7075: "name-twice", 0x9901: "encrypted"}
_UNIX_TYPES = {0: "", 0x8: "", 0x4: "", 0xA: "symlink"}

LOCAL = struct.Struct("<4s5H3I2H")
CENTRAL = struct.Struct("<4s6H3I5H2I")
END = struct.Struct("<4s4H2IH")


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
    total_ratio: int = 100
    """How often larger than the container all parts together, if more than 64 megabytes."""


LIMITS = Limits()


class Entry(NamedTuple):
    """One entry of a container. A tuple, for there are many of them."""

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


def entries(data: bytes, limits: Limits) -> tuple[Entry, ...]:
    """All entries of a container, in the order they lie in the file.

    Raises:
        MalformedDocument: See `OFDPackage.open`.
    """
    if len(data) > limits.size:
        raise MalformedDocument("too-large")
    count, start = _end(data, limits)
    records = sorted(_directory(data, count, start), key=_BEGIN)
    found = tuple(_located(data, records, start))
    _bounded(found, limits, len(data))
    _distinct(found)
    return found


def explodes(size: int, packed_size: int, limits: Limits) -> bool:
    """Would a part become more than it may out of so little?"""
    return size > 1 << 20 and size > limits.ratio * packed_size


class _Record(NamedTuple):
    """An entry as the central directory has it."""

    name: str
    raw: bytes
    said: tuple[int, int]
    """Flags and method."""
    known: tuple[int, int, int]
    """Checksum, packed size and size."""
    begin: int
    head: bytes


_BEGIN = attrgetter("begin")


def _end(data: bytes, limits: Limits) -> tuple[int, int]:
    """How many entries there are, and where the central directory begins."""
    at = len(data) - END.size
    if at < 0 or data[at : at + 4] != b"PK\x05\x06":
        near = data.rfind(b"PK\x05\x06", max(0, at - 0xFFFF))
        if near < 0:
            raise MalformedDocument("no-zip")
        told = int.from_bytes(data[near + 20 : near + 22], "little")
        whole = near + END.size + told == len(data)
        raise MalformedDocument("comment" if told and whole else "bytes-behind")
    _, disk, first, here, count, size, start, comment = END.unpack_from(data, at)
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


def _directory(data: bytes, count: int, start: int) -> Iterator[_Record]:
    at, end, size_of = start, len(data) - END.size, CENTRAL.size
    for _ in range(count):
        if at + size_of > end or data[at : at + 4] != b"PK\x01\x02":
            raise MalformedDocument("directory")
        (_, _, _, flags, method, _, _, crc, packed_size, size, name, extra, comment, disk, _,
         attributes, begin) = CENTRAL.unpack_from(data, at)  # fmt: skip
        named, behind = at + size_of + name, at + size_of + name + extra + comment
        if behind > end:
            raise MalformedDocument("directory")
        raw = data[at + size_of : named]
        path = _path(raw)
        _allowed(path, flags, method, attributes)
        if extra:
            _extras(data[named : named + extra], path)
        if comment:
            raise MalformedDocument("comment", path)
        if disk:
            raise MalformedDocument("several-disks", path)
        if 0xFFFFFFFF in {packed_size, size, begin}:
            raise MalformedDocument("zip64", path)
        known = crc, packed_size, size
        yield _Record(path, raw, (flags, method), known, begin, data[at:behind])
        at = behind
    if at != end:
        raise MalformedDocument("directory")


@lru_cache(maxsize=1024)
def _path(raw: bytes) -> str:
    """The name of a part. Most documents have the same names."""
    return "/" + checked(raw)


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


def _located(data: bytes, records: Sequence[_Record], start: int) -> Iterator[Entry]:
    """Hold each entry against its local header, and all against one another."""
    if records[0].begin if records else start:
        raise MalformedDocument("bytes-before")
    bounds = (*(each.begin for each in records[1:]), start)
    for record, bound in zip(records, bounds, strict=True):
        path, raw, said, known, at, head = record
        if at + LOCAL.size > bound:
            raise MalformedDocument("overlap", path)
        sign, _, flags, method, _, _, crc, packed_size, size, name, extra = LOCAL.unpack_from(
            data, at
        )
        if sign != b"PK\x03\x04":
            raise MalformedDocument("directory", path)
        named = at + LOCAL.size
        content = named + name + extra
        end = content + known[1]
        if end > bound:
            raise MalformedDocument("overlap", path)
        told = crc, packed_size, size
        agreed = told == known or (flags & DESCRIPTOR and told == (0, 0, 0))
        if not (agreed and (flags, method) == said and data[named : named + name] == raw):
            raise MalformedDocument("headers-disagree", path)
        if extra:
            _extras(data[content - extra : content], path)
        if flags & DESCRIPTOR:
            end = _described(data, end, bound, record)
        if end != bound:
            raise MalformedDocument("bytes-between", path)
        yield Entry(path, method, flags, *known, at, content, end, head)


def _described(data: bytes, at: int, bound: int, record: _Record) -> int:
    """Where the data descriptor ends, with its signature or without."""
    known = struct.pack("<3I", *record.known)
    for descriptor in (b"PK\x07\x08" + known, known):
        if data[at:bound] == descriptor:
            return bound
    raise MalformedDocument("headers-disagree", record.name)


def _bounded(found: Sequence[Entry], limits: Limits, whole: int) -> None:
    total = 0
    for entry in found:
        size = entry.size
        total += size
        if size > limits.part or total > limits.total:
            raise MalformedDocument("too-large", entry.name)
        if explodes(size, entry.packed, limits):
            raise MalformedDocument("ratio", entry.name)
        if entry.method == STORED and size != entry.packed:
            raise MalformedDocument("size", entry.name)
        if size and entry.folder:
            raise MalformedDocument("folder", entry.name)
    if total > 64 << 20 and total > limits.total_ratio * whole:
        raise MalformedDocument("ratio")


def _distinct(found: Sequence[Entry]) -> None:
    """No two entries that any system takes for one, and no part that is a folder, too."""
    seen: set[str] = set()
    folders: dict[str, str] = {}
    for entry in found:
        key, above = _spelled(entry.name)
        if key in seen:
            raise MalformedDocument("duplicate-name", entry.name)
        seen.add(key)
        for plain, path in above:
            if folders.setdefault(plain, path) != path:
                raise MalformedDocument("duplicate-name", path)
    for entry in found:
        if not entry.folder and _spelled(entry.name)[0] + "/" in folders:
            raise MalformedDocument("name-clash", entry.name)


@lru_cache(maxsize=1024)
def _spelled(name: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """What a name is on systems that fold letters, and so its folders, each beside its spelling."""
    folders = [name[: at + 1] for at, each in enumerate(name) if each == "/"]
    return folded(name.removesuffix("/")), tuple((folded(each), each) for each in folders)
