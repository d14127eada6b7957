"""What a household is like before it has names: who lives in it, and what is awkward about it.

An ordinary household draws its shape; the named cases of `personas` write theirs down. Everything
else follows from the shape and from draws.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from adapters.sandbox.draws import Draws
from adapters.sandbox.names import ETHNIC_GROUPS, HAN


class Role(IntEnum):
    """A place in a household. The number is also part of what makes a citizen number unique."""

    FATHER = 0
    MOTHER = 1
    CHILD_1 = 2
    CHILD_2 = 3
    CHILD_3 = 4
    GRANDFATHER = 5
    """The father's father."""
    GRANDMOTHER = 6


CHILDREN = (Role.CHILD_1, Role.CHILD_2, Role.CHILD_3)
PLACES = 8
"""Places kept for each household; one is spare."""


class Kind(StrEnum):
    """How the members belong together."""

    FAMILY = "family"
    COLLECTIVE = "collective"
    """集体户: people of one employer who are not related; the roles are only places."""


class Origin(StrEnum):
    """Where the household is registered. All of them live here."""

    HERE = "here"
    ELSEWHERE = "elsewhere"


class Trait(StrEnum):
    """What is awkward about a household. Traits of a child are those of the first child."""

    NO_FILE = "no-file"
    """No immunization file for the child (HTTP 404)."""
    NO_DOSES = "no-doses"
    """A file without a single dose (total 0)."""
    UNDER_MOTHER = "under-mother"
    """The child's file has only the mother's number; its own number is not known there yet."""
    MISSING_DOSE = "missing-dose"
    REFUSED_DOSE = "refused-dose"
    ALL_DOSES = "all-doses"
    LAPSED_PERMIT = "lapsed-permit"
    TWO_PERMITS = "two-permits"
    NO_PERMIT = "no-permit"
    MOVED_LAST_WEEK = "moved-last-week"
    DECEASED = "deceased"
    """The oldest man is deceased and still listed."""
    UNLISTED = "unlisted"
    """The population service does not know the head, though the household lists him."""
    JOINT = "joint"
    """The parents own their homes together."""
    INSURED = "insured"
    """Both parents pay, without gaps."""
    UNINSURED = "uninsured"
    BROKEN = "broken"
    """The head's payments have a gap."""
    BACK_PAYMENT = "back-payment"
    NEWBORN = "newborn"
    """A child born last week that has no citizen number yet."""
    RETIRED = "retired"
    """The head draws a pension."""
    DISABLED = "disabled"
    """The head holds a disability certificate."""
    ASSISTED = "assisted"
    """The household lives on the minimum living allowance."""
    VETERAN = "veteran"
    """The head left the army last year."""
    GRADUATE = "graduate"
    """The head graduated this summer and looks for work."""
    MOTORIST = "motorist"
    """The head drives a car of his own."""
    TWO_ACCOUNTS = "two-accounts"
    """The head has two personal numbers in social insurance that were never merged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A household without names."""

    ages: Mapping[Role, int]
    """Who is there, and how old on 31 August of this year (at least 1)."""
    head: Role
    kind: Kind = Kind.FAMILY
    origin: Origin = Origin.HERE
    ethnic_group: str = HAN
    homes: int = 0
    """How many homes the parents own here."""
    traits: frozenset[Trait] = frozenset()
    surname: str | None = None
    """Instead of a drawn one."""
    given: Mapping[Role, str] = field(default_factory=dict)
    """Instead of drawn ones."""

    @property
    def children(self) -> tuple[Role, ...]:
        """The children there are, oldest first."""
        if self.kind is Kind.COLLECTIVE:
            return ()
        return tuple(role for role in CHILDREN if role in self.ages)

    @property
    def parents(self) -> tuple[Role, ...]:
        """The couple in the middle, or whoever lives alone; nobody in a collective household."""
        if self.kind is Kind.COLLECTIVE:
            return ()
        return tuple(role for role in (Role.FATHER, Role.MOTHER) if role in self.ages)

    @property
    def deceased(self) -> Role | None:
        """Who of them has died."""
        if Trait.DECEASED not in self.traits or self.kind is Kind.COLLECTIVE:
            return None
        if Role.GRANDFATHER in self.ages:
            return Role.GRANDFATHER
        old = self.ages.get(Role.FATHER, 0) >= 60 and Role.MOTHER in self.ages
        return Role.FATHER if old else None

    @property
    def living_head(self) -> Role:
        """The head; when he has died, the next."""
        if self.head is not self.deceased:
            return self.head
        return Role.MOTHER if self.head is Role.FATHER else Role.FATHER


def drawn_shape(seed: str, index: int) -> Shape:
    """The shape of an ordinary household."""
    draws = Draws(seed, "shape", index)
    kind = draws.weighted("kind", {"nuclear": 50, "three-generations": 18, "couple": 12,
                                   "single": 10, "old": 7, "collective": 3})  # fmt: skip
    if kind == "collective":
        return _collective(draws)
    ages = _ages(draws, kind)
    origin = Origin.ELSEWHERE if draws.chance("elsewhere", 15) else Origin.HERE
    return Shape(
        ages=ages,
        head=_head(draws, ages),
        origin=origin,
        ethnic_group=draws.weighted("ethnic-group", ETHNIC_GROUPS),
        homes=_homes(draws, origin),
        traits=frozenset(trait for trait, percent in _RARE.items() if draws.chance(trait, percent)),
    )


_RARE: Mapping[Trait, int] = {
    Trait.NO_FILE: 4, Trait.NO_DOSES: 2, Trait.UNDER_MOTHER: 3, Trait.MISSING_DOSE: 8,
    Trait.REFUSED_DOSE: 4, Trait.LAPSED_PERMIT: 12, Trait.TWO_PERMITS: 6, Trait.NO_PERMIT: 6,
    Trait.MOVED_LAST_WEEK: 1, Trait.DECEASED: 10, Trait.UNLISTED: 1, Trait.BROKEN: 15,
    Trait.BACK_PAYMENT: 10, Trait.TWO_ACCOUNTS: 6,
}  # fmt: skip
"""Trait → in how many of a hundred households."""


def _collective(draws: Draws) -> Shape:
    count = draws.number("size", 4, 7)
    ages = {role: draws.number(f"age-{role}", 20, 34) for role in list(Role)[:count]}
    return Shape(ages=ages, head=Role.FATHER, kind=Kind.COLLECTIVE)


def _ages(draws: Draws, kind: str) -> dict[Role, int]:
    match kind:
        case "single":
            role = draws.one_of("role", (Role.FATHER, Role.MOTHER))
            return {role: draws.number("age", 20, 80)}
        case "couple":
            return _parents(draws, draws.number("age", 24, 58))
        case "old":
            return _parents(draws, draws.number("age", 62, 86))
    eldest = draws.number("eldest", 1, 22)
    ages = _parents(draws, eldest + draws.number("mother-at-birth", 21, 33))
    ages[Role.CHILD_1] = eldest
    for role, percent in ((Role.CHILD_2, 45), (Role.CHILD_3, 10)):
        age = ages[Role(role - 1)] - draws.number(f"gap-{role}", 2, 5)
        if age < 1 or not draws.chance(f"child-{role}", percent):
            break
        ages[role] = age
    if kind == "three-generations":
        ages[Role.GRANDMOTHER] = ages[Role.FATHER] + draws.number("grandmother-at-birth", 20, 28)
        ages[Role.GRANDFATHER] = ages[Role.GRANDMOTHER] + draws.number("grandfather-older", -1, 5)
    return ages


def _parents(draws: Draws, mother: int) -> dict[Role, int]:
    return {Role.FATHER: mother + draws.number("father-older", -1, 5), Role.MOTHER: mother}


def _head(draws: Draws, ages: Mapping[Role, int]) -> Role:
    if len(ages) == 1:
        return next(iter(ages))
    if Role.GRANDFATHER in ages and draws.chance("old-head", 50):
        return Role.GRANDFATHER
    return Role.MOTHER if draws.chance("mother-head", 25) else Role.FATHER


def _homes(draws: Draws, origin: Origin) -> int:
    if origin is Origin.ELSEWHERE:
        return draws.weighted("homes", {0: 85, 1: 15})
    return draws.weighted("homes", {0: 25, 1: 60, 2: 15})
