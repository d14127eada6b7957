"""The guard: always an answer, always in time, whatever the transport does."""

from __future__ import annotations

import asyncio
import hashlib
import threading
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import anyio.to_thread
import pytest

from adapters.asking import NotAsked
from adapters.attempts import MAX_LEFT_BEHIND
from adapters.breaker import Breaker
from adapters.compiling import Compiler
from adapters.errors import (
    SourceAnswerInvalid,
    SourceRefused,
    SourceTimedOut,
    SourceUnavailable,
)
from adapters.guards import Guards
from adapters.manifest import Answer, Connect
from adapters.model import BreakerState, Outcome, RawReply, SourceCall, SourceReply
from adapters.resilience import GuardedSource, digest
from tests.adapters.small import CATALOG, NOW, call, now

pytestmark = pytest.mark.anyio

RESOURCE = CATALOG.resources["sample.everything"]
PLAN = Compiler(at=(), connect=Connect(), resource=RESOURCE, tables=CATALOG.code_tables).plan(
    Answer.model_validate(
        {"fields": {"text": {"at": "t"}}, "empty_when": {"t": []}, "refused_when": {"t": "no"}}
    )
)
GOOD = RawReply(body=b'{"t":"x"}', status=200)
EMPTY = RawReply(body=b'{"t":[]}', status=200)

Fetch = Callable[[], Awaitable[RawReply]]


class Scripted:
    """A transport that does what it is told, one thing after the other; the last again."""

    expires_at: datetime | None = None

    def __init__(self, *steps: RawReply | BaseException | Fetch) -> None:
        self.steps, self.asked, self.closed = list(steps), 0, False

    async def fetch(self, call: SourceCall, *, within: float) -> RawReply:
        assert (call.resource, within > 0) == (RESOURCE.id, True)
        self.asked += 1
        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        if isinstance(step, BaseException):
            raise step
        return step if isinstance(step, RawReply) else await step()

    async def aclose(self) -> None:
        self.closed = True


class Clock:
    """Monotonic seconds that move when a test says so."""

    def __init__(self) -> None:
        self.at = 100.0

    def __call__(self) -> float:
        return self.at


def guarded(
    transport: Any, *, timeout: float = 5.0, failures: int = 3, clock: Clock | None = None
) -> GuardedSource:
    """A source around `transport`."""
    breaker = Breaker(failures=failures, reset=30, clock=clock or time.monotonic)
    return GuardedSource(
        id="s", kind="test", transport=transport, plans={RESOURCE.id: PLAN}, timeout=timeout,
        guards=Guards(breaker=breaker), now=now,
    )  # fmt: skip


async def ask(source: GuardedSource, within: float = 1.0) -> SourceReply:
    """Ask for the sample resource."""
    return await source.answer(call(RESOURCE.id), within=within)


async def hangs() -> RawReply:
    """Never comes back, but can be cancelled."""
    await asyncio.sleep(60)
    return GOOD


OUTCOMES: dict[str, tuple[Any, Outcome, str | None, int]] = {
    "answers": (GOOD, Outcome.ANSWERED, None, 0),
    "empty": (EMPTY, Outcome.NO_RECORD, None, 0),
    "refuses in its answer": (
        RawReply(body=b'{"t":"no"}'), Outcome.REFUSED, "test.refused-no", 0,
    ),
    "refuses": (SourceRefused("status-401"), Outcome.REFUSED, "test.status-401", 0),
    "a key is missing": (NotAsked("key-missing"), Outcome.NOT_ASKED, "test.key-missing", 0),
    "unreachable": (SourceUnavailable("connect"), Outcome.UNREACHABLE, "test.connect", 1),
    "times out": (SourceTimedOut("timed-out"), Outcome.TIMED_OUT, "test.timed-out", 1),
    "invalid": (SourceAnswerInvalid("json"), Outcome.FAILED, "test.json", 1),
    "unreadable": (RawReply(body=b"<"), Outcome.FAILED, "test.json", 1),
    "hangs": (hangs, Outcome.TIMED_OUT, "test.timed-out", 1),
    "has a bug": (ZeroDivisionError("990101199001010019"), Outcome.FAILED, "test.bug", 1),
    "leaks a KeyError": (KeyError("x"), Outcome.FAILED, "test.bug", 1),
    "cancels itself": (asyncio.CancelledError(), Outcome.FAILED, "test.cancelled", 1),
}  # fmt: skip


@pytest.mark.parametrize("name", OUTCOMES)
async def test_every_ending_is_a_reply_and_only_failures_count(name: str) -> None:
    """Nothing is raised; the breaker opens at once for failures (its limit is one here) and stays
    closed for refusals, empty answers and our own omissions.
    """
    step, outcome, why, counts = OUTCOMES[name]
    source = guarded(Scripted(step), timeout=0.1, failures=1)
    reply = await ask(source)
    assert (reply.outcome, reply.why) == (outcome, why)
    assert (reply.source, reply.resource, reply.retrieved_at) == ("s", RESOURCE.id, NOW)
    assert reply.elapsed_ms >= 0
    assert source.breaker is (BreakerState.OPEN if counts else BreakerState.CLOSED)


async def test_the_hash_is_over_the_bytes_as_received() -> None:
    """Also of an answer that cannot be read: that is when one wants to know what came."""
    for body in (GOOD.body, b"<html>"):
        reply = await ask(guarded(Scripted(RawReply(body=body))))
        assert reply.record_hash == "sm3:" + hashlib.new("sm3", body).hexdigest()
    assert digest(RawReply(rows=[{"a": NOW}])) != digest(RawReply(rows=[{"a": None}]))


@pytest.mark.parametrize("text", ["赵\x00明", "赵\n明", "赵\ud800明", "\x7f"])
async def test_what_no_source_could_be_told_is_not_asked(text: str) -> None:
    """Control characters and halves of pairs stop the call, and do not count against the source."""
    transport = Scripted(GOOD)
    source = guarded(transport, failures=1)
    reply = await source.answer(call(RESOURCE.id, name=text), within=1)
    assert (reply.outcome, reply.why) == (Outcome.NOT_ASKED, "test.unaskable")
    assert (transport.asked, source.breaker) == (0, BreakerState.CLOSED)


async def test_the_shorter_of_two_deadlines_holds() -> None:
    """The source's own, the caller's, or none left."""
    for timeout, within in ((0.05, 60.0), (60.0, 0.05), (60.0, 0.0), (60.0, -1.0)):
        async with asyncio.timeout(30):
            reply = await ask(guarded(Scripted(hangs), timeout=timeout), within)
        assert reply.outcome is Outcome.TIMED_OUT


async def test_an_unknown_resource_is_not_asked() -> None:
    """The source is asked only for what its manifest maps."""
    transport = Scripted(GOOD)
    reply = await guarded(transport).answer(call("hukou.person"), within=1)
    assert (reply.outcome, reply.why, transport.asked) == (
        Outcome.FAILED, "test.unknown-resource", 0,
    )  # fmt: skip


async def test_the_breaker_opens_probes_once_and_closes() -> None:
    """Three failures open it; calls then cost nothing; after the reset one probe passes while
    others are turned away; its success closes it, its failure opens it again from then.
    """
    clock = Clock()
    transport = Scripted(*[SourceUnavailable("connect")] * 4, hangs, GOOD)
    source = guarded(transport, clock=clock)
    for _ in range(3):
        await ask(source)
    assert source.breaker is BreakerState.OPEN
    assert (await ask(source)).outcome is Outcome.BREAKER_OPEN
    assert transport.asked == 3
    clock.at += 30
    assert source.breaker is BreakerState.HALF_OPEN
    assert (await ask(source)).outcome is Outcome.UNREACHABLE
    assert source.breaker is BreakerState.OPEN
    clock.at += 30
    probe = asyncio.create_task(ask(source, within=0.2))
    await asyncio.sleep(0.02)
    assert (await ask(source)).outcome is Outcome.BREAKER_OPEN
    assert (await probe).outcome is Outcome.TIMED_OUT
    clock.at += 30
    assert (await ask(source)).outcome is Outcome.ANSWERED
    assert source.breaker is BreakerState.CLOSED


async def test_failures_have_to_be_in_a_row() -> None:
    """One answer in between starts the count again."""
    down = SourceUnavailable("connect")
    source = guarded(Scripted(down, down, EMPTY, down, down, GOOD))
    for _ in range(6):
        assert (await ask(source)).outcome is not Outcome.BREAKER_OPEN
    assert source.breaker is BreakerState.CLOSED


async def test_a_caller_who_leaves_frees_the_probe() -> None:
    """A cancelled probe decides nothing, and does not keep the next one out."""
    clock = Clock()
    down = SourceUnavailable("connect")
    transport = Scripted(down, hangs, GOOD)
    source = guarded(transport, failures=1, clock=clock)
    await ask(source)
    clock.at += 30
    probe = asyncio.create_task(ask(source))
    await asyncio.sleep(0.02)
    probe.cancel()
    with pytest.raises(asyncio.CancelledError):
        await probe
    assert (await ask(source)).outcome is Outcome.ANSWERED


@pytest.mark.parametrize("ends", ["leaves", "fails", "answers"])
async def test_a_straggler_from_before_decides_nothing(ends: str) -> None:
    """A call that was under way when the breaker opened, and ends while the probe is: however it
    ends, no second probe passes, and the probe's own answer decides.
    """
    clock = Clock()
    gate, probed = asyncio.Event(), asyncio.Event()

    async def late() -> RawReply:
        await gate.wait()
        if ends == "fails":
            raise SourceUnavailable("connect")
        return GOOD

    async def probe() -> RawReply:
        await probed.wait()
        return GOOD

    source = guarded(
        Scripted(late, SourceUnavailable("connect"), probe, GOOD), failures=1, clock=clock
    )
    straggler = asyncio.create_task(ask(source))
    await asyncio.sleep(0.02)
    await ask(source)
    clock.at += 30
    asking = asyncio.create_task(ask(source))
    await asyncio.sleep(0.02)
    if ends == "leaves":
        straggler.cancel()
    gate.set()
    await asyncio.wait((straggler,))
    second = await ask(source)
    assert (second.outcome, source.breaker) == (Outcome.BREAKER_OPEN, BreakerState.HALF_OPEN)
    probed.set()
    assert (await asking).outcome is Outcome.ANSWERED
    assert source.breaker is BreakerState.CLOSED


async def test_cancelling_reaches_the_transport() -> None:
    """What nobody waits for is not carried on."""
    ended: list[str] = []

    async def watched() -> RawReply:
        try:
            return await hangs()
        finally:
            ended.append("ended")

    asking = asyncio.create_task(ask(guarded(Scripted(watched))))
    await asyncio.sleep(0.02)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await asyncio.sleep(0.02)
    assert ended == ["ended"]


async def test_a_transport_that_will_not_stop_is_left_behind_and_bounded() -> None:
    """It swallows its cancellation; the answer is in time all the same, and after a while the
    source gets no new calls until some of the old ones are over.
    """
    release = asyncio.Event()

    async def stubborn() -> RawReply:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue
        return GOOD

    transport = Scripted(stubborn)
    source = guarded(transport, timeout=0.02, failures=1000)
    replies = [await ask(source) for _ in range(MAX_LEFT_BEHIND + 2)]
    assert [r.why for r in replies[-3:]] == ["test.timed-out", "test.stuck", "test.stuck"]
    assert transport.asked == MAX_LEFT_BEHIND
    release.set()
    await asyncio.sleep(0.02)
    assert (await ask(source)).outcome is Outcome.ANSWERED
    await source.aclose()
    assert transport.closed


async def test_a_blocked_thread_costs_only_itself() -> None:
    """A driver that blocks in its thread: in time, and the number of threads is the transport's
    limit.
    """
    release, running = threading.Event(), []
    limiter = anyio.CapacityLimiter(2)

    def block() -> RawReply:
        running.append(1)
        release.wait(30)
        return GOOD

    async def in_thread() -> RawReply:
        return await anyio.to_thread.run_sync(block, abandon_on_cancel=True, limiter=limiter)

    source = guarded(Scripted(in_thread), timeout=0.1, failures=1000)
    replies = await asyncio.gather(*(ask(source) for _ in range(5)))
    assert {reply.outcome for reply in replies} == {Outcome.TIMED_OUT}
    # The deadlines of five calls do not fall in one instant: a place that one gives up may be
    # taken by another whose own deadline comes a moment later.
    assert 2 <= len(running) <= 4
    release.set()
