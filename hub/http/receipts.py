"""`GET /v1/receipts/{id}` and the public side of the evidence log."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse
from pydantic import BaseModel

from hub.errors import UnknownReceipt
from hub.http.context import Caller, Joined
from hub.http.problems import refusals
from hub.receipts import receipt_document

router = APIRouter(prefix="/v1", tags=["evidence"])


class ReceiptOut(BaseModel):
    """A receipt file; see `mianti receipts verify`."""

    v: int
    receipt: str
    leaf: str
    index: int
    size: int
    proof: list[str]
    checkpoint: str
    key: str
    salts: dict[str, str]


class ConsistencyOut(BaseModel):
    """RFC 6962 §2.1.2."""

    old: int
    new: int
    proof: list[str]


@router.get(
    "/receipts/{receipt_id}",
    summary="回执 / a receipt with its inclusion proof",
    responses={200: {"model": ReceiptOut}, **refusals(401, 404)},
)
async def show_receipt(
    receipt_id: Annotated[str, Path(max_length=48)], context: Joined, caller: Caller
) -> JSONResponse:
    """Only the caller that asked gets it: to all others it does not exist."""
    receipt = await asyncio.to_thread(context.evidence.receipt, receipt_id)
    body: dict[str, Any] = json.loads(receipt.leaf)["body"]
    if body.get("consumer") != caller.client_id:
        raise UnknownReceipt
    return JSONResponse(receipt_document(receipt))


@router.get(
    "/evidence/checkpoint",
    summary="日志头 / the signed tree head (C2SP tlog-checkpoint)",
    response_class=PlainTextResponse,
    responses=refusals(),
)
def show_checkpoint(context: Joined) -> PlainTextResponse:
    """Public: whoever keeps one can later prove that nothing before it was changed."""
    return PlainTextResponse(context.evidence.checkpoint())


@router.get("/evidence/key", summary="日志公钥 / the log's public key", responses=refusals())
def show_key(context: Joined) -> dict[str, str]:
    """Ed25519, base64; pin it once, by another way than this one."""
    return {
        "origin": context.evidence.origin,
        "key": base64.b64encode(context.vault.public_key).decode(),
    }


@router.get(
    "/evidence/consistency",
    summary="一致性证明 / proof that an older tree is the beginning of a newer one",
    responses={200: {"model": ConsistencyOut}, **refusals()},
)
def show_consistency(
    old: Annotated[int, Query(ge=1, le=2**53)],
    new: Annotated[int, Query(ge=1, le=2**53)],
    context: Joined,
) -> JSONResponse:
    """Public, like the tree heads it connects."""
    try:
        proof = context.evidence.consistency(old, new)
    except ValueError as wrong:
        complaint = {"type": "value_error", "loc": ("query",), "msg": str(wrong)}
        raise RequestValidationError([complaint]) from wrong
    nodes = [base64.b64encode(node).decode() for node in proof]
    return JSONResponse({"old": old, "new": new, "proof": nodes})
