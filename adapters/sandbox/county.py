"""The invented county without an end: any household, person or enterprise, each computed alone.

Nothing is kept beyond a few households, so that 10⁶ people stream through in constant memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from itertools import islice

from adapters.sandbox import enterprises as trade
from adapters.sandbox import personas
from adapters.sandbox.enterprises import Enterprise
from adapters.sandbox.insurance import Insurance, insurance_of
from adapters.sandbox.people import MAX_HOUSEHOLDS, Household, Person, household, serial_of
from adapters.sandbox.shapes import PLACES, Role, drawn_shape

SEED = "mianti"


class County:
    """Everybody there could be."""

    def __init__(self, *, today: date, seed: str = SEED) -> None:
        """Args:
        today: The day everything hangs on.
        seed: Another seed is another county with the same named cases.
        """
        self.seed, self.today = seed, today
        self._recent = lru_cache(maxsize=2048)(self._computed)

    def household(self, index: int) -> Household:
        """Household number `index`, computed without any other."""
        return self._recent(index)

    def _computed(self, index: int) -> Household:
        scripted = index < len(personas.SCRIPTS)
        shape = personas.SCRIPTS[index].shape if scripted else drawn_shape(self.seed, index)
        return household(self.seed, self.today, index, shape)

    def each_household(self) -> Iterator[Household]:
        """All households, one after the other; none is kept."""
        return map(self._computed, range(MAX_HOUSEHOLDS))

    def stream(self, count: int) -> Iterator[Person]:
        """The first `count` people, one after the other."""
        everybody = (each for at in self.each_household() for each in at.members.values())
        return islice(everybody, count)

    def person(self, number: str) -> Person | None:
        """Whoever has that citizen number."""
        serial = serial_of(number)
        if serial is None:
            return None
        index, place = divmod(serial, PLACES)
        if place not in set(Role):
            return None
        found = self.household(index).members.get(Role(place))
        return found if found and found.id_number == number else None

    def home_of(self, person: Person) -> Household:
        """The household that lists `person`."""
        return self.household(person.household)

    def enterprise(self, index: int) -> Enterprise:
        """Enterprise number `index`, run by people of the county."""
        at = self.household(trade.run_by(index))
        contact = self._adult(at) or at.head
        return trade.enterprise(self.seed, self.today, index, legal_rep=at.head, contact=contact)

    def _adult(self, at: Household) -> Person | None:
        grown = (each for each in at.members.values() if each.alive and each.age(self.today) >= 18)
        return next((each for each in grown if each is not at.head), None)

    def each_enterprise(self, count: int) -> Iterator[Enterprise]:
        """The first `count` enterprises, one after the other."""
        return map(self.enterprise, range(count))

    def enterprise_of(self, uscc: str) -> Enterprise | None:
        """Whichever enterprise has that unified social credit identifier."""
        index = trade.index_of(uscc)
        return None if index is None else self.enterprise(index)

    def insured(self, person: Person) -> Insurance | None:
        """What social insurance knows of `person`."""
        return insurance_of(self.seed, self.today, self.home_of(person), person)
