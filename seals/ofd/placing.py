"""Where a seal goes in an OFD, as the `StampAnnot`s that show it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from seals.ofd.document import Page
from seals.ofd.painted import Ink, Painted
from seals.ofd.signatures import Box, Stamp
from seals.placing import AcrossPages, AtKeyword, AtPlace, Edge, Paper, Placement, Shown
from seals.placing import placed as placed_on
from seals.seal import Picture

__all__ = ["AcrossPages", "AtKeyword", "AtPlace", "Edge", "Placement", "placed"]


class _Glyph(NamedTuple):
    """One character where it stands."""

    character: str
    box: Box


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
        SealRefused: The keys of `seals.placing.placed`.
    """
    papers = [Paper(name=each.id, width=each.width, height=each.height) for each in pages]
    size = float(picture.width), float(picture.height)
    shown = placed_on(placements, size, papers, lambda at: _seen(objects(pages[at])))
    return tuple(_stamp(each, pages[each.page].id, size) for each in shown)


def _stamp(shown: Shown, page_id: str, size: tuple[float, float]) -> Stamp:
    x, y, width, height = shown.box
    clip = None if (width, height) == size else (shown.before, 0.0, width, height)
    return Stamp(page_id=page_id, boundary=(x - shown.before, y, *size), clip=clip)


def _seen(objects: Iterable[Painted]) -> Iterator[_Glyph]:
    """Characters that can be seen, in the order they are painted."""
    for each in objects:
        if each.ink is Ink.TEXT and not each.hidden and not each.transparent:
            yield from map(_Glyph, each.characters, each.boxes)
