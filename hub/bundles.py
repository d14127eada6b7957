"""The plan of a “one thing”: which materials are exempted and by what proof, which form fields are
filled, and what is still asked and why.

Pure but for `BundlePlanner.plan`, which asks the exchange once for each subject, all at the same
time and under one deadline, so that each subject's record has its own line in the evidence log.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum

from catalog.lookup import FieldPath, needs
from catalog.model import Analysis, Bundle, Catalog, ExemptWhen, FormField, LeftCode, Material
from hub.access import Purpose
from hub.errors import BundleNotAnalysed
from hub.exchange import VALUE_MISSING, Exchange
from hub.model import (
    Basis,
    Consumer,
    FieldAnswer,
    FieldState,
    FreshnessWish,
    Grant,
    Json,
    Provenance,
    QueryRequest,
    QueryResult,
    ResourceAnswer,
    Subject,
    Value,
)
from hub.standing import in_force


class MaterialState(StrEnum):
    """What becomes of a material."""

    EXEMPTED = "exempted"
    FETCHED = "fetched"
    """The hub fetched the certificate itself, as a file."""
    ASKED = "asked"


class AskedReason(StrEnum):
    """Why something is still asked. A closed list."""

    NO_SOURCE = "no_source"
    SOURCE_DOWN = "source_down"
    WAITING = "waiting"
    """A clerk of the department looks it up; the plan made again later has it."""
    NO_MATCH = "no_match"
    NOT_GRANTED = "not_granted"
    SUBJECT_OBJECTS = "subject_objects"
    CONFLICT = "conflict"
    STATEMENT_REQUIRED = "statement_required"


class FormState(StrEnum):
    """What becomes of a form field."""

    FILLED = "filled"
    """From a source, with provenance."""
    GIVEN = "given"
    """The intake system sent it along (log-in, applicant's answers); counted as typed, not filled."""
    ASKED = "asked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What stands in for a material."""

    receipt: str | None
    resource: str | None = None
    subject: str | None = None
    finding: str = ""
    """`record` or `no_record`: what the source's answer said."""
    provenance: Provenance | None = None
    produced_by: str | None = None
    """The item of the same bundle that issues it; nobody hands in what the case itself makes."""
    merged_into: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MaterialPlan:
    """One material of the plan. `by` is empty exactly when the state is *asked*."""

    id: str
    name: str
    copies: int
    state: MaterialState
    by: tuple[Proof, ...] = ()
    reason: AskedReason | None = None
    note: str = ""
    """In words: why it is asked, or what the exemption rests on."""
    left_code: LeftCode | None = None
    merged: bool = False
    conditional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FormFieldPlan:
    """One field of the one form."""

    id: str
    label: str
    subject: str
    required: bool
    state: FormState
    value: Value = field(default=None, repr=False)
    label_of_code: str | None = field(default=None, repr=False)
    provenance: Provenance | None = None
    receipt: str | None = None
    asked_because: AskedReason | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MaterialFigures:
    """Live figures of the materials: what answered, never what might have."""

    before: int
    """Copies before the reform: one for each item that asked."""
    exempted: int
    """Kinds exempted by a live answer or by the case's own products."""
    merged: int
    """Kinds of departments' forms that the one form replaces."""
    left: int
    """Kinds still handed in, plus the one form."""
    cut: Decimal
    """1 − left ÷ before, to three places."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldFigures:
    """Live figures of the form."""

    total: int
    filled: int
    given: int
    share: Decimal
    """filled ÷ total, to three places."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BundlePlan:
    """The answer to `POST /v1/bundles/{id}:plan`."""

    bundle: Bundle
    materials: tuple[MaterialPlan, ...]
    form: tuple[FormFieldPlan, ...]
    material_figures: MaterialFigures
    field_figures: FieldFigures
    receipts: Mapping[str, str]
    """Subject → receipt of what was asked about it."""
    not_needed: tuple[str, ...]
    """Materials the caller ruled out for this applicant's situation; counted nowhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRequest:
    """What an intake system asks for one applicant."""

    bundle: Bundle
    subjects: Mapping[str, Subject]
    basis: Basis
    answers: Mapping[str, Json] = field(default_factory=dict, repr=False)
    """Form field id → what the applicant or the log-in already gave."""
    items: frozenset[int] | None = None
    """`seq` of the items chosen; None: all (requirement B-36, the applicant may choose)."""
    not_needed: frozenset[str] = frozenset()
    objects: frozenset[str] = frozenset()
    """Resources whose use the applicant objects to; they are not asked."""
    freshness: FreshnessWish = field(default_factory=FreshnessWish)
    deadline_ms: int = 2500


_ASKED_BECAUSE: Mapping[FieldState, AskedReason] = {
    FieldState.NOT_FOUND: AskedReason.NO_MATCH,
    FieldState.NOT_APPLICABLE: AskedReason.NO_SOURCE,
    FieldState.AMBIGUOUS: AskedReason.CONFLICT,
    FieldState.DISPUTED: AskedReason.CONFLICT,
    FieldState.NOT_GRANTED: AskedReason.NOT_GRANTED,
    FieldState.WITHHELD: AskedReason.NOT_GRANTED,
    FieldState.MASKED: AskedReason.NOT_GRANTED,
    FieldState.TIMED_OUT: AskedReason.SOURCE_DOWN,
    FieldState.BREAKER_OPEN: AskedReason.SOURCE_DOWN,
    FieldState.SOURCE_CLOSED: AskedReason.SOURCE_DOWN,
    FieldState.SOURCE_ERROR: AskedReason.SOURCE_DOWN,
    FieldState.REFUSED_BY_SOURCE: AskedReason.SOURCE_DOWN,
    FieldState.DEFERRED: AskedReason.WAITING,
}

_LEFT_BECAUSE: Mapping[LeftCode, AskedReason] = {
    LeftCode.OWN_WORK: AskedReason.STATEMENT_REQUIRED,
    LeftCode.SIGNATURE: AskedReason.STATEMENT_REQUIRED,
    LeftCode.PHOTO: AskedReason.STATEMENT_REQUIRED,
    LeftCode.ORIGINAL_TO_RETURN: AskedReason.STATEMENT_REQUIRED,
    LeftCode.THIRD_PARTY_ISSUER: AskedReason.NO_SOURCE,
    LeftCode.NO_SOURCE: AskedReason.NO_SOURCE,
    LeftCode.WITHHELD_BY_LAW: AskedReason.NOT_GRANTED,
}

_NOTE_OF: Mapping[AskedReason, str] = {
    AskedReason.NO_SOURCE: "尚无数据来源 / no source answers for it",
    AskedReason.SOURCE_DOWN: "数源未能答复 / the source did not answer",
    AskedReason.WAITING: "已交办事员录入，稍后再算 / a clerk looks it up; plan again later",
    AskedReason.NO_MATCH: "数源答复查无记录 / the source has no such record",
    AskedReason.NOT_GRANTED: "未获授权或不予共享 / not granted, or withheld by law",
    AskedReason.SUBJECT_OBJECTS: "申请人不同意使用该数据 / the applicant objects",
    AskedReason.CONFLICT: "有多条记录或已失效，需申请人确认 / several records, or one no longer in force",
    AskedReason.STATEMENT_REQUIRED: "须由申请人提供 / only the applicant can give it",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BundlePlanner:
    """Asks what a bundle needs and turns the answers into a plan."""

    catalog: Catalog
    exchange: Exchange

    async def plan(
        self,
        request: PlanRequest,
        *,
        consumer: Consumer,
        purpose: Purpose,
        grants: Sequence[Grant],
        started: float,
    ) -> BundlePlan:
        """Plan one applicant's case.

        Raises:
            hub.errors.BundleNotAnalysed: the bundle has no material list yet.
            hub.errors.EvidenceUnavailable: the log could not be written.
        """
        analysis = request.bundle.analysis
        if analysis is None:
            raise BundleNotAnalysed(request.bundle.id)
        queries = _queries(request, analysis, self.catalog)
        results = await asyncio.gather(
            *(
                self.exchange.answer(
                    query, consumer=consumer, purpose=purpose, grants=grants, started=started
                )
                for query in queries.values()
            )
        )
        today = self.exchange.now().date()
        return assemble_plan(
            request, analysis, dict(zip(queries, results, strict=True)), self.catalog, today
        )


def _queries(request: PlanRequest, analysis: Analysis, catalog: Catalog) -> dict[str, QueryRequest]:
    """One query a subject, over everything the chosen items need of it."""
    want: dict[str, list[FieldPath]] = {}
    used = _resources_in_scope(request, analysis)
    # What nobody is connected for is not asked: the truth is *no source*, whatever was granted.
    connected = {b.resource for b in catalog.bindings if b.county == request.bundle.county}
    for (subject, resource), fields in needs(catalog, request.bundle).items():
        if subject not in request.subjects or resource in request.objects:
            continue
        if (subject, resource) not in used or resource not in connected:
            continue
        paths = want.setdefault(subject, [])
        paths.extend(
            FieldPath(resource=resource, field=name, many=False) for name in sorted(fields)
        )
    return {
        subject: QueryRequest(
            subject=request.subjects[subject],
            basis=request.basis,
            want=tuple(paths),
            freshness=request.freshness,
            deadline_ms=request.deadline_ms,
            counted=frozenset(path.resource for path in paths),
        )
        for subject, paths in want.items()
    }


def _resources_in_scope(request: PlanRequest, analysis: Analysis) -> set[tuple[str, str]]:
    scope = {
        (m.subject, entry)
        for m in materials_in_scope(request, analysis)
        for entry in m.exempt_by
        if "." in entry
    }
    scope.update(
        (f.subject, f.fill_from.rpartition(".")[0])
        for f in analysis.form
        if f.fill_from is not None and f.id not in request.answers
    )
    return scope


def materials_in_scope(request: PlanRequest, analysis: Analysis) -> list[Material]:
    """The materials that the chosen items asked for and the applicant's situation calls for."""
    return [
        m
        for m in analysis.materials
        if m.id not in request.not_needed
        and (request.items is None or not request.items.isdisjoint(m.items))
    ]


def assemble_plan(
    request: PlanRequest,
    analysis: Analysis,
    results: Mapping[str, QueryResult],
    catalog: Catalog,
    today: date,
) -> BundlePlan:
    """Turn the answers into a plan. Pure."""
    scope = materials_in_scope(request, analysis)
    materials = tuple(_material(m, request, results, catalog, today) for m in scope)
    form = tuple(_form_field(f, request, results, catalog) for f in analysis.form)
    chosen = request.items
    before = sum(m.copies if chosen is None else len(chosen & set(m.items)) for m in scope)
    return BundlePlan(
        bundle=request.bundle,
        materials=materials,
        form=form,
        material_figures=_material_figures(materials, before),
        field_figures=_field_figures(form),
        receipts={subject: result.receipt for subject, result in results.items()},
        not_needed=tuple(sorted(request.not_needed)),
    )


def _material_figures(materials: Collection[MaterialPlan], before: int) -> MaterialFigures:
    left = sum(m.state is MaterialState.ASKED for m in materials) + 1
    return MaterialFigures(
        before=before,
        exempted=sum(m.state is not MaterialState.ASKED and not m.merged for m in materials),
        merged=sum(m.merged for m in materials),
        left=left,
        cut=_share(before - left, before),
    )


def _field_figures(form: Collection[FormFieldPlan]) -> FieldFigures:
    filled = sum(f.state is FormState.FILLED for f in form)
    return FieldFigures(
        total=len(form),
        filled=filled,
        given=sum(f.state is FormState.GIVEN for f in form),
        share=_share(filled, len(form)),
    )


def _share(part: int, whole: int) -> Decimal:
    if whole == 0:
        return Decimal("0.000")
    return (Decimal(part) / Decimal(whole)).quantize(Decimal("0.001"), rounding=ROUND_HALF_UP)


def _material(
    material: Material,
    request: PlanRequest,
    results: Mapping[str, QueryResult],
    catalog: Catalog,
    today: date,
) -> MaterialPlan:
    if material.merged_into is not None:
        proof = Proof(receipt=None, merged_into=material.merged_into)
        return _exempted(material, (proof,), note=material.reason, merged=True)
    if material.produced_by_item is not None:
        item = f"{request.bundle.id}-{material.produced_by_item:02d}"
        proof = Proof(receipt=None, produced_by=item)
        return _exempted(
            material, (proof,), note="由本“一件事”内的事项产生 / made by this case itself"
        )
    if not material.exempt_by:
        code = material.left_code or LeftCode.NO_SOURCE
        return _asked(material, _LEFT_BECAUSE[code], material.reason)
    verdicts = [
        _by_entry(entry, material, request, results, catalog, today) for entry in material.exempt_by
    ]
    proofs = tuple(v for v in verdicts if isinstance(v, Proof))
    reasons = [v for v in verdicts if isinstance(v, AskedReason)]
    if (material.exempt_all and not reasons) or (not material.exempt_all and proofs):
        kept = proofs if material.exempt_all else proofs[:1]
        return _exempted(material, kept, note=material.condition or "")
    return _asked(material, _nearest(reasons), _NOTE_OF[_nearest(reasons)])


_NEARNESS = (
    AskedReason.SUBJECT_OBJECTS,
    AskedReason.WAITING,
    AskedReason.SOURCE_DOWN,
    AskedReason.NOT_GRANTED,
    AskedReason.CONFLICT,
    AskedReason.NO_MATCH,
    AskedReason.STATEMENT_REQUIRED,
    AskedReason.NO_SOURCE,
)
"""Of several reasons the one nearest to an exemption is told: something can be done about it."""


def _nearest(reasons: Collection[AskedReason]) -> AskedReason:
    return next(reason for reason in _NEARNESS if reason in reasons)


def _exempted(
    material: Material, by: tuple[Proof, ...], *, note: str, merged: bool = False
) -> MaterialPlan:
    return MaterialPlan(
        id=material.id,
        name=material.name,
        copies=material.copies,
        state=MaterialState.EXEMPTED,
        by=by,
        note=note,
        merged=merged,
        conditional=material.conditional,
    )


def _asked(material: Material, reason: AskedReason, note: str) -> MaterialPlan:
    return MaterialPlan(
        id=material.id,
        name=material.name,
        copies=material.copies,
        state=MaterialState.ASKED,
        reason=reason,
        note=note,
        left_code=material.left_code,
        conditional=material.conditional,
    )


def _by_entry(
    entry: str,
    material: Material,
    request: PlanRequest,
    results: Mapping[str, QueryResult],
    catalog: Catalog,
    today: date,
) -> Proof | AskedReason:
    """Does this certificate type or resource replace the material for this applicant?"""
    if "." not in entry:
        # Certificates of the hub's own register come with the room `certificates`; until then no
        # certificate can prove anything, and none is counted.
        return AskedReason.NO_SOURCE
    if material.subject not in request.subjects:
        return AskedReason.STATEMENT_REQUIRED
    if entry in request.objects:
        return AskedReason.SUBJECT_OBJECTS
    result = results.get(material.subject)
    answer = result.resources.get(entry) if result is not None else None
    if result is None or answer is None:
        return AskedReason.NO_SOURCE
    finding = _finding(answer, catalog, today)
    if isinstance(finding, AskedReason):
        return finding
    wanted = material.exempt_when
    if wanted is ExemptWhen.ANSWER or finding == wanted:
        return Proof(
            receipt=result.receipt,
            resource=entry,
            subject=material.subject,
            finding=finding,
            provenance=answer.provenance,
        )
    return AskedReason.NO_MATCH


def _finding(answer: ResourceAnswer, catalog: Catalog, today: date) -> str | AskedReason:
    """`record`, `no_record`, or why the resource said neither."""
    if answer.state in {FieldState.OK, FieldState.STALE, FieldState.MANUAL}:
        resource = catalog.resources[answer.resource]
        standing = resource.standing
        if standing is None or any(in_force(r, standing, today) for r in answer.records):
            return ExemptWhen.RECORD
        return AskedReason.CONFLICT
    if answer.state is FieldState.NOT_FOUND:
        return ExemptWhen.NO_RECORD
    if (answer.why or "").endswith("exchange.no-source"):  # here, or at another hub
        return AskedReason.NO_SOURCE
    return _ASKED_BECAUSE[answer.state]


def _form_field(
    field_: FormField,
    request: PlanRequest,
    results: Mapping[str, QueryResult],
    catalog: Catalog,
) -> FormFieldPlan:
    given = request.answers.get(field_.id)
    if given is None:
        given = _from_login(field_, request)
    if given is not None:
        return _form(field_, FormState.GIVEN, value=given, catalog=catalog)
    planned = _from_source(field_, request, results, catalog)
    named = _as_named(field_, request)
    if planned.state is FormState.ASKED and named is not None:
        # No source says it, but nobody has to be asked: the caller said whom the case is about.
        return _form(field_, FormState.GIVEN, value=named, catalog=catalog)
    return planned


def _from_source(
    field_: FormField,
    request: PlanRequest,
    results: Mapping[str, QueryResult],
    catalog: Catalog,
) -> FormFieldPlan:
    if field_.fill_from is None:
        return _form(field_, FormState.ASKED, because=AskedReason.STATEMENT_REQUIRED)
    resource = field_.fill_from.rpartition(".")[0]
    if field_.subject not in request.subjects:
        return _form(field_, FormState.ASKED, because=AskedReason.STATEMENT_REQUIRED)
    if resource in request.objects:
        return _form(field_, FormState.ASKED, because=AskedReason.SUBJECT_OBJECTS)
    result = results.get(field_.subject)
    answer = result.fields.get(field_.fill_from) if result is not None else None
    if result is None or answer is None:
        return _form(field_, FormState.ASKED, because=AskedReason.NO_SOURCE)
    if answer.has_value:
        return _form(
            field_, FormState.FILLED, answer=answer, receipt=result.receipt, catalog=catalog
        )
    because = (
        AskedReason.NO_SOURCE
        if answer.why in {"exchange.no-source", "exchange.field-not-offered"}
        else _ASKED_BECAUSE[answer.state]
    )
    return _form(field_, FormState.ASKED, because=because, answer=answer, receipt=result.receipt)


_LOGIN_FIELDS: Mapping[str, str] = {
    "identity.account.name": "name",
    "identity.account.id_number": "number",
    "identity.org-account.org_name": "name",
    "identity.org-account.uscc": "number",
}
"""What the intake system's own log-in says of a subject it names: given, never counted as filled."""


def _from_login(field_: FormField, request: PlanRequest) -> Json:
    subject = request.subjects.get(field_.subject)
    attribute = _LOGIN_FIELDS.get(field_.fill_from or "")
    if subject is None or attribute is None:
        return None
    return subject.name if attribute == "name" else subject.number


_OWN_NUMBER: Mapping[str, str] = {"person": "id_number", "organisation": "uscc"}


def _as_named(field_: FormField, request: PlanRequest) -> str | None:
    """The name or number of a subject that the caller named, where the field is just that.

    The field's id says whose it is (`guardian2_name`); its `subject` says whose record is asked,
    which is another's where a spouse is found in the applicant's marriage record.
    """
    for what in ("name", *_OWN_NUMBER.values()):
        who = field_.subject if field_.id == what else field_.id.removesuffix(f"_{what}")
        subject = request.subjects.get(who)
        if subject is None or who == field_.id:
            continue
        if what == "name":
            return subject.name
        return subject.number if _OWN_NUMBER.get(subject.kind) == what else None
    return None


def _form(
    field_: FormField,
    state: FormState,
    *,
    value: Value = None,
    answer: FieldAnswer | None = None,
    because: AskedReason | None = None,
    receipt: str | None = None,
    catalog: Catalog | None = None,
) -> FormFieldPlan:
    if answer is not None and state is FormState.FILLED:
        value = answer.value
    table = catalog.code_tables.get(field_.code_table or "") if catalog is not None else None
    return FormFieldPlan(
        id=field_.id,
        label=field_.label,
        subject=field_.subject,
        required=field_.required,
        state=state,
        value=value,
        label_of_code=table.label(value) if table is not None and isinstance(value, str) else None,
        provenance=answer.provenance if answer is not None else None,
        receipt=receipt,
        asked_because=because,
        note=_note(because, answer),
    )


def _note(because: AskedReason | None, answer: FieldAnswer | None) -> str:
    """Why a field is still asked, in words; a record without this value is not “no record”."""
    if because is AskedReason.NO_MATCH and answer is not None and answer.why == VALUE_MISSING:
        return answer.fix or ""
    return _NOTE_OF[because] if because is not None else ""
