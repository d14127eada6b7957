"""How sources know us: a closed table of schemes.

The plain ones stand here; those of the exchange platforms in `platforms`, tokens in `tokens`, the
encrypted and signed message in `envelope`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from adapters.envelope import Envelope, SMEnvelopeAuth
from adapters.identifying import Account, Authenticator, epoch_ms
from adapters.kinds import Now
from adapters.model import RawReply
from adapters.platforms import (
    Gateway,
    GatewayAuth,
    TIFAuth,
    TIFHeaders,
    Zhejiang,
    ZhejiangAuth,
)
from adapters.question import Identification
from adapters.tokens import ClientCredentialsAuth, PrivateKeyJWTAuth, Tokens
from adapters.values import Secret, Section


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


AuthTerms = Annotated[
    NoAuth
    | BasicAuth
    | BearerAuth
    | HMACHeaderAuth
    | GatewayAuth
    | ZhejiangAuth
    | TIFAuth
    | ClientCredentialsAuth
    | PrivateKeyJWTAuth
    | SMEnvelopeAuth,
    Field(discriminator="scheme"),
]


class _Fixed:
    """Headers that never change."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._identification = Identification(headers=headers)
        self.expires_at: datetime | None = None

    async def identify(self, _method: str, _path: str, /) -> Identification:
        return self._identification

    def outdated(self, _used: Identification, _reply: RawReply, /) -> bool:
        return False


class _HMACHeader:
    expires_at: datetime | None = None

    def __init__(self, terms: HMACHeaderAuth, now: Now) -> None:
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


def authenticator(terms: Section, account: Account) -> Authenticator:
    """The scheme that `terms` describe, at work."""
    match terms:
        case BasicAuth():
            pair = f"{terms.user}:{terms.password.get_secret_value()}".encode()
            return _Fixed({"Authorization": f"Basic {base64.b64encode(pair).decode()}"})
        case BearerAuth():
            return _Fixed({"Authorization": f"Bearer {terms.token.get_secret_value()}"})
        case HMACHeaderAuth():
            return _HMACHeader(terms, account.now)
        case GatewayAuth():
            return Gateway(terms, account)
        case ZhejiangAuth():
            return Zhejiang(terms, account)
        case TIFAuth():
            return TIFHeaders(terms, account.now)
        case ClientCredentialsAuth() | PrivateKeyJWTAuth():
            return Tokens(terms, account)
        case SMEnvelopeAuth():
            return Envelope(terms, account.now)
    return _Fixed({})
