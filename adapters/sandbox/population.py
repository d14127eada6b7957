"""The whole invented county, indexed: who there is, what they own, pay, hold, and were given.

Every value is a function of (seed, today) and an index; the population only joins them. A
population of 500 is the beginning of one of 20,000; `County` is the same without an end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from adapters.sandbox import enterprises as trade
from adapters.sandbox import personas
from adapters.sandbox.county import SEED, County
from adapters.sandbox.doses import File, file_of
from adapters.sandbox.enterprises import Enterprise
from adapters.sandbox.homes import Property, homes_of
from adapters.sandbox.insurance import PAYING, Insurance
from adapters.sandbox.people import MAX_HOUSEHOLDS, Household, Person, unused_number
from adapters.sandbox.permits import Permit, permits_of
from adapters.sandbox.shapes import Kind, Origin

PEOPLE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Somebody to ask about."""

    kind: str
    """`person` or `organisation`."""
    number: str
    """Citizen number or unified social credit identifier."""
    name: str
    mobile: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Persona:
    """A named case with the numbers to ask with."""

    id: str
    description: str
    subjects: Mapping[str, Subject]


class Population(County):
    """An invented county with an end, and all its registers."""

    def __init__(self, *, today: date, seed: str = SEED, people: int = PEOPLE) -> None:
        """Args:
        today: The day everything hangs on.
        seed: Another seed is another county with the same named cases.
        people: At least so many; the last household is whole.
        """
        super().__init__(today=today, seed=seed)
        self.households = tuple(self._households(people))
        self.people = tuple(p for each in self.households for p in each.members.values())
        self.by_number = {person.id_number: person for person in self.people}

    def _households(self, people: int) -> Iterator[Household]:
        count = 0
        for index, found in enumerate(self.each_household()):
            if count >= people and index >= trade.SETTLED:
                return
            count += len(found.members)
            yield found
        raise ValueError(f"at most {MAX_HOUSEHOLDS} households")

    def household(self, index: int) -> Household:
        """As `County.household`, without computing it again."""
        here = 0 <= index < len(self.households)
        return self.households[index] if here else super().household(index)

    def person(self, number: str) -> Person | None:
        """As `County.person`; nobody beyond the end."""
        return self.by_number.get(number)

    def enterprise_of(self, uscc: str) -> Enterprise | None:
        """As `County.enterprise_of`; none beyond the end."""
        found = super().enterprise_of(uscc)
        return found if found and found.index < len(self.enterprises) else None

    def household_of(self, number: str) -> Household | None:
        """The household that lists the person with that number."""
        person = self.by_number.get(number)
        return self.households[person.household] if person else None

    @cached_property
    def properties(self) -> tuple[Property, ...]:
        """All real estate, homes first."""
        homes = (each for at in self.households for each in homes_of(self.seed, self.today, at))
        factories = (each.property for each in self.enterprises if each.property)
        return (*homes, *factories)

    @cached_property
    def owned(self) -> Mapping[str, tuple[Property, ...]]:
        """Number of the owner → real estate."""
        found: dict[str, list[Property]] = {}
        for each in self.properties:
            for owner in each.owners:
                found.setdefault(owner.code, []).append(each)
        return {code: tuple(rows) for code, rows in found.items()}

    @cached_property
    def enterprises(self) -> tuple[Enterprise, ...]:
        """The enterprises; each is run by the head of an ordinary household."""
        return tuple(self.each_enterprise(trade.count_of(len(self.households))))

    @cached_property
    def insurance(self) -> Mapping[str, Insurance]:
        """Citizen number → what social insurance knows."""
        return {
            person.id_number: found for person in self.people if (found := self.insured(person))
        }

    @cached_property
    def headcounts(self) -> Mapping[str, int]:
        """Employer number → how many are enrolled there now."""
        found: dict[str, int] = {}
        for each in self.insurance.values():
            account = each.accounts[0]
            if account.employer_no and account.state == PAYING:
                found[account.employer_no] = found.get(account.employer_no, 0) + 1
        return found

    @cached_property
    def files(self) -> Mapping[str, File]:
        """Citizen number of a child → immunization file."""
        return {
            child.id_number: found
            for at in self.households
            for child in at.children
            if (found := file_of(self.seed, self.today, at, child))
        }

    @cached_property
    def permits(self) -> Mapping[str, tuple[Permit, ...]]:
        """Citizen number → residence permits."""
        return {
            person.id_number: found
            for at in self.households
            if at.shape.origin is Origin.ELSEWHERE
            for person in at.members.values()
            if (found := tuple(permits_of(self.seed, self.today, at, person)))
        }

    @cached_property
    def personas(self) -> Mapping[str, Persona]:
        """The named cases."""
        return {each.id: each for each in self._personas()}

    def _personas(self) -> Iterator[Persona]:
        for at, script in zip(self.households, personas.SCRIPTS, strict=False):
            subjects = {name: _subject(at.members[role]) for name, role in script.subjects.items()}
            for name, other in script.others.items():
                subjects[name] = _subject(self._applicant(other))
            yield Persona(id=script.id, description=script.description, subjects=subjects)
        yield self._single("ends-with-x", personas.ENDS_WITH_X, _subject(self._with_x()))
        nobody = Subject(kind="person", number=unused_number(self.today), name="查无此人")
        yield self._single("unknown", personas.UNKNOWN, nobody)
        debtor, *others = self.enterprises
        administrator = next(each for each in others if each.legal_rep.listed)
        yield Persona(
            id="bankrupt",
            description=personas.BANKRUPT,
            subjects={
                "debtor": _organisation(debtor),
                "administrator": _organisation(administrator),
                "leader": _subject(administrator.legal_rep),
                "agent": _subject(administrator.contact),
            },
        )

        yield self._company("enterprise", personas.ENTERPRISE, self._healthy())
        punished = self.enterprises[trade.PUNISHED]
        yield self._company("punished", personas.PUNISHED, punished)
        closing = self.enterprises[trade.COUNT - 1]
        yield self._company("to-deregister", personas.CLOSING, closing)

    def _applicant(self, id_: str) -> Person:
        """The applicant of another scripted case."""
        ids = [each.id for each in personas.SCRIPTS]
        script, at = personas.SCRIPTS[ids.index(id_)], self.households[ids.index(id_)]
        return at.members[script.subjects["applicant"]]

    def _healthy(self) -> Enterprise:
        """The enterprise with most employees among those that owe nothing and are known by their
        identifier.
        """
        sound = [each for each in self.enterprises[: trade.COUNT]
                 if each.arrears == "0.00" and each.uscc_recorded and each.legal_rep.listed]  # fmt: skip
        return max(sound, key=lambda each: self.headcounts.get(each.employer_no, 0))

    def _company(self, id_: str, description: str, enterprise: Enterprise) -> Persona:
        return Persona(
            id=id_,
            description=description,
            subjects={
                "enterprise": _organisation(enterprise),
                "legal_rep": _subject(enterprise.legal_rep),
                "agent": _subject(enterprise.contact),
            },
        )

    def _single(self, id_: str, description: str, subject: Subject) -> Persona:
        return Persona(id=id_, description=description, subjects={"applicant": subject})

    def _with_x(self) -> Person:
        """Somebody whose number ends with X; best a grown-up of an ordinary family here."""
        ending = [person for person in self.people if person.id_number.endswith("X")]
        return max(ending, key=self._is_ordinary)

    def _is_ordinary(self, person: Person) -> bool:
        shape = self.households[person.household].shape
        return (
            person.household >= len(personas.SCRIPTS)
            and (shape.origin, shape.kind) == (Origin.HERE, Kind.FAMILY)
            and (person.listed, person.state) == (True, "0")
            and person.age(self.today) >= 18
        )


def _subject(person: Person) -> Subject:
    return Subject(kind="person", number=person.id_number, name=person.name, mobile=person.mobile)


def _organisation(enterprise: Enterprise) -> Subject:
    return Subject(kind="organisation", number=enterprise.uscc, name=enterprise.name)
