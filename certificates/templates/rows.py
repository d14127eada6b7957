"""Rows of label and value: how high each becomes, and where what is in it stands.

How high is a matter of the longest value its items may have, never of a value: two certificates of a
type differ in nothing but what is filled in.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from certificates.drawing.lines import Align, Box, Stand, Style, laid
from certificates.drawing.marks import Lettering, Mark, SealPlace
from certificates.drawing.ornament import frame, rule, tint
from certificates.templates.grammar import Family, Look, RowsPlan
from certificates.templates.model import Field, PicturePlace, Table

LEADING = 1.3
_SHRUNK = 0.72
"""How much smaller a label may become to stay on one line."""
_AIR = 0.35
"""What every row has of air before long values get more room, by the size of its letters."""


@dataclass(slots=True)
class Made:
    """What a page has by now."""

    marks: list[Mark]
    fields: list[Field]
    pictures: list[PicturePlace]
    tables: list[Table]
    seals: list[SealPlace]
    rows: list[tuple[str, ...]]

    def __init__(self, marks: list[Mark]) -> None:
        self.marks = marks
        self.fields, self.pictures, self.tables, self.seals, self.rows = [], [], [], [], []


class Rows:
    """The rows of one page under way."""

    def __init__(
        self,
        family: Family,
        told: RowsPlan,
        rows: tuple[tuple[str, ...], ...],
        picture: Box | None,
        labels: Mapping[str, str],
        reaches: Mapping[str, float],
        made: Made,
    ) -> None:
        self._told, self._rows = told, rows
        self._labels, self._reaches = labels, reaches
        self._picture, self._made = picture, made
        self._family = family
        wide = [len(labels[item]) * self._told.size for row in rows for item in row]
        cap = self._told.label
        fitting = [each for each in wide if each <= cap] if self._told.own else wide
        self._reserved = min(max(fitting, default=0.0) * 1.02, cap)

    def lay(self) -> None:
        told = self._told
        self._made.rows += self._rows
        if not self._rows:
            return
        heights = self._heights()
        y = told.box.y
        top = y
        for row, height in zip(self._rows, heights, strict=True):
            self._row(row, y, height)
            y += height
        if told.look is Look.GRID:
            whole = Box(told.box.x, top, told.box.width, y - top)
            self._made.marks.append(frame(whole, self._family.ink, 0.45))

    def _width(self, y: float) -> float:
        """Beside a picture, rows are narrower."""
        box, picture = self._told.box, self._picture
        if picture is None or y >= picture.y + picture.height + 1:
            return box.width
        return picture.x - box.x - self._told.size * 0.6

    def _cells(self, row: tuple[str, ...], y: float) -> list[tuple[str, Box]]:
        """Left edge and width of the cells of a row; heights come later."""
        width = self._width(y) / len(row)
        return [
            (item, Box(self._told.box.x + at * width, y, width, 0.0)) for at, item in enumerate(row)
        ]

    def _need(self, row: tuple[str, ...], y: float, size: float, share: float) -> float:
        """How high a row must be for so much of its longest values, at a size."""
        pad = self._told.size * (0.9 if self._told.look is Look.GRID else 0.5)
        lines = 1
        for item, box in self._cells(row, y):
            room = box.width - self._label_width(item) - self._inset() * 3
            ems = self._reaches[item] * share * 1.08
            lines = max(lines, math.ceil(ems * size / max(room, size)))
        return max(size * (1 + (lines - 1) * LEADING), self._told.size) + pad

    def _heights(self) -> list[float]:
        told = self._told
        # Where a row will stand is needed to know how wide it is: count on with the least heights.
        least, likely, y = [], [], told.box.y
        for row in self._rows:
            least.append(self._need(row, y, told.floor, 1.0))
            likely.append(max(least[-1], self._need(row, y, told.size, 0.25)))
            y += least[-1]
        some = max(0.0, min((told.box.height - sum(least)) / len(least), _AIR * told.size))
        least, likely = [each + some for each in least], [each + some for each in likely]
        free = told.box.height - sum(least)
        wanted = [more - less for more, less in zip(likely, least, strict=True)]
        if free > 0 and sum(wanted) > 0:
            given = min(1.0, free / sum(wanted))
            least = [less + given * each for less, each in zip(least, wanted, strict=True)]
        free = max(0.0, told.box.height - sum(least))
        air = min(free / len(least), max(0.0, told.stretch - _AIR) * told.size)
        return [each + air for each in least]

    def _inset(self) -> float:
        return self._told.size * (0.35 if self._told.look is Look.GRID else 0.25)

    def _label_width(self, item: str) -> float:
        """A label that is longer than the column of labels has its own width, where that is allowed."""
        own = len(self._labels[item]) * self._told.size * 1.02
        return max(self._reserved, own) if self._told.own else self._reserved

    def _row(self, row: tuple[str, ...], y: float, height: float) -> None:
        told, made, family = self._told, self._made, self._family
        plain = height < told.size * 2.9
        inset = self._inset()
        grid = told.look is Look.GRID
        if grid and y > told.box.y + 0.1:
            made.marks.append(rule(told.box.x, y, told.box.x + self._width(y), y, family.ink, 0.2))
        stand = Stand.MIDDLE if plain or grid else Stand.TOP
        if told.look is Look.RULED:
            stand = Stand.BOTTOM
            height -= told.size * 0.45
        above = told.size * 0.4 if stand is Stand.TOP else 0.0
        style = Style(size=told.size, floor=told.floor, leading=LEADING, stand=stand)
        for at, (item, cell) in enumerate(self._cells(row, y)):
            reserved = self._label_width(item)
            x = cell.x + (inset if grid else (at > 0) * told.size * 0.8)
            made.marks += self._labelled(item, Box(x, y + above, reserved, height - above), style)
            begin = x + reserved + inset * 2
            end = cell.x + cell.width - inset
            value = Box(begin, y + above, end - begin, height - above)
            if grid:
                self._cell_rules(cell, at, x + reserved + inset, y, height)
            elif told.look is Look.RULED:
                low = y + height + told.size * 0.18
                made.marks.append(rule(begin - inset, low, end, low, tint(family.ink, 0.45), 0.12))
            made.fields.append(Field(item=item, box=value, style=style, dates=family.dates))

    def _labelled(self, item: str, box: Box, style: Style) -> tuple[Mark, ...]:
        """A label on one line if it need not become much smaller for that, otherwise on two."""
        told, grid = self._told, self._told.look is Look.GRID
        text = self._labels[item]
        narrow = len(text) * told.size * _SHRUNK > box.width
        if narrow:
            head, mark, tail = text.rpartition("（")
            half = (len(text) + 1) // 2
            text = f"{head}\n{mark}{tail}" if mark and head else f"{text[:half]}\n{text[half:]}"
        elif len(text) * told.size > box.width:
            high = told.size * 1.02
            free = box.height - high
            above = {Stand.TOP: 0.0, Stand.MIDDLE: free / 2, Stand.BOTTOM: free}[style.stand]
            box = box._replace(y=box.y + above, height=high)
        align = Align.LEFT if narrow or told.own else Align.SPREAD
        labelled = replace(
            style,
            colour=self._family.label_colour,
            lettering=Lettering.HEI if grid else Lettering.SONG,
            align=Align.CENTRE if narrow and grid else align,
            leading=1.15 if narrow else LEADING,
            floor=told.size * 0.45,
        )
        return laid(text, box, labelled, where=f"label {item}")

    def _cell_rules(self, cell: Box, at: int, x: float, y: float, height: float) -> None:
        ink = self._family.ink
        if at:
            self._made.marks.append(rule(cell.x, y, cell.x, y + height, ink, 0.2))
        self._made.marks.append(rule(x, y, x, y + height, ink, 0.2))
