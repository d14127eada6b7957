"""The drawing list as PDF/A-2u (ISO 19005-2), with the face as data in its XMP.

Fonts are embedded subsets with a table of their text; colours are sRGB; every text is marked content
of a small structure tree that names its face item. PDF/A-2 lets in no attachment that is not PDF/A
itself, and our own preflight none at all before a seal: so the face is a property of the XMP packet,
where PDF/A has room for data of one's own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from functools import lru_cache

from certificates.drawing import pictures
from certificates.drawing.colour_profile import srgb
from certificates.drawing.content import Content
from certificates.drawing.marks import (
    Backdrop,
    Drawing,
    Format,
    Lettering,
    Picture,
)
from certificates.drawing.pdf_file import PDFFile, array, dictionary, ref, text
from certificates.drawing.pdf_fonts import font
from certificates.drawing.pdf_marks import Painted, painted, picture_name, points, turned
from certificates.drawing.subsets import Subset, subsets
from certificates.drawing.xmp import xmp


def pdf(drawing: Drawing, content: Content) -> bytes:
    """The document; the same input gives the same bytes.

    Raises:
        GlyphMissing: A character that a typeface lacks.
        PictureRefused: A picture that cannot be read.
    """
    return _Document(drawing, content).written()


@dataclass(frozen=True, slots=True)
class _Form:
    """What every document of a template has in common."""

    subsets: Mapping[Lettering, Subset]
    pages: tuple[Painted, ...]


@lru_cache(maxsize=512)
def _form(sheets: tuple[tuple[float, Backdrop], ...]) -> _Form:
    fonts = subsets(mark for _, each in sheets for mark in each.marks)
    pages = (painted(each.marks, "B", fonts, 0, turned(height)) for height, each in sheets)
    return _Form(fonts, tuple(pages))


class _Document:
    """One document under way."""

    def __init__(self, drawing: Drawing, content: Content) -> None:
        self._drawing, self._content = drawing, content
        self._file = PDFFile()
        self._root, self._pages = self._file.reserve(), self._file.reserve()
        self._tree = self._file.reserve()
        self._form = _form(tuple((each.height, each.backdrop) for each in drawing.sheets))
        self._subsets = subsets(mark for sheet in drawing.sheets for mark in sheet.marks)
        self._labels = content.labels
        self._pictures: dict[bytes, int] = {}

    def written(self) -> bytes:
        file = self._file
        fonts = {
            f"{prefix}{lettering}": ref(font(file, each))
            for prefix, made in (("B", self._form.subsets), ("F", self._subsets))
            for lettering, each in made.items()
        }
        listed, elements, parents = [], list[int](), list[str]()
        whole = file.reserve()
        for at, (sheet, below) in enumerate(
            zip(self._drawing.sheets, self._form.pages, strict=True)
        ):
            page = file.reserve()
            listed.append(page)
            above = painted(sheet.marks, "F", self._subsets, len(below.marked))
            numbers = [
                self._element(kind, item, page, mark, whole)
                for mark, (kind, item) in enumerate((*below.marked, *above.marked))
            ]
            elements += numbers
            parents.append(f"{at} {array([ref(each) for each in numbers])}")
            pictures = {
                picture_name(each): ref(self._picture(each))
                for each in (*below.pictures, *above.pictures)
            }
            resources = {"Font": dictionary(fonts)}
            if pictures:
                resources["XObject"] = dictionary(pictures)
            contents = [
                ref(file.stream(each.content, {"Filter": "/FlateDecode"}))
                for each in (below, above)
            ]
            file.put(
                {
                    "Type": "/Page",
                    "Parent": ref(self._pages),
                    "MediaBox": f"[0 0 {points(sheet.width)} {points(sheet.height)}]",
                    "Resources": dictionary(resources),
                    "Contents": array(contents),
                    "StructParents": str(at),
                    "Tabs": "/S",
                },
                page,
            )
        file.put(
            {
                "Type": "/StructElem", "S": "/Document", "P": ref(self._tree),
                "K": array([ref(each) for each in elements]),
            },
            whole,
        )  # fmt: skip
        self._close(listed, whole, parents)
        return file.closed(self._root, self._info())

    def _close(self, listed: Sequence[int], whole: int, parents: Sequence[str]) -> None:
        file = self._file
        file.put(
            {
                "Type": "/Pages",
                "Kids": array([ref(each) for each in listed]),
                "Count": str(len(listed)),
            },
            self._pages,
        )
        file.put(
            {
                "Type": "/StructTreeRoot",
                "K": ref(whole),
                "ParentTree": ref(file.put({"Nums": array(parents)})),
                "ParentTreeNextKey": str(len(listed)),
            },
            self._tree,
        )
        intent = file.put(
            {
                "Type": "/OutputIntent",
                "S": "/GTS_PDFA1",
                "OutputConditionIdentifier": "(sRGB IEC61966-2.1)",
                "Info": "(sRGB IEC61966-2.1)",
                "DestOutputProfile": ref(file.deflated(srgb(), {"N": "3"})),
            }
        )
        packet = file.stream(xmp(self._content), {"Type": "/Metadata", "Subtype": "/XML"})
        file.put(
            {
                "Type": "/Catalog",
                "Pages": ref(self._pages),
                "Metadata": ref(packet),
                "OutputIntents": array([ref(intent)]),
                "MarkInfo": dictionary({"Marked": "true"}),
                "StructTreeRoot": ref(self._tree),
                "Lang": "(zh-CN)",
                "ViewerPreferences": dictionary({"DisplayDocTitle": "true"}),
            },
            self._root,
        )

    def _info(self) -> int:
        local = self._content.created_at.astimezone(UTC)
        return self._file.put(
            {
                "Title": text(self._content.title),
                "Creator": "(mianti)",
                "Producer": "(mianti)",
                "CreationDate": f"(D:{local:%Y%m%d%H%M%S}+00'00')",
                "ModDate": f"(D:{local:%Y%m%d%H%M%S}+00'00')",
            }
        )

    def _element(self, kind: str, item: str, page: int, mark: int, whole: int) -> int:
        entries = {
            "Type": "/StructElem", "S": f"/{kind}", "P": ref(whole), "Pg": ref(page), "K": str(mark),
        }  # fmt: skip
        if item:
            entries["T"] = text(item)
        if kind == "Figure":
            entries["Alt"] = text(self._labels.get(item, item) or "图 / picture")
        return self._file.put(entries)

    def _picture(self, mark: Picture) -> int:
        known = self._pictures.get(mark.data)
        if known is None:
            known = self._pictures[mark.data] = _image(self._file, mark)
        return known


def _image(file: PDFFile, mark: Picture) -> int:
    seen = pictures.looked(mark.data)
    entries = {
        "Type": "/XObject",
        "Subtype": "/Image",
        "Width": str(seen.width),
        "Height": str(seen.height),
        "BitsPerComponent": "8",
    }
    if seen.format is Format.JPEG:
        space = "/DeviceGray" if seen.grey else "/DeviceRGB"
        return file.stream(mark.data, {**entries, "ColorSpace": space, "Filter": "/DCTDecode"})
    packed = pictures.samples(mark.data)
    return file.stream(packed, {**entries, "ColorSpace": "/DeviceRGB", "Filter": "/FlateDecode"})
