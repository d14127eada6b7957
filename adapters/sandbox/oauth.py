"""A token desk before a department: OAuth 2.0 client credentials (RFC 6749 §4.4).

Whether the client proves itself with a secret or with a signed assertion (RFC 7523) is the desk's
`Proof`; what follows is the same.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import math
import secrets
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from adapters.sandbox.faults import Fault, Switch
from adapters.sandbox.keys import es256_holds
from adapters.sandbox.spelling import answer

Proof = Callable[[Mapping[str, str], Mapping[str, str], float], bool]
"""Form, headers and the desk's time → is this the client?"""

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_CLOCK_SECONDS = 60


class TokenDesk:
    """The desk, and the guard before the department."""

    def __init__(
        self, app: ASGIApp, path: str, proof: Proof, switch: Switch, *,
        seconds: float = 1800, counted_in: int = 1,
    ) -> None:  # fmt: skip
        """Args:
        app: The department.
        path: Where tokens are given out.
        proof: Who gets one.
        switch: Of the department.
        seconds: How long a token lives.
        counted_in: Seconds of what `expires_in` counts: 60 where it means minutes.
        """
        self._app, self._path, self._proof, self._switch = app, path, proof, switch
        self._seconds, self._unit = seconds, counted_in
        self._tokens: dict[str, float] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        request = Request(scope, receive)
        if scope["path"] == self._path:
            await (await self._given(request))(scope, receive, send)
        elif self._tokens.get(_bearer(request.headers), 0) <= self._switch.now():
            refusal = answer({"error": "invalid_token"}, status=401)
            refusal.headers["WWW-Authenticate"] = 'Bearer error="invalid_token"'
            await refusal(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _given(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
        if form.get("grant_type") != "client_credentials":
            return answer({"error": "unsupported_grant_type"}, status=400)
        now = self._switch.now()
        if not self._proof(form, request.headers, now):
            return answer({"error": "invalid_client"}, status=401)
        kept = {} if self._switch.fault is Fault.TOKEN_RACE else self._tokens
        token = secrets.token_urlsafe(24)
        self._tokens = {each: end for each, end in kept.items() if end > now}
        self._tokens[token] = now + self._seconds
        lives = math.ceil(self._seconds / self._unit)
        return answer({"access_token": token, "token_type": "Bearer", "expires_in": lives})


def _bearer(headers: Mapping[str, str]) -> str:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def by_secret(client_id: str, secret: str) -> Proof:
    """The client has a secret (HTTP Basic, or in the form)."""

    def proof(form: Mapping[str, str], headers: Mapping[str, str], _now: float) -> bool:
        said = _basic(headers) or (form.get("client_id", ""), form.get("client_secret", ""))
        right = hmac.compare_digest(said[1].encode(), secret.encode())
        return said[0] == client_id and right

    return proof


def _basic(headers: Mapping[str, str]) -> tuple[str, str] | None:
    scheme, _, value = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return unquote(name), unquote(secret)


def by_assertion(client_id: str, key: Mapping[str, str], path: str) -> Proof:
    """The client has a key of its own; each assertion is good once.

    Args:
        client_id: The one client.
        key: Its public JWK (P-256).
        path: With which the audience ends: the desk's own address differs from front to front.
    """
    seen: dict[str, float] = {}

    def proof(form: Mapping[str, str], _headers: Mapping[str, str], now: float) -> bool:
        if form.get("client_assertion_type") != ASSERTION:
            return False
        claims = _claims(form.get("client_assertion", ""), key)
        end, id_ = claims.get("exp"), str(claims.get("jti", ""))
        for old in [each for each, until in seen.items() if until <= now]:
            del seen[old]
        if not isinstance(end, int | float) or not now <= end <= now + 600 or id_ in seen:
            return False
        begun = claims.get("iat", now)
        seen[id_] = float(end)
        return (
            claims.get("iss") == claims.get("sub") == client_id
            and str(claims.get("aud")).endswith(path)
            and isinstance(begun, int | float)
            and begun <= now + _CLOCK_SECONDS
            and bool(id_)
        )

    return proof


def _claims(assertion: str, key: Mapping[str, str]) -> Mapping[str, Any]:
    """The claims of a JWT whose ES256 signature holds; empty where anything is wrong."""
    try:
        head, body, sign = assertion.split(".")
        header, claims = (json.loads(_decoded(part)) for part in (head, body))
        holds = es256_holds(key, f"{head}.{body}".encode(), _decoded(sign))
    except (ValueError, RecursionError):
        return {}
    right = isinstance(header, dict) and header.get("alg") == "ES256" and holds
    return claims if right and isinstance(claims, dict) else {}


def _decoded(part: str) -> bytes:
    return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
