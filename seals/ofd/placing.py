"""Where a seal goes: at a place, at a keyword, or across the edges of many pages (骑缝章)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from seals.errors import SealRefused
from seals.ofd.document import Page
from seals.ofd.painted import Ink, Painted
from seals.ofd.signatures import Box, Stamp
from seals.seal import Picture

MIN_SLICE = 1.0
"""Millimetres of a cross-page seal on one page; less shows nothing."""
MAX_KEYWORD = 100


class Edge(StrEnum):
    """The edge of the paper that a cross-page seal straddles."""

    LEFT = "left"
    RIGHT = "right"


@dataclass(frozen=True, slots=True, kw_only=True)
class AtPlace:
    """The seal's middle at a point of a page."""

    page: int
    """From 1."""
    x: float
    """Millimetres from the left."""
    y: float
    """Millimetres from the top."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AtKeyword:
    """The seal's middle over a keyword that is painted."""

    keyword: str
    occurrence: int = 1
    """From 1 in reading order, or from -1 backwards."""
    right: float = 0.0
    """Millimetres to the right of the keyword's middle."""
    down: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AcrossPages:
    """One seal in slices on the edge of pages that follow one another."""

    first: int = 1
    last: int = -1
    """-1: the last page of the document."""
    edge: Edge = Edge.RIGHT
    y: float = 100.0
    """The seal's middle, millimetres from the top."""


Placement = AtPlace | AtKeyword | AcrossPages


def placed(
    placements: Iterable[Placement],
    picture: Picture,
    pages: Sequence[Page],
    objects: Callable[[Page], Iterable[Painted]],
) -> tuple[Stamp, ...]:
    """Each placement as the `StampAnnot`s that show it.

    Args:
        placements: Where the seal goes.
        picture: Its size.
        pages: Those of the document.
        objects: What a page paints; asked only where a keyword is looked for.

    Raises:
        SealRefused: `no-placement`, `no-such-page`, `off-page`, `keyword`, `keyword-not-found`,
            `too-many-pages`, `one-page`.
    """
    stamps: list[Stamp] = []
    for each in placements:
        match each:
            case AtPlace():
                page = _page(pages, each.page)
                stamps.append(_stamp(page, picture, each.x, each.y))
            case AtKeyword():
                stamps.append(_at_keyword(each, picture, pages, objects))
            case _:
                stamps += _across(each, picture, pages)
    if not stamps:
        raise SealRefused("no-placement")
    return tuple(stamps)


def _page(pages: Sequence[Page], number: int) -> Page:
    if not 1 <= number <= len(pages):
        raise SealRefused("no-such-page", str(number))
    return pages[number - 1]


def _stamp(page: Page, picture: Picture, x: float, y: float) -> Stamp:
    left, top = x - picture.width / 2, y - picture.height / 2
    inside = left >= 0 and top >= 0
    if not inside or left + picture.width > page.width or top + picture.height > page.height:
        raise SealRefused("off-page", page.id)
    boundary = left, top, float(picture.width), float(picture.height)
    return Stamp(page_id=page.id, boundary=boundary, clip=None)


def _across(across: AcrossPages, picture: Picture, pages: Sequence[Page]) -> list[Stamp]:
    """Slices from left to right, so that the fanned edges show the whole."""
    last = len(pages) if across.last == -1 else across.last
    _page(pages, across.first)
    _page(pages, last)
    count = last - across.first + 1
    if count < 2:
        raise SealRefused("one-page")
    width, height = picture.width / count, float(picture.height)
    if width < MIN_SLICE:
        raise SealRefused("too-many-pages", str(count))
    top = across.y - height / 2
    stamps = []
    for at, page in enumerate(pages[across.first - 1 : last]):
        if not 0 <= top <= page.height - height:
            raise SealRefused("off-page", page.id)
        shown = 0.0 if across.edge is Edge.LEFT else page.width - width
        boundary = shown - at * width, top, float(picture.width), height
        clip = at * width, 0.0, width, height
        stamps.append(Stamp(page_id=page.id, boundary=boundary, clip=clip))
    return stamps


def _at_keyword(
    wanted: AtKeyword,
    picture: Picture,
    pages: Sequence[Page],
    objects: Callable[[Page], Iterable[Painted]],
) -> Stamp:
    keyword = "".join(wanted.keyword.split())
    if not keyword or len(keyword) > MAX_KEYWORD or wanted.occurrence == 0:
        raise SealRefused("keyword")
    hits = [(page, hit) for page in pages for hit in _hits(keyword, objects(page), page)]
    at = wanted.occurrence - 1 if wanted.occurrence > 0 else wanted.occurrence
    if not -len(hits) <= at < len(hits):
        raise SealRefused("keyword-not-found")
    page, (x, y, width, height) = hits[at]
    return _stamp(page, picture, x + width / 2 + wanted.right, y + height / 2 + wanted.down)


def _hits(keyword: str, objects: Iterable[Painted], page: Page) -> list[Box]:
    """Where a keyword stands that can be seen: in one object, or in several on one line."""
    shown = [
        (character, told)
        for each in objects
        if each.ink is Ink.TEXT and not each.hidden and not each.transparent
        for character, told in zip(each.characters, each.boxes, strict=True)
        if not character.isspace()
    ]
    whole = "".join(character for character, _ in shown)
    found, at = [], whole.find(keyword)
    while at >= 0:
        run = [told for _, told in shown[at : at + len(keyword)]]
        joined = _union(run)
        if _in_line(run) and _within(joined, page):
            found.append(joined)
        at = whole.find(keyword, at + 1)
    return found


def _in_line(run: Sequence[Box]) -> bool:
    """Do the characters follow one another, rather than only in the file?"""
    return all(
        abs(one[1] - other[1]) <= one[3] / 2
        and abs(other[0] - one[0] - one[2]) <= 2 * max(one[3], 1.0)
        for one, other in pairwise(run)
    )


def _within(told: Box, page: Page) -> bool:
    return 0 <= told[0] + told[2] / 2 <= page.width and 0 <= told[1] + told[3] / 2 <= page.height


def _union(run: Sequence[Box]) -> Box:
    left, top = min(each[0] for each in run), min(each[1] for each in run)
    right = max(each[0] + each[2] for each in run)
    bottom = max(each[1] + each[3] for each in run)
    return left, top, right - left, bottom - top
