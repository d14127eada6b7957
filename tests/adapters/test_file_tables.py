"""Files as hostile as they come: each costs its row or its file, never memory, time or another row."""

from __future__ import annotations

import io
import random
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.files.drops import harmless
from adapters.files.tables import BadRow, Layout, Row, Unusable, read_text, read_xml
from adapters.files.workbooks import read_workbook
from adapters.paths import compile_xml
from tests.adapters.drops import xlsx_of

LAYOUT = Layout(
    format="csv", charset="utf-8", delimiter=",", quote='"', named=True, skip=0,
    columns=("a", "b"), record=compile_xml("r", {}),
)  # fmt: skip
HEAD = b"a,b\n"
Read = list[tuple[str, ...]]


def read(body: bytes, layout: Layout = LAYOUT) -> list[tuple[int, object]]:
    """(line, cells or rule) of every row."""
    reader = {"csv": read_text, "fixed": read_text, "xml": read_xml, "xlsx": read_workbook}
    rows = reader[layout.format](io.BytesIO(body), layout)
    return [(r.line, tuple(r.cells) if isinstance(r, Row) else r.rule) for r in rows]


def other(**terms: object) -> Layout:
    """The layout with something else in it."""
    from dataclasses import replace  # noqa: PLC0415 -- of this function only

    return replace(LAYOUT, **terms)  # type: ignore[arg-type]  # a table of keywords


LINES: dict[str, tuple[bytes, list[object]]] = {
    "plain": (b"1,2\n3,4\n", [("1", "2"), ("3", "4")]),
    "no line end at the end": (b"1,2", [("1", "2")]),
    "CR LF and blank lines": (b"\r\n1,2\r\n\r\n", [("1", "2")]),
    "quotes": (b'"1,1","2""2"\n', [("1,1", '2"2')]),
    "a break in quotes": (b'"1\n1",2\n3,4\n', [("1\n1", "2"), ("3", "4")]),
    "a quote within a cell": (b'1"1,2\n3,4\n', [('1"1', "2"), ("3", "4")]),
    "a quote that is never closed": (b'"1,2\n3,4\n5,6\n', ["quotes", ("3", "4"), ("5", "6")]),
    "two such far apart": (
        b'"1,2\n3,4\n"5,6\n7,8\n', ["quotes", ("3", "4"), "quotes", ("7", "8")],
    ),
    "text after a quote": (b'"1"x,2\n3,4\n', ["quotes", ("3", "4")]),
    "NUL": (b"1\x00,2\n3,4\n", ["control-character", ("3", "4")]),
    "an escape": (b"1,\x1b[31m\n3,4\n", ["control-character", ("3", "4")]),
    "no UTF-8": (b"1,\xd5\xd4\n3,4\n", ["encoding", ("3", "4")]),
    "a cell more": (b"1,2,3\n3,4\n", ["width", ("3", "4")]),
    "a cell less": (b"1\n3,4\n", ["width", ("3", "4")]),
    "a line of 5 MB": (b"1," + b"x" * 5_000_000 + b"\n3,4\n", ["line-too-long", ("3", "4")]),
    "a million cells": (b"1" + b"," * 1_000_000 + b"\n3,4\n", ["line-too-long", ("3", "4")]),
    "formulas are text": (b"=1+1,@SUM(A1)\n", [("=1+1", "@SUM(A1)")]),
    "blanks around": (b" 1 ,\t2\n", [("1", "2")]),
    "an empty cell": (b"1,\n", [("1", "")]),
    "only quotes": (b'"""\n3,4\n', ["quotes", ("3", "4")]),
}  # fmt: skip


@pytest.mark.parametrize("name", LINES)
def test_a_line_costs_at_most_itself(name: str) -> None:
    """What cannot be read is one bad row; the next line is read as if nothing had been."""
    body, expected = LINES[name]
    assert [what for _, what in read(HEAD + body)] == expected


def test_lines_are_counted_as_an_editor_counts_them() -> None:
    """Also after a break within quotes and after a line that is too long."""
    body = HEAD + b'"1\n1",2\n' + b"x" * 100_000 + b"\n3,4\n1\n"
    assert read(body) == [(2, ("1\n1", "2")), (4, "line-too-long"), (5, ("3", "4")), (6, "width")]


WHOLE: dict[str, tuple[bytes, dict[str, object], str]] = {
    "nothing": (b"", {}, "no-head"),
    "no such column": (b"a,c\n1,2\n", {}, "column-missing"),
    "a column twice": (b"a,b,a\n", {}, "column-twice"),
    "a head in quotes that never end": (b'"a,b\n1,2\n', {}, "quotes"),
    "600 columns": (b",".join(b"c%d" % n for n in range(600)) + b"\n", {}, "too-many-columns"),
    "position beyond": (b"1,2\n", {"named": False, "numbers": (1, 9)}, "position"),
    "UTF-16": ("a,b\n".encode("utf-16"), {}, "encoding"),
    "a mark of UTF-8 in GB18030": (b"\xef\xbb\xbfa,b\n", {"charset": "gb18030"}, "encoding"),
}


@pytest.mark.parametrize("name", WHOLE)
def test_what_makes_a_whole_text_unusable(name: str) -> None:
    """A head that is not as agreed says that the columns are others."""
    body, terms, why = WHOLE[name]
    with pytest.raises(Unusable) as caught:
        read(body, other(**terms))
    assert caught.value.why == why


FIXED: dict[str, tuple[bytes, list[object]]] = {
    "bytes, not letters": ("赵明 12\n".encode("gb18030"), [("赵明", "12")]),
    "a cut in a letter": ("12赵明1\n".encode("gb18030"), ["encoding"]),
    "short": (b"abcd1\nabcde12\n", ["width", ("abcde", "12")]),
    "long": (b"abcde123\n", ["width"]),
    "blank": (b"       \n", [("", "")]),
}


@pytest.mark.parametrize("name", FIXED)
def test_fixed_widths_are_bytes(name: str) -> None:
    """A line of another length, or a column that ends within a letter, is a bad row."""
    body, expected = FIXED[name]
    layout = other(format="fixed", charset="gb18030", numbers=(5, 2))
    assert [what for _, what in read(body, layout)] == expected


# --- XML --------------------------------------------------------------------------------------

_LOL = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 9))
XML: dict[str, tuple[str, list[object] | str]] = {
    "plain": ("<x><r><a>1</a><b>2</b></r></x>", [("1", "2")]),
    "namespaces, comments, instructions": (
        '<x xmlns:n="u"><!--c--><r><n:a>1<!--c-->1</n:a><?p?><b><![CDATA[<2>]]></b></r></x>',
        [("11", "<2>")],
    ),
    "records elsewhere": (
        "<x><y><r><a>0</a></r></y><r><a>1</a><b>2</b></r></x>", [("1", "2")],
    ),
    "an element twice": (
        "<x><r><a>1</a><a>2</a><b/></r><r><a>1</a><b>2</b></r></x>", ["element-twice", ("1", "2")],
    ),
    "nested": ("<x><r><a><i>1</i></a><b>2</b></r></x>", ["nested"]),
    "a long cell": (f"<x><r><a>{'x' * 9000}</a><b/></r></x>", ["cell-too-long"]),
    "a cell of 5 MB": (f"<x><r><a>{'x' * 5_000_000}</a><b/></r></x>", ["cell-too-long"]),
    "a column that is never there": ("<x><r><a>1</a></r></x>", "column-missing"),
    "document type": ("<!DOCTYPE x><x/>", "xml-doctype"),
    "billion laughs": (
        f'<!DOCTYPE x [<!ENTITY l0 "lol">{_LOL}]><x><r><a>&l8;</a></r></x>', "xml-doctype",
    ),
    "an external entity": (
        '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x><r><a>&e;</a></r></x>',
        "xml-doctype",
    ),
    "a document type far down": (
        f"<!--{'x' * 200_000}--><!DOCTYPE x><x><r><a>1</a></r></x>", "xml-doctype",
    ),
    "an unknown entity": ("<x><r><a>&e;</a></r></x>", "xml"),
    "half": ("<x><r><a>1</a><b>2</b></r><r><a>", "xml"),
    "nothing": ("", "xml"),
    "deep": ("<x>" * 5000, "xml"),
    "no XML": ("{}", "xml"),
}  # fmt: skip


@pytest.mark.parametrize("name", XML)
def test_xml_is_read_as_it_passes(name: str) -> None:
    """Children and attributes of the records; no entity, no document type."""
    body, expected = XML[name]
    layout = other(format="xml")
    if isinstance(expected, str):
        with pytest.raises(Unusable) as caught:
            read(body.encode(), layout)
        assert caught.value.why == expected
    else:
        assert [what for _, what in read(body.encode(), layout)] == expected


def test_the_manifest_tells_the_charset_of_xml() -> None:
    """Whatever the declaration says; what does not fit is refused."""
    body = '<?xml version="1.0" encoding="UTF-8"?><x><r><a>赵𠮷</a><b>2</b></r></x>'.encode(
        "gb18030"
    )
    assert read(body, other(format="xml", charset="gb18030")) == [(1, ("赵𠮷", "2"))]
    with pytest.raises(Unusable):
        read(body, other(format="xml"))


# --- workbooks --------------------------------------------------------------------------------

SHEET = "xl/worksheets/sheet1.xml"


def repacked(body: bytes, part: str, old: str, new: str) -> bytes:
    """The workbook with something else in one of its parts."""
    stream = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(body)) as source,
        zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for each in source.infolist():
            text = source.read(each)
            if each.filename == part:
                assert old.encode() in text
                text = text.replace(old.encode(), new.encode(), 1)
            target.writestr(each.filename, text)
    return stream.getvalue()


def archive(**parts: bytes) -> bytes:
    """A zip that is no workbook."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as target:
        for name, body in parts.items():
            target.writestr(name, body)
    return stream.getvalue()


def lying() -> bytes:
    """A bomb whose directory says that it is small."""
    body = bytearray(archive(a=bytes(50_000_000)))
    at = body.rindex(b"PK\x01\x02")
    body[at + 24 : at + 28] = (1000).to_bytes(4, "little")
    return bytes(body)


TABLE = xlsx_of(("1", "2"), ("3", "4"), head=("a", "b"))
BOOKS: dict[str, tuple[bytes, list[object] | str]] = {
    "plain": (TABLE, [("1", "2"), ("3", "4")]),
    "numbers": (xlsx_of((1, 2.5), (True, 3.0), head=("a", "b")), [("1", "2.5"), ("true", "3")]),
    "a citizen number as a number": (
        xlsx_of((990101199001010019, 1), (1, 2), head=("a", "b")), ["rounded-number", ("1", "2")],
    ),
    "blank cells and rows": (
        xlsx_of((None, "2"), (None, None), ("3", None), head=("a", "b")), [("", "2"), ("3", "")],
    ),
    "merged": (
        xlsx_of(("1", "2"), ("3", None), ("5", "6"), head=("a", "b"), merge="B2:B3"),
        [("1", "2"), "merged", ("5", "6")],
    ),
    "a formula that was never computed": (
        xlsx_of(("=1+1", "2"), head=("a", "b")), "formula-without-value",
    ),
    "a text like a formula": (xlsx_of(("'=1", "+1"), head=("a", "b")), [("'=1", "+1")]),
    "columns missing": (xlsx_of(("1",), head=("a",)), "column-missing"),
    "a cell at the far end": (
        repacked(TABLE, SHEET, 'r="A3"', 'r="XFD1048576"'), "grid",
    ),
    "half": (TABLE[: len(TABLE) // 2], "not-a-workbook"),
    "no zip": (b"a,b\n1,2\n", "not-a-workbook"),
    "nothing": (b"", "not-a-workbook"),
    "another zip": (archive(a=b"x"), "not-a-workbook"),
    "a zip bomb": (archive(a=bytes(50_000_000)), "zip-bomb"),
    "a zip bomb that lies": (lying(), "not-a-workbook"),
    "thousands of parts": (archive(**{f"p{n}": b"" for n in range(2000)}), "zip-bomb"),
    "a document type": (
        repacked(TABLE, SHEET, "<worksheet", "<!DOCTYPE w><worksheet"), "xml-doctype",
    ),
    "a damaged sheet": (repacked(TABLE, SHEET, "</sheetData>", "<"), "not-a-workbook"),
}  # fmt: skip


@pytest.mark.parametrize("name", BOOKS)
def test_workbooks(name: str) -> None:
    """What a spreadsheet rounded, merged or never computed is no value; bombs are not unpacked."""
    body, expected = BOOKS[name]
    layout = other(format="xlsx")
    if isinstance(expected, str):
        with pytest.raises(Unusable) as caught:
            read(body, layout)
        assert caught.value.why == expected
    else:
        assert [what for _, what in read(body, layout)] == expected


def test_a_workbook_with_any_byte_changed_is_rows_or_refused() -> None:
    """It never ends in another error."""
    chance = random.Random(3)  # noqa: S311 -- no secret
    for _ in range(150):
        body = bytearray(TABLE)
        for _ in range(3):
            body[chance.randrange(len(body))] = chance.randrange(256)
        try:
            rows = read(bytes(body), other(format="xlsx"))
        except Unusable:
            continue
        assert all(isinstance(line, int) for line, _ in rows)


@given(st.binary(max_size=300), st.sampled_from(["csv", "fixed", "xml"]))
def test_any_bytes_are_rows_or_refused(body: bytes, format_: str) -> None:
    """Whatever stands in a file."""
    numbers = (3, 2) if format_ == "fixed" else ()
    head = HEAD if format_ == "csv" else b""
    try:
        rows = read(head + body, other(format=format_, numbers=numbers))
    except Unusable:
        return
    for _, what in rows:
        assert isinstance(what, str) or len(what) == 2  # type: ignore[arg-type]  # a tuple then


@pytest.mark.parametrize(
    "cell", ["=1", "+1", "-1", "@x", "\t=1", "\r=1", "\n=1", "＝1", "＋1", "－1", "＠x"]
)
def test_no_cell_on_the_way_out_is_a_formula(cell: str) -> None:
    """Nor does it break out of its cell."""
    written = harmless(cell).removeprefix('"')
    assert written.startswith("'")
    assert harmless('a"b,c') == '"a""b,c"'


def test_bad_rows_say_no_values() -> None:
    """Line, column, rule: there is no place for more."""
    assert BadRow._fields == ("line", "column", "rule")


def test_a_long_file_passes_in_constant_memory(tmp_path: Path) -> None:
    """No more than a few mebibytes are held, however long the file."""
    import tracemalloc  # noqa: PLC0415 -- of this test only

    path = tmp_path / "long.csv"
    path.write_bytes(HEAD + b"123456,abcdef\n" * 100_000)
    tracemalloc.start()
    with path.open("rb") as stream:
        count = sum(1 for _ in read_text(stream, LAYOUT))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 100_000
    assert peak < 4 * 1024 * 1024
