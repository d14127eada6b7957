"""The uniform query: ask many sources at once, under one deadline, and answer field by field.

`plan` and `assemble` are pure; `Exchange.answer` is the thin loop between them. Two appends to the
evidence log frame it: *asked* is durable before the first call leaves, *answered* before the first
value does. If the log cannot be written, nothing is disclosed.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from adapters.closing import CHINA
from adapters.model import (
    Fate,
    Freshness,
    Outcome,
    Reason,
    Record,
    Scalar,
    Source,
    SourceCall,
    SourceReply,
)
from catalog.lookup import FieldPath, sources_for
from catalog.lookup import resource as resource_in
from catalog.model import Catalog, DataResource, SourceBinding
from hub.access import Decision, Purpose, Refusal, Rule, decide
from hub.evidence import EvidenceKind, EvidenceRecord
from hub.ids import new_id
from hub.model import (
    Consumer,
    FieldAnswer,
    FieldState,
    FreshnessWish,
    Grant,
    IdType,
    Json,
    Provenance,
    QueryOutcome,
    QueryRequest,
    QueryResult,
    ResourceAnswer,
    Subject,
    UpperReceipt,
    Value,
)
from hub.predicates import NARROWED, Watch, Watched, watch

_KEY_OF: Mapping[IdType, str] = {
    IdType.CITIZEN_ID: "id_number",
    IdType.MOTHER: "mother_id_number",
    IdType.USCC: "uscc",
    IdType.CERTIFICATE_NO: "certificate_no",
    IdType.UNIT_NO: "unit_no",
}
"""The catalog's query key for each kind of number a subject comes with."""

VALUE_MISSING = "exchange.value-missing"
"""There is a record, and it has no value here."""

_STATE_OF: Mapping[Outcome, FieldState] = {
    Outcome.NO_RECORD: FieldState.NOT_FOUND,
    Outcome.REFUSED: FieldState.REFUSED_BY_SOURCE,
    Outcome.FAILED: FieldState.SOURCE_ERROR,
    Outcome.UNREACHABLE: FieldState.SOURCE_ERROR,
    Outcome.TIMED_OUT: FieldState.TIMED_OUT,
    Outcome.BREAKER_OPEN: FieldState.BREAKER_OPEN,
    Outcome.CLOSED: FieldState.SOURCE_CLOSED,
    Outcome.DEFERRED: FieldState.DEFERRED,
    Outcome.NOT_GRANTED: FieldState.NOT_GRANTED,
    Outcome.WITHHELD: FieldState.WITHHELD,
    Outcome.NOT_OFFERED: FieldState.NOT_APPLICABLE,
}

_FIX_OF: Mapping[FieldState, str] = {
    FieldState.DEFERRED: "已交办事员录入，稍后再查 / a clerk looks it up; ask again later",
    FieldState.TIMED_OUT: "稍后重试，或请申请人提供 / try again later, or ask the applicant",
    FieldState.SOURCE_CLOSED: "数源维护中，届时恢复 / the source is closed for maintenance",
    FieldState.BREAKER_OPEN: "数源暂停访问，稍后自动恢复 / the source is resting; it resumes by itself",
    FieldState.SOURCE_ERROR: "请数源部门检查其系统 / the providing department has to look at its system",
    FieldState.REFUSED_BY_SOURCE: "请数源部门核对本枢纽的权限 / the provider has to check our rights",
    FieldState.NOT_GRANTED: "请对方枢纽向本枢纽授权 / the other hub has to grant it to ours",
    FieldState.WITHHELD: "对方枢纽不予共享，只能由申请人提供 / not shared; the applicant has to provide it",
    FieldState.NOT_APPLICABLE: "对方枢纽没有可答的数源 / the other hub has no source that could answer",
}

_ANSWERED = frozenset(
    {
        FieldState.OK,
        FieldState.STALE,
        FieldState.MANUAL,
        FieldState.MASKED,
        FieldState.NOT_FOUND,
        FieldState.NOT_APPLICABLE,
    }
)
"""States that asking again would not change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCall:
    """One call that will be made: a source, a resource, the granted fields."""

    source: str
    authority: str
    resource: DataResource
    keys: Mapping[str, str]
    fields: tuple[str, ...]
    grants: tuple[str, ...]
    judged: tuple[str, ...] = ()
    """Fields that tell whether a record is in force; asked for where that does not come by itself,
    and shown to nobody who does not want them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryPlan:
    """What will be asked of whom, and what is settled without asking."""

    calls: tuple[PlannedCall, ...]
    settled: Mapping[str, FieldAnswer]
    """Paths whose answer needs no source: refused, withheld, not applicable, no source."""
    decisions: Mapping[str, Decision]


def plan(
    request: QueryRequest,
    *,
    consumer: Consumer,
    purpose: Purpose,
    catalog: Catalog,
    grants: Sequence[Grant],
    now: datetime,
) -> QueryPlan:
    """Decide every wanted path, and group what is allowed into one call a resource."""
    calls: list[PlannedCall] = []
    settled: dict[str, FieldAnswer] = {}
    decisions: dict[str, Decision] = {}
    for resource_id, paths in _by_resource(request.want).items():
        resource = resource_in(catalog, purpose.county, resource_id)
        decision = decide(
            consumer=consumer,
            basis=request.basis,
            purpose=purpose,
            resource=resource,
            fields=_fields_of(paths, resource, request.only.get(resource_id)),
            grants=grants,
            now=now,
        )
        decisions[resource_id] = decision
        for path in paths:
            refusal = _refusal_of(path, decision)
            if refusal is not None:
                settled[str(path)] = _refused(refusal)
        if not decision.allowed:
            continue
        open_paths = [p for p in paths if str(p) not in settled]
        call = _call_for(request, resource, decision, catalog, purpose)
        if isinstance(call, FieldAnswer):
            settled.update((str(p), call) for p in open_paths)
        else:
            calls.append(call)
    return QueryPlan(calls=tuple(calls), settled=settled, decisions=decisions)


def assemble(
    request: QueryRequest,
    query_plan: QueryPlan,
    replies: Mapping[str, SourceReply],
    now: datetime,
) -> tuple[dict[str, FieldAnswer], dict[str, ResourceAnswer]]:
    """Put the replies (by resource) together: each wanted path once, and each resource once."""
    calls = {call.resource.id: call for call in query_plan.calls}
    resources = {
        rid: _resource_answer(calls[rid], reply, request.freshness, now)
        for rid, reply in replies.items()
    }
    fields: dict[str, FieldAnswer] = {}
    for path in request.want:
        key = str(path)
        settled = query_plan.settled.get(key)
        if settled is not None:
            fields[key] = settled
            continue
        call = calls[path.resource]
        fields[key] = _field_answer(
            path, call, replies[path.resource], resources[path.resource], request.subject
        )
    for rid in _by_resource(request.want):
        if rid not in resources:
            first = next(fields[str(p)] for p in request.want if p.resource == rid)
            resources[rid] = ResourceAnswer(
                resource=rid, state=first.state, records=(), provenance=None, why=first.why
            )
    return fields, resources


def outcome_of(request: QueryRequest, fields: Mapping[str, FieldAnswer]) -> QueryOutcome:
    """*complete* when every required path has a value, or, where none is named, when every path is
    answered for good; *deferred* while a clerk still looks something up; *refused* when nothing at all was granted.
    """
    unasked = {FieldState.NOT_GRANTED, FieldState.WITHHELD}
    if all(answer.state in unasked for answer in fields.values()):
        return QueryOutcome.REFUSED
    if any(answer.state is FieldState.DEFERRED for answer in fields.values()):
        return QueryOutcome.DEFERRED
    if request.required:
        done = all(fields[path].has_value for path in request.required)
    else:
        done = all(answer.state in _ANSWERED for answer in fields.values())
    return QueryOutcome.COMPLETE if done else QueryOutcome.PARTIAL


def canonical(value: object) -> bytes:
    """The bytes a commitment or a digest is taken over: sorted keys, no spaces, UTF-8."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def field_salt(master: bytes, path: str) -> bytes:
    """The salt of one field of one receipt: one secret a receipt, one salt a field.

    Handing out the salt of one field reveals nothing about the others; deleting the master salt
    makes every commitment of the receipt unreadable without breaking the log (field notes 7.4).
    """
    return hmac.new(master, path.encode(), "sha256").digest()


def commitment(salt: bytes, value: object) -> str:
    """`sha256:` + hex over salt ‖ canonical value; stands in the log where the value may not."""
    return "sha256:" + hashlib.sha256(salt + canonical(value)).hexdigest()


class EvidenceAppender(Protocol):
    """What the exchange needs of the log."""

    async def append(self, records: Sequence[EvidenceRecord]) -> object:
        """Return when durable; raise `EvidenceUnavailable` otherwise."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """The loop: plan, write *asked*, ask all at once, assemble, write *answered*."""

    catalog: Catalog
    sources: Mapping[tuple[str, str], Source]
    """(county, source id) → source."""
    evidence: EvidenceAppender
    now: Callable[[], datetime]
    salt: Callable[[], bytes]
    admits: Callable[[Consumer, Subject, Watched], Awaitable[bool]]
    """May this caller be told on which side of a threshold this subject's value lies?"""
    counted: Callable[[str, str, FieldState], None] = lambda _county, _source, _state: None
    """Told the state of each field that a source was asked for."""
    reserve_ms: int = 25
    """Kept back from the deadline for assembling and for the second append."""

    async def answer(
        self,
        request: QueryRequest,
        *,
        consumer: Consumer,
        purpose: Purpose,
        grants: Sequence[Grant],
        started: float,
    ) -> QueryResult:
        """Answer one query. `started` is `time.monotonic()` at the request's arrival.

        Raises:
            hub.errors.EvidenceUnavailable: the log could not be written; nothing was disclosed.
        """
        query_id, receipt_id = new_id("qry"), new_id("rcp")
        watching, query_plan = await self.planned(request, consumer, purpose, grants)
        asking = watching.request(request)
        head = _record_head(query_id, request, consumer)
        if query_plan.calls:
            await self.evidence.append([self._asked(head, request, query_plan)])
        replies = await self._ask_all(request, query_plan, consumer, purpose, started)
        found, resources = assemble(asking, query_plan, replies, self.now())
        self._count(asking, query_plan, found, purpose)
        fields = watching.judged(request, found, resources, self.now())
        outcome = outcome_of(request, fields)
        await self.evidence.append([self._answered(receipt_id, head, request, fields, outcome)])
        return QueryResult(
            id=query_id, outcome=outcome, receipt=receipt_id, fields=fields, resources=resources
        )

    async def planned(
        self,
        request: QueryRequest,
        consumer: Consumer,
        purpose: Purpose,
        grants: Sequence[Grant],
    ) -> tuple[Watch, QueryPlan]:
        """The plan of a query and its predicates; cuts that would narrow a value are refused."""
        watching = watch(request, self.catalog, purpose.county)
        query_plan = self.plan_of(watching, request, consumer, purpose, grants)
        narrowed: dict[str, FieldAnswer] = {}
        for each in watching.watched:
            granted = str(each.path) not in query_plan.settled
            if granted and not await self.admits(consumer, request.subject, each):
                narrowed[str(each.predicate)] = NARROWED
        if narrowed:
            watching = watching.without(narrowed)
            query_plan = self.plan_of(watching, request, consumer, purpose, grants)
        return watching, query_plan

    def plan_of(
        self,
        watching: Watch,
        request: QueryRequest,
        consumer: Consumer,
        purpose: Purpose,
        grants: Sequence[Grant],
    ) -> QueryPlan:
        """The plan of a query whose predicates are known."""
        return plan(
            watching.request(request),
            consumer=consumer,
            purpose=purpose,
            catalog=self.catalog,
            grants=watching.grants(request, grants),
            now=self.now(),
        )

    def _count(
        self,
        request: QueryRequest,
        query_plan: QueryPlan,
        fields: Mapping[str, FieldAnswer],
        purpose: Purpose,
    ) -> None:
        asked = {call.resource.id: call.source for call in query_plan.calls}
        for path in request.want:
            if str(path) not in query_plan.settled:
                self.counted(purpose.county, asked[path.resource], fields[str(path)].state)

    async def _ask_all(
        self,
        request: QueryRequest,
        query_plan: QueryPlan,
        consumer: Consumer,
        purpose: Purpose,
        started: float,
    ) -> dict[str, SourceReply]:
        reason = Reason(
            consumer=consumer.authority,
            item=request.basis.item,
            item_name=purpose.name,
            case=request.basis.case,
            legal_basis=request.basis.ref,
            basis_kind=str(request.basis.kind),
        )
        reserve = min(self.reserve_ms, request.deadline_ms // 4)
        within = started + (request.deadline_ms - reserve) / 1000 - time.monotonic()
        asked = [
            self.sources[purpose.county, call.source].answer(
                SourceCall(
                    resource=call.resource.id,
                    keys=call.keys,
                    fields=call.fields,
                    reason=reason,
                    call_id=new_id("call"),
                    max_age=request.freshness.max_age,
                    stale_if_error=request.freshness.stale_if_error,
                    judged=call.judged,
                    via=request.via,
                ),
                within=max(within, 0.0),
            )
            for call in query_plan.calls
        ]
        replies = await asyncio.gather(*asked)
        return {
            call.resource.id: reply for call, reply in zip(query_plan.calls, replies, strict=True)
        }

    def _asked(
        self, head: dict[str, Json], request: QueryRequest, query_plan: QueryPlan
    ) -> EvidenceRecord:
        body: dict[str, Json] = {
            **head,
            "calls": [
                {
                    "source": call.source,
                    "resource": call.resource.id,
                    "fields": list(call.fields),
                    "grants": list(call.grants),
                }
                for call in query_plan.calls
            ],
        }
        return EvidenceRecord(
            kind=EvidenceKind.ASKED,
            id=new_id("evd"),
            at=self.now(),
            body=body,
            subjects=((request.subject.id_type, request.subject.number),),
            private={},
        )

    def _answered(
        self,
        receipt_id: str,
        head: dict[str, Json],
        request: QueryRequest,
        fields: Mapping[str, FieldAnswer],
        outcome: QueryOutcome,
    ) -> EvidenceRecord:
        master = self.salt()
        refused = outcome is QueryOutcome.REFUSED
        return EvidenceRecord(
            kind=EvidenceKind.REFUSED if refused else EvidenceKind.ANSWERED,
            id=receipt_id,
            at=self.now(),
            body={
                **head,
                "outcome": str(outcome),
                "fields": {path: _field_body(a, path, master) for path, a in fields.items()},
            },
            subjects=((request.subject.id_type, request.subject.number),),
            private={"salt": master.hex(), "subject": request.subject.number},
        )


def _record_head(query_id: str, request: QueryRequest, consumer: Consumer) -> dict[str, Json]:
    passed: dict[str, Json] = {"via": list(request.via)} if request.via else {}
    return {
        **passed,
        "query": query_id,
        "consumer": consumer.client_id,
        "authority": consumer.authority,
        "item": request.basis.item,
        "case": request.basis.case,
        "basis": {"kind": str(request.basis.kind), "ref": request.basis.ref},
        "subject_kind": request.subject.kind,
    }


def _field_body(answer: FieldAnswer, path: str, master: bytes) -> Json:
    body: dict[str, Json] = {"state": str(answer.state)}
    if answer.why:
        body["why"] = answer.why
    if answer.has_value:
        body["commitment"] = commitment(field_salt(master, path), answer.value)
    p = answer.provenance
    if p is not None:
        body["source"] = p.source
        body["retrieved_at"] = p.retrieved_at.isoformat()
        if p.freshness is not Freshness.LIVE:
            body["freshness"] = str(p.freshness)
        if p.as_of is not None:
            body["as_of"] = p.as_of.isoformat()
        if p.entered_by is not None:
            body["entered_by"] = p.entered_by
        if p.record_hash is not None:
            body["record_hash"] = p.record_hash
        if p.via:
            body["via"] = list(p.via)
        if p.upper is not None:
            body["upper"] = {
                "receipt": p.upper.id, "hash": p.upper.hash, "proven": p.upper.proven
            }  # fmt: skip
    return body


def _by_resource(want: Iterable[FieldPath]) -> dict[str, list[FieldPath]]:
    grouped: dict[str, list[FieldPath]] = {}
    for path in want:
        grouped.setdefault(path.resource, []).append(path)
    return grouped


def _fields_of(
    paths: Iterable[FieldPath], resource: DataResource, only: Sequence[str] | None
) -> list[str]:
    fields: dict[str, None] = {}
    for path in paths:
        if path.field is None:
            fields.update(dict.fromkeys(resource.fields if only is None else only))
        else:
            fields[path.field] = None
    return list(fields)


def _refusal_of(path: FieldPath, decision: Decision) -> Refusal | None:
    if path.field is not None:
        return decision.refused.get(path.field)
    # `R[]` asks for whatever of the record is granted; it is refused only where nothing is.
    return None if decision.allowed else next(iter(decision.refused.values()))


def _refused(refusal: Refusal) -> FieldAnswer:
    withheld = refusal.rule is Rule.SHARING_TERMS
    return FieldAnswer(
        state=FieldState.WITHHELD if withheld else FieldState.NOT_GRANTED,
        why=str(refusal.rule),
        fix=f"{refusal.why}；{refusal.fix}",
    )


def _call_for(
    request: QueryRequest,
    resource: DataResource,
    decision: Decision,
    catalog: Catalog,
    purpose: Purpose,
) -> PlannedCall | FieldAnswer:
    subject = request.subject
    keys = {_KEY_OF[subject.id_type]: subject.number}
    if subject.name:
        keys["name"] = subject.name
    answers_to = {key.id for key in resource.keys}
    if _KEY_OF[subject.id_type] not in answers_to:
        return FieldAnswer(
            state=FieldState.NOT_APPLICABLE,
            why="exchange.key-unknown",
            fix=f"该资源可按 {'、'.join(sorted(answers_to))} 查询 / this resource is asked by these keys",
        )
    missing = [key.id for key in resource.keys if key.required and key.id not in keys]
    if missing:
        return FieldAnswer(
            state=FieldState.NOT_APPLICABLE,
            why="exchange.key-missing",
            fix=f"请提供 {'、'.join(missing)} / these keys are needed as well",
        )
    binding = _binding_for(catalog, purpose.county, resource, decision, frozenset(keys))
    if binding is None:
        return FieldAnswer(
            state=FieldState.NOT_APPLICABLE,
            why="exchange.no-source",
            fix=f"{resource.provider}尚未接入 / no source is connected for this resource",
        )
    fields = tuple(f for f in decision.allowed if f in binding.fields)
    standing = resource.standing if resource.id in request.counted else None
    judged = standing.fields if standing is not None else ()
    return PlannedCall(
        source=binding.source,
        authority=binding.authority,
        resource=resource,
        keys={k: v for k, v in keys.items() if k in answers_to},
        fields=fields,
        grants=tuple(sorted(set(decision.allowed.values()))),
        judged=tuple(f for f in judged if f in binding.fields and f not in fields),
    )


def _binding_for(
    catalog: Catalog,
    county: str,
    resource: DataResource,
    decision: Decision,
    keys: frozenset[str],
) -> SourceBinding | None:
    bindings = sources_for(catalog, county, resource.id, frozenset(decision.allowed))
    return next((b for b in bindings if b.keys <= keys), None)


def _resource_answer(
    call: PlannedCall, reply: SourceReply, wish: FreshnessWish, now: datetime
) -> ResourceAnswer:
    if reply.outcome is not Outcome.ANSWERED:
        state = _STATE_OF[reply.outcome]
        why = reply.why or ("exchange.no-record" if state is FieldState.NOT_FOUND else None)
        return ResourceAnswer(
            resource=call.resource.id,
            state=state,
            records=(),
            provenance=_provenance(call, reply, reply.freshness),
            why=why,
            reopens_at=reply.reopens_at,
            ticket=reply.ticket,
        )
    too_old = (
        wish.max_age is not None and reply.as_of is not None and now - reply.as_of > wish.max_age
    )
    stale = too_old or reply.freshness is Freshness.STALE
    fresh = FieldState.MANUAL if reply.entered_by else FieldState.OK
    return ResourceAnswer(
        resource=call.resource.id,
        state=FieldState.STALE if stale else fresh,
        records=reply.records,
        provenance=_provenance(call, reply, Freshness.STALE if stale else reply.freshness),
        why=_why_stale(reply) if stale else None,
    )


def _why_stale(reply: SourceReply) -> str:
    """Kept because the source did not answer (its own key says why), or older than wanted."""
    return reply.why or "exchange.older-than-wanted"


def _provenance(call: PlannedCall, reply: SourceReply, freshness: Freshness) -> Provenance:
    relayed = reply.relayed
    upper = None
    if relayed is not None and relayed.receipt is not None:
        upper = UpperReceipt(id=relayed.receipt, hash=relayed.receipt_hash, proven=relayed.proven)
    return Provenance(
        authority=relayed.authority if relayed and relayed.authority else call.authority,
        source=reply.source,
        as_of=reply.as_of,
        retrieved_at=reply.retrieved_at,
        freshness=freshness,
        record_hash=reply.record_hash,
        entered_by=reply.entered_by,
        via=relayed.via if relayed is not None else (),
        upper=upper,
    )


def _field_answer(
    path: FieldPath,
    call: PlannedCall,
    reply: SourceReply,
    resource: ResourceAnswer,
    subject: Subject,
) -> FieldAnswer:
    fate = reply.relayed.fields.get(path.field or "") if reply.relayed is not None else None
    if fate is not None:
        return _fated(fate, reply, resource)
    if reply.outcome is not Outcome.ANSWERED:
        return FieldAnswer(
            state=resource.state,
            provenance=resource.provenance,
            why=resource.why,
            fix=_fix(resource.state, resource.reopens_at),
            reopens_at=resource.reopens_at,
        )
    if path.field is None:
        return FieldAnswer(
            state=resource.state,
            value=[_whole(record, call, _lost(reply)) for record in reply.records],
            provenance=resource.provenance,
            why=resource.why,
        )
    if path.field not in call.fields:
        return FieldAnswer(
            state=FieldState.NOT_APPLICABLE,
            why="exchange.field-not-offered",
            fix="数源未提供该信息项 / the source's manifest does not map this field",
        )
    broken = [r.bad[path.field] for r in reply.records if path.field in r.bad]
    if broken:
        return FieldAnswer(
            state=FieldState.SOURCE_ERROR,
            provenance=resource.provenance,
            why=f"exchange.unreadable-{broken[0]}",
            fix=_FIX_OF[FieldState.SOURCE_ERROR],
        )
    return _value_answer(path, path.field, call.resource, reply.records, resource, subject)


def _fated(fate: Fate, reply: SourceReply, resource: ResourceAnswer) -> FieldAnswer:
    """A field of which another hub says something else than of the rest."""
    state = _STATE_OF.get(fate.outcome, FieldState.SOURCE_ERROR)
    why = f"hub.{fate.why}" if fate.why else reply.why
    return FieldAnswer(
        state=state,
        provenance=resource.provenance,
        why=why,
        fix=_fix(state, fate.reopens_at),
        reopens_at=fate.reopens_at,
    )


def _lost(reply: SourceReply) -> frozenset[str]:
    """Fields that the source's hub did not give; see `_whole`."""
    return frozenset(reply.relayed.fields) if reply.relayed is not None else frozenset()


def _fix(state: FieldState, reopens_at: datetime | None) -> str | None:
    if reopens_at is None:
        return _FIX_OF.get(state)
    opens = f"{reopens_at.astimezone(CHINA):%Y-%m-%d %H:%M}"
    return f"数源维护中，{opens} 恢复 / the source is closed until {opens}, China time"


def _value_answer(
    path: FieldPath,
    name: str,
    resource: DataResource,
    records: Sequence[Record],
    answer: ResourceAnswer,
    subject: Subject,
) -> FieldAnswer:
    found: list[list[Scalar]] = [
        _values(name, resource, record, subject, path.many) for record in records
    ]
    odd = any(name in record.odd for record in records)
    if path.many:
        flat: list[Json] = [value for values in found for value in values]
        return FieldAnswer(
            state=answer.state, value=flat, provenance=answer.provenance, why=answer.why, odd=odd
        )
    is_list = resource.fields[name].repeated and resource.line_key is None
    distinct: list[list[Json]] = []
    for values in found:
        present: list[Json] = [value for value in values if value is not None]
        if present and present not in distinct:
            distinct.append(present)
    if not distinct:
        return FieldAnswer(
            state=FieldState.NOT_FOUND,
            provenance=answer.provenance,
            why=VALUE_MISSING,
            fix="记录存在，但该项为空 / the record exists but has no value here",
        )
    if len(distinct) > 1 or (not is_list and len(distinct[0]) > 1):
        return FieldAnswer(
            state=FieldState.AMBIGUOUS,
            provenance=answer.provenance,
            why="exchange.several-records",
            fix=f"用 {path.resource}[].{name} 取全部值 / ask for all values with []",
        )
    value: Value = list(distinct[0]) if is_list else distinct[0][0]
    return FieldAnswer(
        state=answer.state, value=value, provenance=answer.provenance, why=answer.why, odd=odd
    )


def _values(
    name: str, resource: DataResource, record: Record, subject: Subject, every: bool
) -> list[Scalar]:
    if not resource.fields[name].repeated:
        return [record.values.get(name)]
    lines = record.lines
    if resource.line_key is not None and not every:
        lines = tuple(line for line in lines if line.get(resource.line_key) == subject.number)
    return [line.get(name) for line in lines]


def _whole(record: Record, call: PlannedCall, lost: frozenset[str]) -> dict[str, Json]:
    """A whole record. What could not be had, or not be read, is left out: an empty place would say
    that there is nothing.
    """
    fields = call.resource.fields
    had = [f for f in call.fields if f not in lost and f not in record.bad]
    whole: dict[str, Json] = {f: record.values.get(f) for f in had if not fields[f].repeated}
    repeated = [f for f in had if fields[f].repeated]
    if repeated:
        whole["lines"] = [{f: line.get(f) for f in repeated} for line in record.lines]
    return whole
