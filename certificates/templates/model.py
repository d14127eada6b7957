"""The values of a template. Boxes are millimetres from the upper left corner of their sheet."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from certificates.drawing.lines import Box, Style
from certificates.drawing.marks import Backdrop, Colour, SealPlace


class Dates(StrEnum):
    """How a date is written."""

    CHINESE = "chinese"
    """2026年1月9日"""
    DOTTED = "dotted"
    """2026.01.09"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """Where one face item is painted as text."""

    item: str
    box: Box
    style: Style
    dates: Dates = Dates.CHINESE


@dataclass(frozen=True, slots=True, kw_only=True)
class PicturePlace:
    """Where one face item is painted as a picture."""

    item: str
    label: str
    box: Box


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One repeated item of a table."""

    item: str
    x: float
    width: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Where repeated items are painted, one line of the record below the other."""

    columns: tuple[Column, ...]
    y: float
    """Where the first line begins."""
    row: float
    """Height of a line."""
    rows: int
    """How many lines there is room for."""
    style: Style
    dates: Dates = Dates.DOTTED


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One sheet of a template."""

    width: float
    height: float
    backdrop: Backdrop
    """Borders, rules and labels: all that every certificate of the type has in common."""
    paper: Colour
    """What texts stand on, for their contrast."""
    fields: tuple[Field, ...] = ()
    pictures: tuple[PicturePlace, ...] = ()
    tables: tuple[Table, ...] = ()
    codes: tuple[Box, ...] = ()
    """Where a QR code of the certificate's identifier stands."""
    seals: tuple[SealPlace, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """The layout of one certificate type."""

    type: str
    title: str
    family: str
    version: int
    pages: tuple[Page, ...]

    @property
    def dotted(self) -> frozenset[str]:
        """Items whose days and months it tells as 2025.03.12."""
        return frozenset(
            item
            for page in self.pages
            for item in (
                *(each.item for each in page.fields if each.dates is Dates.DOTTED),
                *(
                    column.item
                    for table in page.tables
                    if table.dates is Dates.DOTTED
                    for column in table.columns
                ),
            )
        )

    @property
    def items(self) -> frozenset[str]:
        """Every face item it has a place for."""
        return frozenset(
            item
            for page in self.pages
            for item in (
                *(each.item for each in page.fields),
                *(each.item for each in page.pictures),
                *(column.item for table in page.tables for column in table.columns),
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """One thing that is not as it should be."""

    where: str
    """The face item, or the page."""
    rule: str
    """Stable key: `overflow`, `glyph`, `required`, `picture`, `rows`, `code`, `no-place`, `contrast`,
    `overlap`, `off-page`, `background`, `ofd-pdf`, `face`, `template`."""
    found: str
    """What was found, in words; no personal data beyond one character."""
    sample: str = ""
    """Which sample row showed it; empty where none was needed."""
