"""The grammar of `families.yaml` and `types.yaml`. Unknown keys are refused; measures are mm."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from importlib.resources import files
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


@cache
def families() -> Families:
    """The layouts that come with the project.

    Raises:
        TemplateInvalid: With every complaint.
    """
    return _read("families.yaml", TypeAdapter(dict[str, Family]))


@cache
def choices() -> Choices:
    """What the certificate types take of them.

    Raises:
        TemplateInvalid: With every complaint.
    """
    return _read("types.yaml", TypeAdapter(dict[str, Choice]))


def _read(name: str, adapter: TypeAdapter[T]) -> T:
    text = files("certificates.templates").joinpath(name).read_text("utf-8")
    try:
        return adapter.validate_python(yaml.safe_load(text))
    except ValidationError as wrong:
        raise TemplateInvalid(
            Complaint(
                where=f"{name}: {'.'.join(map(str, each['loc']))}",
                rule="template",
                found=each["msg"],
            )
            for each in wrong.errors()
        ) from None
