"""Residence permits of those who live here and are registered elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from adapters.sandbox.days import anniversary_before, months_after
from adapters.sandbox.draws import Draws
from adapters.sandbox.people import Household, Person
from adapters.sandbox.places import HERE, NEIGHBOUR, Address, Division, flat
from adapters.sandbox.shapes import Trait

IN_FORCE = "01"
"""State of the catalog's table. A permit whose yearly endorsement lapsed keeps it: only the end of
the endorsement tells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Permit:
    """A residence permit (居住证)."""

    number: str
    holder: Person
    hukou_address: str
    residence_address: str
    reason: str
    registered_since: date
    issue_date: date
    endorsed_until: date
    issuer: str
    state: str = IN_FORCE


def permits_of(seed: str, today: date, household: Household, person: Person) -> Iterator[Permit]:
    """The permits of `person`; the first is not always the one in force."""
    traits, residence = household.shape.traits, household.residence
    draws = Draws(seed, "permit", person.serial)
    child = person.role in household.shape.children
    if residence is None or not person.alive or Trait.NO_PERMIT in traits:
        return
    if child and not draws.chance("child", 30):
        return
    if Trait.TWO_PERMITS in traits:
        # The first was issued by the county where they lived before, and was never cancelled.
        before = flat(draws, "before", NEIGHBOUR)
        yield _permit(draws, "before", today, household, person, before, NEIGHBOUR, years=2)
    lapsed = Trait.LAPSED_PERMIT in traits
    yield _permit(draws, "here", today, household, person, residence, HERE, years=int(lapsed))


def _permit(
    draws: Draws, name: str, today: date, household: Household, person: Person,
    residence: Address, division: Division, *, years: int,
) -> Permit:  # fmt: skip
    """A permit with yearly endorsements; the last is `years` years in the past."""
    issued = months_after(today, -draws.number(f"{name}-months", 13 + 12 * years, 60 + 12 * years))
    issued = issued.replace(day=draws.number(f"{name}-day", 1, 28))
    endorsed = anniversary_before(today, issued)
    until = endorsed.replace(year=endorsed.year + 1 - years) - timedelta(days=1)
    return Permit(
        number=person.id_number,
        holder=person,
        hukou_address=household.address.full,
        residence_address=residence.full,
        reason=draws.weighted(f"{name}-reason", {"01": 60, "03": 20, "09": 10, "06": 10}),
        registered_since=months_after(issued, -draws.number(f"{name}-before", 6, 9)),
        issue_date=issued,
        endorsed_until=until,
        issuer=division.police,
    )
