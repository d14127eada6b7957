"""A source that always answers in time and never raises, around a transport that may not.

Order: is the breaker closed; is there room; ask within the shorter of two deadlines; read; count.
Only the source's own failures count against it: a refusal and an empty answer show that it works.
There is no retry here: a caller with one deadline is better served by an early “no answer”.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from adapters import asking
from adapters.asking import NotAsked
from adapters.errors import (
    AdapterError,
    SourceAnswerInvalid,
    SourceRefused,
    SourceTimedOut,
    SourceUnavailable,
)
from adapters.mapping import Plan, Reading
from adapters.model import BreakerState, Outcome, RawReply, SourceCall, SourceReply, Transport

Clock = Callable[[], float]
"""Monotonic seconds."""

MAX_LEFT_BEHIND = 8
"""Calls to one source that may go on after we stopped waiting, before it gets no new ones."""

_DIGEST = "sm3" if "sm3" in hashlib.algorithms_available else "sha256"


class Breaker:
    """A circuit breaker: closed, open for a while, then one probe decides.

    Synchronous and without locks: it is only used from the event loop, and no method waits.
    """

    __slots__ = ("_clock", "_failures", "_limit", "_opened_at", "_probing", "_reset")

    def __init__(self, *, failures: int, reset: float, clock: Clock) -> None:
        """Args:
        failures: Failures in a row that open it.
        reset: Seconds until a probe may pass.
        clock: Monotonic seconds.
        """
        self._limit, self._reset, self._clock = failures, reset, clock
        self._failures = 0
        self._opened_at: float | None = None
        self._probing = False

    @property
    def state(self) -> BreakerState:
        """Where it stands now."""
        if self._opened_at is None:
            return BreakerState.CLOSED
        if self._probing or self._clock() - self._opened_at >= self._reset:
            return BreakerState.HALF_OPEN
        return BreakerState.OPEN

    def admit(self) -> bool:
        """May a call pass? Half open, only the first one may, until it is told how that went."""
        if self._opened_at is None:
            return True
        if self._probing or self.state is BreakerState.OPEN:
            return False
        self._probing = True
        return True

    def succeeded(self) -> None:
        """The source answered."""
        self._failures, self._opened_at, self._probing = 0, None, False

    def failed(self) -> None:
        """The source failed; a failed probe opens the breaker again from now."""
        self._failures += 1
        if self._probing or self._failures >= self._limit:
            self._opened_at = self._clock()
        self._probing = False

    def abandoned(self) -> None:
        """The call ended without telling anything (the caller went away)."""
        self._probing = False


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
    asked: bool = True
    """False: the source was not contacted, so this says nothing about it."""


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
        breaker: Breaker,
        now: Callable[[], datetime],
        clock: Clock = time.monotonic,
    ) -> None:
        """Args:
        id: The source's id.
        kind: First part of the `why` keys.
        transport: Asks; may hang, raise, or ignore that it was cancelled.
        plans: Resource id → how its answers are read.
        timeout: The source's own deadline in seconds.
        breaker: Whether to ask at all.
        now: UTC, for `retrieved_at`.
        clock: Monotonic seconds, for `elapsed_ms`.
        """
        self._id, self._kind, self._transport, self._plans = id, kind, transport, plans
        self._timeout, self._breaker, self._now, self._clock = timeout, breaker, now, clock
        self._left: set[asyncio.Task[RawReply]] = set()

    @property
    def id(self) -> str:
        """The source's id."""
        return self._id

    @property
    def breaker(self) -> BreakerState:
        """Where the source's breaker stands."""
        return self._breaker.state

    async def answer(self, call: SourceCall, *, within: float) -> SourceReply:
        """Answer within that many seconds, or say why not; see `adapters.model.Source`."""
        started = self._clock()
        plan = self._plans.get(call.resource)
        budget = min(within, self._timeout)
        if plan is None:
            fetched = _nothing(Outcome.FAILED, "unknown-resource")
        elif budget <= 0:
            fetched = _nothing(Outcome.TIMED_OUT, "no-time")
        elif len(self._left) >= MAX_LEFT_BEHIND:
            fetched = _nothing(Outcome.UNREACHABLE, "stuck")
        elif not self._breaker.admit():
            fetched = _nothing(Outcome.BREAKER_OPEN, "breaker-open")
        else:
            fetched = await self._counted(call, plan, budget)
        return self._reply(call, fetched, started)

    async def aclose(self) -> None:
        """Give up what was left behind and release connections."""
        for task in tuple(self._left):
            task.cancel()
        await self._transport.aclose()

    async def _counted(self, call: SourceCall, plan: Plan, budget: float) -> _Fetched:
        """Fetch, read, and tell the breaker; also when we are cancelled in between."""
        try:
            fetched = await self._fetched(call, plan, budget)
        except BaseException:
            self._breaker.abandoned()
            raise
        if not fetched.asked:
            self._breaker.abandoned()
        elif fetched.reading.outcome in _COUNTED:
            self._breaker.failed()
        else:
            self._breaker.succeeded()
        return fetched

    async def _fetched(self, call: SourceCall, plan: Plan, budget: float) -> _Fetched:
        """Wait for a task rather than for the coroutine: a transport that ignores cancellation
        then costs a task left behind, not the deadline.
        """
        task = asyncio.create_task(self._ask(call, budget))
        try:
            await asyncio.wait((task,), timeout=budget)
        finally:
            if not task.done():
                self._leave(task)
        if not task.done():
            return _nothing(Outcome.TIMED_OUT, "timed-out")
        reply: RawReply | None = None
        try:
            reply = task.result()
            return _Fetched(reply, plan.read(reply))
        except NotAsked as error:
            return _Fetched(None, Reading(outcome=Outcome.FAILED, why=error.why), asked=False)
        except AdapterError as error:
            outcome = next((o for kind, o in _OUTCOMES if isinstance(error, kind)), Outcome.FAILED)
            return _Fetched(reply, Reading(outcome=outcome, why=error.why))
        except asyncio.CancelledError:
            # Not our cancellation (that would have ended the wait): the transport's own.
            return _nothing(Outcome.FAILED, "cancelled")
        except Exception:  # noqa: BLE001 -- a transport's bug is the source's failure, not the caller's
            return _Fetched(reply, Reading(outcome=Outcome.FAILED, why="bug"))

    async def _ask(self, call: SourceCall, budget: float) -> RawReply:
        asking.check(call)
        return await self._transport.fetch(call, within=budget)

    def _leave(self, task: asyncio.Task[RawReply]) -> None:
        self._left.add(task)
        task.add_done_callback(self._ended)
        task.cancel()

    def _ended(self, task: asyncio.Task[RawReply]) -> None:
        self._left.discard(task)
        if not task.cancelled():
            task.exception()  # looked at, so that asyncio does not report it as lost

    def _reply(self, call: SourceCall, fetched: _Fetched, started: float) -> SourceReply:
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
        )


def _nothing(outcome: Outcome, why: str) -> _Fetched:
    return _Fetched(None, Reading(outcome=outcome, why=why))


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
    return f"{_DIGEST}:{hashlib.new(_DIGEST, body).hexdigest()}"
