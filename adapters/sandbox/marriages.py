"""Marriages: a couple of one household is registered as a couple, on one certificate.

Divorces and the marriages of whoever lives alone now are older than the register; nothing follows
from not being in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

from adapters.model import Record
from adapters.sandbox.county import County
from adapters.sandbox.draws import Draws
from adapters.sandbox.names import MALE
from adapters.sandbox.people import Household, Person
from adapters.sandbox.shapes import Kind, Role

MARRIED = "IA"
REGISTRY = "示范县民政局婚姻登记处"
_SPOUSES: Mapping[Role, Role] = {
    Role.FATHER: Role.MOTHER, Role.MOTHER: Role.FATHER,
    Role.GRANDFATHER: Role.GRANDMOTHER, Role.GRANDMOTHER: Role.GRANDFATHER,
}  # fmt: skip


def spouse_of(at: Household, person: Person) -> Person | None:
    """Whoever of the household `person` is or was married to."""
    role = _SPOUSES.get(person.role)
    if role is None or at.shape.kind is Kind.COLLECTIVE:
        return None
    return at.members.get(role)


def marriage(county: County, person: Person) -> tuple[Record, ...]:
    """The marriage of `person`."""
    at = county.home_of(person)
    spouse = spouse_of(at, person)
    if spouse is None:
        return ()
    man, woman = (person, spouse) if person.gender == MALE else (spouse, person)
    day = _wedding(county, at, man, woman)
    return (
        Record(
            values={
                "event": MARRIED,
                "marital_state": person.marital_status,
                "certificate_no": f"J990101-{day.year}-{man.serial:07d}",
                "register_date": day.isoformat(),
                "registry": REGISTRY,
                "man_name": man.name,
                "man_id_number": man.id_number,
                "woman_name": woman.name,
                "woman_id_number": woman.id_number,
                "spouse_name": spouse.name,
                "spouse_id_number": spouse.id_number,
            }
        ),
    )


def _wedding(county: County, at: Household, man: Person, woman: Person) -> date:
    """A year before the first child; without children when both were of age."""
    eldest = at.members.get(Role.CHILD_1 if man.role is Role.FATHER else Role.FATHER)
    if eldest and eldest.role not in {man.role, woman.role}:
        return eldest.birth_date - timedelta(days=300)
    of_age = max(
        man.birth_date + timedelta(days=22 * 366), woman.birth_date + timedelta(days=20 * 366)
    )
    most = max(1, (county.today - of_age).days // 2)
    return of_age + timedelta(days=Draws(county.seed, "wedding", at.index).number("day", 1, most))
