"""Where a seal goes on paper: at a place, at a keyword, or across the edges of many pages (骑缝章).

The same wishes for every kind of document; what becomes of them is told in millimetres from a page's
upper left corner, and written by the document's own room.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Protocol

from seals.errors import SealRefused

MIN_SLICE = 1.0
"""Millimetres of a cross-page seal on one page; less shows nothing."""
MAX_KEYWORD = 100

Box = tuple[float, float, float, float]
"""Left, top, width, height."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """A page as far as placing goes."""

    name: str
    """For messages."""
    width: float
    height: float


class Standing(Protocol):
    """A character that can be seen where it stands."""

    @property
    def character(self) -> str: ...

    @property
    def box(self) -> Box: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A picture, or a slice of one, on a page."""

    page: int
    """From 0."""
    box: Box
    """Of what is shown."""
    before: float = 0.0
    """Width of the picture that lies to the left of the slice."""


def placed(
    placements: Iterable[Placement],
    size: tuple[float, float],
    papers: Sequence[Paper],
    characters: Callable[[int], Iterable[Standing]],
) -> tuple[Shown, ...]:
    """Each placement as what it shows, page by page.

    Args:
        placements: Where the seal goes.
        size: Of its picture, width and height.
        papers: The pages of the document.
        characters: What can be read on a page, from 0, in order; asked only where a keyword is
            looked for.

    Raises:
        SealRefused: `no-placement`, `no-such-page`, `off-page`, `keyword`, `keyword-not-found`,
            `too-many-pages`, `one-page`.
    """
    shown: list[Shown] = []
    for each in placements:
        match each:
            case AtPlace():
                at = _page(papers, each.page)
                shown.append(_centred(papers, at, size, each.x, each.y))
            case AtKeyword():
                shown.append(_at_keyword(each, size, papers, characters))
            case _:
                shown += _across(each, size, papers)
    if not shown:
        raise SealRefused("no-placement")
    return tuple(shown)


def _page(papers: Sequence[Paper], number: int) -> int:
    if not 1 <= number <= len(papers):
        raise SealRefused("no-such-page", str(number))
    return number - 1


def _centred(
    papers: Sequence[Paper], at: int, size: tuple[float, float], x: float, y: float
) -> Shown:
    paper, (width, height) = papers[at], size
    left, top = x - width / 2, y - height / 2
    inside = left >= 0 and top >= 0
    if not inside or left + width > paper.width or top + height > paper.height:
        raise SealRefused("off-page", paper.name)
    return Shown(page=at, box=(left, top, width, height))


def _across(
    across: AcrossPages, size: tuple[float, float], papers: Sequence[Paper]
) -> Iterator[Shown]:
    """Slices from left to right, so that the fanned edges show the whole."""
    last = len(papers) if across.last == -1 else across.last
    _page(papers, across.first)
    _page(papers, last)
    count = last - across.first + 1
    if count < 2:
        raise SealRefused("one-page")
    width, height = size[0] / count, size[1]
    if width < MIN_SLICE:
        raise SealRefused("too-many-pages", str(count))
    top = across.y - height / 2
    for at in range(count):
        page = across.first - 1 + at
        paper = papers[page]
        if not 0 <= top <= paper.height - height or width > paper.width:
            raise SealRefused("off-page", paper.name)
        left = 0.0 if across.edge is Edge.LEFT else paper.width - width
        yield Shown(page=page, box=(left, top, width, height), before=at * width)


def _at_keyword(
    wanted: AtKeyword,
    size: tuple[float, float],
    papers: Sequence[Paper],
    characters: Callable[[int], Iterable[Standing]],
) -> Shown:
    keyword = "".join(wanted.keyword.split())
    if not keyword or len(keyword) > MAX_KEYWORD or wanted.occurrence == 0:
        raise SealRefused("keyword")
    hits = [
        (page, hit)
        for page, paper in enumerate(papers)
        for hit in _hits(keyword, characters(page), paper)
    ]
    at = wanted.occurrence - 1 if wanted.occurrence > 0 else wanted.occurrence
    if not -len(hits) <= at < len(hits):
        raise SealRefused("keyword-not-found")
    page, (x, y, width, height) = hits[at]
    return _centred(papers, page, size, x + width / 2 + wanted.right, y + height / 2 + wanted.down)


def _hits(keyword: str, characters: Iterable[Standing], paper: Paper) -> list[Box]:
    """Where a keyword stands: written in one go, or in several on one line."""
    standing = [each for each in characters if not each.character.isspace()]
    whole = "".join(each.character for each in standing)
    if len(whole) != len(standing):
        return []
    found, at = [], whole.find(keyword)
    while at >= 0:
        run = standing[at : at + len(keyword)]
        joined = _union(run)
        if _in_line(run) and _within(joined, paper):
            found.append(joined)
        at = whole.find(keyword, at + 1)
    return found


def _in_line(run: Sequence[Standing]) -> bool:
    """Do the characters follow one another, rather than only in the file?"""
    return all(
        abs(one.box[1] - other.box[1]) <= one.box[3] / 2
        and abs(other.box[0] - one.box[0] - one.box[2]) <= 2 * max(one.box[3], 1.0)
        for one, other in pairwise(run)
    )


def _within(told: Box, paper: Paper) -> bool:
    return 0 <= told[0] + told[2] / 2 <= paper.width and 0 <= told[1] + told[3] / 2 <= paper.height


def _union(run: Sequence[Standing]) -> Box:
    left, top = min(each.box[0] for each in run), min(each.box[1] for each in run)
    right = max(each.box[0] + each.box[2] for each in run)
    bottom = max(each.box[1] + each.box[3] for each in run)
    return left, top, right - left, bottom - top
