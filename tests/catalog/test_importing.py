"""Published lists → county folders: our own lists written out and read again, and awkward ones."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import openpyxl
import pytest

from catalog import COUNTIES, Bundle, Catalog, County, InvalidList, ItemKind, load
from catalog.importing import PublishedList, kind_of, read_list, write_county

HEAD = ["序号", "「一件事」名称", "事项名称", "牵头部门", "联办部门"]
PLACE = County(
    id="daoru", name="导入县", division_code="990102", document="导政文〔2026〕1号", year=2026
)

Rows = list[list[str]]


def rows_of(bundles: Iterable[Bundle]) -> Rows:
    """The list as it would be printed: cells like the one above are empty."""
    rows: Rows = []
    for bundle in bundles:
        above = ""
        for item in bundle.listed_items:
            office = "、".join(item.departments) if bundle.county == "xinxiang" else ""
            first = item.seq == 1
            rows.append(
                [
                    str(bundle.number) if first else "",
                    bundle.name if first else "",
                    f"{item.seq}.{item.name}",
                    "、".join(bundle.lead_departments) if first else "",
                    office if office != above else "",
                ]
            )
            above = office
    return rows


def write_xlsx(path: Path, rows: Rows) -> None:
    """A sheet as offices make them: a merged title, a head with line breaks, merged cells."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["附件1"])
    sheet.append(["“高效办成一件事”重点事项清单"])
    sheet.merge_cells("A2:F2")
    sheet.append(["序 号", "“一件事”\n名称", "事项\n名称", "牵头\n部门", "联办部门", "备注"])
    for row in rows:
        sheet.append([int(row[0]) if row[0] else None, *(cell or None for cell in row[1:]), "无"])
    starts = [n for n, row in enumerate(rows, 4) if row[0]]
    for start, following in zip(starts, [*starts[1:], len(rows) + 4], strict=True):
        if following - start > 1:
            for column in "ABD":
                sheet.merge_cells(f"{column}{start}:{column}{following - 1}")
    book.save(path)


def csv_bytes(rows: Rows, encoding: str) -> bytes:
    """The same list as CSV."""
    text = io.StringIO()
    csv.writer(text).writerows([["清单"], HEAD, *rows])
    return text.getvalue().encode(encoding)


WRITERS: dict[str, tuple[str, Callable[[Path, Rows], object]]] = {
    "xlsx": ("list.xlsx", write_xlsx),
    "utf-8": ("list.csv", lambda path, rows: path.write_bytes(csv_bytes(rows, "utf-8"))),
    "utf-8 with mark": ("list.csv", lambda p, rows: p.write_bytes(csv_bytes(rows, "utf-8-sig"))),
    "gb18030": ("list.csv", lambda path, rows: path.write_bytes(csv_bytes(rows, "gb18030"))),
    "utf-16": ("list.csv", lambda path, rows: path.write_bytes(csv_bytes(rows, "utf-16"))),
}


@pytest.fixture(scope="module")
def shipped() -> Catalog:
    """The counties we ship."""
    return load(COUNTIES)


@pytest.mark.parametrize("county", ["xinxiang", "shenqiu"])
@pytest.mark.parametrize("kind", WRITERS)
def test_our_own_lists_come_back(shipped: Catalog, tmp_path: Path, county: str, kind: str) -> None:
    """A list written out and imported again has equal bundles and items."""
    name, write = WRITERS[kind]
    own = [bundle for bundle in shipped.bundles.values() if bundle.county == county]
    write(tmp_path / name, rows_of(own))
    published = read_list(tmp_path / name)
    write_county(published, PLACE, tmp_path)
    again = load(tmp_path, only={"daoru"}).bundles.values()
    printed = county == "xinxiang"
    assert [plain(bundle, with_offices=printed) for bundle in again] == [
        plain(bundle, with_offices=printed) for bundle in own
    ]


def plain(bundle: Bundle, *, with_offices: bool) -> object:
    """What a published list says of a bundle."""
    return (
        bundle.number,
        bundle.name,
        bundle.lead_departments,
        [
            (item.seq, item.name, item.kind, item.departments if with_offices else ())
            for item in bundle.listed_items
        ],
    )


def read(tmp_path: Path, *rows: list[str], head: list[str] | None = None) -> PublishedList:
    """Read a small list written as CSV."""
    text = io.StringIO()
    csv.writer(text).writerows([head or HEAD, *rows])
    path = tmp_path / "list.csv"
    path.write_text(text.getvalue(), encoding="utf-8")
    return read_list(path)


def refused(tmp_path: Path, *rows: list[str]) -> list[tuple[int, str]]:
    """Line and rule of every complaint about a small list."""
    with pytest.raises(InvalidList) as caught:
        read(tmp_path, *rows)
    return [(c.line, c.rule) for c in caught.value.complaints]


CELLS = {
    "1.居住证": ["居住证"],
    "1．居住证": ["居住证"],
    "（1）居住证": ["居住证"],
    "(1) 居住证": ["居住证"],
    "①居住证": ["居住证"],
    "一、居住证": ["居住证"],
    "（一）居住证": ["居住证"],
    "12、居住证": ["居住证"],
    "1.居住证\n2.户口簿": ["居住证", "户口簿"],
    "①居住证\n办理\n②户口簿": ["居住证办理", "户口簿"],
    "居住\n证": ["居住证"],
    "4500千克及以下货车": ["4500千克及以下货车"],
    "3.5吨以下货车": ["3.5吨以下货车"],
    "经营许可(危险货物除外)": ["经营许可（危险货物除外）"],
    "开办 4S 店": ["开办4S店"],
    "Type A 许可": ["Type A许可"],
    "=SUM(A1:A2)": ["=SUM（A1:A2）"],
    '+cmd|" /C calc"!A0': ['+cmd|" /C calc"!A0'],
    "it's: {no}, #1": ["it's: {no}, #1"],
    "no": ["no"],
    "居\u200b住\u202e证\x07": ["居住证"],
}


@pytest.mark.parametrize("cell", CELLS)
def test_item_cells(tmp_path: Path, cell: str) -> None:
    """Numbering goes, several numbered items in a cell are parted, and text stays text."""
    published = read(tmp_path, ["1", "演示", cell, "县教体局", "县公安局"])
    (bundle,) = published.bundles
    assert [item.name for item in bundle.items] == CELLS[cell]
    folder = write_county(published, PLACE, tmp_path)
    assert folder == tmp_path / "daoru"
    items = load(tmp_path, only={"daoru"}).items.values()
    assert [item.name for item in items] == CELLS[cell]


OFFICES = {
    "县公安局": ("县公安局",),
    "县公安局、县教体局": ("县公安局", "县教体局"),
    "县公安局，县教体局": ("县公安局", "县教体局"),
    "县公安局/县教体局": ("县公安局", "县教体局"),
    "县公安局\n县教体局": ("县公安局", "县教体局"),
    "县公安局、县公安局": ("县公安局",),
    "县公安局（户政、出入境）、县教体局": ("县公安局（户政、出入境）", "县教体局"),
    "县公安局(户政/出入境)": ("县公安局（户政/出入境）",),
}  # fmt: skip


@pytest.mark.parametrize("cell", OFFICES)
def test_department_cells(tmp_path: Path, cell: str) -> None:
    """Several departments are parted outside of brackets, each once."""
    (bundle,) = read(tmp_path, ["1", "演示", "居住证", cell, cell]).bundles
    assert bundle.leads == bundle.items[0].offices == OFFICES[cell]


def test_empty_cells_mean_as_above(tmp_path: Path) -> None:
    """Within a bundle; a new bundle does not inherit a department."""
    published = read(
        tmp_path,
        ["1", "甲", "一项", "县教体局", "县公安局"],
        ["", "", "二项", "", ""],
        ["", "", "", "", "县人社局"],
        ["", "甲", "三项", "县教体局", ""],
        ["1", "", "四项", "", "县医保局"],
        ["2", "乙", "五项", "县民政局", ""],
    )
    first, second = published.bundles
    assert [(item.name, item.offices) for item in first.items] == [
        ("一项", ("县公安局",)),
        ("二项", ("县公安局", "县人社局")),
        ("三项", ("县公安局", "县人社局")),
        ("四项", ("县医保局",)),
    ]
    assert [(item.name, item.offices) for item in second.items] == [("五项", ())]


def test_lists_without_numbers(tmp_path: Path) -> None:
    """序号 and 联办部门 may be missing; the order gives the numbers."""
    head = ["一件事名称", "办理事项", "牵头单位"]
    published = read(tmp_path, ["甲", "一项", "县教体局"], ["乙", "二项", "县民政局"], head=head)
    write_county(published, PLACE, tmp_path)
    assert list(load(tmp_path).bundles) == ["daoru-01", "daoru-02"]
    assert any("联办部门" in note for note in published.notes)


def test_printed_numbers_are_kept(tmp_path: Path) -> None:
    """An excerpt keeps the numbers of the whole list."""
    published = read(
        tmp_path, ["7", "甲", "一项", "县教体局", ""], ["12", "乙", "二项", "县民政局", ""]
    )
    write_county(published, PLACE, tmp_path)
    assert list(load(tmp_path).bundles) == ["daoru-07", "daoru-12"]


def test_what_is_passed_over_is_noted(tmp_path: Path) -> None:
    """Extra columns, section rows, remarks and repeated heads do no harm, but are not silent."""
    published = read(
        tmp_path,
        ["一、个人事项", "", "", "", "", ""],
        ["1", "甲", "一项", "县教体局", "", "电话"],
        [*HEAD, "备注"],
        ["", "", "二项", "", "", ""],
        ["", "", "", "", "", ""],
        ["注：以上事项", "", "", "", "", ""],
        head=[*HEAD, "备注"],
    )
    assert [item.name for item in published.bundles[0].items] == ["一项", "二项"]
    assert [note for note in published.notes if "备注" in note]
    assert [note for note in published.notes if "一、个人事项" in note]
    assert [note for note in published.notes if "注：以上事项" in note]


COMPLAINTS: dict[str, tuple[Rows, list[tuple[int, str]]]] = {
    "nothing below the head": ([], [(1, "empty")]),
    "number without a name": (
        [["1", "甲", "一项", "局", ""], ["2", "", "二项", "局", ""]],
        [(3, "bundle-name-missing")],
    ),
    "nothing above": ([["", "", "一项", "局", ""]], [(2, "bundle-name-missing")]),
    "no lead": ([["1", "甲", "一项", "", ""]], [(2, "lead-missing")]),
    "another lead below": (
        [["1", "甲", "一项", "县教体局", ""], ["", "", "二项", "县公安局", ""]],
        [(3, "lead-differs")],
    ),
    "one number, two names": (
        [["1", "甲", "一项", "局", ""], ["1", "乙", "二项", "局", ""]],
        [(3, "number-repeated")],
    ),
    "a bundle in two places": (
        [["", "甲", "一项", "局", ""], ["", "乙", "二项", "局", ""], ["", "甲", "三项", "局", ""]],
        [(4, "bundle-twice")],
    ),
    "a bundle without items": (
        [["1", "甲", "", "局", ""]],
        [(2, "item-missing"), (0, "bundle-without-items")],
    ),
    "a department without an item": (
        [["1", "甲", "", "局", "县公安局"], ["", "", "一项", "", ""]],
        [(2, "item-missing")],
    ),
    "two mistakes": (
        [["1", "甲", "一项", "", ""], ["2", "", "二项", "局", ""]],
        [(2, "lead-missing"), (3, "bundle-name-missing")],
    ),
}


@pytest.mark.parametrize("name", COMPLAINTS)
def test_lists_that_cannot_be_understood(tmp_path: Path, name: str) -> None:
    """Every complaint at once, each with its row."""
    rows, expected = COMPLAINTS[name]
    assert refused(tmp_path, *rows) == expected


def test_a_head_that_lacks_a_column_is_explained(tmp_path: Path) -> None:
    """The nearest row is named, with what it lacks."""
    with pytest.raises(InvalidList) as caught:
        read(tmp_path, ["1", "甲", "一项", "局"], head=["序号", "一件事名称", "事项名称", "主管"])
    (complaint,) = caught.value.complaints
    assert (complaint.line, complaint.rule) == (1, "header-missing")
    assert "牵头部门" in complaint.expected


def archive(parts: dict[str, bytes]) -> bytes:
    """A zip archive of these parts."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as target:
        for name, part in parts.items():
            target.writestr(name, part)
    return data.getvalue()


def far_cell(cell: str) -> bytes:
    """A workbook with one stray cell."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet["A1"], sheet[cell] = "x", "y"
    data = io.BytesIO()
    book.save(data)
    return data.getvalue()


def ods(rows: str) -> bytes:
    """An OpenDocument spreadsheet with these rows."""
    names = "".join(
        f' xmlns:{short}="urn:oasis:names:tc:opendocument:xmlns:{short}:1.0"'
        for short in ("office", "table", "text")
    )
    content = (
        f"<office:document-content{names}><office:body><office:spreadsheet>"
        f'<table:table table:name="一">{rows}</table:table>'
        "</office:spreadsheet></office:body></office:document-content>"
    )
    kind = b"application/vnd.oasis.opendocument.spreadsheet"
    manifest = (
        '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>'
    )
    return archive(
        {
            "mimetype": kind,
            "content.xml": content.encode(),
            "META-INF/manifest.xml": manifest.encode(),
        }
    )


def ods_cell(text: str, extra: str = "") -> str:
    """A cell with text, or an empty one."""
    if not text:
        return f"<table:table-cell{extra}/>"
    return f'<table:table-cell office:value-type="string"{extra}><text:p>{text}</text:p></table:table-cell>'


def test_open_document_spreadsheets(tmp_path: Path) -> None:
    """`.ods` files with their long empty tail are read."""
    rows = [HEAD, ["1", "甲", "一项", "县教体局", ""], ["", "", "二项", "", "县公安局"]]
    text = "".join(
        f"<table:table-row>{''.join(map(ods_cell, row))}</table:table-row>" for row in rows
    )
    tail = (
        '<table:table-row table:number-rows-repeated="1048573">'
        '<table:table-cell table:number-columns-repeated="16384"/></table:table-row>'
    )
    (tmp_path / "list.ods").write_bytes(ods(text + tail))
    (bundle,) = read_list(tmp_path / "list.ods").bundles
    assert [item.name for item in bundle.items] == ["一项", "二项"]


_BOMB = ods_cell("x", ' table:number-columns-repeated="16384"')
HOSTILE: dict[str, tuple[str, bytes, str]] = {
    "too large": ("list.csv", b"x" * (20 * 1024 * 1024 + 1), "file-too-large"),
    "no workbook": ("list.xlsx", b"PK\x03\x04 not a zip", "unreadable"),
    "nothing": ("list.xlsx", b"", "unreadable"),
    "no old workbook": ("list.xls", b"\xd0\xcf\x11\xe0 no", "unreadable"),
    "a zip of nothing": ("list.xlsx", archive({}), "unreadable"),
    "half a workbook": ("list.xlsx", far_cell("B2")[:-300], "unreadable"),
    "a zip bomb": ("list.xlsx", archive({"xl/a": b"0" * 210_000_000}), "file-too-large"),
    "a far cell": ("list.xlsx", far_cell("XFD1048576"), "too-many-rows"),
    "a far row": ("list.xlsx", far_cell("A1048576"), "too-many-rows"),
    "a far column": ("list.xlsx", far_cell("XFD2"), "too-many-columns"),
    "repeated cells": (
        "list.ods",
        ods(f'<table:table-row table:number-rows-repeated="1000000">{_BOMB}</table:table-row>'),
        "too-many-rows",
    ),
    "many rows": ("list.csv", b"a,b\n" * 20_001, "too-many-rows"),
    "a long cell": ("list.csv", b"a" * 5000, "cell-too-long"),
    "an endless cell": ("list.csv", b'"' + b"a" * 200_000, "unreadable"),
    "no text": ("list.csv", bytes(range(256)), "encoding"),
    "another kind": ("list.pdf", b"%PDF-1.7", "file-kind"),
    "no list": ("list.csv", b"a,b,c\n1,2,3\n", "header-missing"),
    "an empty sheet": ("list.csv", b"", "header-missing"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused(tmp_path: Path, name: str) -> None:
    """Limits hold and no exception of a library gets out."""
    file, data, rule = HOSTILE[name]
    (tmp_path / file).write_bytes(data)
    with pytest.raises(InvalidList) as caught:
        read_list(tmp_path / file)
    assert [c.rule for c in caught.value.complaints] == [rule]
    assert all(c.file.startswith("list") for c in caught.value.complaints)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """Neither does an exception of the system."""
    with pytest.raises(InvalidList) as caught:
        read_list(tmp_path / "list.xlsx")
    assert [c.rule for c in caught.value.complaints] == ["unreadable"]


def test_an_existing_county_is_never_overwritten(tmp_path: Path) -> None:
    """Not even an empty folder of that name, and nothing is left behind."""
    published = read(tmp_path, ["1", "甲", "一项", "县教体局", ""])
    (tmp_path / "daoru").mkdir()
    (tmp_path / "daoru" / "note.txt").write_text("mine")
    with pytest.raises(InvalidList) as caught:
        write_county(published, PLACE, tmp_path)
    assert [c.rule for c in caught.value.complaints] == ["county-exists"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["daoru", "list.csv"]
    assert (tmp_path / "daoru" / "note.txt").read_text() == "mine"


def test_a_division_is_taken_once(tmp_path: Path) -> None:
    """A second county with the division of the first would make the whole catalog wrong."""
    published = read(tmp_path, ["1", "甲", "一项", "县教体局", ""])
    write_county(published, PLACE, tmp_path)
    with pytest.raises(InvalidList) as caught:
        write_county(published, replace(PLACE, id="linxian"), tmp_path)
    assert [c.rule for c in caught.value.complaints] == ["division-twice"]
    assert list(load(tmp_path).counties) == ["daoru"]


WRONG_PLACES = {
    "division": (County(id="daoru", name="导入县", division_code="99", document="文", year=2026), "ill-formed"),
    "year": (County(id="daoru", name="导入县", division_code="990102", document="文", year=26), "out-of-range"),
    "name": (County(id="daoru", name=" ", division_code="990102", document="文", year=2026), "empty"),
    "id": (County(id="Dao-Ru", name="导入县", division_code="990102", document="文", year=2026), "county-id"),
    "id upwards": (County(id="../x", name="导入县", division_code="990102", document="文", year=2026), "county-id"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG_PLACES)
def test_a_wrong_county_writes_nothing(tmp_path: Path, name: str) -> None:
    """The county's own data are checked as the loader checks them."""
    place, rule = WRONG_PLACES[name]
    published = read(tmp_path, ["1", "甲", "一项", "县教体局", ""])
    with pytest.raises(InvalidList) as caught:
        write_county(published, place, tmp_path / "out")
    assert [c.rule for c in caught.value.complaints] == [rule]
    assert not (tmp_path / "out" / place.id).exists()


KINDS = {
    "社会保险参保缴费记录查询": ItemKind.QUERY,
    "企业营业执照信息核验": ItemKind.VERIFY,
    "企业科技领域无违法违规信息核查": ItemKind.VERIFY,
    "个人身份信息核验（户籍信息、居住证信息）": ItemKind.VERIFY,
    "居住证": ItemKind.VERIFY,
    "不动产权证书/房产证": ItemKind.VERIFY,
    "居住证办理": ItemKind.HANDLE,
    "《就业创业证》申领": ItemKind.HANDLE,
    "临时占用道路许可证": ItemKind.HANDLE,
    "统筹相关申请核查信息的受理、分派、汇总和结果送达": ItemKind.HANDLE,
}


@pytest.mark.parametrize("name", KINDS)
def test_kinds_are_judged_by_the_name(name: str) -> None:
    """Look-ups, checks and held credentials are told from what is decided."""
    assert kind_of(name) is KINDS[name]
