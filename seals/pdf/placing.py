"""Where a seal goes in a PDF: places, keywords and cross-page seals become boxes on its pages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from seals.errors import MalformedDocument, SealRefused
from seals.pdf import fonts
from seals.pdf.model import MM, Placement
from seals.pdf.pages import content, edges, pages
from seals.pdf.painted import Letter, Painter
from seals.pdf.reading import opened, reading
from seals.placing import Box, Paper, Shown
from seals.placing import Placement as Wanted
from seals.placing import placed as placed_on


@dataclass(frozen=True, slots=True)
class _Character:
    """One character where it stands: millimetres from the page's upper left corner."""

    character: str
    box: Box


def placed(
    document: bytes, placements: Iterable[Wanted], size: tuple[float, float]
) -> tuple[Placement, ...]:
    """Each placement as what is shown of the picture, slice by slice.

    Args:
        document: A PDF.
        placements: Where the seal goes.
        size: Of its picture in millimetres, width and height.

    Raises:
        MalformedDocument: The document cannot be read.
        SealRefused: `page-rotated`: where up is not up, a place would mean something else; or the
            keys of `seals.placing.placed`.
    """
    reader = opened(document)
    with reading():
        found = list(pages(reader))
        papers = [_paper(attributes, str(at)) for at, (_, attributes) in enumerate(found, 1)]
        shown = placed_on(placements, size, papers, lambda at: _characters(*found[at]))
        for each in shown:
            if int(found[each.page][1].get("/Rotate", 0)) % 360:
                raise SealRefused("page-rotated")
    return tuple(_placement(each, size[0]) for each in shown)


def _placement(shown: Shown, whole: float) -> Placement:
    x, y, width, height = shown.box
    begin, end = shown.before / whole, (shown.before + width) / whole
    return Placement(
        page=shown.page + 1,
        x=x,
        y=y,
        width=width,
        height=height,
        part=(0.0, 1.0) if width == whole else (begin, end),
    )


def _paper(attributes: Mapping[str, Any], name: str) -> Paper:
    left, low, right, top = edges(attributes)
    return Paper(name=name, width=(right - left) / MM, height=(top - low) / MM)


def _characters(page: Any, attributes: Mapping[str, Any]) -> Iterator[_Character]:
    """What can be read, in the order it is painted; nothing where the content cannot be followed."""
    painter = Painter(advances=fonts.advances, spelling=fonts.spelled)
    left, _, _, top = edges(attributes)
    try:
        with reading("content-unreadable"):
            painter.paint(content(page), attributes.get("/Resources", {}))
    except MalformedDocument:
        return
    for letter in painter.letters:
        yield from _apart(letter, left, top)


def _apart(letter: Letter, left: float, top: float) -> Iterator[_Character]:
    """A code may stand for several characters; they share its width."""
    x1, y1, x2, y2 = letter.box
    width = (x2 - x1) / len(letter.characters)
    for at, character in enumerate(letter.characters):
        x = (x1 + at * width - left) / MM
        yield _Character(character, (x, (top - y2) / MM, width / MM, (y2 - y1) / MM))
