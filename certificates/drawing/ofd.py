"""The drawing list as OFD (GB/T 33190-2016), with the face as data beside it.

Backdrops become template pages, so that a reader sees what belongs to the form and what was filled
in. Each character stands at its own place, and is told three times in agreement: as text, as a glyph
of the embedded font (`CGTransform`), and by the font's own table of characters. The template pages
have fonts of their own: what all documents of a template share is written and packed once. Custom tags tie
every painted text to its face item; the face itself is an attachment, the metadata are `CustomDatas`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import escape

from certificates.digests import sm3
from certificates.drawing.content import Content
from certificates.drawing.marks import (
    Backdrop,
    Drawing,
    Lettering,
    Mark,
    Modules,
    Picture,
    Shape,
    Sheet,
    Text,
)
from certificates.drawing.ofd_marks import code_object, path_object, row, text_object
from certificates.drawing.subsets import Subset, subsets
from certificates.drawing.typefaces import typeface
from seals.ofd.markup import NAMESPACE
from seals.ofd.package import OFDPackage, packed

FACE_PART = "/Doc_0/Attachs/face.json"
COMMITMENTS_PART = "/Doc_0/Attachs/commitments.json"
TAGS_PART = "/Doc_0/Tags/face.xml"
TAGS = "urn:mianti:certificate:face"
"""Namespace of our custom tags."""
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'


def ofd(drawing: Drawing, content: Content) -> bytes:
    """The document; the same input gives the same bytes.

    Raises:
        GlyphMissing: A character that a typeface lacks.
        ValueError: A drawing without a sheet.
    """
    if not drawing.sheets:
        raise ValueError("a document has at least one sheet")
    form = _form(tuple((each.width, each.height, each.backdrop) for each in drawing.sheets))
    return form.package.rewritten(_Document(drawing, content, form).parts())


@dataclass(slots=True)
class _Numbers:
    """Ids, unique in the document."""

    last: int = 0

    def next(self) -> int:
        self.last += 1
        return self.last


@dataclass(frozen=True, slots=True)
class _Store:
    """Fonts and pictures of marks, each with its id and the name of its file."""

    fonts: Mapping[Lettering, tuple[int, str, Subset]]
    pictures: Mapping[bytes, tuple[int, str]]

    @classmethod
    def of(cls, marks: Sequence[Mark], prefix: str, numbers: _Numbers) -> _Store:
        fonts = {
            lettering: (numbers.next(), f"{each.name}.ttf", each)
            for lettering, each in subsets(marks).items()
        }
        pictures: dict[bytes, tuple[int, str]] = {}
        for mark in marks:
            if isinstance(mark, Picture) and mark.data not in pictures:
                name = f"{prefix}-{len(pictures)}.{mark.format}"
                pictures[mark.data] = numbers.next(), name
        return cls(fonts, pictures)

    def files(self) -> Mapping[str, bytes]:
        fonts = {f"/Doc_0/Res/{name}": each.data for _, name, each in self.fonts.values()}
        return fonts | {f"/Doc_0/Res/{name}": data for data, (_, name) in self.pictures.items()}

    def painted(self, mark: Mark, number: int, sheet: tuple[float, float]) -> str:
        match mark:
            case Text():
                font, _, subset = self.fonts[mark.lettering]
                return text_object(mark, number, font, subset, sheet)
            case Shape():
                return f'<ofd:PathObject ID="{number}"{path_object(mark)}'
            case Modules():
                return code_object(mark, number)
            case Picture():
                resource, _ = self.pictures[mark.data]
                return (
                    f'<ofd:ImageObject ID="{number}"'
                    f' CTM="{row(mark.width, 0, 0, mark.height, 0, 0)}"'
                    f' Boundary="{row(mark.x, mark.y, mark.width, mark.height)}"'
                    f' ResourceID="{resource}"/>'
                )


@dataclass(frozen=True, slots=True)
class _Form:
    """What every document of a template has in common, packed once."""

    package: OFDPackage
    store: _Store
    templates: tuple[int, ...]
    last: int
    """The last id it uses."""


@lru_cache(maxsize=512)
def _form(sheets: tuple[tuple[float, float, Backdrop], ...]) -> _Form:
    numbers = _Numbers()
    store = _Store.of([mark for *_, each in sheets for mark in each.marks], "form", numbers)
    templates = tuple(numbers.next() for _ in sheets)
    made: dict[str, bytes] = {"/OFD.xml": b"", "/Doc_0/Document.xml": b""}
    for at, (width, height, backdrop) in enumerate(sheets):
        body = "".join(
            store.painted(mark, numbers.next(), (width, height)) for mark in backdrop.marks
        )
        made[f"/Doc_0/Tpls/Tpl_{at}/Content.xml"] = _page(
            (width, height), body, f'ID="{numbers.next()}" Type="Background"'
        )
    package = OFDPackage.open(packed({**made, **store.files()}))
    return _Form(package, store, templates, numbers.last)


class _Document:
    """One document under way: what is not in its form."""

    def __init__(self, drawing: Drawing, content: Content, form: _Form) -> None:
        self._drawing, self._content, self._form = drawing, content, form
        self._numbers = _Numbers(form.last)
        marks = [mark for sheet in drawing.sheets for mark in sheet.marks]
        self._store = _Store.of(marks, "face", self._numbers)
        self._tagged: dict[str, list[tuple[int, int]]] = {}
        """Face item → page and object ids that show it."""

    def parts(self) -> Mapping[str, bytes]:
        sheets = self._drawing.sheets
        pages = [self._numbers.next() for _ in sheets]
        made: dict[str, bytes] = {}
        for at, (sheet, page) in enumerate(zip(sheets, pages, strict=True)):
            made[f"/Doc_0/Pages/Page_{at}/Content.xml"] = self._filled(
                sheet, page, self._form.templates[at]
            )
        made["/Doc_0/PublicRes.xml"] = self._font_list()
        if pictures := self._picture_list():
            made["/Doc_0/DocumentRes.xml"] = pictures
        made |= self._store.files()
        made["/Doc_0/Tags/CustomTags.xml"] = _xml(
            "CustomTags",
            f'<ofd:CustomTag NameSpace="{TAGS}"><ofd:FileLoc>face.xml</ofd:FileLoc></ofd:CustomTag>',
        )
        made[TAGS_PART] = self._tags()
        made["/Doc_0/Attachs/Attachments.xml"] = self._attachments()
        made[FACE_PART] = self._content.data
        made["/Doc_0/Document.xml"] = self._document(pages)
        if blind := self._content.blind:
            made = {name: _blinded(name, each, blind) for name, each in made.items()}
        if self._content.commitments:
            made[COMMITMENTS_PART] = self._content.commitments
        # The document's id hangs on all that is blinded, and so blinds the part that holds it.
        root = self._root(hashlib.sha256(b"".join(made.values())).hexdigest()[:32])
        return {"/OFD.xml": root, **made}

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

    def _document(self, pages: Sequence[int]) -> bytes:
        first = self._drawing.sheets[0]
        resources = "<ofd:PublicRes>PublicRes.xml</ofd:PublicRes>"
        if self._store.pictures or self._form.store.pictures:
            resources += "<ofd:DocumentRes>DocumentRes.xml</ofd:DocumentRes>"
        listed = "".join(
            f'<ofd:TemplatePage ID="{each}" ZOrder="Background"'
            f' BaseLoc="Tpls/Tpl_{at}/Content.xml"/>'
            for at, each in enumerate(self._form.templates)
        )
        shown = "".join(
            f'<ofd:Page ID="{each}" BaseLoc="Pages/Page_{at}/Content.xml"/>'
            for at, each in enumerate(pages)
        )
        return _xml(
            "Document",
            f"<ofd:CommonData><ofd:MaxUnitID>{self._numbers.last}</ofd:MaxUnitID>"
            f"<ofd:PageArea>{_area((first.width, first.height))}</ofd:PageArea>{resources}{listed}</ofd:CommonData>"
            f"<ofd:Pages>{shown}</ofd:Pages>"
            "<ofd:CustomTags>Tags/CustomTags.xml</ofd:CustomTags>"
            "<ofd:Attachments>Attachs/Attachments.xml</ofd:Attachments>",
        )

    def _filled(self, sheet: Sheet, page: int, template: int) -> bytes:
        painted = []
        for mark in sheet.marks:
            number = self._numbers.next()
            if isinstance(mark, Text | Picture) and mark.item:
                self._tagged.setdefault(mark.item, []).append((page, number))
            painted.append(self._store.painted(mark, number, (sheet.width, sheet.height)))
        below = f'<ofd:Template TemplateID="{template}"/>'
        layer = f'ID="{self._numbers.next()}"'
        return _page((sheet.width, sheet.height), "".join(painted), layer, below)

    def _font_list(self) -> bytes:
        fonts = "".join(
            f'<ofd:Font ID="{number}" FontName="{made.name}"'
            f' FamilyName="{typeface(lettering).metrics.family}"'
            f' Serif="{"true" if typeface(lettering).serif else "false"}">'
            f"<ofd:FontFile>{name}</ofd:FontFile></ofd:Font>"
            for store in (self._form.store, self._store)
            for lettering, (number, name, made) in store.fonts.items()
        )
        return _xml("Res", f"<ofd:Fonts>{fonts}</ofd:Fonts>", ' BaseLoc="Res"')

    def _picture_list(self) -> bytes:
        listed = "".join(
            f'<ofd:MultiMedia ID="{number}" Type="Image" Format="{name.rpartition(".")[2].upper()}">'
            f"<ofd:MediaFile>{name}</ofd:MediaFile></ofd:MultiMedia>"
            for store in (self._form.store, self._store)
            for number, name in store.pictures.values()
        )
        if not listed:
            return b""
        return _xml("Res", f"<ofd:MultiMedias>{listed}</ofd:MultiMedias>", ' BaseLoc="Res"')

    def _tags(self) -> bytes:
        labels = self._content.labels
        items = "".join(
            f'<face:item id="{escape(item)}" label="{escape(labels.get(item, ""))}">'
            + "".join(
                f'<ofd:ObjectRef PageRef="{page}">{number}</ofd:ObjectRef>'
                for page, number in places
            )
            + "</face:item>"
            for item, places in self._tagged.items()
        )
        return (
            f'{_HEAD}<face:face xmlns:face="{TAGS}" xmlns:ofd="{NAMESPACE}"'
            f' type="{escape(self._content.type)}">{items}</face:face>'
        ).encode()

    def _attachments(self) -> bytes:
        attached = {"face": self._content.data, "commitments": self._content.commitments}
        return _xml(
            "Attachments",
            "".join(
                f'<ofd:Attachment ID="{name}" Name="{name}" Format="json"'
                f' CreationDate="{self._content.created_at:%Y-%m-%dT%H:%M:%S}"'
                f' Size="{len(data) / 1024:.3f}" Visible="false" Usage="{name}">'
                f"<ofd:FileLoc>{name}.json</ofd:FileLoc></ofd:Attachment>"
                for name, data in attached.items()
                if data
            ),
        )


def _blinded(name: str, content: bytes, blind: str) -> bytes:
    """The part with something at its end that nobody can guess and no reader looks at."""
    mixed = sm3(f"{blind} {name}".encode()).encode()
    if name.endswith(".xml"):
        return b"%b<!--%b-->" % (content, mixed)
    return content + mixed if name.endswith(".ttf") else content


def _xml(name: str, body: str, attributes: str = "") -> bytes:
    return f'{_HEAD}<ofd:{name} xmlns:ofd="{NAMESPACE}"{attributes}>{body}</ofd:{name}>'.encode()


def _page(sheet: tuple[float, float], body: str, layer: str, below: str = "") -> bytes:
    content = f"<ofd:Content><ofd:Layer {layer}>{body}</ofd:Layer></ofd:Content>"
    return _xml("Page", f"{below}<ofd:Area>{_area(sheet)}</ofd:Area>{content}")


def _area(sheet: tuple[float, float]) -> str:
    return f"<ofd:PhysicalBox>{row(0, 0, *sheet)}</ofd:PhysicalBox>"
