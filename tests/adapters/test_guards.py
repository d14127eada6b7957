"""What stands between a caller and a transport: number, rate, calendar, second tries, kept answers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.breaker import Breaker
from adapters.budgets import Bulkhead, ShareOfCalls, TokenBucket
from adapters.caching import CacheRules, ReplyCache
from adapters.closing import CHINA, Dated, Weekly, closed_until
from adapters.errors import AdapterError, SourceRefused, SourceUnavailable
from adapters.model import Freshness, Outcome, RawReply, SourceCall
from adapters.ports import MemoryKeep
from adapters.resilience import GuardedSource, Guards, Hedge, Retry
from tests.adapters.small import call
from tests.adapters.test_resilience import EMPTY, GOOD, PLAN, RESOURCE, Clock, Scripted

NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
"""Ten in the morning in China, a Tuesday."""
DOWN = SourceUnavailable("connect")


class Today:
    """UTC that moves when a test says so."""

    def __init__(self) -> None:
        self.at = NOW

    def __call__(self) -> datetime:
        return self.at


def source(
    transport: Any, *, today: Today | None = None, timeout: float = 5.0, **guards: Any
) -> GuardedSource:
    """A source with those guards."""
    guards.setdefault("breaker", Breaker(failures=1000, reset=30, clock=Clock()))
    return GuardedSource(
        id="s", kind="test", transport=transport, plans={RESOURCE.id: PLAN}, timeout=timeout,
        guards=Guards(**guards), now=today or Today(),
    )  # fmt: skip


def asked(**changes: Any) -> SourceCall:
    """The usual question."""
    return replace(call(RESOURCE.id), **changes)


def after(seconds: float, then: RawReply | BaseException = GOOD) -> Callable[[], Awaitable[Any]]:
    """Something that takes a while."""

    async def step() -> RawReply:
        await asyncio.sleep(seconds)
        if isinstance(then, BaseException):
            raise then
        return then

    return step


# --- number and rate --------------------------------------------------------------------------


@pytest.mark.anyio
async def test_a_full_source_is_told_at_once_and_has_room_again() -> None:
    """The third call at a time is not made; when one ends there is room."""
    gate = asyncio.Event()

    async def held() -> RawReply:
        await gate.wait()
        return GOOD

    transport = Scripted(held)
    guarded = source(transport, bulkhead=Bulkhead(2))
    two = [asyncio.create_task(guarded.answer(asked(), within=5)) for _ in range(2)]
    await asyncio.sleep(0)
    third = await guarded.answer(asked(), within=5)
    assert (third.outcome, third.why) == (Outcome.BREAKER_OPEN, "test.bulkhead-full")
    assert guarded.status().in_flight == 2
    gate.set()
    assert [(await task).outcome for task in two] == [Outcome.ANSWERED] * 2
    assert (await guarded.answer(asked(), within=5)).outcome is Outcome.ANSWERED
    assert transport.asked == 3


@pytest.mark.anyio
async def test_the_rate_is_kept_and_comes_back() -> None:
    """Two at once, then one a second."""
    clock = Clock()
    transport = Scripted(GOOD)
    guarded = source(transport, rate=TokenBucket(per_second=1, burst=2, clock=clock))
    outcomes = [(await guarded.answer(asked(), within=5)).why for _ in range(3)]
    assert outcomes == [None, None, "test.rate-budget"]
    clock.at += 1
    assert (await guarded.answer(asked(), within=5)).outcome is Outcome.ANSWERED
    assert transport.asked == 3


@given(st.lists(st.floats(0, 5), max_size=60), st.floats(0.1, 20), st.integers(1, 20))
def test_a_bucket_never_gives_more_than_its_rate(
    gaps: list[float], per_second: float, burst: int
) -> None:
    """In any stretch: the burst, and what came back since."""
    clock = Clock()
    bucket = TokenBucket(per_second=per_second, burst=burst, clock=clock)
    began, taken = clock.at, 0
    for gap in gaps:
        clock.at += gap
        taken += bucket.take()
        assert taken <= burst + (clock.at - began) * per_second + 1e-6


@given(st.lists(st.booleans(), max_size=200), st.floats(0.01, 1))
def test_extra_calls_stay_a_share_of_ordinary_ones(tries: list[bool], share: float) -> None:
    """However often one is wanted."""
    budget, calls, extra = ShareOfCalls(share), 0, 0
    for wanted in tries:
        budget.called()
        calls += 1
        extra += wanted and budget.take()
    assert extra <= 1 + calls * share + 1e-6


# --- calendar ---------------------------------------------------------------------------------

NIGHT = Weekly(start=time(23, 30), end=time(0, 30))
SUNDAY = Weekly(start=time(0, 30), end=time(6, 0), weekdays=frozenset({7}))
MOVE = Dated(
    start=datetime(2026, 12, 1, 20, tzinfo=CHINA), end=datetime(2026, 12, 2, 8, tzinfo=CHINA)
)


def china(day: int, hour: int, minute: int = 0, month: int = 11) -> datetime:
    """A moment in China, told in UTC."""
    return datetime(2026, month, day, hour, minute, tzinfo=CHINA).astimezone(UTC)


@pytest.mark.parametrize(
    ("moment", "opens"),
    [
        (china(24, 10), None),
        (china(24, 23, 29), None),
        (china(24, 23, 30), china(25, 0, 30)),
        (china(25, 0, 29), china(25, 0, 30)),
        (china(25, 0, 30), None),
        (china(29, 0, 10), china(29, 6)),
        (china(29, 6), None),
        (china(1, 20, month=12), china(2, 8, month=12)),
        (china(2, 8, month=12), None),
    ],
)
def test_a_calendar_says_until_when(moment: datetime, opens: datetime | None) -> None:
    """Past midnight, on one weekday, once; windows that touch are one."""
    assert closed_until((NIGHT, SUNDAY, MOVE), moment) == opens


@given(
    st.integers(0, 365 * 24 * 60).map(lambda minutes: NOW + timedelta(minutes=minutes)),
    st.lists(
        st.builds(
            Weekly,
            start=st.times(),
            end=st.times(),
            weekdays=st.frozensets(st.integers(1, 7), max_size=7),
        ),
        max_size=3,
    ),
)
def test_when_a_source_is_said_to_open_it_is_open(moment: datetime, windows: list[Weekly]) -> None:
    """And not before; unless it is closed for longer than anybody looks ahead."""
    opens = closed_until(windows, moment)
    if opens is None or opens - moment > timedelta(days=30):
        return
    assert opens > moment
    assert closed_until(windows, opens) is None
    assert closed_until(windows, opens - timedelta(microseconds=1)) == opens


@pytest.mark.anyio
async def test_a_closed_source_is_not_asked() -> None:
    """The reply says when it opens."""
    today, transport = Today(), Scripted(GOOD)
    today.at = china(24, 23, 45)
    guarded = source(transport, today=today, windows=(NIGHT,))
    reply = await guarded.answer(asked(), within=5)
    assert (reply.outcome, reply.why) == (Outcome.CLOSED, "test.source-closed")
    assert (reply.reopens_at, transport.asked) == (china(25, 0, 30), 0)
    assert guarded.status().closed_until == china(25, 0, 30)


# --- second tries -----------------------------------------------------------------------------

MAY = frozenset({RESOURCE.id})
RETRIES: dict[str, tuple[tuple[Any, ...], frozenset[str], Outcome, int]] = {
    "nothing came back": ((DOWN, GOOD), MAY, Outcome.ANSWERED, 2),
    "nothing came back twice": ((DOWN, DOWN, GOOD), MAY, Outcome.UNREACHABLE, 2),
    "not said to be idempotent": ((DOWN, GOOD), frozenset(), Outcome.UNREACHABLE, 1),
    "refused": ((SourceRefused("status-403"), GOOD), MAY, Outcome.REFUSED, 1),
    "no such record": ((EMPTY, GOOD), MAY, Outcome.NO_RECORD, 1),
    "answered with garbage": ((RawReply(body=b"[", status=200), GOOD), MAY, Outcome.FAILED, 1),
}


@pytest.mark.anyio
@pytest.mark.parametrize("name", RETRIES)
async def test_only_silence_is_asked_again_and_only_where_it_may_be(name: str) -> None:
    """A refusal, an empty answer and an error are answers."""
    steps, may, outcome, times = RETRIES[name]
    transport = Scripted(*steps)
    guarded = source(transport, idempotent=may, retry=Retry(jitter=0.001, share=ShareOfCalls(1.0)))
    assert (await guarded.answer(asked(), within=5)).outcome is outcome
    assert transport.asked == times


@pytest.mark.anyio
async def test_retries_are_a_share_of_the_calls() -> None:
    """A source that is down is not asked twice as often."""
    transport = Scripted(DOWN)
    guarded = source(transport, idempotent=MAY, retry=Retry(jitter=0.001, share=ShareOfCalls(0.1)))
    for _ in range(40):
        await guarded.answer(asked(), within=5)
    assert transport.asked <= 40 + 1 + 4


@pytest.mark.anyio
async def test_no_second_try_without_the_time_for_it() -> None:
    """A try that took most of the deadline is not begun again."""
    transport = Scripted(after(0.2, DOWN), GOOD)
    guarded = source(transport, idempotent=MAY, retry=Retry(jitter=0.001, share=ShareOfCalls(1.0)))
    reply = await guarded.answer(asked(), within=0.3)
    assert (reply.outcome, transport.asked) == (Outcome.UNREACHABLE, 1)


def hedge(replica: Any, wait: float = 0.02, share: float = 1.0) -> Hedge:
    """A replica that is asked after that many seconds."""
    return Hedge(replica=replica, after=wait, share=ShareOfCalls(share))


@pytest.mark.anyio
async def test_a_slow_source_is_answered_by_its_replica() -> None:
    """Whoever answers first; the other is given up."""
    slow, replica = Scripted(after(3)), Scripted(GOOD)
    guarded = source(slow, idempotent=MAY, hedge=hedge(replica))
    async with asyncio.timeout(2):
        reply = await guarded.answer(asked(), within=5)
    assert (reply.outcome, slow.asked, replica.asked) == (Outcome.ANSWERED, 1, 1)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("first", "second", "outcome"),
    [
        (after(0.1), DOWN, Outcome.ANSWERED),
        (after(0.1, DOWN), after(0.2), Outcome.ANSWERED),
        (after(0.1, DOWN), DOWN, Outcome.UNREACHABLE),
        (after(9), after(9), Outcome.TIMED_OUT),
    ],
)
async def test_one_of_the_two_has_to_answer(first: Any, second: Any, outcome: Outcome) -> None:
    """A failure of one waits for the other; two failures are one; the deadline holds for both."""
    guarded = source(Scripted(first), idempotent=MAY, hedge=hedge(Scripted(second)), timeout=0.6)
    async with asyncio.timeout(3):
        assert (await guarded.answer(asked(), within=5)).outcome is outcome


@pytest.mark.anyio
async def test_a_quick_source_and_a_careful_resource_need_no_replica() -> None:
    """The replica is asked for slowness only, and never where asking twice is not the same."""
    replica = Scripted(GOOD)
    quick = source(Scripted(GOOD), idempotent=MAY, hedge=hedge(replica, 1))
    await quick.answer(asked(), within=5)
    careful = source(Scripted(after(0.1)), hedge=hedge(replica))
    await careful.answer(asked(), within=5)
    assert replica.asked == 0
    await quick.aclose()
    assert replica.closed


# --- kept answers -----------------------------------------------------------------------------

HOUR = timedelta(hours=1)
RULES = CacheRules(max_age=HOUR, stale_if_error=24 * HOUR, no_record=timedelta(minutes=5))


def caching(transport: Any, today: Today, rules: CacheRules = RULES) -> GuardedSource:
    """A source whose provider lets answers be used again."""
    return source(
        transport, today=today, cache=ReplyCache("c/s", MemoryKeep(), today),
        cache_rules={RESOURCE.id: rules},
    )  # fmt: skip


@pytest.mark.anyio
async def test_a_young_answer_is_used_again_and_says_so() -> None:
    """With the time and the digest of when it was really retrieved."""
    today, transport = Today(), Scripted(GOOD)
    guarded = caching(transport, today)
    first = await guarded.answer(asked(), within=5)
    today.at += HOUR
    again = await guarded.answer(asked(), within=5)
    assert (first.freshness, again.freshness) == (Freshness.LIVE, Freshness.CACHED)
    assert again.retrieved_at == NOW
    assert (again.records, again.record_hash) == (first.records, first.record_hash)
    today.at += timedelta(seconds=1)
    assert (await guarded.answer(asked(), within=5)).freshness is Freshness.LIVE
    assert transport.asked == 2


@pytest.mark.anyio
@pytest.mark.parametrize(
    "other",
    [
        {"keys": {"id_number": "990101199001010027"}},
        {"fields": ("text", "another")},
        {"max_age": timedelta(seconds=30)},
    ],
)
async def test_another_question_is_another_answer(other: dict[str, Any]) -> None:
    """Another person, other fields, or a caller that wants it younger."""
    today, transport = Today(), Scripted(GOOD)
    guarded = caching(transport, today)
    await guarded.answer(asked(), within=5)
    today.at += timedelta(minutes=1)
    assert (await guarded.answer(asked(**other), within=5)).freshness is Freshness.LIVE
    assert transport.asked == 2


@pytest.mark.anyio
async def test_a_hundred_who_want_the_same_ask_once() -> None:
    """Also when the first of them goes away."""
    transport = Scripted(after(0.05))
    guarded = caching(transport, Today())
    tasks = [asyncio.create_task(guarded.answer(asked(), within=5)) for _ in range(100)]
    await asyncio.sleep(0.01)
    tasks[0].cancel()
    replies = await asyncio.gather(*tasks[1:])
    assert {reply.outcome for reply in replies} == {Outcome.ANSWERED}
    assert transport.asked == 1


STALE: dict[str, tuple[timedelta, timedelta | None, Outcome]] = {
    "wanted and allowed": (2 * HOUR, 24 * HOUR, Outcome.ANSWERED),
    "not wanted": (2 * HOUR, None, Outcome.UNREACHABLE),
    "older than wanted": (2 * HOUR, HOUR, Outcome.UNREACHABLE),
    "older than allowed": (25 * HOUR, 99 * HOUR, Outcome.UNREACHABLE),
}


@pytest.mark.anyio
@pytest.mark.parametrize("name", STALE)
async def test_an_old_answer_stands_in_for_silence_and_is_labelled(name: str) -> None:
    """The provider allows, the caller wants; the reason why it was needed goes with it."""
    age, wanted, outcome = STALE[name]
    today = Today()
    guarded = caching(Scripted(GOOD, DOWN), today)
    await guarded.answer(asked(), within=5)
    today.at += age
    reply = await guarded.answer(asked(stale_if_error=wanted), within=5)
    assert reply.outcome is outcome
    if outcome is Outcome.ANSWERED:
        assert (reply.freshness, reply.why) == (Freshness.STALE, "test.connect")


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("step", "minutes", "asks"),
    [(EMPTY, 4, 1), (EMPTY, 6, 2), (DOWN, 0, 2), (SourceRefused("no"), 0, 2)],
)
async def test_no_record_is_kept_shortly_and_errors_never(
    step: RawReply | AdapterError, minutes: int, asks: int
) -> None:
    """Somebody may be registered any minute; a fault is gone the next."""
    today, transport = Today(), Scripted(step)
    guarded = caching(transport, today)
    await guarded.answer(asked(), within=5)
    today.at += timedelta(minutes=minutes)
    await guarded.answer(asked(), within=5)
    assert transport.asked == asks


@pytest.mark.anyio
async def test_a_keep_that_hangs_costs_no_more_than_the_deadline() -> None:
    """The caller's time is the caller's."""

    class Hanging(MemoryKeep):
        async def get(self, key: str) -> bytes | None:
            await asyncio.sleep(60)
            return await super().get(key)

    today = Today()
    guarded = source(
        Scripted(GOOD), today=today, cache=ReplyCache("c/s", Hanging(), today),
        cache_rules={RESOURCE.id: RULES},
    )  # fmt: skip
    async with asyncio.timeout(3):
        reply = await guarded.answer(asked(), within=0.1)
    assert reply.outcome is Outcome.TIMED_OUT


# --- status -----------------------------------------------------------------------------------


@pytest.mark.anyio
async def test_the_status_is_what_went_through() -> None:
    """Counts by outcome, quantiles of what was answered, the last success and failure."""
    guarded = source(Scripted(GOOD, EMPTY, DOWN))
    for _ in range(3):
        await guarded.answer(asked(), within=5)
    status = guarded.status()
    assert status.outcomes == {"answered": 1, "no_record": 1, "unreachable": 1}
    assert status.outcomes_since_start == status.outcomes
    assert status.latency_ms["p50"] is not None
    assert (status.last_success_at, status.last_failure) == (NOW, "test.connect")
