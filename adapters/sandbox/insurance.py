"""Social insurance: who pays where, for how long, and what is irregular about it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date

from adapters.sandbox.days import month_of
from adapters.sandbox.draws import Draws
from adapters.sandbox.enterprises import employer_no_of, hiring, name_of
from adapters.sandbox.people import Household, Person
from adapters.sandbox.places import FAR, HERE
from adapters.sandbox.shapes import Trait

PENSION, UNEMPLOYMENT, INJURY, RESIDENTS = "110", "210", "410", "170"
PAYING, PAUSED, RECEIVING = "1", "2", "4"
"""Enrolment states of the catalog's table."""

DETAIL_MONTHS = 12
"""Unemployment and injury insurance are kept by month only for the last year."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """A month's contribution to one insurance."""

    period: str
    """`yyyyMM`."""
    kind: str
    base: str
    employer_name: str
    personal_no: str
    late: bool = False
    """A back-payment (补缴); it may stand beside the ordinary payment of the same month."""
    in_transit: bool = False
    """Collected by the tax office and not yet booked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A personal number and what it is enrolled in."""

    personal_no: str
    area: str
    employer_name: str | None
    employer_no: str | None
    enrolled: str
    """ISO date, or ISO month where the register has no day."""
    stopped: date | None
    state: str
    kinds: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Insurance:
    """Everything social insurance knows of a person."""

    accounts: tuple[Account, ...]
    """The current one first."""
    payments: tuple[Payment, ...]
    """Newest first; empty for pensioners and for residents' insurance."""
    total_months: int
    continuous_months: int
    """In this county, back from the last month booked."""
    proof_no: str

    @property
    def booked(self) -> list[str]:
        """The months paid into the pension, oldest first, each once."""
        return sorted({p.period for p in self.payments if p.kind == PENSION and not p.in_transit})


def insurance_of(seed: str, today: date, household: Household, person: Person) -> Insurance | None:
    """What social insurance knows of `person`, or None."""
    shape, draws = household.shape, Draws(seed, "insurance", person.serial)
    traits = shape.traits if person.role is shape.living_head else frozenset[Trait]()
    age = person.age(today)
    works = person.role in shape.parents or not shape.parents
    if not person.alive or age < 18 or Trait.UNINSURED in shape.traits:
        return None
    retired = Trait.RETIRED in traits
    employed = Trait.INSURED in shape.traits or draws.chance("employed", 65)
    if works and age < 60 and employed and not retired:
        return _employed(draws, today, person, age, traits)
    if retired or draws.chance("resident", 60):
        return _resident(draws, today, person, age, traits)
    return None


def _resident(
    draws: Draws, today: date, person: Person, age: int, traits: frozenset[Trait]
) -> Insurance:
    pension = Trait.RETIRED in traits or (age >= 60 and draws.chance("pension", 50))
    account = Account(
        personal_no=f"9901{person.serial:09d}",
        area=HERE.name,
        employer_name=None,
        employer_no=None,
        enrolled=f"{today.year - draws.number('years', 2, 12)}-01-01",
        stopped=None,
        state=RECEIVING if pension or age >= 60 else PAYING,
        kinds=(PENSION if pension else RESIDENTS,),
    )
    return Insurance(
        accounts=(account,), payments=(), total_months=0, continuous_months=0,
        proof_no=_proof_no(person),
    )  # fmt: skip


def _period(month: date) -> str:
    return f"{month.year}{month.month:02d}"


def _proof_no(person: Person) -> str:
    return f"9901-DEMO-{person.serial:06d}"


def _employed(
    draws: Draws, today: date, person: Person, age: int, traits: frozenset[Trait]
) -> Insurance:
    regular = Trait.INSURED in traits
    running = regular or not draws.chance("stopped", 10)
    last = month_of(today, -draws.number("lag", 1, 2) if running else -draws.number("since", 5, 20))
    count = min(draws.number("months", 30 if regular else 6, 120), max((age - 17) * 12, 6))
    months = [month_of(last, -back) for back in range(count)]
    if Trait.BROKEN in traits:
        months = _with_gap(draws, months)
    accounts = _accounts(draws, person, months, running=running, two=Trait.TWO_ACCOUNTS in traits)
    payments = list(_payments(draws, accounts, months))
    if Trait.BACK_PAYMENT in traits:
        payments = _with_back_payments(draws, payments)
    if running:
        waiting = replace(payments[0], period=_period(month_of(last, 1)), in_transit=True)
        payments.insert(0, waiting)
    here = {p.period for p in payments if p.personal_no == accounts[0].personal_no}
    return Insurance(
        accounts=accounts,
        payments=tuple(payments),
        total_months=len(months),
        continuous_months=_run(months, here),
        proof_no=_proof_no(person),
    )


def _with_gap(draws: Draws, months: list[date]) -> list[date]:
    start, length = draws.number("gap-from", 3, 9), draws.number("gap", 3, 8)
    return months if len(months) < start + length + 1 else months[:start] + months[start + length :]


def _accounts(
    draws: Draws, person: Person, months: list[date], *, running: bool, two: bool
) -> tuple[Account, ...]:
    employer = draws.one_of("employer", hiring(person.household))
    first = months[-1]
    current = Account(
        personal_no=f"9901{person.serial:09d}",
        area=HERE.name,
        employer_name=name_of(employer),
        employer_no=employer_no_of(employer),
        enrolled=f"{first:%Y-%m}" if draws.chance("month-only", 30) else first.isoformat(),
        stopped=None if running else month_of(months[0], 1),
        state=PAYING if running else PAUSED,
        kinds=(PENSION, UNEMPLOYMENT, INJURY),
    )
    if not two or len(months) < 4:
        return (current,)
    until = months[len(months) // 2]
    earlier = Account(
        personal_no=f"9902{person.serial:09d}",
        area=FAR.name,
        employer_name="远方县旧例实业有限公司",
        employer_no="9902000001",
        enrolled=first.isoformat(),
        stopped=month_of(until, 1),
        state=PAUSED,
        kinds=(PENSION,),
    )
    return replace(current, enrolled=month_of(until, 1).isoformat()), earlier


def _payments(draws: Draws, accounts: tuple[Account, ...], months: list[date]) -> Iterator[Payment]:
    """Month by month, newest first; the older half belongs to the earlier account."""
    base = draws.number("base", 36, 90) * 100
    newest = months[0]
    for at, month in enumerate(months):
        account = accounts[-1] if at >= len(months) // 2 else accounts[0]
        recent = at < DETAIL_MONTHS and account is accounts[0]
        amount = base - (newest.year - month.year) * 120
        for kind in account.kinds if recent else (PENSION,):
            yield Payment(
                period=_period(month),
                kind=kind,
                base=f"{max(amount, 2500)}.00",
                employer_name=account.employer_name or "",
                personal_no=account.personal_no,
            )


def _with_back_payments(draws: Draws, payments: list[Payment]) -> list[Payment]:
    """Two months were paid late, and a third one twice: an ordinary payment and the difference."""
    pensions = [at for at, each in enumerate(payments) if each.kind == PENSION]
    if len(pensions) < 6:
        return payments
    at = draws.number("late-at", 2, len(pensions) - 3)
    first, second, third = pensions[at : at + 3]
    rows = list(payments)
    rows[first] = replace(rows[first], late=True)
    rows[second] = replace(rows[second], late=True)
    rows.insert(third + 1, replace(rows[third], late=True, base="400.00"))
    return rows


def _run(months: list[date], here: set[str]) -> int:
    """How many months in a row, back from the newest, are paid in this county."""
    count = 0
    for at, month in enumerate(months):
        if month != month_of(months[0], -at) or _period(month) not in here:
            break
        count += 1
    return count
