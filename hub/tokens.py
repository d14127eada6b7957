"""Who is calling: OAuth 2.0 client credentials with `private_key_jwt`.

A department's system signs a short assertion with its own key (RFC 7523 §2.2) and is given an
access token (RFC 9068 in spirit, signed by and for this hub). No shared secret exists anywhere.
"""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OctKey

from hub.errors import TokenRefused
from hub.ids import new_id
from hub.model import Consumer

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ASSERTION_ALGORITHMS = ["ES256", "EdDSA", "Ed25519", "PS256"]
_JTI = re.compile(r"[\x21-\x7e]{8,128}")
_MAX_TOKEN = 8192
_MOST_CHECKED = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessToken:
    """An access token, checked."""

    client_id: str
    expires_at: int
    """Seconds since the epoch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenDesk:
    """Checks assertions, hands out access tokens, and checks those again."""

    issuer: str
    audiences: frozenset[str]
    """What an assertion may be addressed to: the issuer and the token endpoint."""
    secret: bytes = field(repr=False)
    """Signs access tokens. The hub is the only one that reads them, so a MAC is enough."""
    spend: Callable[[str, float], bool]
    """`spend(key, seconds)` is true the first time: guards against replay."""
    token_seconds: int
    assertion_seconds: int
    clock_skew_seconds: int
    clock: Callable[[], float] = time.time
    _key: OctKey = field(init=False, repr=False)
    _checked: dict[str, AccessToken] = field(init=False, repr=False, default_factory=dict)
    """Access tokens whose signature was found right; only their end is looked at again."""

    def __post_init__(self) -> None:
        """Import the key once: it is needed for every call."""
        object.__setattr__(self, "_key", OctKey.import_key(self.secret))

    def claimed_client(self, assertion: str) -> str:
        """The client an assertion claims to come from, unverified: to find the key to check with.

        Raises:
            TokenRefused: too long, or not a token at all.
        """
        if len(assertion) > _MAX_TOKEN:
            raise TokenRefused("assertion-too-long")
        return _unverified_issuer(assertion)

    def check_assertion(self, assertion: str, consumer: Consumer | None) -> Consumer:
        """`consumer`, if it signed `assertion` for us, just now and only once.

        Raises:
            TokenRefused: with the rule that failed; it never repeats the assertion.
        """
        if consumer is None:
            raise TokenRefused("unknown-client")
        if not consumer.active:
            raise TokenRefused("client-suspended")
        try:
            keys = KeySet.import_key_set(dict(consumer.jwks))  # type: ignore[arg-type]
            token = jwt.decode(assertion, keys, algorithms=_ASSERTION_ALGORITHMS)
        except (JoseError, ValueError, TypeError, KeyError) as problem:
            raise TokenRefused("assertion-signature") from problem
        self._check_claims(token.claims, consumer.client_id)
        return consumer

    def _check_claims(self, claims: Mapping[str, object], client_id: str) -> None:
        now, skew = self.clock(), self.clock_skew_seconds
        if claims.get("iss") != client_id or claims.get("sub") != client_id:
            raise TokenRefused("assertion-issuer")
        audience = claims.get("aud")
        named = audience if isinstance(audience, list) else [audience]
        if not any(isinstance(a, str) and a in self.audiences for a in named):
            raise TokenRefused("assertion-audience")
        expires = _moment(claims, "exp")
        if expires is None or expires <= now - skew:
            raise TokenRefused("assertion-expired")
        if expires > now + self.assertion_seconds + skew:
            raise TokenRefused("assertion-lives-too-long")
        if any((_moment(claims, name) or now) > now + skew for name in ("iat", "nbf")):
            raise TokenRefused("assertion-not-yet")
        jti = claims.get("jti")
        if not isinstance(jti, str) or not _JTI.fullmatch(jti):
            raise TokenRefused("assertion-jti")
        # Kept longer than the assertion can live, so that it cannot come back after a skewed clock.
        if not self.spend(f"jti:{client_id}:{jti}", self.assertion_seconds + 2 * skew + 1):
            raise TokenRefused("assertion-replayed")

    def grant(self, consumer: Consumer) -> str:
        """An access token for `consumer`."""
        now = int(self.clock())
        claims = {
            "iss": self.issuer,
            "aud": self.issuer,
            "sub": consumer.client_id,
            "iat": now,
            "exp": now + self.token_seconds,
            "jti": new_id("tok"),
        }
        return jwt.encode({"alg": "HS256", "typ": "at+jwt"}, claims, self._key)

    def check_access(self, token: str) -> AccessToken:
        """The token's holder.

        Raises:
            TokenRefused: foreign, damaged, expired, or of another kind.
        """
        if len(token) > _MAX_TOKEN:
            raise TokenRefused("token-too-long")
        known = self._checked.get(token)
        if known is None:
            known = self._decoded(token)
            if len(self._checked) >= _MOST_CHECKED:
                self._checked.clear()
            self._checked[token] = known
        if self.clock() >= known.expires_at:
            raise TokenRefused("token-expired")
        return known

    def _decoded(self, token: str) -> AccessToken:
        try:
            decoded = jwt.decode(token, self._key, algorithms=["HS256"])
        except (JoseError, ValueError, TypeError, KeyError) as problem:
            raise TokenRefused("token-signature") from problem
        claims = decoded.claims
        named = [claims.get("iss"), claims.get("aud")]
        if decoded.header.get("typ") != "at+jwt" or named != [self.issuer, self.issuer]:
            raise TokenRefused("token-foreign")
        subject, expires = claims.get("sub"), claims.get("exp")
        if not isinstance(subject, str) or type(expires) is not int:
            raise TokenRefused("token-foreign")
        return AccessToken(client_id=subject, expires_at=expires)


def _moment(claims: Mapping[str, object], name: str) -> float | None:
    """A NumericDate of RFC 7519; None where it is missing. Anything else is no token at all."""
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e11:
        raise TokenRefused("assertion-malformed")
    return float(value)


def _unverified_issuer(assertion: str) -> str:
    """The `iss` an assertion claims, to find the key it has to be checked with."""
    try:
        payload = assertion.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        issuer = claims["iss"]
    except (IndexError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as problem:
        raise TokenRefused("assertion-malformed") from problem
    if not isinstance(issuer, str):
        raise TokenRefused("assertion-malformed")
    return issuer
