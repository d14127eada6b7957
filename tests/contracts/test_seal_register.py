"""The register of seals: one order of acts, counted uses, a freeze that holds."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from seals.errors import RegisterConflict, SealRefused, UnknownSeal
from seals.lifecycle import Lifecycle, collect
from seals.ports import SealRegister
from seals.register import MemoryRegister
from seals.registered import Actor, Limits, RegisteredSeal, SealKind
from seals.using import Freeze, Use
from tests.world.seals import NOW

CLERK = Actor(account="clerk", organisation="office")
HEAD = Actor(account="head", organisation="office")
MAKER = Actor(account="maker", organisation="bureau")
LIFE = Lifecycle(bureau="bureau")


@pytest.fixture
def register() -> SealRegister:
    """In this process."""
    return MemoryRegister()


def steps(seal_id: str = "one") -> list[RegisteredSeal]:
    """A seal from its impression to its use, three times a day at most."""
    seal = collect(
        seal_id=seal_id,
        organisation="office",
        kind=SealKind.BUSINESS,
        name=f"业务专用章{seal_id}",
        picture_digest="sm3:00",
        by=CLERK,
        at=NOW,
    )
    found = [seal, LIFE.apply(seal, CLERK, NOW, ())]
    found.append(LIFE.approve(found[-1], HEAD, NOW))
    end = NOW + timedelta(days=365)
    found.append(
        LIFE.make(found[-1], MAKER, NOW, number="1", seal_digest="sm3:11", valid_until=end)
    )
    found.append(LIFE.file(found[-1], MAKER, NOW, "备"))
    found.append(LIFE.grant(found[-1], HEAD, NOW, "officer"))
    found.append(LIFE.limit(found[-1], HEAD, NOW, Limits(per_day=3), "限量"))
    return found


def kept(register: SealRegister, seal_id: str = "one") -> RegisteredSeal:
    """A seal in use, in the register."""
    for step in steps(seal_id):
        register.put(step)
    return register.get(seal_id)


USE = Use(seal_id="one", account="officer", at=NOW, digest="sm3:22", reason="case")


def test_what_is_put_is_got(register: SealRegister) -> None:
    """By identifier, by organisation, and all in order."""
    two, one = kept(register, "two"), kept(register)

    assert register.get("one") == one
    assert list(register.every()) == [one, two]
    assert list(register.of("office")) == [one, two]
    assert list(register.of("elsewhere")) == []
    with pytest.raises(UnknownSeal):
        register.get("three")


def test_of_two_who_act_at_once_one_reads_again(register: SealRegister) -> None:
    """The same state put twice, a step left out, and another's history are conflicts."""
    seal = kept(register)
    suspended = LIFE.suspend(seal, HEAD, NOW, "停用")
    register.put(suspended)

    for other in (
        suspended,
        LIFE.revoke(seal, HEAD, NOW, "注销"),
        LIFE.revoke(LIFE.resume(suspended, CLERK, NOW, "恢复"), HEAD, NOW, "注销"),
        steps("three")[1],
    ):
        with pytest.raises(RegisterConflict):
            register.put(other)
    assert register.get("one") == suspended


def test_uses_are_counted_by_the_day_and_logged_with_what_was_refused(
    register: SealRegister,
) -> None:
    """Three a day, from midnight in Beijing; the refused one is logged and not counted."""
    kept(register)
    late = USE.at.replace(hour=15, minute=59)
    early = late + timedelta(minutes=1)

    assert [register.use(replace(USE, at=late)) for _ in range(3)] == [1, 2, 3]
    with pytest.raises(SealRefused) as refused:
        register.use(replace(USE, at=late))
    assert refused.value.why == "per-day"
    assert register.use(replace(USE, at=early)) == 1
    assert [against for _, against in register.uses("one")] == [(), (), (), ("per-day",), ()]
    assert list(register.uses("two")) == []


def test_the_limit_holds_under_many_hands(register: SealRegister) -> None:
    """Twenty at once, three come through."""
    kept(register)

    def attempt(_: int) -> bool:
        try:
            register.use(USE)
        except SealRefused:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(20))) == 3
    assert len(list(register.uses("one"))) == 20


def test_the_freeze_holds_until_somebody_else_lifts_it(register: SealRegister) -> None:
    """Whoever froze does not thaw, and nobody without a reason."""
    kept(register)
    register.freeze(Freeze(organisations=frozenset(), by="duty", at=NOW, reason="演练"))

    with pytest.raises(SealRefused, match="frozen"):
        register.use(USE)
    for by, reason in (("duty", "完毕"), ("other", " ")):
        with pytest.raises(SealRefused):
            register.thaw(by, NOW, reason)
    with pytest.raises(SealRefused, match="frozen"):
        register.use(USE)
    register.thaw("other", NOW, "完毕")
    assert register.use(USE) == 1


def test_an_unknown_seal_is_not_used(register: SealRegister) -> None:
    """And said to be unknown."""
    with pytest.raises(UnknownSeal):
        register.use(USE)
