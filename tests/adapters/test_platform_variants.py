"""What differs from place to place is a key of the manifest: each variant on a real socket."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from joserfc import jwt
from joserfc.jwk import ECKey
from lxml import etree

from adapters.errors import InvalidManifest
from adapters.model import Outcome
from adapters.platforms import _with_header
from adapters.registry import check, connect
from tests.adapters.servers import Request, http, says, serve
from tests.adapters.small import CATALOG, COUNTY, write
from tests.adapters.test_platforms import GOOD, TokenServer, answers, ask, sources, utc
from tests.adapters.test_rest import MANIFEST

pytestmark = pytest.mark.anyio


def pem(key: Any) -> str:
    """A private key as PKCS#8."""
    return str(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode()
    )


# --- Guangdong --------------------------------------------------------------------------------


async def test_guangdong_as_another_city_has_it(tmp_path: Path) -> None:
    """Other order, small letters, milliseconds, another prefix, a service id."""
    seen: list[Mapping[str, str]] = []

    async def behaviour(request: Request, writer: asyncio.StreamWriter) -> None:
        seen.append(request.headers)
        writer.write(answers(GOOD))

    auth = (
        "{ scheme: tif, paas_id: p1, token: '${SECRET}', prefix: x-rio-, unit: ms, letters: lower,"
        " signed: [paasid, nonce, token, timestamp], service_id: S9 }"
    )
    async with serve(behaviour) as server:
        connected = sources(tmp_path, server.url, auth, SECRET="s3cret")
        assert (await ask(connected)).outcome is Outcome.ANSWERED
        await connected.aclose()
    rows = {k.removeprefix("x-rio-"): v for k, v in seen[0].items() if k.startswith("x-rio-")}
    text = f"p1{rows['nonce']}s3cret{rows['timestamp']}"
    assert rows["signature"] == hashlib.sha256(text.encode()).hexdigest()
    assert abs(int(rows["timestamp"]) / 1000 - time.time()) < 60
    assert (rows["serviceid"], rows["paasid"]) == ("S9", "p1")
    assert "s3cret" not in str(seen)


# --- Zhejiang ---------------------------------------------------------------------------------


async def test_zhejiangs_own_codes_and_no_word_of_an_end(tmp_path: Path) -> None:
    """Another code for an outdated secret, and secrets that come without their end."""
    state = {"given": 0}

    async def behaviour(request: Request, writer: asyncio.StreamWriter) -> None:
        if "refresh" in request.target:
            state["given"] += 1
            writer.write(answers({"code": "00", "datas": {"requestSecret": f"r{state['given']}"}}))
            return
        rows = {k: v[0] for k, v in parse_qs(request.target.partition("?")[2]).items()}
        text = f"A1r2{rows['requestTime']}"
        right = rows["sign"] == hashlib.md5(text.encode()).hexdigest()  # noqa: S324 -- theirs
        writer.write(answers(GOOD if right else {"code": "03"}))

    auth = "{ scheme: zhejiang, app_key: A1, app_secret: '${SECRET}', outdated: ['03'] }"
    async with serve(behaviour) as server:
        connected = sources(tmp_path, server.url, auth, SECRET="s3cret")
        replies = [await ask(connected) for _ in range(3)]
        await connected.aclose()
    assert {reply.outcome for reply in replies} == {Outcome.ANSWERED}
    assert state["given"] == 2


# --- the national gateway ---------------------------------------------------------------------

SOAP11, SOAP12 = (
    "http://schemas.xmlsoap.org/soap/envelope/",
    "http://www.w3.org/2003/05/soap-envelope",
)
ENVELOPES = {
    "without a header": f"<e:Envelope xmlns:e='{SOAP11}'><e:Body><Body/></e:Body></e:Envelope>",
    "with a header": f"<e:Envelope xmlns:e='{SOAP11}'><e:Header><a/></e:Header><e:Body/></e:Envelope>",
    "with a comment": f"<s:Envelope xmlns:s='{SOAP12}'><!-- <s:Body> --><s:Body/></s:Envelope>",
}


@pytest.mark.parametrize("name", ENVELOPES)
async def test_the_credentials_stand_in_the_one_header(name: str) -> None:
    """Before the body, without a namespace, and beside what is there already."""
    wrapped = _with_header({"gjgxjhpt_rid": "r<&>1", "gjgxjhpt_rTime": "1"})(
        ENVELOPES[name].encode()
    )
    root = etree.fromstring(wrapped)
    namespace = etree.QName(root).namespace
    assert [etree.QName(each).localname for each in root if isinstance(each.tag, str)] == [
        "Header", "Body",
    ]  # fmt: skip
    header = root.find(f"{{{namespace}}}Header")
    assert header is not None
    assert header.findtext("tongtechheader/gjgxjhpt_rid") == "r<&>1"
    assert header.findtext("tongtechheader/gjgxjhpt_rTime") == "1"
    assert (header.find("a") is not None) is (name == "with a header")


@pytest.mark.parametrize("prefix", ["gjgxjhpt_", "gjzwfwpt_", "hnjhpt_"])
async def test_the_relatives_of_the_national_gateway(tmp_path: Path, prefix: str) -> None:
    """The same arithmetic under each platform's prefix, and another name for the time."""
    seen: list[Mapping[str, str]] = []

    async def behaviour(request: Request, writer: asyncio.StreamWriter) -> None:
        if request.target.endswith("refreshappsecret"):
            writer.write(answers({"code": "0", "data": {"secret": SEALED, "secretEndTime": None}}))
            return
        seen.append(request.headers)
        writer.write(answers(GOOD))

    auth = (
        f"{{ scheme: gateway, prefix: {prefix}, rid: demo-rid@1, sid: s_1100000000000_0001,"
        " app_key: '${APP_KEY}', time_name: reqtime }"
    )
    async with serve(behaviour) as server:
        connected = sources(tmp_path, server.url, auth, APP_KEY=APP_KEY)
        replies = [await ask(connected) for _ in range(2)]
        await connected.aclose()
    assert {reply.outcome for reply in replies} == {Outcome.ANSWERED}
    text = f"s_1100000000000_0001demo-rid@1{seen[0][f'{prefix}reqtime']}"
    digest = hmac.new(b"short-lived", text.encode(), hashlib.sha256).digest()
    assert seen[0][f"{prefix}sign"] == b64encode(digest).decode()
    assert len(server.requests) == 3


APP_KEY = "0123456789abcdef0123456789abcdef"
SEALED = "1zoGtg/NFfWEBtJIgCSniA=="
"""`short-lived` under AES-128-ECB with the key 2d703e10a32f30251a2370355793e786 (see the vectors)."""


# --- tokens -----------------------------------------------------------------------------------


async def test_tokens_from_another_server(tmp_path: Path) -> None:
    """A server of identities beside the source; the token lies one level down."""

    async def identities(request: Request, writer: asyncio.StreamWriter) -> None:
        right = parse_qs(request.body.decode())["client_secret"] == ["s3cret"]
        writer.write(answers({"code": 200, "data": {"access_token": "t1"}} if right else {}))

    async def source(request: Request, writer: asyncio.StreamWriter) -> None:
        right = request.headers.get("authorization") == "Bearer t1"
        writer.write(answers(GOOD) if right else answers({}, "401 Unauthorized"))

    auth = (
        "{ scheme: oauth2, client_id: c, client_secret: '${SECRET}', place: body,"
        " token_url: '${TOKENS}/rest/oauth2/token', answer_in: data }"
    )
    async with serve(identities) as other, serve(source) as server:
        connected = sources(tmp_path, server.url, auth, SECRET="s3cret", TOKENS=other.url)
        assert (await ask(connected)).outcome is Outcome.ANSWERED
        await connected.aclose()
    assert [request.target for request in other.requests] == ["/rest/oauth2/token"]
    assert all("s3cret" not in str(request) for request in server.requests)


REFUSALS: dict[str, tuple[bytes, Outcome, str]] = {
    "as the standard says": (
        answers({"error": "invalid_client"}, "400 Bad Request"), Outcome.REFUSED, "token-refused",
    ),
    "without a token": (answers({"expires_in": 5}), Outcome.REFUSED, "token-refused"),
    "a token that is none": (answers({"access_token": 5}), Outcome.REFUSED, "token-refused"),
    "a token with a line of its own": (
        answers({"access_token": "a\r\nX: 1"}), Outcome.FAILED, "secret-unreadable",
    ),
    "an end that is none": (
        answers({"access_token": "a", "expires_in": "soon"}), Outcome.FAILED, "token-unreadable",
    ),
    "huge": (answers({"access_token": "x" * 2_000_000}), Outcome.FAILED, "too-large"),
    "deep": (http("[" * 100_000), Outcome.FAILED, "json"),
    "an entity": (
        http('<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>'),
        Outcome.FAILED, "json",
    ),
    "a redirect": (
        answers({}, "302 Found\r\nLocation: http://127.0.0.1:1/"), Outcome.FAILED, "redirect",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSALS)
async def test_an_endpoint_that_gives_no_token(tmp_path: Path, name: str) -> None:
    """The data are never asked for, and the secret is in no word of it."""
    reply_bytes, outcome, why = REFUSALS[name]
    auth = "{ scheme: oauth2, client_id: c, client_secret: '${SECRET}' }"
    async with serve(says(reply_bytes)) as server:
        connected = sources(tmp_path, server.url, auth, SECRET="s3cret")
        reply = await ask(connected)
        await connected.aclose()
    assert (reply.outcome, reply.why) == (outcome, f"rest.{why}")
    assert len(server.requests) == 1


async def test_a_key_in_a_file_is_read_anew_for_each_token(tmp_path: Path) -> None:
    """Replacing the file is enough; what is no key then is a refusal, not a crash."""
    keys = [ECKey.generate_key("P-256"), ECKey.generate_key("P-256")]
    accepted = [keys[0]]

    def judge(_request: Request, rows: dict[str, str]) -> bool:
        jwt.decode(rows["client_assertion"], accepted[0], algorithms=["ES256"])
        return True

    file = tmp_path / "key.pem"
    file.write_bytes(keys[0].as_pem(private=True))
    platform = TokenServer(judge)
    auth = "{ scheme: private-key-jwt, client_id: c1, key_file: '${FOLDER}/key.pem' }"
    async with serve(platform) as server:
        connected = sources(tmp_path, server.url, auth, FOLDER=str(tmp_path))
        outcomes = [(await ask(connected)).outcome]
        file.write_bytes(keys[1].as_pem(private=True))
        accepted[0] = keys[1]
        platform.given = 5
        outcomes.append((await ask(connected)).outcome)
        file.write_text("gone")
        platform.given = 9
        last = await ask(connected)
        await connected.aclose()
    assert outcomes == [Outcome.ANSWERED, Outcome.ANSWERED]
    assert (last.outcome, last.why) == (Outcome.REFUSED, "rest.client-key")


UNFIT: dict[str, tuple[str, Callable[[], str]]] = {
    "a public key": ("ES256", lambda: ECKey.generate_key("P-256").as_pem(private=False).decode()),
    "of another curve": ("ES256", lambda: pem(ec.generate_private_key(ec.SECP384R1()))),
    "of another kind": ("ES256", lambda: pem(rsa.generate_private_key(65537, 2048))),
    "RSA where Ed25519 is": ("RS256", lambda: pem(ed25519.Ed25519PrivateKey.generate())),
    "a symmetric JWK": ("ES256", lambda: json.dumps({"kty": "oct", "k": "A" * 43})),
    "no key at all": ("ES256", lambda: "hello"),
    "broken JSON": ("ES256", lambda: "{"),
}


@pytest.mark.parametrize("name", UNFIT)
async def test_a_key_that_does_not_fit_is_a_complaint(tmp_path: Path, name: str) -> None:
    """At start, with nothing of the key in it; offline nobody minds."""
    algorithm, text = UNFIT[name]
    key = text()
    auth = f"{{ scheme: private-key-jwt, client_id: c, key: '${{KEY}}', algorithm: {algorithm} }}"
    folder = write(tmp_path, permit=MANIFEST.replace("timeout: 2s", f"auth: {auth}"))
    assert check(folder, county=COUNTY, catalog=CATALOG, now=utc)
    with pytest.raises(InvalidManifest) as caught:
        connect(folder, county=COUNTY, catalog=CATALOG, now=utc,
                environment={"PERMIT_URL": "http://127.0.0.1:9", "KEY": key})  # fmt: skip
    assert [c.rule for c in caught.value.complaints] == ["key"]
    assert key not in str(caught.value)


LITERALS = [
    "{ scheme: zhejiang, app_key: A, app_secret: hush-hush }",
    "{ scheme: tif, paas_id: p, token: hush-hush }",
    "{ scheme: oauth2, client_id: c, client_secret: hush-hush }",
    "{ scheme: private-key-jwt, client_id: c, key: hush-hush }",
    "{ scheme: private-key-jwt, client_id: c, key_file: /keys/hush-hush }",
    "{ scheme: gateway, rid: r, sid: s, app_key: hush-hush }",
    "{ scheme: sm-envelope, app_id: a, app_secret: hush-hush, private_key: x, platform_key: x }",
]


@pytest.mark.parametrize("auth", LITERALS)
async def test_a_secret_in_the_file_is_refused_and_not_repeated(tmp_path: Path, auth: str) -> None:
    """Secrets and the places of keys come from the environment only."""
    folder = write(tmp_path, permit=MANIFEST.replace("timeout: 2s", f"auth: {auth}"))
    with pytest.raises(InvalidManifest) as caught:
        check(folder, county=COUNTY, catalog=CATALOG, now=utc)
    assert caught.value.complaints
    assert "hush" not in str(caught.value)


async def test_the_committed_schema_shows_no_secret() -> None:
    """Each secret is a variable's name there, and nothing has an example or a default."""
    text = (Path(__file__).parents[2] / "adapters" / "manifest.schema.json").read_text("utf-8")
    secrets: list[Mapping[str, Any]] = []

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            for name, each in node.get("properties", {}).items():
                if name in {"app_key", "app_secret", "client_secret", "key", "key_file", "password",
                            "private_key", "sm4_key"}:  # fmt: skip
                    secrets.append(each)
            for each in node.values():
                walk(each)
        elif isinstance(node, list):
            for each in node:
                walk(each)

    walk(json.loads(text))
    assert len(secrets) >= 8
    for each in secrets:
        assert each.get("default") is None
        assert "examples" not in each
