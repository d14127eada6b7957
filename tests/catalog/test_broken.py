"""Broken catalogs: one change to a good one each, with the complaint it must bring."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from stdnum.iso7064 import mod_11_2

from catalog import Complaint, InvalidCatalog
from tests.world.catalogs import (
    AUTHORITIES,
    BUNDLES,
    MATERIALS,
    OWN_RESOURCES,
    RESOURCES,
    TABLES,
    TYPES,
    files,
    written,
)


@dataclass(frozen=True)
class Change:
    """`old` becomes `new` in `file`; the complaint is `lines` below the first changed line."""

    file: str
    old: str
    new: str
    rule: str
    lines: int = 0
    says: str = ""
    others: int = 0
    """Further complaints that the same mistake brings, by nature."""


BROKEN = {
    "unknown key": Change(TABLES, "  name: 学段", "  nmae: 学段", "unknown-key", says="'name'", others=1),
    "unknown key in a flow row": Change(
        MATERIALS, "coverage: full, produced", "covrage: full, produced", "unknown-key", says="'coverage'", others=1
    ),
    "missing key": Change(TABLES, "  source: 演示\n", "", "missing-key", lines=-2, says="source"),
    "duplicate key": Change(BUNDLES, "year: 2024", "year: 2024\nyear: 2025", "duplicate-key", lines=1),
    "code without quotes": Change(TABLES, "code: '01'", "code: 01", "not-text", says="'01'"),
    "code that reads as false": Change(TABLES, "code: '1'", "code: no", "not-text", says="in quotes: 'no'"),
    "code that reads as a date": Change(TABLES, "code: '1'", "code: 2024-01-01", "not-text", says="a date"),
    "example without quotes": Change(RESOURCES, "example: '1'}", "example: 1}", "not-text"),
    "key that reads as false": Change(TABLES, "alpha: F", "no: F", "key-not-text"),
    "code twice": Change(TABLES, "code: '2'", "code: '1'", "duplicate-id"),
    "day that is none": Change(TABLES, "{code: '01', label: 小学}", "{code: '01', label: 小学, valid_to: '2024-02-30'}", "ill-formed"),
    "day without quotes": Change(TABLES, "{code: '01', label: 小学}", "{code: '01', label: 小学, valid_from: 2024}", "not-text"),
    "validity reversed": Change(TABLES, "{code: '01', label: 小学}", "{code: '01', label: 小学, valid_from: '2024-01-02', valid_to: '2024-01-01'}", "validity-reversed"),
    "table twice": Change(TABLES, "- id: school-stage", "- id: gender", "duplicate-id", others=1),
    "empty table": Change(
        TABLES, "  codes:\n  - {code: '01', label: 小学}", "  codes: []", "empty"
    ),
    "unknown completeness": Change(TABLES, "completeness: local", "completeness: locale", "unknown-word", says="'local'"),
    "blank name": Change(TABLES, "name: 学段", "name: ' '", "empty"),
    "certificate type with a dot": Change(TYPES, "- id: business-licence", "- id: business.licence", "ill-formed"),
    "certificate type twice": Change(TYPES, "- id: business-licence", "- id: resident-id-card", "duplicate-id"),
    "face item twice": Change(TYPES, "{id: gender,", "{id: name,", "duplicate-id"),
    "code without table": Change(TYPES, "type: code, code_table: gender", "type: code", "code-table-missing"),
    "table without code": Change(TYPES, "type: code, code_table", "type: string, code_table", "code-table-unused"),
    "unknown table": Change(TYPES, "code_table: gender", "code_table: gendre", "unknown-code-table", says="'gender'"),
    "unknown type": Change(TYPES, "type: code,", "type: kode,", "unknown-word", says="'code'"),
    "citizen number, wrong check digit": Change(
        TYPES, "'990101199001010019'", "'990101199001010018'", "example-identifier", says="check digit"
    ),
    "citizen number, no such day": Change(
        RESOURCES, "'990101199001010019'", "'990101199002300019'", "example-identifier", says="date of birth"
    ),
    "citizen number, short": Change(RESOURCES, "'990101199001010019'", "'9901'", "example-identifier"),
    "uscc, wrong check digit": Change(TYPES, "91990101MA0000015C", "91990101MA0000015D", "example-identifier"),
    "length as text": Change(TYPES, "max_length: 18, example: 9", "max_length: '18', example: 9", "not-an-integer"),
    "negative length": Change(TYPES, "max_length: 50", "max_length: -1", "out-of-range"),
    "flag as yes": Change(TYPES, "required: true, max_length: 50", "required: yes, max_length: 50", "not-a-flag", says="yes without quotes"),
    "resource without a dot": Change(RESOURCES, "- id: crime.background-check", "- id: crime-check", "ill-formed", others=1),
    "resource with two dots": Change(RESOURCES, "- id: crime.background-check", "- id: crime.background.check", "ill-formed", others=1),
    "resource twice": Change(RESOURCES, "- id: hukou.household", "- id: hukou.person", "duplicate-id", others=2),
    "query key twice": Change(RESOURCES, "{id: name, type: string, required: true}]", "{id: id_number, type: string, required: true}]", "duplicate-id"),
    "line key that is no field": Change(RESOURCES, "line_key: member_id_number", "line_key: member_number", "unknown-field", says="'member_id_number'"),
    "line key not repeated": Change(RESOURCES, "line_key: member_id_number", "line_key: household_no", "line-key-not-repeated"),
    "happened names no field": Change(RESOURCES, "line_key: member_id_number", "line_key: member_id_number\n  happened: [never]", "unknown-field", says="'never'", lines=1),
    "happened names no date": Change(RESOURCES, "line_key: member_id_number", "line_key: member_id_number\n  happened: [household_no]", "happened-no-date", lines=1),
    "unknown sharing": Change(RESOURCES, "sharing: conditional\n  sharing_note", "sharing: shared\n  sharing_note", "unknown-word"),
    "quirks not a list": Change(RESOURCES, "quirks: [集体户会返回全部成员]", "quirks: 集体户会返回全部成员", "not-a-list"),
    "division of four digits": Change(BUNDLES, "'990101'", "'9901'", "ill-formed"),
    "division without quotes": Change(BUNDLES, "'990101'", "990101", "not-text", says="'990101'"),
    "year long ago": Change(BUNDLES, "year: 2024", "year: 24", "out-of-range"),
    "bundle of another county": Change(BUNDLES, "- id: yanshi-02\n", "- id: xinxiang-02\n", "foreign-id", others=1),
    "item of another bundle": Change(BUNDLES, "id: yanshi-02-01", "id: yanshi-01-04", "foreign-id"),
    "item twice": Change(BUNDLES, "id: yanshi-01-03", "id: yanshi-01-02", "duplicate-id", others=1),
    "unknown kind": Change(BUNDLES, "kind: query", "kind: querry", "unknown-word", says="'query'"),
    "departments not listed": Change(BUNDLES, "        departments: [县市场监管局, 县消防救援大队]\n", "", "departments-missing", lines=-1),
    "departments differ": Change(BUNDLES, "[县市场监管局, 县消防救援大队]", "[县市场监管局, 县公安局]", "departments-differ", lines=-1),
    "no items": Change(BUNDLES, "    items:\n      - id: yanshi-02-01\n        name: 食品经营许可\n        department: 县市场监管局、县消防救援大队\n        departments: [县市场监管局, 县消防救援大队]\n        kind: handle", "    items: []", "empty"),
    "materials of no bundle": Change(MATERIALS, "- id: yanshi-01\n", "- id: yanshi-91\n", "unknown-bundle", says="'yanshi-01'", others=8),
    "bundle name differs": Change(MATERIALS, "  name: 教育入学“一件事”", "  name: 教育入学一件事", "name-differs", says="as in bundles.yaml"),
    "lead differs": Change(MATERIALS, "lead_department: 县教体局", "lead_department: 县教育局", "department-differs"),
    "number differs": Change(MATERIALS, "number: 1", "number: 2", "number-differs"),
    "item name differs": Change(MATERIALS, "name: 新生入学信息采集,", "name: 新生信息采集,", "name-differs"),
    "item department differs": Change(MATERIALS, "新生入学信息采集, department: 县教体局", "新生入学信息采集, department: 县公安局", "department-differs"),
    "item not published": Change(MATERIALS, "{id: yanshi-01-03, seq: 3", "{id: yanshi-01-13, seq: 13", "unknown-item", says="yanshi-01-0"),
    "item published and unlisted": Change(MATERIALS, "name: 新生入学信息采集, department: 县教体局,", "name: 新生入学信息采集, department: 县教体局, listed: false,", "listed-twice"),
    "seq differs from id": Change(MATERIALS, "seq: 3,", "seq: 2,", "number-differs"),
    "issues an unknown type": Change(MATERIALS, "issues: [resident-id-card]", "issues: [resident-card]", "unknown-certificate-type", says="'resident-id-card'"),
    "answered by an unknown resource": Change(MATERIALS, "answered_by: [realestate.ownership]", "answered_by: [realestate.owner]", "unknown-resource", says="'realestate.ownership'"),
    "unknown subject of a material": Change(MATERIALS, "kind: licence, subject: guardian", "kind: licence, subject: guardien", "unknown-subject", says="'guardian'"),
    "unknown subject of a field": Change(MATERIALS, "fill_from: resident-id-card.name, subject: guardian", "fill_from: resident-id-card.name, subject: parent", "unknown-subject"),
    "subject twice": Change(MATERIALS, "- {id: child, label", "- {id: guardian, label", "duplicate-id", others=5),
    "material twice": Change(MATERIALS, "- {id: no-crime,", "- {id: no-house,", "duplicate-id"),
    "form field twice": Change(MATERIALS, "- {id: guardian_name,", "- {id: child_name,", "duplicate-id"),
    "unknown seq": Change(MATERIALS, "items: [1, 2], issuer", "items: [1, 7], issuer", "unknown-item", says="0, 1, 2, 3"),
    "seq twice": Change(MATERIALS, "items: [1, 2], issuer", "items: [1, 1], issuer", "listed-twice"),
    "produced by an unknown item": Change(MATERIALS, "produced_by_item: 3", "produced_by_item: 5", "unknown-item"),
    "no seq at all": Change(MATERIALS, "items: [1, 2], issuer", "items: [], issuer", "empty"),
    "exempt by an unknown resource": Change(MATERIALS, "exempt_by: [crime.background-check]", "exempt_by: [crime.backgroundcheck]", "unknown-resource", says="did you mean"),
    "exempt by an unknown type": Change(MATERIALS, "exempt_by: [resident-id-card, hukou.person]", "exempt_by: [id-card, hukou.person]", "unknown-certificate-type"),
    "exempt twice by the same": Change(MATERIALS, "[resident-id-card, hukou.person]", "[hukou.person, hukou.person]", "listed-twice"),
    "exempt by nothing": Change(MATERIALS, "exempt_by: [crime.background-check]", "exempt_by: []", "empty"),
    "no coverage": Change(MATERIALS, "[crime.background-check], coverage: full", "[crime.background-check]", "coverage-missing"),
    "conditional without condition": Change(MATERIALS, ", condition: 已迁入本县", "", "condition-missing"),
    "condition without conditional": Change(MATERIALS, "coverage: conditional", "coverage: full", "condition-unused"),
    "exempted and left": Change(MATERIALS, "[crime.background-check], coverage: full", "[crime.background-check], coverage: full, left_code: no-source", "exempted-and-left"),
    "left without a word": Change(MATERIALS, "    left_code: photo\n", "", "left-unexplained", lines=-7),
    "left twice": Change(MATERIALS, "    left_code: photo\n", "    left_code: photo\n    merged_into: one-form\n", "left-unexplained", lines=-8),
    "left without reason": Change(MATERIALS, "    reason: 照片须上传\n", "", "reason-missing", lines=-8),
    "left with coverage": Change(MATERIALS, "    left_code: photo\n", "    left_code: photo\n    coverage: full\n", "not-exempted"),
    "merged elsewhere": Change(MATERIALS, "merged_into: one-form", "merged_into: two-forms", "unknown-word"),
    "unknown left code": Change(MATERIALS, "left_code: photo", "left_code: phto", "unknown-word", says="'photo'"),
    "mode for one entry": Change(MATERIALS, "[crime.background-check], coverage: full", "[crime.background-check], exempt_mode: all, coverage: full", "mode-of-one"),
    "answer without a resource": Change(MATERIALS, "exempt_by: [realestate.ownership]", "exempt_by: [resident-id-card]", "nothing-answers"),
    "fill from an unknown resource": Change(MATERIALS, "fill_from: hukou.person.gender", "fill_from: hukou.persons.gender", "unknown-resource", says="'hukou.person'"),
    "fill from an unknown field": Change(MATERIALS, "fill_from: hukou.person.gender", "fill_from: hukou.person.gendre", "unknown-field", says="'gender'"),
    "fill from an unknown face item": Change(MATERIALS, "fill_from: resident-id-card.name", "fill_from: resident-id-card.nane", "unknown-field", says="'name'"),
    "fill from an unknown type": Change(MATERIALS, "fill_from: resident-id-card.name", "fill_from: id-card.name", "unknown-certificate-type"),
    "fill from a word": Change(MATERIALS, "fill_from: applicant", "fill_from: aplicant", "fill-ill-formed", says="'applicant'"),
    "form field with an unknown table": Change(MATERIALS, "code_table: school-stage", "code_table: schoolstage", "unknown-code-table"),
    "material as text": Change(MATERIALS, "  notes:\n  - 演示\n", "  notes: 演示\n", "not-a-list"),
    "basis of hearsay": Change(MATERIALS, "basis: practice", "basis: hearsay", "ill-formed"),
    "county resource with an unknown table": Change(OWN_RESOURCES, "label: 坐落, type: string", "label: 坐落, type: code, code_table: places", "unknown-code-table"),
    "authority twice": Change(AUTHORITIES, "县司法局", "县教体局", "duplicate-id"),
    "authority with a wrong identifier": Change(AUTHORITIES, "11990000000000107Q", "11990000000000107R", "example-identifier"),
    "anchor": Change(RESOURCES, "quirks: [集体户会返回全部成员]", "quirks: &q [集体户会返回全部成员]", "anchor"),
    "tag": Change(BUNDLES, "county: 演示县", "county: !!str 演示县", "tag"),
    "tab as indent": Change(BUNDLES, "    deadline:", "\tdeadline:", "yaml-syntax"),
    "two documents": Change(AUTHORITIES, "authorities:", "--- {}\n--- \nauthorities:", "documents", lines=-1),
}  # fmt: skip


def complaints(folder: Path, texts: dict[str, str]) -> tuple[Complaint, ...]:
    """All complaints about a catalog that must not load."""
    with pytest.raises(InvalidCatalog) as caught:
        written(folder, texts).load()
    return caught.value.complaints


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_catalog_names_file_line_and_rule(tmp_path: Path, name: str) -> None:
    """One mistake gives a complaint with its file, line, rule and what would be right."""
    change, texts = BROKEN[name], files()
    assert texts[change.file].count(change.old) >= 1
    at = texts[change.file].index(change.old)
    line = texts[change.file][:at].count("\n") + _first_change(change) + 1 + change.lines
    texts[change.file] = texts[change.file].replace(change.old, change.new, 1)
    found = complaints(tmp_path, texts)
    told = [c for c in found if (c.file, c.rule) == (change.file, change.rule)]
    assert told, "\n".join(map(str, found))
    first = told[0]
    assert first.line == (0 if change.rule == "documents" else line), str(first)
    assert change.says in f"{first.found} — {first.expected}"
    assert len(found) <= 1 + change.others, "\n".join(map(str, found))


def _first_change(change: Change) -> int:
    """How many lines of `old` stay as they are before the change begins."""
    same = 0
    for before, after in zip(change.old.split("\n"), change.new.split("\n"), strict=False):
        if before != after:
            break
        same += 1
    return min(same, change.old.count("\n"))


def test_every_complaint_at_once(tmp_path: Path) -> None:
    """Mistakes in several files, and several in one bundle, are all told in one go."""
    texts = files()
    texts[TABLES] = texts[TABLES].replace("code: '01'", "code: 01")
    texts[TYPES] = texts[TYPES].replace("business-licence", "Business", 1)
    texts[MATERIALS] = (
        texts[MATERIALS]
        .replace("kind: photo", "kind: foto")
        .replace("[crime.background-check]", "[crime.check]")
        .replace("hukou.person.gender", "hukou.person.sex")
        .replace("items: [1, 2], issuer", "items: [1, 8], issuer")
    )
    found = {(c.file, c.rule) for c in complaints(tmp_path, texts)}
    assert found == {
        (TABLES, "not-text"),
        (TYPES, "ill-formed"),
        (MATERIALS, "unknown-word"),
        (MATERIALS, "unknown-resource"),
        (MATERIALS, "unknown-field"),
        (MATERIALS, "unknown-item"),
    }


def test_an_unreadable_file_is_one_complaint(tmp_path: Path) -> None:
    """A vocabulary that cannot be read does not make every reference to it wrong."""
    texts = files()
    for file in (RESOURCES, TABLES, TYPES):
        texts[file] = texts[file].replace(":", ": [", 1)
    found = complaints(tmp_path, texts)
    assert {(c.file, c.rule) for c in found} == {
        (file, "yaml-syntax") for file in (RESOURCES, TABLES, TYPES)
    }


def test_a_broken_row_is_still_known(tmp_path: Path) -> None:
    """A resource with a wrong field type is complained about once, not at each who names it."""
    texts = files()
    texts[RESOURCES] = texts[RESOURCES].replace(
        "type: string, source: XM", "type: text, source: XM"
    )
    assert {c.rule for c in complaints(tmp_path, texts)} == {"unknown-word"}


def test_real_citizen_numbers_are_refused_without_repeating_them(tmp_path: Path) -> None:
    """An example outside the invented division is refused, and the number does not stand in it."""
    base = "88" + "010119900101001"
    number = base + mod_11_2.calc_check_digit(base)
    texts = files()
    texts[RESOURCES] = texts[RESOURCES].replace("990101199001010019", number)
    (complaint,) = complaints(tmp_path, texts)
    assert complaint.rule == "example-person"
    assert number not in str(complaint)


def test_a_missing_list_is_a_complaint(tmp_path: Path) -> None:
    """A county folder without bundles.yaml is wrong; national files must be there too."""
    texts = files()
    del texts[BUNDLES], texts[TABLES]
    rules = {(c.file, c.rule) for c in complaints(tmp_path, texts)}
    assert rules == {(BUNDLES, "unreadable"), (TABLES, "unreadable")}


def test_a_misspelt_file_is_a_complaint(tmp_path: Path) -> None:
    """`material.yaml` would silently not be there; the right name is offered."""
    texts = files()
    texts["yanshi/catalog/material.yaml"] = texts.pop(MATERIALS)
    (complaint,) = complaints(tmp_path, texts)
    assert complaint.rule == "unknown-file"
    assert "'materials.yaml'" in complaint.expected


def test_folder_names_are_ids(tmp_path: Path) -> None:
    """A county's folder is its id; a name that cannot be one is a complaint."""
    texts = {name.replace("yanshi/", "Yan-Shi/"): text for name, text in files().items()}
    assert "county-id" in {c.rule for c in complaints(tmp_path, texts)}


def test_two_counties_with_one_division(tmp_path: Path) -> None:
    """Division codes are unique among the counties."""
    texts = files()
    texts["zuoyi/catalog/bundles.yaml"] = texts[BUNDLES].replace("yanshi-", "zuoyi-")
    (complaint,) = complaints(tmp_path, texts)
    assert (complaint.file, complaint.rule) == ("zuoyi/catalog/bundles.yaml", "division-twice")


def test_a_missing_folder_is_a_complaint(tmp_path: Path) -> None:
    """Counties that are not there are not an empty catalog."""
    place = written(tmp_path, files())
    place.counties.rename(tmp_path / "elsewhere")
    with pytest.raises(InvalidCatalog) as caught:
        place.load()
    assert [c.rule for c in caught.value.complaints] == ["missing-folder"]
