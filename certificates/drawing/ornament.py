"""Quiet guilloche: borders and rosettes of fine interlaced waves. No emblem, flag or coat of arms.

Every curve is a row of cubic arcs with the true tangents of its wave, so that a few arcs a wave are
enough and a background stays small.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from enum import StrEnum

from certificates.drawing.lines import Box
from certificates.drawing.marks import Colour, Shape
from seals.drawing import Path, Step, polygon

_ARCS = 4
"""To one wave."""
Curve = Callable[[float], tuple[float, float]]
"""Nought to one along it → a point."""


class Border(StrEnum):
    """What surrounds a sheet."""

    GUILLOCHE = "guilloche"
    """Interlaced waves between two lines, with rosettes in the corners."""
    DOUBLE = "double"
    """A strong and a fine line."""
    WAVES = "waves"
    """Fine waves over the whole sheet, as cards have them."""
    NONE = "none"


def ground(width: float, height: float, colour: Colour) -> Shape:
    """The paper's colour from edge to edge."""
    return Shape(path=polygon((0, 0), (width, 0), (width, height), (0, height)), fill=colour)


def border(kind: Border, width: float, height: float, ink: Colour) -> tuple[Shape, ...]:
    """What surrounds a sheet of this size."""
    pale = tint(ink, 0.55)
    match kind:
        case Border.GUILLOCHE:
            edge = min(width, height) * 0.045
            return tuple(
                _guilloche(Box(edge, edge, width - 2 * edge, height - 2 * edge), ink, pale)
            )
        case Border.DOUBLE:
            edge = min(width, height) * 0.06
            return (
                frame(Box(edge, edge, width - 2 * edge, height - 2 * edge), ink, 0.7),
                frame(
                    Box(edge + 1.4, edge + 1.4, width - 2 * edge - 2.8, height - 2 * edge - 2.8),
                    ink,
                    0.2,
                ),
            )
        case Border.WAVES:
            return tuple(_waves(width, height, tint(ink, 0.72)))
        case Border.NONE:
            return ()


def rosette(x: float, y: float, radius: float, ink: Colour, line: float) -> tuple[Shape, ...]:
    """Rings of petals around a point, one wave shifted against the next."""
    shapes = []
    for ring, (inner, outer, petals) in enumerate(((0.34, 0.62, 16), (0.55, 1.0, 24))):
        middle, swing = radius * (inner + outer) / 2, radius * (outer - inner) / 2
        for strand in range(3):
            shift = 2 * math.pi * strand / 3 + ring

            def petal(
                t: float, middle: float = middle, swing: float = swing,
                petals: int = petals, shift: float = shift,
            ) -> tuple[float, float]:  # fmt: skip
                turn = 2 * math.pi * t
                away = middle + swing * math.sin(petals * turn + shift)
                return x + away * math.cos(turn), y + away * math.sin(turn)

            path = curved(petal, petals * _ARCS)
            shapes.append(Shape(path=(*path, Step("Z", ())), stroke=ink, width=line))
    return tuple(shapes)


def tint(colour: Colour, white: float) -> Colour:
    """The colour with so much white in it, nought to one."""
    return Colour(*(round(part + (255 - part) * white) for part in colour))


def shade(colour: Colour, black: float) -> Colour:
    """The colour with so much black in it, nought to one."""
    return Colour(*(round(part * (1 - black)) for part in colour))


def frame(box: Box, ink: Colour, line: float) -> Shape:
    """A rectangle of lines."""
    x, y, width, height = box
    corners = ((x, y), (x + width, y), (x + width, y + height), (x, y + height))
    return Shape(path=polygon(*corners), stroke=ink, width=line)


def rule(x: float, y: float, to_x: float, to_y: float, ink: Colour, line: float) -> Shape:
    """A straight line."""
    path = (Step("M", ((x, y),)), Step("L", ((to_x, to_y),)))
    return Shape(path=path, stroke=ink, width=line)


def curved(curve: Curve, arcs: int) -> Path:
    """A curve as cubic arcs, its tangents taken from its own neighbourhood."""
    near = 1e-4
    reach = 1 / (3 * arcs * 2 * near)
    begin = curve(0.0)
    steps = [Step("M", (begin,))]
    control = _beyond(curve, 0.0, near, reach)
    for at in range(1, arcs + 1):
        t = at / arcs
        x, y = curve(t)
        after = _beyond(curve, t, near, reach)
        steps.append(Step("C", (control, (2 * x - after[0], 2 * y - after[1]), (x, y))))
        control = after
    return tuple(steps)


def _beyond(curve: Curve, t: float, near: float, reach: float) -> tuple[float, float]:
    """The control point of the arc that leaves the curve there."""
    x, y = curve(t)
    before, after = curve(t - near), curve(t + near)
    return x + (after[0] - before[0]) * reach, y + (after[1] - before[1]) * reach


def _guilloche(box: Box, ink: Colour, pale: Colour) -> Iterator[Shape]:
    """A band of waves between two frames."""
    band = min(box.width, box.height) * 0.045
    yield frame(box, ink, 0.5)
    inner = Box(box.x + band, box.y + band, box.width - 2 * band, box.height - 2 * band)
    yield frame(inner, ink, 0.25)
    yield frame(Box(inner.x + 1, inner.y + 1, inner.width - 2, inner.height - 2), pale, 0.15)
    left, top = box.x + band / 2, box.y + band / 2
    right, bottom = box.x + box.width - band / 2, box.y + box.height - band / 2
    sides = (
        ((left, top), (right, top)),
        ((left, bottom), (right, bottom)),
        ((left, top), (left, bottom)),
        ((right, top), (right, bottom)),
    )
    for begin, end in sides:
        for strand in range(3):
            colour = ink if strand == 0 else pale
            yield _strand(begin, end, band, strand, colour)
    for x in (left, right):
        for y in (top, bottom):
            corner = polygon(
                (x - band / 2, y - band / 2), (x + band / 2, y - band / 2),
                (x + band / 2, y + band / 2), (x - band / 2, y + band / 2),
            )  # fmt: skip
            yield Shape(path=corner, fill=tint(ink, 0.86), stroke=ink, width=0.25)
            yield from _small_rosette(x, y, band * 0.42, ink)


def _small_rosette(x: float, y: float, radius: float, ink: Colour) -> Iterator[Shape]:
    for strand in range(2):

        def petal(t: float, shift: float = math.pi * strand) -> tuple[float, float]:
            turn = 2 * math.pi * t
            away = radius * (0.62 + 0.38 * math.sin(8 * turn + shift))
            return x + away * math.cos(turn), y + away * math.sin(turn)

        yield Shape(path=(*curved(petal, 32), Step("Z", ())), stroke=ink, width=0.14)


def _strand(
    begin: tuple[float, float], end: tuple[float, float], band: float, strand: int, ink: Colour
) -> Shape:
    """One wave along a side; it begins and ends on the middle of the band."""
    length = math.dist(begin, end)
    waves = round(length / (band * 1.35))
    along = (end[0] - begin[0]) / length, (end[1] - begin[1]) / length
    swing = band * 0.4 * (1, -1, 0.55)[strand]

    def wave(t: float) -> tuple[float, float]:
        away = swing * math.sin(2 * math.pi * waves * t)
        return (
            begin[0] + along[0] * length * t - along[1] * away,
            begin[1] + along[1] * length * t + along[0] * away,
        )

    return Shape(path=curved(wave, waves * _ARCS), stroke=ink, width=0.2)


def _waves(width: float, height: float, ink: Colour) -> Iterator[Shape]:
    """Fine lines across, each swinging a little later than the one above."""
    rows = 13
    for row in range(rows):
        middle = height * (row + 0.5) / rows

        def wave(t: float, middle: float = middle, row: int = row) -> tuple[float, float]:
            swing = height * 0.045 * math.sin(2 * math.pi * 2 * t + row * 0.55)
            return width * t, middle + swing

        yield Shape(path=curved(wave, 12), stroke=ink, width=0.12)
