"""One call put to a transport: once, once more where nothing came back, at a replica where it is slow.

Whatever the transport does, this ends within its seconds and does not raise for it. Waited for are
tasks rather than coroutines: a transport that ignores its cancellation then costs a task left
behind, not the deadline.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from adapters import asking
from adapters.asking import NotAsked
from adapters.breaker import Clock
from adapters.errors import (
    AdapterError,
    AnswerDeferred,
    SourceAnswerInvalid,
    SourceRefused,
    SourceTimedOut,
    SourceUnavailable,
)
from adapters.guards import Guards, Hedge, Retry
from adapters.mapping import Plan, Reading
from adapters.model import BreakerState, Outcome, RawReply, Relayed, SourceCall, Transport

MAX_LEFT_BEHIND = 8
"""Calls to one source that may go on after we stopped waiting, before it gets no new ones."""

_OUTCOMES: tuple[tuple[type[AdapterError], Outcome], ...] = (
    (SourceTimedOut, Outcome.TIMED_OUT),
    (SourceUnavailable, Outcome.UNREACHABLE),
    (SourceRefused, Outcome.REFUSED),
    (SourceAnswerInvalid, Outcome.FAILED),
)


@dataclass(frozen=True, slots=True)
class Fetched:
    """How a call ended: a reply, or why there is none."""

    reply: RawReply | None
    reading: Reading
    ticket: str | None = None
    asked: bool = True
    """False: the source was not contacted, so this says nothing about it."""

    @property
    def relayed(self) -> Relayed | None:
        """What another hub says of it, where one passed it on."""
        return self.reply.relayed if self.reply is not None else None


def nothing(outcome: Outcome, why: str) -> Fetched:
    """No reply, and why."""
    return Fetched(None, Reading(outcome=outcome, why=why))


class Attempts:
    """Puts calls to one transport and its replica."""

    def __init__(
        self,
        transport: Transport,
        guards: Guards,
        *,
        usual: Callable[[], float | None],
        clock: Clock,
    ) -> None:
        """Args:
        transport: May hang, raise, or ignore that it was cancelled.
        guards: Whether to ask again, and where.
        usual: Seconds within which the source mostly answers; None: not known.
        clock: Monotonic seconds.
        """
        self._transport, self._guards = transport, guards
        self._usual, self._clock = usual, clock
        self._left: set[asyncio.Task[RawReply]] = set()

    @property
    def stuck(self) -> bool:
        """Do too many calls go on that nobody waits for?"""
        return len(self._left) >= MAX_LEFT_BEHIND

    @property
    def expires_at(self) -> datetime | None:
        """When the next certificate or secret ends with which we identify ourselves here or at the
        replica; None where the transport knows of none.
        """
        hedge = self._guards.hedge
        asked = (self._transport,) if hedge is None else (self._transport, hedge.replica)
        ends = (each.expires_at for each in asked)
        return min((end for end in ends if end is not None), default=None)

    async def fetch(self, call: SourceCall, plan: Plan, budget: float) -> Fetched:
        """Once, or once more where nothing came back and there is time for as long a try again."""
        retry = self._guards.retry if call.resource in self._guards.idempotent else None
        if retry is None:
            return await self._try(call, plan, budget)
        retry.share.called()
        began = self._clock()
        first = await self._try(call, plan, budget)
        if first.reading.outcome is not Outcome.UNREACHABLE:
            return first
        took = self._clock() - began
        pause = random.uniform(0, retry.jitter)  # noqa: S311 -- spreads callers, hides nothing
        left = budget - took - pause
        if left < took or left <= 0 or not self._may_ask_again(retry):
            return first
        await asyncio.sleep(pause)
        return await self._try(call, plan, left)

    def _may_ask_again(self, retry: Retry) -> bool:
        """Not as a probe of the breaker, not beyond the share, and not beyond the source's rate."""
        guards = self._guards
        if guards.breaker.state is not BreakerState.CLOSED or not retry.share.take():
            return False
        return guards.rate is None or guards.rate.take()

    async def aclose(self) -> None:
        """Give up what was left behind and release connections."""
        for task in tuple(self._left):
            task.cancel()
        await self._transport.aclose()
        if self._guards.hedge is not None:
            await self._guards.hedge.replica.aclose()

    async def _try(self, call: SourceCall, plan: Plan, budget: float) -> Fetched:
        tasks = [asyncio.create_task(_ask(self._transport, call, budget))]
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
        answered = [task for task in tasks if _answered(task)]
        # A replica's failure says nothing about the source: where nobody answered, its own counts.
        chosen = answered[0] if answered else tasks[0]
        return _result(chosen, plan) if chosen.done() else nothing(Outcome.TIMED_OUT, "timed-out")

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
        after = self._usual() if hedge.after is None else hedge.after
        await asyncio.wait(tasks, timeout=budget if after is None else min(after, budget))
        left = until - self._clock()
        if tasks[0].done() or left <= 0:
            return
        if not hedge.share.take():
            await asyncio.wait(tasks, timeout=left)
            return
        tasks.append(asyncio.create_task(_ask(hedge.replica, call, left)))
        pending = set(tasks)
        while pending and (left := until - self._clock()) > 0:
            done, pending = await asyncio.wait(
                pending, timeout=left, return_when=asyncio.FIRST_COMPLETED
            )
            if any(_answered(task) for task in done):
                return

    def _leave(self, task: asyncio.Task[RawReply]) -> None:
        self._left.add(task)
        task.add_done_callback(self._ended)
        task.cancel()

    def _ended(self, task: asyncio.Task[RawReply]) -> None:
        self._left.discard(task)
        _answered(task)


async def _ask(transport: Transport, call: SourceCall, budget: float) -> RawReply:
    asking.check(call)
    return await transport.fetch(call, within=budget)


def _answered(task: asyncio.Task[RawReply]) -> bool:
    """Did it bring a reply? Its exception is looked at, or asyncio would report it as lost."""
    return task.done() and not task.cancelled() and task.exception() is None


def _result(task: asyncio.Task[RawReply], plan: Plan) -> Fetched:
    """What a task that has ended brought back."""
    reply: RawReply | None = None
    try:
        reply = task.result()
        return Fetched(reply, plan.read(reply))
    except AnswerDeferred as error:
        reading = Reading(outcome=Outcome.DEFERRED, why=error.why)
        return Fetched(None, reading, ticket=error.ticket)
    except NotAsked as error:
        return Fetched(None, Reading(outcome=Outcome.NOT_ASKED, why=error.why), asked=False)
    except AdapterError as error:
        outcome = next((o for kind, o in _OUTCOMES if isinstance(error, kind)), Outcome.FAILED)
        return Fetched(reply, Reading(outcome=outcome, why=error.why))
    except asyncio.CancelledError:
        return nothing(Outcome.FAILED, "cancelled")  # by the transport itself, not by us
    except Exception:  # noqa: BLE001 -- a transport's bug is the source's failure, not the caller's
        return Fetched(reply, Reading(outcome=Outcome.FAILED, why="bug"))
