"""What keeps an OFD from being sealed: content that shows one thing and holds another.

A seal says that an authority stands behind what is seen. So nothing is sealed that is hidden,
covered, too faint to be seen, or taken from elsewhere, that acts when it is opened, or that lies in
the container without a use. All reasons are told, each with its key and place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from seals.errors import MalformedDocument
from seals.ofd.document import ROOT, Graph, Kind, Page
from seals.ofd.markup import Element, local, named, parsed
from seals.ofd.package import OFDPackage
from seals.ofd.painted import Ink, Painted, appearances, painted, template_pages
from seals.ofd.signatures import Box

MAX_REASONS = 200
MAX_COMPARED = 5_000_000
"""Characters held against what could cover them, a page."""
_HARMLESS = {"Goto"}
"""An action that only turns pages."""

Reason = tuple[str, str]
"""Stable key and place."""


def reasons(package: OFDPackage, found: Graph, pages: Sequence[Page]) -> tuple[Reason, ...]:
    """Everything that keeps a document from being sealed, the first `MAX_REASONS` of it.

    Keys: those of `Problem`, and `unreferenced`, `several-documents`, `versions`, `encrypted`,
    `no-pages`, `page-twice`, `action`, `hidden`, `transparent`, `white`, `off-page`, `covered`,
    `painted-stamp`, `objects`.
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
        yield from _shown(package, found, pages)
    except MalformedDocument as error:
        yield error.why, error.where


def _shown(package: OFDPackage, found: Graph, pages: Sequence[Page]) -> Iterator[Reason]:
    objects = page_objects(package, found)
    above = _annotations(package, found)
    for part in (*found.of(Kind.DOCUMENT), *found.of(Kind.PAGE), *found.of(Kind.TEMPLATE)):
        yield from _actions(parsed(package.read(part), part), part)
    for part in found.of(Kind.ANNOTATION):
        root = parsed(package.read(part), part)
        yield from _actions(root, part)
        for annotation, _ in appearances(root, part):
            if annotation.get("Type") == "Stamp":
                yield "painted-stamp", part
            if "false" in {annotation.get("Visible"), annotation.get("Print")}:
                yield "hidden", part
    for page in pages:
        yield from _page_reasons(page, [*objects(page), *above(page)])


def page_objects(package: OFDPackage, found: Graph) -> Callable[[Page], Iterator[Painted]]:
    """What each page of the first document paints.

    Raises:
        MalformedDocument: `document`, or a template leads nowhere.
    """
    documents = found.of(Kind.DOCUMENT)
    if not documents:
        raise MalformedDocument("document", ROOT)
    root = parsed(package.read(documents[0]), documents[0])
    templates = template_pages(root, found, documents[0])
    return lambda page: painted(package, page, templates)


def _annotations(package: OFDPackage, found: Graph) -> Callable[[Page], list[Painted]]:
    """What the annotations of a page paint over it."""
    by_page: dict[str, list[str]] = {}
    for part in found.of(Kind.ANNOTATIONS):
        root = parsed(package.read(part), part)
        listed, targets = list(named(root, "Page")), found.targets(part, Kind.ANNOTATION)
        if len(listed) != len(targets):
            raise MalformedDocument("missing", part)
        for each, target in zip(listed, targets, strict=True):
            by_page.setdefault(each.get("PageID") or "", []).append(target)

    def over(page: Page) -> list[Painted]:
        return [
            each
            for part in by_page.get(page.id, ())
            for _, objects in appearances(parsed(package.read(part), part), part)
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
    for each in objects:
        if each.hidden:
            yield "hidden", each.part
        elif each.transparent:
            yield "transparent", each.part
        elif each.ink in {Ink.TEXT, Ink.IMAGE} and not _touches(each.box, page):
            yield "off-page", each.part
        for glyph in each.glyphs:
            x, y = _middle(glyph.box)
            if not (0 <= x <= page.width and 0 <= y <= page.height):
                yield "off-page", each.part
                break
    yield from _covered(page, objects)


def _covered(page: Page, objects: Sequence[Painted]) -> Iterator[Reason]:
    """Text and pictures under something opaque, and white text on nothing."""
    covers = [(at, each.box) for at, each in enumerate(objects) if each.covers]
    compared = 0
    for at, each in enumerate(objects):
        middles = [_middle(glyph.box) for glyph in each.glyphs if not glyph.character.isspace()]
        near = [(place, cover) for place, cover in covers if place != at and _meet(cover, each)]
        compared += len(covers) + len(near) * len(middles)
        if compared > MAX_COMPARED:
            yield "objects", page.part
            return
        over = [cover for place, cover in near if place > at]
        if each.ink is Ink.IMAGE and any(_holds(cover, each.box) for cover in over):
            yield "covered", each.part
        if any(_over(cover, middle) for cover in over for middle in middles):
            yield "covered", each.part
        under = [cover for place, cover in near if place < at]
        if each.white and not all(_any_over(under, middle) for middle in middles):
            yield "white", each.part


def _any_over(covers: Iterable[Box], middle: tuple[float, float]) -> bool:
    return any(_over(cover, middle) for cover in covers)


def _middle(told: Box) -> tuple[float, float]:
    return told[0] + told[2] / 2, told[1] + told[3] / 2


def _over(cover: Box, middle: tuple[float, float]) -> bool:
    x, y = middle
    return cover[0] <= x <= cover[0] + cover[2] and cover[1] <= y <= cover[1] + cover[3]


def _holds(cover: Box, told: Box) -> bool:
    ends = (told[0], told[1]), (told[0] + told[2], told[1] + told[3])
    return all(_over(cover, end) for end in ends)


def _meet(cover: Box, each: Painted) -> bool:
    """Could the one lie over the other? Characters may stand outside of their object's box."""
    boxes = (each.box, each.glyphs[0].box, each.glyphs[-1].box) if each.glyphs else (each.box,)
    left, top = min(told[0] for told in boxes), min(told[1] for told in boxes)
    right = max(told[0] + told[2] for told in boxes)
    bottom = max(told[1] + told[3] for told in boxes)
    return (
        cover[0] <= right
        and left <= cover[0] + cover[2]
        and cover[1] <= bottom
        and top <= cover[1] + cover[3]
    )


def _touches(told: Box, page: Page) -> bool:
    return (
        told[0] < page.width
        and told[1] < page.height
        and told[0] + told[2] > 0
        and told[1] + told[3] > 0
    )
