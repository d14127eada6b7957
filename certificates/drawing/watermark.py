"""A text tiled over every sheet, below what is filled in: for drafts, and for annotated copies (加注件)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from certificates.drawing.lines import Box, Style, laid
from certificates.drawing.marks import Colour, Drawing, Lettering, Picture, Sheet, Text

PALE = Colour(222, 226, 230)
ANGLE = -28.0
"""Degrees."""


def watermarked(drawing: Drawing, text: str, colour: Colour = PALE) -> Drawing:
    """The drawing with a text all over it, paler than anything that is to be read.

    Args:
        drawing: Of a certificate.
        text: One line, as `仅用于…办理…，2026年11月24日前有效`.
        colour: Of the text.

    Raises:
        GlyphMissing: A character that the typeface lacks.
    """
    sheets = (
        replace(each, marks=(*_tiles(each, text, colour), *each.marks)) for each in drawing.sheets
    )
    return Drawing(sheets=tuple(sheets))


def _tiles(sheet: Sheet, text: str, colour: Colour) -> Iterator[Text]:
    """Where a copy of the text lies wholly on the sheet, row by row, every other row shifted."""
    size = min(sheet.width, sheet.height) / 26
    style = Style(lettering=Lettering.HEI, size=size, floor=size, colour=colour)
    taken = [each for each in sheet.marks if isinstance(each, Picture)]
    (line,) = laid(text, Box(0, 0, size * 2 * len(text) + size, size * 2), style)
    turn = math.radians(ANGLE)
    across, up = line.width * math.cos(turn), -line.width * math.sin(turn)
    step = across + 3 * size
    row, y = 0, up + size
    while y < sheet.height - size:
        x = size - (row % 2) * step / 2
        while x < sheet.width:
            # Nothing may be covered on a sheet that is to be sealed, a watermark neither.
            whole = Box(x - size, y - up - size, across + 2 * size, up + 2 * size)
            if (
                x >= 0
                and x + across <= sheet.width
                and not any(_meet(whole, each) for each in taken)
            ):
                yield replace(line, x=round(x, 3), y=round(y, 3), angle=ANGLE)
            x += step
        y += up + 3.5 * size if across > sheet.width / 2 else up / 2 + 4 * size
        row += 1


def _meet(box: Box, picture: Picture) -> bool:
    return (
        box.x < picture.x + picture.width
        and picture.x < box.x + box.width
        and box.y < picture.y + picture.height
        and picture.y < box.y + box.height
    )
