"""Asking the sandbox's departments directly, the way their own dialects want it."""

from __future__ import annotations

import hashlib
import hmac
import time
from typing import Any

import httpx2
from lxml import etree

from adapters.sandbox import Sandbox

ENVELOPE = """<?xml version="1.0" encoding="UTF-8"?>
<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>
<t:QueryRequest xmlns:t="urn:sandbox:rkxxgx"><SenderId>test</SenderId>{user}
<Method>{method}</Method><Parameters><GMSFHM>{number}</GMSFHM>{name}</Parameters>
</t:QueryRequest></s:Body></s:Envelope>"""
USER = "<EndUser><UserDept>县教体局</UserDept><CallReason>入学</CallReason></EndUser>"


def client() -> httpx2.Client:
    """A client without proxies and redirects."""
    return httpx2.Client(trust_env=False, follow_redirects=False, timeout=5)


def hukou(
    sandbox: Sandbox, method: str, number: str, *, name: str = "", user: str = USER
) -> tuple[str, etree._Element]:
    """Code and Result of a question to the population service."""
    named = f"<XM>{name}</XM>" if name else ""
    body = ENVELOPE.format(method=method, number=number, name=named, user=user)
    with client() as http:
        response = http.post(sandbox.environment["HUKOU_URL"], content=body.encode())
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/xml; charset=GB18030"
    root = etree.fromstring(response.content)
    answer = root[0][0]
    return str(answer.findtext("Code")), answer.find("Result")


def permit_headers(
    sandbox: Sandbox, path: str = "/api/v2/jzz", *, late_ms: int = 0
) -> dict[str, str]:
    """Signed headers for the residence permits."""
    known = sandbox.environment
    moment = str(int(time.time() * 1000) - late_ms)
    text = f"{known['RESIDENCE_PERMIT_KEY_ID']}{moment}GET{path}"
    key = known["RESIDENCE_PERMIT_KEY"].encode()
    return {
        "X-Key-Id": known["RESIDENCE_PERMIT_KEY_ID"],
        "X-Timestamp": moment,
        "X-Sign": hmac.new(key, text.encode(), hashlib.sha256).hexdigest(),
    }


def permits(sandbox: Sandbox, headers: dict[str, str], **query: str) -> dict[str, Any]:
    """The envelope of a question to the residence permits."""
    url = sandbox.environment["RESIDENCE_PERMIT_URL"] + "/api/v2/jzz"
    with client() as http:
        response = http.get(url, params=query, headers=headers)
    assert response.status_code == 200
    document: dict[str, Any] = response.json()
    return document


def fhir(sandbox: Sandbox, path: str, token: str | None = None, **query: str) -> httpx2.Response:
    """The response of a FHIR search; `patient_identifier` stands for `patient.identifier`."""
    bearer = sandbox.environment["IMMUNIZATION_TOKEN"] if token is None else token
    url = path if "://" in path else sandbox.environment["IMMUNIZATION_URL"] + path
    params = {name.replace("patient_", "patient."): value for name, value in query.items()}
    with client() as http:
        return http.get(
            url,
            params=params or None,
            headers={"Authorization": f"Bearer {bearer}".encode("latin-1")},
        )
