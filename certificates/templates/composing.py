"""A template and a face make a drawing, or all complaints at once.

Nothing is worded here: what is painted is what the face says is painted (`FaceEntry.texts`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from certificates.drawing.errors import GlyphMissing, Overflow, PictureRefused
from certificates.drawing.lines import Box, Style, laid
from certificates.drawing.marks import Drawing, Mark, Picture, Sheet
from certificates.drawing.pictures import looked
from certificates.drawing.qr import qr
from certificates.model import Face, FaceEntry
from certificates.templates.errors import FaceRejected
from certificates.templates.model import Complaint, Page, PicturePlace, Table, Template

Pictures = Mapping[str, bytes]
"""`sm3:…`, as faces refer to a picture → its bytes."""


def composed(template: Template, face: Face, pictures: Pictures, identifier: str) -> Drawing:
    """The drawing of a face.

    Args:
        template: Of the type.
        face: What is to be painted.
        pictures: Those that the face refers to.
        identifier: What the QR code says; empty for none.

    Raises:
        FaceRejected: With every complaint.
    """
    made = _Composer(face, pictures, identifier)
    sheets = tuple(made.sheet(page) for page in template.pages)
    made.check(template)
    if made.complaints:
        raise FaceRejected(made.complaints)
    return Drawing(sheets=sheets)


class _Composer:
    """One drawing under way."""

    def __init__(self, face: Face, pictures: Pictures, identifier: str) -> None:
        self._entries = {entry.id: entry for entry in face.items}
        self._pictures, self._identifier = pictures, identifier
        self.complaints: list[Complaint] = []

    def _complain(self, where: str, rule: str, found: str) -> None:
        self.complaints.append(Complaint(where=where, rule=rule, found=found))

    def check(self, template: Template) -> None:
        """A value that would be left out."""
        for entry in self._entries.values():
            if entry.values and entry.id not in template.items:
                self._complain(entry.id, "no-place", "版面没有此项 / it has no place")

    def sheet(self, page: Page) -> Sheet:
        """One page filled in."""
        marks: list[Mark] = []
        for each in page.pictures:
            marks += self._picture(each)
        for field in page.fields:
            if text := self._text(field.item):
                marks += self._told(field.item, text, field.box, field.style)
        for table in page.tables:
            marks += self._table(table)
        if self._identifier:
            for box in page.codes:
                try:
                    marks.append(qr(self._identifier, box))
                except ValueError:
                    self._complain("qr", "code", "二维码放不下 / more than a QR code holds")
        return Sheet(
            width=page.width,
            height=page.height,
            backdrop=page.backdrop,
            marks=tuple(marks),
            seals=page.seals,
        )

    def _text(self, item: str) -> str:
        entry = self._entries.get(item)
        return entry.text if entry else ""

    def _told(self, item: str, text: str, box: Box, style: Style) -> Sequence[Mark]:
        try:
            return laid(text, box, style, item=item)
        except GlyphMissing as missing:
            self._complain(item, "glyph", str(missing))
        except Overflow as over:
            self._complain(item, "overflow", str(over))
        return ()

    def _table(self, table: Table) -> Iterator[Mark]:
        for column in table.columns:
            entry = self._entries.get(column.item)
            texts = entry.texts if entry else ()
            if len(texts) > table.rows:
                self._complain(column.item, "rows", f"{len(texts)} > {table.rows}")
                continue
            for at, text in enumerate(texts):
                box = Box(column.x + 0.5, table.y + at * table.row, column.width - 1.0, table.row)
                if text:
                    yield from self._told(column.item, text, box, table.style)

    def _picture(self, place: PicturePlace) -> Iterator[Mark]:
        entry = self._entries.get(place.item)
        if entry is None or not entry.values:
            return
        # A picture that a copy hides is a text by now, and painted as one.
        if entry.text:
            yield from self._hidden(place, entry)
            return
        data = self._pictures.get(entry.value, b"")
        try:
            seen = looked(data)
        except PictureRefused as refused:
            self._complain(place.item, "picture", refused.why)
            return
        x, y, width, height = place.box
        scale = min(width / seen.width, height / seen.height)
        wide, high = seen.width * scale, seen.height * scale
        yield Picture(
            data=data,
            format=seen.format,
            x=round(x + (width - wide) / 2, 3),
            y=round(y + (height - high) / 2, 3),
            width=round(wide, 3),
            height=round(high, 3),
            item=place.item,
            label=place.label,
        )

    def _hidden(self, place: PicturePlace, entry: FaceEntry) -> Sequence[Mark]:
        size = min(5.0, place.box.width / 4, place.box.height)
        return self._told(place.item, entry.text, place.box, Style(size=size, floor=size / 2))
