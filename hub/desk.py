"""The desk: questions that no system answers, put to clerks of the providing department (二次录入).

The log knows of a task before it is there, and of an answer before anybody can have it. Only
callers of the department that provides the source see its tasks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

import structlog

from adapters.manual import entered
from adapters.model import Scalar
from adapters.ports import DeskAnswer, DeskTask
from catalog.lookup import resource as resource_in
from catalog.model import Catalog
from hub.errors import AnswerRefused, HubError, NotYourTask, TaskOver, UnknownTask
from hub.evidence import EvidenceKind, EvidenceRecord
from hub.exchange import commitment
from hub.ids import new_id
from hub.model import Consumer
from hub.store.tasks import Asked, Task, TaskBook, TaskCount, TaskState, Typed
from hub.vault import Vault

log = structlog.get_logger()


class Appender(Protocol):
    """What the desk needs of the log."""

    async def append(self, records: Sequence[EvidenceRecord]) -> object:
        """Return when durable; raise `EvidenceUnavailable` otherwise."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CountyDesk:
    """The desk as the sources of one county see it (`adapters.ports.Desk`)."""

    county: str
    book: TaskBook
    vault: Vault
    evidence: Appender
    now: Callable[[], datetime]
    keep: timedelta
    """How long after its end a task is kept; an answer serves its case that long."""

    async def place(self, task: DeskTask) -> str:
        """A ticket. The same question for the same case has one task until that has lapsed."""
        now = self.now()
        question = self._question(task)
        await asyncio.to_thread(self.book.forget, now - self.keep)
        known, round_ = await asyncio.to_thread(self.book.standing, question, now)
        if known is not None:
            return known.id
        new = self._new(task, now)
        await self.evidence.append([_placed(new)])
        if await asyncio.to_thread(self.book.add, new, question, round_):
            return new.id
        other, _ = await asyncio.to_thread(self.book.standing, question, now)
        return new.id if other is None else other.id

    async def answer(self, ticket: str) -> DeskAnswer | None:
        """See `adapters.ports.Desk`."""
        task = await asyncio.to_thread(self.book.find, ticket, self.now())
        if task is None or task.state is not TaskState.ANSWERED or task.typed is None:
            return None
        return DeskAnswer(
            values=task.typed.values,
            found=task.typed.found,
            by=task.answered_by or "",
            at=task.answered_at or self.now(),
            confirmed_by=task.confirmed_by,
        )

    def _question(self, task: DeskTask) -> bytes:
        call = task.call
        keys = [f"{name}={call.keys[name]}" for name in sorted(call.keys)]
        parts = [self.county, task.source, call.resource, call.reason.consumer, call.reason.case]
        return self.vault.blind_index("task", "\0".join([*parts, *sorted(task.fields), *keys]))

    def _new(self, task: DeskTask, now: datetime) -> Task:
        return Task(
            id=new_id("tsk"),
            county=self.county,
            source=task.source,
            resource=task.call.resource,
            state=TaskState.OPEN,
            second_pair=task.second_pair,
            placed_at=now,
            due_at=task.due,
            answered_at=None,
            answered_by=None,
            confirmed_by=None,
            asked=Asked(
                keys=task.call.keys,
                fields=task.fields,
                note=task.note,
                reason=asdict(task.call.reason),
            ),
            typed=None,
        )


_NUMBERS = {
    "id_number": "citizen-id",
    "mother_id_number": "mother-citizen-id",
    "uscc": "uscc",
}


def _subjects(asked: Asked) -> tuple[tuple[str, str], ...]:
    return tuple((kind, asked.keys[key]) for key, kind in _NUMBERS.items() if key in asked.keys)


def _placed(task: Task) -> EvidenceRecord:
    asked = task.question
    return EvidenceRecord(
        kind=EvidenceKind.TASK_PLACED,
        id=new_id("evd"),
        at=task.placed_at,
        body={
            "task": task.id,
            "source": f"{task.county}/{task.source}",
            "resource": task.resource,
            "fields": list(asked.fields),
            "authority": asked.reason["consumer"],
            "item": asked.reason["item"],
            "case": asked.reason["case"],
            "due": task.due_at.isoformat(),
            "second_pair": task.second_pair,
        },
        subjects=_subjects(asked),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ClerksDesk:
    """The desk as the clerks see it, each department its own tasks."""

    book: TaskBook
    catalog: Catalog
    evidence: Appender
    now: Callable[[], datetime]
    salt: Callable[[], bytes]
    ended: Sequence[Callable[[str], Awaitable[None]]] = ()
    """Told the id of each task that was answered for good."""

    async def waiting(self, clerk: Consumer) -> list[Task]:
        """The department's tasks that wait for somebody."""
        return await asyncio.to_thread(self.book.waiting, self._sources(clerk), self.now())

    async def counts(self, clerk: Consumer) -> list[TaskCount]:
        """How many questions the department answers by hand."""
        return await asyncio.to_thread(self.book.counts, self._sources(clerk), self.now())

    async def type(
        self, clerk: Consumer, task_id: str, *, by: str, found: bool, values: Mapping[str, Any]
    ) -> Task:
        """Type an answer.

        Raises:
            UnknownTask: There is none of that id for this department.
            TaskOver: It does not wait for an answer (any more).
            AnswerRefused: With the rule of each mistake; nothing was kept.
        """
        task = await self._mine(clerk, task_id, TaskState.OPEN)
        typed = self._read(task, found, values)
        state = TaskState.TO_CONFIRM if task.second_pair else TaskState.ANSWERED
        await self._note(task, "answered", by, typed)
        now = self.now()
        done = await asyncio.to_thread(
            lambda: self.book.typed(task, typed, by=by, state=state, now=now)
        )
        return await self._after(task, done)

    async def confirm(self, clerk: Consumer, task_id: str, *, by: str) -> Task:
        """The second pair of eyes agrees.

        Raises:
            UnknownTask, TaskOver: As above.
            NotYourTask: It is the clerk who typed it.
        """
        task = await self._second(clerk, task_id, by)
        await self._note(task, "confirmed", by, task.typed)
        now = self.now()
        return await self._after(
            task, await asyncio.to_thread(lambda: self.book.confirmed(task, by=by, now=now))
        )

    async def reject(self, clerk: Consumer, task_id: str, *, by: str) -> Task:
        """The second pair of eyes does not agree; somebody has to look again.

        Raises:
            UnknownTask, TaskOver, NotYourTask: As above.
        """
        task = await self._second(clerk, task_id, by)
        await self._note(task, "rejected", by, None)
        return await self._after(
            task, await asyncio.to_thread(self.book.rejected, task, self.now())
        )

    def _sources(self, clerk: Consumer) -> frozenset[tuple[str, str]]:
        bindings = self.catalog.bindings
        return frozenset((b.county, b.source) for b in bindings if b.authority == clerk.authority)

    async def _mine(self, clerk: Consumer, task_id: str, state: TaskState) -> Task:
        task = await asyncio.to_thread(self.book.find, task_id, self.now())
        if task is None or (task.county, task.source) not in self._sources(clerk):
            raise UnknownTask
        if task.state is not state or task.asked is None:
            raise TaskOver(str(task.state))
        return task

    async def _second(self, clerk: Consumer, task_id: str, by: str) -> Task:
        task = await self._mine(clerk, task_id, TaskState.TO_CONFIRM)
        if task.answered_by is not None and task.answered_by.casefold() == by.casefold():
            raise NotYourTask("four-eyes")
        return task

    def _read(self, task: Task, found: bool, values: Mapping[str, Any]) -> Typed:
        asked = task.question
        if not found:
            if values:
                raise AnswerRefused(("not-found-with-values",))
            return Typed(found=False, values={})
        if set(values) - set(asked.fields):
            raise AnswerRefused(("field-not-asked",))
        read, wrong = entered(
            values,
            fields=asked.fields,
            resource=resource_in(self.catalog, task.county, task.resource),
            tables=self.catalog.code_tables,
        )
        if wrong:
            raise AnswerRefused(tuple(f"{name}: {rule}" for name, rule in sorted(wrong.items())))
        return Typed(found=True, values=read)

    async def _after(self, task: Task, done: bool) -> Task:
        if not done:
            raise TaskOver("somebody-was-first")
        new = await asyncio.to_thread(self.book.find, task.id, self.now())
        if new is None:
            raise UnknownTask
        if new.state is TaskState.ANSWERED:
            for told in self.ended:
                try:
                    await told(new.id)
                except HubError as problem:
                    # The clerk's part is done; whoever waits for it looks again by itself.
                    log.warning("task_not_passed_on", why=problem.why)
        return new

    async def _note(self, task: Task, act: str, by: str, typed: Typed | None) -> None:
        salt = self.salt()
        body: dict[str, Any] = {"task": task.id, "act": act, "by": by, "resource": task.resource}
        if typed is not None:
            shown: dict[str, Scalar] = dict(typed.values)
            body |= {"found": typed.found, "commitment": commitment(salt, shown)}
        record = EvidenceRecord(
            kind=EvidenceKind.TASK_ANSWERED,
            id=new_id("evd"),
            at=self.now(),
            body=body,
            subjects=_subjects(task.question),
            private={"salt": salt.hex()},
        )
        await self.evidence.append([record])
