"""Wherever a manifest sends a question, its token or its second try: no redirect and no name leads
anywhere else. Through the registry, for every kind over HTTP.
"""

from __future__ import annotations

import asyncio
import base64
import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from adapters.model import Outcome, SourceReply
from adapters.registry import connect
from tests.adapters.dialects import DIALECTS, prepare
from tests.adapters.servers import Request, http, says, serve
from tests.adapters.small import CATALOG, COUNTY, call, now, write

pytestmark = pytest.mark.anyio

SECRET = "s3cret-of-ours"
PERMITS = "residence-permit.status"
TOKEN = http(json.dumps({"access_token": "t0ken-of-ours", "expires_in": 600}))
HUB = """\
source: upper
name: 上级枢纽
authority: 市政务服务和大数据局
kind: hub
connect:
  base_url: ${URL}
  county: sample
  timeout: 2s
  receipts: { key_file: upper.key.json }
  auth: { scheme: bearer, token: "${TOKEN}" }
resources:
  residence-permit.status: {}
"""
REST = DIALECTS["rest"].manifest
AUTH = (
    "\n  auth: { scheme: oauth2, client_id: c, client_secret: '${SECRET}', token_url: '%s/token' }"
)
HEDGE = 'hedge: { after: 20ms, share: 1, replica: { base_url: "${ELSEWHERE}" } }\nresources:'


@dataclass(frozen=True, slots=True)
class Place:
    """A manifest, and what of it is at the place in question."""

    source: str
    resource: str
    manifest: str


PLACES = {
    **{kind: Place(d.source, d.resource, d.manifest) for kind, d in DIALECTS.items()},
    "hub": Place("upper", PERMITS, HUB),
    "the token endpoint": Place(
        "permit", PERMITS, REST.replace("timeout: 2s", "timeout: 2s" + AUTH % "${URL}")
        .replace("base_url: ${URL}", "base_url: ${ELSEWHERE}"),
    ),
    "the replica": Place(
        "permit", PERMITS, REST.replace("resources:", HEDGE)
        .replace("  residence-permit.status:", "  residence-permit.status:\n    idempotent: true")
        .replace("base_url: ${URL}", "base_url: ${HERE}").replace("${ELSEWHERE}", "${URL}")
        .replace("${HERE}", "${ELSEWHERE}"),
    ),
}  # fmt: skip


async def asked(folder: Path, place: Place, url: str, elsewhere: str) -> SourceReply:
    """The usual question, where the place is at `url` and the rest of the source elsewhere."""
    write(prepare(folder), **{place.source: place.manifest})
    pinned = {"origin": "upper.example:8600", "key": base64.b64encode(bytes(32)).decode()}
    (folder / "sources" / "upper.key.json").write_text(json.dumps(pinned), encoding="utf-8")
    county = connect(
        folder, county=COUNTY, catalog=CATALOG, now=now,
        environment={"URL": url, "ELSEWHERE": elsewhere, "SECRET": SECRET, "TOKEN": SECRET},
    )  # fmt: skip
    reply = await county.sources[place.source].answer(call(place.resource), within=1.5)
    await county.aclose()
    return reply


async def _never(_: Request, __: asyncio.StreamWriter) -> None:
    await asyncio.sleep(20)


@pytest.mark.parametrize("name", PLACES)
async def test_a_name_that_leads_home_is_never_connected_to(tmp_path: Path, name: str) -> None:
    """A name whose address is in a network that nobody listed: not one connection is made, neither
    for the question nor for a token nor for a second try.
    """
    async with serve(says(TOKEN)) as home, serve(_never) as elsewhere:
        url = home.url.replace("127.0.0.1", "0x7f.1")  # a name that needs no name server
        reply = await asked(tmp_path, PLACES[name], url, elsewhere.url)
        assert home.connections == 0
    silent = Outcome.TIMED_OUT if name == "the replica" else Outcome.UNREACHABLE
    assert (reply.outcome, reply.records) == (silent, ())
    assert name == "the replica" or str(reply.why).endswith(".address-refused")


LOCATIONS = {
    "another host": "{other}/x",
    "without a scheme": "//{authority}/x",
    "another scheme": "file:///etc/passwd",
    "itself": "/again",
}


@pytest.mark.parametrize("status", ["302 Found", "308 Moved"])
@pytest.mark.parametrize("where", LOCATIONS)
@pytest.mark.parametrize("name", PLACES)
async def test_no_redirect_is_followed(tmp_path: Path, name: str, where: str, status: str) -> None:
    """The other host is never contacted, and whoever redirects is asked once: neither question nor
    secret goes where the manifest does not name.
    """
    async with serve(says(TOKEN)) as other, serve(_never) as elsewhere:
        location = LOCATIONS[where].format(
            other=other.url, authority=other.url.removeprefix("http://")
        )
        moved = http("", status=status, extra=f"Location: {location}\r\n")
        async with serve(says(moved)) as server:
            reply = await asked(tmp_path, PLACES[name], server.url, elsewhere.url)
        targets = [request.target for request in server.requests]  # of FHIR, two searches
        assert (other.connections, "/again" in targets) == (0, False)
        assert targets
        assert len(targets) == len(set(targets))
    silent = Outcome.TIMED_OUT if name == "the replica" else Outcome.FAILED
    assert (reply.outcome, reply.records) == (silent, ())
    assert name == "the replica" or str(reply.why).endswith(".redirect")
