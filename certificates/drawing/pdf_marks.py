"""Marks as the content stream of a PDF page: millimetres from the upper left corner."""

from __future__ import annotations

import hashlib
import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from certificates.drawing.marks import BLACK, Colour, Lettering, Mark, Modules, Picture, Shape, Text
from certificates.drawing.subsets import Subset
from certificates.drawing.typefaces import typeface

POINTS = 72 / 25.4
"""To a millimetre."""


@dataclass(frozen=True, slots=True)
class Painted:
    """Marks as the content of a page."""

    content: bytes
    """Packed."""
    marked: tuple[tuple[str, str], ...]
    """Kind and face item of each piece of marked content."""
    pictures: tuple[Picture, ...]


def turned(height: float) -> str:
    """Millimetres from the upper left corner from here on."""
    return f"{_number(POINTS)} 0 0 {_number(-POINTS)} 0 {points(height)} cm"


def painted(
    marks: Sequence[Mark],
    prefix: str,
    fonts: Mapping[Lettering, Subset],
    first: int,
    before: str = "",
) -> Painted:
    """The content of a page, its marked content counted from `first`."""
    marked: list[tuple[str, str]] = []
    used: list[Picture] = []
    pieces = [before]
    for mark in marks:
        match mark:
            case Shape():
                pieces.append(f"/Artifact BMC {_shape(mark)} EMC")
            case Modules():
                pieces.append(f"/Artifact BMC {_modules(mark)} EMC")
            case Text():
                tag = f"/P << /MCID {first + len(marked)} >> BDC"
                font = f"{prefix}{mark.lettering}"
                pieces.append(f"{tag} {_text(mark, font, fonts[mark.lettering])} EMC")
                marked.append(("P", mark.item))
            case Picture():
                used.append(mark)
                place = _row(mark.width, 0, 0, -mark.height, mark.x, mark.y + mark.height)
                tag = f"/Figure << /MCID {first + len(marked)} >> BDC"
                pieces.append(f"{tag} q {place} cm /{picture_name(mark)} Do Q EMC")
                marked.append(("Figure", mark.item))
    content = zlib.compress("\n".join(pieces).encode(), 6)
    return Painted(content, tuple(marked), tuple(used))


def picture_name(mark: Picture) -> str:
    """What the content calls it; the same picture has the same name."""
    return f"P{hashlib.sha256(mark.data).hexdigest()[:16]}"


def _modules(mark: Modules) -> str:
    """One stroke for each stretch, a hair wider than a module, so that no light shows between."""
    count = len(mark.rows)
    across = [_number(mark.x + at * mark.module) for at in range(count + 1)]
    pieces = [f"{_colour(mark.colour, 'RG')} {_number(mark.module * 1.01)} w"]
    for at, row in enumerate(mark.rows):
        y = _number(mark.y + (at + 0.5) * mark.module)
        pieces += [f"{across[begin]} {y} m {across[end]} {y} l" for begin, end in row]
    return " ".join((*pieces, "S"))


def _text(mark: Text, font: str, made: Subset) -> str:
    cos, sin = math.cos(math.radians(mark.angle)), math.sin(math.radians(mark.angle))
    place = _row(cos, sin, sin, -cos, mark.x, mark.y)
    bold = (
        f"2 Tr {_number(mark.weight)} w {_colour(mark.colour, 'RG')} " if mark.weight else "0 Tr "
    )
    return (
        f"BT /{font} {_number(mark.size)} Tf {_colour(mark.colour, 'rg')} "
        f"{bold}{place} Tm [{_shown(mark, made)}] TJ ET"
    )


def _shown(mark: Text, made: Subset) -> str:
    """The glyphs, moved by as much as their own width does not say."""
    face = typeface(mark.lettering)
    pieces, codes, at = [], "", 0.0
    for character, offset in zip(mark.text, mark.offsets, strict=True):
        gap = round((at - offset) / mark.size * 1000)
        if gap:
            if codes:
                pieces.append(f"<{codes}>")
            pieces.append(str(gap))
            codes = ""
            at -= gap / 1000 * mark.size
        codes += f"{made.glyphs[character]:04X}"
        at += face.glyph(character).advance / face.metrics.em * mark.size
    return " ".join((*pieces, f"<{codes}>"))


_OPERATORS = {"M": "m", "L": "l", "C": "c"}


@lru_cache(maxsize=1024)
def _shape(mark: Shape) -> str:
    pieces = []
    if mark.fill:
        pieces.append(_colour(mark.fill, "rg"))
    if mark.stroke:
        pieces.append(f"{_colour(mark.stroke, 'RG')} {_number(mark.width)} w 1 j")
    pieces += [
        "h"
        if step.op == "Z"
        else " ".join(
            (*(f"{_number(x)} {_number(y)}" for x, y in step.points), _OPERATORS[step.op])
        )
        for step in mark.path
    ]
    return " ".join((*pieces, {(True, True): "B", (True, False): "f"}.get((mark.fill is not None, mark.stroke is not None), "S")))  # fmt: skip


def _colour(colour: Colour, operator: str) -> str:
    if colour == BLACK:
        return f"0 0 0 {operator}"
    return f"{_row(*(part / 255 for part in colour))} {operator}"


def points(millimetres: float) -> str:
    """A measure of the page."""
    return _number(millimetres * POINTS)


def _row(*values: float) -> str:
    return " ".join(map(_number, values))


def _number(value: float) -> str:
    if value == (whole := int(value)):
        return str(whole)
    return f"{round(value, 4) + 0.0:.4f}".rstrip("0").rstrip(".")
