"""The drawing list: what stands where, in millimetres from the upper left corner of its sheet.

Text is placed character by character, so that no writer and no reader lays anything out again: OFD
and PDF get the same positions. The order of marks is the order of painting.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from pydantic import ConfigDict

from seals.drawing import Path


class Colour(NamedTuple):
    """Red, green and blue of sRGB, nought to 255."""

    red: int
    green: int
    blue: int


BLACK = Colour(0, 0, 0)
WHITE = Colour(255, 255, 255)


class Lettering(StrEnum):
    """The typefaces a template may ask for."""

    SONG = "song"
    """宋体: with serifs."""
    HEI = "hei"
    """黑体: without."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """Characters on one baseline."""

    text: str
    lettering: Lettering
    size: float
    """Of the em, in millimetres."""
    x: float
    y: float
    """Where the baseline begins."""
    offsets: tuple[float, ...]
    """Where each character begins, from `x` along the baseline; as many as there are characters."""
    width: float
    colour: Colour = BLACK
    weight: float = 0.0
    """Width of a line around the letters that makes them bolder; nought for none."""
    angle: float = 0.0
    """Degrees, clockwise on paper, around (x, y)."""
    item: str = ""
    """The face item it shows; empty for a label."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shape:
    """A path that is filled (non-zero winding), stroked, or both.

    Compared by identity, so that writers remember what they made of a border without reading it.
    """

    path: Path
    fill: Colour | None = None
    stroke: Colour | None = None
    width: float = 0.0
    """Of the stroke."""


class Format(StrEnum):
    """How a picture is encoded."""

    PNG = "png"
    JPEG = "jpeg"


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture that fills its box."""

    __pydantic_config__ = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")

    data: bytes
    format: Format
    x: float
    y: float
    width: float
    height: float
    item: str = ""
    label: str = ""
    """What it is of, for those who cannot see it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Modules:
    """A code of dark and light squares, row by row."""

    x: float
    y: float
    """The upper left corner of its first module."""
    module: float
    """Side of a module."""
    rows: tuple[tuple[tuple[int, int], ...], ...]
    """For each row the stretches of dark modules: first, and the one behind the last."""
    colour: Colour = BLACK


Mark = Text | Shape | Picture | Modules


@dataclass(frozen=True, slots=True, kw_only=True)
class SealPlace:
    """Where a seal is to be set; nothing is painted there."""

    role: str
    """Whose seal: `issuer`."""
    x: float
    y: float
    """Its middle."""
    diameter: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Backdrop:
    """What is below the values and the same on each certificate of a template (底图).

    Compared by identity: a template holds one, and writers remember what they made of it.
    """

    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """One page."""

    width: float
    height: float
    backdrop: Backdrop
    marks: tuple[Mark, ...]
    seals: tuple[SealPlace, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """All pages."""

    sheets: tuple[Sheet, ...]

    @property
    def texts(self) -> tuple[Text, ...]:
        """Every text, backdrops first, sheet by sheet."""
        return tuple(
            mark
            for sheet in self.sheets
            for mark in (*sheet.backdrop.marks, *sheet.marks)
            if isinstance(mark, Text)
        )
