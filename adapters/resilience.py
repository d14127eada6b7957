"""A source that always answers in time and never raises, around a transport that may not.

The order of the guards stands in `GuardedSource._asked`; each is a module of its own, and
`adapters.guards` holds what the manifest says of them. Only the source's own failures count against
it: a refusal and an empty answer show that it works.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from datetime import datetime

from adapters.attempts import Attempts, Fetched, nothing
from adapters.breaker import Clock, Pass
from adapters.caching import Origin
from adapters.closing import closure
from adapters.guards import Guards
from adapters.mapping import Plan
from adapters.model import (
    BreakerState,
    Freshness,
    Outcome,
    RawReply,
    SourceCall,
    SourceReply,
    SourceStatus,
    Transport,
)
from adapters.status import Traffic

_DIGEST = "sm3" if "sm3" in hashlib.algorithms_available else "sha256"
_EMPTY = hashlib.new(_DIGEST)

_COUNTED = frozenset({Outcome.TIMED_OUT, Outcome.UNREACHABLE, Outcome.FAILED})
"""Outcomes that count against the breaker."""


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
        self._id, self._kind, self._plans = id, kind, plans
        self._timeout, self._guards, self._now, self._clock = timeout, guards, now, clock
        self._traffic = Traffic(clock)
        self._attempts = Attempts(
            transport, guards, usual=self._traffic.latencies.usual, clock=clock
        )

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
        closed = closure(self._guards.windows, self._now())
        return SourceStatus(
            source=self._id,
            kind=self._kind,
            breaker=self.breaker,
            in_flight=self._guards.bulkhead.in_flight,
            closed_until=closed.until if closed else None,
            closed_because=closed.reason or None if closed else None,
            outcomes=traffic.outcomes.recent(),
            outcomes_since_start=traffic.outcomes.since_start(),
            latency_ms=traffic.latencies.quantiles(),
            last_success_at=traffic.last_success_at,
            last_failure_at=traffic.last_failure_at,
            last_failure=traffic.last_failure,
            expires_at=self._attempts.expires_at,
        )

    async def answer(self, call: SourceCall, *, within: float) -> SourceReply:
        """Answer within that many seconds, or say why not; see `adapters.model.Source`."""
        cache, rules = self._guards.cache, self._guards.cache_rules.get(call.resource)
        if cache is None or rules is None:
            reply = await self._asked(call, within)
        else:
            started = self._clock()
            origin = Origin(
                ask=lambda seconds: self._asked(call, seconds),
                late=lambda: self._reply(call, nothing(Outcome.TIMED_OUT, "timed-out"), started),
            )
            reply = await cache.answer(call, rules, origin, min(within, self._timeout))
        self._traffic.told(reply)
        return reply

    async def aclose(self) -> None:
        """Give up what is under way and release connections."""
        if self._guards.cache is not None:
            self._guards.cache.close()
        await self._attempts.aclose()

    async def _asked(self, call: SourceCall, within: float) -> SourceReply:
        """Past the cache. In this order: do we know the question, is there time, is the source open
        by its calendar, do too many calls hang, is there room, is the breaker closed, is there rate
        left; then ask.
        """
        started = self._clock()
        plan = self._plans.get(call.resource)
        budget = min(within, self._timeout)
        guards = self._guards
        if plan is None:
            return self._reply(call, nothing(Outcome.FAILED, "unknown-resource"), started)
        if budget <= 0:
            return self._reply(call, nothing(Outcome.TIMED_OUT, "no-time"), started)
        if guards.windows and (closed := closure(guards.windows, self._now())):
            fetched = nothing(Outcome.CLOSED, "source-closed")
            return self._reply(call, fetched, started, closed.until)
        if self._attempts.stuck:
            return self._reply(call, nothing(Outcome.UNREACHABLE, "stuck"), started)
        if not guards.bulkhead.enter() and not await guards.bulkhead.queued(budget):
            return self._reply(call, nothing(Outcome.BREAKER_OPEN, "bulkhead-full"), started)
        try:
            return await self._admitted(call, plan, started, budget)
        finally:
            guards.bulkhead.leave()

    async def _admitted(
        self, call: SourceCall, plan: Plan, started: float, budget: float
    ) -> SourceReply:
        guards = self._guards
        left = budget - (self._clock() - started)
        if left <= 0:
            return self._reply(call, nothing(Outcome.TIMED_OUT, "no-time"), started)
        admitted = guards.breaker.admit()
        if admitted is None:
            return self._reply(call, nothing(Outcome.BREAKER_OPEN, "breaker-open"), started)
        if guards.rate is not None and not guards.rate.take():
            guards.breaker.abandoned(admitted)
            return self._reply(call, nothing(Outcome.BREAKER_OPEN, "rate-budget"), started)
        fetched = await self._counted(call, plan, left, admitted)
        reply = self._reply(call, fetched, started)
        if fetched.asked:
            self._traffic.asked(reply)
        return reply

    async def _counted(
        self, call: SourceCall, plan: Plan, budget: float, admitted: Pass
    ) -> Fetched:
        """Fetch, read, and tell the breaker; also when we are cancelled in between."""
        breaker = self._guards.breaker
        try:
            fetched = await self._attempts.fetch(call, plan, budget)
        except BaseException:
            breaker.abandoned(admitted)
            raise
        if not fetched.asked:
            breaker.abandoned(admitted)
        elif fetched.relayed is not None:
            breaker.succeeded(admitted)  # another hub answered; what fails is behind it
        elif fetched.reading.outcome in _COUNTED:
            breaker.failed(admitted)
        else:
            breaker.succeeded(admitted)
        return fetched

    def _reply(
        self,
        call: SourceCall,
        fetched: Fetched,
        started: float,
        reopens: datetime | None = None,
    ) -> SourceReply:
        reading, relayed, now = fetched.reading, fetched.relayed, self._now()
        retrieved_at = relayed.retrieved_at if relayed is not None else None
        return SourceReply(
            source=self._id,
            resource=call.resource,
            outcome=reading.outcome,
            records=reading.records,
            as_of=reading.as_of,
            retrieved_at=min(retrieved_at or now, now),
            elapsed_ms=(self._clock() - started) * 1000,
            record_hash=digest(fetched.reply) if fetched.reply else None,
            why=f"{self._kind}.{reading.why}" if reading.why else None,
            freshness=relayed.freshness if relayed is not None else Freshness.LIVE,
            reopens_at=relayed.whole.reopens_at if relayed is not None else reopens,
            ticket=relayed.ticket if relayed is not None else fetched.ticket,
            entered_by=fetched.reply.entered_by if fetched.reply else None,
            relayed=relayed,
        )


def digest(reply: RawReply) -> str:
    """`sm3:` + hex over the bytes as received; over canonical JSON for rows. Where the platform's
    OpenSSL has no SM3, `sha256:`.
    """
    body = reply.body
    if reply.rows is not None:
        rows = [dict(row) for row in reply.rows]
        body = json.dumps(rows, ensure_ascii=False, sort_keys=True, default=str).encode(
            errors="surrogatepass"
        )
    digest_ = _EMPTY.copy()  # looking an algorithm up costs more than digesting an ordinary answer
    digest_.update(body)
    return f"{_DIGEST}:{digest_.hexdigest()}"
