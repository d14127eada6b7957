"""A published list of bundles (spreadsheet or CSV) → the folder of a new county.

The lists are documents made for reading: title rows, merged cells, line breaks in the head, several
departments in a cell. What can be understood without guessing is understood and what was dropped
is noted; everything else is a complaint with sheet and row, and then nothing is written.
`catalog.spreadsheets` reads the cells; this module knows what they mean.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from catalog.errors import Complaint, InvalidCatalog, InvalidList
from catalog.grammar import COUNTY_ID, suggestion
from catalog.loading import load
from catalog.model import County, ItemKind
from catalog.spreadsheets import Row, Sheet, read_sheets, tidy

_HEADS: Mapping[str, tuple[str, ...]] = {
    "number": ("序号", "编号"),
    "bundle": (
        "一件事名称",
        "一件事",
        "一件事一次办名称",
        "一件事一次办事项名称",
        "一件事一次办",
        "一件事事项名称",
        "高效办成一件事名称",
        "主题名称",
    ),
    "item": (
        "事项名称",
        "事项",
        "办理事项",
        "办理事项名称",
        "联办事项",
        "联办事项名称",
        "涉及事项",
        "涉及事项名称",
        "具体事项",
        "具体事项名称",
        "政务服务事项名称",
    ),
    "lead": ("牵头部门", "牵头单位", "牵头责任部门", "牵头责任单位"),
    "office": (
        "联办部门",
        "联办单位",
        "联办责任部门",
        "配合部门",
        "配合单位",
        "协同部门",
        "责任部门",
        "责任单位",
    ),
}
_NEEDED = ("bundle", "item", "lead")
_HEAD_WITHIN = 40
"""Rows in which the head must stand; above it are titles."""

_NUMBERING = re.compile(
    r"\s*(?:[（(]\s*(?:\d{1,3}|[一二三四五六七八九十]{1,3})\s*[）)]|[①-⑳㉑-㉟㊱-㊿]"
    r"|\d{1,3}\s*[.．、)）](?!\d)|[一二三四五六七八九十]{1,3}、)\s*"
)
_CREDENTIAL = re.compile("(证|证书|证明|户口簿)$")
_ACT = re.compile("办|领|申|核发|补|换|开|签|审|出具|登记|注销|变更|备案|认证|许可证")
"""Words of an item that brings a credential about instead of showing it."""
_FACT = re.compile("(核验|核查|(户籍|身份|婚姻)信息确认)$")


@dataclass(slots=True, kw_only=True)
class ListedItem:
    """An item as the list has it; a further row may add a department."""

    name: str
    offices: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class ListedBundle:
    """A bundle as the list has it."""

    printed_number: str
    name: str
    leads: tuple[str, ...]
    items: list[ListedItem] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedList:
    """What a list says, and what was passed over in it."""

    bundles: tuple[ListedBundle, ...]
    notes: tuple[str, ...]


def kind_of(name: str) -> ItemKind:
    """What the office does for an item, judged by its name; the lists have no such column.

    `query` where the name ends with 查询, `verify` where it ends with 核验 or 核查 or is itself a
    credential that people hold (居住证), else `handle`.
    """
    bare = re.sub(r"（[^）]*）$", "", name)
    if bare.endswith("查询"):
        return ItemKind.QUERY
    if _FACT.search(bare) or (_CREDENTIAL.search(bare) and not _ACT.search(bare)):
        return ItemKind.VERIFY
    return ItemKind.HANDLE


def read_list(path: Path) -> PublishedList:
    """Read a published list from `.xlsx`, `.xls`, `.ods` or `.csv`.

    Raises:
        InvalidList: with every complaint, each with sheet and row.
    """
    sheets = read_sheets(path)
    found = [(sheet, head) for sheet in sheets if (head := _find_head(sheet)) is not None]
    if not found:
        raise InvalidList([_no_head(path, sheets)])
    sheet, head = found[0]
    reading = _Reading(sheet, head)
    reading.notes += [f"{other.name}：另有一份清单，未读取" for other, _ in found[1:]]
    return reading.result()


@dataclass(frozen=True, slots=True)
class _Head:
    row: int
    columns: Mapping[str, int]
    ignored: tuple[str, ...]


def _plain_head(text: str) -> str:
    return re.sub(r"[\s“”‘’「」『』《》\"'（）()、：:]", "", text)


def _find_head(sheet: Sheet) -> _Head | None:
    for index, row in enumerate(sheet.rows[:_HEAD_WITHIN]):
        columns = _columns(row)
        if all(name in columns for name in _NEEDED):
            taken = set(columns.values())
            ignored = [tidy(cell) for n, cell in enumerate(row) if n not in taken and tidy(cell)]
            return _Head(index, columns, tuple(ignored))
    return None


def _columns(row: Row) -> dict[str, int]:
    cells = [_plain_head(cell) for cell in row]
    columns = {}
    for name, heads in _HEADS.items():
        places = [cells.index(head) for head in heads if head in cells]
        if places:
            columns[name] = places[0]
    return columns


def _no_head(path: Path, sheets: Iterable[Sheet]) -> Complaint:
    """The row that comes nearest, and the names it lacks."""
    best = (0, path.name, 0, "no row names the columns", "")
    for sheet in sheets:
        for index, row in enumerate(sheet.rows[:_HEAD_WITHIN]):
            columns = _columns(row)
            if len(columns) > best[0]:
                cells = [_plain_head(cell) for cell in row if cell]
                lacking = [_HEADS[name][0] for name in _NEEDED if name not in columns]
                near = "".join(suggestion(name, cells) for name in lacking)
                found = f"columns {'、'.join(cells)[:120]}"
                best = (
                    len(columns),
                    sheet.name,
                    index + 1,
                    found,
                    f"；缺 {'、'.join(lacking)}{near}",
                )
    expected = "a row 序号、「一件事」名称、事项名称、牵头部门、联办部门" + best[4]
    return Complaint(
        file=best[1], line=best[2], rule="header-missing", found=best[3], expected=expected
    )


class _Reading:
    """Goes down the rows below the head; an empty cell means “as above”."""

    def __init__(self, sheet: Sheet, head: _Head) -> None:
        self._sheet, self._head = sheet, head
        self._complaints: list[Complaint] = []
        self._bundles: list[ListedBundle] = []
        self._seen: set[tuple[str, str]] = set()
        self.notes = (
            [f"{sheet.name}：未使用的列：{'、'.join(head.ignored)}"] if head.ignored else []
        )
        if "office" not in head.columns:
            self.notes.append(f"{sheet.name}：没有“联办部门”列")

    def result(self) -> PublishedList:
        """The whole list, or every complaint."""
        for index, row in enumerate(self._sheet.rows):
            if index > self._head.row and any(row) and _columns(row) != self._head.columns:
                self._read(index + 1, row)
        if not self._bundles and not self._complaints:
            self._complain(self._head.row + 1, "empty", "no row below the head", "the list itself")
        for bundle in self._bundles:
            if not bundle.items:
                self._complain(0, "bundle-without-items", repr(bundle.name), "事项名称")
        if self._complaints:
            raise InvalidList(self._complaints)
        return PublishedList(bundles=tuple(self._bundles), notes=tuple(self.notes))

    def _cell(self, row: Row, column: str) -> str:
        place = self._head.columns.get(column, -1)
        return row[place] if 0 <= place < len(row) else ""

    def _complain(self, line: int, rule: str, found: str, expected: str) -> None:
        self._complaints.append(
            Complaint(file=self._sheet.name, line=line, rule=rule, found=found, expected=expected)
        )

    def _read(self, line: int, row: Row) -> None:
        number = tidy(self._cell(row, "number")).rstrip(".．、")
        name = tidy(self._cell(row, "bundle"))
        offices = _offices(self._cell(row, "office"))
        names = _items(self._cell(row, "item"))
        if not names and not offices and not (number and name):
            said = number or name or tidy(self._cell(row, "lead"))
            self.notes += [f"{self._sheet.name} 第{line}行：略过“{said[:40]}”"] if said else []
            return
        bundle = self._bundle(line, row, number, name)
        if bundle is not None:
            self._add(line, bundle, names, offices)

    def _bundle(self, line: int, row: Row, number: str, name: str) -> ListedBundle | None:
        """The bundle of the row: a new one, or the one above."""
        above = self._bundles[-1] if self._bundles else None
        leads = _offices(self._cell(row, "lead"))
        same_number = above is not None and number in {"", above.printed_number}
        if above is not None and same_number and name in {"", above.name}:
            if leads and leads != above.leads:
                found, expected = "、".join(leads), f"as above: {'、'.join(above.leads)}, or empty"
                self._complain(line, "lead-differs", found, expected)
            return above
        if not name:
            found = f"序号 {number}" if number else "nothing above it to repeat"
            self._complain(line, "bundle-name-missing", found, "「一件事」名称")
            return None
        if number and same_number:
            expected = f"another 序号, or the name above: {above.name}" if above else ""
            self._complain(line, "number-repeated", f"{number} {name}", expected)
        if (name, number) in self._seen:
            self._complain(line, "bundle-twice", name, "the rows of one bundle together")
        self._seen.add((name, number))
        if not leads:
            self._complain(line, "lead-missing", name, "牵头部门")
        self._bundles.append(ListedBundle(printed_number=number, name=name, leads=leads))
        return self._bundles[-1]

    def _add(
        self, line: int, bundle: ListedBundle, names: list[str], offices: tuple[str, ...]
    ) -> None:
        if not names and not offices:
            self._complain(line, "item-missing", bundle.name, "事项名称")
        elif not names and not bundle.items:
            self._complain(line, "item-missing", "、".join(offices), "事项名称")
        elif not names:
            last = bundle.items[-1]
            last.offices = tuple(dict.fromkeys((*last.offices, *offices)))
        for name in names:
            above = bundle.items[-1].offices if bundle.items else ()
            bundle.items.append(ListedItem(name=name, offices=offices or above))
        if len(names) > 1:
            self.notes.append(f"{self._sheet.name} 第{line}行：一格内 {len(names)} 个事项，已分开")


def _items(cell: str) -> list[str]:
    """The items of a cell, parted where several lines begin with a number, numbers dropped."""
    lines = [line for line in cell.splitlines() if line.strip()]
    if sum(_NUMBERING.match(line) is not None for line in lines) < 2:
        lines = ["\n".join(lines)]
    parts: list[str] = []
    for line in lines:
        if _NUMBERING.match(line) or not parts:
            parts.append(line)
        else:
            parts[-1] += f"\n{line}"
    names = (
        tidy(_NUMBERING.sub("", part, count=1) if _NUMBERING.match(part) else part)
        for part in parts
    )
    return [name for name in names if name]


def _offices(cell: str) -> tuple[str, ...]:
    """The departments of a cell, parted at 、，；/ and line breaks outside brackets."""
    parts = re.split(r"[、，,；;/／\n](?![^（(]*[）)])", cell)
    return tuple(dict.fromkeys(name for part in parts if (name := tidy(part))))


def write_county(published: PublishedList, county: County, out: Path) -> Path:
    """Write the folder of a new county below `out` and load it once to see that it is right.

    Raises:
        InvalidList: the county's own data are wrong, or its folder exists already.
    """
    target = out / county.id
    if wrong := [*_wrong_place(county, out)]:
        raise InvalidList(wrong)
    draft = out / f".importing-{county.id}"
    shutil.rmtree(draft, ignore_errors=True)
    try:
        folder = draft / county.id / "catalog"
        folder.mkdir(parents=True)
        (folder / "bundles.yaml").write_text(as_yaml(published, county), encoding="utf-8")
        load(draft)
        (draft / county.id).rename(target)
    except InvalidCatalog as error:
        raise InvalidList(error.complaints) from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return target


def _wrong_place(county: County, out: Path) -> Iterator[Complaint]:
    """Why there can be no such folder beside the counties that are there."""

    def wrong(rule: str, found: str, expected: str) -> Complaint:
        return Complaint(file=county.id, line=0, rule=rule, found=found, expected=expected)

    for problem in COUNTY_ID(county.id):
        yield wrong("county-id", problem.found, problem.expected)
    if (out / county.id).exists():
        expected = "another --county or --out; nothing is overwritten"
        yield wrong("county-exists", "the folder exists", expected)
    for other in _neighbours(out):
        if other.division_code == county.division_code:
            found, expected = county.division_code, f"a code of its own; {other.id} has this one"
            yield wrong("division-twice", found, expected)


def _neighbours(out: Path) -> Iterable[County]:
    try:
        return load(out).counties.values()
    except InvalidCatalog:
        return ()


_GUIDE = """\
# {name}“一件事”清单 {year}: {bundles} bundles, {items} items, imported from the published list.
# kind: query = the office looks a record up (名称以“查询”结尾); verify = the office checks a fact or credential it already holds
#   (核验, 核查, or an item that is itself a credential); handle = everything else. The list has no such column: kind is assigned
#   from the item name and should be looked through.
# department: null where the list names none; where a row names several, they are joined with 、 and listed in departments.
# Bundle and item ids hold the number of the bundle and the seq of the item: <county>-<number>-<seq>.
# The materials and the form of each bundle belong into materials.yaml beside this file; until then it is 尚未梳理.
"""


def as_yaml(published: PublishedList, county: County) -> str:
    """The text of `bundles.yaml`."""
    return "\n".join(_lines(published, county)) + "\n"


def _lines(published: PublishedList, county: County) -> Iterator[str]:
    items = sum(len(bundle.items) for bundle in published.bundles)
    title = {"name": county.name, "year": county.year}
    yield _GUIDE.format(**title, bundles=len(published.bundles), items=items).rstrip()
    yield f"county: {_quoted(county.name)}"
    yield f"division_code: {_quoted(county.division_code)}"
    yield f"document: {_quoted(county.document)}"
    yield f"year: {county.year}"
    yield "bundles:"
    for number, bundle in _numbered(published.bundles):
        bundle_id = f"{county.id}-{number:02d}"
        yield f"  - id: {bundle_id}"
        yield f"    name: {_quoted(bundle.name)}"
        yield f"    lead_department: {_quoted('、'.join(bundle.leads))}"
        if len(bundle.leads) > 1:
            yield f"    lead_departments: {_flow(bundle.leads)}"
        yield "    items:"
        for seq, item in enumerate(bundle.items, 1):
            yield f"      - {{{_item(f'{bundle_id}-{seq:02d}', item)}}}"


def _numbered(bundles: tuple[ListedBundle, ...]) -> Iterator[tuple[int, ListedBundle]]:
    """The printed numbers where every bundle has one of its own, else the order of the list."""
    printed = [b.printed_number for b in bundles]
    usable = all(re.fullmatch("[1-9][0-9]{0,3}", number) for number in printed)
    if usable and len(set(printed)) == len(printed):
        return zip(map(int, printed), bundles, strict=True)
    return iter(enumerate(bundles, 1))


def _item(item_id: str, item: ListedItem) -> str:
    office = _quoted("、".join(item.offices)) if item.offices else "null"
    parts = [f"id: {item_id}", f"name: {_quoted(item.name)}", f"department: {office}"]
    if len(item.offices) > 1:
        parts.append(f"departments: {_flow(item.offices)}")
    return ", ".join((*parts, f"kind: {kind_of(item.name)}"))


def _flow(names: Iterable[str]) -> str:
    return f"[{', '.join(map(_quoted, names))}]"


def _quoted(text: str) -> str:
    """Plain where nothing in it could be read as something else, in single quotes otherwise."""
    if re.fullmatch(r"[\u4e00-\u9fff][\u4e00-\u9fff（）“”、《》〔〕·，：]*", text):
        return text
    return "'" + text.replace("'", "''") + "'"
