"""Disability certificates and the minimum living allowance."""

from __future__ import annotations

from datetime import date, timedelta

from adapters.model import Record
from adapters.sandbox.county import County
from adapters.sandbox.days import months_after
from adapters.sandbox.draws import Draws
from adapters.sandbox.people import Person
from adapters.sandbox.shapes import Kind, Origin, Trait

HOSPITAL = "示范县人民医院(示例)"
URBAN, RURAL = "1", "2"
"""Kinds of assistance of the catalog's table."""
_VILLAGE = "3"
"""Type of a household in a village."""


def disability(county: County, person: Person) -> tuple[Record, ...]:
    """The disability certificate of `person`."""
    at, draws = county.home_of(person), Draws(county.seed, "disability", person.serial)
    told = Trait.DISABLED in at.shape.traits and person.role is at.shape.living_head
    if not person.alive or not (told or draws.chance("disabled", 3)):
        return ()
    category, level = draws.number("category", 1, 7), draws.number("level", 1, 4)
    lived = (county.today - person.birth_date).days // 31
    assessed = months_after(county.today, -draws.number("months", 1, max(1, min(110, lived - 1))))
    issued = assessed + timedelta(days=10)
    return (
        Record(
            values={
                "certificate_no": f"{person.id_number}{category}{level}",
                "name": person.name,
                "id_number": person.id_number,
                "gender": person.gender,
                "ethnic_group": person.ethnic_group,
                "category": str(category),
                "level": str(level),
                "assess_hospital": HOSPITAL,
                "assess_date": assessed.isoformat(),
                "guardian_name": None,
                "guardian_phone": None,
                "address": (at.residence or at.address).short,
                "issue_date": issued.isoformat(),
                "valid_to": date(issued.year + 10, issued.month, min(issued.day, 28)).isoformat(),
                "state": "01",
            }
        ),
    )


def assistance(county: County, person: Person) -> tuple[Record, ...]:
    """The minimum living allowance of the household of `person`, one line a living member."""
    at = county.home_of(person)
    draws = Draws(county.seed, "assistance", at.index)
    here = at.shape.kind is Kind.FAMILY and at.shape.origin is Origin.HERE
    well_off = Trait.INSURED in at.shape.traits or at.shape.homes > 1
    living = [each for each in at.members.values() if each.alive and each.state == "0"]
    poor = Trait.ASSISTED in at.shape.traits or (draws.chance("poor", 4) and not well_off)
    if not here or not poor or person not in living:
        return ()
    since = months_after(county.today, -draws.number("months", 3, 60))
    return (
        Record(
            values={
                "head_name": at.head.name,
                "head_id_number": at.head.id_number,
                "kind": RURAL if at.type == _VILLAGE else URBAN,
                "certificate_no": f"DB990101{at.index:07d}",
                "monthly_amount": f"{draws.number('amount', 30, 70) * 10 * len(living)}.00",
                "household_size": len(living),
                "start_month": f"{since.year}{since.month:02d}",
                "data_month": f"{county.today.year}{county.today.month:02d}",
            },
            lines=tuple({"member_id_number": each.id_number} for each in living),
        ),
    )
