"""The education office: two workbooks, each with a title above its head and a control file in JSON.

Stages and states are words, and the days on diplomas are a spreadsheet's serial numbers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date

from adapters.files.writing import packed, workbook
from adapters.model import Record, Scalar
from adapters.sandbox.dropping import Export, Table, Told
from adapters.sandbox.population import Population
from adapters.sandbox.schooling import at_school, diplomas

PUPILS, DIPLOMAS = "xj", "xl"
_DAY_ZERO = date(1899, 12, 30)
_STAGES = {"1": "幼儿园", "2": "小学", "3": "初中", "4": "高中"}
_PUPIL = {
    "student_no": "学籍号", "name": "姓名", "id_number": "身份证件号", "school": "学校名称",
    "grade": "年级", "class_name": "班级", "stage": "学段", "enrol_date": "入学年月",
    "guardian_name": "监护人姓名", "state": "学籍状态",
}  # fmt: skip
_DIPLOMA = {
    "certificate_no": "证书编号", "name": "姓名", "school": "毕业院校", "major": "专业",
    "level": "层次", "study_mode": "学习形式", "graduated_on": "毕业日期", "degree": "学位",
    "degree_no": "学位证书编号", "result": "核验结果",
}  # fmt: skip


def _tables(population: Population) -> Sequence[Table]:
    people = population.people
    pupils = [
        _cells(record, _PUPIL) for person in people for record in at_school(population, person)
    ]
    graduates = [
        (person.id_number, *_cells(record, _DIPLOMA))
        for person in people
        for record in diplomas(population, person)
    ]
    return (
        Table(stem=PUPILS, head=tuple(_PUPIL.values()), rows=pupils),
        Table(stem=DIPLOMAS, head=("证件号码", *_DIPLOMA.values()), rows=graduates),
    )


def _cells(record: Record, names: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(_cell(field, record.values[field]) for field in names)


def _cell(field: str, value: Scalar) -> str:
    match field:
        case "stage":
            return _STAGES[str(value)]
        case "state":
            return "在读" if value == "1" else str(value)
        case "graduated_on":
            return str((date.fromisoformat(str(value)) - _DAY_ZERO).days)
    return "" if value is None else str(value)


def _written(table: Table) -> bytes:
    title = ("示范县教育体育局导出",)
    return packed(workbook([title, table.head, *table.rows], "Sheet1"))


def _beside(told: Told) -> Mapping[str, bytes]:
    said = {"wj": told.name, "ts": str(told.rows), "sha256": told.digest("sha256")}
    return {f"{told.name}.json": json.dumps(said).encode()}


EXPORT = Export(
    ending=".xlsx", first=_tables, again=_tables, written=_written, beside=_beside, charset=None
)  # fmt: skip
