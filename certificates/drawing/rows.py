"""Rows of label and text, as large as there is room for all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from certificates.drawing.errors import Overflow
from certificates.drawing.lines import Box, Stand, Style, laid
from certificates.drawing.marks import Colour, Lettering, Mark
from certificates.drawing.ornament import rule

SIZES = (4.2, 3.8, 3.4, 3.0, 2.7, 2.4)
"""Millimetres of the em, the largest first."""
GREY = Colour(110, 110, 110)
_LINE = Colour(190, 190, 190)
_LEADING = 1.3


class Row(NamedTuple):
    """One row."""

    label: str
    text: str
    item: str = ""
    """The face item that it shows."""


def rows(every: Sequence[Row], box: Box, label: float) -> Iterator[Mark]:
    """The rows from the top of a box, a fine line below each.

    Args:
        every: In order.
        box: Where.
        label: Width of the labels' column, in millimetres.

    Raises:
        GlyphMissing: A character that the typeface lacks.
        Overflow: They do not fit at the smallest size.
    """
    for size in SIZES:
        marks, bottom = _set(every, box, label, size)
        if bottom <= box.y + box.height:
            yield from marks
            return
    raise Overflow("rows", len(every), 0)


def _set(every: Sequence[Row], box: Box, label: float, size: float) -> tuple[Sequence[Mark], float]:
    """All rows at one size, and where the last ends."""
    marks: list[Mark] = []
    top, pad, wide = box.y, size * 0.3, box.width - label
    plain = Style(lettering=Lettering.HEI, size=size, floor=size, leading=_LEADING, stand=Stand.TOP)
    pale = Style(lettering=Lettering.HEI, size=size, floor=size, leading=_LEADING, stand=Stand.TOP, colour=GREY)  # fmt: skip
    for row in every:
        high = size * 1000
        heads = laid(row.label, Box(box.x, top + pad, label - 3, high), pale)
        lines = laid(row.text, Box(box.x + label, top + pad, wide, high), plain, item=row.item)
        last = max(each.y for each in (*heads, *lines)) if heads or lines else top + pad + size
        top = last + size * 0.25 + pad
        marks += (*heads, *lines, rule(box.x, top, box.x + box.width, top, _LINE, 0.15))
        if top > box.y + box.height:
            break
    return marks, top
