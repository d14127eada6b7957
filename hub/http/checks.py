"""The composite check: `POST /v1/checks`, what becomes of it, and the departments' side of it."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, BaseModel, Field, StringConstraints, model_validator

from catalog.lookup import bundle as bundle_in
from hub.checks import Check, CheckState, Finding, Part, PartState
from hub.checks.gathering import Application, parts_of
from hub.checks.model import Period, Statement, sentence
from hub.http.addresses import made_with
from hub.http.asked import (
    MAX_DEADLINE_MS,
    MIN_DEADLINE_MS,
    AnswerValue,
    BasisIn,
    Id,
    InClear,
    SubjectIn,
    Wire,
)
from hub.http.bodies import JSONRoute
from hub.http.context import Caller, Context, Joined
from hub.http.idempotency import IdempotencyKey, once
from hub.http.problems import refusals
from hub.http.query import REFUSALS
from hub.model import Json

router = APIRouter(prefix="/v1", tags=["checks"], route_class=JSONRoute)

CheckId = Annotated[str, made_with("chk")]
DeadlineMs = Annotated[int, Field(ge=MIN_DEADLINE_MS, le=MAX_DEADLINE_MS, strict=True)]


class PeriodIn(Wire):
    """From the first day to the last, both included."""

    first: date = Field(alias="from", examples=["2023-11-24"])
    last: date = Field(alias="to", examples=["2026-11-23"])

    @model_validator(mode="after")
    def runs_forwards(self) -> PeriodIn:
        """The last day is not before the first."""
        if self.last < self.first:
            raise ValueError("to lies before from")
        return self


class CheckIn(Wire):
    """`POST /v1/checks`."""

    bundle: Id = Field(description="一件事编号 / the bundle of checks", examples=["xinxiang-07"])
    subject: SubjectIn
    basis: BasisIn
    period: PeriodIn
    due_at: AwareDatetime | None = Field(
        default=None, description="部门答复期限 / until when departments answer"
    )
    items: list[Annotated[int, Field(ge=0, le=999)]] | None = Field(
        default=None, min_length=1, description="只核查其中几项 / seq of the checks wanted"
    )
    deadline_ms: DeadlineMs = 5000


class GatherIn(Wire):
    """`POST /v1/checks/{id}:gather`."""

    deadline_ms: DeadlineMs = 5000


class DeliverIn(Wire):
    """`POST /v1/checks/{id}:deliver`."""

    without: list[Annotated[int, Field(ge=0, le=999)]] = Field(
        default_factory=list,
        max_length=100,
        description="不再等待的部分，结果中列为未答复 / parts that are left out as missing",
    )


class PartAnswerIn(Wire):
    """A department's answer by hand."""

    finding: Finding
    records: list[dict[Id, AnswerValue | None]] = Field(default_factory=list, max_length=200)
    by: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,32}$"), InClear] = Field(
        description="工号 / staff number, as the department has it"
    )

    @model_validator(mode="after")
    def fits(self) -> PartAnswerIn:
        """No record means no record."""
        if (self.finding is Finding.RECORD) != bool(self.records):
            raise ValueError("records go with the finding record, and with no other")
        return self


class StatementOut(BaseModel):
    """What one source or department says for the period."""

    resource: str
    authority: str
    finding: Finding
    sentence: str
    records: list[dict[str, Any]]
    as_of: str | None
    receipt: str | None
    by: str | None


class PartOut(BaseModel):
    """One department's part."""

    part: int
    item: str
    name: str
    departments: list[str]
    state: PartState
    finding: Finding | None
    late: bool
    due_at: datetime
    answered_at: datetime | None
    open_because: Literal["no_source", "not_granted", "source_down"] | None
    statements: list[StatementOut]


class CheckOut(BaseModel):
    """A composite check as it stands."""

    id: str
    bundle: str
    state: CheckState
    period: dict[str, date]
    received_at: datetime
    due_at: datetime
    delivered_at: datetime | None
    receipt: str | None
    parts: list[PartOut]
    missing: list[int]
    late: list[str]
    """Departments whose time is over without an answer."""


class AssignedOut(BaseModel):
    """Parts that wait for the caller's department."""

    parts: list[dict[str, Any]]


@router.post(
    "/checks",
    status_code=201,
    summary="联合核查 / ask many departments about one subject, for one result",
    responses={201: {"model": CheckOut}, **REFUSALS},
)
async def receive(
    body: CheckIn,
    request: Request,
    context: Joined,
    caller: Caller,
    idempotency_key: IdempotencyKey = None,
) -> JSONResponse:
    """Received, assigned, and answered at once by every department whose system answers."""
    application = _application(body, context)

    async def answer() -> dict[str, Json]:
        check = await context.checks.receive(
            application,
            caller,
            await context.register.grants(caller.client_id),
            request.state.began,
        )
        return _out(check, context)

    done = await once(context, caller, request, idempotency_key, answer)
    done.status_code = 201
    return done


@router.get(
    "/checks/assigned",
    summary="待本部门答复 / parts that wait for the caller's department",
    responses={200: {"model": AssignedOut}, **REFUSALS},
)
async def assigned(context: Joined, caller: Caller) -> JSONResponse:
    """What a department has to look up by hand, the longest waiting first."""
    waiting = await context.checks.assigned_to(caller)
    now = context.exchange.now()
    return JSONResponse({"parts": [_assigned(check, part, now) for check, part in waiting]})


@router.get(
    "/checks/{check_id:id}",
    summary="联合核查进度与结果 / a check as it stands",
    responses={200: {"model": CheckOut}, **REFUSALS},
)
async def show(check_id: CheckId, context: Joined, caller: Caller) -> JSONResponse:
    """For whoever asked, leads, or has a part in it."""
    return JSONResponse(_out(await context.checks.show(check_id, caller), context))


@router.post(
    "/checks/{check_id:id}:gather",
    summary="再次询问 / ask the open parts again",
    responses={200: {"model": CheckOut}, **REFUSALS},
)
async def gather(
    check_id: CheckId, body: GatherIn, request: Request, context: Joined, caller: Caller
) -> JSONResponse:
    """Departments that have answered are not asked again."""
    check = await context.checks.gather(
        check_id,
        caller,
        await context.register.grants(caller.client_id),
        body.deadline_ms,
        request.state.began,
    )
    return JSONResponse(_out(check, context))


@router.post(
    "/checks/{check_id:id}/parts/{seq}:answer",
    summary="部门人工答复 / a department answers its part by hand",
    responses={200: {"model": CheckOut}, **refusals(401, 403, 404, 409, 415)},
)
async def answer_part(
    check_id: CheckId,
    seq: Annotated[int, Path(ge=0, le=999)],
    body: PartAnswerIn,
    context: Joined,
    caller: Caller,
) -> JSONResponse:
    """“No record” is an answer; it is written into the log with who gave it."""
    check = await context.checks.answer(
        check_id,
        seq,
        caller,
        finding=body.finding,
        records=body.model_dump()["records"],
        by=body.by,
    )
    return JSONResponse(_out(check, context))


@router.post(
    "/checks/{check_id:id}:deliver",
    summary="结果送达 / deliver as one result",
    responses={200: {"model": CheckOut}, **REFUSALS},
)
async def deliver(
    check_id: CheckId, body: DeliverIn, context: Joined, caller: Caller
) -> JSONResponse:
    """One receipt over all parts; whoever is left out is named as missing."""
    check = await context.checks.deliver(check_id, caller, frozenset(body.without))
    return JSONResponse(_out(check, context))


@router.post(
    "/checks/{check_id:id}:withdraw",
    summary="撤回 / withdraw before delivery",
    responses={200: {"model": CheckOut}, **REFUSALS},
)
async def withdraw(check_id: CheckId, context: Joined, caller: Caller) -> JSONResponse:
    """The departments stop; what was answered stays in the log."""
    return JSONResponse(_out(await context.checks.withdraw(check_id, caller), context))


def _application(body: CheckIn, context: Context) -> Application:
    bundle = bundle_in(context.catalog, body.bundle)
    items = frozenset(body.items) if body.items is not None else None
    now = context.exchange.now()
    wrong: list[str] = []
    if not parts_of(bundle, items):
        wrong.append("bundle: nothing in it is a check")
    if items is not None and (strange := items - {p.seq for p in parts_of(bundle)}):
        wrong.append(f"items: no checks of this bundle: {sorted(strange)}")
    if body.basis.item not in {bundle.id, *(item.id for item in bundle.items)}:
        wrong.append("basis.item: not of this bundle")
    if body.due_at is not None and body.due_at <= now:
        wrong.append("due_at: is over")
    if wrong:
        raise RequestValidationError(
            [{"type": "value_error", "loc": ("body",), "msg": each} for each in wrong]
        )
    return Application(
        bundle=bundle,
        subject=body.subject.to_subject(),
        basis=body.basis.to_basis(),
        period=Period(first=body.period.first, last=body.period.last),
        due_at=body.due_at or now + timedelta(days=context.settings.check_days),
        items=items,
        deadline_ms=body.deadline_ms,
    )


def _out(check: Check, context: Context) -> dict[str, Json]:
    now = context.exchange.now()
    late = {a for p in check.missing() if p.late(now) for a in p.authorities}
    return {
        "id": check.id,
        "bundle": check.bundle,
        "state": str(check.state),
        "period": _period(check.period),
        "received_at": check.received_at.isoformat(),
        "due_at": check.due_at.isoformat(),
        "delivered_at": _moment(check.delivered_at),
        "receipt": check.receipt,
        "parts": [_part(part, check.period, now) for part in check.parts],
        "missing": [part.seq for part in check.missing()],
        "late": [*sorted(late)],
    }


def _part(part: Part, period: Period, now: datetime) -> dict[str, Json]:
    return {
        "part": part.seq,
        "item": part.item,
        "name": part.name,
        "departments": [*part.authorities],
        "state": str(part.state),
        "finding": str(part.finding) if part.finding else None,
        "late": part.late(now),
        "due_at": part.due_at.isoformat(),
        "answered_at": _moment(part.answered_at),
        "open_because": part.open_because,
        "statements": [_statement(each, period) for each in part.statements],
    }


def _statement(statement: Statement, period: Period) -> dict[str, Json]:
    return {
        "resource": statement.resource,
        "authority": statement.authority,
        "finding": str(statement.finding),
        "sentence": sentence(statement, period),
        "records": [dict(record) for record in statement.records],
        "as_of": statement.as_of,
        "receipt": statement.receipt,
        "by": statement.by,
    }


def _assigned(check: Check, part: Part, now: datetime) -> dict[str, Json]:
    """What a clerk needs to look it up, and no other department's findings."""
    return {
        "check": check.id,
        "part": part.seq,
        "name": part.name,
        "case": check.basis.case,
        "subject": {
            "kind": check.subject.kind,
            "id_type": str(check.subject.id_type),
            "id": check.subject.number,
            "name": check.subject.name,
        },
        "period": _period(check.period),
        "due_at": part.due_at.isoformat(),
        "late": part.late(now),
    }


def _period(period: Period) -> dict[str, Json]:
    return {"from": period.first.isoformat(), "to": period.last.isoformat()}


def _moment(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
