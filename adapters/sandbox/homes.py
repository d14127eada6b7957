"""Who owns which home or factory, and what is secured by it.

Two generations of certificates lie side by side, as in every register: 不动产权证书 with a unit
number (since 2015), and the older 房权证 without one, which knows its owner by a 15-digit number.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from adapters.sandbox.days import months_after
from adapters.sandbox.draws import Draws
from adapters.sandbox.people import Household, Person
from adapters.sandbox.places import HERE, flat
from adapters.sandbox.shapes import Trait

UNIFIED_SINCE = 2015
"""Before that year, certificates were 房权证."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """One of the owners of a piece of real estate."""

    name: str
    code: str
    """Citizen number or unified social credit identifier."""
    share: str
    """全部, 共同共有, or a percentage."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mortgage:
    """What is secured by a piece of real estate."""

    proof_no: str
    mortgagee: str
    amount: str
    """In yuan, two decimals."""
    debt_from: date
    debt_to: date
    register_date: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Property:
    """A piece of real estate and its owners. Codes are those of the catalog's code tables."""

    certificate_no: str
    unit_no: str | None
    location: str
    owners: tuple[Owner, ...]
    co_ownership: str
    right_kind: str
    right_nature: str
    use: str
    area: str
    """Square metres, two decimals."""
    land_use_to: date | None
    built_year: int
    total_floors: int
    floor: str
    register_date: date
    mortgage: Mortgage | None
    sealed: bool

    @property
    def is_home(self) -> bool:
        """A dwelling (住宅), which counts among somebody's homes."""
        return self.use in {"10", "11", "12"}

    @property
    def old(self) -> bool:
        """A 房权证 of before unified registration."""
        return self.unit_no is None


def homes_of(seed: str, today: date, household: Household) -> Iterator[Property]:
    """The homes that the parents of a household own in this county."""
    adults = [household.members[role] for role in household.shape.parents]
    owners = [each for each in adults if each.alive]
    for count in range(household.shape.homes if owners else 0):
        yield _home(Draws(seed, "home", household.index, count), today, household, owners, count)


def _home(
    draws: Draws, today: date, household: Household, adults: list[Person], count: int
) -> Property:
    lived_in = household.residence or household.address
    address = lived_in if count == 0 else flat(draws, "address", HERE)
    village = count == 0 and address.rest.startswith("样例村")
    serial = household.index * 4 + count + 1
    built = today.year - draws.number("age", 2, 24)
    registered = min(date(built, 6, 1), months_after(today, -12))
    registered = registered.replace(day=draws.number("day", 1, 28))
    kind = _co_ownership(draws, adults, joint=Trait.JOINT in household.shape.traits)
    old = registered.year < UNIFIED_SINCE and kind == "0" and not village
    floors = 2 if village else 18
    return Property(
        certificate_no=_certificate_no(draws, serial, registered.year, old=old),
        unit_no=None
        if old
        else f"990101001001{'JC' if village else 'GB'}{serial % 99999:05d}F{serial % 9999:04d}0001",
        location=address.short,
        owners=_owners(draws, adults, kind),
        co_ownership=kind,
        right_kind="6" if village else "4",
        right_nature="203" if village else "102",
        use="12" if village else "11",
        area=f"{draws.number('area', 5200, 16800) / 100:.2f}",
        land_use_to=None if old or village else date(built + 68, 6, 30),
        built_year=built,
        total_floors=floors,
        floor="1-2" if village else str(draws.number("floor", 1, floors)),
        register_date=registered,
        mortgage=None if old or village else _mortgage(draws, today, serial),
        sealed=draws.chance("sealed", 2),
    )


def _certificate_no(draws: Draws, serial: int, year: int, *, old: bool) -> str:
    """Clerks typed brackets in full and in half width."""
    left, right = draws.one_of("brackets", (("(", ")"), ("（", "）"), ("（", ")")))
    if old:
        return f"示房权证字第{year}-{serial:05d}号"
    return f"演{left}{year}{right}示范县不动产权第{serial:07d}号"


def _co_ownership(draws: Draws, adults: list[Person], *, joint: bool) -> str:
    if len(adults) == 1:
        return "0"
    return "1" if joint else draws.weighted("co-ownership", {"0": 35, "1": 55, "2": 10})


def _owners(draws: Draws, adults: list[Person], kind: str) -> tuple[Owner, ...]:
    """One of the couple, or both together, or both by shares."""
    if kind == "0":
        owner = draws.one_of("owner", adults)
        return (Owner(name=owner.name, code=owner.id_number, share="全部"),)
    shares = ("60%", "40%") if kind == "2" else ("共同共有", "共同共有")
    return tuple(
        Owner(name=each.name, code=each.id_number, share=share)
        for each, share in zip(adults, shares, strict=True)
    )


def _mortgage(draws: Draws, today: date, serial: int) -> Mortgage | None:
    if not draws.chance("mortgage", 30):
        return None
    since = months_after(today, -draws.number("mortgage-months", 3, 120))
    return Mortgage(
        proof_no=f"演({since.year})示范县不动产证明第{serial:07d}号",
        mortgagee=draws.one_of("mortgagee", ("示例银行示范县支行", "示范市住房公积金管理中心")),
        amount=f"{draws.number('amount', 15, 90) * 10_000}.00",
        debt_from=since,
        debt_to=since.replace(year=since.year + 20),
        register_date=since,
    )


def factory_of(seed: str, today: date, index: int, owner: Owner, location: str) -> Property:
    """The factory or shop of an enterprise."""
    draws = Draws(seed, "factory", index)
    serial = 9_000_000 + index
    built = today.year - draws.number("age", 3, 18)
    return Property(
        certificate_no=f"演（{built}）示范县不动产权第{serial:07d}号",
        unit_no=f"990101002001GB{90_000 + index % 9999:05d}F{index % 9999 + 1:04d}{index // 9999 + 1:04d}",
        location=location,
        owners=(owner,),
        co_ownership="0",
        right_kind="4",
        right_nature="102",
        use=draws.one_of("use", ("21", "27", "31")),
        area=f"{draws.number('area', 80_000, 1_200_000) / 100:.2f}",
        land_use_to=date(built + 49, 12, 31),
        built_year=built,
        total_floors=3,
        floor="1-3",
        register_date=date(built, draws.number("month", 1, 12), draws.number("day", 1, 28)),
        mortgage=_mortgage(draws, today, serial),
        sealed=draws.chance("sealed", 10),
    )
