"""What stands between a caller and a transport: number, rate, calendar, second tries, kept answers."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from math import ceil
from selectors import DefaultSelector
from time import monotonic
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.breaker import Breaker
from adapters.budgets import Bulkhead, ShareOfCalls, TokenBucket
from adapters.caching import CacheRules, ReplyCache
from adapters.closing import CHINA, Dated, Weekly, closure
from adapters.errors import AdapterError, AnswerDeferred, SourceRefused, SourceUnavailable
from adapters.guards import Guards, Hedge, Retry
from adapters.model import Freshness, Outcome, RawReply, SourceCall
from adapters.ports import Keep, MemoryKeep
from adapters.resilience import GuardedSource
from adapters.status import CLASSES_MS, SLOT_SECONDS, SLOTS, Latencies, RecentCounts
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
async def test_a_short_queue_is_served_in_order_and_only_for_a_while() -> None:
    """One at a time, two may wait: the next in line gets the place, the fourth is told at once."""
    gate = asyncio.Event()

    async def held() -> RawReply:
        await gate.wait()
        return GOOD

    transport = Scripted(held)
    guarded = source(transport, bulkhead=Bulkhead(1, queue=2, wait=2))
    three = [asyncio.create_task(guarded.answer(asked(), within=5)) for _ in range(3)]
    await asyncio.sleep(0.01)
    assert (await guarded.answer(asked(), within=5)).why == "test.bulkhead-full"
    gate.set()
    assert [(await task).outcome for task in three] == [Outcome.ANSWERED] * 3
    assert (transport.asked, guarded.status().in_flight) == (3, 0)


@pytest.mark.anyio
@pytest.mark.parametrize(("wait", "within"), [(0.02, 5.0), (5.0, 0.02)])
async def test_nobody_queues_longer_than_the_queue_or_the_deadline_allows(
    wait: float, within: float
) -> None:
    """The shorter of the two ends it, and the place in the queue is free again."""
    bulkhead = Bulkhead(1, queue=1, wait=wait)
    bulkhead.enter()
    transport = Scripted(GOOD)
    guarded = source(transport, bulkhead=bulkhead)
    async with asyncio.timeout(3):
        replies = [await guarded.answer(asked(), within=within) for _ in range(2)]
    assert {reply.why for reply in replies} == {"test.bulkhead-full"}
    bulkhead.leave()
    assert (await guarded.answer(asked(), within=5)).outcome is Outcome.ANSWERED
    assert (transport.asked, bulkhead.in_flight) == (1, 0)


@pytest.mark.anyio
@pytest.mark.parametrize("handed_over", [False, True])
async def test_who_leaves_the_queue_takes_no_place_with_it(handed_over: bool) -> None:
    """Cancelled while waiting, or in the very moment in which the place was given."""
    bulkhead = Bulkhead(1, queue=5, wait=5)
    bulkhead.enter()
    waiting = asyncio.create_task(bulkhead.queued(5))
    await asyncio.sleep(0)
    if handed_over:
        bulkhead.leave()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    if not handed_over:
        bulkhead.leave()
    assert bulkhead.in_flight == 0
    assert bulkhead.enter()


@pytest.mark.anyio
async def test_an_open_breaker_uses_up_no_rate() -> None:
    """The probe that decides is not turned away for calls that were never made."""
    clock = Clock()
    guarded = source(
        Scripted(DOWN, GOOD), breaker=Breaker(failures=1, reset=30, clock=clock),
        rate=TokenBucket(per_second=0.001, burst=2, clock=clock),
    )  # fmt: skip
    told = [(await guarded.answer(asked(), within=5)).why for _ in range(9)]
    assert told == ["test.connect", *["test.breaker-open"] * 8]
    clock.at += 30
    assert (await guarded.answer(asked(), within=5)).outcome is Outcome.ANSWERED


@pytest.mark.anyio
async def test_a_probe_without_rate_leaves_the_next_one_its_chance() -> None:
    """The breaker is not left waiting for a probe that was never made."""
    clock = Clock()
    guarded = source(
        Scripted(DOWN, GOOD), breaker=Breaker(failures=1, reset=1, clock=clock),
        rate=TokenBucket(per_second=0.5, burst=1, clock=clock),
    )  # fmt: skip
    await guarded.answer(asked(), within=5)
    clock.at += 1
    assert (await guarded.answer(asked(), within=5)).why == "test.rate-budget"
    clock.at += 1
    assert (await guarded.answer(asked(), within=5)).outcome is Outcome.ANSWERED


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


@settings(deadline=None)
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


@settings(deadline=None)
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

NIGHT = Weekly(start=time(23, 30), end=time(0, 30), reason="日终")
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
    found = closure((NIGHT, SUNDAY, MOVE), moment)
    assert (found.until if found else None) == opens


@settings(deadline=None)
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
    found = closure(windows, moment)
    if found is None or found.until - moment > timedelta(days=30):
        return
    assert found.until > moment
    assert closure(windows, found.until) is None
    before = closure(windows, found.until - timedelta(microseconds=1))
    assert before is not None
    assert before.until == found.until


@pytest.mark.anyio
async def test_a_closed_source_is_not_asked() -> None:
    """The reply says when it opens."""
    today, transport = Today(), Scripted(GOOD)
    today.at = china(24, 23, 45)
    guarded = source(transport, today=today, windows=(NIGHT,))
    reply = await guarded.answer(asked(), within=5)
    assert (reply.outcome, reply.why) == (Outcome.CLOSED, "test.source-closed")
    assert (reply.reopens_at, transport.asked) == (china(25, 0, 30), 0)
    status = guarded.status()
    assert (status.closed_until, status.closed_because) == (china(25, 0, 30), "日终")


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


@pytest.mark.anyio
async def test_the_pause_before_a_second_try_is_drawn_and_is_within_the_deadline() -> None:
    """From nothing up to the jitter: out of eleven days hardly a draw is within five seconds, and a
    pause that the deadline does not hold is not begun.
    """
    transport = Scripted(DOWN, GOOD)
    retry = Retry(jitter=1_000_000.0, share=ShareOfCalls(1.0))
    reply = await source(transport, idempotent=MAY, retry=retry).answer(asked(), within=5)
    assert (reply.outcome, transport.asked) == (Outcome.UNREACHABLE, 1)


@pytest.mark.anyio
async def test_a_second_try_is_within_the_rate_and_is_no_probe() -> None:
    """The provider counts every call; and a breaker that tries once tries once."""
    clock = Clock()
    retry = Retry(jitter=0.001, share=ShareOfCalls(1.0))
    rate = TokenBucket(per_second=0.001, burst=1, clock=clock)
    slow = Scripted(DOWN)
    await source(slow, idempotent=MAY, retry=retry, rate=rate).answer(asked(), within=5)
    assert slow.asked == 1
    probed = Scripted(DOWN)
    breaker = Breaker(failures=1, reset=30, clock=clock)
    admitted = breaker.admit()
    assert admitted is not None
    breaker.failed(admitted)
    clock.at += 30
    await source(probed, idempotent=MAY, retry=retry, breaker=breaker).answer(asked(), within=5)
    assert probed.asked == 1


def hedge(replica: Any, wait: float | None = 0.02, share: float = 1.0) -> Hedge:
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
        (after(9), DOWN, Outcome.TIMED_OUT),
        (after(9), SourceRefused("status-403"), Outcome.TIMED_OUT),
    ],
)
async def test_one_of_the_two_has_to_answer(first: Any, second: Any, outcome: Outcome) -> None:
    """A failure of one waits for the other; where none answers, the source's own ending counts; the
    deadline holds for both.
    """
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


class CountingSelector(DefaultSelector):
    """Counts the turns of a loop."""

    turns = 0

    def select(self, timeout: float | None = None) -> list[Any]:
        """A turn."""
        self.turns += 1
        return super().select(timeout)


def test_waiting_for_the_other_takes_no_work() -> None:
    """One has failed, the other is slow: the loop sleeps meanwhile instead of turning."""
    selector = CountingSelector()
    transport, replica = Scripted(after(0.05, DOWN)), Scripted(after(0.5))
    guarded = source(transport, idempotent=MAY, hedge=hedge(replica))
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selector)) as runner:
        reply = runner.run(guarded.answer(asked(), within=5))
        assert reply.outcome is Outcome.ANSWERED
        assert selector.turns < 100


@pytest.mark.anyio
async def test_what_is_usual_decides_once_it_is_known() -> None:
    """Without enough answers nobody knows what is slow, and the replica is left alone."""
    replica = Scripted(GOOD)
    transport = Scripted(after(0.15), *[GOOD] * 20, after(3))
    guarded = source(transport, idempotent=MAY, hedge=hedge(replica, None))
    await guarded.answer(asked(), within=5)
    assert replica.asked == 0
    for _ in range(20):
        await guarded.answer(asked(), within=5)
    await asyncio.sleep(1.1)
    async with asyncio.timeout(2):
        assert (await guarded.answer(asked(), within=5)).outcome is Outcome.ANSWERED
    assert replica.asked == 1


@pytest.mark.anyio
async def test_hedges_are_a_share_of_the_calls() -> None:
    """A source that has become slow is not doubled at its replica."""
    replica = Scripted(GOOD)
    guarded = source(Scripted(after(0.03)), idempotent=MAY, hedge=hedge(replica, 0.001, 0.1))
    for _ in range(20):
        await guarded.answer(asked(), within=5)
    assert 1 <= replica.asked <= 1 + 2


# --- kept answers -----------------------------------------------------------------------------

HOUR = timedelta(hours=1)
RULES = CacheRules(max_age=HOUR, stale_if_error=24 * HOUR, no_record=timedelta(minutes=5))


def kept_in(keep: Keep, today: Today) -> ReplyCache:
    """A cache over that keep."""
    return ReplyCache("c/s", keep, now=today, clock=monotonic)


def caching(
    transport: Any, today: Today, rules: CacheRules = RULES, keep: Keep | None = None
) -> GuardedSource:
    """A source whose provider lets answers be used again."""
    return source(
        transport, today=today, cache=kept_in(keep or MemoryKeep(), today),
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
async def test_a_clock_that_is_set_back_makes_nothing_young() -> None:
    """Kept for a day in case of errors, fresh for an hour: with the clock half a day back it is asked
    again; a second of difference between two machines costs nothing.
    """
    today, transport = Today(), Scripted(GOOD)
    guarded = caching(transport, today)
    await guarded.answer(asked(), within=5)
    today.at -= timedelta(seconds=1)
    assert (await guarded.answer(asked(), within=5)).freshness is Freshness.CACHED
    today.at -= 12 * HOUR
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


class SlowToKeep(MemoryKeep):
    """A keep that takes a reply when a test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.gate, self.read = asyncio.Event(), 0

    async def get(self, key: str) -> bytes | None:
        """Counted."""
        self.read += 1
        return await super().get(key)

    async def put(self, key: str, value: bytes, seconds: float) -> None:
        """Not yet."""
        await self.gate.wait()
        await super().put(key, value, seconds)


@pytest.mark.anyio
async def test_a_reply_on_its_way_into_the_keep_is_as_good_as_kept() -> None:
    """Nobody waits for the keeping, and who comes meanwhile does not ask again, unless it wants a
    younger one.
    """
    today, transport, keep = Today(), Scripted(GOOD), SlowToKeep()
    guarded = caching(transport, today, keep=keep)
    first = await guarded.answer(asked(), within=5)
    today.at += timedelta(seconds=2)
    again = await guarded.answer(asked(), within=5)
    younger = await guarded.answer(asked(max_age=timedelta(seconds=1)), within=5)
    assert [r.freshness for r in (first, again, younger)] == [
        Freshness.LIVE, Freshness.CACHED, Freshness.LIVE,
    ]  # fmt: skip
    assert transport.asked == 2


@pytest.mark.anyio
async def test_a_hundred_who_want_the_same_read_the_keep_once() -> None:
    """A crowd opens no crowd of connections to it either."""
    keep = SlowToKeep()
    guarded = caching(Scripted(GOOD), Today(), keep=keep)
    await asyncio.gather(*(guarded.answer(asked(), within=5) for _ in range(100)))
    assert keep.read == 1


class Hanging(MemoryKeep):
    """A keep whose server has gone silent."""

    async def get(self, key: str) -> bytes | None:
        """Never."""
        await asyncio.sleep(60)
        return await super().get(key)

    async def put(self, key: str, value: bytes, seconds: float) -> None:
        """Never."""
        await asyncio.sleep(60)
        await super().put(key, value, seconds)


@pytest.mark.anyio
@pytest.mark.parametrize("within", [0.1, 5.0])
async def test_a_keep_that_hangs_costs_a_moment_and_no_answer(within: float) -> None:
    """Neither reading nor writing what is kept stands between a caller and its answer."""
    guarded = caching(Scripted(GOOD), Today(), keep=Hanging())
    async with asyncio.timeout(3):
        reply = await guarded.answer(asked(), within=within)
    assert (reply.outcome, reply.freshness) == (Outcome.ANSWERED, Freshness.LIVE)


INSTEAD: dict[str, tuple[Any, Outcome, Freshness]] = {
    "hangs": (after(9), Outcome.ANSWERED, Freshness.STALE),
    "is down": (DOWN, Outcome.ANSWERED, Freshness.STALE),
    "answers with garbage": (RawReply(body=b"["), Outcome.ANSWERED, Freshness.STALE),
    "refuses": (SourceRefused("status-403"), Outcome.REFUSED, Freshness.LIVE),
    "says that there is no record": (EMPTY, Outcome.NO_RECORD, Freshness.LIVE),
}


@pytest.mark.anyio
@pytest.mark.parametrize("name", INSTEAD)
async def test_an_old_answer_stands_in_for_silence_and_never_for_a_word(name: str) -> None:
    """Also where the source hangs until the caller's own deadline, shorter than the source's."""
    step, outcome, freshness = INSTEAD[name]
    today = Today()
    guarded = caching(Scripted(GOOD, step), today)
    await guarded.answer(asked(), within=5)
    today.at += 2 * HOUR
    async with asyncio.timeout(3):
        reply = await guarded.answer(asked(stale_if_error=24 * HOUR), within=0.2)
    assert (reply.outcome, reply.freshness) == (outcome, freshness)


@pytest.mark.anyio
@pytest.mark.parametrize("no_record", [timedelta(0), timedelta(minutes=5)])
async def test_what_is_no_longer_true_is_no_longer_kept(no_record: timedelta) -> None:
    """After “no such record” the record of before is not taken out again, whatever may be kept."""
    today = Today()
    rules = CacheRules(max_age=HOUR, stale_if_error=24 * HOUR, no_record=no_record)
    guarded = caching(Scripted(GOOD, EMPTY, DOWN), today, rules)
    await guarded.answer(asked(), within=5)
    today.at += timedelta(minutes=1)
    await guarded.answer(asked(max_age=timedelta(seconds=1)), within=5)
    today.at += timedelta(minutes=10)
    reply = await guarded.answer(asked(stale_if_error=24 * HOUR), within=5)
    assert (reply.outcome, reply.records) == (Outcome.UNREACHABLE, ())


@pytest.mark.anyio
async def test_a_value_that_could_not_be_read_is_an_error_and_not_kept() -> None:
    """The record is an answer; the field in it that cannot be read is a fault of today."""
    transport = Scripted(RawReply(body=b'{"t":{"no":"text"}}'), GOOD)
    guarded = caching(transport, Today())
    first = await guarded.answer(asked(), within=5)
    assert (first.outcome, list(first.records[0].bad)) == (Outcome.ANSWERED, ["text"])
    assert (await guarded.answer(asked(), within=5)).freshness is Freshness.LIVE
    assert transport.asked == 2


@pytest.mark.anyio
async def test_who_has_more_time_does_not_end_with_who_had_less() -> None:
    """The patient ones ask once more, together; the hurried one is told in time."""
    transport = Scripted(after(0.3))
    guarded = caching(transport, Today())
    hurried = asyncio.create_task(guarded.answer(asked(), within=0.05))
    await asyncio.sleep(0.01)
    patient = await asyncio.gather(*(guarded.answer(asked(), within=4) for _ in range(10)))
    assert {reply.outcome for reply in patient} == {Outcome.ANSWERED}
    assert ((await hurried).outcome, transport.asked) == (Outcome.TIMED_OUT, 2)


@pytest.mark.anyio
async def test_a_ticket_is_not_shared() -> None:
    """Where a clerk will answer, each caller has a ticket of its own: it opens an answer."""

    def placed(ticket: str) -> Callable[[], Awaitable[Any]]:
        return after(0.02, AnswerDeferred(ticket))

    guarded = caching(Scripted(placed("t-1"), placed("t-2"), placed("t-3")), Today())
    replies = await asyncio.gather(*(guarded.answer(asked(), within=5) for _ in range(3)))
    assert {reply.outcome for reply in replies} == {Outcome.DEFERRED}
    assert {reply.ticket for reply in replies} == {"t-1", "t-2", "t-3"}


@pytest.mark.anyio
async def test_what_a_clerk_typed_is_kept_with_the_clerk() -> None:
    """A kept answer does not pass for one of a system."""
    typed = RawReply(body=GOOD.body, status=200, entered_by="clerk-7")
    guarded = caching(Scripted(typed), Today())
    told = [(await guarded.answer(asked(), within=5)).entered_by for _ in range(2)]
    assert told == ["clerk-7", "clerk-7"]


@pytest.mark.anyio
async def test_a_source_that_hangs_is_not_asked_again_for_everyone_who_waited() -> None:
    """Those with the same time end with the first one."""
    transport = Scripted(after(9))
    guarded = caching(transport, Today())
    replies = await asyncio.gather(*(guarded.answer(asked(), within=0.1) for _ in range(50)))
    assert {reply.outcome for reply in replies} == {Outcome.TIMED_OUT}
    assert transport.asked == 1


@pytest.mark.anyio
@pytest.mark.parametrize("text", ["赵\x00明", "赵\ud800明"])
async def test_what_cannot_be_said_cannot_break_the_cache(text: str) -> None:
    """Halves of pairs have no bytes; the question is refused as it is without a cache."""
    guarded = caching(Scripted(GOOD), Today())
    reply = await guarded.answer(call(RESOURCE.id, name=text), within=5)
    assert (reply.outcome, reply.why) == (Outcome.NOT_ASKED, "test.unaskable")


@pytest.mark.anyio
async def test_closing_gives_up_the_questions_under_way() -> None:
    """Nobody is left waiting for a source that is gone."""
    guarded = caching(Scripted(after(60)), Today())
    waiting = asyncio.create_task(guarded.answer(asked(), within=5))
    await asyncio.sleep(0.02)
    await guarded.aclose()
    async with asyncio.timeout(3):
        assert (await waiting).outcome is Outcome.TIMED_OUT


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


@pytest.mark.anyio
async def test_a_stale_answer_does_not_date_the_failure_back() -> None:
    """The failure is of now, however old the answer is that stood in for it."""
    today = Today()
    guarded = caching(Scripted(GOOD, DOWN), today)
    await guarded.answer(asked(), within=5)
    today.at += 2 * HOUR
    await guarded.answer(asked(stale_if_error=24 * HOUR), within=5)
    status = guarded.status()
    assert status.outcomes == {"answered": 1, "stale": 1}
    assert (status.last_failure_at, status.last_failure) == (today.at, "test.connect")
    assert status.last_success_at == NOW


@pytest.mark.anyio
async def test_our_own_omissions_are_not_the_sources_failures() -> None:
    """What was not asked says nothing about the source."""
    today = Today()
    guarded = source(Scripted(GOOD), today=today, windows=(NIGHT,))
    await guarded.answer(call(RESOURCE.id, name="赵\n明"), within=5)
    await guarded.answer(asked(), within=0)
    today.at = china(24, 23, 45)
    await guarded.answer(asked(), within=5)
    status = guarded.status()
    assert status.outcomes == {"closed": 1, "not_asked": 1, "timed_out": 1}
    assert (status.last_failure_at, status.last_failure) == (None, None)


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0, 120), st.sampled_from("abc")), max_size=80))
def test_a_window_forgets_and_the_whole_does_not(steps: list[tuple[float, str]]) -> None:
    """What is younger than the window less a slot is counted, what is older than it is not."""
    clock = Clock()
    counts, seen = RecentCounts(clock), []
    for gap, name in steps:
        clock.at += gap
        counts.count(name)
        seen.append((clock.at, name))
    window = SLOTS * SLOT_SECONDS
    least = Counter(n for at, n in seen if at > clock.at - window + SLOT_SECONDS)
    most = Counter(n for at, n in seen if at > clock.at - window)
    recent = Counter(counts.recent())
    assert least <= recent <= most
    assert counts.since_start() == dict(sorted(Counter(n for _, n in seen).items()))


@settings(deadline=None)
@given(st.lists(st.floats(0, 40_000), min_size=1, max_size=200))
def test_a_quantile_is_the_upper_end_of_its_class(milliseconds: list[float]) -> None:
    """Never below the true value, unless that lies beyond all classes; nor a class above it."""
    latencies = Latencies(Clock())
    for each in milliseconds:
        latencies.count(each)
    ordered = sorted(milliseconds)
    for share, told in ((p, latencies.quantiles()[f"p{p}"]) for p in (50, 95, 99)):
        true = ordered[max(ceil(len(ordered) * share / 100), 1) - 1]
        assert told == next((end for end in CLASSES_MS if end >= true), CLASSES_MS[-1])


class Expiring(Scripted):
    """A transport that identifies itself with something that ends."""

    def __init__(self, expires_at: datetime | None) -> None:
        super().__init__(GOOD)
        self.expires_at = expires_at


@pytest.mark.parametrize(
    ("here", "there", "told"),
    [
        (NOW + HOUR, NOW, NOW), (NOW, NOW + HOUR, NOW), (None, NOW, NOW), (NOW, None, NOW),
        (None, None, None),
    ],
)  # fmt: skip
def test_the_next_end_is_told_whoevers_it_is(
    here: datetime | None, there: datetime | None, told: datetime | None
) -> None:
    """A replica's certificate runs out like any other; a transport need not know of any."""
    guarded = source(Expiring(here), idempotent=MAY, hedge=hedge(Expiring(there)))
    assert guarded.status().expires_at == told
    assert source(Scripted(GOOD)).status().expires_at is None
