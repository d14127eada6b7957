"""The life of a seal: who may do what to it when, and when it may sign."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seals.errors import IllegalAct, SealRefused
from seals.lifecycle import Lifecycle, collect
from seals.registered import (
    ENDED,
    ON_FILE,
    TABLE,
    Act,
    Actor,
    Entry,
    Limits,
    RegisteredSeal,
    SealKind,
    State,
)
from seals.using import BEIJING, Freeze, Use, coverage, why_not
from tests.world.seals import NOW

BUREAU, OFFICE, OTHER = "990100-data", "990100-demo", "990100-other"
LIFE = Lifecycle(bureau=BUREAU)
CLERK = Actor(account="clerk", organisation=OFFICE)
HEAD = Actor(account="head", organisation=OFFICE)
MAKER = Actor(account="maker", organisation=BUREAU)
FILER = Actor(account="filer", organisation=BUREAU)
STRANGER = Actor(account="stranger", organisation=OTHER)
END = NOW + timedelta(days=365)


def collected(seal_id: str = "one", **changes: object) -> RegisteredSeal:
    """An impression that the office has taken."""
    values: dict[str, object] = {
        "organisation": OFFICE,
        "kind": SealKind.ORGANISATION,
        "name": "示范市演示局",
        "picture_digest": "sm3:00",
        "by": CLERK,
        "at": NOW,
    }
    return collect(seal_id=seal_id, **(values | changes))  # type: ignore[arg-type]  # a table of values


def applied(**changes: object) -> RegisteredSeal:
    """Asked for."""
    return LIFE.apply(collected(**changes), CLERK, NOW, ())


def approved(**changes: object) -> RegisteredSeal:
    """Agreed to by the head."""
    return LIFE.approve(applied(**changes), HEAD, NOW)


def made(**changes: object) -> RegisteredSeal:
    """Made by the bureau."""
    return LIFE.make(
        approved(**changes),
        MAKER,
        NOW,
        number="99010100000001",
        seal_digest="sm3:11",
        valid_until=END,
    )


def filed(**changes: object) -> RegisteredSeal:
    """On file."""
    return LIFE.file(made(**changes), FILER, NOW, "备2026-001")


def in_use(**changes: object) -> RegisteredSeal:
    """Granted to the officer."""
    return LIFE.grant(filed(**changes), HEAD, NOW, "officer")


def suspended() -> RegisteredSeal:
    """Stopped by the clerk."""
    return LIFE.suspend(in_use(), CLERK, NOW, "介质遗失")


def revoked() -> RegisteredSeal:
    """Ended."""
    return LIFE.revoke(in_use(), HEAD, NOW, "机构撤并")


def replaced() -> RegisteredSeal:
    """Followed by another."""
    return LIFE.replace(in_use(), HEAD, NOW, "到期换发", filed(seal_id="two", succeeds="one"))


def destroyed() -> RegisteredSeal:
    """Gone."""
    return LIFE.destroy(revoked(), FILER, NOW, "已销毁")


STATES: dict[State, Callable[[], RegisteredSeal]] = {
    State.COLLECTED: collected,
    State.APPLIED: applied,
    State.APPROVED: approved,
    State.MADE: made,
    State.FILED: filed,
    State.IN_USE: in_use,
    State.SUSPENDED: suspended,
    State.REPLACED: replaced,
    State.REVOKED: revoked,
    State.DESTROYED: destroyed,
}
ACTS: dict[Act, Callable[[RegisteredSeal], RegisteredSeal]] = {
    Act.APPLY: lambda seal: LIFE.apply(seal, CLERK, NOW, ()),
    Act.REJECT: lambda seal: LIFE.reject(seal, HEAD, NOW, "印模不清"),
    Act.APPROVE: lambda seal: LIFE.approve(seal, HEAD, NOW),
    Act.MAKE: lambda seal: LIFE.make(
        seal, MAKER, NOW, number="1", seal_digest="sm3:11", valid_until=END
    ),
    Act.FILE: lambda seal: LIFE.file(seal, FILER, NOW, "备"),
    Act.GRANT: lambda seal: LIFE.grant(seal, HEAD, NOW, "deputy"),
    Act.WITHDRAW: lambda seal: LIFE.withdraw(seal, HEAD, NOW, "officer"),
    Act.LIMIT: lambda seal: LIFE.limit(seal, HEAD, NOW, Limits(per_day=3), "限量"),
    Act.SUSPEND: lambda seal: LIFE.suspend(seal, HEAD, NOW, "停用"),
    Act.RESUME: lambda seal: LIFE.resume(seal, HEAD, NOW, "找回"),
    Act.REPLACE: lambda seal: LIFE.replace(
        seal, HEAD, NOW, "换发", filed(seal_id="two", succeeds="one")
    ),
    Act.REVOKE: lambda seal: LIFE.revoke(seal, HEAD, NOW, "注销"),
    Act.DESTROY: lambda seal: LIFE.destroy(seal, FILER, NOW, "销毁"),
}


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("act", ACTS)
def test_the_table_and_nothing_else(state: State, act: Act) -> None:
    """Every act in every state: what the table allows happens and is written down; all else is
    refused.
    """
    before = STATES[state]()
    assert before.state is state
    expected = TABLE.get((state, act))
    if expected is None:
        with pytest.raises(IllegalAct):
            ACTS[act](before)
        return
    after = ACTS[act](before)

    assert after.state is expected
    assert after.history[:-1] == before.history
    assert after.history[-1].act is act
    assert (after.organisation, after.id) == (before.organisation, before.id)


def test_a_whole_life() -> None:
    """From the impression to the end, each act with who, when and why."""
    seal = destroyed()

    told = [(entry.act, entry.by.account, entry.reason) for entry in seal.history]
    assert told == [
        (Act.COLLECT, "clerk", ""),
        (Act.APPLY, "clerk", ""),
        (Act.APPROVE, "head", ""),
        (Act.MAKE, "maker", ""),
        (Act.FILE, "filer", ""),
        (Act.GRANT, "head", ""),
        (Act.REVOKE, "head", "机构撤并"),
        (Act.DESTROY, "filer", "已销毁"),
    ]
    assert seal.users == frozenset()
    assert seal.at(NOW - timedelta(seconds=1)) is None
    assert seal.at(NOW) is State.DESTROYED


def test_its_state_on_a_day_in_the_past() -> None:
    """Suspended for a day, in use before and after."""
    seal = in_use()
    day = timedelta(days=1)
    seal = LIFE.suspend(seal, HEAD, NOW + day, "停用")
    seal = LIFE.resume(seal, CLERK, NOW + 2 * day, "恢复")

    states = [seal.at(NOW + day * step / 2) for step in (1, 3, 5)]
    assert states == [State.IN_USE, State.SUSPENDED, State.IN_USE]


def test_a_rejected_seal_may_be_applied_for_again() -> None:
    """And approved by the same second person."""
    again = LIFE.apply(LIFE.reject(applied(), HEAD, NOW, "印模不清"), CLERK, NOW, ())

    assert LIFE.approve(again, HEAD, NOW).state is State.APPROVED


def make_by(seal: RegisteredSeal, by: Actor, **changes: object) -> RegisteredSeal:
    """Made by somebody, with something about it changed."""
    values: dict[str, object] = {"number": "1", "seal_digest": "sm3:11", "valid_until": END}
    return LIFE.make(seal, by, NOW, **(values | changes))  # type: ignore[arg-type]  # a table of values


LATER, EARLIER = NOW + timedelta(days=1), NOW - timedelta(days=1)
BARE = datetime(2027, 1, 1)  # noqa: DTZ001  a time without zone is the case
BUREAU_CLERK = Actor(account="clerk", organisation=BUREAU)
REFUSED: dict[str, tuple[str, Callable[[], object]]] = {
    "another office collects": ("not-the-owner", lambda: collected(by=STRANGER)),
    "the bureau collects for an office": ("not-the-owner", lambda: collected(by=MAKER)),
    "no name": ("name", lambda: collected(name="")),
    "an odd name": ("name", lambda: collected(name="局\u202e长")),
    "no impression": ("picture", lambda: collected(picture_digest="")),
    "a station without number": ("serial", lambda: collected(kind=SealKind.STATION)),
    "an office with number": ("serial", lambda: collected(serial="01")),
    "an approval seal of another name": ("name", lambda: collected(kind=SealKind.APPROVAL)),
    "no time zone": ("time", lambda: collected(at=BARE)),
    "another office applies": (
        "not-the-owner",
        lambda: LIFE.apply(collected(), STRANGER, NOW, ()),
    ),
    "the bureau applies": ("not-the-owner", lambda: LIFE.apply(collected(), MAKER, NOW, ())),
    "it has one": ("has-one", lambda: LIFE.apply(collected("two"), CLERK, NOW, [in_use()])),
    "it asked for one": ("has-one", lambda: LIFE.apply(collected("two"), CLERK, NOW, [applied()])),
    "who applied approves": ("same-person", lambda: LIFE.approve(applied(), CLERK, NOW)),
    "who applied approves from the bureau": (
        "same-person",
        lambda: LIFE.approve(applied(), BUREAU_CLERK, NOW),
    ),
    "a stranger approves": ("not-the-owner", lambda: LIFE.approve(applied(), STRANGER, NOW)),
    "who applied rejects": ("same-person", lambda: LIFE.reject(applied(), CLERK, NOW, "x")),
    "rejected without reason": ("reason", lambda: LIFE.reject(applied(), HEAD, NOW, " ")),
    "the office makes its own": ("not-the-bureau", lambda: make_by(approved(), HEAD)),
    "a stranger makes": ("not-the-bureau", lambda: make_by(approved(), STRANGER)),
    "who applied makes": ("same-person", lambda: make_by(approved(), BUREAU_CLERK)),
    "made unapproved": ("state", lambda: make_by(applied(), MAKER)),
    "made without number": ("number", lambda: make_by(approved(), MAKER, number="")),
    "made without seal": ("number", lambda: make_by(approved(), MAKER, seal_digest="")),
    "made expired": ("validity", lambda: make_by(approved(), MAKER, valid_until=NOW)),
    "made without zone": ("validity", lambda: make_by(approved(), MAKER, valid_until=BARE)),
    "the office files": ("not-the-bureau", lambda: LIFE.file(made(), HEAD, NOW, "备")),
    "filed without number": ("filing", lambda: LIFE.file(made(), FILER, NOW, "")),
    "granted unfiled": ("state", lambda: LIFE.grant(made(), HEAD, NOW, "officer")),
    "granted to its maker": ("maker-is-no-user", lambda: LIFE.grant(filed(), HEAD, NOW, "maker")),
    "granted twice": ("user", lambda: LIFE.grant(in_use(), HEAD, NOW, "officer")),
    "granted to nobody": ("user", lambda: LIFE.grant(filed(), HEAD, NOW, "")),
    "granted to oneself": ("same-person", lambda: LIFE.grant(filed(), HEAD, NOW, "head")),
    "granted by the bureau": ("not-the-owner", lambda: LIFE.grant(filed(), FILER, NOW, "x")),
    "granted by a stranger": ("not-the-owner", lambda: LIFE.grant(filed(), STRANGER, NOW, "x")),
    "withdrawn from nobody": ("user", lambda: LIFE.withdraw(in_use(), HEAD, NOW, "x")),
    "limits below nought": (
        "limits",
        lambda: LIFE.limit(filed(), HEAD, NOW, Limits(per_day=-1), "x"),
    ),
    "hours that end before they begin": (
        "limits",
        lambda: LIFE.limit(filed(), HEAD, NOW, Limits(opens=time(18), closes=time(9)), "x"),
    ),
    "limits without reason": ("reason", lambda: LIFE.limit(filed(), HEAD, NOW, Limits(), "")),
    "suspended without reason": ("reason", lambda: LIFE.suspend(in_use(), HEAD, NOW, "")),
    "an essay for a reason": ("reason", lambda: LIFE.suspend(in_use(), HEAD, NOW, "x" * 501)),
    "by nobody": (
        "reason",
        lambda: LIFE.suspend(in_use(), Actor(account="", organisation=OFFICE), NOW, "x"),
    ),
    "who suspended resumes": ("same-person", lambda: LIFE.resume(suspended(), CLERK, NOW, "x")),
    "revoked by a stranger": ("not-the-owner", lambda: LIFE.revoke(in_use(), STRANGER, NOW, "x")),
    "replaced by one not on file": (
        "successor",
        lambda: LIFE.replace(in_use(), HEAD, NOW, "x", made(seal_id="two", succeeds="one")),
    ),
    "replaced by one made for another": (
        "successor",
        lambda: LIFE.replace(in_use(), HEAD, NOW, "x", filed(seal_id="two", succeeds="three")),
    ),
    "replaced by another kind": (
        "successor",
        lambda: LIFE.replace(
            in_use(),
            HEAD,
            NOW,
            "x",
            filed(seal_id="two", succeeds="one", kind=SealKind.BUSINESS),
        ),
    ),
    "destroyed while on file": ("state", lambda: LIFE.destroy(in_use(), FILER, NOW, "x")),
    "before the last act": ("time", lambda: LIFE.suspend(in_use(), HEAD, EARLIER, "x")),
    "at no time": ("time", lambda: LIFE.suspend(in_use(), HEAD, BARE, "x")),
}


@pytest.mark.parametrize(("why", "act"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused(why: str, act: Callable[[], object]) -> None:
    """Under its key, and nothing changes."""
    with pytest.raises(IllegalAct) as refused:
        act()

    assert refused.value.why == why


def test_a_successor_and_numbered_stations_do_not_stand_in_each_others_way() -> None:
    """Two stations of one name with two numbers; a new seal beside the one that it succeeds; one
    beside a revoked one.
    """
    station = {"kind": SealKind.STATION, "name": "政务服务站专用章"}
    one = in_use(**station, serial="01")
    two = collected("two", **station, serial="02")
    assert LIFE.apply(two, CLERK, NOW, [one]).state is State.APPLIED
    assert LIFE.apply(collected("two", succeeds="one"), CLERK, NOW, [in_use()])
    assert LIFE.apply(collected("two"), CLERK, NOW, [revoked()])
    with pytest.raises(IllegalAct, match="has-one"):
        LIFE.apply(collected("two", **station, serial="01"), CLERK, NOW, [one])


def test_an_approval_seal_is_named_after_its_township() -> None:
    """One pattern for all."""
    name = "示范市演示县示例镇人民政府审批服务专用章"

    assert in_use(kind=SealKind.APPROVAL, name=name).state is State.IN_USE


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(sorted(ACTS)), max_size=12))
def test_no_order_of_acts_lets_an_unfiled_seal_sign(order: list[Act]) -> None:
    """Whatever is tried: signing is possible only while the last filing stands."""
    seal = collected()
    for act in order:
        try:
            seal = ACTS[act](seal)
        except IllegalAct:
            continue
        if why_not(seal, wish(account="deputy"), 0, ()) == ():
            assert seal.state is State.IN_USE
            assert seal.filing
            assert seal.by(Act.APPROVE)
    assert (seal.state in ENDED) <= (seal.users == frozenset())


# --- using ------------------------------------------------------------------------------------


def wish(**changes: object) -> Use:
    """The officer's wish to seal something now."""
    values: dict[str, object] = {
        "seal_id": "one",
        "account": "officer",
        "at": NOW,
        "digest": "sm3:22",
        "reason": "case",
    }
    return Use(**(values | changes))  # type: ignore[arg-type]  # a table of values


def limited(limits: Limits, kind: SealKind = SealKind.BUSINESS) -> RegisteredSeal:
    """In use within limits."""
    return LIFE.limit(in_use(kind=kind), HEAD, NOW, limits, "限用")


ALL = Freeze(organisations=frozenset(), by="duty", at=NOW, reason="演练")
HERE = replace(ALL, organisations=frozenset({OFFICE}))
THERE = replace(ALL, organisations=frozenset({OTHER}))
TYPES = Limits(certificate_types=frozenset({"JY"}))
DESK = Limits(opens=time(9), closes=time(17, 30))
USES: dict[str, tuple[tuple[str, ...], Callable[[], tuple[str, ...]]]] = {
    "as it should be": ((), lambda: why_not(in_use(), wish(), 0, ())),
    "collected": (("unfiled", "not-granted"), lambda: why_not(collected(), wish(), 0, ())),
    "made, not filed": (("unfiled", "not-granted"), lambda: why_not(made(), wish(), 0, ())),
    "filed, not granted": (("not-granted",), lambda: why_not(filed(), wish(), 0, ())),
    "another account": (("not-granted",), lambda: why_not(in_use(), wish(account="x"), 0, ())),
    "suspended": (("suspended",), lambda: why_not(suspended(), wish(), 0, ())),
    "revoked": (("ended", "not-granted"), lambda: why_not(revoked(), wish(), 0, ())),
    "replaced": (("ended", "not-granted"), lambda: why_not(replaced(), wish(), 0, ())),
    "at the last moment": ((), lambda: why_not(in_use(), wish(at=END), 0, ())),
    "expired": (
        ("expired",),
        lambda: why_not(in_use(), wish(at=END + timedelta(seconds=1)), 0, ()),
    ),
    "frozen": (("frozen",), lambda: why_not(in_use(), wish(), 0, [ALL])),
    "frozen here": (("frozen",), lambda: why_not(in_use(), wish(), 0, [THERE, HERE])),
    "frozen elsewhere": ((), lambda: why_not(in_use(), wish(), 0, [THERE])),
    "the third of three": ((), lambda: why_not(limited(Limits(per_day=3)), wish(), 2, ())),
    "the fourth": (("per-day",), lambda: why_not(limited(Limits(per_day=3)), wish(), 3, ())),
    "in hours": ((), lambda: why_not(limited(DESK), wish(), 0, ())),
    "at nine": (
        (),
        lambda: why_not(limited(DESK), wish(at=datetime(2026, 12, 1, 9, tzinfo=BEIJING)), 0, ()),
    ),
    "at night": (
        ("hours",),
        lambda: why_not(limited(DESK), wish(at=NOW + timedelta(hours=9)), 0, ()),
    ),
    "its type": ((), lambda: why_not(limited(TYPES), wish(certificate_type="JY"), 0, ())),
    "another type": (
        ("certificate-type",),
        lambda: why_not(limited(TYPES), wish(certificate_type="XX"), 0, ()),
    ),
    "no certificate": (("certificate-type",), lambda: why_not(limited(TYPES), wish(), 0, ())),
    "types not said yet": (
        ("certificate-type",),
        lambda: why_not(in_use(kind=SealKind.CERTIFICATE_TYPE), wish(certificate_type="JY"), 0, ()),
    ),
    "no reason": (("reason",), lambda: why_not(in_use(), wish(reason=" "), 0, ())),
    "all at once": (
        ("frozen", "suspended", "expired", "not-granted", "hours", "per-day", "reason"),
        lambda: why_not(
            LIFE.suspend(limited(replace(DESK, per_day=1)), HEAD, NOW, "停用"),
            wish(account="x", at=END + timedelta(hours=12), reason=""),
            1,
            [ALL],
        ),
    ),
}


@pytest.mark.parametrize(("why", "answer"), USES.values(), ids=USES)
def test_when_a_seal_may_be_used(
    why: tuple[str, ...], answer: Callable[[], tuple[str, ...]]
) -> None:
    """All reasons against it, in one order."""
    assert answer() == why


def test_a_wish_without_a_time_zone_is_none() -> None:
    """Nobody could say whether it is in hours."""
    with pytest.raises(SealRefused, match="time"):
        wish(at=BARE)


# --- coverage ---------------------------------------------------------------------------------


def test_coverage_counts_organisations_with_a_seal_on_file() -> None:
    """Two of three; one seal belongs to no organisation of the tree; unfiled, ended and expired
    seals do not count.
    """

    def of(organisation: str, seal: RegisteredSeal) -> RegisteredSeal:
        return replace(seal, organisation=organisation, id=f"seal-of-{organisation}")

    seals = [
        of("a", in_use()),
        of("b", suspended()),
        of("c", made()),
        of("d", revoked()),
        of("lost", filed()),
        of("spare", filed()),
    ]
    tree = {"a", "b", "c", "d", "spare"}

    found = coverage(seals, {"a", "b", "c"}, tree, NOW)

    assert (found.required, found.covered, found.missing) == (3, 2, ("c",))
    assert found.unmatched == ("seal-of-lost",)
    assert found.share == pytest.approx(2 / 3)
    assert coverage(seals, {"a", "b"}, tree, END + timedelta(days=1)).covered == 0
    assert coverage(seals, {"a", "b"}, tree, EARLIER).covered == 0
    assert coverage(seals, set(), tree, NOW).share is None


def test_the_table_leaves_no_state_without_a_way_in_and_none_on_file_without_a_way_out() -> None:
    """Each state is reached; from each that is not the end something leads on."""
    assert {State.COLLECTED, *TABLE.values()} == set(State)
    for state in set(State) - {State.DESTROYED}:
        assert any(begin is state and end is not state for (begin, _), end in TABLE.items())
    assert ON_FILE.isdisjoint(ENDED)
    assert Entry(act=Act.FILE, by=FILER, at=NOW, reason="", after=State.FILED).after in ON_FILE
