"""Impressions (印模) drawn from their words: round seals with ring, star and lower text, oval station
seals, square name seals. Sizes after 国发〔1999〕25号; what it leaves open is in `Proportions`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from seals.drawing import Drawing, Placing, Shape, ellipse, png, polygon, star
from seals.errors import SealRefused
from seals.glyphs import Face, Glyph
from seals.lettering import EM_MIDDLE, Line, Ring, laid_along, laid_straight
from seals.proportions import SIZES, SMALLEST, USUAL, Centre, Level, Proportions
from seals.registered import APPROVAL_NAME
from seals.seal import Picture

RED = (0xE6, 0x00, 0x12)
MIN_RING, MAX_RING = 6, 30
MAX_LOWER = 14
MAX_DIAMETER = 60
"""Of the State Council; nothing is larger."""
_CODE = re.compile(r"[0-9A-Z]{1,18}")
_WORDS = re.compile(r"[\w·（）()《》〔〕：、— -]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundSeal:
    """A round seal: legal name around, star in the middle, kind or number below, code at the rim."""

    ring: str
    """The legal name, 6 to 30 characters, from left to right."""
    level: Level
    diameter: int = 0
    """Whole millimetres, as a seal tells its picture's size; nought for what the level says."""
    lower: tuple[str, ...] = ()
    """Up to two straight lines below the star: the kind (`审批服务专用章`), a number (`（1）`), or the
    last part of the name."""
    code: str = ""
    """The number of the seal on file, digits and capitals."""
    centre: Centre = Centre.STAR


@dataclass(frozen=True, slots=True, kw_only=True)
class OvalSeal:
    """An oval seal of a station: name above, kind in the middle, number below."""

    ring: str
    middle: str
    number: str
    """Shown as it is, e.g. `编号：01`."""
    width: int = 45
    height: int = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class NameSeal:
    """A square seal of a person's name (法定代表人章), read from the right column down."""

    name: str
    """2 to 6 characters; 印 or 之印 fills four places."""
    side: int = 20


def round_seal(seal: RoundSeal, face: Face, shape: Proportions = USUAL) -> Drawing:
    """The impression of a round seal.

    Raises:
        SealRefused: `ring-length`, `ring-characters`, `lower-length`, `lower-characters`, `code`,
            `diameter`, `emblem-not-drawn`.
        GlyphMissing: The face lacks a character.
    """
    size = _size(seal)
    _worded(seal.ring, MIN_RING, MAX_RING, "ring")
    if len(seal.lower) > 2:
        raise SealRefused("lower-length")
    for told in seal.lower:
        _worded(told, 1, MAX_LOWER, "lower")
    if seal.code and not _CODE.fullmatch(seal.code):
        raise SealRefused("code")
    radius = size / 2
    inside = radius - shape.border * size
    ring = _ring(seal, face, shape, size)
    shapes = [
        Shape(
            path=ellipse(radius, radius, *[radius - shape.border * size / 2] * 2),
            filled=False,
            stroke=shape.border * size,
        ),
        *laid_along(ring),
    ]
    if seal.centre is Centre.STAR:
        centre = star(radius, radius, shape.star * size)
        shapes.append(Shape(path=centre, filled=True, stroke=0))
    if seal.code:
        inside -= (shape.code + 0.012) * size
        shapes += laid_along(_code(seal.code, face, shape, size))
    shapes += _lower(seal, face, shape, size, ring, inside)
    return Drawing(width=size, height=size, colour=RED, shapes=tuple(shapes))


def oval_seal(seal: OvalSeal, face: Face, shape: Proportions = USUAL) -> Drawing:
    """The impression of an oval station seal.

    Raises:
        SealRefused: `ring-length`, `ring-characters`, `lower-length`, `lower-characters`,
            `diameter`.
        GlyphMissing: The face lacks a character.
    """
    if not (0 < seal.height <= seal.width <= MAX_DIAMETER and seal.height >= seal.width / 2):
        raise SealRefused("diameter")
    _worded(seal.ring, MIN_RING, MAX_RING, "ring")
    for told in (seal.middle, seal.number):
        _worded(told, 1, MAX_LOWER, "lower")
    wide, high = seal.width, seal.height
    border, gap = shape.border * wide, shape.gap * wide
    tall = _between(shape.tall, len(seal.ring)) * (wide + high) / 2 * 0.92
    away = border + gap + tall / 2
    ring = Ring(
        text=_glyphs(seal.ring, face),
        centre=(wide / 2, high / 2),
        across=wide / 2 - away,
        down=high / 2 - away,
        tall=tall,
        degrees=min(_between(shape.span, len(seal.ring)), 212),
        widest=shape.widest,
        weight=shape.weight * wide,
        below=False,
    )
    lines = (
        Line(
            text=_glyphs(seal.middle, face),
            centre=(wide / 2, high * 0.55),
            wide=(wide / 2 - away - tall / 2) * 1.5,
            tall=high * 0.145,
            widest=0.86,
            weight=shape.weight * wide,
        ),
        Line(
            text=_glyphs(seal.number, face),
            centre=(wide / 2, high * 0.775),
            wide=wide * 0.5,
            tall=high * 0.105,
            widest=1,
            weight=shape.weight * wide * 0.7,
        ),
    )
    rim = ellipse(wide / 2, high / 2, wide / 2 - border / 2, high / 2 - border / 2)
    shapes = (
        Shape(path=rim, filled=False, stroke=border),
        *laid_along(ring),
        *(shape for line in lines for shape in laid_straight(line)),
    )
    return Drawing(width=wide, height=high, colour=RED, shapes=shapes)


def name_seal(seal: NameSeal, face: Face) -> Drawing:
    """The impression of a square name seal.

    Raises:
        SealRefused: `name-length`, `name-characters`, `diameter`.
        GlyphMissing: The face lacks a character.
    """
    if not 10 <= seal.side <= 30:
        raise SealRefused("diameter")
    _worded(seal.name, 2, 6, "name")
    words = seal.name + {2: "之印", 3: "印", 5: "印"}.get(len(seal.name), "")
    side, border = seal.side, seal.side * 0.05
    rows = len(words) // 2
    free = side - 2 * border - side * 0.08
    cell_wide, cell_high = free / 2, free / rows
    begin = (side - free) / 2
    rim = polygon(
        *((x, y) for x, y in _corners(border / 2, side - border / 2)),
    )
    shapes = [Shape(path=rim, filled=False, stroke=border)]
    for place, glyph in enumerate(_glyphs(words, face)):
        column, row = 1 - place // rows, place % rows
        middle = (begin + (column + 0.5) * cell_wide, begin + (row + 0.5) * cell_high)
        wide, high = cell_wide * 0.94 / 0.93, cell_high * 0.94 / 0.93
        put = Placing(
            wide, 0, 0, -high, middle[0] - wide * glyph.advance / 2, middle[1] + high * EM_MIDDLE
        )
        shapes.append(Shape(path=put(glyph.path), filled=True, stroke=side * 0.012))
    return Drawing(width=side, height=side, colour=RED, shapes=tuple(shapes))


def _corners(low: float, high: float) -> tuple[tuple[float, float], ...]:
    return (low, low), (high, low), (high, high), (low, high)


def approval_seal(name: str, code: str = "") -> RoundSeal:
    """A township's approval seal after its whole name: 示例镇人民政府 around, 审批服务专用章 below.

    Raises:
        SealRefused: `name`: not of that pattern.
    """
    found = APPROVAL_NAME.fullmatch(name)
    if found is None:
        raise SealRefused("name")
    return RoundSeal(ring=found[1], level=Level.TOWNSHIP, lower=(found[2],), code=code)


def picture(drawing: Drawing) -> Picture:
    """The drawing as a seal carries it: PNG at print resolution, and its size in mm."""
    return Picture(
        type="PNG",
        data=png(drawing),
        width=round(drawing.width),
        height=round(drawing.height),
    )


def _size(seal: RoundSeal) -> int:
    """Diameter by level; an emblem is nothing that we draw."""
    rule = SIZES[seal.level]
    if rule.centre is Centre.EMBLEM or seal.centre is Centre.EMBLEM:
        raise SealRefused("emblem-not-drawn")
    size = seal.diameter or rule.diameter
    right = SMALLEST <= size <= rule.diameter if rule.at_most else size == rule.diameter
    if not right:
        raise SealRefused("diameter")
    return size


def _worded(told: str, least: int, most: int, which: str) -> None:
    if not least <= len(told) <= most:
        raise SealRefused(f"{which}-length")
    if not _WORDS.fullmatch(told) or not told.isprintable():
        raise SealRefused(f"{which}-characters")


def _glyphs(told: str, face: Face) -> tuple[Glyph, ...]:
    return tuple(map(face.glyph, told))


def _ring(seal: RoundSeal, face: Face, shape: Proportions, size: float) -> Ring:
    """The name around; it leaves room for the code, and above the lower text."""
    count = len(seal.ring)
    tall = _between(shape.tall, count) * size
    degrees = _between(shape.span, count)
    if seal.code:
        radius = size * (0.5 - shape.border - 0.012 - shape.code / 2)
        taken = math.degrees(_code_length(seal.code, shape, size) / radius)
        degrees = min(degrees, 360 - taken - 26)
    if seal.lower:
        degrees = min(degrees, 250 + count * 1.2)
    away = size * (0.5 - shape.border - shape.gap) - tall / 2
    return Ring(
        text=_glyphs(seal.ring, face),
        centre=(size / 2, size / 2),
        across=away,
        down=away,
        tall=tall,
        degrees=degrees,
        widest=shape.widest,
        weight=shape.weight * size,
        below=False,
    )


def _code_length(code: str, shape: Proportions, size: float) -> float:
    return len(code) * shape.code * size * 0.86


def _code(code: str, face: Face, shape: Proportions, size: float) -> Ring:
    """The number on file, along the bottom of the rim, its feet outwards."""
    away = size * (0.5 - shape.border - 0.012 - shape.code / 2)
    return Ring(
        text=_glyphs(code, face),
        centre=(size / 2, size / 2),
        across=away,
        down=away,
        tall=shape.code * size * 1.25,
        degrees=math.degrees(_code_length(code, shape, size) / away),
        widest=1,
        weight=shape.weight * size * 0.25,
        below=True,
    )


def _lower(
    seal: RoundSeal, face: Face, shape: Proportions, size: float, ring: Ring, inside: float
) -> list[Shape]:
    """Straight lines below the star, as wide as the free chord at their height."""
    if not seal.lower:
        return []
    middle = size / 2
    tall = shape.lower * size * (1 if len(seal.lower) == 1 else 0.86)
    top = middle + shape.star * size * 0.81 + 0.03 * size
    if seal.centre is not Centre.STAR:
        top = middle
    found: list[Shape] = []
    for told in seal.lower:
        centre = top + tall / 2
        line = Line(
            text=_glyphs(told, face),
            centre=(middle, centre),
            wide=_free(ring, inside - 0.02 * size, top - middle, top + tall - middle),
            tall=tall,
            widest=0.86,
            weight=shape.weight * size,
        )
        found += laid_straight(line)
        top += tall * 1.18
    return found


def _free(ring: Ring, inside: float, top: float, bottom: float) -> float:
    """How wide a line from `top` to `bottom` below the centre may be: it touches neither the ring
    text, where that reaches down so far, nor the rim.
    """
    end = math.radians(ring.degrees / 2)
    half = ring.tall / 2
    room = math.sqrt(max(inside**2 - bottom**2, 0))
    lowest = -(ring.across + half) * math.cos(end)
    if lowest > top - half * 0.3:
        within = ring.across - half
        reach = math.sqrt(max(within**2 - min(bottom, lowest) ** 2, 0))
        room = min(room, max(reach, (ring.across - half) * math.sin(end) - half * 0.4))
    return 2 * room * 0.9


def _between(table: Sequence[tuple[int, float]], count: int) -> float:
    """The table's value at `count`, on straight lines between its points."""
    for (low, at_low), (high, at_high) in pairwise(table):
        if count <= high:
            share = max(count - low, 0) / (high - low)
            return at_low + (at_high - at_low) * share
    return table[-1][1]
