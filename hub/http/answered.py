"""What goes out over the wire, in the shapes of the product description.

Answers are written by `…_out` functions as plain mappings and only *described* by the models here,
so that an answer is not validated twice on its way out.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import (
    BaseModel,
    Field,
    JsonValue,
)

from hub.bundles import BundlePlan, FormFieldPlan, MaterialPlan, Proof
from hub.model import (
    FieldAnswer,
    FieldState,
    Json,
    Provenance,
    QueryOutcome,
    QueryResult,
)


class ProvenanceOut(BaseModel):
    """Where a value comes from."""

    authority: str
    source: str
    as_of: datetime | None
    retrieved_at: datetime
    freshness: Literal["live", "cached", "stale"]
    record_hash: str | None
    entered_by: str | None = None
    via: list[str] = Field(default_factory=list)
    """The hubs that passed it on, the one we asked first."""
    upper_receipt: str | None = None
    """The receipt of the hub that we asked."""


class FieldOut(BaseModel):
    """One field of an answer: never a bare null."""

    state: FieldState
    value: JsonValue = None
    provenance: ProvenanceOut | None = None
    why: str | None = None
    fix: str | None = None
    odd: bool = False
    reopens_at: datetime | None = None


class QueryOut(BaseModel):
    """The answer to a query."""

    id: str
    outcome: QueryOutcome
    receipt: str
    fields: dict[str, FieldOut]
    status_url: str | None = None
    """With `deferred`: where the whole answer will be."""
    receipts: list[str] = Field(default_factory=list)
    """Of a deferred answer that is whole: the first receipt, and those of the late fields."""


class ExplainedField(BaseModel):
    """What would be decided for a field."""

    state: Literal["granted", "not_granted", "withheld", "not_applicable"]
    source: str | None = None
    grants: list[str] = Field(default_factory=list)
    why: str | None = None
    fix: str | None = None


class ExplainOut(BaseModel):
    """The plan of a query, without asking anybody."""

    outcome: Literal["would-ask", "refused"]
    calls: list[dict[str, JsonValue]]
    fields: dict[str, ExplainedField]


class MaterialOut(BaseModel):
    """One material of a plan."""

    id: str
    name: str
    copies: int
    state: Literal["exempted", "fetched", "asked"]
    by: list[dict[str, JsonValue]]
    reason: str | None
    note: str
    merged: bool
    conditional: bool
    left_code: str | None


class FormOut(BaseModel):
    """One field of the one form."""

    id: str
    label: str
    subject: str
    required: bool
    state: Literal["filled", "given", "asked"]
    value: JsonValue
    value_label: str | None
    provenance: ProvenanceOut | None
    receipt: str | None
    asked_because: str | None
    note: str


class FiguresOut(BaseModel):
    """Live figures. Shares are decimal fractions as text, to three places."""

    materials: dict[str, int | str]
    fields: dict[str, int | str]


class PlanOut(BaseModel):
    """The plan of a bundle for one applicant."""

    bundle: str
    name: str
    materials: list[MaterialOut]
    form: list[FormOut]
    figures: FiguresOut
    receipts: dict[str, str]
    not_needed: list[str]


def query_out(result: QueryResult) -> dict[str, Json]:
    """The answer as it goes over the wire."""
    return {
        "id": result.id,
        "outcome": str(result.outcome),
        "receipt": result.receipt,
        "fields": {path: field_out(answer) for path, answer in result.fields.items()},
    }


def field_out(answer: FieldAnswer) -> dict[str, Json]:
    """One field; keys that say nothing are left out, the state never is."""
    out: dict[str, Json] = {"state": str(answer.state)}
    if answer.has_value:
        out["value"] = answer.value
    if answer.provenance is not None:
        out["provenance"] = provenance_out(answer.provenance)
    if answer.why is not None:
        out["why"] = answer.why
    if answer.fix is not None:
        out["fix"] = answer.fix
    if answer.odd:
        out["odd"] = True
    if answer.reopens_at is not None:
        out["reopens_at"] = answer.reopens_at.isoformat()
    return out


def provenance_out(provenance: Provenance) -> dict[str, Json]:
    """Where a value comes from."""
    out: dict[str, Json] = {
        "authority": provenance.authority,
        "source": provenance.source,
        "as_of": provenance.as_of.isoformat() if provenance.as_of else None,
        "retrieved_at": provenance.retrieved_at.isoformat(),
        "freshness": str(provenance.freshness),
        "record_hash": provenance.record_hash,
    }
    if provenance.entered_by is not None:
        out["entered_by"] = provenance.entered_by
    if provenance.via:
        out["via"] = list(provenance.via)
    if provenance.upper is not None:
        out["upper_receipt"] = provenance.upper.id
    return out


def plan_out(plan: BundlePlan) -> dict[str, Json]:
    """A plan as it goes over the wire."""
    m, f = plan.material_figures, plan.field_figures
    return {
        "bundle": plan.bundle.id,
        "name": plan.bundle.name,
        "materials": [_material_out(material) for material in plan.materials],
        "form": [_form_out(field) for field in plan.form],
        "figures": {
            "materials": {
                "before": m.before,
                "exempted": m.exempted,
                "merged": m.merged,
                "left": m.left,
                "cut": str(m.cut),
            },
            "fields": {
                "total": f.total,
                "filled": f.filled,
                "given": f.given,
                "share": str(f.share),
            },
        },
        "receipts": dict(plan.receipts),
        "not_needed": list(plan.not_needed),
    }


def _material_out(material: MaterialPlan) -> dict[str, Json]:
    return {
        "id": material.id,
        "name": material.name,
        "copies": material.copies,
        "state": str(material.state),
        "by": [_proof_out(proof) for proof in material.by],
        "reason": str(material.reason) if material.reason else None,
        "note": material.note,
        "merged": material.merged,
        "conditional": material.conditional,
        "left_code": str(material.left_code) if material.left_code else None,
    }


def _proof_out(proof: Proof) -> dict[str, Json]:
    if proof.merged_into is not None:
        return {"form": proof.merged_into}
    if proof.produced_by is not None:
        return {"item": proof.produced_by}
    provenance = provenance_out(proof.provenance) if proof.provenance else None
    return {
        "resource": proof.resource,
        "subject": proof.subject,
        "finding": proof.finding,
        "receipt": proof.receipt,
        "provenance": provenance,
    }


def _form_out(field: FormFieldPlan) -> dict[str, Json]:
    return {
        "id": field.id,
        "label": field.label,
        "subject": field.subject,
        "required": field.required,
        "state": str(field.state),
        "value": field.value,
        "value_label": field.label_of_code,
        "provenance": provenance_out(field.provenance) if field.provenance else None,
        "receipt": field.receipt,
        "asked_because": str(field.asked_because) if field.asked_because else None,
        "note": field.note,
    }
