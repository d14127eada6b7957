"""Characters along a ring and on a straight line: condensed to fit, spaced by what is painted."""

from __future__ import annotations

import math
from bisect import bisect
from dataclasses import dataclass

from seals.drawing import Placing, Shape
from seals.glyphs import Glyph

EM_MIDDLE = 0.38
"""Where the middle of a Chinese character lies above the baseline, in ems."""
INK = 0.92
"""How much of the em a Chinese character fills."""
NARROWEST = 0.62
"""Width by height below which a straight line rather becomes lower than narrower."""
_SAMPLES = 1440


@dataclass(frozen=True, slots=True, kw_only=True)
class Ring:
    """Text along an ellipse, on the way through the middle of the characters."""

    text: tuple[Glyph, ...]
    centre: tuple[float, float]
    across: float
    down: float
    """Half axes of the line through the characters' middles."""
    tall: float
    """Height of a character's ink."""
    degrees: float
    """How much of the way round it takes, centred at the top; at the bottom if `below`."""
    widest: float
    """Width of a Chinese character by its height, at most."""
    weight: float
    below: bool
    """Along the bottom, heads inwards, read from left to right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Straight text, centred."""

    text: tuple[Glyph, ...]
    centre: tuple[float, float]
    wide: float
    """As wide as it may become."""
    tall: float
    widest: float
    weight: float


def room(glyph: Glyph) -> float:
    """How much room a character asks for, in ems: half what it paints, half what its face says, so
    that 一 and （ leave no holes and 国 does not crowd.
    """
    if glyph.right <= glyph.left:
        return glyph.advance
    return (glyph.right - glyph.left + 0.08 + glyph.advance) / 2


def laid_along(ring: Ring) -> list[Shape]:
    """The characters, each turned to stand on the ellipse."""
    way = _Way(ring)
    length = way.length * ring.degrees / 360
    shares = [room(glyph) for glyph in ring.text]
    whole = sum(shares)
    high = ring.tall / INK
    # The feet stand closer than the middles do: what fits there, fits.
    feet = way.length - 2 * math.pi * ring.tall * 0.25
    fits = length * (feet / way.length) / whole * 0.95
    wide = min(high * ring.widest, fits)
    shapes, at = [], -length / 2
    for glyph, share in zip(ring.text, shares, strict=True):
        part = length * share / whole
        x, y, angle = way.at(at + part / 2)
        shapes.append(_set(glyph, x, y, angle, wide, high, ring.weight))
        at += part
    return shapes


def laid_straight(line: Line) -> list[Shape]:
    """The characters side by side."""
    high = line.tall / INK
    whole = sum(room(glyph) for glyph in line.text)
    wide = min(high * line.widest, line.wide / whole)
    high = min(high, wide / NARROWEST)
    at = line.centre[0] - whole * wide / 2
    shapes = []
    for glyph in line.text:
        part = room(glyph) * wide
        shapes.append(_set(glyph, at + part / 2, line.centre[1], 0, wide, high, line.weight))
        at += part
    return shapes


def _set(
    glyph: Glyph, x: float, y: float, angle: float, wide: float, high: float, weight: float
) -> Shape:
    """A character with the middle of its ink above (x, y), turned clockwise by `angle`."""
    cos, sin = math.cos(angle), math.sin(angle)
    dx, dy = -wide * (glyph.left + glyph.right) / 2, high * EM_MIDDLE
    put = Placing(
        wide * cos,
        wide * sin,
        high * sin,
        -high * cos,
        x + dx * cos - dy * sin,
        y + dx * sin + dy * cos,
    )
    return Shape(path=put(glyph.path), filled=True, stroke=weight)


class _Way:
    """An ellipse measured along its line, from the top clockwise or from the bottom rightwards."""

    def __init__(self, ring: Ring) -> None:
        self._ring = ring
        self._sums, before = [0.0], self._point(0)
        for sample in range(1, _SAMPLES + 1):
            point = self._point(2 * math.pi * sample / _SAMPLES)
            self._sums.append(self._sums[-1] + math.dist(before, point))
            before = point
        self.length = self._sums[-1]

    def at(self, away: float) -> tuple[float, float, float]:
        """Point at this distance along the way, and the angle to turn a character by."""
        along = away % self.length
        after = min(bisect(self._sums, along), _SAMPLES)
        begin, end = self._sums[after - 1], self._sums[after]
        t = 2 * math.pi * (after - 1 + (along - begin) / (end - begin)) / _SAMPLES
        ring = self._ring
        slope = math.atan2(ring.down * math.sin(t), ring.across * math.cos(t))
        x, y = self._point(t)
        return ring.centre[0] + x, ring.centre[1] + y, -slope if ring.below else slope

    def _point(self, t: float) -> tuple[float, float]:
        ring = self._ring
        side = 1 if ring.below else -1
        return ring.across * math.sin(t), side * ring.down * math.cos(t)
