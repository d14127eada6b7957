"""How sources know us, against published vectors and over real sockets."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from adapters.model import Outcome
from adapters.platforms import gateway_sign, opened_secret, secret_key
from adapters.registry import Connected, connect
from tests.adapters.servers import Request, http, says, serve
from tests.adapters.small import CATALOG, COUNTY, NOW, call, write
from tests.adapters.test_rest import MANIFEST, PERMIT, envelope

APP_KEY = "0123456789abcdef0123456789abcdef"
RID, SID = "demo-rid@1", "s_1100000000000_0001"
GATEWAY = "{ scheme: gateway, rid: demo-rid@1, sid: s_1100000000000_0001, app_key: '${APP_KEY}' }"
NOW_MS = str(int(NOW.timestamp() * 1000))


def sealed(secret: str) -> str:
    """What the gateway sends: AES-128/ECB/PKCS5 under the key from the app key, in Base64."""
    padder = padding.PKCS7(128).padder()
    padded = padder.update(secret.encode()) + padder.finalize()
    encryptor = Cipher(algorithms.AES(secret_key(APP_KEY)), modes.ECB()).encryptor()  # noqa: S305 -- the gateway's format
    return base64.b64encode(encryptor.update(padded) + encryptor.finalize()).decode()


def connected(folder: Path, url: str, auth: str, *, now: Callable[[], datetime]) -> Connected:
    """The residence-permit source with this `auth`."""
    manifest = MANIFEST.replace("timeout: 2s", f"auth: {auth}")
    environment = {"PERMIT_URL": f"{url}/base", "APP_KEY": APP_KEY, "SECRET": "s3cret"}
    return connect(
        write(folder, permit=manifest), county=COUNTY, catalog=CATALOG, environment=environment,
        now=now,
    )  # fmt: skip


def test_the_published_vectors() -> None:
    """Signature and key of the national gateway's scheme."""
    assert gateway_sign(APP_KEY, SID, RID, "1735689600000") == (
        "XnDNHuIRZgvIThAYwqNAG7uv3Z7e5KObaon1aQhrf4w="
    )
    assert secret_key(APP_KEY).hex() == "2d703e10a32f30251a2370355793e786"
    assert opened_secret(APP_KEY, sealed("short-lived")) == "short-lived"


@pytest.mark.parametrize("text", ["", "!", "AAAA", base64.b64encode(b"x" * 16).decode()])
def test_a_secret_that_is_none(text: str) -> None:
    """What does not decrypt is an error, never an odd secret."""
    with pytest.raises(ValueError):  # noqa: PT011 -- each layer words it differently
        opened_secret(APP_KEY, text)


HEADERS: dict[str, tuple[str, dict[str, str]]] = {
    "basic": (
        "{ scheme: basic, user: hub, password: '${SECRET}' }",
        {"authorization": "Basic " + base64.b64encode(b"hub:s3cret").decode()},
    ),
    "bearer": ("{ scheme: bearer, token: '${SECRET}' }", {"authorization": "Bearer s3cret"}),
    "hmac-header": (
        "{ scheme: hmac-header, key_id: k1, key: '${SECRET}' }",
        {
            "x-key-id": "k1",
            "x-timestamp": NOW_MS,
            "x-sign": hmac.new(
                b"s3cret", f"k1{NOW_MS}GET/base/api/v2/jzz".encode(), hashlib.sha256
            ).hexdigest(),
        },
    ),
    "hmac-header with another prefix": (
        "{ scheme: hmac-header, key_id: k1, key: '${SECRET}', header_prefix: Y- }",
        {"y-key-id": "k1"},
    ),
    "none": ("{ scheme: none }", {}),
}


@pytest.mark.anyio
@pytest.mark.parametrize("name", HEADERS)
async def test_headers(tmp_path: Path, name: str) -> None:
    """Each scheme sends what it says and nothing else of the kind."""
    auth, expected = HEADERS[name]
    async with serve(says(envelope(PERMIT))) as server:
        county = connected(tmp_path, server.url, auth, now=lambda: NOW)
        await county.sources["permit"].answer(call("residence-permit.status"), within=3)
        await county.aclose()
    sent = server.requests[0].headers
    assert {name: sent[name] for name in expected} == expected
    assert ("authorization" in sent) is ("authorization" in expected)


class Gateway:
    """A national gateway: gives secrets, and lets calls through that are signed with the last."""

    def __init__(self, *, life_ms: int = 60_000, refuse: str | None = None) -> None:
        self.given = 0
        self.life_ms, self.refuse = life_ms, refuse
        self.revoked = False

    async def __call__(self, request: Request, writer: asyncio.StreamWriter) -> None:
        if request.target.endswith("/sysapi/refreshappsecret"):
            await asyncio.sleep(0.05)
            writer.write(http(self.secret(request)))
        else:
            writer.write(self.called(request))

    def secret(self, request: Request) -> str:
        rows = json.loads(request.body)
        signed = gateway_sign(APP_KEY, rows["sid"], rows["rid"], rows["rtime"])
        if self.refuse or rows["sign"] != signed:
            return json.dumps({"code": self.refuse or "-1", "message": "sign error"})
        self.given += 1
        self.revoked = False
        data = {
            "secret": sealed(f"secret-{self.given}"),
            "secretEndTime": int(NOW_MS) + self.life_ms,
        }
        return json.dumps({"code": "0", "data": data})

    def called(self, request: Request) -> bytes:
        sent = {n.removeprefix("gjgxjhpt_"): v for n, v in request.headers.items()}
        expected = gateway_sign(f"secret-{self.given}", SID, RID, sent["rtime"])
        if self.revoked or sent["sign"] != expected:
            return http('{"code":"E-106","message":"sign expired"}')
        return envelope(PERMIT)


@pytest.mark.anyio
async def test_the_secret_is_fetched_once_for_all(tmp_path: Path) -> None:
    """Ten calls at once need one secret; later calls need none."""
    gateway = Gateway()
    async with serve(gateway) as server:
        county = connected(tmp_path, server.url, GATEWAY, now=lambda: NOW)
        permit = county.sources["permit"]
        replies = await asyncio.gather(
            *(permit.answer(call("residence-permit.status"), within=3) for _ in range(10))
        )
        await permit.answer(call("residence-permit.status"), within=3)
        await county.aclose()
    assert {reply.outcome for reply in replies} == {Outcome.ANSWERED}
    assert gateway.given == 1
    assert len(server.requests) == 12


@pytest.mark.anyio
async def test_an_expired_secret_is_renewed_before_it_is_used(tmp_path: Path) -> None:
    """The end time the gateway gave is believed."""
    gateway = Gateway(life_ms=1000)
    clock = [NOW]
    given = []
    async with serve(gateway) as server:
        county = connected(tmp_path, server.url, GATEWAY, now=lambda: clock[0])
        for milliseconds in (0, 999, 1000):
            clock[0] = NOW + timedelta(milliseconds=milliseconds)
            reply = await county.sources["permit"].answer(call("residence-permit.status"), within=3)
            given.append(gateway.given)
        await county.aclose()
    assert given == [1, 1, 2]
    assert reply.outcome is Outcome.ANSWERED


@pytest.mark.anyio
async def test_a_revoked_secret_costs_one_more_try(tmp_path: Path) -> None:
    """The gateway forgets our secret early: one refresh, one repetition, and the answer."""
    gateway = Gateway()
    async with serve(gateway) as server:
        county = connected(tmp_path, server.url, GATEWAY, now=lambda: NOW)
        permit = county.sources["permit"]
        await permit.answer(call("residence-permit.status"), within=3)
        gateway.revoked = True
        reply = await permit.answer(call("residence-permit.status"), within=3)
        await county.aclose()
    assert reply.outcome is Outcome.ANSWERED
    assert gateway.given == 2


@pytest.mark.anyio
async def test_a_gateway_that_always_refuses_is_asked_twice_only(tmp_path: Path) -> None:
    """No loop: after the second refusal its envelope is the answer."""

    async def refuses(request: Request, writer: asyncio.StreamWriter) -> None:
        if "refresh" in request.target:
            writer.write(http(Gateway().secret(request)))
        else:
            writer.write(http('{"code":"E-106"}'))

    async with serve(refuses) as server:
        county = connected(tmp_path, server.url, GATEWAY, now=lambda: NOW)
        reply = await county.sources["permit"].answer(call("residence-permit.status"), within=3)
        await county.aclose()
    assert (reply.outcome, reply.why) == (Outcome.FAILED, "rest.not-ok-E-106")
    assert len(server.requests) == 4


REFRESHES: dict[str, tuple[bytes, Outcome, str]] = {
    "refused": (http('{"code":"-1"}'), Outcome.REFUSED, "rest.secret-refused"),
    "unreadable": (
        http('{"code":"0","data":{"secret":"AAAA","secretEndTime":1}}'), Outcome.FAILED,
        "rest.secret-unreadable",
    ),
    "without data": (http('{"code":"0"}'), Outcome.FAILED, "rest.secret-unreadable"),
    "a page": (http("<html>"), Outcome.FAILED, "rest.json"),
    "down": (http("", status="503 Down"), Outcome.FAILED, "rest.status-503"),
}  # fmt: skip


@pytest.mark.anyio
@pytest.mark.parametrize("name", REFRESHES)
async def test_a_secret_that_does_not_come(tmp_path: Path, name: str) -> None:
    """The call is not made without one."""
    response, outcome, why = REFRESHES[name]
    async with serve(says(response)) as server:
        county = connected(tmp_path, server.url, GATEWAY, now=lambda: NOW)
        reply = await county.sources["permit"].answer(call("residence-permit.status"), within=3)
        await county.aclose()
    assert (reply.outcome, reply.why) == (outcome, why)
    assert len(server.requests) == 1


@pytest.mark.anyio
async def test_a_caller_who_leaves_does_not_take_the_secret_along(tmp_path: Path) -> None:
    """The one who fetches is cancelled; the one who waits fetches instead."""
    gateway = Gateway()
    async with serve(gateway) as server:
        county = connected(tmp_path, server.url, GATEWAY, now=lambda: NOW)
        permit = county.sources["permit"]
        leaving = asyncio.create_task(permit.answer(call("residence-permit.status"), within=3))
        staying = asyncio.create_task(permit.answer(call("residence-permit.status"), within=3))
        await asyncio.sleep(0.02)
        leaving.cancel()
        reply = await staying
        await county.aclose()
    assert reply.outcome is Outcome.ANSWERED
    assert leaving.cancelled()
