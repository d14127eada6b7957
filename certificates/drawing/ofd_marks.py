"""Marks as the objects of an OFD page (GB/T 33190-2016, 8 and 11)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from html import escape
from itertools import pairwise

from certificates.drawing.marks import Colour, Modules, Shape, Text
from certificates.drawing.subsets import Subset
from seals.drawing import Path

_ABOVE, _BELOW = 0.95, 0.3
"""How far the boundary of a text goes beyond its baseline, in ems."""


def text_object(
    mark: Text, number: int, font: int, subset: Subset, sheet: tuple[float, float]
) -> str:
    """A TextObject: every character at its own place, and its glyph beside it."""
    above = _ABOVE * mark.size
    if mark.angle:
        place = row(0, 0, *sheet)
        turn = f' CTM="{row(*_turned(mark))}"'
        x = y = 0.0
    else:
        # Trailing spaces go beyond the width that is seen.
        wide = max(mark.width, mark.offsets[-1]) + mark.size
        place = row(mark.x, mark.y - above, wide, (_ABOVE + _BELOW) * mark.size)
        turn, x, y = "", 0.0, above
    stroke = (f' Stroke="true" LineWidth="{_number(mark.weight)}"', _colour("Stroke", mark.colour))
    bold, line = stroke if mark.weight else ("", "")
    count = len(mark.text)
    deltas = _deltas(mark.offsets)
    glyphs = " ".join(str(subset.glyphs[each]) for each in mark.text)
    return (
        f'<ofd:TextObject ID="{number}" Boundary="{place}"{turn}{bold}'
        f' Font="{font}" Size="{_number(mark.size)}">{_colour("Fill", mark.colour)}{line}'
        f'<ofd:CGTransform CodePosition="0" CodeCount="{count}" GlyphCount="{count}">'
        f"<ofd:Glyphs>{glyphs}</ofd:Glyphs></ofd:CGTransform>"
        f'<ofd:TextCode X="{_number(x)}" Y="{_number(y)}"'
        + (f' DeltaX="{deltas}"' if deltas else "")
        + f">{escape(mark.text)}</ofd:TextCode></ofd:TextObject>"
    )


def _turned(mark: Text) -> tuple[float, ...]:
    cos, sin = math.cos(math.radians(mark.angle)), math.sin(math.radians(mark.angle))
    return cos, sin, -sin, cos, mark.x, mark.y


def _deltas(offsets: Sequence[float]) -> str:
    """How far each character is from the one before; `g N v` where it is always the same."""
    steps = [_number(after - before) for before, after in pairwise(offsets)]
    written: list[str] = []
    at = 0
    while at < len(steps):
        end = at
        while end < len(steps) and steps[end] == steps[at]:
            end += 1
        written += ["g", str(end - at), steps[at]] if end - at > 2 else steps[at:end]
        at = end
    return " ".join(written)


@lru_cache(maxsize=1024)
def path_object(mark: Shape) -> str:
    """All of a path object but its number."""
    x, y, right, bottom = _bounds(mark)
    attributes = (
        f' Stroke="{"true" if mark.stroke else "false"}" Fill="{"true" if mark.fill else "false"}"'
    )
    if mark.stroke:
        attributes += f' LineWidth="{_number(mark.width)}"'
    fill = _colour("Fill", mark.fill) if mark.fill else ""
    stroke = _colour("Stroke", mark.stroke) if mark.stroke else ""
    return (
        f' Boundary="{row(x, y, right - x, bottom - y)}"{attributes}>'
        f"{stroke}{fill}<ofd:AbbreviatedData>{_path(mark.path, x, y)}</ofd:AbbreviatedData>"
        "</ofd:PathObject>"
    )


def code_object(mark: Modules, number: int) -> str:
    """One stroke for each stretch, a hair wider than a module, so that no light shows between."""
    count = len(mark.rows)
    side = count * mark.module
    across = [_number(at * mark.module) for at in range(count + 1)]
    path = " ".join(
        f"M {across[begin]} {y} L {across[end]} {y}"
        for row, y in zip(
            mark.rows, (_number((at + 0.5) * mark.module) for at in range(count)), strict=True
        )
        for begin, end in row
    )
    return (
        f'<ofd:PathObject ID="{number}" Boundary="{row(mark.x, mark.y, side, side)}"'
        f' LineWidth="{_number(mark.module * 1.01)}">{_colour("Stroke", mark.colour)}'
        f"<ofd:AbbreviatedData>{path}</ofd:AbbreviatedData></ofd:PathObject>"
    )


def _bounds(mark: Shape) -> tuple[float, float, float, float]:
    beyond = mark.width / 2 + 0.01
    xs = [x for step in mark.path for x, _ in step.points]
    ys = [y for step in mark.path for _, y in step.points]
    return min(xs) - beyond, min(ys) - beyond, max(xs) + beyond, max(ys) + beyond


_OPERATORS = {"M": "M", "L": "L", "C": "B", "Z": "C"}


def _path(path: Path, x: float, y: float) -> str:
    return " ".join(
        " ".join(
            (
                _OPERATORS[step.op],
                *(f"{_number(px - x)} {_number(py - y)}" for px, py in step.points),
            )
        )
        for step in path
    )


def _colour(kind: str, colour: Colour) -> str:
    return f'<ofd:{kind}Color Value="{colour.red} {colour.green} {colour.blue}"/>'


def row(*values: float) -> str:
    """Numbers as an `ST_Array`."""
    return " ".join(map(_number, values))


@lru_cache(maxsize=16384)
def _number(value: float) -> str:
    """To a thousandth of a millimetre, and never `-0`."""
    if value == (whole := int(value)):
        return str(whole)
    return f"{round(value, 3) + 0.0:.3f}".rstrip("0").rstrip(".")
