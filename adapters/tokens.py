"""OAuth 2.0 client credentials: with a shared secret, or with a key of our own.

RFC 6749 §4.4; `private_key_jwt` after RFC 7523 §2.2.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey, import_key
from pydantic import Field, model_validator

from adapters.documents import decode, parse_json
from adapters.errors import SourceAnswerInvalid, SourceRefused
from adapters.identifying import PATH, Account
from adapters.model import RawReply
from adapters.question import Identification, Question
from adapters.refreshing import Refreshing
from adapters.refreshing import Secret as ShortLived
from adapters.values import URL, Secret, Section

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ASSERTION_SECONDS = 50
_MOST_KEY = 64 * 1024


class _TokenAuth(Section):
    client_id: str = Field(min_length=1, max_length=200)
    token_path: str = Field(default="/oauth2/token", pattern=PATH)
    token_url: URL | None = None
    """The whole address of the token endpoint, where another server gives the tokens."""
    answer_in: str | None = Field(default=None, pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,39}$")
    """Name of the object in the reply that holds the token, where it is not the reply itself."""
    scope: str = ""
    expires_unit: Literal["s", "m"] = "s"
    """What `expires_in` counts; one city's platform says minutes."""
    early_seconds: int = Field(default=10, ge=0, le=600)
    """How long before its end a token is not used any more."""


class ClientCredentialsAuth(_TokenAuth):
    """With a shared secret."""

    scheme: Literal["oauth2"]
    client_secret: Secret
    place: Literal["basic", "body"] = "basic"
    """Where client id and secret go (RFC 6749 §2.3.1)."""


class PrivateKeyJWTAuth(_TokenAuth):
    """With a key of our own; the source has its public part."""

    scheme: Literal["private-key-jwt"]
    key: Secret | None = None
    """A private JWK as JSON, or a PEM."""
    key_file: Secret | None = None
    """The path of a file that holds one; read for each token, so that a new key needs no restart."""
    algorithm: Literal["ES256", "EdDSA", "PS256", "RS256"] = "ES256"
    audience: str = ""
    """What the assertion is addressed to; empty: the token endpoint."""

    @model_validator(mode="after")
    def _one_key(self) -> PrivateKeyJWTAuth:
        if (self.key is None) == (self.key_file is None):
            raise ValueError("either key or key_file")
        return self


class Tokens:
    """Bearer tokens at work."""

    def __init__(self, terms: ClientCredentialsAuth | PrivateKeyJWTAuth, account: Account) -> None:
        """Raises:
        ValueError: The key is none.
        """
        self._terms, self._account = terms, account
        if isinstance(terms, PrivateKeyJWTAuth):
            _key(terms)  # only to see that it is one
        self._endpoint = terms.token_url or account.address.rstrip("/") + terms.token_path
        name = f"{self._endpoint}|{terms.client_id}|{terms.scope}"
        self._token = Refreshing(name, account.keep, account.now, self._fetched)

    @property
    def expires_at(self) -> datetime | None:
        """When the token ends."""
        return self._token.until

    async def identify(self, _method: str, _path: str, /) -> Identification:
        """See `Authenticator`."""
        token = await self._token.current()
        return Identification(headers={"Authorization": f"Bearer {token}"}, secret=token)

    def outdated(self, used: Identification, reply: RawReply, /) -> bool:
        """See `Authenticator`."""
        if reply.status != 401 or used.secret is None:
            return False
        self._token.forget(used.secret)
        return True

    async def _fetched(self, _last: ShortLived | None) -> ShortLived:
        terms = self._terms
        form = {"grant_type": "client_credentials"}
        if terms.scope:
            form["scope"] = terms.scope
        headers: dict[str, str] = {}
        if isinstance(terms, PrivateKeyJWTAuth):
            form |= {"client_assertion_type": ASSERTION, "client_assertion": self._assertion(terms)}
        elif terms.place == "body":
            secret = terms.client_secret.get_secret_value()
            form |= {"client_id": terms.client_id, "client_secret": secret}
        else:
            headers["Authorization"] = _basic(terms)
        question = Question(
            method="POST", path=terms.token_path, address=terms.token_url or "", form=form,
            headers=headers, expected=frozenset({400}),
        )  # fmt: skip
        return self._opened(await self._account.ask(question))

    def _opened(self, reply: RawReply) -> ShortLived:
        if reply.status == 400:  # invalid_client and its like (RFC 6749 §5.2)
            raise SourceRefused("token-refused")
        document = parse_json(decode(reply.body, declared=reply.charset, overruled=None))
        if self._terms.answer_in is not None and isinstance(document, Mapping):
            document = document.get(self._terms.answer_in)
        if not isinstance(document, Mapping) or not isinstance(document.get("access_token"), str):
            raise SourceRefused("token-refused")
        try:
            lives = int(document.get("expires_in", 60)) * (60 if self._minutes else 1)
            lives -= self._terms.early_seconds
            until = self._account.now() + timedelta(seconds=max(lives, 1))
        except (TypeError, ValueError, OverflowError):
            raise SourceAnswerInvalid("token-unreadable") from None
        return ShortLived(text=document["access_token"], until=until)

    @property
    def _minutes(self) -> bool:
        return self._terms.expires_unit == "m"

    def _assertion(self, terms: PrivateKeyJWTAuth) -> str:
        now = int(self._account.now().timestamp())
        claims = {
            "iss": terms.client_id,
            "sub": terms.client_id,
            "aud": terms.audience or self._endpoint,
            "iat": now,
            "exp": now + _ASSERTION_SECONDS,
            "jti": secrets.token_urlsafe(16),
        }
        try:
            key = _key(terms)
        except ValueError:
            raise SourceRefused("client-key") from None
        header: dict[str, object] = {"alg": terms.algorithm}
        if key.kid:
            header["kid"] = key.kid
        return jwt.encode(header, claims, key, algorithms=[terms.algorithm])


def _key(terms: PrivateKeyJWTAuth) -> ECKey | OKPKey | RSAKey:
    """The key, of a kind that fits its algorithm.

    Raises:
        ValueError: It is none.
    """
    try:
        text = _key_text(terms)
        if text.lstrip().startswith("{"):
            key = import_key(dict(parse_json(text)))
        else:
            kind = {"ES256": "EC", "EdDSA": "OKP"}.get(terms.algorithm, "RSA")
            key = import_key(text, kind)  # type: ignore[call-overload]  # the kind is one of three
        jwt.encode({"alg": terms.algorithm}, {}, key, algorithms=[terms.algorithm])
    except (OSError, JoseError, ValueError, TypeError, KeyError, SourceAnswerInvalid):
        raise ValueError("not a private key") from None
    if not isinstance(key, ECKey | OKPKey | RSAKey) or not key.is_private:
        raise ValueError("not a private key")
    return key


def _key_text(terms: PrivateKeyJWTAuth) -> str:
    if terms.key_file is None:
        return terms.key.get_secret_value() if terms.key else ""
    with Path(terms.key_file.get_secret_value()).open(encoding="utf-8") as file:
        return file.read(_MOST_KEY)


def _basic(terms: ClientCredentialsAuth) -> str:
    parts = (terms.client_id, terms.client_secret.get_secret_value())
    pair = ":".join(quote(part, safe="") for part in parts)
    return f"Basic {base64.b64encode(pair.encode()).decode()}"
