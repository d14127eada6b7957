"""Employment as the employment service registers it: jobs, odd jobs, and looking for one.

An employer here is one of the county's enterprises, and whoever pays social insurance through one
works there.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from adapters.model import Record
from adapters.sandbox.county import County
from adapters.sandbox.days import month_of, months_after
from adapters.sandbox.draws import Draws
from adapters.sandbox.insurance import Account
from adapters.sandbox.people import Person
from adapters.sandbox.shapes import Trait

EMPLOYED, ODD_JOBS, SEEKING = "1", "3", "8"
"""Kinds of the catalog's table."""
_POSTS = ("操作工", "仓管员", "会计", "销售员", "质检员", "驾驶员", "厨师", "保洁员")


def employment(county: County, person: Person) -> tuple[Record, ...]:
    """The registrations of `person`, the last one first."""
    age = person.age(county.today)
    if not person.alive or not 16 <= age < 65 or person.education is None:
        return ()
    draws = Draws(county.seed, "work", person.serial)
    return tuple(_registrations(county, draws, person))


def _registrations(county: County, draws: Draws, person: Person) -> Iterator[Record]:
    shape, insured = county.home_of(person).shape, county.insured(person)
    if Trait.GRADUATE in shape.traits and person.role is shape.living_head:
        yield _without(draws, person, SEEKING, county.today - timedelta(days=40), "0")
        return
    account = insured.accounts[0] if insured else None
    if account and account.employer_name:
        if account.stopped:
            long = account.stopped < months_after(county.today, -12)
            yield _without(draws, person, SEEKING, account.stopped, "4" if long else "0")
        yield _job(county, draws, person, account)
    elif person.age(county.today) < 60 and draws.chance("odd", 30):
        since = months_after(county.today, -draws.number("odd-months", 2, 50))
        yield _without(draws, person, ODD_JOBS, since, "0")


def _certificate(person: Person) -> str:
    return f"99010100{person.serial:08d}"


def _without(draws: Draws, person: Person, kind: str, since: date, difficulty: str) -> Record:
    registered = since + timedelta(days=draws.number(f"registered-{kind}", 1, 9))
    return Record(
        values={
            "certificate_no": _certificate(person),
            "kind": kind,
            "employer_name": None,
            "start_date": since.isoformat(),
            "contract_end": None,
            "post": None,
            "difficulty": difficulty,
            "register_date": registered.isoformat(),
        }
    )


def _job(county: County, draws: Draws, person: Person, account: Account) -> Record:
    since = date.fromisoformat(f"{account.enrolled[:7]}-01")
    end = account.stopped or month_of(county.today, draws.number("contract", 3, 30))
    return Record(
        values={
            "certificate_no": _certificate(person),
            "kind": EMPLOYED,
            "employer_name": account.employer_name,
            "start_date": since.isoformat(),
            "contract_end": (end - timedelta(days=1)).isoformat(),
            "post": draws.one_of("post", _POSTS),
            "difficulty": "0",
            "register_date": (since + timedelta(days=draws.number("registered", 1, 9))).isoformat(),
        }
    )
