"""Deferred answers: the result so far, and the whole one when the last clerk has answered.

Only the fields that were with a clerk are asked again, under the grants of that day; they get a
receipt of their own, which stands beside the first one. A task that lapsed is an answer too.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import structlog

from adapters.model import Followed
from adapters.ports import Follow
from catalog.model import Catalog
from hub.access import Callers, purpose_of
from hub.errors import CallbackNotRegistered, HubError, UnknownQuery
from hub.evidence import EvidenceKind, EvidenceRecord
from hub.exchange import Exchange, outcome_of
from hub.ids import new_id
from hub.model import (
    Consumer,
    FieldAnswer,
    FieldState,
    Grant,
    Json,
    QueryOutcome,
    QueryRequest,
    QueryResult,
)
from hub.store.deferred import Deferred, DeferredBook, Outgoing, paths_by_ticket
from hub.store.tasks import TaskBook, TaskState

log = structlog.get_logger()


FOLLOW_SECONDS = 1.0
"""The longest wait for another hub to say how an answer stands."""
_STANDS = {
    Followed.WAITING: TaskState.OPEN,
    Followed.ANSWERED: TaskState.ANSWERED,
    Followed.LAPSED: TaskState.LAPSED,
}

LAPSED = FieldAnswer(
    state=FieldState.TIMED_OUT,
    why="manual.lapsed",
    fix="办事员未在期限内录入，可再次查询 / no clerk answered in time; ask again",
)


@dataclass(slots=True, kw_only=True)
class Deferrals:
    """Keeps answers that are not whole, and makes them whole."""

    book: DeferredBook
    tasks: TaskBook
    catalog: Catalog
    exchange: Exchange
    callers: Callers
    read_query: Callable[[Mapping[str, Json]], QueryRequest]
    write_field: Callable[[FieldAnswer], dict[str, Json]]
    address: str
    """The hub's public address."""
    now: Callable[[], datetime]
    keep: timedelta
    """How long an answer is kept after it was asked."""
    followers: Mapping[tuple[str, str], Follow] = field(default_factory=dict)
    """(county, source id) → how it says what has become of an answer that it keeps itself."""
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def check_callback(self, caller: Consumer, url: str | None) -> None:
        """Only addresses that an operator registered for this caller are ever called.

        Raises:
            CallbackNotRegistered: This one is not.
        """
        if url is None:
            return
        if await asyncio.to_thread(self.book.callback_secret, caller.client_id, url) is None:
            raise CallbackNotRegistered

    async def kept(
        self,
        caller: Consumer,
        question: dict[str, Any],
        result: QueryResult,
        answer: dict[str, Json],
        callback: str | None,
    ) -> dict[str, Json]:
        """The answer with where to look for the rest of it; an answer that is whole as it is."""
        if result.outcome is not QueryOutcome.DEFERRED:
            return answer
        pairs = [
            (each.ticket, path)
            for path, answered in result.fields.items()
            if answered.state is FieldState.DEFERRED
            and (each := result.resources[self._resource(path)]).ticket is not None
        ]
        if not pairs:
            return answer
        whole = {**answer, "status_url": self._status_url(result.id)}
        deferred = Deferred(
            id=result.id,
            consumer=caller.client_id,
            done=False,
            question=question,
            answer=whole,
            tickets=paths_by_ticket([(t, p) for t, p in pairs if t is not None]),
            callback=callback,
        )
        check_at = await asyncio.to_thread(self._last_due, deferred)
        ends = max(self.now(), check_at) + self.keep
        await asyncio.to_thread(self.book.add, deferred, check_at, ends)
        # A clerk may have been quicker than we were in writing that we wait.
        await self.look_at(result.id)
        return whole

    async def so_far(self, caller: Consumer, query_id: str) -> dict[str, Any]:
        """The answer as it stands.

        Raises:
            UnknownQuery: None of this caller's is kept under that id.
        """
        found = await asyncio.to_thread(self.book.find, query_id, self.now())
        if found is None or found.consumer != caller.client_id:
            raise UnknownQuery
        if found.done:
            return found.answer
        await self.look_at(query_id)
        looked = await asyncio.to_thread(self.book.find, query_id, self.now())
        return found.answer if looked is None else looked.answer

    async def task_ended(self, ticket: str) -> None:
        """A clerk has answered; see `hub.desk.ClerksDesk.ended`."""
        await self._look_at_each(await asyncio.to_thread(self.book.waiting_for, ticket))

    async def look_at_all(self) -> None:
        """Look at everything that waits; for the start of a process."""
        await self._look_at_each(await asyncio.to_thread(self.book.all_waiting))

    async def sweep(self) -> None:
        """Look at what should have ended, and forget what was kept long enough."""
        await asyncio.to_thread(self.book.forget, self.now())
        await self._look_at_each(await asyncio.to_thread(self.book.overdue, self.now()))

    async def _look_at_each(self, query_ids: Iterable[str]) -> None:
        """One that cannot be read or finished keeps no other waiting; it is looked at again."""
        for query_id in query_ids:
            try:
                await self.look_at(query_id)
            except HubError as problem:
                log.warning("deferred_waits", query=query_id, why=problem.why)
            except Exception as problem:  # noqa: BLE001 -- of another version of us, or damaged
                # Without the traceback: its texts may hold what somebody sent.
                log.error("deferred_waits", query=query_id, error=type(problem).__name__)  # noqa: TRY400 -- see above

    async def look_at(self, query_id: str) -> None:
        """Make the answer whole, if nothing of it waits any more.

        Raises:
            EvidenceUnavailable: The log cannot be written; the answer stays as it was.
        """
        found = await asyncio.to_thread(self.book.find, query_id, self.now())
        if found is None or found.done:
            return
        elsewhere = await self._elsewhere(found)  # before our turn: nobody waits for another hub
        async with self._turn:
            found = await asyncio.to_thread(self.book.find, query_id, self.now())
            if found is None or found.done:
                return
            states = {**await asyncio.to_thread(self._states, found), **elsewhere}
            if TaskState.OPEN in states.values() or TaskState.TO_CONFIRM in states.values():
                return
            await self._finish(found, states)

    async def _finish(self, found: Deferred, states: Mapping[str, TaskState]) -> None:
        request = self.read_query(found.question)
        lapsed = {
            path: LAPSED
            for ticket, paths in found.tickets.items()
            for path in paths
            if states[ticket] is not TaskState.ANSWERED
        }
        typed = {p for paths in found.tickets.values() for p in paths} - set(lapsed)
        late: dict[str, FieldAnswer] = dict(lapsed)
        receipts: list[str] = []
        if typed:
            result = await self._asked_again(found, request, typed)
            if result is None:
                late |= {path: _revoked() for path in typed}
            else:
                # What is deferred once more has changed under our hands; it is not waited for.
                late |= {
                    path: LAPSED if a.state is FieldState.DEFERRED else a
                    for path, a in result.fields.items()
                }
                receipts.append(result.receipt)
        left = {path: late[path] for path in late if path in lapsed or not receipts}
        if left:
            receipts.append(await self._noted(found, request, left))
        await self._written(found, request, late, receipts)

    async def _asked_again(
        self, found: Deferred, request: QueryRequest, typed: set[str]
    ) -> QueryResult | None:
        """The late fields, decided anew: a right that was withdrawn meanwhile gives nothing."""
        consumer = await self.callers.consumer(found.consumer)
        purpose = purpose_of(self.catalog, request.basis.item)
        if consumer is None or not consumer.active or purpose is None:
            return None
        grants: list[Grant] = list(await self.callers.grants(found.consumer))
        return await self.exchange.answer(
            replace(
                request,
                want=tuple(p for p in request.want if str(p) in typed),
                predicates=tuple(p for p in request.predicates if str(p) in typed),
                required=frozenset(),
            ),
            consumer=consumer,
            purpose=purpose,
            grants=grants,
            started=time.monotonic(),
        )

    async def _noted(
        self, found: Deferred, request: QueryRequest, fields: Mapping[str, FieldAnswer]
    ) -> str:
        """A receipt for fields that ended without a source being asked."""
        receipt = new_id("rcp")
        body: dict[str, Any] = {
            "query": found.id,
            "consumer": found.consumer,
            "item": request.basis.item,
            "case": request.basis.case,
            "outcome": str(QueryOutcome.PARTIAL),
            "fields": {p: {"state": str(a.state), "why": a.why} for p, a in fields.items()},
        }
        record = EvidenceRecord(
            kind=EvidenceKind.ANSWERED,
            id=receipt,
            at=self.now(),
            body=body,
            subjects=((request.subject.id_type, request.subject.number),),
        )
        await self.exchange.evidence.append([record])
        return receipt

    async def _written(
        self,
        found: Deferred,
        request: QueryRequest,
        late: Mapping[str, FieldAnswer],
        receipts: list[str],
    ) -> None:
        shown: dict[str, Any] = dict(found.answer["fields"])
        shown |= {path: self.write_field(answer) for path, answer in late.items()}
        states = {p: FieldAnswer(state=FieldState(each["state"])) for p, each in shown.items()}
        outcome = outcome_of(request, states)
        answer = {
            **found.answer,
            "outcome": str(outcome),
            "receipt": receipts[0],
            "receipts": [found.answer["receipt"], *receipts],
            "fields": shown,
        }
        callback = None
        if found.callback is not None:
            told = {
                "type": "query.answered",
                "timestamp": self.now().isoformat(),
                "data": {
                    "id": found.id,
                    "outcome": str(outcome),
                    "status_url": self._status_url(found.id),
                },
            }
            callback = Outgoing(
                id=new_id("msg"),
                client_id=found.consumer,
                url=found.callback,
                body=json.dumps(told, separators=(",", ":")),
                attempts=0,
            )
        done = replace(found, answer=answer, tickets={})
        await asyncio.to_thread(self.book.finish, done, callback, self.now())

    def _states(self, found: Deferred) -> dict[str, TaskState]:
        now = self.now()
        tasks = {ticket: self.tasks.find(ticket, now) for ticket in found.tickets}
        return {ticket: t.state if t else TaskState.LAPSED for ticket, t in tasks.items()}

    async def _elsewhere(self, found: Deferred) -> dict[str, TaskState]:
        """How those tickets stand that are with another hub."""
        purpose = purpose_of(self.catalog, found.question["basis"]["item"])
        states: dict[str, TaskState] = {}
        for ticket, paths in found.tickets.items():
            provenance = found.answer["fields"][paths[0]].get("provenance") or {}
            place = (purpose.county if purpose else "", provenance.get("source", ""))
            follow = self.followers.get(place)
            if follow is not None:
                states[ticket] = _STANDS[await follow(ticket, within=FOLLOW_SECONDS)]
        return states

    def _last_due(self, found: Deferred) -> datetime:
        now = self.now()
        tasks = (self.tasks.find(ticket, now) for ticket in found.tickets)
        return max((task.due_at for task in tasks if task is not None), default=now)

    def _resource(self, path: str) -> str:
        """The resource a path is answered by, predicates included."""
        quantity = path.partition(" ")[0]
        derived = self.catalog.derived.get(quantity)
        if derived is not None:
            return derived.resource
        return ".".join(quantity.replace("[]", "").split(".")[:2])

    def _status_url(self, query_id: str) -> str:
        return f"{self.address}/v1/queries/{query_id}"


def _revoked() -> FieldAnswer:
    return FieldAnswer(
        state=FieldState.NOT_GRANTED,
        why="access.consumer-active",
        fix="请枢纽运行单位恢复该调用方 / ask the bureau that runs the hub to resume it",
    )
