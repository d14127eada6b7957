"""Tasks for clerks. What was asked about whom, and what was typed, is sealed.

A question has one task at a time: `(question, round)` is unique, and a new round begins only where
the one before has lapsed.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    Row,
    String,
    Table,
    UniqueConstraint,
    func,
    select,
    update,
)

from adapters.model import Scalar
from hub.database import Database
from hub.errors import UnknownTask
from hub.store.rows import insert_if_absent, metadata, moment_text
from hub.vault import Vault

task_table = Table(
    "hub_task",
    metadata,
    Column("id", String(48), primary_key=True),
    Column("question", LargeBinary(16), nullable=False),
    Column("round", Integer, nullable=False),
    Column("county", String(40), nullable=False),
    Column("source", String(64), nullable=False),
    Column("resource", String(100), nullable=False),
    Column("state", String(16), nullable=False),
    Column("second_pair", Boolean, nullable=False),
    Column("placed_at", String(40), nullable=False),
    Column("due_at", String(40), nullable=False),
    Column("answered_at", String(40), nullable=True),
    Column("answered_by", String(40), nullable=True),
    Column("confirmed_by", String(40), nullable=True),
    Column("asked", LargeBinary, nullable=True),
    Column("typed", LargeBinary, nullable=True),
    UniqueConstraint("question", "round", name="uq_hub_task_question"),
    Index("ix_hub_task_state", "state"),
    Index("ix_hub_task_placed_at", "placed_at"),
)


class TaskState(StrEnum):
    """How far a task is."""

    OPEN = "open"
    TO_CONFIRM = "to_confirm"
    """Typed; a second clerk has to look at it."""
    ANSWERED = "answered"
    LAPSED = "lapsed"
    """Its time is over without an answer."""


WAITING = (TaskState.OPEN, TaskState.TO_CONFIRM)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a clerk is asked."""

    keys: Mapping[str, str] = field(repr=False)
    fields: tuple[str, ...]
    note: str
    reason: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """What a clerk typed."""

    found: bool
    values: Mapping[str, Scalar] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One task."""

    id: str
    county: str
    source: str
    resource: str
    state: TaskState
    second_pair: bool
    placed_at: datetime
    due_at: datetime
    answered_at: datetime | None
    answered_by: str | None
    confirmed_by: str | None
    asked: Asked | None
    """None: forgotten, because its time of keeping is over."""
    typed: Typed | None

    @property
    def question(self) -> Asked:
        """What the clerk is asked.

        Raises:
            UnknownTask: It is forgotten.
        """
        if self.asked is None:
            raise UnknownTask
        return self.asked


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskCount:
    """How many questions went to clerks: what is to be driven to zero."""

    month: str
    county: str
    source: str
    resource: str
    state: TaskState
    tasks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskBook:
    """Tasks in a database."""

    database: Database
    vault: Vault

    def standing(self, question: bytes, now: datetime) -> tuple[Task | None, int]:
        """The task of a question that still counts, and the round a new one would have."""
        statement = (
            select(task_table)
            .where(task_table.c.question == question)
            .order_by(task_table.c.round.desc())
            .limit(1)
        )
        with self.database.reading() as connection:
            row = connection.execute(statement).one_or_none()
        if row is None:
            return None, 0
        task = self._opened(row, now)
        gone = task.state is TaskState.LAPSED or task.asked is None
        return (None, row.round + 1) if gone else (task, row.round + 1)

    def add(self, task: Task, question: bytes, round_: int) -> bool:
        """Write a new task; False: another process has just written one of this round."""
        asked = task.question
        text = json.dumps(
            {
                "keys": dict(asked.keys),
                "fields": list(asked.fields),
                "note": asked.note,
                "reason": dict(asked.reason),
            },
            ensure_ascii=False,
        )
        row = {
            "id": task.id,
            "question": question,
            "round": round_,
            "county": task.county,
            "source": task.source,
            "resource": task.resource,
            "state": task.state,
            "second_pair": task.second_pair,
            "placed_at": moment_text(task.placed_at),
            "due_at": moment_text(task.due_at),
            "asked": self.vault.seal("hub_task", "asked", task.id, text),
        }
        with self.database.writing() as connection:
            return insert_if_absent(connection, task_table, row)

    def find(self, task_id: str, now: datetime) -> Task | None:
        """A task by its id."""
        statement = select(task_table).where(task_table.c.id == task_id)
        with self.database.reading() as connection:
            row = connection.execute(statement).one_or_none()
        return None if row is None else self._opened(row, now)

    def waiting(self, sources: Collection[tuple[str, str]], now: datetime) -> list[Task]:
        """The tasks of these (county, source) that wait for somebody, the most urgent first."""
        columns = task_table.c
        statement = (
            select(task_table)
            .where(columns.state.in_(WAITING), columns.due_at > moment_text(now))
            .order_by(columns.due_at, columns.id)
        )
        with self.database.reading() as connection:
            rows = connection.execute(statement).all()
        return [self._opened(row, now) for row in rows if (row.county, row.source) in sources]

    def typed(self, task: Task, typed: Typed, *, by: str, state: TaskState, now: datetime) -> bool:
        """Keep what was typed; False: somebody else was first, or the time is over."""
        text = json.dumps({"found": typed.found, "values": dict(typed.values)}, ensure_ascii=False)
        sealed = self.vault.seal("hub_task", "typed", task.id, text)
        return self._moved(
            task, TaskState.OPEN, now,
            state=state, typed=sealed, answered_by=by, answered_at=moment_text(now),
        )  # fmt: skip

    def confirmed(self, task: Task, *, by: str, now: datetime) -> bool:
        """A second clerk agrees; False as above."""
        return self._moved(
            task, TaskState.TO_CONFIRM, now, state=TaskState.ANSWERED, confirmed_by=by
        )

    def rejected(self, task: Task, now: datetime) -> bool:
        """A second clerk does not agree: it has to be looked up again; False as above."""
        return self._moved(
            task, TaskState.TO_CONFIRM, now,
            state=TaskState.OPEN, typed=None, answered_by=None, answered_at=None,
        )  # fmt: skip

    def counts(self, sources: Collection[tuple[str, str]], now: datetime) -> list[TaskCount]:
        """Tasks by month, source, resource and state."""
        c = task_table.c
        month = func.substr(c.placed_at, 1, 7)
        late = c.due_at <= moment_text(now)
        keys = (month, c.county, c.source, c.resource, c.state, late)
        statement = select(*keys, func.count()).group_by(*keys)
        found: dict[tuple[str, str, str, str, TaskState], int] = {}
        with self.database.reading() as connection:
            for when, county, source, resource, state, is_late, count in connection.execute(
                statement
            ):
                if (county, source) in sources:
                    now_state = _state(state, bool(is_late))
                    key = (when, county, source, resource, now_state)
                    found[key] = found.get(key, 0) + count
        return [
            TaskCount(month=m, county=c_, source=s, resource=r, state=t, tasks=n)
            for (m, c_, s, r, t), n in sorted(found.items())
        ]

    def forget(self, before: datetime) -> None:
        """Take away whom old tasks were about and what was typed; the counts stay."""
        old = (task_table.c.due_at < moment_text(before)) & task_table.c.asked.is_not(None)
        with self.database.writing() as connection:
            connection.execute(update(task_table).where(old).values(asked=None, typed=None))

    def _moved(self, task: Task, was: TaskState, now: datetime, **values: Any) -> bool:
        c = task_table.c
        mine = (c.id == task.id) & (c.state == was) & (c.due_at > moment_text(now))
        if task.answered_by is not None:
            mine &= c.answered_by == task.answered_by
        if task.answered_at is not None:
            # What was typed again meanwhile, by the same clerk too, is not what was looked at.
            mine &= c.answered_at == moment_text(task.answered_at)
        with self.database.writing() as connection:
            done = connection.execute(update(task_table).where(mine).values(**values))
        return done.rowcount == 1

    def _opened(self, row: Row[Any], now: datetime) -> Task:
        asked, typed = self._json(row, "asked"), self._json(row, "typed")
        return Task(
            id=row.id,
            county=row.county,
            source=row.source,
            resource=row.resource,
            state=_state(row.state, row.due_at <= moment_text(now)),
            second_pair=row.second_pair,
            placed_at=datetime.fromisoformat(row.placed_at),
            due_at=datetime.fromisoformat(row.due_at),
            answered_at=datetime.fromisoformat(row.answered_at) if row.answered_at else None,
            answered_by=row.answered_by,
            confirmed_by=row.confirmed_by,
            asked=Asked(**{**asked, "fields": tuple(asked["fields"])}) if asked else None,
            typed=Typed(**typed) if typed else None,
        )

    def _json(self, row: Row[Any], column: str) -> dict[str, Any] | None:
        sealed = getattr(row, column)
        if sealed is None:
            return None
        found: dict[str, Any] = json.loads(
            self.vault.open_sealed("hub_task", column, row.id, sealed)
        )
        return found


def _state(stored: str, late: bool) -> TaskState:
    state = TaskState(stored)
    return TaskState.LAPSED if late and state in WAITING else state
