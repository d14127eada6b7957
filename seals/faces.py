"""What an embedded font says of its own glyphs: the one place where lying text can be caught.

A font comes from outside, and the library that reads it trusts it: a few bytes can claim four
thousand million characters. So its frame is looked at before it is opened.
"""

from __future__ import annotations

import io
import struct
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fontTools.agl import toUnicode
from fontTools.ttLib import TTFont

MAX_FACE = 32 * 1024 * 1024
MAX_CHARACTERS = 0x110000
_KINDS = (b"\x00\x01\x00\x00", b"OTTO", b"true")
_GROUPED = {8, 12, 13}
"""Formats of a table that tell ranges of characters in groups of twelve bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """A font, as far as text and glyphs are concerned."""

    characters: Mapping[int, frozenset[int]]
    """Glyph number → the characters it is for; empty where the font has no such table."""
    alone: Mapping[int, str]
    """Those of them that are for one character only."""
    misnamed: frozenset[int]
    """The characters whose glyph bears the name of another one, as `one` for 7."""

    def shows(self, said: str, glyphs: Sequence[int]) -> bool:
        """Does the font say of each glyph that it is for its one character and no other?"""
        known = self.alone
        return len(said) == len(glyphs) and said == "".join([known.get(at, "") for at in glyphs])

    def denies(self, glyph: int, character: str) -> bool:
        """Does the font say that this glyph is for something else?"""
        known = self.characters.get(glyph)
        return known is not None and not any(_alike(chr(each), character) for each in known)


def read_face(data: bytes) -> Face:
    """A font in TrueType or OpenType.

    Raises:
        ValueError: It is none, claims too much, or cannot be read.
    """
    if not data.startswith(_KINDS) or len(data) > MAX_FACE:
        raise ValueError("no font")
    try:
        with TTFont(io.BytesIO(data), lazy=True) as opened:
            return _read(opened)
    except Exception as error:
        raise ValueError("no font") from error


def _read(opened: TTFont) -> Face:
    if "cmap" not in opened:
        return Face(characters={}, alone={}, misnamed=frozenset())
    _bounded(opened.reader["cmap"])
    named = "post" in opened and opened["post"].formatType == 2.0
    if not named and "maxp" in opened:  # names that were made up from characters say nothing
        opened.setGlyphOrder([f"glyph{at:05d}" for at in range(opened["maxp"].numGlyphs)])
    names = opened.getBestCmap() or {}
    known: dict[int, set[int]] = {}
    for character, name in names.items():
        known.setdefault(opened.getGlyphID(name), set()).add(character)
    return Face(
        characters={glyph: frozenset(found) for glyph, found in known.items()},
        alone={glyph: chr(*found) for glyph, found in known.items() if len(found) == 1},
        misnamed=frozenset(
            character for character, name in names.items() if named and _lies(name, chr(character))
        ),
    )


def _bounded(table: bytes) -> None:
    """Refuse a table that tells more characters than there are."""
    (count,) = struct.unpack_from(">H", table, 2)
    for at in range(count):
        (offset,) = struct.unpack_from(">I", table, 4 + 8 * at + 4)
        (form,) = struct.unpack_from(">H", table, offset)
        if form not in _GROUPED:
            continue
        begin = offset + 12 + (8192 if form == 8 else 0)
        (groups,) = struct.unpack_from(">I", table, begin)
        if groups > MAX_CHARACTERS:
            raise ValueError("too many groups")
        total = 0
        for group in range(groups):
            first, last = struct.unpack_from(">2I", table, begin + 4 + 12 * group)
            total += 1 + last - first
            if not first <= last < MAX_CHARACTERS or total > MAX_CHARACTERS:
                raise ValueError("too many characters")


def _lies(name: str, character: str) -> bool:
    """A glyph's name against its character, where both are digits, Latin letters, or Han."""
    said = toUnicode(name)
    return (
        len(said) == 1
        and _kind(said) != ""
        and _kind(said) == _kind(character)
        and not _alike(said, character)
    )


def _kind(character: str) -> str:
    if character.isascii() and character.isalnum():
        return "latin"
    if character.isdecimal():
        return "digit"
    return "han" if unicodedata.name(character, "").startswith("CJK UNIFIED") else ""


def _alike(one: str, other: str) -> bool:
    """The same to whoever reads it."""
    return one == other or _plain(one) == _plain(other)


def _plain(character: str) -> str:
    return unicodedata.normalize("NFKC", character).casefold()
