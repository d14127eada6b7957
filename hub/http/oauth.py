"""`POST /oauth2/token`: client credentials with `private_key_jwt` (RFC 6749 §4.4, RFC 7523)."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from hub.errors import TokenRefused
from hub.evidence import EvidenceKind, EvidenceRecord
from hub.http.context import Context, Joined
from hub.http.problems import refusals
from hub.ids import new_id
from hub.model import Consumer
from hub.tokens import ASSERTION_TYPE

router = APIRouter(tags=["oauth2"])


class TokenOut(BaseModel):
    """RFC 6749 §5.1."""

    access_token: str
    token_type: str
    expires_in: int


class TokenErrorOut(BaseModel):
    """RFC 6749 §5.2: the one place whose errors have another shape, because clients expect it."""

    error: str
    error_description: str


_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "application/x-www-form-urlencoded": {
                "schema": {
                    "type": "object",
                    "required": ["grant_type", "client_assertion_type", "client_assertion"],
                    "properties": {
                        "grant_type": {"type": "string", "const": "client_credentials"},
                        "client_assertion_type": {"type": "string", "const": ASSERTION_TYPE},
                        "client_assertion": {"type": "string", "maxLength": 8192},
                        "client_id": {"type": "string"},
                        "scope": {"type": "string"},
                    },
                }
            }
        },
    }
}


@router.post(
    "/oauth2/token",
    summary="获取访问令牌 / get an access token",
    responses={
        **refusals(),
        200: {"model": TokenOut},
        400: {"model": TokenErrorOut},
        401: {"model": TokenErrorOut},
    },
    openapi_extra=_FORM,
)
async def token(request: Request, context: Joined) -> JSONResponse:
    """Exchange a client assertion for an access token."""
    form = _form_of(await request.body())
    if form.get("grant_type") != "client_credentials":
        return _error(400, "unsupported_grant_type", "client_credentials only")
    if form.get("client_assertion_type") != ASSERTION_TYPE or not form.get("client_assertion"):
        return _error(400, "invalid_request", "private_key_jwt only (RFC 7523)")
    try:
        consumer = await _consumer_of(form["client_assertion"], context)
    except TokenRefused as refused:
        await _note(context, EvidenceKind.TOKEN_REFUSED, {"why": refused.why})
        return _error(401, "invalid_client", refused.why)
    await _note(context, EvidenceKind.TOKEN_ISSUED, {"consumer": consumer.client_id})
    body: dict[str, Any] = {
        "access_token": context.tokens.grant(consumer),
        "token_type": "Bearer",
        "expires_in": context.settings.token_seconds,
    }
    return JSONResponse(body, headers={"Cache-Control": "no-store", "Pragma": "no-cache"})


async def _consumer_of(assertion: str, context: Context) -> Consumer:
    # Looked up before the check, because the check is synchronous and may wait for a cache.
    claimed = context.tokens.claimed_client(assertion)
    consumer = await context.register.consumer(claimed)
    return await asyncio.to_thread(context.tokens.check_assertion, assertion, consumer)


async def _note(context: Context, kind: EvidenceKind, body: dict[str, Any]) -> None:
    record = EvidenceRecord(
        kind=kind, id=new_id("evd"), at=context.exchange.now(), body=body, subjects=(), private={}
    )
    await context.evidence.append([record])


def _form_of(body: bytes) -> dict[str, str]:
    try:
        pairs = parse_qs(body.decode("ascii"), max_num_fields=20, keep_blank_values=True)
    except ValueError:
        return {}
    # A parameter given twice is an error (RFC 6749 §3.2); dropping it makes it missing.
    return {name: values[0] for name, values in pairs.items() if len(values) == 1}


def _error(status: int, error: str, description: str) -> JSONResponse:
    headers = {"Cache-Control": "no-store"}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(
        {"error": error, "error_description": description}, status_code=status, headers=headers
    )
