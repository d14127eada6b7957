"""Spreadsheets and CSV files → rows of text cells, with limits and without running anything.

Only what stands in the cells is taken: a formula gives the value that was saved with it, and text
that looks like one stays text. Files come from offices, so GB18030, byte order marks, tabs as
separators and a stray cell in the last column of the sheet are all ordinary.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook

from catalog.errors import Complaint, InvalidList

MAX_BYTES = 20 * 1024 * 1024
MAX_UNPACKED = 200 * 1024 * 1024
"""Of the parts inside an .xlsx or .ods file, which are zip archives."""
MAX_ROWS = 20_000
MAX_COLUMNS = 256
MAX_CELL = 4_000
"""Characters of one cell."""

Row = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet: its name as complaints show it, and its cells from the first row and column."""

    name: str
    rows: tuple[Row, ...]


def read_sheets(path: Path) -> tuple[Sheet, ...]:
    """All sheets of a `.xlsx`, `.xls`, `.ods` file; the one of a `.csv` or `.tsv` file.

    Raises:
        InvalidList: rule `unreadable`, `file-too-large`, `file-kind`, `encoding`, `too-many-rows`,
            `too-many-columns` or `cell-too-long`.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise _refusal(path.name, "unreadable", type(error).__name__, "a file to read") from None
    if len(data) > MAX_BYTES:
        raise _refusal(path.name, "file-too-large", f"over {MAX_BYTES} bytes", "at most 20 MiB")
    kind = path.suffix.lower()
    if kind in {".csv", ".tsv", ".txt"}:
        return (_checked(Sheet(path.name, tuple(_csv_rows(path.name, data)))),)
    if kind in {".xlsx", ".xls", ".ods"}:
        return tuple(_checked(sheet) for sheet in _workbook(path.name, kind, data))
    raise _refusal(path.name, "file-kind", repr(kind), ".xlsx, .xls, .ods or .csv")


def tidy(text: str) -> str:
    """One line, brackets full-width, layout blanks dropped, so that equal names compare equal.

    A blank stays only between two ASCII words.
    """
    text = _UNPRINTABLE.sub("", text).replace("(", "（").replace(")", "）")
    text = re.sub(r"\s+", " ", text.strip())
    return re.sub(r"(?<=[^\x00-\x7f]) | (?=[^\x00-\x7f])", "", text)


_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\u200b-\u200f\u202a-\u202e\ufeff\ud800-\udfff"
    "\ufffe\uffff]"
)
"""What YAML does not allow, and signs that only steer how text is laid out."""


def _refusal(file: str, rule: str, found: str, expected: str, line: int = 0) -> InvalidList:
    return InvalidList([Complaint(file=file, line=line, rule=rule, found=found, expected=expected)])


def _checked(sheet: Sheet) -> Sheet:
    if len(sheet.rows) > MAX_ROWS:
        raise _refusal(sheet.name, "too-many-rows", str(len(sheet.rows)), f"at most {MAX_ROWS}")
    for line, row in enumerate(sheet.rows, 1):
        if len(row) > MAX_COLUMNS and any(row[MAX_COLUMNS:]):
            found, expected = str(len(row)), f"at most {MAX_COLUMNS}"
            raise _refusal(sheet.name, "too-many-columns", found, expected, line)
        if any(len(cell) > MAX_CELL for cell in row):
            expected = f"at most {MAX_CELL} characters in a cell"
            raise _refusal(sheet.name, "cell-too-long", "a long cell", expected, line)
    return sheet


def _csv_rows(file: str, data: bytes) -> Iterator[Row]:
    text = _decoded(file, data)
    first = max(text.splitlines()[:40], key=len, default="")
    separator = max(",\t;", key=first.count)
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator):
            yield tuple(row)
    except csv.Error as error:
        raise _refusal(file, "unreadable", str(error), "a CSV file") from None


def _decoded(file: str, data: bytes) -> str:
    """UTF-8 with or without a mark, UTF-16 with one, else GB18030."""
    wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    for encoding in ("utf-16",) if wide else ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise _refusal(file, "encoding", "neither UTF-8 nor GB18030", "UTF-8 or GB18030")


def _workbook(file: str, kind: str, data: bytes) -> Iterator[Sheet]:
    if kind != ".xls":
        _check_archive(file, data)
    try:
        with CalamineWorkbook.from_filelike(io.BytesIO(data)) as book:
            for name in book.sheet_names:
                yield Sheet(f"{file}[{name}]", tuple(_rows(book.get_sheet_by_name(name))))
    except (CalamineError, OSError, ValueError) as error:
        raise _refusal(file, "unreadable", type(error).__name__, "a workbook") from None


def _rows(sheet: CalamineSheet) -> Iterator[Row]:
    """From the first row and column of the sheet, so that a row's number is the one on screen."""
    for row in sheet.to_python(skip_empty_area=False, nrows=MAX_ROWS + 1):
        yield tuple(_text(cell) for cell in row)


_Cell = int | float | str | bool | time | date | datetime | timedelta


def _text(cell: _Cell) -> str:
    if isinstance(cell, str):
        return cell
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)


MAX_GRID = MAX_ROWS * MAX_COLUMNS
"""Cells of the rectangle a sheet is laid out in; one stray cell at the far end can make it huge."""


def _check_archive(file: str, data: bytes) -> None:
    """Refuse what would fill the memory when unpacked or laid out as a grid."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = archive.infolist()
            if sum(part.file_size for part in parts) > MAX_UNPACKED:
                expected = f"at most {MAX_UNPACKED} bytes inside"
                raise _refusal(file, "file-too-large", "more when unpacked", expected)
            for part in parts:
                if re.fullmatch(r"xl/worksheets/[^/]+\.xml", part.filename):
                    _check_grid(file, _excel_cells(archive.read(part)))
                elif part.filename == "content.xml":
                    _check_grid(file, _open_document_cells(archive.read(part)))
    except (zipfile.BadZipFile, EOFError, OSError, RuntimeError, ValueError, zlib.error) as error:
        raise _refusal(file, "unreadable", type(error).__name__, "a workbook") from None


def _check_grid(file: str, cells: int) -> None:
    if cells > MAX_GRID:
        expected = f"at most {MAX_ROWS} rows; remove far-off cells"
        raise _refusal(file, "too-many-rows", f"a grid of {cells} cells", expected)


_REFERENCE = re.compile(rb'<(?:\w+:)?(?:c|row) [^>]{0,200}?\br="([A-Z]{0,3})([0-9]{1,7})"')


def _excel_cells(xml: bytes) -> int:
    rows = columns = 1
    for column, row in _REFERENCE.findall(xml):
        rows = max(rows, int(row))
        columns = max(columns, _column_number(column))
    return rows * columns


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


_ODS_ROW = re.compile(rb"<table:table-row\b([^>]*)>(.*?)</table:table-row>", re.DOTALL)
_ODS_CELL = re.compile(rb"<table:(?:covered-)?table-cell\b([^>]*)>")
_ODS_REPEATED = re.compile(rb'number-(?:columns|rows)-repeated="([0-9]{1,9})"')


def _open_document_cells(xml: bytes) -> int:
    """Cells up to the last one that holds something, repetitions written out."""
    rows = columns = pending = 0
    for row, inner in _ODS_ROW.findall(xml):
        pending += _repeated(row)
        width = filled = 0
        for cell in _ODS_CELL.findall(inner):
            width += _repeated(cell)
            filled = width if b"office:value-type" in cell else filled
        if filled:
            rows, columns = pending, max(columns, filled)
    return rows * columns


def _repeated(attributes: bytes) -> int:
    count = _ODS_REPEATED.search(attributes)
    return int(count[1]) if count else 1
