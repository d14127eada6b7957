"""Assertions and access tokens: whose, for whom, for how long, how often, and with which key."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey, OKPKey, RSAKey

from hub.cache import MemoryCache
from hub.errors import TokenRefused
from hub.model import Consumer
from hub.tokens import TokenDesk

NOW = 1_795_500_000.0
HUB, ENDPOINT = "https://hub.example", "https://hub.example/oauth2/token"
MINE = ECKey.generate_key("P-256", {"kid": "2026"})
OTHER = ECKey.generate_key("P-256", {"kid": "2026"})
SKEW, LIFE = 5, 60


def desk(now: float = NOW) -> TokenDesk:
    """A desk whose clock stands still."""
    return TokenDesk(
        issuer=HUB,
        audiences=frozenset({HUB, ENDPOINT}),
        secret=b"s" * 32,
        spend=MemoryCache(clock=lambda: now).add,
        token_seconds=600,
        assertion_seconds=LIFE,
        clock_skew_seconds=SKEW,
        clock=lambda: now,
    )


def department(*keys: Any, active: bool = True) -> Consumer:
    """A caller with these public keys."""
    return Consumer(
        client_id="intake",
        name="综窗",
        authority="xinxiang/县教体局",
        county="xinxiang",
        jwks={"keys": [key.as_dict(private=False) for key in keys or (MINE,)]},
        active=active,
    )


def assertion(key: Any = MINE, *, alg: str = "ES256", **changes: Any) -> str:
    """An assertion that is right but for `changes`; a claim that is `...` is left out."""
    claims = {
        "iss": "intake", "sub": "intake", "aud": ENDPOINT, "jti": "0123456789abcdef",
        "iat": int(NOW), "exp": int(NOW) + 50, **changes,
    }  # fmt: skip
    given = {name: value for name, value in claims.items() if value is not ...}
    header = {"alg": alg, "kid": key.kid} if key.kid else {"alg": alg}
    return jwt.encode(header, given, key, algorithms=[alg])


def unsigned(header: Mapping[str, Any], signature: bytes = b"", **claims: Any) -> str:
    """A token put together by hand."""
    body = {"iss": "intake", "sub": "intake", "aud": ENDPOINT, "jti": "0123456789abcdef"}
    parts = [header, {**body, "exp": NOW + 50, **claims}]
    raw = [*(json.dumps(part).encode() for part in parts), signature]
    return ".".join(base64.urlsafe_b64encode(each).decode().rstrip("=") for each in raw)


ACCEPTED: dict[str, Mapping[str, Any]] = {
    "plain": {},
    "for the hub itself": {"aud": HUB},
    "for several, us among them": {"aud": ["https://elsewhere.example", HUB]},
    "without the moment of issue": {"iat": ...},
    "at the very end of its life": {"exp": NOW - SKEW + 0.5},
    "from a clock that is behind": {"iat": int(NOW) - 3600},
    "from a clock that is ahead by what is allowed": {"iat": NOW + SKEW, "nbf": NOW + SKEW},
    "as long as allowed": {"exp": NOW + LIFE + SKEW},
}


@pytest.mark.parametrize("changes", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_a_good_assertion_is_accepted(changes: Mapping[str, Any]) -> None:
    """Within the life and the skew that are allowed, in both directions."""
    assert desk().check_assertion(assertion(**changes), department()).client_id == "intake"


REFUSED: dict[str, tuple[Mapping[str, Any], str]] = {
    "expired": ({"exp": NOW - SKEW}, "assertion-expired"),
    "expired long ago": ({"exp": 0}, "assertion-expired"),
    "without an end": ({"exp": ...}, "assertion-expired"),
    "living too long": ({"exp": NOW + LIFE + SKEW + 1}, "assertion-lives-too-long"),
    "living for ever": ({"exp": 99_999_999_999}, "assertion-lives-too-long"),
    "from too far ahead": ({"iat": NOW + SKEW + 1}, "assertion-not-yet"),
    "not valid yet": ({"nbf": NOW + SKEW + 1}, "assertion-not-yet"),
    "for somebody else": ({"aud": "https://elsewhere.example"}, "assertion-audience"),
    "for an address below ours": ({"aud": f"{HUB}/v1"}, "assertion-audience"),
    "for nobody": ({"aud": ...}, "assertion-audience"),
    "for an empty list": ({"aud": []}, "assertion-audience"),
    "for an object": ({"aud": {"a": HUB}}, "assertion-audience"),
    "by somebody else": ({"iss": "other"}, "assertion-issuer"),
    "about somebody else": ({"sub": "other"}, "assertion-issuer"),
    "about nobody": ({"sub": ...}, "assertion-issuer"),
    "without a number": ({"jti": ...}, "assertion-jti"),
    "with a short number": ({"jti": "1234567"}, "assertion-jti"),
    "with a long number": ({"jti": "a" * 129}, "assertion-jti"),
    "with a number of blanks": ({"jti": " " * 20}, "assertion-jti"),
    "with a number that is one": ({"jti": 1234567890}, "assertion-jti"),
    "an end in words": ({"exp": "tomorrow"}, "assertion-malformed"),
    "an end that is true": ({"exp": True}, "assertion-malformed"),
    "an end before time": ({"exp": -1}, "assertion-malformed"),
    "an end beyond time": ({"exp": 1e300}, "assertion-malformed"),
}


@pytest.mark.parametrize(("changes", "why"), REFUSED.values(), ids=REFUSED.keys())
def test_a_wrong_claim_is_refused(changes: Mapping[str, Any], why: str) -> None:
    """With the rule it breaks; and its number is not spent by that."""
    now = desk()
    with pytest.raises(TokenRefused) as refusal:
        now.check_assertion(assertion(**changes), department())

    assert refusal.value.why == why
    assert now.check_assertion(assertion(), department())


DEEP = base64.urlsafe_b64encode(b"[" * 6000).decode()


def mac(secret: bytes) -> str:
    """The oldest trick: the public key taken for a shared secret."""
    signed = unsigned({"alg": "HS256", "kid": "2026"}).rpartition(".")[0]
    made = hmac.digest(secret, signed.encode(), "sha256")
    return f"{signed}.{base64.urlsafe_b64encode(made).decode().rstrip('=')}"


FORGED: dict[str, str] = {
    "unsigned": unsigned({"alg": "none"}),
    "unsigned in capitals": unsigned({"alg": "NONE", "kid": "2026"}),
    "without an algorithm": unsigned({"kid": "2026"}),
    "a MAC under the public key": mac(json.dumps(MINE.as_dict(private=False)).encode()),
    "a MAC under the public key as PEM": mac(MINE.as_pem(private=False)),
    "a MAC under nothing": unsigned({"alg": "HS256"}, b"\0" * 32),
    "by another key of that name": assertion(OTHER),
    "an ECDSA signature of zeros": unsigned({"alg": "ES256", "kid": "2026"}, b"\0" * 64),
    "a key of its own in the header": unsigned(
        {"alg": "ES256", "jwk": OTHER.as_dict(private=False)}, b"\0" * 64
    ),
    "an address of a key": unsigned({"alg": "ES256", "jku": "https://elsewhere.example"}, b"\0" * 64),
    "an unknown critical header": unsigned({"alg": "ES256", "crit": ["x"], "x": 1}, b"\0" * 64),
    "damaged": assertion()[:-4] + "AAAA",
    "cut off": assertion().rpartition(".")[0],
    "a header nested without end": f"{DEEP}.e30.AA",
    "a header that is a list": f"{base64.urlsafe_b64encode(b'[]').decode()}.e30.AA",
    "a header that is not text": f"{base64.urlsafe_b64encode(bytes([255] * 3)).decode()}.e30.AA",
    "empty": "..",
    "nothing": "",
    "not ASCII": "赵.明.示",
}  # fmt: skip


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED.keys())
def test_a_forgery_is_refused(forged: str) -> None:
    """No algorithm but ours, no key but the registered ones, wherever the token says it has one."""
    with pytest.raises(TokenRefused) as refusal:
        desk().check_assertion(forged, department())

    assert refusal.value.why == "assertion-signature"


KEYS: dict[str, tuple[Any, str]] = {
    "P-256": (MINE, "ES256"),
    "Ed25519": (OKPKey.generate_key("Ed25519", {"kid": "e"}), "Ed25519"),
    "Ed25519 under its old name": (OKPKey.generate_key("Ed25519", {"kid": "e"}), "EdDSA"),
    "RSA-PSS": (RSAKey.generate_key(2048, {"kid": "r"}), "PS256"),
}


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
@pytest.mark.parametrize(("key", "alg"), KEYS.values(), ids=KEYS.keys())
def test_departments_may_use_these_keys(key: Any, alg: str) -> None:
    """The algorithms that the documents name."""
    assert desk().check_assertion(assertion(key, alg=alg), department(key))


def test_rsa_with_the_old_padding_is_refused() -> None:
    """RS256 is not on the list, although the key would fit."""
    key = RSAKey.generate_key(2048, {"kid": "r"})
    with pytest.raises(TokenRefused, match="assertion-signature"):
        desk().check_assertion(assertion(key, alg="RS256"), department(key))


def test_keys_can_be_changed_without_a_gap() -> None:
    """Old and new side by side, then the new alone; the old one then opens nothing."""
    old, new = MINE, ECKey.generate_key("P-256", {"kid": "2027"})
    now = desk()
    both, after = department(old, new), department(new)

    assert now.check_assertion(assertion(old, jti="of-the-old-1"), both)
    assert now.check_assertion(assertion(new, jti="of-the-new-1"), both)
    assert now.check_assertion(assertion(new, jti="of-the-new-2"), after)
    with pytest.raises(TokenRefused, match="assertion-signature"):
        now.check_assertion(assertion(old, jti="of-the-old-2"), after)


def test_an_assertion_is_good_once_for_each_caller() -> None:
    """The same number again is a replay, also at the edge of its life; another's is another's."""
    clock = [NOW]
    cache = MemoryCache(clock=lambda: clock[0])
    now = replace(desk(), spend=cache.add, clock=lambda: clock[0])
    late = assertion(iat=NOW + SKEW, exp=NOW + LIFE + SKEW)
    assert now.check_assertion(late, department())
    clock[0] = NOW + LIFE + 2 * SKEW - 0.001
    with pytest.raises(TokenRefused, match="assertion-replayed"):
        now.check_assertion(late, department())
    other = replace(department(), client_id="other")
    fresh = {"iat": int(clock[0]), "exp": clock[0] + 30}

    assert now.check_assertion(assertion(iss="other", sub="other", **fresh), other)


def test_unknown_and_suspended_callers_are_refused() -> None:
    """Before any signature is looked at."""
    with pytest.raises(TokenRefused, match="unknown-client"):
        desk().check_assertion(assertion(), None)
    with pytest.raises(TokenRefused, match="client-suspended"):
        desk().check_assertion(assertion(), department(active=False))


CLAIMED: dict[str, str] = {
    "too long": "x" * 8193,
    "one part": "abc",
    "not base64": "a.\x00.c",
    "not JSON": f"a.{base64.urlsafe_b64encode(b'{').decode()}.c",
    "not UTF-8": f"a.{base64.urlsafe_b64encode(bytes([0xFF, 0xFE])).decode()}.c",
    "a list": f"a.{base64.urlsafe_b64encode(b'[]').decode()}.c",
    "nobody": f"a.{base64.urlsafe_b64encode(b'{}').decode()}.c",
    "a number": unsigned({"alg": "none"}, iss=1),
    "deep": f"a.{base64.urlsafe_b64encode(b'[' * 6000).decode()}.c",
}


@pytest.mark.parametrize("text", CLAIMED.values(), ids=CLAIMED.keys())
def test_what_is_no_token_claims_nobody(text: str) -> None:
    """Anything can be sent; nothing fails but as a refusal that does not repeat it."""
    with pytest.raises(TokenRefused) as refusal:
        desk().claimed_client(text)

    assert refusal.value.why in {"assertion-too-long", "assertion-malformed"}


def test_an_access_token_names_its_holder_until_it_ends() -> None:
    """It is good to the last second, and not on it."""
    token = desk().grant(department())

    assert desk().check_access(token).client_id == "intake"
    assert desk(NOW + 599.9).check_access(token).expires_at == int(NOW) + 600
    with pytest.raises(TokenRefused, match="token-expired"):
        desk(NOW + 600).check_access(token)


def ours(**changes: Any) -> str:
    """A token signed with the hub's own secret."""
    header = {"alg": "HS256", "typ": "at+jwt", **changes.pop("header", {})}
    claims = {"iss": HUB, "aud": HUB, "sub": "intake", "exp": int(NOW) + 600, **changes}
    return jwt.encode(header, claims, OctKey.import_key(b"s" * 32))


ACCESS: dict[str, tuple[str, str]] = {
    "of another hub": (ours(iss="https://elsewhere.example"), "token-foreign"),
    "for another reader": (ours(aud="https://elsewhere.example"), "token-foreign"),
    "of another kind": (ours(header={"typ": "JWT"}), "token-foreign"),
    "without an end": (ours(exp=None), "token-foreign"),
    "with an end that is true": (ours(exp=True), "token-foreign"),
    "of nobody": (ours(sub=None), "token-foreign"),
    "under another secret": (
        replace(desk(), secret=b"t" * 32).grant(department()), "token-signature",
    ),
    "unsigned": (unsigned({"alg": "none", "typ": "at+jwt"}), "token-signature"),
    "an assertion": (assertion(), "token-signature"),
    "damaged": (ours()[:-3] + "abc", "token-signature"),
    "not ASCII": ("赵.明.示", "token-signature"),
    "a header nested without end": (f"{DEEP}.e30.AA", "token-signature"),
    "nothing": ("", "token-signature"),
    "too long": ("a" * 8193, "token-too-long"),
}  # fmt: skip


@pytest.mark.parametrize(("token", "why"), ACCESS.values(), ids=ACCESS.keys())
def test_other_tokens_open_nothing(token: str, why: str) -> None:
    """Only what this hub gave, for itself, for now, and as what it is."""
    with pytest.raises(TokenRefused) as refusal:
        desk().check_access(token)

    assert refusal.value.why == why


def test_the_secret_is_in_no_representation() -> None:
    """A desk may end up in a traceback."""
    assert "ssss" not in repr(desk())


def test_jwks_of_a_caller_hold_public_parts_only() -> None:
    """The fixture is honest: what is registered cannot sign."""
    keys = KeySet.import_key_set(dict(department().jwks))

    assert not any(key.is_private for key in keys.keys)
