"""Cases about what stands in a dropped file: heads, rows, line ends, charsets, and hostile XML and zip.

A row that cannot be used costs itself and is reported; a file that is not what was agreed on goes to
quarantine as a whole, and never displaces one that was.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from adapters import paths
from adapters.conformance.cases import Case, Drops, Expect
from adapters.conformance.drops import FAILED, NO_RECORD, Dropping, Made, Row, once, refused
from adapters.converters import As
from adapters.files.intake import key_columns
from adapters.files.tables import MAX_LINE
from adapters.files.writing import SHEET, packed, workbook
from adapters.manifest import Answer
from adapters.mapping import Plan

FORMULAS: Mapping[str, str] = {
    "equals": "=HYPERLINK(1)", "plus": "+1+1", "minus": "-1+1", "at": "@SUM(1)",
}  # fmt: skip
MANY = 3000
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 4096
_HTML = "<html><body><table><tr><td>您访问的系统正在维护</td></tr></table></body></html>".encode()


def cases(
    drop: Dropping, plan: Plan, terms: Answer, made: Made, unchanged: Expect
) -> Iterator[Case]:
    """The cases about one resource's data files."""
    yield from _wholes(drop, made, unchanged)
    yield from _rows(drop, made, unchanged)
    yield from _formulas(drop, plan, terms, made, unchanged)
    match drop.connect.format:
        case "xml":
            yield from _xml(drop, made, unchanged)
        case "xlsx":
            yield from _xlsx(drop, made, unchanged)
        case _:
            yield from _text(drop, made, unchanged)
            yield from _charsets(drop, made, unchanged)
            yield from _lines(drop, made, unchanged)
    if drop.connect.format != "fixed" and _named(drop):
        yield from _heads(drop, made, unchanged)


def _named(drop: Dropping) -> bool:
    return drop.connect.format in {"csv", "xlsx"} and drop.connect.header == "names"


def _counted(drop: Dropping) -> bool:
    return bool(drop.connect.control and drop.connect.control.count)


def _proven(drop: Dropping) -> bool:
    """Does the control file tell a file that was cut from a whole one?"""
    return bool(
        drop.connect.control and (drop.connect.control.count or drop.connect.control.digest)
    )


# --- every format -----------------------------------------------------------------------------


def _wholes(drop: Dropping, made: Made, unchanged: Expect) -> Iterator[Case]:
    """Files that are nothing, half, or something else."""
    nobody = _nobody(drop)
    yield made("file/no-row", once(*drop.files(drop.scribe.table([]), count=0)), nobody)
    nothing = refused("any")
    if drop.connect.format == "fixed" or (drop.connect.format == "csv" and not _named(drop)):
        nothing = nobody
    yield made("file/empty", once(*drop.files(b"", count=0)), nothing)
    others = drop.strangers()
    only = drop.files(drop.scribe.table(others), count=len(others))
    yield made("file/of-others", once(*only), NO_RECORD)
    for what, body in (("binary", bytes(range(256)) * 40), ("html", _HTML), ("nul", b"\x00" * 5000),
                       ("workbook-of-old", _OLE)):  # fmt: skip
        yield made(f"file/{what}", once(*drop.files(body, count=1)), refused("any"))
        after = Drops(turns=(drop.files(), drop.files(body, count=1, name=drop.name)))
        yield made(f"file/{what}-afterwards", after, replace(unchanged, quarantined="any"))
    if _proven(drop):
        data, *beside = drop.files()
        for what, body in (("cut-in-half", data.body[: len(data.body) // 2]),
                           ("cut-by-a-byte", data.body[:-3]), ("twice-behind-itself", data.body * 2)):  # fmt: skip
            cut = once(replace(data, body=body), *beside)
            yield made(f"file/{what}", cut, refused("any"))
    many = drop.strangers(MANY)
    body = drop.scribe.table([*drop.rows, *many])
    whole = once(*drop.files(body, count=len(drop.rows) + len(many)))
    yield made("file/thousands-of-others", whole, unchanged)


def _nobody(drop: Dropping) -> Expect:
    """What comes of a file without a row."""
    if not _counted(drop):
        return refused("empty")
    as_of = drop.connect.as_of
    if as_of and as_of.where == "column" and drop.connect.max_age:
        # No row tells how old nothing is.
        return FAILED if drop.connect.too_old == "refuse" else NO_RECORD
    return NO_RECORD


def _among(drop: Dropping, bad: Sequence[Row]) -> tuple[bytes, int] | None:
    """A file in which the rows `bad` are few enough to cost only themselves."""
    if drop.plenty is None:
        return None
    others = drop.strangers(drop.plenty * len(bad))
    rows = [*drop.rows, *bad, *others]
    return drop.scribe.table(rows), len(rows)


def _rows(drop: Dropping, made: Made, unchanged: Expect) -> Iterator[Case]:
    """Rows that cannot be used, among many that can, and too many of them."""
    stranger = drop.strangers(1)[0]
    trials: dict[str, tuple[list[Row], str]] = {}
    for number, key in enumerate(each for each in key_columns(drop.ask) if each.needed):
        trials[f"key-{number + 1}-empty"] = ([{**stranger, key.name: ""}], "key-empty")
        if key.read is not None:
            trials[f"key-{number + 1}-of-no-kind"] = ([{**stranger, key.name: "~"}], key.rule)
    if drop.ask.identity:
        trials["identity-empty"] = (
            [{**stranger, drop.ask.identity[0]: ""}],
            "key-empty" if _needed(drop, drop.ask.identity[0]) else "identity-empty",
        )
        trials["identity-twice"] = ([stranger, stranger], "duplicate")
    for what, (bad, rule) in trials.items():
        found = _among(drop, bad)
        if found is not None:
            reported = replace(unchanged, reported=rule)
            yield made(f"row/{what}", once(*drop.files(found[0], count=found[1])), reported)
    name = next(each.name for each in key_columns(drop.ask) if each.needed)
    if drop.connect.bad_rows < 0.9:
        rows = [
            *drop.rows,
            *({**row, name: ""} for row in drop.strangers(10 * len(drop.rows) + 10)),
        ]
        whole = once(*drop.files(drop.scribe.table(rows), count=len(rows)))
        yield made("row/most-are-bad", whole, refused("too-many-bad-rows"))


def _needed(drop: Dropping, column: str) -> bool:
    return any(each.needed and each.name == column for each in key_columns(drop.ask))


def _formulas(
    drop: Dropping, plan: Plan, terms: Answer, made: Made, unchanged: Expect
) -> Iterator[Case]:
    """A cell that a spreadsheet would run is a text like any other; it is never run, and the files
    that go back hold no cell at all.
    """
    keys = {each.name for each in key_columns(drop.ask)} | set(drop.ask.identity)
    places = {id_: _column(each.at) for id_, each in terms.fields.items()}
    for each in plan.head:
        column = places.get(each.id)
        shared = column is None or list(places.values()).count(column) > 1 or column in keys
        if each.rule != As.STRING or each.codes is not None or shared or terms.record:
            continue
        for what, cell in FORMULAS.items():
            rows = [{**drop.rows[0], str(column): cell}, *drop.rows[1:]]
            found = drop.playable(rows)
            if found is not None:
                expect = replace(unchanged, field=each.id, value=cell, aside=frozenset({each.id}))
                yield made(f"formula/{each.id}-{what}", found, expect)
        return


def _column(path: str | None) -> str | None:
    steps = paths.steps_json(path) if path else ()
    return steps[0] if len(steps) == 1 and isinstance(steps[0], str) else None


# --- heads ------------------------------------------------------------------------------------


def _heads(drop: Dropping, made: Made, unchanged: Expect) -> Iterator[Case]:
    """The first row names the columns, whatever their order."""
    columns = list(drop.scribe.columns())
    rows = [*drop.rows, *drop.strangers()]

    def table(names: Sequence[str], cells: Sequence[str]) -> bytes:
        body = [[str(row.get(each) or "") for each in cells] for row in rows]
        above = [["-"]] * drop.connect.skip
        if drop.connect.format == "xlsx":
            return packed(workbook([*above, list(names), *body], drop.ask.sheet or "Sheet1"))
        lines = [drop.scribe.line(each) for each in (*above, names, *body)]
        return "".join(f"{line}\r\n" for line in lines).encode(drop.connect.charset)

    def case(what: str, names: Sequence[str], cells: Sequence[str], expect: Expect) -> Case:
        return made(f"head/{what}", once(*drop.files(table(names, cells))), expect)

    turned = columns[::-1]
    yield case("another-order", turned, turned, unchanged)
    yield case("a-column-more", [*columns, "mianti_extra"], [*columns, "-"], unchanged)
    yield case("a-column-more-in-front", ["mianti_extra", *columns], ["-", *columns], unchanged)
    yield case("blanks-around", [f" {each}\u3000" for each in columns], columns, unchanged)
    yield case(
        "a-column-twice", [*columns, columns[0]], [*columns, columns[0]], refused("column-twice")
    )
    yield case(
        "a-column-renamed", [f"{columns[0]}2", *columns[1:]], columns, refused("column-missing")
    )
    if len(columns) > 1:
        yield case("a-column-less", columns[1:], columns[1:], refused("column-missing"))
    wide = [*columns, *(f"c{number}" for number in range(600))]
    yield case("too-many-columns", wide, wide, refused("too-many-columns"))
    headless = [str(drop.rows[0].get(each) or "") for each in columns]
    yield case("none", headless, columns, refused("any"))


# --- csv and fixed ----------------------------------------------------------------------------


def _encoded(drop: Dropping, lines: Sequence[str], end: str = "\r\n", charset: str = "") -> bytes:
    return "".join(f"{line}{end}" for line in lines).encode(charset or drop.connect.charset)


def _text(drop: Dropping, made: Made, unchanged: Expect) -> Iterator[Case]:
    """Line ends and what stands between lines."""
    lines = drop.scribe.lines([*drop.rows, *drop.strangers()])
    top = drop.connect.skip + _named(drop)
    crlf = _encoded(drop, lines)
    bodies: dict[str, tuple[bytes, Expect]] = {
        "lf": (_encoded(drop, lines, "\n"), unchanged),
        "crlf": (crlf, unchanged),
        "no-end": (crlf[:-2], unchanged),
        "blank-lines": (
            _encoded(drop, [*lines[:top], *(x for line in lines[top:] for x in (line, ""))]), unchanged,
        ),
        "blank-lines-behind": (crlf + b"\r\n" * 50, unchanged),
        "cr-only": (_encoded(drop, lines, "\r"), refused("any")),
    }  # fmt: skip
    if "\n" in "".join(lines):
        del bodies["blank-lines"]
    for what, (body, expect) in bodies.items():
        yield made(f"lines/{what}", once(*drop.files(body)), expect)
    quote, delimiter = drop.connect.quote, drop.connect.delimiter
    if drop.connect.format == "fixed" or not quote or quote in "".join(lines):
        return
    whole = [
        delimiter.join(f"{quote}{cell}{quote}" for cell in line.split(delimiter))
        for line in lines[drop.connect.skip :]
    ]
    quoted = _encoded(drop, [*lines[: drop.connect.skip], *whole])
    yield made("lines/all-quoted", once(*drop.files(quoted)), unchanged)
    free = _free(drop)
    if free is not None:
        broken = {**drop.scribe.stranger(99, drop.moment), free: f"a\nb{quote}c{delimiter}d"}
        body = drop.scribe.table([*drop.rows, broken, *drop.strangers(2)])
        yield made("lines/break-in-quotes", once(*drop.files(body)), unchanged)


def _free(drop: Dropping) -> str | None:
    """A column of which nothing is asked."""
    keys = {each.name for each in key_columns(drop.ask)} | set(drop.ask.identity)
    as_of = drop.connect.as_of
    keys |= {as_of.at} if as_of and as_of.where == "column" and as_of.at else set()
    return next((each for each in drop.scribe.columns() if each not in keys), None)


def _charsets(drop: Dropping, made: Made, unchanged: Expect) -> Iterator[Case]:
    """The manifest tells the charset; a file in another one is refused, not guessed at."""
    lines = drop.scribe.lines([*drop.rows, *drop.strangers()])
    own, plain = drop.connect.charset, _encoded(drop, lines)
    # Without names in the head, bytes of another charset may happen to be letters of this one.
    if _named(drop) and not "".join(lines).isascii():
        for other in sorted({"utf-8", "gb18030", "big5hkscs"} - {own}):
            try:
                body = _encoded(drop, lines, charset=other)
            except UnicodeEncodeError:
                continue
            yield made(f"charset/{other}", once(*drop.files(body)), refused("any"))
    for wide in ("utf-16", "utf-16le", "utf-16be"):
        body = _encoded(drop, lines, charset=wide)
        yield made(f"charset/{wide}", once(*drop.files(body)), refused("any"))
    marked = unchanged if own == "utf-8" else refused("encoding")
    yield made("charset/utf-8-mark", once(*drop.files(b"\xef\xbb\xbf" + plain)), marked)
    if own == "gb18030":
        body = b"\x84\x31\x95\x33" + plain
        yield made("charset/gb18030-mark", once(*drop.files(body)), unchanged)
    yield made("charset/mark-only", once(*drop.files(b"\xff\xfe", count=0)), refused("encoding"))


def _lines(drop: Dropping, made: Made, unchanged: Expect) -> Iterator[Case]:
    """Lines that cannot be read, among many that can."""
    if drop.plenty is None:
        return
    good = drop.scribe.lines(
        [drop.scribe.stranger(number, drop.moment) for number in range(drop.plenty)]
    )
    top = drop.connect.skip + _named(drop)
    own = drop.scribe.lines(drop.rows)[top:]
    sane = _encoded(drop, [good[-1]])[:-2]
    delimiter, quote = drop.connect.delimiter.encode(), drop.connect.quote.encode()
    bad: dict[str, tuple[bytes, str]] = {
        "broken-bytes": (sane[:-1] + b"\xff", "encoding"),
        "control-character": (sane[:-1] + b"\x01", "control-character"),
        "too-long": (sane + b"x" * (MAX_LINE + 10), "line-too-long"),
    }  # fmt: skip
    if drop.connect.format == "fixed":
        bad |= {"too-short": (sane[:-1], "width"), "longer": (sane + b" ", "width")}
    else:
        # The last cell of a stranger is one letter or more, so what is cut is a cell.
        few = delimiter.join(sane.split(delimiter)[:-1])
        bad |= {"a-cell-more": (sane + delimiter, "width")}
        if len(drop.scribe.columns()) > 1 and few:
            bad |= {"a-cell-less": (few, "width")}
        if quote:
            bad |= {"open-quote": (quote + sane.replace(quote, b""), "quotes")}
    for what, (line, rule) in bad.items():
        whole = _encoded(drop, [*good[:top], *own]) + line + b"\r\n" + _encoded(drop, good[top:])
        count = len(drop.rows) + 1 + len(good) - top
        found = once(*drop.files(whole, count=count))
        yield made(f"row/{what}", found, replace(unchanged, reported=rule))


# --- XML --------------------------------------------------------------------------------------


def _xml(drop: Dropping, made: Made, unchanged: Expect) -> Iterator[Case]:
    """Documents that would read other files, fill memory, or say a thing twice."""
    text = drop.scribe.xml([*drop.rows, *drop.strangers()])
    bomb = "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9))
    for what, whole in {
        "entity-bomb": f'<!DOCTYPE data [<!ENTITY a "aaaaaaaaaa">{bomb}]>{text}',
        "external-entity": f'<!DOCTYPE data [<!ENTITY x SYSTEM "file:///etc/hostname">]>{text}',
        "doctype": f"<!DOCTYPE data>{text}",
        "external-doctype": f'<!DOCTYPE data SYSTEM "http://localhost:1/x.dtd">{text}',
        "half": text[: len(text) // 2], "rest-behind": f"{text}x", "two-roots": text * 2,
        "unknown-entity": text.replace("</", "&nbsp;</", 1), "no-reference": text.replace("</", "&#0;</", 1),
        "deep": "<a>" * 20_000 + "</a>" * 20_000, "endless-name": f"<{'a' * 200_000}/>",
    }.items():  # fmt: skip
        body = _in_charset(drop, whole)
        yield made(f"xml/{what}", once(*drop.files(body)), refused("any"))
    for what, whole in {
        "declared": f'<?xml version="1.0" encoding="{drop.connect.charset}"?>{text}',
        "declared-otherwise": f'<?xml version="1.0" encoding="ISO-8859-1"?>{text}',
        "comments": re.sub(r"(</)", r"<!-- c -->\1", text),
        "instructions": re.sub(r"(</)", r"<?p x?>\1", text),
        "blanks-between": re.sub(r"><(?=[^/!])", ">\n  <", text),
        "cdata": re.sub(r">([^<>&]+)</", r"><![CDATA[\1]]></", text),
    }.items():
        yield made(f"xml/{what}", once(*drop.files(_in_charset(drop, whole))), unchanged)


def _in_charset(drop: Dropping, text: str) -> bytes:
    return text.encode(drop.connect.charset)


# --- workbooks --------------------------------------------------------------------------------


def _xlsx(drop: Dropping, made: Made, unchanged: Expect) -> Iterator[Case]:
    """Archives that unpack to more than there is room for, and sheets that are none."""
    parts = drop.scribe.workbook([*drop.rows, *drop.strangers()])
    sheet, whole = parts[SHEET], packed(parts)
    far = sheet.replace(
        b"</sheetData>", b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
    )
    formula = b'<row r="900"><c r="A900"><f>1+1</f></c></row></sheetData>'
    doctype = sheet.replace(b"?>", b'?><!DOCTYPE x [<!ENTITY a "b">]>', 1)
    bodies: dict[str, tuple[bytes, str]] = {
        "zip-bomb": (packed(parts | {"xl/media/x.bin": b"\x00" * (300 << 20)}), "zip-bomb"),
        "bomb-of-a-sheet": (packed(parts | {SHEET: sheet.replace(b"</sheetData>", b" " * (64 << 20) + b"</sheetData>")}), "zip-bomb"),
        "too-many-parts": (packed(parts | {f"x/{n}": b"" for n in range(1200)}), "zip-bomb"),
        "doctype": (packed(parts | {SHEET: doctype}), "xml-doctype"),
        "far-cell": (packed(parts | {SHEET: far}), "grid"),
        "formula-without-value": (packed(parts | {SHEET: sheet.replace(b"</sheetData>", formula)}), "formula-without-value"),
        "cut": (whole[:-40], "any"), "archive-of-nothing": (packed({}), "any"),
        "without-the-sheet": (packed({n: b for n, b in parts.items() if n != SHEET}), "any"),
        "text": ("姓名,号码\r\n".encode(), "any"),
    }  # fmt: skip
    if drop.ask.sheet:
        renamed = parts["xl/workbook.xml"].replace(b'sheet name="', b'sheet name="x')
        bodies["another-sheet"] = (packed(parts | {"xl/workbook.xml": renamed}), "no-sheet")
    for what, (body, rule) in bodies.items():
        yield made(f"xlsx/{what}", once(*drop.files(body)), refused(rule))
    for what, body in {
        "blank-rows-behind": packed(parts | {SHEET: sheet.replace(b"</sheetData>", b'<row r="900"/></sheetData>')}),
        "other-parts": packed(parts | {"docProps/app.xml": b"<a/>", "xl/media/a.png": b"\x89PNG"}),
    }.items():  # fmt: skip
        yield made(f"xlsx/{what}", once(*drop.files(body)), unchanged)
