"""The drawing list as OFD (GB/T 33190-2016), with the face as data beside it.

Backdrops become template pages, so that a reader sees what belongs to the form and what was filled
in. Each character stands at its own place, and is told three times in agreement: as text, as a glyph
of the embedded font (`CGTransform`), and by the font's own table of characters. Custom tags tie
every painted text to its face item; the face itself is an attachment, the metadata are `CustomDatas`.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from html import escape
from itertools import pairwise

from certificates.drawing.content import Content
from certificates.drawing.marks import Colour, Drawing, Mark, Picture, Shape, Sheet, Text
from certificates.drawing.subsets import Subset, subsets
from certificates.drawing.typefaces import typeface
from seals.drawing import Path
from seals.ofd.markup import NAMESPACE
from seals.ofd.package import packed

FACE_PART = "/Doc_0/Attachs/face.json"
TAGS_PART = "/Doc_0/Tags/face.xml"
TAGS = "urn:mianti:certificate:face"
"""Namespace of our custom tags."""
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
_ABOVE, _BELOW = 0.95, 0.3
"""How far the boundary of a text goes beyond its baseline, in ems."""


def ofd(drawing: Drawing, content: Content) -> bytes:
    """The document; the same input gives the same bytes.

    Raises:
        GlyphMissing: A character that a typeface lacks.
    """
    return packed(_Document(drawing, content).parts())


@dataclass(slots=True)
class _Numbers:
    """Ids, unique in the document, and what was drawn under which."""

    last: int = 0
    tagged: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    """Face item → page and object ids that show it."""

    def next(self) -> int:
        self.last += 1
        return self.last


class _Document:
    """One document under way."""

    def __init__(self, drawing: Drawing, content: Content) -> None:
        self._drawing, self._content = drawing, content
        self._numbers = _Numbers()
        self._subsets = subsets(drawing)
        self._fonts = {each.lettering: (self._numbers.next(), each) for each in self._subsets}
        self._pictures: dict[bytes, tuple[int, str]] = {}
        for sheet in drawing.sheets:
            for mark in (*sheet.backdrop.marks, *sheet.marks):
                if isinstance(mark, Picture) and mark.data not in self._pictures:
                    name = f"picture_{len(self._pictures)}.{mark.format}"
                    self._pictures[mark.data] = self._numbers.next(), name

    def parts(self) -> Mapping[str, bytes]:
        sheets = self._drawing.sheets
        templates = [self._numbers.next() for _ in sheets]
        pages = [self._numbers.next() for _ in sheets]
        made: dict[str, bytes] = {}
        for at, sheet in enumerate(sheets):
            made[f"/Doc_0/Tpls/Tpl_{at}/Content.xml"] = self._page(sheet, sheet.backdrop.marks, 0)
            made[f"/Doc_0/Pages/Page_{at}/Content.xml"] = self._page(
                sheet, sheet.marks, pages[at], template=templates[at]
            )
        made["/Doc_0/PublicRes.xml"] = self._font_list()
        for each in self._subsets:
            made[f"/Doc_0/Res/{each.lettering}.ttf"] = each.data
        if self._pictures:
            made["/Doc_0/DocumentRes.xml"] = self._picture_list()
            for data, (_, name) in self._pictures.items():
                made[f"/Doc_0/Res/{name}"] = data
        made["/Doc_0/Tags/CustomTags.xml"] = _xml(
            "CustomTags",
            f'<ofd:CustomTag NameSpace="{TAGS}"><ofd:FileLoc>face.xml</ofd:FileLoc></ofd:CustomTag>',
        )
        made[TAGS_PART] = self._tags()
        made["/Doc_0/Attachs/Attachments.xml"] = self._attachments()
        made[FACE_PART] = self._content.face
        document = self._document(templates, pages)
        root = self._root(hashlib.sha256(b"".join((document, *made.values()))).hexdigest()[:32])
        return {"/OFD.xml": root, "/Doc_0/Document.xml": document, **made}

    def _root(self, digest: str) -> bytes:
        content = self._content
        custom = "".join(
            f'<ofd:CustomData Name="{escape(name)}">{escape(value)}</ofd:CustomData>'
            for name, value in content.metadata.items()
        )
        return _xml(
            "OFD",
            f"<ofd:DocBody><ofd:DocInfo><ofd:DocID>{digest}</ofd:DocID>"
            f"<ofd:Title>{escape(content.title)}</ofd:Title>"
            f"<ofd:CreationDate>{content.created_at:%Y-%m-%d}</ofd:CreationDate>"
            "<ofd:Creator>mianti</ofd:Creator><ofd:CreatorVersion>1</ofd:CreatorVersion>"
            + (f"<ofd:CustomDatas>{custom}</ofd:CustomDatas>" if custom else "")
            + "</ofd:DocInfo><ofd:DocRoot>Doc_0/Document.xml</ofd:DocRoot></ofd:DocBody>",
            ' Version="1.0" DocType="OFD"',
        )

    def _document(self, templates: Sequence[int], pages: Sequence[int]) -> bytes:
        first = self._drawing.sheets[0]
        resources = "<ofd:PublicRes>PublicRes.xml</ofd:PublicRes>"
        if self._pictures:
            resources += "<ofd:DocumentRes>DocumentRes.xml</ofd:DocumentRes>"
        listed = "".join(
            f'<ofd:TemplatePage ID="{each}" ZOrder="Background"'
            f' BaseLoc="Tpls/Tpl_{at}/Content.xml"/>'
            for at, each in enumerate(templates)
        )
        shown = "".join(
            f'<ofd:Page ID="{each}" BaseLoc="Pages/Page_{at}/Content.xml"/>'
            for at, each in enumerate(pages)
        )
        return _xml(
            "Document",
            f"<ofd:CommonData><ofd:MaxUnitID>{self._numbers.last}</ofd:MaxUnitID>"
            f"<ofd:PageArea>{_area(first)}</ofd:PageArea>{resources}{listed}</ofd:CommonData>"
            f"<ofd:Pages>{shown}</ofd:Pages>"
            "<ofd:CustomTags>Tags/CustomTags.xml</ofd:CustomTags>"
            "<ofd:Attachments>Attachs/Attachments.xml</ofd:Attachments>",
        )

    def _page(
        self, sheet: Sheet, marks: Sequence[Mark], page: int, template: int | None = None
    ) -> bytes:
        below = "" if template is None else f'<ofd:Template TemplateID="{template}"/>'
        layer = self._numbers.next()
        kind = ' Type="Background"' if template is None else ""
        body = "".join(self._object(each, page, sheet) for each in marks)
        content = f'<ofd:Content><ofd:Layer ID="{layer}"{kind}>{body}</ofd:Layer></ofd:Content>'
        return _xml("Page", f"{below}<ofd:Area>{_area(sheet)}</ofd:Area>{content}")

    def _object(self, mark: Mark, page: int, sheet: Sheet) -> str:
        number = self._numbers.next()
        if not isinstance(mark, Shape) and mark.item:
            self._numbers.tagged.setdefault(mark.item, []).append((page, number))
        match mark:
            case Text():
                font, subset = self._fonts[mark.lettering]
                return _text(mark, number, font, subset, sheet)
            case Shape():
                return _shape(mark, number)
            case Picture():
                resource, _ = self._pictures[mark.data]
                return (
                    f'<ofd:ImageObject ID="{number}" CTM="{_row(mark.width, 0, 0, mark.height, 0, 0)}"'
                    f' Boundary="{_row(mark.x, mark.y, mark.width, mark.height)}"'
                    f' ResourceID="{resource}"/>'
                )

    def _font_list(self) -> bytes:
        fonts = "".join(
            f'<ofd:Font ID="{number}" FontName="{typeface(lettering).metrics.family}"'
            f' FamilyName="{typeface(lettering).metrics.family}"'
            f' Serif="{"true" if typeface(lettering).serif else "false"}">'
            f"<ofd:FontFile>{lettering}.ttf</ofd:FontFile></ofd:Font>"
            for lettering, (number, _) in self._fonts.items()
        )
        return _xml("Res", f"<ofd:Fonts>{fonts}</ofd:Fonts>", ' BaseLoc="Res"')

    def _picture_list(self) -> bytes:
        listed = "".join(
            f'<ofd:MultiMedia ID="{number}" Type="Image" Format="{name.rpartition(".")[2].upper()}">'
            f"<ofd:MediaFile>{name}</ofd:MediaFile></ofd:MultiMedia>"
            for number, name in self._pictures.values()
        )
        return _xml("Res", f"<ofd:MultiMedias>{listed}</ofd:MultiMedias>", ' BaseLoc="Res"')

    def _tags(self) -> bytes:
        labels = {each.id: each.label for each in self._content.items}
        items = "".join(
            f'<face:item id="{escape(item)}" label="{escape(labels.get(item, ""))}">'
            + "".join(
                f'<ofd:ObjectRef PageRef="{page}">{number}</ofd:ObjectRef>'
                for page, number in places
            )
            + "</face:item>"
            for item, places in self._numbers.tagged.items()
        )
        return (
            f'{_HEAD}<face:face xmlns:face="{TAGS}" xmlns:ofd="{NAMESPACE}"'
            f' type="{escape(self._content.type)}">{items}</face:face>'
        ).encode()

    def _attachments(self) -> bytes:
        size = len(self._content.face) / 1024
        return _xml(
            "Attachments",
            f'<ofd:Attachment ID="face" Name="face" Format="json"'
            f' CreationDate="{self._content.created_at:%Y-%m-%dT%H:%M:%S}"'
            f' Size="{size:.3f}" Visible="false" Usage="face">'
            "<ofd:FileLoc>face.json</ofd:FileLoc></ofd:Attachment>",
        )


def _xml(name: str, body: str, attributes: str = "") -> bytes:
    return f'{_HEAD}<ofd:{name} xmlns:ofd="{NAMESPACE}"{attributes}>{body}</ofd:{name}>'.encode()


def _area(sheet: Sheet) -> str:
    return f"<ofd:PhysicalBox>{_row(0, 0, sheet.width, sheet.height)}</ofd:PhysicalBox>"


def _text(mark: Text, number: int, font: int, subset: Subset, sheet: Sheet) -> str:
    above = _ABOVE * mark.size
    if mark.angle:
        place = _row(0, 0, sheet.width, sheet.height)
        turn = f' CTM="{_row(*_turned(mark))}"'
        x = y = 0.0
    else:
        # Trailing spaces go beyond the width that is seen.
        wide = max(mark.width, mark.offsets[-1]) + mark.size
        place = _row(mark.x, mark.y - above, wide, (_ABOVE + _BELOW) * mark.size)
        turn, x, y = "", 0.0, above
    stroke = (f' Stroke="true" LineWidth="{_number(mark.weight)}"', _colour("Stroke", mark.colour))
    bold, line = stroke if mark.weight else ("", "")
    count = len(mark.text)
    deltas = _deltas(mark.offsets)
    glyphs = " ".join(str(subset.glyphs[each]) for each in mark.text)
    return (
        f'<ofd:TextObject ID="{number}" Boundary="{place}"{turn}{bold}'
        f' Font="{font}" Size="{_number(mark.size)}">{_colour("Fill", mark.colour)}{line}'
        f'<ofd:CGTransform CodePosition="0" CodeCount="{count}" GlyphCount="{count}">'
        f"<ofd:Glyphs>{glyphs}</ofd:Glyphs></ofd:CGTransform>"
        f'<ofd:TextCode X="{_number(x)}" Y="{_number(y)}"'
        + (f' DeltaX="{deltas}"' if deltas else "")
        + f">{escape(mark.text)}</ofd:TextCode></ofd:TextObject>"
    )


def _turned(mark: Text) -> tuple[float, ...]:
    cos, sin = math.cos(math.radians(mark.angle)), math.sin(math.radians(mark.angle))
    return cos, sin, -sin, cos, mark.x, mark.y


def _deltas(offsets: Sequence[float]) -> str:
    """How far each character is from the one before; `g N v` where it is always the same."""
    steps = [_number(after - before) for before, after in pairwise(offsets)]
    written: list[str] = []
    at = 0
    while at < len(steps):
        end = at
        while end < len(steps) and steps[end] == steps[at]:
            end += 1
        written += ["g", str(end - at), steps[at]] if end - at > 2 else steps[at:end]
        at = end
    return " ".join(written)


def _shape(mark: Shape, number: int) -> str:
    return f'<ofd:PathObject ID="{number}"{_shaped(mark)}'


@lru_cache(maxsize=1024)
def _shaped(mark: Shape) -> str:
    """All of a path object but its number."""
    x, y, right, bottom = _bounds(mark)
    attributes = (
        f' Stroke="{"true" if mark.stroke else "false"}" Fill="{"true" if mark.fill else "false"}"'
    )
    if mark.stroke:
        attributes += f' LineWidth="{_number(mark.width)}"'
    fill = _colour("Fill", mark.fill) if mark.fill else ""
    stroke = _colour("Stroke", mark.stroke) if mark.stroke else ""
    return (
        f' Boundary="{_row(x, y, right - x, bottom - y)}"{attributes}>'
        f"{stroke}{fill}<ofd:AbbreviatedData>{_path(mark.path, x, y)}</ofd:AbbreviatedData>"
        "</ofd:PathObject>"
    )


def _bounds(mark: Shape) -> tuple[float, float, float, float]:
    beyond = mark.width / 2 + 0.01
    xs = [x for step in mark.path for x, _ in step.points]
    ys = [y for step in mark.path for _, y in step.points]
    return min(xs) - beyond, min(ys) - beyond, max(xs) + beyond, max(ys) + beyond


_OPERATORS = {"M": "M", "L": "L", "C": "B", "Z": "C"}


def _path(path: Path, x: float, y: float) -> str:
    return " ".join(
        " ".join(
            (
                _OPERATORS[step.op],
                *(f"{_number(px - x)} {_number(py - y)}" for px, py in step.points),
            )
        )
        for step in path
    )


def _colour(kind: str, colour: Colour) -> str:
    return f'<ofd:{kind}Color Value="{colour.red} {colour.green} {colour.blue}"/>'


def _row(*values: float) -> str:
    return " ".join(map(_number, values))


def _number(value: float) -> str:
    """To a thousandth of a millimetre, and never `-0`."""
    if value == (whole := int(value)):
        return str(whole)
    return f"{round(value, 3) + 0.0:.3f}".rstrip("0").rstrip(".")
