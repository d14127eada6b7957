"""Many queries at once: `POST /v1/queries:batch`, and the job that comes of it."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, StringConstraints, ValidationError
from starlette.exceptions import HTTPException

from hub.batches import KIND, ROWS_A_CHUNK, BatchRow, UnreadableRow
from hub.errors import DuplicateRequest, MalformedRequest, UnknownJob
from hub.evidence import EvidenceKind, EvidenceRecord
from hub.http.addresses import made_with
from hub.http.asked import BatchHeadIn, QueryIn
from hub.http.bodies import parse
from hub.http.context import Caller, Context, Joined
from hub.http.idempotency import IdempotencyKey
from hub.http.problems import complaints_of
from hub.http.query import REFUSALS, purpose_or_problem
from hub.ids import new_id
from hub.jobs import Job, JobState
from hub.model import Consumer, Json

router = APIRouter(prefix="/v1", tags=["batches"])

NDJSON = "application/x-ndjson"
PATH = "/v1/queries:batch"
MAX_ROW_BYTES = 4096
"""A row is a subject and a case number; nothing longer is one."""

JobId = Annotated[str, made_with("job")]


class JobOut(BaseModel):
    """A job, and how far it is."""

    id: str
    kind: str
    state: JobState
    rows: int
    done: int
    outcomes: dict[str, int]
    created_at: datetime
    finished_at: datetime | None
    expires_at: datetime
    results: str
    """Where the rows' outcomes are."""


_ROW_SCHEMA = {
    "type": "object",
    "required": ["subject"],
    "additionalProperties": False,
    "properties": {
        "ref": {"type": "string", "maxLength": 64, "description": "调用方自己的行号 / your own"},
        "case": {"type": "string", "description": "本行的办件编号 / instead of the head's"},
        "subject": {"$ref": "#/components/schemas/SubjectIn"},
    },
}
_BODY = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["head", "rows"],
                "additionalProperties": False,
                "properties": {
                    "head": {"$ref": "#/components/schemas/BatchHeadIn"},
                    "rows": {"type": "array", "minItems": 1, "items": _ROW_SCHEMA},
                },
            }
        },
        NDJSON: {
            "schema": {
                "type": "string",
                "description": "首行为 head，以后一行一个主体 / the head first, then a row a line",
            }
        },
    },
}


@router.post(
    "/queries:batch",
    status_code=202,
    summary="批量查询 / many queries as a job, with an outcome for each row",
    responses={202: {"model": JobOut}, **REFUSALS},
    openapi_extra={"requestBody": _BODY},
)
async def submit(
    request: Request, context: Joined, caller: Caller, idempotency_key: IdempotencyKey = None
) -> JSONResponse:
    """Take a batch in. It is worked off row by row; nothing is accepted by halves."""
    lines = _lines(request)
    digest = hashlib.sha256()
    head = await _head(lines, digest)
    purpose_or_problem(context, head.basis.item)
    job_id = _job_id(context, caller, idempotency_key)
    ledger, now = context.jobs.ledger, context.exchange.now()
    try:
        await asyncio.to_thread(
            ledger.open,
            id=job_id,
            kind=KIND,
            owner=caller.client_id,
            head=head.model_dump(mode="json"),
            now=now,
            expires_at=now + timedelta(hours=context.settings.batch_hours),
        )
    except DuplicateRequest:
        return await _again(context, caller, job_id, lines, digest)
    try:
        rows = await _receive(context, job_id, lines, digest)
        await _write_evidence(context, caller, head, job_id, rows)
    except BaseException:
        await asyncio.shield(asyncio.to_thread(ledger.forget, job_id))
        raise
    await asyncio.to_thread(ledger.begin, job_id, digest.hexdigest())
    context.jobs.wake()
    job = await asyncio.to_thread(ledger.find, job_id, caller.client_id)
    return JSONResponse(_out(job), status_code=202, headers={"Location": f"/v1/jobs/{job_id}"})


@router.get(
    "/jobs/{job_id:id}",
    summary="作业进度 / a job's progress",
    responses={200: {"model": JobOut}, **REFUSALS},
)
async def show(job_id: JobId, context: Joined, caller: Caller) -> JSONResponse:
    """Only the caller that submitted it sees it."""
    job = await asyncio.to_thread(context.jobs.ledger.find, job_id, caller.client_id)
    return JSONResponse(_out(job))


@router.get(
    "/jobs/{job_id:id}/rows",
    summary="逐行结果 / outcomes row by row, as JSON lines",
    responses={200: {"content": {NDJSON: {"schema": {"type": "string"}}}}, **REFUSALS},
    response_class=StreamingResponse,
)
async def rows(
    job_id: JobId,
    context: Joined,
    caller: Caller,
    after: Annotated[
        int, Query(ge=0, le=2**31 - 1, description="从此行之后 / behind this row")
    ] = 0,
) -> StreamingResponse:
    """What is done, in order, up to the first row that is not; ask again with `after` for more."""
    await asyncio.to_thread(context.jobs.ledger.find, job_id, caller.client_id)
    return StreamingResponse(_written(context, job_id, after), media_type=NDJSON)


@router.post(
    "/jobs/{job_id:id}:{act}",
    summary="暂停、继续、取消 / pause, resume, cancel",
    responses={200: {"model": JobOut}, **REFUSALS},
)
async def steer(
    job_id: JobId, act: Literal["pause", "resume", "cancel"], context: Joined, caller: Caller
) -> JSONResponse:
    """Rows that are under way are finished; a job that is over stays as it is."""
    ledger = context.jobs.ledger
    await asyncio.to_thread(ledger.find, job_id, caller.client_id)
    match act:
        case "pause":
            await asyncio.to_thread(ledger.pause, job_id)
        case "resume":
            await asyncio.to_thread(ledger.resume, job_id)
            context.jobs.wake()
        case "cancel":
            await asyncio.to_thread(ledger.cancel, job_id, context.exchange.now())
    return JSONResponse(_out(await asyncio.to_thread(ledger.find, job_id, caller.client_id)))


def read_row(head: Mapping[str, Json], row: Json) -> BatchRow:
    """A query from the head of a batch and one of its rows; see `hub.batches.ReadRow`."""
    if not isinstance(row, dict):
        raise UnreadableRow(["row: not an object"])
    try:
        parsed = _RowIn.model_validate(row)
        basis = dict(_mapping(head["basis"]))
        if parsed.case is not None:
            basis["case"] = parsed.case
        whole = {**head, "subject": row["subject"], "basis": basis}
        return BatchRow(query=QueryIn.model_validate(whole).to_request(), question=whole)
    except ValidationError as wrong:
        raise UnreadableRow(complaints_of(wrong.errors(include_url=False), row)) from None


class _RowIn(BaseModel, extra="forbid", hide_input_in_errors=True):
    ref: Annotated[str, StringConstraints(max_length=64)] | None = None
    case: str | None = None
    subject: dict[str, object]


def _mapping(value: Json) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}


async def _lines(request: Request) -> AsyncIterator[bytes]:
    """The head, then the rows, each as JSON: of JSON lines as they arrive, of JSON at the end."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == NDJSON:
        async for line in _split(request):
            yield line
        return
    if media_type != "application/json":
        raise HTTPException(415)
    body = parse(await request.body())
    if not isinstance(body, dict) or set(body) != {"head", "rows"}:
        raise _invalid("body", "an object with head and rows, and nothing else")
    if not isinstance(body["rows"], list):
        raise _invalid("rows", "a list")
    yield json.dumps(body["head"]).encode()
    for row in body["rows"]:
        yield json.dumps(row).encode()


async def _split(request: Request) -> AsyncIterator[bytes]:
    rest = b""
    async for piece in request.stream():
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            if line.strip():
                yield line
        if len(rest) > request.app.state.context.settings.max_body_bytes:
            raise _invalid("body", "lines, each an object")
    if rest.strip():
        yield rest


async def _head(lines: AsyncIterator[bytes], digest: hashlib._Hash) -> BatchHeadIn:
    line = await anext(lines, None)
    if line is None:
        raise _invalid("head", "a first line")
    digest.update(line + b"\n")
    head = parse(line)
    try:
        return BatchHeadIn.model_validate(head)
    except ValidationError as wrong:
        raise RequestValidationError(
            [{**each, "loc": ("head", *each["loc"])} for each in wrong.errors(include_url=False)],
            body=head,
        ) from None


async def _receive(
    context: Context, job: str, lines: AsyncIterator[bytes], digest: hashlib._Hash
) -> int:
    """Put the rows into the ledger, a chunk at a time; how many there were."""
    ledger = context.jobs.ledger
    number = received = 0
    rows: list[Json] = []
    async for line in lines:
        digest.update(line + b"\n")
        rows.append(_row(line))
        if len(rows) == ROWS_A_CHUNK:
            await asyncio.to_thread(ledger.add, job, number, received + 1, rows)
            number, received, rows = number + 1, received + len(rows), []
    if rows:
        await asyncio.to_thread(ledger.add, job, number, received + 1, rows)
    received += len(rows)
    if not received:
        raise _invalid("rows", "at least one row")
    return received


def _row(line: bytes) -> Json:
    """A row as it was sent; what is none becomes an outcome of its own, not a refusal of all."""
    if len(line) > MAX_ROW_BYTES:
        return None
    try:
        row: Json = parse(line)
    except MalformedRequest:
        return None
    return row


async def _again(
    context: Context,
    caller: Consumer,
    job_id: str,
    lines: AsyncIterator[bytes],
    digest: hashlib._Hash,
) -> JSONResponse:
    """The job that this key made before, if the request is the same."""
    async for line in lines:
        digest.update(line + b"\n")
    try:
        job = await asyncio.to_thread(context.jobs.ledger.find, job_id, caller.client_id)
    except UnknownJob:
        raise DuplicateRequest("under-way") from None
    if job.state is JobState.RECEIVING:
        raise DuplicateRequest("under-way")
    if job.digest != digest.hexdigest():
        raise DuplicateRequest("another-request")
    return JSONResponse(_out(job), status_code=202, headers={"Idempotent-Replay": "true"})


def _job_id(context: Context, caller: Consumer, key: str | None) -> str:
    """The same key of the same caller names the same job."""
    if key is None:
        return new_id("job")
    return f"job_{context.vault.blind_index('batch', f'{caller.client_id} {key}').hex()}"


async def _write_evidence(
    context: Context, caller: Consumer, head: BatchHeadIn, job: str, count: int
) -> None:
    body = {
        "job": job,
        "consumer": caller.client_id,
        "authority": caller.authority,
        "item": head.basis.item,
        "case": head.basis.case,
        "rows": count,
    }
    await context.evidence.append(
        [
            EvidenceRecord(
                kind=EvidenceKind.BATCH_ACCEPTED,
                id=new_id("evd"),
                at=context.exchange.now(),
                body=body,
            )
        ]
    )


async def _written(context: Context, job: str, after: int) -> AsyncIterator[bytes]:
    found = context.jobs.ledger.outcomes(job, after)
    while batch := await asyncio.to_thread(_some, found):
        yield batch


def _some(found: Iterator[Json]) -> bytes:
    """The next lines; empty at the end."""
    lines: list[str] = []
    for outcome in found:
        lines.append(json.dumps(outcome, ensure_ascii=False))
        if len(lines) == ROWS_A_CHUNK:
            break
    return "".join(f"{line}\n" for line in lines).encode()


def _out(job: Job) -> dict[str, Json]:
    return {
        "id": job.id,
        "kind": job.kind,
        "state": str(job.state),
        "rows": job.rows,
        "done": job.done,
        "outcomes": dict(job.outcomes),
        "created_at": job.created_at.isoformat(),
        "finished_at": job.finished_at.isoformat() if job.finished_at else None,
        "expires_at": job.expires_at.isoformat(),
        "results": f"/v1/jobs/{job.id}/rows",
    }


def _invalid(where: str, expected: str) -> RequestValidationError:
    return RequestValidationError(
        [{"type": "value_error", "loc": (where,), "msg": f"expected: {expected}"}]
    )
