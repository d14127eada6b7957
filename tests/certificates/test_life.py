"""The life of a certificate: the table, the status of any day, chains and reminders."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from certificates.errors import IllegalAct, UnknownCertificate
from certificates.lifecycle import (
    ENDED,
    TABLE,
    Act,
    Certificate,
    Lifecycle,
    Order,
    Status,
    issued,
    local_day,
)
from certificates.model import FOREVER, Actor, Holder
from certificates.reminding import reminders
from certificates.succession import chain
from tests.world.certificates import CLERK, FIRM, NOW, OFFICE, PERSON

LIFE = Lifecycle(superiors={OFFICE.code: frozenset({"superior"})})
FIRST, LAST = date(2026, 1, 1), date(2030, 12, 31)
ISSUED = datetime(2025, 12, 1, 2, 0, tzinfo=UTC)


def bare(
    serial: str = "1", holders: tuple[Holder, ...] = (FIRM,), **changes: object
) -> Certificate:
    """A certificate without a history."""
    certificate = Certificate(
        identifier=f"1.2.156.3005.2.11990000000000107Q001.{OFFICE.code}.{serial}.001.0",
        type_id="food-business-licence",
        edition=1,
        number="JY",
        issuer=OFFICE.code,
        holders=holders,
        issued_on=date(2025, 12, 1),
        valid_from=FIRST,
        valid_to=LAST,
        data_digest="sm3:00",
        documents={},
        history=(),
    )
    return replace(certificate, **changes)  # type: ignore[arg-type]  # a table of values


def fresh(serial: str = "1", **changes: object) -> Certificate:
    """One that was issued."""
    return issued(bare(serial, **changes), CLERK, ISSUED, "条例")  # type: ignore[arg-type]  # a table of values


def order(day: date, since: date | None = None, **changes: object) -> Order:
    """An order of the clerk at noon of a day."""
    at = datetime(day.year, day.month, day.day, 4, 0, tzinfo=UTC)
    made = Order(by=CLERK, at=at, reason="核查发现", basis="条例第十条", since=since)
    return replace(made, **changes)  # type: ignore[arg-type]  # a table of values


D = date(2026, 6, 1)
FOLLOWER = fresh("2", predecessor=bare().identifier)
ACTS: dict[Act, Callable[[Certificate, Order], Certificate]] = {
    Act.SUSPEND: LIFE.suspend,
    Act.RESUME: LIFE.resume,
    Act.REPLACE: lambda c, o: LIFE.replace(c, o, successor=FOLLOWER),
    Act.CANCEL: LIFE.cancel,
    Act.REVOKE: LIFE.revoke,
    Act.WITHDRAW: LIFE.withdraw,
    Act.REINSTATE: LIFE.reinstate,
}
STATES: dict[Status, tuple[Certificate, date]] = {
    Status.NOT_YET: (fresh(), date(2025, 12, 15)),
    Status.IN_FORCE: (fresh(), D),
    Status.SUSPENDED: (LIFE.suspend(fresh(), order(D)), D),
    Status.EXPIRED: (fresh(), date(2031, 1, 1)),
    Status.REPLACED: (ACTS[Act.REPLACE](fresh(), order(D)), D),
    Status.CANCELLED: (LIFE.cancel(fresh(), order(D)), D),
    Status.REVOKED: (LIFE.revoke(fresh(), order(D)), D),
    Status.WITHDRAWN: (LIFE.withdraw(fresh(), order(D)), D),
}


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("act", ACTS)
def test_every_act_in_every_status_goes_by_the_table(status: Status, act: Act) -> None:
    """It leads where the table says, or it is refused."""
    certificate, day = STATES[status]
    assert certificate.status_on(day) is status
    if (status, act) not in TABLE:
        with pytest.raises(IllegalAct) as refused:
            ACTS[act](certificate, order(day))
        assert refused.value.why == "state"
        return

    after = ACTS[act](certificate, order(day))
    assert after.history[-1].after is TABLE[status, act]
    assert after.history[:-1] == certificate.history
    told = (after.history[-1].reason, after.history[-1].basis, after.history[-1].by)
    assert told == ("核查发现", "条例第十条", CLERK)


REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "by a stranger": (lambda: LIFE.cancel(fresh(), order(D, by=Actor(account="x", organisation="y"))), "not-the-issuer"),
    "by nobody": (lambda: LIFE.cancel(fresh(), order(D, by=Actor(account="", organisation=OFFICE.code))), "not-the-issuer"),
    "without reason": (lambda: LIFE.cancel(fresh(), order(D, reason=" ")), "reason"),
    "with a novel as reason": (lambda: LIFE.cancel(fresh(), order(D, reason="x" * 501)), "reason"),
    "without legal basis": (lambda: LIFE.revoke(fresh(), order(D, basis="")), "basis"),
    "at no certain time": (lambda: LIFE.cancel(fresh(), order(D, at=datetime(2026, 6, 1))), "time"),  # noqa: DTZ001  meant
    "before the last entry": (lambda: LIFE.cancel(fresh(), order(date(2025, 11, 1))), "time"),
    "ahead of its day": (lambda: LIFE.cancel(fresh(), order(D, date(2026, 6, 2))), "since"),
    "before the issue": (lambda: LIFE.withdraw(fresh(), order(D, date(2025, 11, 30))), "since"),
    "revoked behind what held": (lambda: LIFE.revoke(STATES[Status.SUSPENDED][0], order(D + timedelta(days=9), date(2026, 5, 1))), "since"),
    "suspended until before it begins": (lambda: LIFE.suspend(fresh(), order(D), until=date(2026, 5, 31)), "until"),
    "followed by itself": (lambda: LIFE.replace(fresh(), order(D), successor=fresh(predecessor=bare().identifier)), "successor"),
    "followed by one that follows another": (lambda: LIFE.replace(fresh(), order(D), successor=fresh("2")), "successor"),
    "followed by another type": (lambda: LIFE.replace(fresh(), order(D), successor=replace(FOLLOWER, type_id="other")), "successor"),
    "followed by an ended one": (lambda: LIFE.replace(fresh(), order(D), successor=LIFE.cancel(FOLLOWER, order(D))), "successor"),
    "issued twice": (lambda: issued(fresh(), CLERK, NOW, ""), "state"),
    "issued at no certain time": (lambda: issued(bare(), CLERK, datetime(2026, 6, 1), ""), "time"),  # noqa: DTZ001  meant
    "issued with no identifier": (lambda: issued(bare(identifier="7"), CLERK, NOW, ""), "identifier"),
    "issued with the end first": (lambda: issued(bare(valid_to=date(2025, 1, 1)), CLERK, NOW, ""), "validity"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_an_act_demands_right_reason_basis_and_time(name: str) -> None:
    """Else it is refused with a stable key."""
    act, why = REFUSED[name]
    with pytest.raises(IllegalAct) as refused:
        act()
    assert refused.value.why == why


def test_a_superior_may_act() -> None:
    """One that is set above the issuer."""
    above = Actor(account="x", organisation="superior")
    assert LIFE.withdraw(fresh(), order(D, by=above)).history[-1].by == above


def days(certificate: Certificate, *when: str) -> list[str | None]:
    """The statuses of some days of 2026."""
    return [certificate.status_on(date.fromisoformat(f"2026-{day}")) for day in when]


def test_the_status_of_any_day() -> None:
    """Not known, not yet, in force, expired: by its own days, both included."""
    certificate = fresh()
    told = {
        date(2025, 11, 30): None,
        date(2025, 12, 1): Status.NOT_YET,
        date(2025, 12, 31): Status.NOT_YET,
        FIRST: Status.IN_FORCE,
        LAST: Status.IN_FORCE,
        LAST + timedelta(days=1): Status.EXPIRED,
    }
    assert {day: certificate.status_on(day) for day in told} == told
    assert fresh(valid_to=FOREVER).status_on(date(9999, 12, 31)) is Status.IN_FORCE


def test_a_suspension_holds_from_to() -> None:
    """It ends by itself after its last day, may lie ahead, may be called off, and then no trace of
    it is left in force.
    """
    until = LIFE.suspend(fresh(), order(D), until=date(2026, 6, 10))
    assert days(until, "05-31", "06-01", "06-10", "06-11") == ["in-force", "suspended", "suspended", "in-force"]  # fmt: skip
    again = LIFE.suspend(until, order(date(2026, 6, 11)))
    assert days(again, "06-10", "06-11", "12-31") == ["suspended", "suspended", "suspended"]

    ahead = LIFE.suspend(fresh(), order(D, date(2026, 7, 1)), until=date(2026, 7, 31))
    assert days(ahead, "06-30", "07-01", "08-01") == ["in-force", "suspended", "in-force"]
    called_off = LIFE.resume(ahead, order(date(2026, 6, 5)))
    assert days(called_off, "06-30", "07-01", "08-01") == ["in-force"] * 3
    cancelled = LIFE.cancel(ahead, order(date(2026, 6, 5)))
    assert days(cancelled, "06-04", "06-05", "07-15", "08-01") == ["in-force"] + ["cancelled"] * 3


def test_what_ended_stays_ended_after_its_last_day() -> None:
    """Revoked is not merely expired; suspended is."""
    for status in ENDED:
        assert STATES[status][0].status_on(date(2040, 1, 1)) is status
    assert STATES[Status.SUSPENDED][0].status_on(date(2040, 1, 1)) is Status.EXPIRED


def test_what_was_known_then_is_told_apart_from_what_is_known_now() -> None:
    """A withdrawal reaches back to the issue; whoever verified before it was told otherwise."""
    late = order(date(2026, 9, 1), date(2025, 12, 1))
    certificate = LIFE.withdraw(LIFE.suspend(fresh(), order(D), until=date(2026, 6, 10)), late)

    assert certificate.status_on(D) is Status.WITHDRAWN
    assert certificate.status_on(D, known_at=late.at - timedelta(seconds=1)) is Status.SUSPENDED
    assert certificate.status_on(D, known_at=ISSUED - timedelta(seconds=1)) is None


def test_a_revocation_that_was_annulled() -> None:
    """The days between stay as they were decided, then it counts again."""
    revoked = LIFE.revoke(fresh(), order(D))
    back = LIFE.reinstate(revoked, order(date(2026, 8, 1)))

    assert days(back, "05-31", "06-01", "07-31", "08-01") == ["in-force", "revoked", "revoked", "in-force"]  # fmt: skip
    whole = LIFE.reinstate(revoked, order(date(2026, 8, 1), D))
    assert days(whole, "06-01", "07-31") == ["in-force", "in-force"]


def test_days_are_beijing_days() -> None:
    """Four in the afternoon in Greenwich is tomorrow there."""
    assert local_day(datetime(2026, 6, 1, 15, 59, tzinfo=UTC)) == date(2026, 6, 1)
    assert local_day(datetime(2026, 6, 1, 16, 0, tzinfo=UTC)) == date(2026, 6, 2)


class Life(RuleBasedStateMachine):
    """Any acts in any order, on days that only go on."""

    @initialize()
    def begin(self) -> None:
        """Issued."""
        self.certificate, self.day = fresh(), date(2025, 12, 2)

    @rule(
        act=st.sampled_from([a for a in ACTS if a is not Act.REPLACE]),
        later=st.integers(0, 400),
        since=st.none() | st.integers(-30, 30),
        until=st.none() | st.integers(0, 60),
    )
    def act(self, act: Act, later: int, since: int | None, until: int | None) -> None:
        """What is refused changes nothing."""
        self.day += timedelta(days=later)
        begins = None if since is None else self.day + timedelta(days=since)
        wish = order(self.day, begins)
        try:
            if act is Act.SUSPEND and until is not None:
                last = (begins or self.day) + timedelta(days=until)
                self.certificate = LIFE.suspend(self.certificate, wish, until=last)
            else:
                self.certificate = ACTS[act](self.certificate, wish)
        except IllegalAct as refused:
            assert refused.why in {"state", "since"}  # noqa: PT017  the only reasons here

    @invariant()
    def every_day_has_one_status(self) -> None:
        """From its issue on; in force never outside its own days; each entry in order."""
        known = getattr(self, "certificate", None)
        if known is None:
            return
        day = known.issued_on
        while day < date(2031, 3, 1):
            status = known.status_on(day)
            assert status is not None
            if status is Status.IN_FORCE:
                assert known.valid_from <= day <= known.valid_to
            day += timedelta(days=17)
        assert all(one.at <= two.at for one, two in pairwise(known.history))
        assert known.decided(self.day) in Status

    @invariant()
    def the_past_as_it_was_known_does_not_change(self) -> None:
        """What was told of a day before the last act is told again with that act left out."""
        known = getattr(self, "certificate", None)
        if known is None or len(known.history) < 2:
            return
        before = replace(known, history=known.history[:-1])
        at = known.history[-1].at - timedelta(seconds=1)
        if known.history[-2].at <= at:
            for day in (FIRST, D, LAST, date(2031, 1, 1)):
                assert known.status_on(day, known_at=at) == before.status_on(day)


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=40, stateful_step_count=12, deadline=None)


def test_a_chain_is_told_from_any_of_its_links() -> None:
    """Oldest first; a missing link and a loop are said to be so."""
    one, two, three = (fresh(n) for n in "123")
    one = replace(one, successor=two.identifier)
    two = replace(two, predecessor=one.identifier, successor=three.identifier)
    three = replace(three, predecessor=two.identifier)
    kept = {c.identifier: c for c in (one, two, three)}

    for link in kept:
        assert chain(kept, link) == (one, two, three)
    with pytest.raises(UnknownCertificate):
        chain(kept, "none")
    with pytest.raises(UnknownCertificate):
        chain({k: c for k, c in kept.items() if c is not three}, one.identifier)
    looped = kept | {three.identifier: replace(three, successor=one.identifier)}
    with pytest.raises(IllegalAct, match="loop"):
        chain(looped, one.identifier)


def ending(serial: str, left: int, holder: Holder = FIRM, **changes: object) -> Certificate:
    """One that ends in so many days."""
    return fresh(serial, holders=(holder,), valid_to=D + timedelta(days=left), **changes)


def test_a_holder_is_reminded_once_of_all_that_runs_out() -> None:
    """One message each, soonest first; far, ended, permanent and expired ones are left out."""
    other = replace(PERSON, code="990101199001010027")
    every = [
        ending("1", 80),
        ending("2", 5),
        ending("3", 91),
        ending("4", -1),
        LIFE.cancel(ending("5", 5), order(D)),
        ending("6", 30, other),
        fresh("7", valid_to=FOREVER),
    ]

    told = reminders(every, {}, D)

    assert [(r.holder, r.threshold, len(r.certificates)) for r in told] == [
        (FIRM.code, 7, 2),
        (other.code, 30, 1),
    ]
    assert [day for _, day in told[0].certificates] == [
        D + timedelta(days=5),
        D + timedelta(days=80),
    ]
    assert FIRM.code not in repr(told)


def test_nobody_is_reminded_twice_of_one_threshold() -> None:
    """Told at ninety, told again at thirty and seven: three messages in ninety days, no storm."""
    certificate = ending("1", 100)
    reminded: dict[str, int] = {}
    sent = []
    for passed in range(101):
        for reminder in reminders([certificate], reminded, D + timedelta(days=passed)):
            sent.append(100 - passed)
            reminded[certificate.identifier] = reminder.threshold
    assert sent == [90, 30, 7]


@given(st.lists(st.integers(0, 120), max_size=30))
def test_there_are_never_more_messages_than_holders(left: list[int]) -> None:
    """However many certificates run out at once."""
    every = [ending(str(n + 1), days_left) for n, days_left in enumerate(left)]
    assert len(reminders(every, {}, D)) == (1 if any(n <= 90 for n in left) else 0)


def test_couples_are_both_reminded() -> None:
    """Each holder of one certificate."""
    pair = (PERSON, replace(PERSON, code="990101199001010027"))
    assert len(reminders([fresh("1", holders=pair, valid_to=D)], {}, D)) == 2
