"""How much of an OFD a signature protects: every part that can change what is painted or read, and
every part that lies in the container without being referred to, against the list of references.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum

from seals.ofd.document import SIGNATURE_KINDS, Graph

_DEAD_END = "missing"
"""A reference to nothing leaves nothing out: the part that could come there is no part yet."""


class Extent(StrEnum):
    """How far a signature reaches."""

    WHOLE = "whole"
    """All but its own description and value: nothing can be added, not even a signature."""
    ALL_EFFECTIVE = "all-effective"
    """All that can be seen or read; signatures may be added."""
    GAPS = "gaps"
    UNCLEAR = "unclear"
    """Some part cannot be read: it could refer to what is not protected."""


class GapKind(StrEnum):
    """Why a part is missed."""

    NOT_COVERED = "not-covered"
    """Referred to, and not protected."""
    SMUGGLED = "smuggled"
    """Neither referred to nor protected."""
    EXTERNAL = "external"
    """Outside of the container; `part` is the part that refers to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A part that a signature does not protect and should."""

    part: str
    kind: GapKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """How far one signature reaches."""

    extent: Extent
    gaps: tuple[Gap, ...] = ()


def coverage(
    parts: AbstractSet[str], found: Graph, own: AbstractSet[str], listed: AbstractSet[str]
) -> Coverage:
    """Compare what is with what is protected.

    Args:
        parts: All parts of the container.
        found: What refers to what.
        own: The signature's description and value, which are bound by the seal signature itself.
        listed: The parts it has right references to, its digests not yet compared.
    """
    effective = found.effective
    signing = {part for part, kinds in found.kinds.items() if kinds <= SIGNATURE_KINDS}
    gaps = [
        Gap(part=part, kind=GapKind.NOT_COVERED if part in effective else GapKind.SMUGGLED)
        for part in sorted(parts - listed - signing)
    ]
    gaps += [
        Gap(part=each.where, kind=GapKind.EXTERNAL)
        for each in found.problems
        if each.why == "external"
    ]
    if gaps:
        return Coverage(extent=Extent.GAPS, gaps=tuple(gaps))
    if not parts - listed - (own & signing):
        return Coverage(extent=Extent.WHOLE)
    if any(each.why != _DEAD_END for each in found.problems):
        return Coverage(extent=Extent.UNCLEAR)
    return Coverage(extent=Extent.ALL_EFFECTIVE)
