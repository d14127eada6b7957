"""Errors become problem documents here, and nowhere else (RFC 9457).

One table: error → status and title. Whatever is not in it is a 500 without detail and with a trace
number. No message that a library wrote, and nothing a caller sent, is repeated in a problem.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from catalog.errors import CatalogError, UnknownEntry
from hub.errors import HubError
from hub.http import asked
from hub.model import Json

log = structlog.get_logger()

MEDIA_TYPE = "application/problem+json"
MAX_COMPLAINTS = 50


class Problem(BaseModel):
    """A problem document."""

    model_config = ConfigDict(extra="forbid")

    type: str = Field(description="urn:mianti:problem:<code>")
    title: str
    status: int
    detail: str
    code: str = Field(description="稳定的错误代码 / stable key")
    origin: str = Field(description="caller | hub | source：是谁的问题 / whose fault it is")
    trace: str = Field(description="求助时请提供 / give this when asking for help")
    why: list[str] = Field(default_factory=list)
    fix: list[str] = Field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A line of the table."""

    status: int
    title: str
    fix: str
    """What whoever reads it can do; a complaint that knows better replaces it."""


TABLE: dict[str, Entry] = {
    "hub.malformed-request": Entry(
        status=400,
        title="请求无法读取 / The request cannot be read",
        fix="请发送 UTF-8 编码的 JSON / send JSON in UTF-8",
    ),
    "hub.invalid-request": Entry(
        status=422,
        title="请求内容不符合接口 / The request is not valid",
        fix="按 why 逐项更正，接口见 /docs / correct what why lists; the interface is at /docs",
    ),
    "hub.too-large": Entry(
        status=413,
        title="请求过大 / The request is too large",
        fix="分成几次请求 / ask in several requests",
    ),
    "hub.headers-too-large": Entry(
        status=431,
        title="请求头过大 / The headers of the request are too large",
        fix="去掉不需要的请求头 / leave out headers that are not needed",
    ),
    "hub.too-slow": Entry(
        status=408,
        title="请求未在规定时间内发完 / The request did not arrive in time",
        fix="检查网络后重发 / look at the network and send it again",
    ),
    "hub.not-found": Entry(
        status=404,
        title="没有这个地址 / No such resource",
        fix="地址见 /docs / the addresses are at /docs",
    ),
    "hub.method-not-allowed": Entry(
        status=405,
        title="不支持的方法 / Method not allowed",
        fix="可用的方法见响应头 Allow / see the header Allow",
    ),
    "hub.unsupported-media-type": Entry(
        status=415,
        title="不支持的内容类型 / Unsupported media type",
        fix="Content-Type: application/json",
    ),
    "hub.token-refused": Entry(
        status=401,
        title="调用方身份未确认 / The caller is not authenticated",
        fix="用 private_key_jwt 在 /oauth2/token 重新获取令牌 / get a new token",
    ),
    "hub.unknown-receipt": Entry(
        status=404,
        title="没有这张回执 / No such receipt",
        fix="用取得该回执的调用方身份查询 / ask as the caller that was given the receipt",
    ),
    "hub.unknown-job": Entry(
        status=404,
        title="没有这个作业 / No such job",
        fix="用提交该作业的调用方身份查询，或重新提交 / ask as the caller that submitted it, or submit anew",
    ),
    "hub.unknown-check": Entry(
        status=404,
        title="没有这项联合核查 / No such composite check",
        fix="用发起或承办该核查的调用方身份查询 / ask as a caller that has a part in it",
    ),
    "hub.check-incomplete": Entry(
        status=409,
        title="有部门尚未答复 / Departments have not answered yet",
        fix="等待答复，或在 without 中列明不再等待的部分 / wait, or name the parts in `without`",
    ),
    "hub.check-over": Entry(
        status=409,
        title="联合核查已送达或已撤回 / The check is over",
        fix="如仍需要，请发起新的核查 / start a new check if one is needed",
    ),
    "hub.not-your-part": Entry(
        status=403,
        title="该部分不由你部门答复，或已答复 / Not yours to answer, or answered",
        fix="待答复的部分见 GET /v1/checks/assigned / see what waits for you there",
    ),
    "hub.unknown-query": Entry(
        status=404,
        title="没有保存这次查询的结果 / No answer is kept for this query",
        fix="只保存待录入的查询，且只给查询方；请重新查询 / only deferred answers are kept, for their caller",
    ),
    "hub.callback-not-registered": Entry(
        status=422,
        title="回调地址未登记 / The callback's address is not registered",
        fix="请枢纽运行单位登记：mianti callbacks add / ask the bureau that runs the hub",
    ),
    "hub.loop": Entry(
        status=409,
        title="查询绕回了本枢纽 / The question has passed this hub before",
        fix="枢纽之间互为数源，请运行单位改清单 / hubs are sources of each other; mend the manifests",
    ),
    "hub.too-many-hops": Entry(
        status=409,
        title="经过的枢纽过多 / The question has passed too many hubs",
        fix="直接向离数源近的枢纽查询 / ask a hub that is nearer to the source",
    ),
    "hub.unknown-task": Entry(
        status=404,
        title="没有这项录入任务 / No such task",
        fix="本部门的任务见 GET /v1/tasks / see the department's tasks there",
    ),
    "hub.task-over": Entry(
        status=409,
        title="该任务已录入、已失效或不待复核 / The task does not wait for this",
        fix="待办见 GET /v1/tasks / see what waits there",
    ),
    "hub.not-your-task": Entry(
        status=403,
        title="录入人不能复核自己的录入 / Who typed it does not confirm it",
        fix="请另一名工作人员复核 / another clerk has to confirm",
    ),
    "hub.answer-refused": Entry(
        status=422,
        title="录入内容不符合信息项的类型或代码 / What was typed does not fit its fields",
        fix="按 why 更正：日期如 2026-11-24，代码可填代码或名称 / correct what why lists",
    ),
    "hub.bundle-not-analysed": Entry(
        status=409,
        title="该“一件事”尚未梳理材料 / This bundle has no material list yet",
        fix="请牵头部门先完成材料梳理 / the lead department has to analyse it first",
    ),
    "hub.duplicate-request": Entry(
        status=409,
        title="幂等键已用于另一请求 / The idempotency key was used for another request",
        fix="为新的请求使用新的 Idempotency-Key / use a new key for a new request",
    ),
    "hub.evidence-unavailable": Entry(
        status=503,
        title="留痕暂不可用，未披露任何数据 / Evidence cannot be written; nothing was disclosed",
        fix="稍后重试 / try again later",
    ),
    "hub.cache-unavailable": Entry(
        status=503,
        title="缓存暂不可用 / The cache is not available",
        fix="稍后重试 / try again later",
    ),
    "hub.key-unavailable": Entry(
        status=503,
        title="密钥不可用 / Keys are not available",
        fix="请运行单位检查密钥 / the bureau that runs the hub has to look at its keys",
    ),
    "hub.corrupt-log": Entry(
        status=500,
        title="留痕日志损坏 / The evidence log is damaged",
        fix="请运行单位核查日志 / the bureau that runs the hub has to audit its log",
    ),
    "hub.internal": Entry(
        status=500,
        title="枢纽内部错误 / Internal error",
        fix="请提供 trace 联系运行单位 / ask the bureau that runs the hub, naming the trace",
    ),
    "catalog.unknown-entry": Entry(
        status=404,
        title="目录中没有这一项 / The catalog has no such entry",
        fix="查看 GET /v1/catalog / see the catalog",
    ),
}


_ANYWHERE = (400, 405, 408, 413, 422, 431, 500, 503)
"""What any request may meet."""


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What the interface says about refusals: those that any request may meet, and these."""
    titles: dict[int, list[str]] = {}
    for entry in TABLE.values():
        titles.setdefault(entry.status, []).append(entry.title)
    body = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        status: {"description": "；".join(titles[status]), "content": body}
        for status in sorted({*_ANYWHERE, *statuses})
    }


def document(
    code: str,
    *,
    trace: str,
    detail: str = "",
    origin: str = "caller",
    why: Sequence[str] = (),
    fix: Sequence[str] = (),
) -> dict[str, Json]:
    """A problem document for `code`, which has to be in the table."""
    entry = TABLE[code]
    return {
        "type": f"urn:mianti:problem:{code}",
        "title": entry.title,
        "status": entry.status,
        "detail": detail or entry.title,
        "code": code,
        "origin": origin,
        "trace": trace,
        "why": list(why),
        "fix": list(fix) or [entry.fix],
    }


def problem(
    request: Request,
    code: str,
    *,
    detail: str = "",
    origin: str = "caller",
    why: Sequence[str] = (),
    fix: Sequence[str] = (),
    headers: dict[str, str] | None = None,
) -> JSONResponse:
    """The response that carries a problem document."""
    trace = str(getattr(request.state, "trace", ""))
    log.info("problem", code=code, status=TABLE[code].status, why=list(why), trace=trace)
    body = document(code, trace=trace, detail=detail, origin=origin, why=why, fix=fix)
    out = dict(headers or {})
    if origin != "caller":
        # A caller can tell the postman's fault from the sender's without reading the body.
        out["Exchange-Error"] = code
    return JSONResponse(body, status_code=TABLE[code].status, media_type=MEDIA_TYPE, headers=out)


def install(app: FastAPI) -> None:
    """Route every exception through the table, and describe a problem in the interface once."""
    app.add_exception_handler(RequestValidationError, _on_validation)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(HubError, _on_hub)
    app.add_exception_handler(CatalogError, _on_catalog)
    described = app.openapi

    def openapi() -> dict[str, Any]:
        interface = described()
        interface["components"]["schemas"]["Problem"] = Problem.model_json_schema()
        return interface

    # The framework's own way to add to what it describes.
    app.openapi = openapi  # type: ignore[method-assign]


async def _on_validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101  (Starlette routes by type)
    why = complaints_of(error.errors(), error.body)
    return problem(request, "hub.invalid-request", why=why)


def complaints_of(errors: Iterable[Mapping[str, Any]], body: object = None) -> list[str]:
    """The place and the rule of each of a validation's errors, at most 50, never the value: it may
    be a person's number. `body` is what was validated.
    """
    return [
        f"{_place(each['loc'], body)}: {_rule(each['type'], each['msg'])}"
        for each in islice(errors, MAX_COMPLAINTS)
    ]


def _place(loc: Sequence[int | str], body: object) -> str:
    """Where a complaint belongs, in our own words: a name that is not one of the interface's was
    sent by the caller, and is told by its rank among its neighbours.
    """
    if loc[:1] and loc[0] in _DECLARED:
        return ".".join(map(str, loc))
    shown: list[str] = []
    here = body
    for part in loc:
        among = list(here) if isinstance(here, dict) else []
        if isinstance(part, int) or part in asked.NAMES or part in _ROOTS:
            shown.append(str(part))
        elif part in among:
            shown.append(f"#{among.index(part) + 1}")
        here = _inside(here, part)
    return ".".join(shown)


_DECLARED = frozenset({"query", "path", "header"})
"""Places whose names are all our own."""
_ROOTS = frozenset({"body", "head", "rows", "row"})


def _inside(value: object, part: int | str) -> object:
    if isinstance(value, dict):
        return value.get(part, value)
    if isinstance(value, list) and isinstance(part, int) and part < len(value):
        return value[part]
    return value


def _rule(kind: str, message: str) -> str:
    # Our own validators raise ValueError with texts that hold no input; so do pydantic's messages,
    # except those that quote what was found.
    return message if kind in _QUIET else f"{kind}: {message.splitlines()[0]}"


_QUIET = frozenset({"missing", "extra_forbidden"})


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  (Starlette routes by type)
    code = {
        400: "hub.malformed-request",
        404: "hub.not-found",
        405: "hub.method-not-allowed",
        408: "hub.too-slow",
        413: "hub.too-large",
        415: "hub.unsupported-media-type",
    }.get(error.status_code, "hub.internal")
    origin = "hub" if code == "hub.internal" else "caller"
    headers = {**(error.headers or {})}
    if error.status_code == 408:
        # What is still to come of the body is not waited for.
        headers["Connection"] = "close"
    return problem(request, code, origin=origin, headers=headers)


async def _on_hub(request: Request, error: Exception) -> Response:
    assert isinstance(error, HubError)  # noqa: S101  (Starlette routes by type)
    headers = {}
    if error.code == "hub.token-refused":
        headers["WWW-Authenticate"] = 'Bearer error="invalid_token"'
    if TABLE[error.code].status == 503:
        headers["Retry-After"] = "5"
    return problem(
        request,
        error.code,
        origin=error.origin,
        why=getattr(error, "why", "").splitlines(),
        headers=headers,
    )


async def _on_catalog(request: Request, error: Exception) -> Response:
    if not isinstance(error, UnknownEntry):
        return unexpected(request, error)
    near = [f"相近的有 / near: {name}" for name in error.near]
    return problem(request, error.code, origin=error.origin, why=[error.kind], fix=near)


def unexpected(request: Request, error: Exception) -> Response:
    """The answer to what nobody foresaw: a 500 without detail, and a log line that says where."""
    # The type and the place only: a message may hold what a caller or a source sent.
    last = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(last.filename).name}:{last.lineno}"
    trace = getattr(request.state, "trace", "")
    log.error("internal", error=type(error).__name__, where=where, trace=trace)
    return problem(request, "hub.internal", origin="hub")
