"""Answers used again, as far as their provider allows, and one question in place of many alike.

What is kept is the reply in canonical form, under a digest of the question. It lives in
`adapters.ports.Keep`, whose implementer encrypts it; errors are never kept. A keep that is slow
costs a moment, never an answer.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from adapters.breaker import Clock
from adapters.model import Fate, Freshness, Outcome, Record, Relayed, SourceCall, SourceReply
from adapters.ports import Keep

KEEP_SECONDS = 0.25
"""The longest wait for a keep, to read or to write."""

_SILENT = frozenset(
    {
        Outcome.FAILED,
        Outcome.TIMED_OUT,
        Outcome.UNREACHABLE,
        Outcome.BREAKER_OPEN,
        Outcome.CLOSED,
    }
)
"""Outcomes that an older reply may stand in for. A refusal is none: the provider has spoken."""

_NOTHING = b""
"""Put in place of a reply that is no longer true; a moment later it is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheRules:
    """What the provider allows for one resource."""

    max_age: timedelta
    stale_if_error: timedelta = timedelta(0)
    no_record: timedelta = timedelta(0)

    def keeps_for(self, reply: SourceReply) -> timedelta:
        """How long a reply is kept at all. What another hub gave in part or as stale is not: here it
        would pass for whole or for younger than it is.
        """
        if reply.relayed is not None and (
            reply.relayed.fields or reply.freshness is Freshness.STALE
        ):
            return timedelta(0)
        if reply.outcome is Outcome.NO_RECORD:
            return self.no_record
        whole = reply.outcome is Outcome.ANSWERED and not any(r.bad for r in reply.records)
        return max(self.max_age, self.stale_if_error) if whole else timedelta(0)

    def fresh_for(self, kept: SourceReply, call: SourceCall) -> timedelta:
        """The provider's limit; the caller can only narrow it."""
        limit = self.no_record if kept.outcome is Outcome.NO_RECORD else self.max_age
        return limit if call.max_age is None else min(limit, call.max_age)


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The source behind the cache, for one call."""

    ask: Callable[[float], Awaitable[SourceReply]]
    """Ask it, within that many seconds."""
    late: Callable[[], SourceReply]
    """The reply where there was none in time."""


@dataclass(slots=True, kw_only=True)
class _Asking:
    """A question under way, and what those who share it wait for."""

    seconds: float
    """The time it was given."""
    answered: asyncio.Future[SourceReply]
    keeping: SourceReply | None = None
    """The reply, while it is on its way into the keep."""
    task: asyncio.Task[None] | None = None


class ReplyCache:
    """Kept replies of one source. Used on the event loop only."""

    def __init__(
        self, scope: str, keep: Keep, *, now: Callable[[], datetime], clock: Clock
    ) -> None:
        """Args:
        scope: Tells this source's questions from others', e.g. `county/source`.
        keep: Where replies are kept.
        now: UTC.
        clock: Monotonic seconds.
        """
        self._scope, self._keep, self._now, self._clock = scope, keep, now, clock
        self._asking: dict[str, _Asking] = {}
        self._reading: dict[str, asyncio.Task[SourceReply | None]] = {}

    async def answer(
        self, call: SourceCall, rules: CacheRules, origin: Origin, within: float
    ) -> SourceReply:
        """A kept reply that is young enough; else what the source says, asked once for all who want
        the same at the same time; else, where it does not answer, an older one.
        """
        until = self._clock() + within
        key = self._key(call)
        kept = await self._kept(key, within)
        under_way = self._asking.get(key)
        if under_way is not None and under_way.keeping is not None:
            kept = under_way.keeping
        if kept is not None and self._age(kept) <= rules.fresh_for(kept, call):
            return replace(kept, freshness=Freshness.CACHED)
        reply = await self._together(key, rules, origin, until)
        if reply.outcome not in _SILENT or kept is None or kept.outcome is not Outcome.ANSWERED:
            return reply
        allowed = min(rules.stale_if_error, call.stale_if_error or timedelta(0))
        if self._age(kept) > allowed:
            return reply
        return replace(kept, freshness=Freshness.STALE, why=reply.why)

    def close(self) -> None:
        """Give up the questions under way."""
        asking = [each.task for each in self._asking.values() if each.task is not None]
        for task in (*self._reading.values(), *asking):
            task.cancel()

    async def _together(
        self, key: str, rules: CacheRules, origin: Origin, until: float
    ) -> SourceReply:
        """Whoever goes away does not take the question from the others. Whoever has more time than
        the first one had does not end with it, but asks again; and a ticket is the first one's
        alone, so that each has its own.
        """
        while True:
            left = max(until - self._clock(), 0.0)
            asking = self._asking.get(key)
            shared = asking is not None and not asking.answered.done()
            if asking is None or not shared:
                asking = self._begun(key, rules, origin, left)
            await asyncio.wait((asking.answered,), timeout=left)
            answered = asking.answered.done() and not asking.answered.cancelled()
            reply = asking.answered.result() if answered else origin.late()
            left = until - self._clock()
            if shared and reply.outcome is Outcome.DEFERRED:
                return await origin.ask(left)
            if reply.outcome is not Outcome.TIMED_OUT or left <= asking.seconds:
                return reply

    def _begun(self, key: str, rules: CacheRules, origin: Origin, seconds: float) -> _Asking:
        asking = _Asking(seconds=seconds, answered=asyncio.get_running_loop().create_future())

        def ended(_: asyncio.Task[None]) -> None:
            asking.answered.cancel()  # nothing where it is answered
            if self._asking.get(key) is asking:
                del self._asking[key]

        self._asking[key] = asking
        asking.task = asyncio.create_task(self._asked(asking, key, rules, origin))
        asking.task.add_done_callback(ended)
        return asking

    async def _asked(self, asking: _Asking, key: str, rules: CacheRules, origin: Origin) -> None:
        """Ask, tell those who wait, and keep the reply: nobody waits for the keeping."""
        reply = await origin.ask(asking.seconds)
        seconds = rules.keeps_for(reply).total_seconds()
        asking.keeping = reply if seconds > 0 else None
        asking.answered.set_result(reply)
        if seconds > 0:
            await _shortly(self._keep.put(key, _written(reply), seconds), KEEP_SECONDS)
        elif reply.outcome is Outcome.NO_RECORD:
            await _shortly(self._keep.put(key, _NOTHING, 1.0), KEEP_SECONDS)

    async def _kept(self, key: str, within: float) -> SourceReply | None:
        """What is kept, read once for all who want the same at the same time; None where that takes
        more than a quarter of the caller's time: the rest is for the source.
        """
        reading = self._reading.get(key)
        if reading is None:
            reading = self._reading[key] = asyncio.create_task(self._read(key))
            reading.add_done_callback(lambda _: self._reading.pop(key, None))
        await asyncio.wait((reading,), timeout=max(within / 4, 0.0))
        return reading.result() if reading.done() and not reading.cancelled() else None

    async def _read(self, key: str) -> SourceReply | None:
        kept = await _shortly(self._keep.get(key), KEEP_SECONDS)
        try:
            return _read(kept) if kept else None
        except (ValueError, KeyError, TypeError):
            return None  # kept by another version of us

    def _age(self, reply: SourceReply) -> timedelta:
        """At least that old. A reply from the future is no fresh one: a clock was set, here or in the
        process that kept it, and by how much it may be older nobody can say.
        """
        return abs(self._now() - reply.retrieved_at)

    def _key(self, call: SourceCall) -> str:
        keys, fields = sorted(call.keys.items()), sorted({*call.fields, *call.judged})
        asked = [self._scope, call.resource, keys, fields]
        # In ASCII: a half of a surrogate pair has no bytes of its own.
        return f"reply:{hashlib.sha256(json.dumps(asked).encode()).hexdigest()}"


async def _shortly(waiting: Awaitable[bytes | None], seconds: float) -> bytes | None:
    """What comes within `seconds`; None: nothing did."""
    try:
        async with asyncio.timeout(max(seconds, 0.0)):
            return await waiting
    except TimeoutError:
        return None


def _written(reply: SourceReply) -> bytes:
    row = asdict(reply)
    for name in ("as_of", "retrieved_at", "reopens_at"):
        row[name] = row[name].isoformat() if row[name] else None
    return json.dumps(row, default=datetime.isoformat).encode()


def _read(kept: bytes) -> SourceReply:
    row: dict[str, Any] = json.loads(kept)
    return SourceReply(
        source=row["source"],
        resource=row["resource"],
        outcome=Outcome(row["outcome"]),
        records=tuple(_record(each) for each in row["records"]),
        as_of=datetime.fromisoformat(row["as_of"]) if row["as_of"] else None,
        retrieved_at=datetime.fromisoformat(row["retrieved_at"]),
        elapsed_ms=0.0,
        record_hash=row["record_hash"],
        entered_by=row["entered_by"],
        relayed=_relayed(row["relayed"]) if row["relayed"] else None,
    )


def _relayed(row: Mapping[str, Any]) -> Relayed:
    return Relayed(
        via=tuple(row["via"]),
        whole=Fate(outcome=Outcome(row["whole"]["outcome"]), why=row["whole"]["why"]),
        authority=row["authority"],
        freshness=Freshness(row["freshness"]),
        receipt=row["receipt"],
        receipt_hash=row["receipt_hash"],
        proven=row["proven"],
        as_of=datetime.fromisoformat(row["as_of"]) if row["as_of"] else None,
        retrieved_at=datetime.fromisoformat(row["retrieved_at"]) if row["retrieved_at"] else None,
    )


def _record(row: Mapping[str, Any]) -> Record:
    return Record(
        values=row["values"], lines=tuple(row["lines"]), odd=tuple(row["odd"]), bad=row["bad"]
    )
