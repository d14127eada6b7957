"""One live question, watched: what was sent, what came back, and what the mapping made of it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from adapters import asking, shapes, tracing
from adapters.converters import Unreadable
from adapters.errors import SourceAnswerInvalid
from adapters.kinds import Now
from adapters.mapping import FieldPlan, Plan
from adapters.model import RawReply, Scalar, SourceCall, SourceReply
from adapters.ports import Surroundings
from adapters.registry import Agreed, guarded
from adapters.rehearsal import call_of
from adapters.tracing import Sent


@dataclass(slots=True)
class Exchanged:
    """One request, and how far its response came."""

    sent: Sent
    began: float
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    received: bytes = field(default=b"", repr=False)
    head_ms: float | None = None
    """Until the head of the response was there."""
    whole_ms: float | None = None
    """Until its body was there; None: it never was."""

    def answered(self, status: int, headers: Mapping[str, str]) -> None:
        """See `adapters.tracing.Step`."""
        self.status, self.headers = status, headers
        self.head_ms = _since(self.began)

    def body(self, body: bytes) -> None:
        """See `adapters.tracing.Step`."""
        self.received, self.whole_ms = body, _since(self.began)


class Watching:
    """The trace of one trial."""

    def __init__(self) -> None:
        self.steps: list[Exchanged] = []
        self.reply: RawReply | None = None

    def sent(self, sent: Sent) -> Exchanged:
        """See `adapters.tracing.Trace`."""
        step = Exchanged(sent, time.perf_counter())
        self.steps.append(step)
        return step

    def replied(self, _call: SourceCall, reply: RawReply) -> None:
        """See `adapters.tracing.Trace`."""
        self.reply = reply


class Mapped(StrEnum):
    """What became of one field."""

    READ = "read"
    EMPTY = "empty"
    """The path leads somewhere, and there is nothing."""
    NOWHERE = "nowhere"
    """The path leads nowhere."""
    ODD = "odd"
    BAD = "bad"
    CONSTANT = "constant"


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldShown:
    """One field of the first record, or of its first line."""

    id: str
    path: str
    how: str
    """Converter, forms and code table, as the manifest has them."""
    line: bool
    mapped: Mapped
    raw: str | None = field(repr=False)
    value: Scalar = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """All that one question showed."""

    agreed: Agreed
    call: SourceCall
    steps: Sequence[Exchanged]
    raw: RawReply | None
    reply: SourceReply
    mapping_ms: float
    fields: Sequence[FieldShown]


async def ask(
    agreed: Agreed,
    resource: str,
    keys: Mapping[str, str],
    *,
    now: Now,
    within: float,
    surroundings: Surroundings | None = None,
) -> Trial:
    """Put one question to the source and watch it.

    Args:
        agreed: The manifest, with a real environment.
        resource: One of its resources.
        keys: Query keys by catalog id.
        now: UTC.
        within: Seconds.
        surroundings: As `adapters.registry.connect`.
    """
    terms = agreed.manifest.resources[resource].answer
    call = call_of(resource, keys, tuple(terms.fields))
    asking.check(call)
    watching = Watching()
    transport = agreed.kind(agreed.opening(now, surroundings))
    source = guarded(agreed, transport, now, surroundings)
    try:
        with tracing.traced(watching):
            reply = await source.answer(call, within=within)
    finally:
        await source.aclose()
    began = time.perf_counter()
    fields = explained(agreed, resource, watching.reply)
    return Trial(
        agreed=agreed, call=call, steps=watching.steps, raw=watching.reply, reply=reply,
        mapping_ms=_since(began), fields=fields,
    )  # fmt: skip


def explained(agreed: Agreed, resource: str, raw: RawReply | None) -> list[FieldShown]:
    """The fields of the first record in `raw`; none where it holds no record."""
    plan = agreed.plans[resource]
    try:
        document = None if raw is None else plan.document(raw)
        if raw is None or plan.judged(document, raw.status) is not None:
            return []
    except SourceAnswerInvalid:
        return []
    records = plan.records(document)
    if not records:
        return []
    lines = plan.lines(document if plan.answer.record else records[0]) if plan.lines else []
    shown = [_shown(agreed, plan, each, records[0], line=False) for each in plan.head]
    first = lines[0] if lines else None
    return shown + [_shown(agreed, plan, each, first, line=True) for each in plan.body]


def _shown(agreed: Agreed, plan: Plan, each: FieldPlan, holder: Any, *, line: bool) -> FieldShown:
    terms = plan.answer.fields[each.id]
    how = [str(each.rule), *terms.forms]
    table = agreed.resources[_resource(agreed, plan)].fields[each.id].code_table
    if each.codes is not None and table:
        how.append(f"codes {table}")
    mapped, raw, value = _mapped(agreed, each, terms.at or "", holder)
    return FieldShown(
        id=each.id, path=terms.at or "", how=" ".join(how), line=line, mapped=mapped,
        raw=raw, value=value,
    )  # fmt: skip


def _resource(agreed: Agreed, plan: Plan) -> str:
    return next(id_ for id_, each in agreed.plans.items() if each is plan)


def _mapped(
    agreed: Agreed, each: FieldPlan, path: str, holder: Any
) -> tuple[Mapped, str | None, Scalar]:
    """What became of a field, what stood there, and the value."""
    if each.get is None:
        return Mapped.CONSTANT, None, each.constant
    found = None if holder is None else each.get(holder)
    if found is None:
        names = shapes.names(agreed.manifest.connect, path)
        there = holder is not None and names in shapes.signature(holder).places
        return (Mapped.EMPTY if there else Mapped.NOWHERE), None, None
    try:
        value = each.convert(found)
    except Unreadable:
        return Mapped.BAD, str(found), None
    if value is None:
        return Mapped.EMPTY, str(found), None
    if each.codes is not None:
        value = each.alias.get(str(value), value)
        if value not in each.codes:
            return Mapped.ODD, str(found), value
    return Mapped.READ, str(found), value


def _since(began: float) -> float:
    return (time.perf_counter() - began) * 1000
