"""How sources know us: a closed table of schemes.

The national gateway's scheme is that of the exchange platforms in use (`gjgxjhpt_`, `gjzwfwpt_`,
`hnjhpt_` headers): it signs neither body nor path and has no nonce, which is why the hub speaks it
outwards only. Its request secret is short-lived and fetched with the long-term app key.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal, Protocol

from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from cryptography.hazmat.primitives.ciphers.modes import ECB
from pydantic import Field

from adapters.documents import decode, parse_json
from adapters.errors import SourceAnswerInvalid, SourceRefused
from adapters.model import RawReply
from adapters.values import Secret, Section

PATH = r"^/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*$"
"""A path as it stands in an address (RFC 3986), without query."""

Post = Callable[[str, Mapping[str, str]], Awaitable[RawReply]]
"""Path and JSON object → reply, unsigned, to the same source."""


class NoAuth(Section):
    """The source does not ask who we are (or the network says it)."""

    scheme: Literal["none"] = "none"


class BasicAuth(Section):
    """HTTP Basic (RFC 7617)."""

    scheme: Literal["basic"]
    user: str = Field(min_length=1, pattern=r"^[^:\x00-\x1f]+$")
    password: Secret


class BearerAuth(Section):
    """A fixed bearer token (RFC 6750)."""

    scheme: Literal["bearer"]
    token: Secret


class HMACHeaderAuth(Section):
    """`X-Sign` = hex HMAC-SHA256(key, key id + epoch ms + method + path without query)."""

    scheme: Literal["hmac-header"]
    key_id: str = Field(min_length=1)
    key: Secret
    header_prefix: str = Field(default="X-", pattern=r"^[A-Za-z0-9_-]{0,32}$")


class GatewayAuth(Section):
    """The national exchange gateway and its relatives."""

    scheme: Literal["gateway"]
    prefix: str = Field(default="gjgxjhpt_", pattern=r"^[A-Za-z0-9_-]{0,32}$")
    rid: str = Field(min_length=1)
    """Requester system id."""
    sid: str = Field(min_length=1)
    """Service id."""
    app_key: Secret
    refresh: str = Field(default="/sysapi/refreshappsecret", pattern=PATH)
    """Where the short-lived secret is fetched."""


AuthTerms = Annotated[
    NoAuth | BasicAuth | BearerAuth | HMACHeaderAuth | GatewayAuth, Field(discriminator="scheme")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Identification:
    """What goes with one request."""

    headers: Mapping[str, str]
    secret: str | None = None
    """The short-lived secret it was signed with, where there is one."""


class Authenticator(Protocol):
    """One scheme at work."""

    async def identify(self, method: str, path: str, /) -> Identification:
        """The headers for a request.

        Raises:
            SourceRefused: The source gives us no secret.
        """
        ...

    def outdated(self, used: Identification, reply: RawReply, /) -> bool:
        """Did the source refuse because of an outdated secret? Then that secret is forgotten, and
        one more try is worth it.
        """
        ...


class _Fixed:
    """Headers that never change."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._identification = Identification(headers=headers)

    async def identify(self, _method: str, _path: str, /) -> Identification:
        return self._identification

    def outdated(self, _used: Identification, _reply: RawReply, /) -> bool:
        return False


class _HMACHeader:
    def __init__(self, terms: HMACHeaderAuth, now: Callable[[], datetime]) -> None:
        self._terms, self._now = terms, now

    async def identify(self, method: str, path: str, /) -> Identification:
        terms = self._terms
        moment = epoch_ms(self._now())
        text = f"{terms.key_id}{moment}{method}{path}"
        sign = hmac.new(terms.key.get_secret_value().encode(), text.encode(), hashlib.sha256)
        return Identification(
            headers={
                f"{terms.header_prefix}Key-Id": terms.key_id,
                f"{terms.header_prefix}Timestamp": moment,
                f"{terms.header_prefix}Sign": sign.hexdigest(),
            }
        )

    def outdated(self, _used: Identification, _reply: RawReply, /) -> bool:
        return False


_OUTDATED = re.compile(rb'"code"\s*:\s*"?(-1|E-\d{1,4})"?\s*[,}]')


class _Gateway:
    """Keeps one short-lived secret. Whoever finds it missing fetches it while the others wait; a
    cancelled fetch leaves the next in line to do it.
    """

    def __init__(self, terms: GatewayAuth, now: Callable[[], datetime], post: Post) -> None:
        self._terms, self._now, self._post = terms, now, post
        self._secret: str | None = None
        self._until_ms = 0
        self._fetching = asyncio.Lock()

    async def identify(self, _method: str, _path: str, /) -> Identification:
        secret = self._current() or await self._fetch()
        moment = epoch_ms(self._now())
        terms = self._terms
        return Identification(
            headers={
                f"{terms.prefix}rid": terms.rid,
                f"{terms.prefix}sid": terms.sid,
                f"{terms.prefix}rtime": moment,
                f"{terms.prefix}sign": gateway_sign(secret, terms.sid, terms.rid, moment),
            },
            secret=secret,
        )

    def outdated(self, used: Identification, reply: RawReply, /) -> bool:
        refused = reply.status in {401, 403} or bool(_OUTDATED.search(reply.body[:512]))
        if refused and self._secret == used.secret:
            self._secret = None
        return refused

    def _current(self) -> str | None:
        return self._secret if int(epoch_ms(self._now())) < self._until_ms else None

    async def _fetch(self) -> str:
        async with self._fetching:
            if known := self._current():
                return known
            self._secret, self._until_ms = self._opened(await self._asked())
            return self._secret

    async def _asked(self) -> RawReply:
        terms = self._terms
        moment = epoch_ms(self._now())
        sign = gateway_sign(terms.app_key.get_secret_value(), terms.sid, terms.rid, moment)
        question = {"rid": terms.rid, "sid": terms.sid, "rtime": moment, "sign": sign}
        return await self._post(terms.refresh, question)

    def _opened(self, reply: RawReply) -> tuple[str, int]:
        document = parse_json(decode(reply.body, declared=reply.charset, overruled=None))
        if not isinstance(document, dict) or str(document.get("code")) != "0":
            raise SourceRefused("secret-refused")
        data: Any = document.get("data")
        try:
            secret = opened_secret(self._terms.app_key.get_secret_value(), str(data["secret"]))
            return secret, int(data["secretEndTime"])
        except (TypeError, KeyError, ValueError):
            raise SourceAnswerInvalid("secret-unreadable") from None


def epoch_ms(moment: datetime) -> str:
    """Epoch milliseconds as text, as the headers want it."""
    return str(int(moment.timestamp() * 1000))


def gateway_sign(secret: str, sid: str, rid: str, moment: str) -> str:
    """Base64 HMAC-SHA256 over sid + rid + rtime, without separators."""
    digest = hmac.new(secret.encode(), f"{sid}{rid}{moment}".encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def secret_key(app_key: str) -> bytes:
    """The AES-128 key for the short-lived secret: what Java's `KeyGenerator` yields when seeded
    by SHA1PRNG with the app key, i.e. SHA-1 twice, cut to 16 bytes.
    """
    once = hashlib.sha1(app_key.encode(), usedforsecurity=False).digest()
    return hashlib.sha1(once, usedforsecurity=False).digest()[:16]


def opened_secret(app_key: str, sealed: str) -> str:
    """The short-lived secret in `sealed` (Base64 of AES-128/ECB/PKCS5).

    Raises:
        ValueError: It is not that.
    """
    # ECB is the gateway's choice; the secret is one or two blocks of random text.
    decryptor = Cipher(algorithms.AES(secret_key(app_key)), ECB()).decryptor()  # noqa: S305 -- the gateway's format
    padded = decryptor.update(base64.b64decode(sealed, validate=True)) + decryptor.finalize()
    unpadder = padding.PKCS7(128).unpadder()
    return (unpadder.update(padded) + unpadder.finalize()).decode()


def authenticator(terms: Section, now: Callable[[], datetime], post: Post) -> Authenticator:
    """The scheme that `terms` describe, at work."""
    match terms:
        case BasicAuth():
            pair = f"{terms.user}:{terms.password.get_secret_value()}".encode()
            return _Fixed({"Authorization": f"Basic {base64.b64encode(pair).decode()}"})
        case BearerAuth():
            return _Fixed({"Authorization": f"Bearer {terms.token.get_secret_value()}"})
        case HMACHeaderAuth():
            return _HMACHeader(terms, now)
        case GatewayAuth():
            return _Gateway(terms, now, post)
    return _Fixed({})
