"""From the data of a certificate to its documents: drawn once, written as OFD and as PDF.

The data say everything: what is painted, whether a watermark lies below it and what it says, what
the QR code leads to, when the document says it was made. So the same data and the same template are
the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from certificates.commitments import part_of
from certificates.copies import watermark
from certificates.drawing.content import Content
from certificates.drawing.errors import DrawingError
from certificates.drawing.marks import Drawing
from certificates.drawing.ofd import ofd
from certificates.drawing.pdf import pdf
from certificates.drawing.watermark import watermarked
from certificates.editions import Edition
from certificates.embedding import CertificateData
from certificates.errors import FaceRefused
from certificates.face import picture_digests
from certificates.findings import Finding, Level
from certificates.metadata import BEIJING
from certificates.ports import SealPoint
from certificates.preparing import WATERMARKS
from certificates.templates.composing import Pictures, composed
from certificates.templates.errors import FaceRejected
from certificates.templates.keeping import read
from certificates.templates.model import Template

WRITERS: Mapping[str, Callable[[Drawing, Content], bytes]] = {"ofd": ofd, "pdf": pdf}
"""Format → how a drawing becomes one."""
_CLAUSE = "版面 / the template"
_UNDATED = datetime(2026, 1, 1, tzinfo=BEIJING)
"""When a draft says it was made, whenever it was."""


def drawn(template: Template, data: CertificateData, pictures: Pictures) -> Drawing:
    """The drawing of a certificate, a copy or a draft.

    Raises:
        FaceRejected: With every complaint.
        GlyphMissing: A character of the watermark that no typeface has.
    """
    identifier = data.metadata.get("JZJBS") or data.identifier
    drawing = composed(template, data.face, pictures, identifier)
    if data.provisional is not None:
        return watermarked(drawing, WATERMARKS[data.provisional])
    return watermarked(drawing, watermark(data)) if data.parent else drawing


def content(template: Template, data: CertificateData) -> Content:
    """What goes into the documents beside the drawing."""
    return Content(
        title=template.title,
        type=data.type_id,
        labels={entry.id: entry.label for entry in data.face.items},
        data=bytes(data),
        commitments=part_of(data),
        blind=data.blind,
        created_at=_made_at(data),
        metadata=data.metadata,
    )


def _made_at(data: CertificateData) -> datetime:
    told = data.metadata.get("JZJZZSJ") or data.metadata.get("ZZBFRQ")
    return datetime.fromisoformat(told).replace(tzinfo=BEIJING) if told else _UNDATED


@dataclass(frozen=True, slots=True, kw_only=True)
class Renderer:
    """See `certificates.ports.Renderer`. Templates are read once and kept in memory."""

    stored: Callable[[str], bytes]
    """Digest → bytes, of templates and pictures; raises `LostBytes`."""
    formats: tuple[str, ...] = tuple(WRITERS)

    def documents(self, edition: Edition, data: CertificateData) -> Mapping[str, bytes]:
        """See the port."""
        template = self._template(edition)
        pictures = {each: self.stored(each) for each in picture_digests(data.face)}
        try:
            drawing, told = drawn(template, data, pictures), content(template, data)
            return {name: WRITERS[name](drawing, told) for name in self.formats}
        except FaceRejected as rejected:
            raise FaceRefused(
                _finding(each.where, each.rule, each.found) for each in rejected.complaints
            ) from None
        except DrawingError as wrong:
            raise FaceRefused([_finding("", wrong.code.rpartition(".")[2], str(wrong))]) from None

    def seal_points(self, edition: Edition) -> tuple[SealPoint, ...]:
        """See the port."""
        return tuple(
            SealPoint(page=number, x=place.x, y=place.y, diameter=place.diameter)
            for number, page in enumerate(self._template(edition).pages, 1)
            for place in page.seals
        )

    def _template(self, edition: Edition) -> Template:
        return _read(self.stored, edition.template_digest)


@lru_cache(maxsize=256)
def _read(stored: Callable[[str], bytes], digest: str) -> Template:
    """The writers remember what they made of a template's backdrops, which are told by identity."""
    return read(stored(digest))


def _finding(item: str, rule: str, found: str) -> Finding:
    return Finding(item=item, rule=rule, clause=_CLAUSE, level=Level.FAIL, expected=found)
