"""Answers used again, as far as their provider allows, and one question in place of many alike.

What is kept is the reply in canonical form, under a digest of the question. It lives in
`adapters.ports.Keep`, whose implementer encrypts it; errors are never kept.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from adapters.model import Freshness, Outcome, Record, SourceCall, SourceReply
from adapters.ports import Keep

_KEPT = frozenset({Outcome.ANSWERED, Outcome.NO_RECORD})

Ask = Callable[[], Awaitable[SourceReply]]


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheRules:
    """What the provider allows for one resource."""

    max_age: timedelta
    stale_if_error: timedelta = timedelta(0)
    no_record: timedelta = timedelta(0)

    def keeps_for(self, outcome: Outcome) -> timedelta:
        """How long a reply of that outcome is kept at all."""
        if outcome is Outcome.NO_RECORD:
            return self.no_record
        return max(self.max_age, self.stale_if_error) if outcome in _KEPT else timedelta(0)


class ReplyCache:
    """Kept replies of one source. Used on the event loop only."""

    def __init__(self, scope: str, keep: Keep, now: Callable[[], datetime]) -> None:
        """Args:
        scope: Tells this source's questions from others', e.g. `county/source`.
        keep: Where replies are kept.
        now: UTC.
        """
        self._scope, self._keep, self._now = scope, keep, now
        self._asking: dict[str, asyncio.Task[SourceReply]] = {}

    async def answer(self, call: SourceCall, rules: CacheRules, ask: Ask) -> SourceReply:
        """A kept reply that is young enough; else what `ask` brings, asked once for all who want
        the same at the same time; else, where the source does not answer, an older one.
        """
        key = self._key(call)
        kept = await self._read(key)
        if kept is not None and self._age(kept) <= _fresh_for(kept, call, rules):
            return replace(kept, freshness=Freshness.CACHED)
        reply = await self._together(key, rules, ask)
        if reply.outcome in _KEPT or kept is None or kept.outcome is not Outcome.ANSWERED:
            return reply
        allowed = min(rules.stale_if_error, call.stale_if_error or timedelta(0))
        if self._age(kept) > allowed:
            return reply
        return replace(kept, freshness=Freshness.STALE, why=reply.why)

    async def _together(self, key: str, rules: CacheRules, ask: Ask) -> SourceReply:
        asking = self._asking.get(key)
        if asking is None:
            asking = asyncio.create_task(self._asked(key, rules, ask))
            self._asking[key] = asking
            asking.add_done_callback(lambda _: self._asking.pop(key, None))
        # Whoever goes away does not take the question from the others.
        return await asyncio.shield(asking)

    async def _asked(self, key: str, rules: CacheRules, ask: Ask) -> SourceReply:
        reply = await ask()
        seconds = rules.keeps_for(reply.outcome).total_seconds()
        if seconds > 0:
            await self._keep.put(key, _written(reply), seconds)
        return reply

    async def _read(self, key: str) -> SourceReply | None:
        kept = await self._keep.get(key)
        try:
            return None if kept is None else _read(kept)
        except (ValueError, KeyError, TypeError):
            return None  # kept by another version of us

    def _age(self, reply: SourceReply) -> timedelta:
        return self._now() - reply.retrieved_at

    def _key(self, call: SourceCall) -> str:
        asked = [self._scope, call.resource, sorted(call.keys.items()), sorted(call.fields)]
        text = json.dumps(asked, ensure_ascii=False).encode()
        return f"reply:{hashlib.sha256(text).hexdigest()}"


def _fresh_for(kept: SourceReply, call: SourceCall, rules: CacheRules) -> timedelta:
    """The provider's limit; the caller can only narrow it."""
    limit = rules.no_record if kept.outcome is Outcome.NO_RECORD else rules.max_age
    return limit if call.max_age is None else min(limit, call.max_age)


def _written(reply: SourceReply) -> bytes:
    row = asdict(reply)
    for name in ("as_of", "retrieved_at"):
        row[name] = row[name].isoformat() if row[name] else None
    return json.dumps(row, ensure_ascii=False).encode()


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
    )


def _record(row: Mapping[str, Any]) -> Record:
    return Record(
        values=row["values"], lines=tuple(row["lines"]), odd=tuple(row["odd"]), bad=row["bad"]
    )
