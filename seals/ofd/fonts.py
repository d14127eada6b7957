"""Text in an OFD that shows other characters than it says.

Whoever searches or copies gets the `TextCode`; who looks gets glyphs. Glyphs are chosen by the font's
own table, or told one by one (`CGTransform`). Where the embedded font knows which characters a glyph
is for, or bears its name, the two are compared; a font without tables can lie without being seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

from seals.errors import MalformedDocument
from seals.faces import MAX_FACE, Face, read_face
from seals.ofd.document import Graph, Kind
from seals.ofd.markup import named, only, text
from seals.ofd.names import shown
from seals.ofd.package import SMALL
from seals.ofd.painted import Painted


def embedded(found: Graph) -> Callable[[str], Sequence[Face | None]]:
    """Font id → the embedded fonts of that id; None for one that cannot be read. They are read when
    they are asked for, and once.
    """
    parts: dict[str, list[str]] = {}
    for part in found.of(Kind.RESOURCES):
        targets = {
            each.loc: each.target
            for each in found.edges
            if each.source == part and each.kind is Kind.RESOURCE and each.target
        }
        for listed in named(found.xml.root(part), "Fonts"):
            for font in named(listed, "Font"):
                target = targets.get(shown(text(only(font, "FontFile", part))))
                if target is not None:
                    parts.setdefault(font.get("ID") or "", []).append(target)
    known: dict[str, Face | None] = {}

    def faces(font: str) -> Sequence[Face | None]:
        for part in parts.get(font, ()):
            if part not in known:
                known[part] = _face(found, part)
        return [known[part] for part in parts.get(font, ())]

    return faces


def lies(each: Painted, faces: Callable[[str], Sequence[Face | None]]) -> Iterator[str]:
    """Keys: `font-lies`, `font-unknown`: glyphs are told by number, and of what font nobody knows."""
    if not each.characters:
        return
    known = faces(each.font)
    if each.transforms and (not known or None in known):
        yield "font-unknown"
    for face in known:
        if face is not None and _lies(each, face):
            yield "font-lies"
            return


def _lies(each: Painted, face: Face) -> bool:
    if face.misnamed and any(ord(character) in face.misnamed for character in each.characters):
        return True
    return any(
        all(face.denies(glyph, character) for character in said)
        for told, glyphs in each.transforms
        if not face.shows(told, glyphs)
        for glyph, said in _paired(told, glyphs)
    )


def _paired(said: str, glyphs: Sequence[int]) -> Iterator[tuple[int, str]]:
    """One glyph for one character; where there are more or fewer, any of them will do."""
    if len(said) == len(glyphs):
        yield from zip(glyphs, said, strict=True)
    else:
        for glyph in glyphs:
            yield glyph, said


def _face(found: Graph, part: str) -> Face | None:
    package = found.xml.package
    entry = package.parts[part]
    if entry.size > MAX_FACE:
        return None
    try:
        content = package.read(part)
        return _known_face(content) if len(content) <= SMALL else read_face(content)
    except (MalformedDocument, ValueError):
        return None


_known_face = lru_cache(maxsize=64)(read_face)
"""Forms of one template bring the same font along."""
