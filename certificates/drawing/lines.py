"""Text set into a box: broken into lines, made smaller where it must be, and placed.

Lines break between Chinese characters and between Latin words. Marks that close stay with what they
close, marks that open with what they open (GB/T 15834 puts no closing mark at the beginning of a
line); a Latin word is broken only where a whole line is too short for it. Everything is measured in
ems first, so that another size needs no new measuring.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from certificates.drawing.errors import Overflow
from certificates.drawing.marks import BLACK, Colour, Lettering, Text
from certificates.drawing.typefaces import typeface

NOT_FIRST = frozenset("，。、；：？！）》〉」』】〕〗’”…—·‧・～%％‰℃°′″)]},.;:?!")
"""Never at the beginning of a line."""
NOT_LAST = frozenset("（《〈「『【〔〖‘“([{￥¥$№")
"""Never at the end of one."""
ASCENT, DESCENT = 0.88, 0.12
"""Of a Chinese character's square above and below the baseline, in ems."""
_WORD = re.compile(r"[^\W一-鿿㐀-䶿豈-﫿\U00020000-\U0003FFFF　-ヿ＀-￯]+(?:[-./:@&'][0-9A-Za-z]+)*")
_STEP = 0.97
"""How much smaller the next size is that is tried."""


class Align(StrEnum):
    """How lines stand in the width of their box."""

    LEFT = "left"
    CENTRE = "centre"
    RIGHT = "right"
    SPREAD = "spread"
    """A line's characters from edge to edge (分散对齐), as labels of one column stand."""


class Stand(StrEnum):
    """How the lines together stand in the height of their box."""

    TOP = "top"
    MIDDLE = "middle"
    BOTTOM = "bottom"


class Box(NamedTuple):
    """A rectangle in millimetres."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How a text is set."""

    lettering: Lettering = Lettering.SONG
    size: float
    """Millimetres of the em."""
    floor: float
    """As small as it may become."""
    colour: Colour = BLACK
    align: Align = Align.LEFT
    stand: Stand = Stand.MIDDLE
    leading: float = 1.3
    """From one baseline to the next, in ems."""
    spacing: float = 0.0
    """Between characters, in ems."""
    weight: float = 0.0
    """Of a line around the letters, in ems."""


def laid(text: str, box: Box, style: Style, *, item: str = "", where: str = "") -> tuple[Text, ...]:
    r"""The text in its box, one mark a line.

    Args:
        text: With `\n` where a line must end. Nothing is left out: a space at the end of a line
            stays, beyond the edge.
        box: Where.
        style: How.
        item: The face item that it shows.
        where: What an error calls it; the item otherwise.

    Raises:
        GlyphMissing: A character that the typeface lacks.
        Overflow: It does not fit at the smallest size.
    """
    paragraphs = [_measured(each, style) for each in text.split("\n")]
    size = style.size
    while True:
        lines = [line for each in paragraphs for line in _lines(each, box.width / size, style)]
        room = _room(box.height, size, style.leading)
        wide = max((_width(line, style) for line in lines), default=0.0)
        if len(lines) <= room and wide * size <= box.width + 1e-6:
            break
        if size <= style.floor:
            raise Overflow(where or item, len(lines), room)
        size = max(size * _STEP, style.floor)
    return tuple(_placed(lines, size, box, style, item))


class _Measured(NamedTuple):
    """A character and how far it goes, in ems, with the space behind it."""

    character: str
    advance: float


_Line = Sequence[_Measured]


def _measured(text: str, style: Style) -> _Line:
    return [_character(each, style.lettering, style.spacing) for each in text]


@lru_cache(maxsize=16384)
def _character(character: str, lettering: Lettering, spacing: float) -> _Measured:
    face = typeface(lettering)
    return _Measured(character, face.glyph(character).advance / face.metrics.em + spacing)


def _room(height: float, size: float, leading: float) -> int:
    """How many lines of a size there is room for; the first asks for no leading."""
    return int((height / size - 1.0) / leading + 1e-6) + 1 if height >= size - 1e-6 else 0


def _width(line: _Line, style: Style) -> float:
    """What is seen of a line: without the spaces at its end and behind its last character."""
    inked = _seen(line)
    return sum(each.advance for each in inked) - (style.spacing if inked else 0.0)


def _seen(line: _Line) -> _Line:
    """What comes before the spaces at its end."""
    end = len(line)
    while end and line[end - 1].character == " ":
        end -= 1
    return line[:end]


def _lines(text: _Line, width: float, style: Style) -> Iterable[_Line]:
    """A paragraph in lines no wider than `width` ems; most are one."""
    return (text,) if _width(text, style) <= width + 1e-6 else _broken(text, width)


def _broken(text: _Line, width: float) -> Iterator[_Line]:
    """Lines no wider than `width` ems, where words allow it."""
    line: list[_Measured] = []
    used = 0.0
    for piece in _pieces(text):
        seen = sum(each.advance for each in _seen(piece))
        if line and used + seen > width + 1e-6:
            yield line
            line, used = [], 0.0
        *whole, rest = [piece] if line or seen <= width + 1e-6 else _cut(piece, width)
        yield from whole
        line += rest
        used += sum(each.advance for each in rest)
    yield line


def _cut(piece: list[_Measured], width: float) -> list[list[_Measured]]:
    """A piece that no line has room for, cut where it must be."""
    parts: list[list[_Measured]] = [[]]
    used = 0.0
    for each in piece:
        if parts[-1] and each.character != " " and used + each.advance > width + 1e-6:
            parts.append([])
            used = 0.0
        parts[-1].append(each)
        used += each.advance
    for before, after in pairwise(parts):
        while len(before) > 1 and after[0].character in NOT_FIRST:
            if sum(each.advance for each in after) + before[-1].advance > width:
                break
            after.insert(0, before.pop())
    return parts


def _pieces(text: _Line) -> Iterator[list[_Measured]]:
    """What must stay on one line: a word or a character with the marks that belong to it."""
    piece: list[_Measured] = []
    for begin, end in _atoms("".join(each.character for each in text)):
        first = text[begin].character
        joined = piece and (first in NOT_FIRST or first == " " or piece[-1].character in NOT_LAST)
        if piece and not joined:
            yield piece
            piece = []
        piece += text[begin:end]
    if piece:
        yield piece


def _atoms(text: str) -> Iterator[tuple[int, int]]:
    """Where words and single characters begin and end."""
    at = 0
    while at < len(text):
        found = _WORD.match(text, at)
        end = found.end() if found else at + 1
        yield at, end
        at = end


def _placed(lines: list[_Line], size: float, box: Box, style: Style, item: str) -> Iterator[Text]:
    step = style.leading * size
    whole = size + step * (len(lines) - 1)
    free = box.height - whole
    above = {Stand.TOP: 0.0, Stand.MIDDLE: free / 2, Stand.BOTTOM: free}[style.stand]
    baseline = box.y + above + ASCENT * size
    for at, line in enumerate(lines):
        if not line:
            continue
        wide = _width(line, style) * size
        between = style.spacing
        if style.align is Align.SPREAD and len(line) > 1:
            between += max(0.0, (box.width - wide) / size / (len(line) - 1))
            wide = max(wide, box.width)
        free = box.width - wide
        before = {Align.RIGHT: free, Align.CENTRE: free / 2}.get(style.align, 0.0)
        offsets, along = [], 0.0
        for each in line:
            offsets.append(round(along * size, 3))
            along += each.advance - style.spacing + between
        yield Text(
            text="".join(each.character for each in line),
            lettering=style.lettering,
            size=round(size, 3),
            x=round(box.x + before, 3),
            y=round(baseline + at * step, 3),
            offsets=tuple(offsets),
            width=round(wide, 3),
            colour=style.colour,
            weight=round(style.weight * size, 3),
            item=item,
        )
