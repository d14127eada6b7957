"""Do the OFD and the PDF of one certificate show the same, and is it what the face says?

Both files are read back without the drawing list: the OFD by its parts, every glyph taken for what
its font says it is, and the PDF by PDFium. What is compared is every character that is not blank and where
its baseline begins.
"""

from __future__ import annotations

import ctypes
import io
from collections.abc import Iterator, Mapping
from itertools import accumulate, repeat
from typing import NamedTuple

import pypdfium2
import pypdfium2.raw as pdfium
from fontTools.ttLib import TTFont

from certificates.drawing import ofd, preview
from certificates.drawing.pdf_marks import POINTS
from certificates.model import Face
from seals.ofd.document import Graph, Kind, graph
from seals.ofd.markup import Element, named, numbers, text
from seals.ofd.package import OFDPackage

NEAR = 0.1
"""Millimetres that one character may stand apart in the two files."""


class Standing(NamedTuple):
    """One character on a page, counted from nought, where its baseline begins, in millimetres."""

    page: int
    character: str
    x: float
    y: float


class Difference(NamedTuple):
    """A character that one file shows and the other does not, there."""

    only: str
    """`ofd` or `pdf`."""
    standing: Standing


def differences(of_ofd: bytes, of_pdf: bytes) -> tuple[Difference, ...]:
    """What the files do not agree about; empty where they do."""
    first, second = list(in_ofd(of_ofd)), list(in_pdf(of_pdf))
    waiting: dict[tuple[int, str], list[Standing]] = {}
    for each in second:
        waiting.setdefault((each.page, each.character), []).append(each)
    found: list[Difference] = []
    for each in first:
        like = waiting.get((each.page, each.character), [])
        same = next(
            (at for at, other in enumerate(like) if _near(each, other)),
            None,
        )
        if same is None:
            found.append(Difference("ofd", each))
        else:
            like.pop(same)
    found += [Difference("pdf", each) for like in waiting.values() for each in like]
    return tuple(found)


def _near(one: Standing, other: Standing) -> bool:
    return abs(one.x - other.x) <= NEAR and abs(one.y - other.y) <= NEAR


def in_ofd(document: bytes) -> Iterator[Standing]:
    """Every character that an OFD of ours paints: what its glyph is for by the embedded font, and
    what the text says instead where that is something else.
    """
    package = OFDPackage.open(document)
    found = graph(package)
    (root,) = found.of(Kind.DOCUMENT)
    fonts = dict(_fonts(package, found))
    for at, (page, below) in enumerate(
        zip(found.targets(root, Kind.PAGE), found.targets(root, Kind.TEMPLATE), strict=True)
    ):
        for part in (below, page):
            for each in found.xml.root(part).iter("{*}TextObject"):
                yield from _in_object(each, fonts[each.get("Font") or ""], at)


def _fonts(package: OFDPackage, found: Graph) -> Iterator[tuple[str, Mapping[int, str]]]:
    """Font id → glyph → the character it is for."""
    for part in found.of(Kind.RESOURCES):
        files = found.targets(part, Kind.RESOURCE)
        for each, file in zip(found.xml.root(part).iter("{*}Font"), files, strict=False):
            with TTFont(io.BytesIO(package.read(file)), lazy=True) as font:
                told = font.getBestCmap().items()
                yield (
                    each.get("ID") or "",
                    {font.getGlyphID(name): chr(code) for code, name in told},
                )


def _in_object(each: Element, font: Mapping[int, str], page: int) -> Iterator[Standing]:
    left, top, *_ = numbers(each.get("Boundary"))
    a, b, c, d, e, f = numbers(each.get("CTM")) or (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
    glyphs = next(each.iter("{*}Glyphs"))
    code = next(each.iter("{*}TextCode"))
    told = str(code.text or "")
    (x,), (y,) = numbers(code.get("X")), numbers(code.get("Y"))
    along = list(accumulate(_steps(code.get("DeltaX")), initial=x))
    for character, glyph, at in zip(told, numbers(glyphs.text), along, strict=True):
        place = left + a * at + c * y + e, top + b * at + d * y + f
        shown = font.get(int(glyph), "\ufffd")
        for seen in dict.fromkeys((shown, character)):
            if not seen.isspace():
                yield Standing(page, seen, *place)


def in_pdf(document: bytes) -> Iterator[Standing]:
    """Every character that PDFium finds in a PDF of ours."""
    with preview.PDFIUM:
        opened = pypdfium2.PdfDocument(document)
        try:
            found = [each for at, page in enumerate(opened) for each in _on_page(at, page)]
        finally:
            opened.close()
    yield from found


def _on_page(at: int, page: pypdfium2.PdfPage) -> Iterator[Standing]:
    height = page.get_height()
    told = page.get_textpage()
    x, y = ctypes.c_double(), ctypes.c_double()
    high = ""
    for number in range(told.count_chars()):
        if pdfium.FPDFText_IsGenerated(told, number) == 1:
            continue
        code = pdfium.FPDFText_GetUnicode(told, number)
        if 0xD800 <= code < 0xDC00:  # half of a rare character
            high = chr(code)
            continue
        character = chr(code)
        if high:
            character = (high + character).encode("utf-16", "surrogatepass").decode("utf-16")
            high = ""
        if character.isspace():
            continue
        pdfium.FPDFText_GetCharOrigin(told, number, x, y)
        yield Standing(at, character, x.value / POINTS, (height - y.value) / POINTS)


def items_shown(document: bytes) -> Mapping[str, str]:
    """Face item → the text that an OFD of ours paints for it, by its custom tags."""
    package = OFDPackage.open(document)
    found = graph(package)
    texts: dict[str, str] = {}
    for part in found.of(Kind.PAGE):
        for each in found.xml.root(part).iter("{*}TextObject"):
            texts[each.get("ID") or ""] = "".join(
                str(code.text or "") for code in named(each, "TextCode")
            )
    root = found.xml.root(ofd.TAGS_PART)
    return {
        item.get("id") or "": "".join(
            texts.get(text(each), "") for each in named(item, "ObjectRef")
        )
        for item in named(root, "item")
    }


def untold(face: Face, document: bytes) -> tuple[str, ...]:
    """Items whose text, as an OFD of ours paints it, is not the face's."""
    painted = items_shown(document)
    return tuple(
        entry.id for entry in face.items if painted.get(entry.id, "") != "".join(entry.texts)
    )


def _steps(told: str | None) -> Iterator[float]:
    """The advances of a text; `g N v` stands for N times v."""
    words = iter((told or "").split())
    for word in words:
        if word == "g":
            times, value = int(next(words)), float(next(words))
            yield from repeat(value, times)
        else:
            yield float(word)
