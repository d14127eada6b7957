"""A TrueType font of just the characters a document paints, put together table by table.

Glyphs stand in the order of their code points behind the blank one, and `cmap` names each: whoever
reads the embedded font alone can still tell which character a shape is for. The same characters
give the same bytes. (OpenType 1.9; the tables are those that OFD readers and PDF/A ask for.)
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from certificates.drawing.marks import Lettering, Mark, Text
from certificates.drawing.typefaces import Glyph, Typeface, typeface

_EPOCH = 3786912000
"""2024-01-01 in seconds since 1904: a date must be told, and the same input gives the same bytes."""
_CHECKSUM = 0xB1B0AFBA


@dataclass(frozen=True, slots=True, kw_only=True)
class Subset:
    """A font file of some characters."""

    lettering: Lettering
    characters: str
    """In the order of their glyphs, the first of which is number one."""
    tag: str
    """Six letters that no other subset has, for readers that know fonts by their names."""
    name: str
    """What the font calls itself: its family with the tag, in one word."""
    data: bytes
    glyphs: Mapping[str, int]
    """Character → glyph number."""


def subsets(marks: Iterable[Mark]) -> Mapping[Lettering, Subset]:
    """A font for each lettering that is used.

    Raises:
        GlyphMissing: A character that the typeface lacks.
    """
    used: dict[Lettering, set[str]] = {}
    for mark in marks:
        if isinstance(mark, Text):
            used.setdefault(mark.lettering, set()).update(mark.text)
    return {
        lettering: subset(lettering, "".join(sorted(used[lettering])))
        for lettering in Lettering
        if lettering in used
    }


@lru_cache(maxsize=256)
def subset(lettering: Lettering, characters: str) -> Subset:
    """A font of these characters, which are sorted and distinct.

    Raises:
        GlyphMissing: One that the typeface lacks.
    """
    face = typeface(lettering)
    glyphs = [face.blank, *map(face.glyph, characters)]
    digest = hashlib.sha256(characters.encode()).digest()
    tag = "".join(chr(65 + each % 26) for each in digest[:6])
    return Subset(
        lettering=lettering,
        characters=characters,
        tag=tag,
        name=_called(face, tag),
        data=_file(face, tag, characters, glyphs),
        glyphs={character: at for at, character in enumerate(characters, 1)},
    )


def _file(face: Typeface, tag: str, characters: str, glyphs: list[Glyph]) -> bytes:
    tables = {
        b"OS/2": _os2(face, characters, glyphs),
        b"cmap": _cmap(characters),
        b"glyf": b"".join(each.outline for each in glyphs),
        b"head": _head(face, glyphs),
        b"hhea": _hhea(face, glyphs),
        b"hmtx": b"".join(struct.pack(">Hh", each.advance, each.bounds[0]) for each in glyphs),
        b"loca": _loca(glyphs),
        b"maxp": _maxp(glyphs),
        b"name": _name(face, tag),
        b"post": struct.pack(">IIhhIIIII", 0x00030000, 0, -100, 50, 0, 0, 0, 0, 0),
    }
    count = len(tables)
    power = count.bit_length() - 1
    head = struct.pack(">IHHHH", 0x00010000, count, 16 << power, power, (count - (1 << power)) * 16)
    at = len(head) + 16 * count
    records, bodies = [], []
    for called, table in tables.items():
        padded = table + b"\x00" * (-len(table) % 4)
        records.append(struct.pack(">4sIII", called, _sum(padded), at, len(table)))
        bodies.append(padded)
        at += len(padded)
    whole = bytearray(head + b"".join(records) + b"".join(bodies))
    adjust = (_CHECKSUM - _sum(bytes(whole))) & 0xFFFFFFFF
    begin = whole.index(b"head") + 8  # the record of `head`: tag, checksum, offset, length
    offset = int.from_bytes(whole[begin : begin + 4])
    whole[offset + 8 : offset + 12] = adjust.to_bytes(4)
    return bytes(whole)


def _sum(data: bytes) -> int:
    words: tuple[int, ...] = struct.unpack(f">{len(data) // 4}I", data)
    return sum(words) & 0xFFFFFFFF


def _bounds(glyphs: list[Glyph]) -> tuple[int, int, int, int]:
    inked = [each.bounds for each in glyphs if each.outline] or [(0, 0, 0, 0)]
    left, bottom, right, top = zip(*inked, strict=True)
    return min(left), min(bottom), max(right), max(top)


def _head(face: Typeface, glyphs: list[Glyph]) -> bytes:
    return struct.pack(
        ">HHIIIHHqqhhhhHHhhh",
        1, 0, 0x00010000, 0, 0x5F0F3CF5, 0x0003, face.metrics.em, _EPOCH, _EPOCH,
        *_bounds(glyphs), 0, 6, 2, 1, 0,
    )  # fmt: skip


def _hhea(face: Typeface, glyphs: list[Glyph]) -> bytes:
    inked = [each for each in glyphs if each.outline] or glyphs
    return struct.pack(
        ">HHhhhHhhhhhh4hhH",
        1, 0, face.metrics.ascent, face.metrics.descent, 0,
        max(each.advance for each in glyphs),
        min(each.bounds[0] for each in inked),
        min(each.advance - each.bounds[2] for each in inked),
        max(each.bounds[2] for each in inked),
        1, 0, 0, 0, 0, 0, 0, 0, len(glyphs),
    )  # fmt: skip


def _maxp(glyphs: list[Glyph]) -> bytes:
    return struct.pack(
        ">I14H",
        0x00010000, len(glyphs),
        max(each.points for each in glyphs), max(each.contours for each in glyphs),
        0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0,
    )  # fmt: skip


def _loca(glyphs: list[Glyph]) -> bytes:
    at, places = 0, [0]
    for each in glyphs:
        at += len(each.outline)
        places.append(at)
    return struct.pack(f">{len(places)}I", *places)


def _os2(face: Typeface, characters: str, glyphs: list[Glyph]) -> bytes:
    codes = [min(ord(each), 0xFFFF) for each in characters] or [0]
    met = face.metrics
    average = sum(each.advance for each in glyphs) // len(glyphs)
    return struct.pack(
        ">HhHHH10hh10s4I4sHHHhhhHH2IhhHHH",
        4, average, 400, 5, 0,
        650, 600, 0, 75, 650, 600, 0, 350, 50, 250,
        0, bytes(10), 0x80000001, 0x08000000, 0x00000010, 0, b"NONE", 0x0040,
        min(codes), max(codes), met.ascent, met.descent, 0, met.em + 160, 300,
        0x00040001, 0, met.capital * 3 // 4, met.capital, 0, 32, 2,
    )  # fmt: skip


def _called(face: Typeface, tag: str) -> str:
    return f"{face.metrics.family.replace(' ', '')}{tag}"


def _name(face: Typeface, tag: str) -> bytes:
    told = {
        1: _called(face, tag),
        2: "Regular",
        3: f"{tag}+{face.metrics.postscript}",
        4: _called(face, tag),
        5: "Version 1.0",
        6: f"{tag}+{face.metrics.postscript}",
        13: "SIL Open Font License, Version 1.1",
    }
    texts = {number: text.encode("utf-16-be") for number, text in told.items()}
    records, at = [], 0
    for number, text in texts.items():
        records.append(struct.pack(">6H", 3, 1, 0x409, number, len(text), at))
        at += len(text)
    head = struct.pack(">HHH", 0, len(texts), 6 + 12 * len(texts))
    return head + b"".join(records) + b"".join(texts.values())


def _cmap(characters: str) -> bytes:
    """Format 4 for the basic plane, and format 12 for all where there are rare characters."""
    numbered = [(ord(each), at) for at, each in enumerate(characters, 1)]
    basic = _format4([each for each in numbered if each[0] < 0xFFFF])
    if all(code < 0xFFFF for code, _ in numbered):
        return struct.pack(">HHHHI", 0, 1, 3, 1, 12) + basic
    head = struct.pack(">HHHHIHHI", 0, 2, 3, 1, 20, 3, 10, 20 + len(basic))
    return head + basic + _format12(numbered)


def _runs(numbered: Iterable[tuple[int, int]]) -> list[list[int]]:
    """First code, last code, first glyph of each stretch where codes and glyphs go up together."""
    found: list[list[int]] = []
    for code, glyph in numbered:
        if found and code == found[-1][1] + 1:
            found[-1][1] = code
        else:
            found.append([code, code, glyph])
    return found


def _format4(numbered: list[tuple[int, int]]) -> bytes:
    runs = [*_runs(numbered), [0xFFFF, 0xFFFF, 0]]
    count = len(runs)
    power = count.bit_length() - 1
    search = 2 << power
    firsts = [first for first, _, _ in runs]
    deltas = [(glyph - first) & 0xFFFF for first, _, glyph in runs[:-1]] + [1]
    columns = (
        struct.pack(f">{count}H", *(last for _, last, _ in runs)),
        b"\x00\x00",
        struct.pack(f">{count}H", *firsts),
        struct.pack(f">{count}H", *deltas),
        bytes(2 * count),
    )
    body = struct.pack(">4H", 2 * count, search, power, 2 * count - search) + b"".join(columns)
    return struct.pack(">3H", 4, len(body) + 6, 0) + body


def _format12(numbered: list[tuple[int, int]]) -> bytes:
    runs = _runs(numbered)
    body = b"".join(struct.pack(">3I", *run) for run in runs)
    return struct.pack(">HHIII", 12, 0, len(body) + 16, 0, len(runs)) + body
