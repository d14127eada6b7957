"""A national-gateway front: checks `gjgxjhpt_*` headers, then lets the request through.

The request secret lives for a minute and is fetched with the long-term app key, which seals it
(AES-128/ECB under SHA1(SHA1(app key)), as the Java of the gateways does). Refusals are HTTP 200 with
`code` -1 or E-106.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from cryptography.hazmat.primitives.ciphers.modes import ECB
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.documents import parse_xml
from adapters.errors import SourceAnswerInvalid
from adapters.sandbox.faults import Fault, Switch

PREFIX = "gjgxjhpt_"
REFRESH = "/sysapi/refreshappsecret"
CLOCK_MS = 5 * 60 * 1000
SECRET_SECONDS = 60
"""How long a request secret lives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The one system that is registered at the gateway."""

    rid: str
    sid: str
    app_key: str = field(repr=False)


class Gateway:
    """The front."""

    def __init__(
        self, app: ASGIApp, caller: Caller, switch: Switch, *,
        secret_seconds: float = SECRET_SECONDS,
    ) -> None:  # fmt: skip
        """Args:
        app: The service behind.
        caller: Who may call.
        switch: Of the department behind: its clock is the gateway's too.
        secret_seconds: How long a request secret lives.
        """
        self._app, self._caller, self._switch = app, caller, switch
        self._life_ms = int(secret_seconds * 1000)
        self._secrets: dict[str, int] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        request = Request(scope, receive)
        if scope["path"].endswith(REFRESH):  # callers ask below the service's own address
            await (await self._refreshed(request))(scope, receive, send)
            return
        receive, said = await self._said(request, receive)
        if complaint := self._complaint(said):
            await complaint(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _said(self, request: Request, receive: Receive) -> tuple[Receive, Sequence[str]]:
        """Who calls, and the rest of the request to read."""
        names = ("rid", "sid", "rtime", "sign")
        return receive, [request.headers.get(PREFIX + name, "") for name in names]

    async def _refreshed(self, request: Request) -> Response:
        """A new request secret, sealed with the app key."""
        try:
            asked: Any = json.loads(await request.body())
            said = [str(asked[name]) for name in ("rid", "sid", "rtime", "sign")]
        except (ValueError, KeyError, TypeError):
            return _refusal("-1", "参数不完整")
        if refusal := self._refused(said, [self._caller.app_key]):
            return refusal
        now, secret = self._now_ms(), secrets.token_hex(16)
        racing = self._switch.fault is Fault.TOKEN_RACE
        kept = {} if racing else self._secrets
        self._secrets = {each: end for each, end in kept.items() if end > now}
        self._secrets[secret] = now + self._life_ms
        sealed = sealed_secret(self._caller.app_key, secret)
        return _answer({"code": "0", "message": "成功",
                        "data": {"secret": sealed, "secretEndTime": now + self._life_ms}})  # fmt: skip

    def _now_ms(self) -> int:
        return int(self._switch.now() * 1000)

    def _complaint(self, said: Sequence[str]) -> Response | None:
        now = self._now_ms()
        alive = [secret for secret, end in self._secrets.items() if end > now]
        return self._refused(said, alive)

    def _refused(self, said: Sequence[str], keys: Sequence[str]) -> Response | None:
        rid, sid, rtime, sign = said
        if (rid, sid) != (self._caller.rid, self._caller.sid):
            return _refusal("-1", "请求方或服务未登记")
        if not rtime.isdecimal() or abs(self._now_ms() - int(rtime)) > CLOCK_MS:
            return _refusal("-1", "请求时间超出允许范围")
        signs = (signed(key, rid, sid, rtime) for key in keys)
        if not any(hmac.compare_digest(each.encode(), sign.encode()) for each in signs):
            return _refusal("E-106", "签名验证失败或密钥已过期")
        return None


def _answer(document: dict[str, Any]) -> Response:
    body = json.dumps(document, ensure_ascii=False).encode()
    return Response(body, media_type="application/json; charset=utf-8")


def _refusal(code: str, message: str) -> Response:
    return _answer({"code": code, "message": message, "data": None})


def signed(key: str, rid: str, sid: str, rtime: str) -> str:
    """Base64 of HMAC-SHA256 over sid + rid + rtime."""
    return base64.b64encode(
        hmac.digest(key.encode(), f"{sid}{rid}{rtime}".encode(), hashlib.sha256)
    ).decode()


def sealed_secret(app_key: str, secret: str) -> str:
    """`secret` as the gateway sends it."""
    once = hashlib.sha1(app_key.encode(), usedforsecurity=False).digest()
    key = hashlib.sha1(once, usedforsecurity=False).digest()[:16]
    padder = padding.PKCS7(128).padder()
    padded = padder.update(secret.encode()) + padder.finalize()
    encryptor = Cipher(algorithms.AES(key), ECB()).encryptor()  # noqa: S305 -- the gateway's format
    return base64.b64encode(encryptor.update(padded) + encryptor.finalize()).decode()


class SOAPGateway(Gateway):
    """The same for SOAP: the signature is in the header of the envelope (`tongtechheader`)."""

    async def _said(self, request: Request, receive: Receive) -> tuple[Receive, Sequence[str]]:
        body: bytes | None = await request.body()
        document = body or b""

        async def again() -> Message:
            nonlocal body
            if body is None:
                return await receive()
            message: Message = {"type": "http.request", "body": body, "more_body": False}
            body = None
            return message

        try:
            found = parse_xml(document).find(".//tongtechheader")
        except SourceAnswerInvalid:
            found = None
        names = ("rid", "sid", "rTime", "sign")
        if found is None:
            return again, ["", "", "", ""]
        return again, [found.findtext(PREFIX + name) or "" for name in names]
