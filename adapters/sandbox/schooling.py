"""Schools and degrees: who is in which class, and who holds which diploma."""

from __future__ import annotations

from datetime import date

from adapters.model import Record
from adapters.sandbox.county import County
from adapters.sandbox.draws import Draws
from adapters.sandbox.people import Person
from adapters.sandbox.shapes import Trait

_STAGES = (
    (3, 6, "1", "幼儿园", ("小班", "中班", "大班")),
    (6, 12, "2", "小学", ("一年级", "二年级", "三年级", "四年级", "五年级", "六年级")),
    (12, 15, "3", "初级中学", ("七年级", "八年级", "九年级")),
    (15, 18, "4", "高级中学", ("高一", "高二", "高三")),
)
"""From which age to which, code of the stage, kind of school, its years."""
_LEVELS = {"31": ("演示职业技术学院", None, 21), "21": ("演示大学", "4", 22),
           "14": ("演示大学", "3", 25)}  # fmt: skip
"""Level → school, degree, age at graduation."""
_ONLINE_SINCE = 2001
"""Older diplomas were never entered."""


def at_school(county: County, person: Person) -> tuple[Record, ...]:
    """The student record of a child between three and eighteen."""
    at = county.home_of(person)
    if person.role not in at.shape.children or person.state != "0":
        return ()
    # The year begins in September, with whoever is old enough on 31 August.
    began = county.today.year - (county.today.month < 9)
    age = person.age(date(began, 8, 31))
    stage = next((each for each in _STAGES if each[0] <= age < each[1]), None)
    if stage is None:
        return ()
    first, _, code, kind, years = stage
    draws = Draws(county.seed, "school", person.serial)
    school = draws.one_of(f"school-{code}", ("第一示例", "第二示例", "样例"))
    guardian = next((each for each in at.parents_of(person.role) if each.alive), None)
    return (
        Record(
            values={
                "student_no": f"G{person.id_number}",
                "name": person.name,
                "id_number": person.id_number,
                "school": f"示范县{school}{kind}",
                "grade": years[age - first],
                "class_name": f"{draws.number('class', 1, 6)}班",
                "stage": code,
                "enrol_date": f"{began - (age - first)}09",
                "guardian_name": guardian.name if guardian else None,
                "state": "1",
            }
        ),
    )


def diplomas(county: County, person: Person) -> tuple[Record, ...]:
    """The diploma of whoever studied, as far as it was entered."""
    found = _LEVELS.get(person.education or "")
    if found is None:
        return ()
    school, degree, age = found
    shape = county.home_of(person).shape
    new = Trait.GRADUATE in shape.traits and person.role is shape.living_head
    year = county.today.year if new and county.today.month > 7 else person.birth_date.year + age + 1
    if year < _ONLINE_SINCE or date(year, 7, 1) > county.today:
        return ()
    draws = Draws(county.seed, "diploma", person.serial)
    return (
        Record(
            values={
                "certificate_no": f"99001{year}05{person.serial:07d}",
                "name": person.name,
                "school": school,
                "major": draws.one_of("major", ("示例专业", "样例工程", "范例管理")),
                "level": person.education,
                "study_mode": "普通全日制",
                "graduated_on": date(year, 7, 1).isoformat(),
                "degree": degree,
                "degree_no": f"990014{year}{person.serial:07d}" if degree else None,
                "result": "01",
            }
        ),
    )
