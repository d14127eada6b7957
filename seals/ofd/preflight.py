"""What keeps an OFD from being sealed: content that shows one thing and holds another.

A seal says that an authority stands behind what is seen. So nothing is sealed that is hidden,
covered, too faint to be seen, or taken from elsewhere, that acts when it is opened, or that lies in
the container without a use. All reasons are told, each with its key and place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain

from seals.errors import MalformedDocument
from seals.ofd.document import ROOT, Graph, Kind, Page
from seals.ofd.fonts import embedded, lies
from seals.ofd.markup import Element, local, named
from seals.ofd.package import OFDPackage
from seals.ofd.painted import (
    Ink,
    Painted,
    appearances,
    bounded,
    composites,
    painted,
    template_pages,
)
from seals.ofd.signatures import Box

MAX_REASONS = 200
MAX_COMPARED = 2_000_000
"""How often, on one page, a character or picture is held against what could cover it."""
_CELLS = 16
_FEW = 16
"""So many covers are looked through one by one."""
_SHOWN = {Ink.TEXT, Ink.IMAGE}
_HARMLESS = {"Goto"}
"""An action that only turns pages."""

Reason = tuple[str, str]
"""Stable key and place."""
Point = tuple[float, float]


def reasons(package: OFDPackage, found: Graph, pages: Sequence[Page]) -> tuple[Reason, ...]:
    """Everything that keeps a document from being sealed, the first `MAX_REASONS` of it.

    Keys: those of `Problem`, and `unreferenced`, `several-documents`, `versions`, `encrypted`,
    `no-pages`, `page-twice`, `action`, `hidden`, `transparent`, `white`, `off-page`, `covered`,
    `painted-stamp`, `clipped`, `font-lies`, `font-unknown`, `objects`.
    """
    told: dict[Reason, None] = {}
    for reason in _all(package, found, pages):
        told.setdefault(reason)
        if len(told) == MAX_REASONS:
            break
    return tuple(told)


def _all(package: OFDPackage, found: Graph, pages: Sequence[Page]) -> Iterator[Reason]:
    for problem in found.problems:
        yield problem.why, problem.where
    for part in sorted(package.parts.keys() - found.kinds.keys()):
        yield "encrypted" if part.endswith("/Encryptions.xml") else "unreferenced", part
    if len(found.of(Kind.DOCUMENT)) > 1:
        yield "several-documents", ROOT
    if found.of(Kind.VERSION):
        yield "versions", ROOT
    if not pages:
        yield "no-pages", ROOT
    if len({each.id for each in pages}) < len(pages) or len({each.part for each in pages}) < len(
        pages
    ):
        yield "page-twice", ROOT
    try:
        yield from _shown(found, pages)
    except MalformedDocument as error:
        yield error.why, error.where


def _shown(found: Graph, pages: Sequence[Page]) -> Iterator[Reason]:
    objects, faces = page_objects(found), embedded(found)
    above = _annotations(found)
    for part in (*found.of(Kind.DOCUMENT), *found.of(Kind.PAGE), *found.of(Kind.TEMPLATE)):
        yield from _actions(found.xml.root(part), part)
    for part in found.of(Kind.ANNOTATION):
        yield from _annotated(found.xml.root(part), part)
    for part in found.of(Kind.RESOURCES):
        for each in composites(found.xml.root(part), part):
            yield from _unseen(each)
            yield from ((why, part) for why in lies(each, faces))
    for page in pages:
        shown = bounded(chain(objects(page), above(page)), page.part)
        yield from _page_reasons(page, shown)
        texts = (each for each in shown if each.characters)
        yield from ((why, each.part) for each in texts for why in lies(each, faces))


def _annotated(root: Element, part: str) -> Iterator[Reason]:
    yield from _actions(root, part)
    for annotation, _ in appearances(root, part):
        if annotation.get("Type") == "Stamp":
            yield "painted-stamp", part
        if "false" in {annotation.get("Visible"), annotation.get("Print")}:
            yield "hidden", part


def page_objects(found: Graph) -> Callable[[Page], Iterator[Painted]]:
    """What each page of the first document paints.

    Raises:
        MalformedDocument: `document`, or a template leads nowhere.
    """
    documents = found.of(Kind.DOCUMENT)
    if not documents:
        raise MalformedDocument("document", ROOT)
    root = found.xml.root(documents[0])
    templates = template_pages(root, found, documents[0])
    return lambda page: painted(found.xml, page, templates)


def _annotations(found: Graph) -> Callable[[Page], list[Painted]]:
    """What the annotations of a page paint over it."""
    by_page: dict[str, list[str]] = {}
    for part in found.of(Kind.ANNOTATIONS):
        root = found.xml.root(part)
        listed, targets = list(named(root, "Page")), found.targets(part, Kind.ANNOTATION)
        if len(listed) != len(targets):
            raise MalformedDocument("missing", part)
        for each, target in zip(listed, targets, strict=True):
            by_page.setdefault(each.get("PageID") or "", []).append(target)

    def over(page: Page) -> list[Painted]:
        return [
            each
            for part in by_page.get(page.id, ())
            for _, objects in appearances(found.xml.root(part), part)
            for each in objects
        ]

    return over


def _actions(root: Element, part: str) -> Iterator[Reason]:
    """Whatever an action does beyond turning pages."""
    for each in root.iter("{*}Action"):
        done = [local(child) for child in each if local(child) != "Region"]
        if any(name not in _HARMLESS for name in done):
            yield "action", part
            return


def _page_reasons(page: Page, objects: Sequence[Painted]) -> Iterator[Reason]:
    covers = _Covers(page, objects)
    for at, each in enumerate(objects):
        if each.hidden or each.transparent or each.clipped:
            yield from _unseen(each)
        if each.ink in _SHOWN and not _touches(each.box, page):
            yield "off-page", each.part
        if each.characters and not _holds(page, each.around):
            yield "off-page", each.part
        if covers.compared <= MAX_COMPARED:
            yield from _covered(at, each, covers)
    if covers.compared > MAX_COMPARED:
        yield "objects", page.part


def _unseen(each: Painted) -> Iterator[Reason]:
    if each.hidden:
        yield "hidden", each.part
    elif each.transparent:
        yield "transparent", each.part
    if each.clipped:
        yield "clipped", each.part


def _covered(at: int, each: Painted, covers: _Covers) -> Iterator[Reason]:
    """Text and pictures under something opaque, and white text on nothing."""
    if each.ink is Ink.IMAGE and covers.hide(at, each.box):
        yield "covered", each.part
    if not each.characters:
        return
    below, above = covers.near(at, each.around, len(each.characters))
    if not above and not each.white:
        return
    seen = zip(each.characters, each.boxes, strict=True)
    middles = [_middle(told) for character, told in seen if not character.isspace()]
    if any(_over(cover, middle) for cover in above for middle in middles):
        yield "covered", each.part
    if each.white and not all(any(_over(one, middle) for one in below) for middle in middles):
        yield "white", each.part


class _Covers:
    """What is opaque on a page, found by place: where there is much of it, the page is in cells, each
    with what touches it.
    """

    def __init__(self, page: Page, objects: Sequence[Painted]) -> None:
        self._size = max(page.width, page.height) / _CELLS
        self._cells: dict[tuple[int, int], list[tuple[int, Box]]] = {}
        self.compared = 0
        self._all = [(at, each.box) for at, each in enumerate(objects) if each.covers]
        for told in self._all if len(self._all) > _FEW else ():
            if self.compared <= MAX_COMPARED:
                x, y, width, height = told[1]
                for cell in self._within(x, y, x + width, y + height):
                    self.compared += 1
                    self._cells.setdefault(cell, []).append(told)

    def near(self, at: int, around: Box, points: int) -> tuple[list[Box], list[Box]]:
        """What was painted before this object, and what after it, and may hold its points."""
        below: list[Box] = []
        above: list[Box] = []
        for found in self._met(around):
            self.compared += 1 + len(found) * points
            for place, cover in found:
                if place != at:
                    (above if place > at else below).append(cover)
        return below, above

    def _met(self, around: Box) -> Iterable[Sequence[tuple[int, Box]]]:
        if len(self._all) > _FEW:
            return (self._cells.get(cell, ()) for cell in self._within(*around))
        left, top, right, bottom = around
        return (
            [
                told
                for told in self._all
                if told[1][0] <= right
                and told[1][1] <= bottom
                and told[1][0] + told[1][2] >= left
                and told[1][1] + told[1][3] >= top
            ],
        )

    def hide(self, at: int, told: Box) -> bool:
        """Does something that is painted after this object lie over the whole box?"""
        corner = told[0], told[1]
        end = told[0] + told[2], told[1] + told[3]
        _, above = self.near(at, (*corner, *corner), 1)
        return any(_over(cover, corner) and _over(cover, end) for cover in above)

    def _within(
        self, left: float, top: float, right: float, bottom: float
    ) -> Iterator[tuple[int, int]]:
        rows = range(self._index(top), self._index(bottom) + 1)
        for column in range(self._index(left), self._index(right) + 1):
            for row in rows:
                yield column, row

    def _index(self, millimetres: float) -> int:
        return int(min(max(millimetres / self._size, -1.0), _CELLS + 1.0))


def _holds(page: Page, around: Box) -> bool:
    left, top, right, bottom = around
    return left >= 0 and top >= 0 and right <= page.width and bottom <= page.height


def _middle(told: Box) -> Point:
    return told[0] + told[2] / 2, told[1] + told[3] / 2


def _over(cover: Box, middle: Point) -> bool:
    x, y = middle
    return cover[0] <= x <= cover[0] + cover[2] and cover[1] <= y <= cover[1] + cover[3]


def _touches(told: Box, page: Page) -> bool:
    return (
        told[0] < page.width
        and told[1] < page.height
        and told[0] + told[2] > 0
        and told[1] + told[3] > 0
    )
