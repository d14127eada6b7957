"""The token endpoint under bad requests: RFC 6749's own errors, one line in the log, nothing repeated."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import urlencode

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from hub.app import now
from hub.client import client_assertion
from hub.onboarding import new_client_key, register_consumer
from hub.store import all_consumers, count_evidence
from hub.tokens import ASSERTION_TYPE
from tests.journeys.conftest import County
from tests.world.hub import CLIENT

NUMBER, WORD = "990101199001010019", "kanarienvogel"
FORM = "application/x-www-form-urlencoded"


def ask(county: County, body: bytes | Mapping[str, str], kind: str = FORM) -> httpx2.Response:
    """POST to the token endpoint."""
    content = body if isinstance(body, bytes) else urlencode(body).encode()
    headers = {"Content-Type": kind}
    return httpx2.post(
        f"{county.hub.url}/oauth2/token", content=content, headers=headers, trust_env=False
    )


def form(county: County, **changes: str) -> dict[str, str]:
    """What a good request holds."""
    good = client_assertion(CLIENT, county.hub.client.key_file, f"{county.hub.url}/oauth2/token")
    return {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": good,
        **changes,
    }


def signed(county: County, **claims: object) -> str:
    """An assertion with the caller's own key and other claims."""
    key = ECKey.import_key(json.loads(county.hub.client.key_file.read_bytes()))
    moment = int(time.time())
    body = {
        "iss": CLIENT, "sub": CLIENT, "aud": county.hub.url, "jti": f"{WORD}-{time.time_ns()}",
        "exp": moment + 50, **claims,
    }  # fmt: skip
    return jwt.encode({"alg": "ES256", "kid": key.kid}, body, key)


BODIES: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "unsupported_grant_type"),
    "JSON": (b'{"grant_type": "client_credentials"}', "unsupported_grant_type"),
    "not ASCII": ("grant_type=赵".encode(), "unsupported_grant_type"),
    "not UTF-8": (b"grant_type=%ff%fe\xff", "unsupported_grant_type"),
    "a hundred fields": (b"&".join(b"a%d=1" % n for n in range(100)), "unsupported_grant_type"),
    "another grant": (f"grant_type=password&username={NUMBER}".encode(), "unsupported_grant_type"),
    "the grant twice": (
        b"grant_type=client_credentials&grant_type=client_credentials", "unsupported_grant_type",
    ),
    "no assertion": (b"grant_type=client_credentials", "invalid_request"),
    "a secret instead": (
        f"grant_type=client_credentials&client_id=a&client_secret={WORD}".encode(),
        "invalid_request",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("body", "error"), BODIES.values(), ids=BODIES.keys())
def test_what_is_no_token_request_is_refused(county: County, body: bytes, error: str) -> None:
    """As RFC 6749 §5.2 has it, because that is what clients expect."""
    answer = ask(county, body)

    assert (answer.status_code, answer.json()["error"]) == (400, error)
    assert answer.headers["Cache-Control"] == "no-store"
    assert [w for w in (NUMBER, WORD) if w in answer.text + county.hub.lines()] == []


def test_a_body_without_end_is_refused_before_it_is_read(county: County) -> None:
    """With the problem document that every address gives."""
    answer = ask(county, b"a" * (10 << 20))

    assert (answer.status_code, answer.json()["code"]) == (413, "hub.too-large")


CLAIMS: dict[str, tuple[dict[str, object], str]] = {
    "for somebody else": ({"aud": f"https://{WORD}.example"}, "assertion-audience"),
    "expired": ({"exp": 1_700_000_000}, "assertion-expired"),
    "for ever": ({"exp": 99_999_999_999}, "assertion-lives-too-long"),
    "of a caller nobody knows": ({"iss": WORD, "sub": WORD}, "unknown-client"),
    "of a number": ({"iss": NUMBER, "sub": NUMBER}, "unknown-client"),
    "about somebody else": ({"sub": WORD}, "assertion-issuer"),
}


@pytest.mark.parametrize(("claims", "why"), CLAIMS.values(), ids=CLAIMS.keys())
def test_a_wrong_assertion_is_refused_and_logged(
    county: County, claims: dict[str, object], why: str
) -> None:
    """With the rule and not with what was sent; one line in the log for each refusal."""
    request = form(county, client_assertion=signed(county, **claims))
    before = count_evidence(county.hub.context.database)
    answer = ask(county, request)

    assert (answer.status_code, answer.json()) == (
        401, {"error": "invalid_client", "error_description": why},
    )  # fmt: skip
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert count_evidence(county.hub.context.database) == before + 1
    stored = "".join(p.read_bytes().decode("latin-1") for p in county.files("hub.sqlite3*"))
    assert [w for w in (NUMBER, WORD) if w in answer.text + county.hub.lines() + stored] == []
    assert county.hub.log.audit() == []


def test_an_assertion_that_was_used_is_refused(county: County) -> None:
    """A replay gives no second token."""
    request = form(county)
    first, again = ask(county, request), ask(county, request)

    assert (first.status_code, again.status_code) == (200, 401)
    assert again.json()["error_description"] == "assertion-replayed"


def test_who_is_suspended_gets_no_token_and_cannot_use_an_old_one(county: County) -> None:
    """At once, where the register is read anew for each call."""
    hub = county.hub
    key = county.folder / "other.jwk"
    (known,) = (c for c in all_consumers(hub.context.database) if c.client_id == CLIENT)
    other = replace(known, client_id="other", jwks=new_client_key(key))
    register_consumer(hub.context.database, hub.log, other, now)
    request = form(county, client_assertion=client_assertion("other", key, hub.url))
    token = ask(county, request).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    before = httpx2.get(f"{hub.url}/v1/receipts/rcp_x", headers=headers, trust_env=False)
    register_consumer(hub.context.database, hub.log, replace(other, active=False), now)
    after = httpx2.get(f"{hub.url}/v1/receipts/rcp_x", headers=headers, trust_env=False)
    again = ask(county, form(county, client_assertion=client_assertion("other", key, hub.url)))

    assert (before.status_code, after.status_code) == (404, 401)
    assert again.json()["error_description"] == "client-suspended"
