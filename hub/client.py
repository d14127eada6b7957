"""A small client of the hub's own API: what an intake system has to do, in one file.

Used by the demo and by `mianti token`; it knows nothing but the public API.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from hub.errors import KeyUnavailable
from hub.ids import new_id
from hub.tokens import ASSERTION_TYPE


def client_assertion(client_id: str, key_file: Path, audience: str) -> str:
    """A `private_key_jwt` assertion that lives for 50 seconds (RFC 7523 §2.2).

    Raises:
        KeyUnavailable: `client-key`: the file holds no private key for ES256.
    """
    try:
        key = ECKey.import_key(json.loads(key_file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, JoseError):
        raise KeyUnavailable("client-key") from None
    now = int(time.time())
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": audience,
        "iat": now,
        "exp": now + 50,
        "jti": new_id("jti"),
    }
    return jwt.encode({"alg": "ES256", "kid": key.kid}, claims, key)


@dataclass(slots=True)
class HubClient:
    """Calls the hub as one consumer; gets a new token when the old one is about to end."""

    url: str
    client_id: str
    key_file: Path
    _http: httpx2.Client = field(init=False, repr=False)
    _token: str = field(default="", init=False, repr=False)
    _until: float = field(default=0.0, init=False, repr=False)

    def __post_init__(self) -> None:
        """One connection pool; nothing from the environment, no redirects."""
        self._http = httpx2.Client(base_url=self.url, trust_env=False, timeout=35.0)

    def token(self) -> str:
        """An access token.

        Raises:
            httpx2.HTTPStatusError: the hub does not accept us.
        """
        if time.monotonic() < self._until:
            return self._token
        answer = self._http.post(
            "/oauth2/token",
            data={
                "grant_type": "client_credentials",
                "client_assertion_type": ASSERTION_TYPE,
                "client_assertion": client_assertion(
                    self.client_id, self.key_file, f"{self.url}/oauth2/token"
                ),
            },
        )
        answer.raise_for_status()
        body = answer.json()
        self._token = body["access_token"]
        self._until = time.monotonic() + body["expires_in"] - 30
        return self._token

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """POST JSON and give the answer; a problem document raises."""
        answer = self._http.post(
            path, json=body, headers={"Authorization": f"Bearer {self.token()}"}
        )
        answer.raise_for_status()
        return dict(answer.json())

    def get(self, path: str) -> dict[str, Any]:
        """GET JSON; a problem document raises."""
        answer = self._http.get(path, headers={"Authorization": f"Bearer {self.token()}"})
        answer.raise_for_status()
        return dict(answer.json())

    def close(self) -> None:
        """Close the connections."""
        self._http.close()
