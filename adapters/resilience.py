"""A source that always answers in time and never raises, around a transport that may not.

Order: is there a kept answer that is young enough; is the source open by its calendar; is there
room, in number and in rate; is the breaker closed; ask within the shorter of two deadlines, where
the manifest allows it a second time or at a replica; read; count. Only the source's own failures
count against it: a refusal and an empty answer show that it works.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from adapters import asking
from adapters.asking import NotAsked
from adapters.breaker import Breaker, Clock
from adapters.budgets import Bulkhead, ShareOfCalls, TokenBucket
from adapters.caching import CacheRules, ReplyCache
from adapters.closing import Window, closed_until
from adapters.errors import (
    AdapterError,
    AnswerDeferred,
    SourceAnswerInvalid,
    SourceRefused,
    SourceTimedOut,
    SourceUnavailable,
)
from adapters.mapping import Plan, Reading
from adapters.model import (
    BreakerState,
    Outcome,
    RawReply,
    SourceCall,
    SourceReply,
    SourceStatus,
    Transport,
)
from adapters.status import Traffic

MAX_LEFT_BEHIND = 8
"""Calls to one source that may go on after we stopped waiting, before it gets no new ones."""

_DIGEST = "sm3" if "sm3" in hashlib.algorithms_available else "sha256"
_EMPTY = hashlib.new(_DIGEST)


_OUTCOMES: tuple[tuple[type[AdapterError], Outcome], ...] = (
    (SourceTimedOut, Outcome.TIMED_OUT),
    (SourceUnavailable, Outcome.UNREACHABLE),
    (SourceRefused, Outcome.REFUSED),
    (SourceAnswerInvalid, Outcome.FAILED),
)
_COUNTED = frozenset({Outcome.TIMED_OUT, Outcome.UNREACHABLE, Outcome.FAILED})
"""Outcomes that count against the breaker."""


@dataclass(frozen=True, slots=True)
class _Fetched:
    """How a fetch ended: a reply, or why there is none."""

    reply: RawReply | None
    reading: Reading
    ticket: str | None = None
    asked: bool = True
    """False: the source was not contacted, so this says nothing about it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hedge:
    """Where a slow call is put a second time, and when."""

    replica: Transport
    after: float
    """Seconds."""
    share: ShareOfCalls


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """When a call that brought nothing back is put again."""

    jitter: float
    """The longest random wait in seconds."""
    share: ShareOfCalls


@dataclass(frozen=True, slots=True, kw_only=True)
class Guards:
    """Everything that stands between a caller and a transport."""

    breaker: Breaker
    bulkhead: Bulkhead = field(default_factory=lambda: Bulkhead(32))
    rate: TokenBucket | None = None
    windows: tuple[Window, ...] = ()
    idempotent: frozenset[str] = frozenset()
    """Resources that may be asked twice for one call."""
    retry: Retry | None = None
    hedge: Hedge | None = None
    cache: ReplyCache | None = None
    cache_rules: Mapping[str, CacheRules] = field(default_factory=dict)
    """Resource → what its provider allows; those that are not there are never kept."""


class GuardedSource:
    """The `Source` the hub sees."""

    def __init__(
        self,
        *,
        id: str,  # noqa: A002 -- the port's own word
        kind: str,
        transport: Transport,
        plans: Mapping[str, Plan],
        timeout: float,
        guards: Guards,
        now: Callable[[], datetime],
        clock: Clock = time.monotonic,
    ) -> None:
        """Args:
        id: The source's id.
        kind: First part of the `why` keys.
        transport: Asks; may hang, raise, or ignore that it was cancelled.
        plans: Resource id → how its answers are read.
        timeout: The source's own deadline in seconds.
        guards: Whether to ask at all, how often, and what to make of silence.
        now: UTC, for `retrieved_at` and the calendar.
        clock: Monotonic seconds, for `elapsed_ms`.
        """
        self._id, self._kind, self._transport, self._plans = id, kind, transport, plans
        self._timeout, self._guards, self._now, self._clock = timeout, guards, now, clock
        self._traffic = Traffic(clock)
        self._left: set[asyncio.Task[RawReply]] = set()

    @property
    def id(self) -> str:
        """The source's id."""
        return self._id

    @property
    def breaker(self) -> BreakerState:
        """Where the source's breaker stands."""
        return self._guards.breaker.state

    def status(self) -> SourceStatus:
        """How the source is doing."""
        traffic = self._traffic
        return SourceStatus(
            source=self._id,
            kind=self._kind,
            breaker=self.breaker,
            in_flight=self._guards.bulkhead.in_flight,
            closed_until=closed_until(self._guards.windows, self._now()),
            outcomes=traffic.outcomes(),
            outcomes_since_start=traffic.outcomes_since_start(),
            latency_ms=traffic.latencies(),
            last_success_at=traffic.last_success_at,
            last_failure_at=traffic.last_failure_at,
            last_failure=traffic.last_failure,
            expires_at=getattr(self._transport, "expires_at", None),
        )

    async def answer(self, call: SourceCall, *, within: float) -> SourceReply:
        """Answer within that many seconds, or say why not; see `adapters.model.Source`."""
        rules = self._guards.cache_rules.get(call.resource)
        if self._guards.cache is None or rules is None:
            reply = await self._asked(call, within)
        else:
            reply = await self._within(self._guards.cache, call, rules, within)
        self._traffic.counted(reply)
        return reply

    async def _within(
        self, cache: ReplyCache, call: SourceCall, rules: CacheRules, within: float
    ) -> SourceReply:
        """From the cache or past it; a cache that does not answer costs no more than the deadline."""
        started = self._clock()
        try:
            async with asyncio.timeout(max(within, 0.0)):
                return await cache.answer(call, rules, lambda: self._asked(call, within))
        except TimeoutError:
            return self._reply(call, _nothing(Outcome.TIMED_OUT, "timed-out"), started)

    async def _asked(self, call: SourceCall, within: float) -> SourceReply:
        started = self._clock()
        plan = self._plans.get(call.resource)
        budget = min(within, self._timeout)
        guards = self._guards
        reopens = closed_until(guards.windows, self._now()) if guards.windows else None
        if plan is None:
            fetched = _nothing(Outcome.FAILED, "unknown-resource")
        elif budget <= 0:
            fetched = _nothing(Outcome.TIMED_OUT, "no-time")
        elif reopens is not None:
            fetched = _nothing(Outcome.CLOSED, "source-closed")
        elif len(self._left) >= MAX_LEFT_BEHIND:
            fetched = _nothing(Outcome.UNREACHABLE, "stuck")
        elif not guards.bulkhead.enter():
            fetched = _nothing(Outcome.BREAKER_OPEN, "bulkhead-full")
        else:
            try:
                fetched = await self._admitted(call, plan, budget)
            finally:
                guards.bulkhead.leave()
        return self._reply(call, fetched, started, reopens)

    async def _admitted(self, call: SourceCall, plan: Plan, budget: float) -> _Fetched:
        if self._guards.rate is not None and not self._guards.rate.take():
            return _nothing(Outcome.BREAKER_OPEN, "rate-budget")
        if not self._guards.breaker.admit():
            return _nothing(Outcome.BREAKER_OPEN, "breaker-open")
        return await self._counted(call, plan, budget)

    async def aclose(self) -> None:
        """Give up what was left behind and release connections."""
        for task in tuple(self._left):
            task.cancel()
        await self._transport.aclose()
        if self._guards.hedge is not None:
            await self._guards.hedge.replica.aclose()

    async def _counted(self, call: SourceCall, plan: Plan, budget: float) -> _Fetched:
        """Fetch, read, and tell the breaker; also when we are cancelled in between."""
        breaker = self._guards.breaker
        try:
            fetched = await self._fetched(call, plan, budget)
        except BaseException:
            breaker.abandoned()
            raise
        if not fetched.asked:
            breaker.abandoned()
        elif fetched.reading.outcome in _COUNTED:
            breaker.failed()
        else:
            breaker.succeeded()
        return fetched

    async def _fetched(self, call: SourceCall, plan: Plan, budget: float) -> _Fetched:
        """Once, or once more where nothing came back and there is time for as long a try again."""
        retry = self._guards.retry if call.resource in self._guards.idempotent else None
        if retry is not None:
            retry.share.called()
        began = self._clock()
        first = await self._one(call, plan, budget)
        if retry is None or first.reading.outcome is not Outcome.UNREACHABLE:
            return first
        took = self._clock() - began
        pause = random.uniform(0, retry.jitter)  # noqa: S311 -- spreads callers, hides nothing
        left = budget - took - pause
        if left < took or left <= 0 or not retry.share.take():
            return first
        await asyncio.sleep(pause)
        return await self._one(call, plan, left)

    async def _one(self, call: SourceCall, plan: Plan, budget: float) -> _Fetched:
        """Wait for tasks rather than for coroutines: a transport that ignores cancellation then
        costs a task left behind, not the deadline.
        """
        tasks = [asyncio.create_task(self._ask(self._transport, call, budget))]
        hedge = self._guards.hedge if call.resource in self._guards.idempotent else None
        try:
            if hedge is None:
                await asyncio.wait(tasks, timeout=budget)
            else:
                await self._hedged(hedge, tasks, call, budget)
        finally:
            for task in tasks:
                if not task.done():
                    self._leave(task)
        done = [task for task in tasks if task.done() and not task.cancelled()]
        # The one that answered, where one did; else the first one's failure.
        best = next((t for t in done if t.exception() is None), done[0] if done else None)
        if best is None:
            cancelled = any(task.cancelled() for task in tasks)
            why = "cancelled" if cancelled else "timed-out"
            return _nothing(Outcome.FAILED if cancelled else Outcome.TIMED_OUT, why)
        return _result(best, plan)

    async def _hedged(
        self,
        hedge: Hedge,
        tasks: list[asyncio.Task[RawReply]],
        call: SourceCall,
        budget: float,
    ) -> None:
        """Wait; ask the replica too where the first is slow; end when one has answered."""
        hedge.share.called()
        until = self._clock() + budget
        await asyncio.wait(tasks, timeout=min(hedge.after, budget))
        left = until - self._clock()
        if not tasks[0].done() and left > 0 and hedge.share.take():
            tasks.append(asyncio.create_task(self._ask(hedge.replica, call, left)))
        while (left := until - self._clock()) > 0:
            done, pending = await asyncio.wait(
                tasks, timeout=left, return_when=asyncio.FIRST_COMPLETED
            )
            answered = any(not t.cancelled() and t.exception() is None for t in done)
            if answered or not pending:
                return

    async def _ask(self, transport: Transport, call: SourceCall, budget: float) -> RawReply:
        asking.check(call)
        return await transport.fetch(call, within=budget)

    def _leave(self, task: asyncio.Task[RawReply]) -> None:
        self._left.add(task)
        task.add_done_callback(self._ended)
        task.cancel()

    def _ended(self, task: asyncio.Task[RawReply]) -> None:
        self._left.discard(task)
        if not task.cancelled():
            task.exception()  # looked at, so that asyncio does not report it as lost

    def _reply(
        self,
        call: SourceCall,
        fetched: _Fetched,
        started: float,
        reopens: datetime | None = None,
    ) -> SourceReply:
        reading = fetched.reading
        return SourceReply(
            source=self._id,
            resource=call.resource,
            outcome=reading.outcome,
            records=reading.records,
            as_of=reading.as_of,
            retrieved_at=self._now(),
            elapsed_ms=(self._clock() - started) * 1000,
            record_hash=digest(fetched.reply) if fetched.reply else None,
            why=f"{self._kind}.{reading.why}" if reading.why else None,
            reopens_at=reopens,
            ticket=fetched.ticket,
            entered_by=fetched.reply.entered_by if fetched.reply else None,
        )


def _result(task: asyncio.Task[RawReply], plan: Plan) -> _Fetched:
    """What a task that has ended brought back."""
    reply: RawReply | None = None
    try:
        reply = task.result()
        return _Fetched(reply, plan.read(reply))
    except AnswerDeferred as error:
        reading = Reading(outcome=Outcome.DEFERRED, why=error.why)
        return _Fetched(None, reading, ticket=error.ticket)
    except NotAsked as error:
        return _Fetched(None, Reading(outcome=Outcome.FAILED, why=error.why), asked=False)
    except AdapterError as error:
        outcome = next((o for kind, o in _OUTCOMES if isinstance(error, kind)), Outcome.FAILED)
        return _Fetched(reply, Reading(outcome=outcome, why=error.why))
    except Exception:  # noqa: BLE001 -- a transport's bug is the source's failure, not the caller's
        return _Fetched(reply, Reading(outcome=Outcome.FAILED, why="bug"))


def _nothing(outcome: Outcome, why: str) -> _Fetched:
    return _Fetched(None, Reading(outcome=outcome, why=why))


def digest(reply: RawReply) -> str:
    """`sm3:` + hex over the bytes as received; over canonical JSON for rows. Where the platform's
    OpenSSL has no SM3, `sha256:`.
    """
    body = reply.body
    if reply.rows is not None:
        rows = [dict(row) for row in reply.rows]
        body = json.dumps(rows, ensure_ascii=False, sort_keys=True, default=str).encode()
    digest_ = _EMPTY.copy()  # looking an algorithm up costs more than digesting an ordinary answer
    digest_.update(body)
    return f"{_DIGEST}:{digest_.hexdigest()}"
