"""The grammar of `families.yaml` and `types.yaml`. Unknown keys are refused; measures are mm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, TypeVar

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from certificates.drawing.lines import Box
from certificates.drawing.marks import Colour
from certificates.drawing.ornament import Border
from certificates.templates.errors import TemplateInvalid
from certificates.templates.model import Complaint, Dates


def _box(told: object) -> object:
    return Box(*told) if isinstance(told, list) and len(told) == 4 else told


def _colour(told: object) -> object:
    if isinstance(told, str) and len(told) == 7 and told.startswith("#"):
        return Colour(*bytes.fromhex(told[1:]))
    return told


BoxRow = Annotated[Box, BeforeValidator(_box)]
Hex = Annotated[Colour, BeforeValidator(_colour)]


class Strict(BaseModel):
    """Frozen, and nothing that was not asked for."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class Look(StrEnum):
    """How rows of label and value look."""

    LINES = "lines"
    """Label and value side by side on the paper."""
    RULED = "ruled"
    """The value on a fine line."""
    GRID = "grid"
    """Both in cells."""


class TitlePlan(Strict):
    """Where the certificate's name stands."""

    box: BoxRow
    size: float
    spacing: float = 0.3


class NumberPlan(Strict):
    """The line of the number, with its label before it."""

    box: BoxRow
    size: float


class RowsPlan(Strict):
    """The part of a page that holds label and value in rows."""

    box: BoxRow
    look: Look = Look.LINES
    size: float
    floor: float
    label: float
    """How wide the column of labels is at most."""
    own: bool = False
    """A longer label has its own width, and none is spread: where there is little room."""
    pair: float = 0.0
    """Two items share a row where neither reaches further than so many characters."""
    stretch: float = 0.7
    """How much air may come to a row, by its size."""


class FootPlan(Strict):
    """Who issued it and when, with the place of the seal over both."""

    box: BoxRow
    size: float
    seal: float = 42.0
    """Diameter."""


class PagePlan(Strict):
    """One sheet of a family."""

    title: TitlePlan | None = None
    number: NumberPlan | None = None
    rows: RowsPlan | None = None
    picture: BoxRow | None = None
    foot: FootPlan | None = None
    table: BoxRow | None = None
    code: BoxRow | None = None


class Family(Strict):
    """A layout that several types share."""

    sheet: tuple[float, float]
    border: Border
    background: str = ""
    """A file beside this one that lies below everything: SVG, PNG or JPEG."""
    rosette: float = 0.0
    """Radius of one in the middle of each sheet; nought for none."""
    paper: Hex = Colour(255, 255, 255)
    ink: Hex
    """Of borders and rules."""
    title_colour: Hex = Colour(20, 20, 20)
    label_colour: Hex = Colour(20, 20, 20)
    dates: Dates = Dates.CHINESE
    pages: tuple[PagePlan, ...] = Field(min_length=1)


class Choice(Strict):
    """What one certificate type takes of a family, where the order of its items does not say it."""

    family: str
    title: str = ""
    """As printed; the type's name otherwise. `\\n` breaks it."""
    ink: Hex | None = None
    paper: Hex | None = None
    background: str = ""
    number: str | None = None
    """The item that stands alone on the line of the number."""
    subtitle: str | None = None
    """The item that stands below the title (正本, 副本)."""
    issuer: str | None = None
    date: str | None = None
    rows: tuple[tuple[tuple[str, ...], ...], ...] | None = None
    """For each page that has rows: the items of each row."""


T = TypeVar("T")
Families = Mapping[str, Family]
Choices = Mapping[str, Choice]


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """All layouts, what the types take of them, and the files of their backgrounds."""

    families: Families
    choices: Choices
    backgrounds: Mapping[str, bytes] = field(default_factory=dict)


@cache
def shipped() -> Book:
    """What comes with the project.

    Raises:
        TemplateInvalid: With every complaint.
    """
    return _read(Book(families={}, choices={}), files("certificates.templates"))


def extended(book: Book, folder: Path) -> Book:
    """The book with a folder of one's own on top: `families.yaml`, `types.yaml`, `*.svg`, `*.png`,
    `*.jpg`. What is in both, the folder says.

    Raises:
        TemplateInvalid: With every complaint.
    """
    if not folder.is_dir():
        raise _invalid(folder.name, "没有这个文件夹 / no such folder")
    return _read(book, folder)


def _read(book: Book, folder: Traversable) -> Book:
    named = {each.name: each for each in folder.iterdir()}
    families = _page(named.get("families.yaml"), TypeAdapter(dict[str, Family]))
    choices = _page(named.get("types.yaml"), TypeAdapter(dict[str, Choice]))
    pictures = {
        name: each.read_bytes()
        for name, each in named.items()
        if name.rpartition(".")[2] in {"svg", "png", "jpg"}
    }
    return Book(
        families={**book.families, **families},
        choices={**book.choices, **choices},
        backgrounds={**book.backgrounds, **pictures},
    )


def _page(file: Traversable | None, adapter: TypeAdapter[dict[str, T]]) -> dict[str, T]:
    if file is None:
        return {}
    try:
        return adapter.validate_python(yaml.safe_load(file.read_text("utf-8")) or {})
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError):
        raise _invalid(file.name, "不是 YAML / no YAML") from None
    except ValidationError as wrong:
        raise TemplateInvalid(
            Complaint(
                where=f"{file.name}: {'.'.join(map(str, each['loc']))}",
                rule="template",
                found=each["msg"],
            )
            for each in wrong.errors()
        ) from None


def _invalid(where: str, found: str) -> TemplateInvalid:
    return TemplateInvalid([Complaint(where=where, rule="template", found=found)])
