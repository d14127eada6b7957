"""A drop as its department would write it: rows of cells go in, files come out.

Samples hold cells. To play one, and to make the cases of the conformance kit, its rows are written
by the manifest's own terms and then read by the kind's own readers.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any
from xml.sax.saxutils import escape

from lxml import etree

from adapters import paths
from adapters.converters import CHINA, As, Form, Unreadable, moment_of
from adapters.files.drops import beside
from adapters.files.intake import key_columns
from adapters.files.tables import MAX_CELL
from adapters.files.terms import ControlTerms, FilesAsk, FilesConnect

_DAY_ZERO = datetime(1899, 12, 30, tzinfo=CHINA)
_OTHERS: Mapping[str, str] = {
    As.BOOLEAN: "否", As.DATE: "1901-01-01", As.DATETIME: "1901-01-01 00:00:00", As.AREA: "7000001",
    As.MONEY: "7000001", As.DECIMAL: "7000001", As.INTEGER: "7000001", As.FEN: "7000001",
    As.WAN: "7000001", As.MU: "7000001", As.HECTARE: "7000001",
}  # fmt: skip
"""Cells of a key column that is of a kind, for somebody else."""


class Unwritable(ValueError):
    """The manifest's format has no way to write this cell."""


@dataclass(frozen=True, slots=True)
class Scribe:
    """Writes the drops of one resource."""

    connect: FilesConnect
    ask: FilesAsk

    def stranger(self, number: int, moment: datetime) -> dict[str, str]:
        """A row about somebody else, each number another one."""
        row = dict.fromkeys(self.ask.names_of_columns, f"X{number}")
        for key in key_columns(self.ask):
            if key.rule == As.ID18:
                row[key.name] = f"9901014{number // 1000 % 10}0101{number % 1000:03}"
            elif key.rule in _OTHERS:
                row[key.name] = _OTHERS[key.rule]
        if self.ask.operation:
            row[self.ask.operation.column] = self.ask.operation.upsert[0]
        as_of = self.connect.as_of
        if as_of and as_of.where == "column" and as_of.at:
            row[as_of.at] = stamp(as_of.forms, moment)
        if self.connect.format == "fixed":
            return {name: row[name][:width] for name, width in self.ask.numbers.items()}
        return row

    # --- names and what stands beside

    def name(self, moment: datetime, *, changes: bool = False) -> str:
        """What a data file of that moment is called.

        Raises:
            Unwritable: No name fits both the pattern and the form of its date.
        """
        pattern = (self.ask.changes or "") if changes else self.ask.file
        as_of = self.connect.as_of
        said = stamp(as_of.forms, moment) if as_of and as_of.where == "name" else ""
        for at in range(len(pattern)):
            if pattern[at] == "*":
                # What stands before the star may be the beginning of the date.
                there = next(n for n in range(len(said), -1, -1) if pattern[:at].endswith(said[:n]))
                found = pattern[:at] + said[there:] + pattern[at + 1 :]
            elif _fits(pattern[at : at + len(said)], said):
                found = pattern[:at] + said + pattern[at + len(said) :]
            else:
                continue
            # Where the name says no time, it still tells one drop from the next.
            found = found.replace("*", "x" if said else f"x{_day(moment)}").replace("?", "x")
            if fnmatchcase(found, pattern):
                return found
        raise Unwritable(pattern)

    def beside(self, name: str, table: bytes, count: int, moment: datetime) -> dict[str, bytes]:
        """The control file and the flag of a data file, in the order in which they are written."""
        names, terms = list(beside(self.connect, name)), self.connect.control
        found: dict[str, bytes] = {}
        if terms is not None:
            found[names.pop()] = self.control(terms, name, table, count, moment)
        return {**found, **dict.fromkeys(names, b"")}

    def control(
        self, terms: ControlTerms, name: str, table: bytes, count: int, moment: datetime
    ) -> bytes:
        """The control file of a data file."""
        as_of = self.connect.as_of
        document: dict[str, Any] = {}
        said = {
            terms.count: str(count),
            terms.digest: hashlib.new(terms.algorithm, table, usedforsecurity=False).hexdigest(),
            terms.file: name,
        }
        if as_of and as_of.where == "control":
            said[as_of.at] = stamp(as_of.forms, moment)
        for path, value in said.items():
            if path is not None:
                _put(document, paths.steps_json(path), value)
        match terms.format:
            case "json":
                text = json.dumps(document, ensure_ascii=False)
            case "line":
                text = terms.delimiter.join(each or "" for each in document.get("values", ()))
            case _:
                text = "".join(f"{key}={value}\n" for key, value in document.items())
        return text.encode()

    # --- tables

    def table(self, rows: Iterable[Mapping[str, Any]], *, changes: bool = False) -> bytes:
        """The data file.

        Raises:
            Unwritable: A cell cannot be written in this format or charset.
        """
        match self.connect.format:
            case "xml":
                return self._encoded(self.xml(rows))
            case "xlsx":
                return packed(self.workbook(rows, changes=changes))
        return self._encoded("".join(f"{each}\r\n" for each in self.lines(rows, changes=changes)))

    def columns(self, *, changes: bool = False) -> tuple[str, ...]:
        """The columns that such a file has, in order."""
        if self.ask.numbers or changes or self.ask.operation is None:
            return self.ask.names_of_columns
        return tuple(n for n in self.ask.columns if n != self.ask.operation.column)

    def lines(self, rows: Iterable[Mapping[str, Any]], *, changes: bool = False) -> list[str]:
        """The lines of a csv or fixed file: what stands above, the head, the rows."""
        columns = self.columns(changes=changes)
        found = ["-" for _ in range(self.connect.skip)]
        if self.connect.format == "fixed":
            return found + [self._fixed(row) for row in rows]
        if self.connect.header == "names":
            found.append(self.line(columns))
        return found + [self.line(self._placed(row, columns)) for row in rows]

    def line(self, cells: Iterable[str]) -> str:
        """A line of a csv file."""
        return self.connect.delimiter.join(self._quoted(each) for each in cells)

    def xml(self, rows: Iterable[Mapping[str, Any]]) -> str:
        """An xml file, without its declaration."""
        compiled = paths.compile_xml(self.ask.record or "row", self.connect.namespaces)
        *above, tag = [step for step, _ in compiled.steps]
        root = holder = etree.Element("data")
        for each in above:
            holder = etree.SubElement(holder, each)
        for row in rows:
            record = etree.SubElement(holder, tag)
            for name in self.ask.names_of_columns:
                try:
                    if name.startswith("@"):
                        record.set(name[1:], _cell(row.get(name)))
                    else:
                        etree.SubElement(record, name).text = _cell(row.get(name))
                except ValueError:
                    raise Unwritable(name) from None
        return etree.tostring(root, encoding="unicode")

    def workbook(
        self, rows: Iterable[Mapping[str, Any]], *, changes: bool = False
    ) -> dict[str, bytes]:
        """The parts of an xlsx file."""
        columns = self.columns(changes=changes)
        cells: list[Sequence[str]] = [["-"] for _ in range(self.connect.skip)]
        if self.connect.header == "names":
            cells.append(columns)
        cells += [self._placed(row, columns) for row in rows]
        return workbook(cells, self.ask.sheet or "Sheet1")

    def _placed(self, row: Mapping[str, Any], columns: Sequence[str]) -> list[str]:
        """The cells of a row, each where its column stands."""
        if not self.ask.numbers:
            return [_cell(row.get(name)) for name in columns]
        cells = [""] * max(self.ask.numbers.values())
        for name, position in self.ask.numbers.items():
            cells[position - 1] = _cell(row.get(name))
        return cells

    def _quoted(self, cell: str) -> str:
        quote, delimiter = self.connect.quote, self.connect.delimiter
        if not (delimiter in cell or "\n" in cell or "\r" in cell or (quote and quote in cell)):
            return cell
        if not quote or "\r" in cell:
            raise Unwritable(delimiter)
        return quote + cell.replace(quote, quote * 2) + quote

    def _fixed(self, row: Mapping[str, Any]) -> str:
        found = ""
        for name, width in self.ask.numbers.items():
            cell = _cell(row.get(name))
            room = width - len(self._encoded(cell))
            if room < 0 or "\n" in cell or "\r" in cell:
                raise Unwritable(name)
            found += cell + " " * room
        return found

    def _encoded(self, text: str) -> bytes:
        try:
            return text.encode(self.connect.charset)
        except UnicodeEncodeError:
            raise Unwritable(self.connect.charset) from None


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if (
        not isinstance(value, str)
        or len(value) > MAX_CELL
        or re.search(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]", value)
    ):
        raise Unwritable(type(value).__name__)
    return value


def _fits(pattern: str, said: str) -> bool:
    return len(pattern) == len(said) and all(
        mark in {"?", letter} for mark, letter in zip(pattern, said, strict=True)
    )


def stamp(forms: Sequence[str], moment: datetime) -> str:
    """The moment in the form that loses nothing of it, else in the first one."""
    written = [_stamped(form, moment) for form in forms]
    for each in written:
        try:
            if moment_of(each, tuple(Form(form) for form in forms)) == moment:
                return each
        except Unreadable:
            continue
    return written[0]


def _stamped(form: str, moment: datetime) -> str:
    compiled, local = Form(form), moment.astimezone(CHINA)
    if compiled.serial:
        return str((local - _DAY_ZERO) // timedelta(days=1))
    if compiled.per_second:
        return str(int(local.timestamp() * compiled.per_second))
    return re.sub(r"%[A-Za-z]", lambda found: local.strftime(found[0]), form)


def _day(moment: datetime) -> str:
    return f"{moment.astimezone(CHINA):%Y%m%d}"


def _put(document: dict[str, Any], steps: Sequence[str | int | None], value: str) -> None:
    """Let `value` stand where the steps lead."""
    holder: Any = document
    for step, after in zip(steps, [*steps[1:], None], strict=True):
        inner: Any = value if after is None else [] if isinstance(after, int) else {}
        if isinstance(step, int):
            holder.extend([None] * (step + 1 - len(holder)))
            holder[step] = holder[step] or inner
        else:
            holder.setdefault(step, inner)
        holder = holder[step]


# --- workbooks --------------------------------------------------------------------------------

_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
SHEET = "xl/worksheets/sheet1.xml"


def workbook(rows: Sequence[Sequence[str]], sheet: str) -> dict[str, bytes]:
    """The parts of a workbook with one sheet of texts."""
    body = "".join(
        f'<row r="{number}">' + "".join(_text_cell(number, at, each) for at, each in enumerate(row))
        + "</row>" for number, row in enumerate(rows, 1)
    )  # fmt: skip
    title = escape(sheet, {'"': "&quot;"})
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
        f'<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>'
        f'<Override PartName="/{SHEET}" ContentType="{_TYPE}.worksheet+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="r1" '
        f'Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>'
        f'<sheet name="{title}" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship '
        f'Id="r1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
        SHEET: f'<worksheet xmlns="{_MAIN}"><sheetData>{body}</sheetData></worksheet>',
    }  # fmt: skip
    return {
        name: f'<?xml version="1.0" encoding="UTF-8"?>{text}'.encode()
        for name, text in parts.items()
    }


def _text_cell(row: int, column: int, text: str) -> str:
    letters, left = "", column + 1
    while left:
        left, letter = divmod(left - 1, 26)
        letters = chr(65 + letter) + letters
    inner = f'<is><t xml:space="preserve">{escape(text)}</t></is>'
    return f'<c r="{letters}{row}" t="inlineStr">{inner}</c>' if text else ""


def packed(parts: Mapping[str, bytes]) -> bytes:
    """Parts as one archive."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return stream.getvalue()
