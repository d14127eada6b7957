"""Rows of a workbook (xlsx), after a look at the archive it is.

An xlsx is a zip of XML: how much it unpacks to, how far apart its cells stand and whether it holds a
document type is settled here, before a parser lays it out in memory. A formula counts as the value
that was saved with it; a number that a spreadsheet has rounded, and a cell under a merged one, are
bad rows and not values.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import BinaryIO

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, WorksheetNotFound

from adapters.files.tables import BadRow, Cells, Layout, Row, Rows, Unusable, checked, places_of
from adapters.files.terms import MAX_COLUMNS

MAX_PACKED = 100 * 1024 * 1024
MAX_UNPACKED = 1024 * 1024 * 1024
MAX_RATIO = 200
"""Unpacked size to packed size, of a part over a mebibyte: sheets reach 30, bombs 1000."""
MAX_PARTS = 1000
MAX_GRID = 30_000_000
"""Cells of the rectangle a sheet is laid out in; one stray cell at its far end makes it huge."""
_CHUNK = 1024 * 1024
_OVERLAP = 4096
EXACT = 2**53
"""Numbers from here on are not exact: a spreadsheet has cut a citizen number's last digits."""

_Cell = int | float | str | bool | time | date | datetime | timedelta
_REFERENCE = re.compile(rb'<(?:\w+:)?(?:c|row) [^>]{0,200}?\br="([A-Z]{0,3})([0-9]{1,7})"')
_NO_VALUE = re.compile(rb"(?:</f>|<f(?: [^>]{0,2000})?/>)\s*(?:<v>\s*</v>|<v\s*/>)?\s*</c>")


def read_workbook(stream: BinaryIO, layout: Layout) -> Rows:
    """The rows of one sheet.

    Raises:
        Unusable: `not-a-workbook`, `zip-bomb`, `grid`, `xml-doctype`, `formula-without-value`,
            `no-sheet`, `no-head`, `position`, `column-missing`, …
    """
    _check_archive(stream)
    stream.seek(0)
    try:
        with CalamineWorkbook.from_filelike(stream) as book:
            yield from _rows(_sheet(book, layout.sheet), layout)
    except WorksheetNotFound:
        raise Unusable("no-sheet") from None
    except (CalamineError, OSError, ValueError):
        raise Unusable("not-a-workbook") from None


def _sheet(book: CalamineWorkbook, name: str | None) -> CalamineSheet:
    if name is None:
        return book.get_sheet_by_index(0)
    if name not in book.sheet_names:
        raise Unusable("no-sheet")
    return book.get_sheet_by_name(name)


def _rows(sheet: CalamineSheet, layout: Layout) -> Rows:
    rows = enumerate(_from_the_first(sheet), 1)
    for _ in range(layout.skip):
        next(rows, None)
    places = [number - 1 for number in layout.numbers]
    if layout.named:
        _, head = next(rows, (0, None))
        if head is None:
            raise Unusable("no-head")
        places = places_of([_text(cell) or "" for cell in head], layout.columns)
    if sheet.width and places and max(places) > MAX_COLUMNS:
        raise Unusable("position")
    covered = _covered(sheet, places)
    for number, cells in rows:
        if any(cell not in ("", None) for cell in cells):
            yield _row(number, cells, places, layout.columns, covered)


def _from_the_first(sheet: CalamineSheet) -> Iterator[Sequence[_Cell]]:
    """From the sheet's first row and column, so that a row's number is the one on screen."""
    start = sheet.start or (0, 0)
    for _ in range(start[0]):
        yield ()
    before: list[_Cell] = [""] * start[1]
    for row in sheet.iter_rows():
        yield [*before, *row]


def _row(
    number: int,
    cells: Sequence[_Cell],
    places: Sequence[int],
    columns: Sequence[str],
    covered: frozenset[tuple[int, int]],
) -> Row | BadRow:
    found: list[str] = []
    for place, column in zip(places, columns, strict=True):
        if covered and (number - 1, place) in covered:
            return BadRow(number, column, "merged")
        text = _text(cells[place]) if place < len(cells) else ""
        if text is None:
            return BadRow(number, column, "rounded-number")
        found.append(text.strip())
    picked: Cells = found
    return checked(number, picked, columns)


def _covered(sheet: CalamineSheet, places: Sequence[int]) -> frozenset[tuple[int, int]]:
    """Places of wanted columns that lie under a merged cell: what they mean is not written."""
    wanted = set(places)
    found: set[tuple[int, int]] = set()
    for (top, left), (bottom, right) in sheet.merged_cell_ranges or ():
        columns = [column for column in range(left, right + 1) if column in wanted]
        if len(found) + (bottom - top + 1) * len(columns) > MAX_GRID // 10:
            raise Unusable("grid")
        found.update((row, c) for row in range(top, bottom + 1) for c in columns)
        found.discard((top, left))
    return frozenset(found)


def _text(cell: _Cell) -> str | None:
    """The cell as text; None for a number that is no longer exact."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, int | float):
        if abs(cell) >= EXACT:
            return None
        return str(int(cell)) if float(cell).is_integer() else repr(cell)
    if isinstance(cell, datetime):
        return cell.isoformat(sep=" ", timespec="seconds")
    return cell.isoformat() if isinstance(cell, date | time) else str(cell)


# --- the archive ------------------------------------------------------------------------------


def _check_archive(stream: BinaryIO) -> None:
    try:
        with zipfile.ZipFile(stream) as archive:
            parts = archive.infolist()
            if len(parts) > MAX_PARTS or sum(part.file_size for part in parts) > MAX_UNPACKED:
                raise Unusable("zip-bomb")
            for part in parts:
                _check_part(archive, part)
    except (zipfile.BadZipFile, EOFError, OSError, RuntimeError, ValueError, zlib.error):
        raise Unusable("not-a-workbook") from None
    except NotImplementedError:  # a compression that workbooks do not have
        raise Unusable("not-a-workbook") from None


def _check_part(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> None:
    """Read a part once, in pieces: sizes in the directory may lie."""
    size, rows, columns, before = 0, 1, 1, b""
    if part.file_size > _CHUNK and part.file_size > MAX_RATIO * max(part.compress_size, 1):
        raise Unusable("zip-bomb")
    sheet = re.fullmatch(r"xl/worksheets/[^/]+\.xml", part.filename) is not None
    with archive.open(part) as stream:
        while chunk := stream.read(_CHUNK):
            size += len(chunk)
            if size > MAX_UNPACKED:
                raise Unusable("zip-bomb")
            piece = before + chunk
            if part.filename.endswith((".xml", ".rels")) and b"<!DOCTYPE" in piece:
                raise Unusable("xml-doctype")
            if sheet:
                rows, columns = _extent(piece, rows, columns)
            before = piece[-_OVERLAP:]


def _extent(xml: bytes, rows: int, columns: int) -> tuple[int, int]:
    if _NO_VALUE.search(xml):
        raise Unusable("formula-without-value")
    for letters, row in _REFERENCE.findall(xml):
        rows, columns = max(rows, int(row)), max(columns, _column_number(letters))
    if rows * columns > MAX_GRID:
        raise Unusable("grid")
    return rows, columns


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number
