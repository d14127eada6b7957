"""Immunization of children: the national schedule, and what a clinic's file makes of it.

Schedule: 《国家免疫规划疫苗儿童免疫程序及说明（2021 年版）》. The dose at six years was DT and is
DTaP since 2025.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from adapters.sandbox.days import months_after
from adapters.sandbox.draws import Draws
from adapters.sandbox.people import Household, Person
from adapters.sandbox.shapes import Role, Trait

SCHEDULE = (
    ("HepB", (0, 1, 6)), ("BCG", (0,)), ("IPV", (2, 3)), ("bOPV", (4, 48)),
    ("DTaP", (3, 4, 5, 18)), ("MMR", (8, 18)), ("JE-L", (8, 24)), ("MPSV-A", (6, 9)),
    ("HepA-L", (18,)), ("MPSV-AC", (36, 72)),
)  # fmt: skip
"""Vaccine (code of the catalog's table) and the ages in months at which it is due."""

AT_SIX_YEARS = 72
ENTRY_MONTHS = 60
"""Doses due by five years count for school entry; those at six years may still be coming."""

DTAP_AT_SIX_SINCE = date(2025, 1, 1)

PROVINCE_CODES = {
    "HepB": "0201", "BCG": "0101", "IPV": "0302", "bOPV": "0303", "DTaP": "0402", "DT": "0403",
    "MMR": "1402", "JE-L": "1801", "MPSV-A": "1701", "MPSV-AC": "1702", "HepA-L": "1901",
}  # fmt: skip
"""The four-digit codes the province used before, which every entry also carries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dose:
    """One entry of the file."""

    vaccine: str
    number: int
    on: str
    """ISO date, or ISO month where the day was not written down."""
    lot: str
    site: str
    refused: bool = False
    """Not given: contraindicated, or the parents declined."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A dose that was due and was not given."""

    vaccine: str
    number: int
    due: date


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """The immunization file of a child."""

    child: Person
    guardian: Person | None
    mother: Person | None
    certificate_no: str
    own_number_known: bool
    """False: filed under the mother's number only."""
    doses: tuple[Dose, ...]
    """In the order of dates."""
    missing: tuple[Missing, ...]
    complete_for_entry: bool
    checked_on: date


def file_of(seed: str, today: date, household: Household, child: Person) -> File | None:
    """The file of a child up to 15 years of age, or None where there is none."""
    eldest = child.role is Role.CHILD_1
    traits = household.shape.traits if eldest else frozenset[Trait]()
    if child.age(today) > 15 or Trait.NO_FILE in traits:
        return None
    draws = Draws(seed, "doses", child.serial)
    site = (household.residence or household.address).clinic
    due = [each for each in _due(child.birth_date) if each.due < today]
    skipped = _skipped(draws, due, traits)
    entries = [_dose(draws, each, today, site, refused=each in skipped) for each in due]
    given = [each for each in entries if not each.refused]
    shown = given if Trait.REFUSED_DOSE not in traits else entries
    nothing = Trait.NO_DOSES in traits
    missing = tuple(due if nothing else [each for each in due if each in skipped])
    parents = household.parents_of(child.role)
    return File(
        child=child,
        guardian=next((each for each in parents if each.alive), None),
        mother=household.members.get(Role.MOTHER),
        certificate_no=f"990101{child.birth_date.year}{child.serial:06d}",
        own_number_known=Trait.UNDER_MOTHER not in traits,
        doses=() if nothing else tuple(sorted(shown, key=lambda dose: dose.on)),
        missing=missing,
        complete_for_entry=not any(_for_entry(child, each) for each in missing),
        checked_on=today - timedelta(days=draws.number("checked", 3, 120)),
    )


def _for_entry(child: Person, dose: Missing) -> bool:
    return dose.due <= months_after(child.birth_date, ENTRY_MONTHS)


def _due(birth: date) -> Iterator[Missing]:
    for vaccine, months in SCHEDULE:
        for at, month in enumerate(months):
            yield Missing(
                vaccine=vaccine, number=at + 1, due=max(birth, months_after(birth, month))
            )
    sixth = months_after(birth, AT_SIX_YEARS)
    new = sixth >= DTAP_AT_SIX_SINCE
    yield Missing(vaccine="DTaP" if new else "DT", number=5 if new else 1, due=sixth)


def _skipped(draws: Draws, due: list[Missing], traits: frozenset[Trait]) -> frozenset[Missing]:
    """The doses that were not given: one for each trait, and where a family is late a last one."""
    if Trait.ALL_DOSES in traits or not due:
        return frozenset()
    found = {
        draws.one_of(f"skipped-{trait}", due)
        for trait in (Trait.MISSING_DOSE, Trait.REFUSED_DOSE)
        if trait in traits
    }
    return frozenset(found)


def _dose(draws: Draws, dose: Missing, today: date, site: str, *, refused: bool) -> Dose:
    name = f"{dose.vaccine}-{dose.number}"
    day = min(dose.due + timedelta(days=draws.number(f"{name}-days", 0, 20)), today)
    month_only = draws.chance(f"{name}-month-only", 4)
    return Dose(
        vaccine=dose.vaccine,
        number=dose.number,
        on=f"{day:%Y-%m}" if month_only else day.isoformat(),
        lot=f"DEMO{day.year}{draws.one_of(f'{name}-lot', 'ABCDEFGH')}",
        site=site,
        refused=refused,
    )
