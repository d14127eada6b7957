"""A front in the Zhejiang style: signed parameters, and a request secret with two ways to renew it.

`sign` is the MD5 of app key, secret and time in hex. By the app secret one gets a request secret
and a refresh secret; by the refresh secret both anew. Every refresh ends what was before.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from adapters.sandbox.faults import Fault, Switch
from adapters.sandbox.spelling import answer

BY_KEY, BY_SECRET = "/app/refreshTokenByKey.htm", "/app/refreshTokenBySec.htm"
CLOCK_MS = 5 * 60 * 1000
SECRET_SECONDS = 15 * 60
_REFRESH_MS = 48 * 3600 * 1000


class Zhejiang:
    """The front."""

    def __init__(
        self, app: ASGIApp, app_key: str, app_secret: str, switch: Switch,
        secret_seconds: float = SECRET_SECONDS,
    ) -> None:  # fmt: skip
        self._app, self._key, self._long, self._switch = app, app_key, app_secret, switch
        self._life_ms = int(secret_seconds * 1000)
        self._requests: dict[str, int] = {}
        self._renewals: dict[str, int] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        request = Request(scope, receive)
        if scope["path"] == BY_KEY:
            await (await self._renewed(request, {self._long: _now(self._switch) + self._life_ms}))(
                scope, receive, send
            )
        elif scope["path"] == BY_SECRET:
            await (await self._renewed(request, self._renewals))(scope, receive, send)
        elif refusal := self._refused(request.query_params, self._requests, "14"):
            await refusal(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _renewed(self, request: Request, by: Mapping[str, int]) -> Response:
        said = dict(parse_qsl((await request.body()).decode("ascii", "replace")))
        if refusal := self._refused({**request.query_params, **said}, by, "09"):
            return refusal
        now = _now(self._switch)
        old = {} if self._switch.fault is Fault.TOKEN_RACE else self._requests
        fresh, renewal = secrets.token_hex(16), secrets.token_hex(16)
        self._requests = {each: end for each, end in old.items() if end > now}
        self._requests[fresh] = now + self._life_ms
        self._renewals = {renewal: now + _REFRESH_MS}
        return answer(
            {
                "code": "00",
                "msg": "成功",
                "datas": {
                    "requestSecret": fresh,
                    "requestSecretEndTime": now + self._life_ms,
                    "refreshSecret": renewal,
                    "refreshSecretEndTime": now + _REFRESH_MS,
                },
            }
        )

    def _refused(
        self, said: Mapping[str, str], keys: Mapping[str, int], code: str
    ) -> Response | None:
        moment, sign, now = said.get("requestTime", ""), said.get("sign", ""), _now(self._switch)
        if said.get("appKey") != self._key:
            return answer({"code": "03", "msg": "应用未登记", "datas": None})
        if not (moment.isascii() and moment.isdecimal()) or abs(now - int(moment)) > CLOCK_MS:
            return answer({"code": "05", "msg": "请求时间超出允许范围", "datas": None})
        alive = (key for key, end in keys.items() if end > now)
        texts = (f"{self._key}{key}{moment}".encode() for key in alive)
        signs = (hashlib.md5(text, usedforsecurity=False).hexdigest() for text in texts)
        if not any(hmac.compare_digest(each.encode(), sign.encode()) for each in signs):
            return answer({"code": code, "msg": "签名错误或密钥已失效", "datas": None})
        return None


def _now(switch: Switch) -> int:
    return int(switch.now() * 1000)
