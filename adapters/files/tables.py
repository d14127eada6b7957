"""Rows of a dropped file, one by one, believing nothing.

A reader yields a `Row` for each row it can read and a `BadRow` for each it cannot, so that one bad
row costs only itself. What makes the whole file unusable raises `Unusable`. Memory is that of one
row: lines are cut off at `MAX_LINE`, records of XML at libxml2's limits.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, NamedTuple

from lxml import etree

from adapters.errors import AdapterError
from adapters.files.terms import MAX_COLUMNS
from adapters.paths import XMLPath

MAX_LINE = 64 * 1024
"""Bytes of a line; a longer one is a bad row and is never held."""
MAX_CELL = 8_000
"""Characters of a cell."""
MAX_RECORD_LINES = 20
"""Lines that one quoted record may take up; beyond that a quote was never closed."""
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")

Cells = Sequence[str]


class Unusable(AdapterError):
    """The whole file cannot be used; `why` says which rule it breaks."""

    code = "adapters.file-unusable"


class Row(NamedTuple):
    """One row; a tuple, because there are millions."""

    line: int
    """Where in the file: line, sheet row or number of the record, from 1."""
    cells: Cells
    """In the order of the wanted columns, stripped; empty for no value."""


class BadRow(NamedTuple):
    """A row that cannot be used, and why; never what stood in it."""

    line: int
    column: str
    """Empty where it is the row as a whole."""
    rule: str


Rows = Iterator[Row | BadRow]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How a table is written, and which of its columns are wanted."""

    format: str
    charset: str
    delimiter: str
    quote: str
    named: bool
    """Does the first row name the columns?"""
    skip: int
    columns: tuple[str, ...]
    numbers: tuple[int, ...] = ()
    """Positions (from 1) or widths, in the order of `columns`; empty where names tell."""
    sheet: str | None = None
    record: XMLPath | None = None
    complete: bool = True
    """Is it a file of everything? Then each column has to be there at least once in XML."""


def read_text(stream: BinaryIO, layout: Layout) -> Rows:
    """The rows of a `csv` or `fixed` file.

    Raises:
        Unusable: `encoding`, `line-too-long`, `too-many-columns`, `column-missing`,
            `column-twice`, `no-head`, `position`.
    """
    lines = _Lines(stream, layout.charset)
    for _ in range(layout.skip):
        lines.take()
    return _fixed(lines, layout) if layout.format == "fixed" else _separated(lines, layout)


class _Line(NamedTuple):
    number: int
    raw: bytes | None
    """Without its end; None: too long."""


class _Lines:
    """Physical lines with their numbers; some may be given back."""

    def __init__(self, stream: BinaryIO, charset: str) -> None:
        self._stream, self._number = stream, 0
        self._back: deque[_Line] = deque()
        self._charset = charset
        self._skip_mark()

    def _skip_mark(self) -> None:
        """A byte order mark of another charset than the manifest's means another charset."""
        head = self._stream.read(4)
        wide = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        if wide or (head.startswith(codecs.BOM_UTF8) and self._charset != "utf-8"):
            raise Unusable("encoding")
        marks = (codecs.BOM_UTF8, b"\x84\x31\x95\x33")
        self._stream.seek(next((len(mark) for mark in marks if head.startswith(mark)), 0))

    def take(self) -> _Line | None:
        """The next line; None at the end."""
        if self._back:
            return self._back.popleft()
        raw = self._stream.readline(MAX_LINE + 2)
        if not raw:
            return None
        self._number += 1
        if len(raw) <= MAX_LINE or raw.endswith(b"\n"):
            return _Line(self._number, raw.rstrip(b"\r\n"))
        while raw and not raw.endswith(b"\n"):
            raw = self._stream.readline(MAX_LINE)
        return _Line(self._number, None)

    def give_back(self, lines: Sequence[_Line]) -> None:
        """Take these again."""
        self._back.extendleft(reversed(lines))


# --- separated --------------------------------------------------------------------------------


def _separated(lines: _Lines, layout: Layout) -> Rows:
    records = _records(lines, layout)
    first = next(records, None)
    if first is None and not layout.named:
        return  # whether nothing is what was meant, the control file tells
    if first is None or (layout.named and isinstance(first, BadRow)):
        if isinstance(first, BadRow) and first.rule != "width":
            raise Unusable(first.rule)
        raise Unusable("no-head")
    width = MAX_COLUMNS if isinstance(first, BadRow) else len(first.cells)
    places = _places(first.cells if isinstance(first, Row) else (), layout)
    if not layout.named:
        yield first if isinstance(first, BadRow) else _picked(first, width, places)
    for each in records:
        yield each if isinstance(each, BadRow) else _picked(each, width, places)


def _picked(row: Row, width: int, places: Sequence[int]) -> Row | BadRow:
    if len(row.cells) != width:
        return BadRow(row.line, "", "width")
    return Row(row.line, [row.cells[place].strip() for place in places])


def places_of(head: Sequence[str], columns: Sequence[str]) -> list[int]:
    """Where in `head` the wanted columns stand.

    Raises:
        Unusable: `too-many-columns`, `column-missing`, `column-twice`.
    """
    if len(head) > MAX_COLUMNS:
        raise Unusable("too-many-columns")
    names = [name.strip() for name in head]
    if any(names.count(column) > 1 for column in columns):
        raise Unusable("column-twice")
    if not set(columns) <= set(names):
        raise Unusable("column-missing")
    return [names.index(column) for column in columns]


def _places(head: Sequence[str], layout: Layout) -> list[int]:
    if layout.named:
        return places_of(head, layout.columns)
    if head and len(head) < max(layout.numbers):
        raise Unusable("position")
    return [number - 1 for number in layout.numbers]


def _records(lines: _Lines, layout: Layout) -> Rows:
    """Records of one or several lines. Where a quote is never closed, only its own line is bad:
    the lines it would have swallowed are read again by themselves.
    """
    decode, split = _decoder(layout.charset), _splitter(layout)
    quote = layout.quote
    while (line := lines.take()) is not None:
        text = decode(line)
        if isinstance(text, BadRow):
            yield text
        elif not text:
            continue
        elif quote and text.count(quote) % 2:
            yield _several(line.number, text, lines, decode, split, quote)
        else:
            yield split(line.number, text)


def _several(
    number: int,
    text: str,
    lines: _Lines,
    decode: Callable[[_Line], str | BadRow],
    split: Callable[[int, str], Row | BadRow],
    quote: str,
) -> Row | BadRow:
    alone = split(number, text)
    if isinstance(alone, Row):
        return alone  # an odd quote inside an unquoted cell is a letter
    taken: list[_Line] = []
    while len(taken) < MAX_RECORD_LINES and (line := lines.take()) is not None:
        taken.append(line)
        more = decode(line)
        if isinstance(more, BadRow):
            break
        text = f"{text}\n{more}"
        if more.count(quote) % 2:
            whole = split(number, text)
            if isinstance(whole, Row):
                return whole
            break
    lines.give_back(taken)
    return BadRow(number, "", "quotes")


def _decoder(charset: str) -> Callable[[_Line], str | BadRow]:
    def decode(line: _Line) -> str | BadRow:
        if line.raw is None:
            return BadRow(line.number, "", "line-too-long")
        try:
            text = line.raw.decode(charset)
        except UnicodeDecodeError:
            return BadRow(line.number, "", "encoding")
        if not text.isprintable() and _CONTROL.search(text):
            return BadRow(line.number, "", "control-character")
        return text

    return decode


def _splitter(layout: Layout) -> Callable[[int, str], Row | BadRow]:
    delimiter, quote = layout.delimiter, layout.quote

    def split(number: int, text: str) -> Row | BadRow:
        if not quote or quote not in text:
            return Row(number, text.split(delimiter))
        reader = csv.reader((text,), delimiter=delimiter, quotechar=quote, strict=True)
        try:
            return Row(number, next(reader))
        except (csv.Error, StopIteration):
            return BadRow(number, "", "quotes")

    return split


# --- fixed width ------------------------------------------------------------------------------


def _fixed(lines: _Lines, layout: Layout) -> Rows:
    """Widths are bytes, as the systems that write such files count them."""
    decode, total, slices = _decoder(layout.charset), 0, []
    for width in layout.numbers:
        slices.append(slice(total, total + width))
        total += width
    while (line := lines.take()) is not None:
        if line.raw == b"":
            continue
        text = decode(line)
        if isinstance(text, BadRow):
            yield text
        elif line.raw is None or len(line.raw) != total:
            yield BadRow(line.number, "", "width")
        else:
            yield _cut(line.number, line.raw, slices, layout)


def _cut(number: int, raw: bytes, slices: Sequence[slice], layout: Layout) -> Row | BadRow:
    try:
        return Row(number, [raw[each].decode(layout.charset).strip() for each in slices])
    except UnicodeDecodeError:
        return BadRow(number, "", "encoding")  # a column ends within a character


# --- XML --------------------------------------------------------------------------------------


def read_xml(stream: BinaryIO, layout: Layout) -> Rows:
    """The rows of an `xml` file: one a record, columns from its children and attributes.

    The document is never built: elements pass by. No document type, so no entities; no network.

    Raises:
        Unusable: `xml`, `xml-doctype`, `column-missing`.
    """
    records = _Records(layout)
    parser = etree.XMLParser(
        target=records, encoding=layout.charset, resolve_entities=False, no_network=True,
        load_dtd=False, huge_tree=False,
    )  # fmt: skip
    try:
        while chunk := stream.read(MAX_LINE):
            parser.feed(chunk)
            yield from records.taken()
        parser.close()
    except (etree.XMLSyntaxError, ValueError, LookupError):
        raise Unusable("xml") from None
    yield from records.taken()
    if records.number and layout.complete and not records.seen >= set(layout.columns):
        raise Unusable("column-missing")


class _Records:
    """What an XML parser reports, gathered into rows."""

    def __init__(self, layout: Layout) -> None:
        self.number, self.seen = 0, set[str]()
        self._columns, self._wanted = layout.columns, frozenset(layout.columns)
        record = layout.record
        self._steps = tuple(tag for tag, _ in record.steps) if record else ()
        self._trail: list[str] = []
        self._rows: list[Row | BadRow] = []
        self._found: dict[str, str] = {}
        self._bad: tuple[str, str] | None = None
        self._text: list[str] = []
        self._length = 0

    def taken(self) -> list[Row | BadRow]:
        """The rows since the last time."""
        rows, self._rows = self._rows, []
        return rows

    def doctype(self, *_: str | None) -> None:
        """A document type is never needed for data."""
        raise Unusable("xml-doctype")

    def start(self, tag: Any, attrib: Any) -> None:
        """An element begins."""
        self._trail.append(tag)
        inside = len(self._trail) - 1 - len(self._steps)
        if inside == 0 and self._in_record():
            self._found, self._bad = {}, None
            for name, value in attrib.items():
                self._put(f"@{_local(name)}", value)
        elif inside == 2 and self._in_record() and _local(self._trail[-2]) in self._wanted:
            self._bad = self._bad or (_local(self._trail[-2]), "nested")
        self._text, self._length = [], 0

    def data(self, data: Any) -> None:
        """Text, in pieces; what is longer than a cell is not kept."""
        self._length += len(data)
        if self._length <= MAX_CELL + 1000:
            self._text.append(data)

    def end(self, tag: Any) -> None:
        """An element ends."""
        inside = len(self._trail) - 1 - len(self._steps)
        if inside == 1 and self._in_record():
            long = self._length > MAX_CELL
            self._put(_local(str(tag)), "".join(self._text), "cell-too-long" * long)
        elif inside == 0 and self._in_record():
            self._rows.append(self._row())
        self._trail.pop()
        self._text, self._length = [], 0

    def comment(self, text: Any) -> None:
        """Comments say nothing."""

    def pi(self, target: Any, data: Any = None) -> None:
        """Nor do processing instructions."""

    def close(self) -> None:
        """The document ends."""

    def _in_record(self) -> bool:
        return tuple(self._trail[1 : 1 + len(self._steps)]) == self._steps

    def _put(self, name: str, value: str, rule: str = "") -> None:
        if name not in self._wanted:
            return
        if name in self._found:
            rule = rule or "element-twice"
        if rule:
            self._bad = self._bad or (name, rule)
        self._found[name] = value

    def _row(self) -> Row | BadRow:
        self.number += 1
        self.seen.update(self._found)
        if self._bad:
            return BadRow(self.number, *self._bad)
        cells = [self._found.get(column, "").strip() for column in self._columns]
        return checked(self.number, cells, self._columns)


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def checked(number: int, cells: Cells, columns: Sequence[str]) -> Row | BadRow:
    """The row, unless a cell is too long or holds what no text of ours may hold."""
    for column, cell in zip(columns, cells, strict=True):
        if len(cell) > MAX_CELL:
            return BadRow(number, column, "cell-too-long")
        if not cell.isprintable() and _CONTROL.search(cell):
            return BadRow(number, column, "control-character")
    return Row(number, cells)
