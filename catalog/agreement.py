"""What the files of the catalog say about each other, and where they disagree.

The checks run over rows whose own shape is sound. A row that is broken still counts as known, and
a file that could not be read at all is not asked, so that one mistake gives one complaint and not
a hundred.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from catalog.codes import citizen_id, uscc
from catalog.errors import InvalidCode
from catalog.grammar import Shape, suggestion
from catalog.reading import Page, Problem, Step, Tree

Row = Mapping[str, Any]
Path = tuple[Step, ...]

_SUGGESTIONS = 500
"""Complaints of one file that come with a near miss; finding one takes time."""

FAR_FUTURE = date(9999, 12, 31)
"""Examples are invented; whether their birth dates lie ahead is nobody's business."""


class Sheet:
    """A page whose shape was checked: gives the rows that are sound."""

    def __init__(self, page: Page, shape: Shape, key: str) -> None:
        self.page, self.complain = page, page.complain
        if page.tree is not None:
            page.problems += shape(page.tree)
        head = page.tree if isinstance(page.tree, dict) else {}
        self.head: Row = head
        """The values beside the list; where the file has complaints, they may be of any kind."""
        self.lost = not isinstance(head.get(key), list)
        """True: there is no list to look at, and nothing is said about what it lacks."""
        self._broken = {id(self._broken_by(problem)) for problem in page.problems}

    def rows(self, holder: Row, key: str, at: Path = ()) -> Iterator[tuple[Path, Row]]:
        """The sound rows of a list, each with its path."""
        if self.lost:
            return
        for index, row in enumerate(holder[key]):
            if isinstance(row, dict) and id(row) not in self._broken:
                yield (*at, key, index), row

    def known(self, holder: Row, key: str) -> set[str]:
        """The ids of a list, those of broken rows included."""
        return {word for word in self._column(holder, key, "id") if isinstance(word, str)}

    def known_seqs(self, holder: Row) -> set[int]:
        """The seqs of the items of a bundle, those of broken rows included."""
        return {seq for seq in self._column(holder, "items", "seq") if type(seq) is int}

    def _column(self, holder: Row, key: str, name: str) -> Iterator[Tree]:
        for row in () if self.lost else holder[key]:
            if isinstance(row, dict):
                yield row.get(name)

    def unique(self, rows: Iterator[tuple[Path, Row]], name: str = "id") -> None:
        """Complain about every row whose `name` an earlier row of the list has."""
        seen = set()
        for at, row in rows:
            if row[name] in seen:
                self.complain((*at, name), "duplicate-id", repr(row[name]), f"every {name} once")
            seen.add(row[name])

    def refer(self, at: Path, wanted: str, known: Collection[str], kind: str) -> None:
        """Complain where `wanted` is not among `known`."""
        if wanted not in known:
            near = suggestion(wanted, known) if len(self.page.problems) < _SUGGESTIONS else ""
            expected = f"a known {kind}{near}"
            self.complain(at, f"unknown-{kind.replace(' ', '-')}", repr(wanted), expected)

    def _broken_by(self, problem: Problem) -> Tree:
        """The row that a problem spoils: the one that lacks a key, or holds a wrong value."""
        if problem.rule == "missing-key":
            return self._row_at(problem.path)
        if problem.rule == "not-a-mapping" and any(
            isinstance(step, int) for step in problem.path[-1:]
        ):
            return None
        return self._row_at(problem.path[:-1])

    def _row_at(self, path: Path) -> Tree:
        """The innermost row (mapping in a list) that holds `path`; None outside of the lists."""
        value: Any = self.page.tree
        row: Tree = None
        for step in path:
            if isinstance(value, dict) and step not in value:
                break
            value = value[step]
            if isinstance(step, int) and isinstance(value, dict):
                row = value
        return row


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The ids that may be referred to. None in place of the fields: they are not known."""

    tables: Collection[str] | None
    types: Mapping[str, Collection[str] | None] | None
    resources: Mapping[str, Collection[str] | None] | None

    def with_resources(self, sheet: Sheet) -> Vocabulary:
        """The vocabulary of a county that describes resources of its own."""
        own = _members(sheet, "resources", "fields")
        both = None if self.resources is None or own is None else {**self.resources, **own}
        return Vocabulary(self.tables, self.types, both)


def _members(sheet: Sheet, key: str, inner: str) -> dict[str, Collection[str] | None] | None:
    if sheet.lost:
        return None
    known: dict[str, Collection[str] | None] = dict.fromkeys(sheet.known(sheet.head, key))
    for _, row in sheet.rows(sheet.head, key):
        known[row["id"]] = {*(known[row["id"]] or ()), *sheet.known(row, inner)}
    return known


def vocabulary(tables: Sheet, types: Sheet, resources: Sheet) -> Vocabulary:
    """What the national files offer to refer to."""
    return Vocabulary(
        None if tables.lost else tables.known(tables.head, "code_tables"),
        _members(types, "certificate_types", "items"),
        _members(resources, "resources", "fields"),
    )


def check_tables(sheet: Sheet) -> None:
    """Ids and codes are there once."""
    sheet.unique(sheet.rows(sheet.head, "code_tables"))
    for at, table in sheet.rows(sheet.head, "code_tables"):
        sheet.unique(sheet.rows(table, "codes", at), "code")


def check_types(sheet: Sheet, known: Vocabulary) -> None:
    """Certificate types: ids, code tables and examples of their items."""
    sheet.unique(sheet.rows(sheet.head, "certificate_types"))
    for at, row in sheet.rows(sheet.head, "certificate_types"):
        _check_typed_rows(sheet, sheet.rows(row, "items", at), known)
        sheet.unique(sheet.rows(row, "items", at))


def check_resources(sheet: Sheet, known: Vocabulary) -> None:
    """Data resources: ids, keys, line key, code tables and examples of their fields."""
    sheet.unique(sheet.rows(sheet.head, "resources"))
    for at, row in sheet.rows(sheet.head, "resources"):
        _check_typed_rows(sheet, sheet.rows(row, "fields", at), known)
        sheet.unique(sheet.rows(row, "fields", at))
        sheet.unique(sheet.rows(row, "query_keys", at))
        _check_line_key(sheet, at, row)
        _check_standing(sheet, at, row)


def _check_line_key(sheet: Sheet, at: Path, row: Row) -> None:
    fields = {f["id"]: f for _, f in sheet.rows(row, "fields") if isinstance(f.get("id"), str)}
    key = row.get("line_key")
    if key is None or (key not in fields and key in sheet.known(row, "fields")):
        return
    if key not in fields:
        sheet.refer((*at, "line_key"), key, fields, "field")
    elif not fields[key].get("repeated", False):
        expected = "a field with repeated: true"
        sheet.complain((*at, "line_key"), "line-key-not-repeated", repr(key), expected)


def _check_standing(sheet: Sheet, at: Path, row: Row) -> None:
    fields = {f["id"]: f for _, f in sheet.rows(row, "fields") if isinstance(f.get("id"), str)}
    standing = row.get("standing")
    if not isinstance(standing, dict):
        return
    until, states = standing.get("until"), standing.get("states")
    if isinstance(until, str) and until not in fields:
        sheet.refer((*at, "standing", "until"), until, fields, "field")
    for name in states if isinstance(states, dict) else ():
        if name not in fields:
            sheet.refer((*at, "standing", "states"), name, fields, "field")


def _check_typed_rows(sheet: Sheet, rows: Iterator[tuple[Path, Row]], known: Vocabulary) -> None:
    for at, row in rows:
        _check_code_table(sheet, at, row, known)
        _check_example(sheet, (*at, "example"), row)


def _check_code_table(sheet: Sheet, at: Path, row: Row, known: Vocabulary) -> None:
    table = row.get("code_table")
    if row["type"] == "code" and table is None:
        sheet.complain(at, "code-table-missing", "type: code", "code_table: and its id")
    elif row["type"] != "code" and table is not None:
        found = f"type: {row['type']} with a code_table"
        sheet.complain((*at, "code_table"), "code-table-unused", found, "type: code, or no table")
    elif table is not None and known.tables is not None:
        sheet.refer((*at, "code_table"), table, known.tables, "code table")


_PERSON_LABEL = re.compile("身份号码|身份证件号|身份证号|证件号码|社会保障号码")
_PERSON_NUMBER = re.compile(r"[0-9]{6}(18|19|20)[0-9]{2}(0[1-9]|1[0-2])[0-3][0-9]{4}[0-9Xx]")


def _check_example(sheet: Sheet, at: Path, row: Row) -> None:
    """Identity numbers in examples are invented ones with a right check digit."""
    example = row["example"]
    named = row["id"].endswith("id_number") or _PERSON_LABEL.search(row["label"])
    if _PERSON_NUMBER.fullmatch(example) and (named or not example.startswith("99")):
        _check_person(sheet, at, example)
    elif row["id"].endswith("id_number") and example:
        sheet.complain(at, "example-identifier", "no citizen number", "18 digits, division 99")
    elif row["id"] == "uscc" or row["id"].endswith("_uscc"):
        _check_uscc(sheet, at, example)


def _check_person(sheet: Sheet, at: Path, example: str) -> None:
    try:
        citizen_id(example, today=FAR_FUTURE)
    except InvalidCode as wrong:
        sheet.complain(at, "example-identifier", "a citizen number", wrong.expected)
    if not example.startswith("99"):
        found = "a citizen number that may be somebody's"
        sheet.complain(at, "example-person", found, "an invented one, division 99")


def _check_uscc(sheet: Sheet, at: Path, example: str) -> None:
    try:
        if example:
            uscc(example)
    except InvalidCode as wrong:
        sheet.complain(
            at, "example-identifier", "a unified social credit identifier", wrong.expected
        )


def check_authorities(sheet: Sheet) -> None:
    """Names are there once and identifiers are right."""
    sheet.unique(sheet.rows(sheet.head, "authorities"), "name")
    for at, row in sheet.rows(sheet.head, "authorities"):
        _check_uscc(sheet, (*at, "uscc"), row.get("uscc", ""))


def check_bundles(sheet: Sheet, county: str) -> None:
    """The published list: ids that belong to the county and the bundle, departments."""
    sheet.unique(sheet.rows(sheet.head, "bundles"))
    for at, row in sheet.rows(sheet.head, "bundles"):
        if not re.fullmatch(rf"{county}-[0-9]+", row["id"]):
            found = repr(row["id"])
            sheet.complain((*at, "id"), "foreign-id", found, f"{county}- and the bundle's number")
        _check_departments(sheet, at, row, "lead_department")
        for item_at, item in sheet.rows(row, "items", at):
            _check_item_id(sheet, item_at, item, row["id"])
            _check_departments(sheet, item_at, item, "department")
        sheet.unique(sheet.rows(row, "items", at))


def _check_item_id(sheet: Sheet, at: Path, item: Row, bundle: str) -> None:
    if item["id"].rpartition("-")[0] != bundle:
        expected = f"{bundle}- and the seq of the item"
        sheet.complain((*at, "id"), "foreign-id", repr(item["id"]), expected)


def _check_departments(sheet: Sheet, at: Path, row: Row, key: str) -> None:
    """Several departments are listed one by one, and the joined name says the same."""
    joined, several = row[key], row.get(f"{key}s")
    if several is None and joined is not None and "、" in joined:
        expected = f"{key}s: and the list of them"
        sheet.complain((*at, key), "departments-missing", repr(joined), expected)
    if several is not None and joined != "、".join(several):
        expected = f"{key}: {'、'.join(several)}"
        sheet.complain((*at, key), "departments-differ", repr(joined), expected)


@dataclass(frozen=True, slots=True)
class _Frame:
    """What a row of an analysed bundle may refer to."""

    seqs: Collection[int] | None
    """None: the published items could not be read."""
    subjects: Collection[str]
    known: Vocabulary
    published: Mapping[str, Row] = field(default_factory=dict)


def check_materials(sheet: Sheet, published: Sheet, known: Vocabulary) -> None:
    """Materials and forms: everything they refer to exists and agrees with the published list."""
    bundles = {row["id"]: row for _, row in published.rows(published.head, "bundles")}
    ids = published.known(published.head, "bundles")
    sheet.unique(sheet.rows(sheet.head, "bundles"))
    for at, row in sheet.rows(sheet.head, "bundles"):
        bundle = bundles.get(row["id"])
        if not published.lost and bundle is None:
            sheet.refer((*at, "id"), row["id"], ids, "bundle")
        if bundle is not None:
            _same(sheet, (*at, "name"), row["name"], bundle["name"], "name")
            lead = bundle["lead_department"]
            _same(sheet, (*at, "lead_department"), row["lead_department"], lead, "department")
        if row["number"] != int(row["id"].rpartition("-")[2]):
            found, expected = str(row["number"]), "the number in the id"
            sheet.complain((*at, "number"), "number-differs", found, expected)
        _check_analysis(sheet, at, row, _frame(sheet, row, bundle, published, known))


def _frame(
    sheet: Sheet, row: Row, bundle: Row | None, published: Sheet, known: Vocabulary
) -> _Frame:
    items: dict[str, Row] = {}
    seqs: set[int] | None = None
    if bundle is not None:
        items = {item_id: {} for item_id in published.known(bundle, "items")}
        items |= {item["id"]: item for _, item in published.rows(bundle, "items")}
        seqs = {int(item_id.rpartition("-")[2]) for item_id in items if _NUMBERED_ID(item_id)}
        seqs |= sheet.known_seqs(row)
    return _Frame(seqs, sheet.known(row, "subjects"), known, items)


_NUMBERED_ID = re.compile(r".*-[0-9]+").fullmatch


def _same(sheet: Sheet, at: Path, here: str | None, listed: str | None, kind: str) -> None:
    if here is not None and listed is not None and here != listed:
        expected = f"{listed!r}, as in bundles.yaml"
        sheet.complain(at, f"{kind}-differs", repr(here), expected)


def _check_analysis(sheet: Sheet, at: Path, row: Row, frame: _Frame) -> None:
    for item_at, item in sheet.rows(row, "items", at):
        _check_item(sheet, item_at, item, row["id"], frame)
    for material_at, material in sheet.rows(row, "materials", at):
        _check_material(sheet, material_at, material, frame)
    for field_at, form_field in sheet.rows(row, "fields", at):
        sheet.refer((*field_at, "subject"), form_field["subject"], frame.subjects, "subject")
        _check_code_table(sheet, field_at, form_field, frame.known)
        _check_fill(sheet, (*field_at, "fill_from"), form_field["fill_from"], frame.known)
    for key in ("items", "subjects", "materials", "fields"):
        sheet.unique(sheet.rows(row, key, at))
    sheet.unique(sheet.rows(row, "items", at), "seq")


def _check_item(sheet: Sheet, at: Path, item: Row, bundle: str, frame: _Frame) -> None:
    _check_item_id(sheet, at, item, bundle)
    if item["seq"] != int(item["id"].rpartition("-")[2]):
        sheet.complain((*at, "seq"), "number-differs", str(item["seq"]), "the seq in the id")
    printed = frame.published.get(item["id"])
    if not printed or printed["department"] is None:
        _check_departments(sheet, at, item, "department")
    if item.get("listed", True):
        if frame.published and printed is None:
            sheet.refer((*at, "id"), item["id"], frame.published, "item")
        if printed:
            _same(sheet, (*at, "name"), item["name"], printed["name"], "name")
            office = printed["department"]
            _same(sheet, (*at, "department"), item["department"], office, "department")
    elif printed is not None:
        expected = "an id that bundles.yaml does not list, or no listed: false"
        sheet.complain((*at, "id"), "listed-twice", repr(item["id"]), expected)
    _check_names(
        sheet, (*at, "issues"), item.get("issues", ()), frame.known.types, "certificate type"
    )
    answers = item.get("answered_by", ())
    _check_names(sheet, (*at, "answered_by"), answers, frame.known.resources, "resource")


def _check_names(
    sheet: Sheet, at: Path, names: Sequence[str], known: Collection[str] | None, kind: str
) -> None:
    for index, name in enumerate(names):
        if known is not None:
            sheet.refer((*at, index), name, known, kind)
    _check_once(sheet, at, names)


def _check_once(sheet: Sheet, at: Path, entries: Sequence[str | int]) -> None:
    seen = set()
    for index, entry in enumerate(entries):
        if entry in seen:
            sheet.complain((*at, index), "listed-twice", repr(entry), "every entry once")
        seen.add(entry)


def _check_material(sheet: Sheet, at: Path, row: Row, frame: _Frame) -> None:
    sheet.refer((*at, "subject"), row["subject"], frame.subjects, "subject")
    _check_once(sheet, (*at, "items"), row["items"])
    for index, seq in enumerate(row["items"]):
        _check_seq(sheet, (*at, "items", index), seq, frame)
    if "produced_by_item" in row:
        _check_seq(sheet, (*at, "produced_by_item"), row["produced_by_item"], frame)
    if row["exempt_by"] is None:
        _check_left(sheet, at, row)
    else:
        _check_exempted(sheet, at, row, frame.known)


def _check_seq(sheet: Sheet, at: Path, seq: int, frame: _Frame) -> None:
    if frame.seqs is not None and seq not in frame.seqs:
        expected = f"the seq of an item: {', '.join(map(str, sorted(frame.seqs)[:50]))}"
        sheet.complain(at, "unknown-item", str(seq), expected)


_ONLY_EXEMPTED = ("exempt_mode", "exempt_when", "coverage", "condition")
_ONLY_LEFT = ("merged_into", "left_code")


def _check_left(sheet: Sheet, at: Path, row: Row) -> None:
    for key in _ONLY_EXEMPTED:
        if key in row:
            expected = f"no {key}, because exempt_by is null"
            sheet.complain((*at, key), "not-exempted", f"{key}: {row[key]}", expected)
    if ("merged_into" in row) == ("left_code" in row):
        found = "both of them" if "left_code" in row else "neither"
        expected = "merged_into or left_code, because exempt_by is null"
        sheet.complain(at, "left-unexplained", found, expected)
    if "left_code" in row and "reason" not in row:
        sheet.complain(at, "reason-missing", "left_code without reason", "reason: in a few words")


def _check_exempted(sheet: Sheet, at: Path, row: Row, known: Vocabulary) -> None:
    names: list[str] = row["exempt_by"]
    for key in _ONLY_LEFT:
        if key in row:
            expected = f"no {key}, because exempt_by says what replaces it"
            sheet.complain((*at, key), "exempted-and-left", f"{key}: {row[key]}", expected)
    for index, name in enumerate(names):
        _check_exemption(sheet, (*at, "exempt_by", index), name, known)
    _check_once(sheet, (*at, "exempt_by"), names)
    _check_coverage(sheet, at, row)
    if row.get("exempt_mode") == "all" and len(names) == 1:
        sheet.complain(
            (*at, "exempt_mode"), "mode-of-one", "all", "two entries or more, or no mode"
        )
    if row.get("exempt_when", "record") != "record" and not any("." in name for name in names):
        found, expected = f"exempt_when: {row['exempt_when']}", "a resource in exempt_by"
        sheet.complain((*at, "exempt_when"), "nothing-answers", found, expected)


def _check_exemption(sheet: Sheet, at: Path, name: str, known: Vocabulary) -> None:
    """One dot names a resource, no dot a certificate type."""
    if "." in name and known.resources is not None:
        sheet.refer(at, name, known.resources, "resource")
    elif "." not in name and known.types is not None:
        sheet.refer(at, name, known.types, "certificate type")


def _check_coverage(sheet: Sheet, at: Path, row: Row) -> None:
    coverage, condition = row.get("coverage"), row.get("condition")
    if coverage is None:
        sheet.complain(at, "coverage-missing", "exempt_by without coverage", "coverage: full")
    elif coverage == "conditional" and condition is None:
        found, expected = "coverage: conditional", "condition: when it holds"
        sheet.complain((*at, "coverage"), "condition-missing", found, expected)
    elif coverage == "full" and condition is not None:
        found, expected = "coverage: full with a condition", "coverage: conditional"
        sheet.complain((*at, "condition"), "condition-unused", found, expected)


def _check_fill(sheet: Sheet, at: Path, reference: str, known: Vocabulary) -> None:
    """`applicant`, `<resource>.<field>` with two dots, or `<certificate type>.<item>` with one."""
    if reference == "applicant":
        return
    holder, dot, name = reference.rpartition(".")
    if not dot or holder.count(".") > 1:
        near = suggestion(reference, ("applicant",))
        expected = f"applicant, a resource's field or a certificate type's item{near}"
        sheet.complain(at, "fill-ill-formed", repr(reference), expected)
        return
    holders = known.resources if "." in holder else known.types
    kind = "resource" if "." in holder else "certificate type"
    if holders is None:
        return
    sheet.refer(at, holder, holders, kind)
    fields = holders.get(holder)
    if fields is not None and name not in fields:
        found = f"{name!r} of {holder}"
        expected = f"a field of it{suggestion(name, fields)}"
        sheet.complain(at, "unknown-field", found, expected)
