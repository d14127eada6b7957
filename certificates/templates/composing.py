"""A template and a face make a drawing, or all complaints at once."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from catalog import CertificateType
from catalog import FaceItem as ItemRule
from catalog.model import FieldType
from certificates.drawing import content
from certificates.drawing.errors import GlyphMissing, Overflow, PictureRefused
from certificates.drawing.lines import Box, Style, laid
from certificates.drawing.marks import Drawing, Mark, Picture, Sheet
from certificates.drawing.pictures import looked
from certificates.drawing.qr import qr
from certificates.templates.errors import FaceRejected
from certificates.templates.model import Complaint, Dates, Page, PicturePlace, Table, Template
from certificates.templates.planning import Tables

Value = str | bytes | tuple[str, ...]
"""A text, a picture, or the lines of a repeated item."""
Values = Mapping[str, Value]
_DATE = re.compile(r"(\d{4})-(\d{2})(?:-(\d{2}))?")
_SEVERAL = re.compile(r"[,，;；、]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Composed:
    """A drawing, and the face it shows as data."""

    drawing: Drawing
    items: tuple[content.FaceItem, ...]


def composed(
    template: Template, kind: CertificateType, values: Values, tables: Tables, identifier: str
) -> Composed:
    """The drawing of a face.

    Args:
        template: Of the type.
        kind: The type.
        values: Item → value; what is missing is empty.
        tables: Code tables of the catalog.
        identifier: What the QR code says.

    Raises:
        FaceRejected: With every complaint.
    """
    made = _Composer(kind, values, tables, identifier)
    sheets = tuple(made.sheet(page) for page in template.pages)
    made.check()
    if made.complaints:
        raise FaceRejected(made.complaints)
    return Composed(drawing=Drawing(sheets=sheets), items=tuple(made.items(template)))


def shown(rule: ItemRule, value: str, tables: Tables, dates: Dates) -> str:
    """A value as it is painted: the label of a code, a date in words, all else as it is."""
    if not value:
        return ""
    if rule.type is FieldType.CODE:
        table = tables.get(rule.code_table or "")
        codes = [value] if table is None or value in table.codes else _SEVERAL.split(value)
        return "、".join((table.label(code) if table else None) or code for code in codes)
    found = _DATE.fullmatch(value)
    # Validity is a text where 长期 may stand in place of a date.
    if found and (rule.type is FieldType.DATE or "valid" in rule.id or rule.max_length <= 7):
        return _dated(found, dates)
    return value


def _dated(found: re.Match[str], dates: Dates) -> str:
    year, month, day = found[1], found[2], found[3]
    if dates is Dates.DOTTED:
        return ".".join((year, month, day) if day else (year, month))
    return f"{year}年{int(month)}月" + (f"{int(day)}日" if day else "")


class _Composer:
    """One drawing under way."""

    def __init__(
        self, kind: CertificateType, values: Values, tables: Tables, identifier: str
    ) -> None:
        self._kind, self._values, self._tables = kind, values, tables
        self._identifier = identifier
        self.complaints: list[Complaint] = []

    def _complain(self, where: str, rule: str, found: str) -> None:
        self.complaints.append(Complaint(where=where, rule=rule, found=found))

    def check(self) -> None:
        """What is missing, and what the type does not know."""
        for rule in self._kind.items.values():
            if rule.required and not self._values.get(rule.id):
                self._complain(rule.id, "required", "必填项为空 / a required item is empty")
        for item in sorted(self._values.keys() - self._kind.items.keys()):
            self._complain(item, "no-place", "照面没有此项 / the face has no such item")

    def sheet(self, page: Page) -> Sheet:
        """One page filled in."""
        marks: list[Mark] = []
        for each in page.pictures:
            marks += self._picture(each)
        for field in page.fields:
            told = shown(
                self._kind.items[field.item], self._text(field.item), self._tables, field.dates
            )
            if told:
                marks += self._told(field.item, told, field.box, field.style)
        for table in page.tables:
            marks += self._table(table)
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
        value = self._values.get(item, "")
        return value if isinstance(value, str) else ""

    def _told(self, item: str, told: str, box: Box, style: Style) -> Sequence[Mark]:
        try:
            return laid(told, box, style, item=item)
        except GlyphMissing as missing:
            self._complain(item, "glyph", str(missing))
        except Overflow as over:
            self._complain(item, "overflow", str(over))
        return ()

    def _table(self, table: Table) -> Iterator[Mark]:
        for column in table.columns:
            lines = self._values.get(column.item, ())
            lines = lines if isinstance(lines, tuple) else ()
            if len(lines) > table.rows:
                self._complain(column.item, "rows", f"{len(lines)} > {table.rows}")
                continue
            rule = self._kind.items[column.item]
            for at, value in enumerate(lines):
                box = Box(column.x + 0.5, table.y + at * table.row, column.width - 1.0, table.row)
                told = shown(rule, value, self._tables, table.dates)
                if told:
                    yield from self._told(column.item, told, box, table.style)

    def _picture(self, place: PicturePlace) -> Iterator[Mark]:
        value = self._values.get(place.item)
        if not value:
            return
        data = value if isinstance(value, bytes) else b""
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

    def items(self, template: Template) -> Iterator[content.FaceItem]:
        """The face as data, in the order of the type."""
        dates = {field.item: field.dates for page in template.pages for field in page.fields}
        for rule in self._kind.items.values():
            value = self._values.get(rule.id, "")
            lines = value if isinstance(value, tuple) else (value,)
            for each in lines:
                if isinstance(each, bytes):
                    digest = hashlib.new("sm3", each).hexdigest()
                    yield content.FaceItem(id=rule.id, label=rule.label, value=f"sm3:{digest}")
                else:
                    written = dates.get(rule.id, Dates.DOTTED)
                    yield content.FaceItem(
                        id=rule.id,
                        label=rule.label,
                        value=each,
                        shown=shown(rule, each, self._tables, written),
                    )
