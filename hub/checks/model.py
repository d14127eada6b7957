"""The values of a composite check, and what can be said of them without asking anybody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum

from adapters.model import Record, Scalar
from catalog.model import DataResource
from hub.model import Basis, Json, Subject


class CheckState(StrEnum):
    """Where a check stands (受理、分派、汇总、结果送达). A closed list."""

    GATHERING = "gathering"
    """Received and assigned; some departments have not answered."""
    GATHERED = "gathered"
    DELIVERED = "delivered"
    WITHDRAWN = "withdrawn"


OVER = frozenset({CheckState.DELIVERED, CheckState.WITHDRAWN})


class PartState(StrEnum):
    """Where one department's part stands."""

    ASSIGNED = "assigned"
    ANSWERED = "answered"


class Finding(StrEnum):
    """What a department found."""

    RECORD = "record"
    NO_RECORD = "no_record"
    """The negative statement: nothing on record in the period asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """From the first day to the last, both included."""

    first: date
    last: date

    def __contains__(self, day: str) -> bool:
        """Could an ISO 8601 date lie in it? Of a month or a year, a day of it is enough: what cannot be
        dated better is not left out of a statement.
        """
        exact = len(day[:10])
        return self.first.isoformat()[:exact] <= day[:10] <= self.last.isoformat()[:exact]


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What one resource says for the period."""

    resource: str
    """A resource's id; empty for what a department answers by hand."""
    name: str
    authority: str
    finding: Finding
    records: tuple[Mapping[str, Json], ...] = field(default=(), repr=False)
    as_of: str | None = None
    """When the source's data stood so (RFC 3339), or when the department answered."""
    receipt: str | None = None
    by: str | None = None
    """Where a person answered: who, as the department names its staff."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One department's share of a check: one item of the bundle."""

    seq: int
    item: str
    name: str
    authorities: tuple[str, ...]
    """`<county>/<department>`; any of them may answer."""
    resources: tuple[str, ...]
    state: PartState
    due_at: datetime
    statements: tuple[Statement, ...] = ()
    answered_at: datetime | None = None
    open_because: str | None = None
    """Why it could not be answered by asking: `no_source`, `not_granted`, `source_down`, or `waiting`
    for a clerk."""
    unasked: tuple[str, ...] = ()
    """Resources that belong to it and that no connected source answers: a finding says nothing of
    them."""

    @property
    def finding(self) -> Finding | None:
        """A record in any resource is a record; None: not answered."""
        if self.state is not PartState.ANSWERED:
            return None
        found = any(s.finding is Finding.RECORD for s in self.statements)
        return Finding.RECORD if found else Finding.NO_RECORD

    def late(self, now: datetime) -> bool:
        """Is its time over without an answer, or did the answer come after it?"""
        return (self.answered_at or now) > self.due_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A composite check."""

    id: str
    consumer: str
    bundle: str
    lead: tuple[str, ...]
    """Authorities that lead it: they see it and may deliver it."""
    subject: Subject = field(repr=False)
    basis: Basis
    period: Period
    state: CheckState
    received_at: datetime
    due_at: datetime
    parts: tuple[Part, ...]
    delivered_at: datetime | None = None
    receipt: str | None = None
    """Of the delivery."""

    def missing(self) -> tuple[Part, ...]:
        """Parts nobody has answered."""
        return tuple(p for p in self.parts if p.state is not PartState.ANSWERED)

    def with_part(self, part: Part) -> Check:
        """The same check with one part replaced; gathered when it was the last."""
        parts = tuple(part if p.seq == part.seq else p for p in self.parts)
        done = all(p.state is PartState.ANSWERED for p in parts)
        state = CheckState.GATHERED if done else CheckState.GATHERING
        return replace(self, parts=parts, state=state)


def in_period(record: Record, resource: DataResource, period: Period) -> Mapping[str, Json] | None:
    """The record as far as it lies in the period; None where nothing of it does.

    A resource that does not say when things happened stands for any period. A line without any of
    the dates is kept: what cannot be dated is not left out of a statement.
    """
    # What could not be had is left out: None in its place would say that there is nothing.
    head: dict[str, Json] = {k: v for k, v in record.values.items() if k not in record.bad}
    dated = tuple(name for name in resource.happened if resource.fields[name].repeated)
    lines: list[Json] = [dict(line) for line in record.lines if _within(line, dated, period)]
    if dated and not lines:
        return None
    if not dated and not _within(record.values, resource.happened, period):
        return None
    return {**head, "lines": lines} if lines else head


def _within(values: Mapping[str, Scalar], names: tuple[str, ...], period: Period) -> bool:
    days = [day for name in names if isinstance(day := values.get(name), str) and day]
    return not days or any(day in period for day in days)


def sentence(statement: Statement, period: Period) -> str:
    """The statement in words, Chinese first."""
    first, last = period.first, period.last
    span = f"{first.year}年{first.month}月{first.day}日至{last.year}年{last.month}月{last.day}日"
    who = statement.authority.rpartition("/")[2]
    if statement.finding is Finding.NO_RECORD:
        return (
            f"{span}期间，{who}没有该主体的{statement.name}记录 / no record from {first} to {last}"
        )
    count = len(statement.records)
    return (
        f"{span}期间，{who}有该主体的{statement.name}记录{f' {count} 条' if count else ''}"
        f" / on record from {first} to {last}"
    )
