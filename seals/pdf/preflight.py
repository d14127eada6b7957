"""What keeps a PDF from being sealed: content that shows one thing and holds another.

A seal says that an authority stands behind what is seen. So nothing is sealed that is hidden,
covered or too faint to be seen, that acts when it is opened or can be filled in, whose letters are
not what they look like, or that lies in the file without a use. All reasons are told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.reader import PdfFileReader

from seals.errors import MalformedDocument
from seals.pdf import fonts
from seals.pdf.inspection import Facts, inspect
from seals.pdf.pages import content, edges, pages
from seals.pdf.painted import Painter, flaws
from seals.pdf.reading import entry, opened, reading
from seals.pdf.revisions import Later

MAX_REASONS = 200
MAX_OBJECTS = 200_000

Reason = tuple[str, str]
"""Stable key and place."""

REFUSALS: Mapping[str, tuple[str, str]] = {
    "no-header": ("不是 PDF 文件", "not a PDF"),
    "unreadable": ("文件结构无法读取", "its structure cannot be read"),
    "too-large": ("文件过大", "it is too large"),
    "encrypted": ("文件已加密", "it is encrypted"),
    "two-tables": ("有两套对象目录", "it has two tables of objects"),
    "bytes-before": ("文件头之前有多余字节", "bytes stand before the header"),
    "bytes-behind": ("文件结尾之后有多余字节", "bytes stand behind the end"),
    "stray-bytes": ("对象之间夹有不属于任何对象的字节", "bytes between objects belong to none"),
    "earlier-revisions": ("文件里留有以前的版本", "earlier revisions are left in it"),
    "changed-after-sealing": ("已有签章之后被改动", "it was changed after an earlier seal"),
    "seal-broken": ("已有签章不完好", "an earlier seal in it is broken"),
    "unreferenced": ("有没用到的对象", "an object that nothing uses"),
    "objects": ("对象过多", "too many objects"),
    "no-pages": ("没有页", "it has no pages"),
    "action": ("有脚本或动作", "a script or an action"),
    "form": ("有表单域", "a form field"),
    "optional-content": ("有可选显示的图层", "optional content"),
    "annotation": ("有批注", "an annotation"),
    "attachment": ("带有附件", "an attachment"),
    "external": ("引用了文件之外的内容", "content from outside of the file"),
    "alternate": ("同一图像另有替代", "an alternate of a picture"),
    "content-unreadable": ("页面内容无法读取", "a page's content cannot be read"),
    "content-too-much": ("页面内容过多", "too much on a page"),
    "actual-text": ("文字另有替代读法", "text that is to be read otherwise than it is seen"),
    "hidden-text": ("有不显示的文字", "text that is not shown"),
    "transparent": ("有透明得看不见的内容", "content too clear to be seen"),
    "white-text": ("有白底白字", "white text on nothing"),
    "tiny-text": ("有小得看不见的文字", "text too small to be seen"),
    "off-page": ("有页面之外的文字", "text beside the page"),
    "covered": ("有被遮盖的文字", "text that is covered"),
    "font-unreadable": ("字体无法读取", "a font cannot be read"),
    "font-not-embedded": ("字体没有嵌入", "a font is not embedded"),
    "font-drawn": ("字体由绘图指令组成", "a font of drawings (Type 3)"),
    "font-without-text": ("字体没有文字对照", "a font without a table of its text"),
    "font-lies": ("字形与文字不符", "glyphs are not of the characters they are told to be"),
    "font-too-large": ("字体过大", "a font is too large"),
}


def reasons(document: bytes) -> tuple[Reason, ...]:
    """Everything that keeps a document from being sealed, the first `MAX_REASONS` of it; the keys
    are those of `REFUSALS`. Raises nothing for what the document holds.
    """
    told: dict[Reason, None] = {}
    try:
        for reason in _all(document):
            told.setdefault(reason)
            if len(told) == MAX_REASONS:
                break
    except MalformedDocument as error:
        told.setdefault((error.why if error.why in REFUSALS else "unreadable", error.where))
    return tuple(told)


def _all(document: bytes) -> Iterator[Reason]:
    facts = inspect(document)
    reader = opened(document)
    for problem in facts.problems:
        yield problem if problem[0] in REFUSALS else ("seal-broken", problem[1])
    with reading():
        yield from _history(reader, facts)
        yield from _stray(document, reader)
        yield from _graph(reader)
        found = list(pages(reader))
    if not found:
        yield "no-pages", ""
    seen: set[int] = set()
    for at, (page, inherited) in enumerate(found, 1):
        yield from _page(page, inherited, f"page {at}", seen, sealed=bool(facts.signatures))


def _history(reader: PdfFileReader, facts: Facts) -> Iterator[Reason]:
    """A fresh document has one revision; a sealed one has what its seals vouch for."""
    if not facts.signatures:
        if reader.xrefs.total_revisions > 1:
            yield "earlier-revisions", ""
        return
    for each in facts.signatures:
        if each.problems or not (each.intact and each.holds and each.covers_revision):
            yield "seal-broken", each.name
        elif each.later is Later.CHANGES:
            yield "changed-after-sealing", each.name
    first = min(
        reader.xrefs.get_last_change(each.raw_get("/V").reference)
        for each in _signed_fields(reader)
    )
    if first > 1:
        yield "earlier-revisions", ""


def _signed_fields(reader: PdfFileReader) -> list[Any]:
    fields = [each.get_object() for each in reader.root["/AcroForm"]["/Fields"]]
    return [each for each in fields if "/V" in each]


def _stray(document: bytes, reader: PdfFileReader) -> Iterator[Reason]:
    """Between the objects that the tables name there is nothing but the tables themselves."""
    xrefs = reader.xrefs
    starts: dict[int, int] = {}
    for revision in range(xrefs.total_revisions):
        for reference in xrefs.explicit_refs_in_revision(revision):
            place = xrefs.get_historical_ref(reference, revision)
            if isinstance(place, int):
                starts[place] = reference.idnum
    offsets = sorted(starts)
    if offsets and not _COMMENTS.fullmatch(document, 0, offsets[0]):
        yield "stray-bytes", ""
    for start, end in zip(offsets, [*offsets[1:], len(document)], strict=True):
        if not _one_object(document[start:end]):
            yield "stray-bytes", f"object {starts[start]}"


def _one_object(span: bytes) -> bool:
    """One object and, where a revision ends, its table."""
    head, _, rest = span.partition(b"stream")
    if rest and b"endobj" not in head:
        data, found, tail = rest.rpartition(b"endstream")
        if not found:
            return False
        # A stream's data may hold anything; that no second object hides in it behind the true end
        # is for the length to say.
        if _SECOND.search(data):
            return False
        span = head + tail
    body, found, tail = span.partition(b"endobj")
    return bool(found) and body.count(b" obj") == 1 and bool(_TAIL.fullmatch(tail))


_COMMENTS = re.compile(rb"(?:%[^\r\n]*[\r\n]+|[\s\x00]+)*")
_SECOND = re.compile(rb"endstream\s+endobj\b")
_TAIL = re.compile(
    rb"\s*(?:(?:xref\s[\d\s nf]*trailer\s*<<.*>>\s*)?startxref\s+\d+\s+%%EOF\s*)?", re.DOTALL
)


def _graph(reader: PdfFileReader) -> Iterator[Reason]:
    """Walk everything that the trailer leads to."""
    reached: set[tuple[int, int]] = set()
    waiting: list[tuple[str, Any]] = [
        (str(key), reader.trailer.raw_get(key)) for key in reader.trailer
    ]
    while waiting:
        key, each = waiting.pop()
        if isinstance(each, generic.IndirectObject):
            number = (each.idnum, each.generation)
            if number in reached:
                continue
            reached.add(number)
            if len(reached) > MAX_OBJECTS:
                yield "objects", ""
                return
            each = each.get_object()
        if isinstance(each, generic.DictionaryObject):
            yield from ((why, key) for why in _dictionary(key, each))
            waiting += [(str(name), each.raw_get(name)) for name in each]
        elif isinstance(each, generic.ArrayObject):
            waiting += [(key, each.raw_get(at)) for at in range(len(each))]
    yield from _unreferenced(reader, reached)


def _unreferenced(reader: PdfFileReader, reached: set[tuple[int, int]]) -> Iterator[Reason]:
    xrefs = reader.xrefs
    for revision in range(xrefs.total_revisions):
        for reference in xrefs.explicit_refs_in_revision(revision):
            if (reference.idnum, reference.generation) in reached:
                continue
            held = reader.get_object(reference)
            kind = held["/Type"] if isinstance(held, dict) and "/Type" in held else ""
            if kind not in {"/XRef", "/ObjStm"}:
                yield "unreferenced", f"object {reference.idnum}"


_ACTIONS = {
    "/JavaScript", "/Launch", "/SubmitForm", "/ResetForm", "/ImportData", "/GoToR", "/GoToE",
    "/URI", "/Movie", "/Sound", "/Rendition", "/Hide", "/SetOCGState", "/Trans", "/GoTo3DView",
    "/RichMediaExecute", "/Named",
}  # fmt: skip
_BY_KEY = {
    "/JS": "action", "/JavaScript": "action", "/AA": "action", "/XFA": "form",
    "/NeedsRendering": "form", "/Collection": "attachment", "/EmbeddedFiles": "attachment",
    "/EF": "attachment", "/OCProperties": "optional-content", "/OC": "optional-content",
    "/Alternates": "alternate", "/OPI": "alternate", "/ActualText": "actual-text",
    "/RichMediaContent": "attachment",
}  # fmt: skip
_BY_TYPE = {"/OCG": "optional-content", "/OCMD": "optional-content", "/EmbeddedFile": "attachment"}


def _dictionary(key: str, held: generic.DictionaryObject) -> Iterator[str]:
    for name in held:
        if name in _BY_KEY:
            yield _BY_KEY[name]
    kind = entry(held, "/Type", "")
    if kind in _BY_TYPE:
        yield _BY_TYPE[kind]
    if "/S" in held and kind in {"", "/Action"} and held["/S"] in _ACTIONS and key != "/K":
        yield "action"
    if "/OpenAction" in held and not isinstance(held["/OpenAction"], list):
        yield "action"
    if isinstance(held, generic.StreamObject) and "/F" in held:
        yield "external"
    if "/Subtype" in held and held["/Subtype"] == "/PS" and kind in {"", "/XObject"}:
        yield "alternate"
    if "/FT" in held and (held["/FT"] != "/Sig" or "/V" not in held):
        yield "form"


def _page(
    page: Any, inherited: Mapping[str, Any], where: str, seen: set[int], *, sealed: bool
) -> Iterator[Reason]:
    try:
        with reading("content-unreadable", where):
            yield from ((why, where) for why in _annotations(page, sealed=sealed))
            painter = Painter(advances=fonts.advances)
            painter.paint(content(page), inherited.get("/Resources", {}))
            yield from ((why, where) for why in sorted(painter.told))
            box = edges(inherited)
            yield from ((why, where) for why in dict.fromkeys(flaws(painter.painted, box)))
        with reading("font-unreadable", where):
            for mark, font in painter.fonts.items():
                if mark not in seen:
                    seen.add(mark)
                    yield from ((why, where) for why in fonts.lies(font))
    except MalformedDocument as error:
        yield error.why, where


def _annotations(page: Any, *, sealed: bool) -> Iterator[str]:
    """Links within the document may stay, and what a seal has brought and covers."""
    for each in entry(page, "/Annots", ()):
        held = each.get_object()
        kind = held["/Subtype"]
        inner = kind == "/Link" and "/A" not in held
        own = kind == "/Widget" or (kind == "/Stamp" and sealed)
        if not (inner or own):
            yield "annotation"
