"""Households and their members: any of them computed from the seed, the day and an index.

A citizen number is unique without asking anybody: index and role decide the day of birth and the
sequence code together, and no two people get the same pair within 22,000 households. The next
22,000 carry the codes of a former division of the same county, as real numbers do after a reform;
`serial_of` turns a number back into index and role, so that somebody is found without a list.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from operator import mul

from adapters.sandbox import names
from adapters.sandbox.days import DAYS, born, months_after
from adapters.sandbox.draws import Draws
from adapters.sandbox.names import FEMALE, MALE, UYGHUR
from adapters.sandbox.places import FAR, HERE, NEIGHBOUR, Address, Division, farmhouse, flat
from adapters.sandbox.shapes import CHILDREN, PLACES, Kind, Origin, Role, Shape, Trait

_BLOCK = DAYS * 499 // PLACES
"""Households whose people carry the numbers of one division."""
_BLOCKS = 48
MAX_HOUSEHOLDS = _BLOCK * _BLOCKS
"""Beyond this, citizen numbers would repeat."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A resident identity card."""

    issuer: str
    valid_from: date
    valid_to: str
    """`yyyyMMdd` or 长期."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody, as all departments know them. Codes are those of the catalog's code tables."""

    id_number: str
    name: str
    former_name: str | None
    gender: str
    ethnic_group: str
    birth_date: date
    birth_place: str
    native_place: str
    household: int
    role: Role
    relation: str
    """To the head, GB/T 4761."""
    marital_status: str
    education: str | None
    card: Card | None
    state: str
    state_date: date | None
    mobile: str
    serial: int
    """Their place in the whole population: what departments build their own numbers from."""
    listed: bool
    """False: the population service does not know them."""

    @property
    def alive(self) -> bool:
        """Not registered as deceased."""
        return self.state != "1"

    def age(self, today: date) -> int:
        """Completed years."""
        before = (today.month, today.day) < (self.birth_date.month, self.birth_date.day)
        return today.year - self.birth_date.year - before


@dataclass(frozen=True, slots=True, kw_only=True)
class Household:
    """A household register (户口簿) and who is in it."""

    index: int
    shape: Shape
    number: str
    type: str
    address: Address
    issue_date: date
    move_in_date: date | None
    moved_from: str | None
    residence: Address | None
    """Where a household that is registered elsewhere lives here."""
    members: Mapping[Role, Person]

    @property
    def head(self) -> Person:
        """The head of the household."""
        return self.members[self.shape.living_head]

    @property
    def children(self) -> tuple[Person, ...]:
        """The children, oldest first."""
        return tuple(self.members[role] for role in self.shape.children)

    def parents_of(self, role: Role) -> tuple[Person, ...]:
        """The parents of somebody, as far as they are in the household."""
        if self.shape.kind is Kind.COLLECTIVE:
            return ()
        if role in CHILDREN:
            wanted: tuple[Role, ...] = (Role.FATHER, Role.MOTHER)
        elif role is Role.FATHER:
            wanted = (Role.GRANDFATHER, Role.GRANDMOTHER)
        else:
            return ()
        return tuple(self.members[each] for each in wanted if each in self.members)


def household(seed: str, today: date, index: int, shape: Shape) -> Household:
    """Household number `index`, whose shape is given."""
    if index >= MAX_HOUSEHOLDS:
        raise ValueError(f"at most {MAX_HOUSEHOLDS} households")
    draws = Draws(seed, "household", index)
    division = HERE if shape.origin is Origin.HERE else FAR
    village = shape.kind is Kind.FAMILY and draws.chance("village", 25) and shape.homes < 2
    address = (farmhouse if village else flat)(draws, "home-0", division)
    moved, moved_from = _move(draws, today, shape)
    issued = moved or months_after(today, -draws.number("issued", 12, 150))
    return Household(
        index=index,
        shape=shape,
        number=f"{division.code}{index + 1:06d}",
        type="2" if shape.kind is Kind.COLLECTIVE else "3" if village else "1",
        address=address,
        issue_date=issued,
        move_in_date=moved,
        moved_from=moved_from,
        residence=flat(draws, "residence", HERE) if shape.origin is Origin.ELSEWHERE else None,
        members=_Members(seed, today, index, shape, division).all(),
    )


def _move(draws: Draws, today: date, shape: Shape) -> tuple[date | None, str | None]:
    origin = flat(draws, "moved-from", draws.one_of("moved-from", (NEIGHBOUR, FAR))).full
    if Trait.MOVED_LAST_WEEK in shape.traits:
        return today - timedelta(days=7), origin
    if draws.chance("moved", 40):
        return months_after(today, -draws.number("moved-months", 14, 140)), origin
    return None, None


class _Members:
    """The members of one household, one after the other."""

    def __init__(
        self, seed: str, today: date, index: int, shape: Shape, division: Division
    ) -> None:
        self._seed, self._today, self._index = seed, today, index
        self._shape, self._division = shape, division
        self._draws = Draws(seed, "members", index)
        self._genders = {role: self._gender(role) for role in shape.ages}
        group = shape.ethnic_group
        self._surname = shape.surname or names.surname(self._draws, "surname", group)
        self._given = {
            role: shape.given.get(role)
            or names.given(self._draws, f"given-{role}", gender, group)
            for role, gender in self._genders.items()
        }  # fmt: skip

    def all(self) -> dict[Role, Person]:
        return {role: self._person(role) for role in sorted(self._shape.ages)}

    def _gender(self, role: Role) -> str:
        if self._shape.kind is Kind.FAMILY and role in {Role.FATHER, Role.GRANDFATHER}:
            return MALE
        if self._shape.kind is Kind.FAMILY and role in {Role.MOTHER, Role.GRANDMOTHER}:
            return FEMALE
        return self._draws.one_of(f"gender-{role}", (MALE, FEMALE))

    def _person(self, role: Role) -> Person:
        serial = self._index * PLACES + role
        draws = Draws(self._seed, "person", serial)
        day, order = _day_and_order(serial % (_BLOCK * PLACES))
        birth = born(self._today, self._shape.ages[role], day)
        division, gender = self._born_in(draws, role), self._genders[role]
        state, state_date = self._state(draws, role, birth)
        name = self._name(role)
        return Person(
            id_number=citizen_number(
                _code_then(division, self._index // _BLOCK), birth, order, gender
            ),
            name=name,
            former_name=f"{name[:-1]}小{name[-1]}" if draws.chance("former", 3) else None,
            gender=gender,
            ethnic_group=self._shape.ethnic_group,
            birth_date=birth,
            birth_place=division.path,
            native_place=division.path,
            household=self._index,
            role=role,
            relation=self._relation(role),
            marital_status=self._marital_status(draws, role),
            education=_education(draws, self._shape, role),
            card=_card(draws, self._today, self._shape.ages[role], self._division),
            state=state,
            state_date=state_date,
            mobile=f"1000{serial:07d}",
            serial=serial,
            listed=not (Trait.UNLISTED in self._shape.traits and role is self._shape.living_head),
        )

    def _born_in(self, draws: Draws, role: Role) -> Division:
        """Whoever married or moved in keeps the number of where they were first registered."""
        moved_in = role is Role.MOTHER or self._shape.kind is Kind.COLLECTIVE
        if moved_in and draws.chance("from-elsewhere", 20):
            return draws.one_of("from", (NEIGHBOUR, FAR))
        return self._division

    def _name(self, role: Role) -> str:
        group, own = self._shape.ethnic_group, self._given[role]
        strangers = self._shape.kind is Kind.COLLECTIVE
        if strangers or role in {Role.MOTHER, Role.GRANDMOTHER}:
            family = names.surname(self._draws, f"surname-{role}", group)
        elif group == UYGHUR and role in CHILDREN:
            family = self._given[Role.FATHER]
        elif group == UYGHUR and role is Role.GRANDFATHER:
            own, family = self._surname, names.surname(self._draws, f"surname-{role}", group)
        else:
            family = self._surname
        return names.whole(family, own, group)

    def _relation(self, role: Role) -> str:
        head = self._shape.living_head
        if role is head:
            return "02"
        if self._shape.kind is Kind.COLLECTIVE:
            return "99"
        if role in CHILDREN and head is not Role.GRANDFATHER:
            return self._child_relation(role)
        if role in CHILDREN:
            return "41" if self._genders[role] == MALE else "42"
        return _RELATIONS[head][role]

    def _child_relation(self, role: Role) -> str:
        """独生子 or 独生女 for an only child, else 长子, 次女 and so on by sex."""
        gender, siblings = self._genders[role], self._shape.children
        tens = "2" if gender == MALE else "3"
        if len(siblings) == 1:
            return f"{tens}1"
        older = sum(self._genders[each] == gender for each in siblings if each < role)
        return f"{tens}{2 + older}"

    def _marital_status(self, draws: Draws, role: Role) -> str:
        if self._shape.kind is Kind.COLLECTIVE or role in CHILDREN:
            return "10"
        spouse = _SPOUSES[role]
        if spouse in self._shape.ages:
            return "30" if spouse is self._shape.deceased else "20"
        age = self._shape.ages[role]
        if age < 30:
            return "10"
        return draws.weighted("single", {"10": 3, "40": 5, "30": 4 if age > 60 else 1})

    def _state(self, draws: Draws, role: Role, birth: date) -> tuple[str, date | None]:
        adult_since = months_after(birth, 19 * 12)
        if role is self._shape.deceased:
            return "1", self._today - timedelta(days=draws.number("died", 40, 2000))
        grown_up = role in self._shape.children and adult_since < self._today
        if grown_up and draws.chance("moved-out", 30):
            return "2", adult_since
        return "0", None


_SPOUSES: Mapping[Role, Role] = {
    Role.FATHER: Role.MOTHER, Role.MOTHER: Role.FATHER,
    Role.GRANDFATHER: Role.GRANDMOTHER, Role.GRANDMOTHER: Role.GRANDFATHER,
}  # fmt: skip

_RELATIONS: Mapping[Role, Mapping[Role, str]] = {
    Role.FATHER: {Role.MOTHER: "12", Role.GRANDFATHER: "51", Role.GRANDMOTHER: "52"},
    Role.MOTHER: {Role.FATHER: "11", Role.GRANDFATHER: "53", Role.GRANDMOTHER: "54"},
    Role.GRANDFATHER: {Role.GRANDMOTHER: "12", Role.FATHER: "20", Role.MOTHER: "38"},
}
"""Head → role → GB/T 4761: what the member is to the head."""


def _day_and_order(place: int) -> tuple[int, int]:
    """Day of the year and order of the sequence code. For one day, `place // DAYS` decides the
    order one to one, because 211 and the prime 499 have no common factor.
    """
    day = place * 157 % DAYS
    return day, (place // DAYS * 211 + day * 37) % 499


def _code_then(division: Division, block: int) -> str:
    """The code of `division` when the people of that block were registered: two cities further."""
    return f"{division.code[:2]}{int(division.code[2:4]) + 2 * block:02d}{division.code[4:]}"


def serial_of(number: str) -> int | None:
    """The one place in the population whose holder may have `number`; None where there is none.
    Whether its holder has it, only the household can tell.
    """
    if not (len(number) == 18 and number.isascii() and number[:17].isdecimal()):
        return None
    city, month, day, sequence = (int(number[at:to]) for at, to in _PARTS)
    try:
        since = (date(2001, month, day) - date(2001, 1, 1)).days
    except ValueError:
        return None
    order = (sequence - 1) // 2
    times = (order - since * 37) * pow(211, -1, 499) % 499
    place = times * DAYS + since * pow(157, -1, DAYS) % DAYS
    block = (city - 1) // 2
    if number[:2] != "99" or not 0 <= block < _BLOCKS or place >= _BLOCK * PLACES:
        return None
    return block * _BLOCK * PLACES + place


_PARTS = ((2, 4), (10, 12), (12, 14), (14, 17))

_WEIGHTS = tuple(pow(2, 17 - at, 11) for at in range(17))
"""GB 11643."""


def citizen_number(code: str, birth: date, order: int, gender: str) -> str:
    """A citizen identity number (GB 11643): odd sequence codes for men, even ones for women."""
    sequence = 2 * order + (1 if gender == MALE else 2)
    body = f"{code}{birth.year}{birth.month:02d}{birth.day:02d}{sequence:03d}"
    total = sum(map(mul, map(int, body), _WEIGHTS))
    return body + "10X98765432"[total % 11]


def unused_number(today: date) -> str:
    """A citizen number that nobody has: that of a place no household fills."""
    day, order = _day_and_order(_BLOCK * PLACES - 1)
    return citizen_number(HERE.code, born(today, 40, day), order, MALE)


def _education(draws: Draws, shape: Shape, role: Role) -> str | None:
    """GB/T 4658; None for whoever is still at school."""
    age = shape.ages[role]
    if age < 16:
        return None
    if Trait.GRADUATE in shape.traits and role is shape.living_head:
        return "21"
    if age < 22:
        return draws.weighted("education", {"71": 30, "61": 60, "41": 10})
    if age < 60:
        return draws.weighted("education", {"71": 30, "61": 22, "41": 10, "31": 18, "21": 17,
                                            "14": 3})  # fmt: skip
    return draws.weighted("education", {"81": 45, "71": 35, "61": 15, "31": 5})


def _card(draws: Draws, today: date, age: int, division: Division) -> Card | None:
    """An identity card, valid 5, 10 or 20 years or without end, by age at issue."""
    if age < 16 and not draws.chance("card", 50):
        return None
    years = 5 if age < 16 else 10 if age < 26 else 20 if age < 46 else 0
    longest = min(12 * (years or 20) - 4, max(1, 12 * age - 9))
    since = months_after(today, -draws.number("card-months", 1, longest))
    until = f"{since.year + years}{since.month:02d}{since.day:02d}" if years else "长期"
    return Card(issuer=division.police, valid_from=since, valid_to=until)
