"""Births and deaths, as hospitals certify them.

A newborn has a birth certificate before it has a citizen number: it is found under its mother.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from adapters.model import Record
from adapters.sandbox import names
from adapters.sandbox.county import County
from adapters.sandbox.draws import Draws
from adapters.sandbox.names import MALE
from adapters.sandbox.people import Household, Person
from adapters.sandbox.places import HERE
from adapters.sandbox.shapes import Origin, Role, Trait

HOSPITAL = "示范县人民医院(示例)"
SINCE = 2014
"""Most certificates before that year never reached the system."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Baby:
    """Who was born."""

    name: str
    gender: str
    birth: date
    serial: int


def birth_certificate(county: County, mother: Person) -> tuple[Record, ...]:
    """The certificate of the last child of `mother`, where it was born in this county."""
    at = county.home_of(mother)
    baby = _last_baby(county, at)
    here = mother.role is Role.MOTHER and at.shape.origin is Origin.HERE
    if baby is None or not here or baby.birth.year < SINCE:
        return ()
    return (_birth(county, at, mother, baby),)


def _last_baby(county: County, at: Household) -> Baby | None:
    if Trait.NEWBORN in at.shape.traits:
        return _newborn(county, at)
    if not at.children:
        return None
    last = at.children[-1]
    return Baby(name=last.name, gender=last.gender, birth=last.birth_date, serial=last.serial)


def _newborn(county: County, at: Household) -> Baby:
    draws, father = Draws(county.seed, "newborn", at.index), at.members[Role.FATHER]
    gender = draws.one_of("gender", (MALE, names.FEMALE))
    given = names.given(draws, "given", gender, at.shape.ethnic_group)
    family = father.name if "·" not in father.name else father.name.split("·")[0]
    surname = at.shape.surname or family[: 2 if len(family) == 4 else 1]
    return Baby(
        name=names.whole(surname, given, at.shape.ethnic_group),
        gender=gender,
        birth=county.today - timedelta(days=7),
        serial=father.serial + 7,
    )


def _birth(county: County, at: Household, mother: Person, baby: Baby) -> Record:
    draws, father = Draws(county.seed, "birth", baby.serial), at.members.get(Role.FATHER)
    hour, minute = draws.number("hour", 0, 23), draws.number("minute", 0, 59)
    return Record(
        values={
            "certificate_no": f"Z99{baby.serial:07d}",
            "newborn_name": baby.name,
            "gender": baby.gender,
            "birth_date": baby.birth.isoformat(),
            "birth_time": f"{baby.birth.isoformat()} {hour:02d}:{minute:02d}",
            "gestation_weeks": draws.number("weeks", 36, 41),
            "weight_g": draws.number("weight", 250, 420) * 10,
            "length_cm": draws.number("length", 47, 54),
            "birth_place": HERE.path,
            "birth_place_kind": "1",
            "institution": HOSPITAL,
            "health_state": "良好",
            "mother_name": mother.name,
            "mother_id_number": mother.id_number,
            "mother_nation": "CHN",
            "mother_ethnic_group": mother.ethnic_group,
            "mother_age": mother.age(baby.birth),
            "mother_address": at.address.short,
            "father_name": father.name if father else None,
            "father_id_number": father.id_number if father else None,
            "father_nation": "CHN" if father else None,
            "father_ethnic_group": father.ethnic_group if father else None,
            "father_age": father.age(baby.birth) if father else None,
            "issuer": HOSPITAL,
            "issue_date": min(county.today, baby.birth + timedelta(days=2)).isoformat(),
            "state": "01",
        }
    )


def death(county: County, person: Person) -> tuple[Record, ...]:
    """The death record of `person`; the household register was told some days later."""
    if person.alive or person.state_date is None:
        return ()
    draws, at = Draws(county.seed, "death", person.serial), county.home_of(person)
    day = person.state_date - timedelta(days=draws.number("days", 3, 20))
    kin = next((each for each in at.members.values() if each.alive), None)
    return (
        Record(
            values={
                "certificate_no": f"D990101{day.year}{person.serial:07d}",
                "name": person.name,
                "id_number": person.id_number,
                "gender": person.gender,
                "birth_date": person.birth_date.isoformat(),
                "death_time": f"{day.isoformat()} {draws.number('hour', 0, 23):02d}:20",
                "death_date": day.isoformat(),
                "place_kind": draws.one_of("place", ("1", "3", "4")),
                "residence": at.address.short,
                "next_of_kin_name": kin.name if kin else None,
                "next_of_kin_phone": kin.mobile if kin else None,
                "cause_code": draws.one_of("cause", ("I21.900", "I63.900", "C34.900")),
                "issuer": at.address.clinic,
                "issue_date": (day + timedelta(days=1)).isoformat(),
                "hukou_cancelled_on": person.state_date.isoformat(),
            }
        ),
    )
