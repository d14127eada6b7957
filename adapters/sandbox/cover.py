"""Medical insurance and the housing fund: both hang on the same job as social insurance."""

from __future__ import annotations

from datetime import date

from adapters.model import Record, Scalar
from adapters.sandbox.county import County
from adapters.sandbox.draws import Draws
from adapters.sandbox.enterprises import BANKRUPT, Enterprise, employer_no_of, is_closing
from adapters.sandbox.insurance import PAYING, Account
from adapters.sandbox.people import Person
from adapters.sandbox.places import HERE
from adapters.sandbox.shapes import Trait

WORKERS, RESIDENTS = "310", "390"
"""Kinds of medical insurance of the catalog's table."""


def job_of(county: County, person: Person) -> Account | None:
    """The account through which `person` is employed, or was."""
    insured = county.insured(person)
    account = insured.accounts[0] if insured else None
    return account if account and account.employer_name else None


def medical(county: County, person: Person) -> tuple[Record, ...]:
    """The medical insurance of `person`: that of workers, or of residents."""
    draws, job = Draws(county.seed, "medical", person.serial), job_of(county, person)
    if not person.alive or (job is None and not draws.chance("resident", 92)):
        return ()
    since = job.enrolled[:7] if job else f"{max(2016, person.birth_date.year + 1)}-01"
    months = _months(date.fromisoformat(f"{since}-01"), county.today)
    balance = draws.number("balance", 12_000, 900_000) if job else 0
    values: dict[str, Scalar] = {
        "psn_no": f"990101{person.serial:014d}",
        "name": person.name,
        "id_number": person.id_number,
        "employer_name": job.employer_name if job else None,
        "enrol_date": f"{since}-01",
        "paid_months": months,
        "credited_months": 0,
        "area": HERE.code,
        "account_balance": _money(balance),
        "remote_filed": draws.chance("remote", 4),
        "family_shared": draws.number("shared", 1, 3) if job and draws.chance("share", 25) else 0,
    }
    line = {"insurance_kind": WORKERS if job else RESIDENTS, "state": job.state if job else PAYING}
    return (Record(values=values, lines=(line,)),)


def medical_employer(_county: County, enterprise: Enterprise, headcount: int) -> tuple[Record, ...]:
    """What medical insurance knows of an employer."""
    return (
        Record(
            values={
                "emp_no": f"990101{enterprise.index:014d}",
                "employer_name": enterprise.name,
                "uscc": enterprise.uscc,
                "headcount": headcount,
                "arrears": _owed(enterprise, 10),
                "state": enterprise.state,
            }
        ),
    )


def _owed(enterprise: Enterprise, part: int) -> str:
    """A part of what is owed to social insurance."""
    return _money(int(enterprise.arrears.replace(".", "")) // part)


def fund_account(county: County, person: Person) -> tuple[Record, ...]:
    """The housing-fund account of `person`, whose employer pays into it."""
    draws, job = Draws(county.seed, "fund", person.serial), job_of(county, person)
    regular = Trait.INSURED in county.home_of(person).shape.traits
    if job is None or job.employer_no is None or not (regular or draws.chance("pays", 70)):
        return ()
    base = draws.number("base", 36, 90) * 10_000
    opened = date.fromisoformat(f"{job.enrolled[:7]}-01")
    until = job.stopped or county.today
    months = _months(opened, until)
    loans = draws.weighted("loans", {0: 75, 1: 25})
    owed = draws.number("loan", 20_000, 400_000) * 100 if loans else 0
    return (
        Record(
            values={
                "account_no": f"9901{person.serial:08d}",
                "name": person.name,
                "id_number": person.id_number,
                "employer_name": job.employer_name,
                "employer_account_no": job.employer_no,
                "state": "01" if job.state == PAYING else "02",
                "balance": _money(base * 24 // 100 * months),
                "deposit_base": _money(base),
                "monthly_deposit": _money(base * 24 // 100),
                "opened_date": opened.isoformat(),
                "paid_until": _period(until),
                "continuous_months": months,
                "loans_used": loans,
                "loan_balance": _money(owed),
                "bank_account": f"999{person.serial:016d}",
            }
        ),
    )


def fund_employer(county: County, enterprise: Enterprise, headcount: int) -> tuple[Record, ...]:
    """What the housing fund knows of an employer."""
    draws = Draws(county.seed, "fund-employer", enterprise.index)
    bankrupt = enterprise.index == BANKRUPT
    return (
        Record(
            values={
                "employer_account_no": employer_no_of(enterprise.index),
                "employer_name": enterprise.name,
                "uscc": enterprise.uscc,
                "address": enterprise.address,
                "legal_rep_name": enterprise.legal_rep.name,
                "contact_name": enterprise.contact.name,
                "contact_mobile": enterprise.contact.mobile,
                "deposit_rate": draws.one_of("rate", ("0.05", "0.08", "0.12")),
                "headcount": headcount,
                "paid_until": _period(county.today),
                "arrears": _owed(enterprise, 20),
                "state": "02" if bankrupt or is_closing(enterprise.index) else "01",
                "has_penalty": bankrupt,
            }
        ),
    )


def _months(since: date, until: date) -> int:
    return max(1, (until.year - since.year) * 12 + until.month - since.month)


def _period(day: date) -> str:
    return f"{day.year}{day.month:02d}"


def _money(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"
