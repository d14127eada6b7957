"""What a page paints, in the order it is painted, with every character's place on the paper.

Enough to find a keyword and to see what hides what; nothing is drawn. Positions are millimetres
from the page's upper left corner. A character is taken as a box one advance wide.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

from seals.errors import MalformedDocument
from seals.ofd.document import Graph, Kind, Page
from seals.ofd.markup import Element, XMLParts, box, local, named, numbers, only, parsed, text
from seals.ofd.package import SMALL
from seals.ofd.signatures import Box

MAX_OBJECTS = 300_000
"""Objects and characters of one page."""
MAX_NESTING = 32
_PAGE = (0.0, 0.0, 0.0, 0.0)
_IDENTITY = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
_LAYERS = ("Background", "Body", "Foreground")
_ASCENT = 0.85
"""Of the size above the baseline."""
_SUBPATH = re.compile(r"[MS]")


class Ink(StrEnum):
    """What an object paints with."""

    TEXT = "text"
    IMAGE = "image"
    PATH = "path"
    COMPOSITE = "composite"


class Places(NamedTuple):
    """Boxes side by side, for a page has thousands of them and few are looked at singly."""

    lefts: Sequence[float]
    tops: Sequence[float]
    widths: Sequence[float]
    heights: Sequence[float]


_NOWHERE = Places((), (), (), ())

Transform = tuple[str, tuple[int, ...]]
"""Characters, and the glyphs by number that are shown for them (`CGTransform`)."""


class Painted(NamedTuple):
    """One object. A tuple, for a page has many of them."""

    ink: Ink
    part: str
    box: Box
    characters: str
    """What a text says; empty for anything else."""
    places: Places
    """Where each of its characters stands."""
    around: Box
    """Left, top, right and bottom of the middles of those places."""
    hidden: bool
    """Said not to be shown."""
    transparent: bool
    """Shown, and nothing can be seen of it."""
    covers: bool
    """What lies below its box cannot be seen."""
    white: bool
    font: str = ""
    """Its id, of a text."""
    transforms: Sequence[Transform] = ()
    clipped: bool = False
    """A clip may cut some of its characters away."""

    @property
    def boxes(self) -> Iterator[Box]:
        """The box of each of its characters."""
        return zip(*self.places, strict=True)


def bounded(objects: Iterable[Painted], part: str) -> list[Painted]:
    """All of them.

    Raises:
        MalformedDocument: `objects`: more than are looked at.
    """
    found: list[Painted] = []
    count = 0
    for each in objects:
        count += 1 + len(each.characters)
        if count > MAX_OBJECTS:
            raise MalformedDocument("objects", part)
        found.append(each)
    return found


def painted(
    xml: XMLParts, page: Page, templates: Mapping[str, tuple[str, str]]
) -> Iterator[Painted]:
    """The objects of a page with its templates, from the lowest to the uppermost.

    Args:
        xml: The container's.
        page: Which page.
        templates: Id → part and usual place of each template page.

    Raises:
        MalformedDocument: `objects`: more than are looked at, or nested deeper; or a key of XML.
    """
    root = xml.root(page.part)
    below: list[str] = []
    above: list[str] = []
    for each in named(root, "Template"):
        part, usual = templates.get(each.get("TemplateID") or "", ("", ""))
        if part:
            place = each.get("ZOrder") or usual
            (above if place == "Foreground" else below).append(part)
    for part in below:
        yield from _template(xml, part)
    yield from _layers(root, page.part)
    for part in above:
        yield from _template(xml, part)


def _template(xml: XMLParts, part: str) -> Iterable[Painted]:
    """What a template page paints: the same bytes paint the same in every document."""
    data = xml.package.read(part)
    if len(data) > SMALL:
        return _layers(xml.root(part), part)
    return _known_template(data, part)


@lru_cache(maxsize=32)
def _known_template(data: bytes, part: str) -> tuple[Painted, ...]:
    return tuple(bounded(_layers(parsed(data, part), part), part))


def template_pages(root: Element, found: Graph, part: str) -> dict[str, tuple[str, str]]:
    """Id → part and usual place of the templates of a document.

    Raises:
        MalformedDocument: One of them leads nowhere.
    """
    common = only(root, "CommonData", part)
    listed = [] if common is None else list(named(common, "TemplatePage"))
    parts = found.targets(part, Kind.TEMPLATE)
    if len(listed) != len(parts):
        raise MalformedDocument("missing", part)
    return {
        each.get("ID") or "": (target, each.get("ZOrder") or "Background")
        for each, target in zip(listed, parts, strict=True)
    }


def appearances(root: Element, part: str) -> Iterator[tuple[Element, tuple[Painted, ...]]]:
    """The annotations of a page, each with what it paints."""
    for annotation in named(root, "Annot"):
        objects: list[Painted] = []
        for appearance in named(annotation, "Appearance"):
            origin = box(appearance.get("Boundary")) or _PAGE
            objects += bounded(_objects(appearance, part, origin[:2], 0), part)
        yield annotation, tuple(objects)


def composites(root: Element, part: str) -> list[Painted]:
    """What the composite units of a resource part are made of; where they will stand is not known.

    Raises:
        MalformedDocument: `objects`, `doubled`.
    """
    contents = (
        only(unit, "Content", part) for unit in root.iterdescendants("{*}CompositeGraphicUnit")
    )
    objects = (
        each
        for content in contents
        if content is not None
        for each in _objects(content, part, (0.0, 0.0), 0)
    )
    return bounded(objects, part)


def _layers(root: Element, part: str) -> Iterator[Painted]:
    content = only(root, "Content", part)
    layers = [] if content is None else list(named(content, "Layer"))

    def rank(layer: Element) -> int:
        told = layer.get("Type") or "Body"
        return _LAYERS.index(told) if told in _LAYERS else 1

    for layer in sorted(layers, key=rank):
        yield from _objects(layer, part, (0.0, 0.0), 0)


def _objects(
    parent: Element, part: str, origin: tuple[float, ...], depth: int
) -> Iterator[Painted]:
    if depth > MAX_NESTING:
        raise MalformedDocument("objects", part)
    for each in parent:
        match local(each):
            case "TextObject":
                yield _text_object(each, part, origin)
            case "ImageObject":
                yield _object(each, part, origin, Ink.IMAGE)
            case "PathObject":
                yield _object(each, part, origin, Ink.PATH)
            case "CompositeObject":
                yield _object(each, part, origin, Ink.COMPOSITE)
            case "PageBlock":
                yield from _objects(each, part, origin, depth + 1)


def _object(each: Element, part: str, origin: tuple[float, ...], ink: Ink) -> Painted:
    alpha = _alpha(each)
    colour = next(named(each, "FillColor"), None)
    filled = ink is not Ink.PATH or (
        _true(each, "Fill", usual="false")
        and (colour is None or _alpha(colour) == 255)
        and len(_SUBPATH.findall(text(next(named(each, "AbbreviatedData"), None)))) <= 1
    )
    return Painted(
        ink=ink,
        part=part,
        box=_moved(box(each.get("Boundary")) or _PAGE, origin),
        characters="",
        places=_NOWHERE,
        around=_PAGE,
        hidden=not _true(each, "Visible", usual="true"),
        transparent=alpha == 0,
        covers=filled and alpha == 255,
        white=False,
    )


def _text_object(each: Element, part: str, origin: tuple[float, ...]) -> Painted:
    boundary = _moved(box(each.get("Boundary")) or _PAGE, origin)
    below: dict[str, list[Element]] = {"FillColor": [], "StrokeColor": [], "TextCode": []}
    for child in each:
        below.setdefault(local(child), []).append(child)
    fill, stroke = (next(iter(below[name]), None) for name in ("FillColor", "StrokeColor"))
    fills = _true(each, "Fill", usual="true") and (fill is None or _alpha(fill) > 0)
    strokes = _true(each, "Stroke", usual="false") and (stroke is None or _alpha(stroke) > 0)
    size = (numbers(each.get("Size")) or (0.0,))[0]
    matrix = numbers(each.get("CTM"))
    characters, places = _set(below["TextCode"], matrix, boundary, size)
    around = _around(places) if characters else _PAGE
    return Painted(
        ink=Ink.TEXT,
        part=part,
        box=boundary,
        characters=characters,
        places=places,
        around=around,
        font=each.get("Font") or "",
        transforms=list(_transforms(each)) if "CGTransform" in below else (),
        clipped="Clips" in below
        and characters != ""
        and _clipped(below["Clips"], matrix, boundary, around),
        hidden=not _true(each, "Visible", usual="true"),
        transparent=_alpha(each) == 0 or not (fills or strokes) or size < 0.2,
        covers=False,
        white=not strokes and fill is not None and numbers(fill.get("Value")) == (255.0,) * 3,
    )


def _set(
    codes: Iterable[Element], matrix: tuple[float, ...], boundary: Box, size: float
) -> tuple[str, Places]:
    """The characters of a text object, and the place of each on the page."""
    turned = len(matrix) == 6 and matrix != _IDENTITY
    origin = (0.0, 0.0) if turned else boundary[:2]
    said: list[str] = []
    lefts: list[float] = []
    tops: list[float] = []
    widths: list[float] = []
    x = y = 0.0
    for code in codes:
        told = str(code.text or "")
        if len(told) > MAX_OBJECTS:
            raise MalformedDocument("objects")
        x = (numbers(code.get("X")) or (x,))[0]
        y = (numbers(code.get("Y")) or (y,))[0]
        if told:
            right, wide = _advances(code.get("DeltaX"), len(told), size)
            said.append(told)
            lefts += accumulate(right, initial=x + origin[0])
            widths += wide
            top = y - _ASCENT * size + origin[1]
            if told_down := code.get("DeltaY"):
                tops += accumulate(_advances(told_down, len(told), size)[0], initial=top)
            else:
                tops += [top] * len(told)
    places = Places(lefts, tops, widths, [size] * len(lefts))
    if turned and lefts:
        boxes = (
            _moved(_turned(told_box, matrix), boundary) for told_box in zip(*places, strict=True)
        )
        places = Places(*zip(*boxes, strict=True))
    return "".join(said), places


def _transforms(each: Element) -> Iterator[Transform]:
    """Each with the characters of the `TextCode` behind it that it is for."""
    waiting: list[Element] = []
    for child in each:
        match local(child):
            case "CGTransform":
                waiting.append(child)
            case "TextCode":
                told = str(child.text or "")
                for one in waiting:
                    begin, count = (_count(one.get(name)) for name in ("CodePosition", "CodeCount"))
                    glyphs = numbers(text(next(named(one, "Glyphs"), None)))
                    yield told[begin : begin + max(count, 1)], tuple(map(int, glyphs))
                waiting = []


def _count(told: str | None) -> int:
    found = numbers(told)
    return int(found[0]) if len(found) == 1 and 0 <= found[0] <= MAX_OBJECTS else 0


def _clipped(
    clips: Iterable[Element], matrix: tuple[float, ...], boundary: Box, around: Box
) -> bool:
    """Whether some of the characters may be cut away: all clips must be upright rectangles with
    all middles inside; of any other shape nothing is known here.
    """
    left, top, right, bottom = around
    for clip in (clip for each in clips for clip in named(each, "Clip")):
        areas = list(named(clip, "Area"))
        held = len(areas) == 1 and (not matrix or matrix == _IDENTITY) and _rectangle(areas[0])
        if not held:
            return True
        x, y = held[0] + boundary[0], held[1] + boundary[1]
        if left < x or top < y or right > x + held[2] or bottom > y + held[3]:
            return True
    return False


def _rectangle(area: Element) -> Box | None:
    """The area, if it is an upright rectangle and not turned."""
    paths = list(named(area, "Path"))
    if len(paths) != 1 or len(area) != 1 or area.get("CTM") or paths[0].get("CTM"):
        return None
    words = text(next(named(paths[0], "AbbreviatedData"), None)).split()
    steps = "".join(word for word in words if word.isalpha())
    found = numbers(" ".join(word for word in words if not word.isalpha()))
    if steps not in {"MLLLC", "MLLLLC", "SMLLLC", "MLLLL"} or len(found) % 2:
        return None
    columns, rows = set(found[::2]), set(found[1::2])
    corners = set(zip(found[::2], found[1::2], strict=True))
    if len(columns) != 2 or len(rows) != 2 or len(corners) != 4:
        return None
    origin = box(paths[0].get("Boundary")) or _PAGE
    width, height = max(columns) - min(columns), max(rows) - min(rows)
    return min(columns) + origin[0], min(rows) + origin[1], width, height


def _around(places: Places) -> Box:
    left, right = _ends(places.lefts, places.widths)
    top, bottom = _ends(places.tops, places.heights)
    return left, top, right, bottom


def _ends(begins: Sequence[float], sizes: Sequence[float]) -> tuple[float, float]:
    """The first and the last of the middles; mostly all are of one size."""
    if sizes.count(sizes[0]) == len(sizes):
        half = sizes[0] / 2
        return min(begins) + half, max(begins) + half
    middles = [begin + size / 2 for begin, size in zip(begins, sizes, strict=True)]
    return min(middles), max(middles)


def _turned(told: Box, matrix: tuple[float, ...]) -> Box:
    """The box around a box after a transformation."""
    a, b, c, d, e, f = matrix
    x, y, width, height = told
    corners = [
        (a * px + c * py + e, b * px + d * py + f)
        for px in (x, x + width)
        for py in (y, y + height)
    ]
    left, top = (min(axis) for axis in zip(*corners, strict=True))
    right, bottom = (max(axis) for axis in zip(*corners, strict=True))
    return left, top, right - left, bottom - top


def _advances(told: str | None, count: int, size: float) -> tuple[Sequence[float], Sequence[float]]:
    """From each of so many characters to the next, and how wide each is."""
    few = count <= _SHORT and (told is None or len(told) <= _SHORT)
    return (_few_advances if few else _stepped)(told or "", count, size)


def _stepped(told: str, count: int, size: float) -> tuple[Sequence[float], Sequence[float]]:
    found = _deltas(told, count)
    return tuple(found[:-1]), tuple(each if each > 0 else size for each in found)


_SHORT = 128
"""Characters: so long are lines of text, and what is told of them."""
_few_advances = lru_cache(maxsize=1024)(_stepped)


def _deltas(told: str, count: int) -> list[float]:
    """So many advances; `g N v` stands for N times v, and what is not told is nought."""
    words = iter(told.split())
    found: list[float] = []
    for word in words:
        if len(found) >= count:
            break
        if word == "g":
            times, value = numbers(next(words, "")), numbers(next(words, ""))
            if times and value:
                found += [value[0]] * int(min(max(times[0], 0), count))
        else:
            found += numbers(word)
    return found[:count] + [0.0] * (count - len(found))


def _true(each: Element, name: str, *, usual: str) -> bool:
    told = each.get(name) or usual
    return told == "true" or (told != "false" and told.strip().lower() in {"true", "1"})


def _alpha(each: Element) -> float:
    told = each.get("Alpha")
    return (numbers(told) or (255.0,))[0] if told else 255.0


def _moved(told: Box, origin: tuple[float, ...]) -> Box:
    return told[0] + origin[0], told[1] + origin[1], told[2], told[3]
