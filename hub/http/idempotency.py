"""`Idempotency-Key`: the same key and body give the same answer, without asking anybody again.

The remembered answer holds personal data and is sealed like everything else at rest.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Annotated

from fastapi import Header, Request
from fastapi.responses import JSONResponse

from hub.http.context import Context
from hub.model import Consumer, Json
from hub.store import recall_response, remember_response, request_digest

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=8,
        max_length=128,
        pattern=r"^[\x21-\x7e]+$",
        description="同一请求重发时使用同一个键 / the same key for the same request sent again",
    ),
]


async def once(
    context: Context,
    caller: Consumer,
    request: Request,
    key: str | None,
    answer: Callable[[], Awaitable[dict[str, Json]]],
) -> JSONResponse:
    """Answer, or repeat what was answered to this key before.

    Raises:
        hub.errors.DuplicateRequest: the key came with another body, or its first use is under way.
    """
    if key is None:
        return JSONResponse(await answer())
    digest = request_digest(request.url.path, await request.body())
    now = context.exchange.now()
    claim = await asyncio.to_thread(
        recall_response,
        context.database,
        context.vault,
        caller.client_id,
        key,
        digest,
        now + timedelta(hours=context.settings.idempotency_hours),
        now,
    )
    if claim is not None:
        return JSONResponse(json.loads(claim), headers={"Idempotent-Replay": "true"})
    body: dict[str, Json] | None = None
    try:
        body = await answer()
    finally:
        # None gives the key free again: a failed request may be sent once more.
        text = None if body is None else json.dumps(body, ensure_ascii=False)
        await asyncio.to_thread(
            remember_response, context.database, context.vault, caller.client_id, key, text
        )
    return JSONResponse(body)
