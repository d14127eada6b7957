"""The drawing list as PDF/A-2u (ISO 19005-2), with the face as data in its XMP.

Fonts are embedded subsets with a table of their text; colours are sRGB; every text is marked content
of a small structure tree that names its face item. PDF/A-2 lets in no attachment that is not PDF/A
itself, and our own preflight none at all before a seal: so the face is a property of the XMP packet,
where PDF/A has room for data of one's own.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from datetime import UTC
from functools import cache, lru_cache
from html import escape

from certificates.drawing import pictures
from certificates.drawing.colour_profile import srgb
from certificates.drawing.content import Content
from certificates.drawing.marks import (
    BLACK,
    Colour,
    Drawing,
    Format,
    Lettering,
    Picture,
    Shape,
    Sheet,
    Text,
)
from certificates.drawing.pdf_file import PDFFile, array, dictionary, ref, text
from certificates.drawing.subsets import Subset, subsets
from certificates.drawing.typefaces import typeface

POINTS = 72 / 25.4
"""To a millimetre."""
FACE = "https://mianti.invalid/ns/face/1.0/"
"""Namespace of our XMP properties; an address that never leads anywhere."""


def pdf(drawing: Drawing, content: Content) -> bytes:
    """The document; the same input gives the same bytes.

    Raises:
        GlyphMissing: A character that a typeface lacks.
        PictureRefused: A picture that cannot be read.
    """
    return _Document(drawing, content).written()


class _Document:
    """One document under way."""

    def __init__(self, drawing: Drawing, content: Content) -> None:
        self._drawing, self._content = drawing, content
        self._file = PDFFile()
        self._root, self._pages = self._file.reserve(), self._file.reserve()
        self._tree = self._file.reserve()
        self._subsets = {each.lettering: each for each in subsets(drawing)}
        self._labels = {each.id: each.label for each in content.items}
        self._pictures: dict[bytes, int] = {}

    def written(self) -> bytes:
        file = self._file
        fonts = {lettering: _font(file, each) for lettering, each in self._subsets.items()}
        resources = {"Font": dictionary({_font_name(each): ref(fonts[each]) for each in fonts})}
        listed, elements, parents = [], list[int](), list[str]()
        whole = file.reserve()
        for at, sheet in enumerate(self._drawing.sheets):
            page = file.reserve()
            listed.append(page)
            content, marked, used = self._painted(sheet)
            numbers = [
                self._element(kind, item, page, mark, whole)
                for mark, (kind, item) in enumerate(marked)
            ]
            elements += numbers
            parents.append(f"{at} {array([ref(each) for each in numbers])}")
            named = dict(resources)
            if used:
                named["XObject"] = dictionary({f"P{number}": ref(number) for number in used})
            file.put(
                {
                    "Type": "/Page",
                    "Parent": ref(self._pages),
                    "MediaBox": f"[0 0 {_points(sheet.width)} {_points(sheet.height)}]",
                    "Resources": dictionary(named),
                    "Contents": ref(file.deflated(content, {})),
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
        packet = file.stream(_xmp(self._content), {"Type": "/Metadata", "Subtype": "/XML"})
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

    def _painted(self, sheet: Sheet) -> tuple[bytes, list[tuple[str, str]], list[int]]:
        """The content of a page, what its marked content is, and its pictures."""
        marked: list[tuple[str, str]] = []
        used: dict[int, None] = {}
        pieces = [f"{_number(POINTS)} 0 0 {_number(-POINTS)} 0 {_points(sheet.height)} cm"]
        for mark in (*sheet.backdrop.marks, *sheet.marks):
            match mark:
                case Shape():
                    pieces.append(f"/Artifact BMC {_shape(mark)} EMC")
                case Text():
                    tag = f"/P << /MCID {len(marked)} >> BDC"
                    pieces.append(f"{tag} {_text(mark, self._subsets[mark.lettering])} EMC")
                    marked.append(("P", mark.item))
                case Picture():
                    number = self._picture(mark)
                    used[number] = None
                    place = _row(mark.width, 0, 0, -mark.height, mark.x, mark.y + mark.height)
                    tag = f"/Figure << /MCID {len(marked)} >> BDC"
                    pieces.append(f"{tag} q {place} cm /P{number} Do Q EMC")
                    marked.append(("Figure", mark.item))
        return "\n".join(pieces).encode(), marked, list(used)

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


def _font_name(lettering: Lettering) -> str:
    return f"F{lettering}"


def _font(file: PDFFile, made: Subset) -> int:
    face = typeface(made.lettering)
    met = face.metrics
    digest = hashlib.sha256(made.characters.encode()).digest()
    name = "".join(chr(65 + each % 26) for each in digest[:6]) + "+" + met.postscript
    program = file.deflated(made.data, {"Length1": str(len(made.data))})
    described = file.put(
        {
            "Type": "/FontDescriptor",
            "FontName": f"/{name}",
            "Flags": "6" if face.serif else "4",
            "FontBBox": f"[-1000 {met.descent - 200} 3000 {met.ascent + 300}]",
            "ItalicAngle": "0",
            "Ascent": str(met.ascent),
            "Descent": str(met.descent),
            "CapHeight": str(met.capital),
            "StemV": "80",
            "FontFile2": ref(program),
        }
    )
    widths = " ".join(str(face.glyph(each).advance) for each in made.characters)
    inner = file.put(
        {
            "Type": "/Font",
            "Subtype": "/CIDFontType2",
            "BaseFont": f"/{name}",
            "CIDSystemInfo": "<< /Registry (Adobe) /Ordering (Identity) /Supplement 0 >>",
            "FontDescriptor": ref(described),
            "DW": "1000",
            "W": f"[1 [{widths}]]",
            "CIDToGIDMap": "/Identity",
        }
    )
    return file.put(
        {
            "Type": "/Font",
            "Subtype": "/Type0",
            "BaseFont": f"/{name}",
            "Encoding": "/Identity-H",
            "DescendantFonts": array([ref(inner)]),
            "ToUnicode": ref(file.deflated(_told(made), {})),
        }
    )


def _told(made: Subset) -> bytes:
    """The table from glyphs to characters."""
    rows = [
        f"<{glyph:04X}> <{character.encode('utf-16-be').hex().upper()}>"
        for character, glyph in made.glyphs.items()
    ]
    blocks = [rows[at : at + 100] for at in range(0, len(rows), 100)]
    body = "\n".join(
        f"{len(block)} beginbfchar\n" + "\n".join(block) + "\nendbfchar" for block in blocks
    )
    return (
        "/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n"
        "/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def\n"
        "/CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n"
        f"1 begincodespacerange\n<0000> <FFFF>\nendcodespacerange\n{body}\n"
        "endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n"
    ).encode()


def _text(mark: Text, made: Subset) -> str:
    cos, sin = math.cos(math.radians(mark.angle)), math.sin(math.radians(mark.angle))
    place = _row(cos, sin, sin, -cos, mark.x, mark.y)
    bold = (
        f"2 Tr {_number(mark.weight)} w {_colour(mark.colour, 'RG')} " if mark.weight else "0 Tr "
    )
    return (
        f"BT /{_font_name(mark.lettering)} {_number(mark.size)} Tf {_colour(mark.colour, 'rg')} "
        f"{bold}{place} Tm [{_shown(mark, made)}] TJ ET"
    )


def _shown(mark: Text, made: Subset) -> str:
    """The glyphs, moved by as much as their own width does not say."""
    face = typeface(mark.lettering)
    pieces, codes, at = [], "", 0.0
    for character, offset in zip(mark.text, mark.offsets, strict=True):
        gap = round((at - offset) / mark.size * 1000)
        if gap:
            if codes:
                pieces.append(f"<{codes}>")
            pieces.append(str(gap))
            codes = ""
            at -= gap / 1000 * mark.size
        codes += f"{made.glyphs[character]:04X}"
        at += face.glyph(character).advance / face.metrics.em * mark.size
    return " ".join((*pieces, f"<{codes}>"))


_OPERATORS = {"M": "m", "L": "l", "C": "c"}


@lru_cache(maxsize=1024)
def _shape(mark: Shape) -> str:
    pieces = []
    if mark.fill:
        pieces.append(_colour(mark.fill, "rg"))
    if mark.stroke:
        pieces.append(f"{_colour(mark.stroke, 'RG')} {_number(mark.width)} w 1 j")
    pieces += [
        "h"
        if step.op == "Z"
        else " ".join(
            (*(f"{_number(x)} {_number(y)}" for x, y in step.points), _OPERATORS[step.op])
        )
        for step in mark.path
    ]
    return " ".join((*pieces, {(True, True): "B", (True, False): "f"}.get((mark.fill is not None, mark.stroke is not None), "S")))  # fmt: skip


def _colour(colour: Colour, operator: str) -> str:
    if colour == BLACK:
        return f"0 0 0 {operator}"
    return f"{_row(*(part / 255 for part in colour))} {operator}"


def _points(millimetres: float) -> str:
    return _number(millimetres * POINTS)


def _row(*values: float) -> str:
    return " ".join(map(_number, values))


def _number(value: float) -> str:
    if value == (whole := int(value)):
        return str(whole)
    return f"{round(value, 4) + 0.0:.4f}".rstrip("0").rstrip(".")


def _xmp(content: Content) -> bytes:
    """The packet, in the plain: PDF/A wants it readable for those who read no PDF."""
    when = f"{content.created_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    own = {"type": content.type, "face": content.face.decode(), **content.metadata}
    values = "".join(f"<face:{name}>{escape(value)}</face:{name}>" for name, value in own.items())
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/"'
        ' xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
        ' xmlns:pdf="http://ns.adobe.com/pdf/1.3/">'
        "<pdfaid:part>2</pdfaid:part><pdfaid:conformance>U</pdfaid:conformance>"
        f'<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{escape(content.title)}</rdf:li>'
        "</rdf:Alt></dc:title><dc:format>application/pdf</dc:format>"
        f"<xmp:CreateDate>{when}</xmp:CreateDate><xmp:ModifyDate>{when}</xmp:ModifyDate>"
        "<xmp:CreatorTool>mianti</xmp:CreatorTool><pdf:Producer>mianti</pdf:Producer>"
        "</rdf:Description>"
        f'<rdf:Description rdf:about="" xmlns:face="{FACE}">{values}</rdf:Description>'
        f"{_extension(tuple(own))}"
        '</rdf:RDF></x:xmpmeta>\n<?xpacket end="w"?>'
    ).encode()


@cache
def _extension(names: tuple[str, ...]) -> str:
    """What PDF/A wants to be told of properties that are not its own (ISO 19005-2 §6.6.2.3.3)."""
    properties = "".join(
        '<rdf:li rdf:parseType="Resource">'
        f"<pdfaProperty:name>{name}</pdfaProperty:name>"
        "<pdfaProperty:valueType>Text</pdfaProperty:valueType>"
        "<pdfaProperty:category>external</pdfaProperty:category>"
        f"<pdfaProperty:description>{name} of the certificate</pdfaProperty:description></rdf:li>"
        for name in names
    )
    return (
        '<rdf:Description rdf:about=""'
        ' xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/"'
        ' xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#"'
        ' xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#">'
        '<pdfaExtension:schemas><rdf:Bag><rdf:li rdf:parseType="Resource">'
        "<pdfaSchema:schema>Face of an electronic certificate</pdfaSchema:schema>"
        f"<pdfaSchema:namespaceURI>{FACE}</pdfaSchema:namespaceURI>"
        "<pdfaSchema:prefix>face</pdfaSchema:prefix>"
        f"<pdfaSchema:property><rdf:Seq>{properties}</rdf:Seq></pdfaSchema:property>"
        "</rdf:li></rdf:Bag></pdfaExtension:schemas></rdf:Description>"
    )
