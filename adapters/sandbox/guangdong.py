"""A front in the Guangdong style: `x-tif-*` headers, each nonce good once.

The signature is the SHA-256 of time, token, nonce and time again, in capitals.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import OrderedDict

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from adapters.sandbox.faults import Switch
from adapters.sandbox.spelling import answer

PREFIX = "x-tif-"
CLOCK_SECONDS = 180
_NONCES = 50_000


class Guangdong:
    """The front."""

    def __init__(self, app: ASGIApp, paas_id: str, token: str, switch: Switch) -> None:
        self._app, self._paas_id, self._token, self._switch = app, paas_id, token, switch
        self._seen: OrderedDict[str, None] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if complaint := self._complaint(Request(scope)):
            refusal = answer({"errcode": 401, "errmsg": complaint}, status=401)
            await refusal(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _complaint(self, request: Request) -> str | None:
        names = ("paasid", "timestamp", "nonce", "signature")
        paas_id, moment, nonce, sign = (request.headers.get(PREFIX + name, "") for name in names)
        if paas_id != self._paas_id:
            return "系统未登记"
        if not (moment.isascii() and moment.isdecimal()):
            return "时间戳有误"
        if abs(self._switch.now() - int(moment)) > CLOCK_SECONDS:
            return "时间戳超出允许范围"
        text = f"{moment}{self._token}{nonce}{moment}"
        wanted = hashlib.sha256(text.encode()).hexdigest().upper()
        if not hmac.compare_digest(wanted.encode(), sign.encode()):
            return "签名错误"
        if not nonce or nonce in self._seen:
            return "随机数重复"
        self._seen[nonce] = None
        if len(self._seen) > _NONCES:
            self._seen.popitem(last=False)
        return None
