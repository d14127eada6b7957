"""The sharing platforms' schemes on real sockets; the other side's arithmetic is written here anew."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import re
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, padding, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.x509.oid import NameOID
from joserfc import jwt
from joserfc.jwk import ECKey

from adapters.errors import InvalidManifest
from adapters.model import Outcome, SourceReply
from adapters.platforms import TIFAuth, TIFHeaders
from adapters.ports import Keep, MemoryKeep, Surroundings
from adapters.registry import Connected, check, connect
from seals.sm2 import PrivateKey, PublicKey, Signature
from tests.adapters.dialects import DIALECTS, prepare
from tests.adapters.servers import Request, Server, http, serve
from tests.adapters.small import CATALOG, COUNTY, call, write
from tests.adapters.test_rest import MANIFEST

pytestmark = pytest.mark.anyio
GOOD = {"code": "0", "data": [{"jzzh": "J1", "xm": "赵明示"}]}
RESOURCE = "residence-permit.status"


def utc() -> datetime:
    """The real clock."""
    return datetime.now(UTC)


def sources(
    folder: Path, url: str, auth: str, *, keep: Keep | None = None, **environment: str
) -> Connected:
    """The residence permits behind a platform."""
    manifest = MANIFEST.replace("timeout: 2s", f"timeout: 2s\n  auth: {auth}")
    return connect(
        write(folder, permit=manifest), county=COUNTY, catalog=CATALOG,
        environment={"PERMIT_URL": url, **environment}, now=utc,
        surroundings=Surroundings(keep=keep or MemoryKeep()),
    )  # fmt: skip


async def ask(connected: Connected, within: float = 5) -> SourceReply:
    """The usual question."""
    return await connected.sources["permit"].answer(call(RESOURCE), within=within)


def answers(document: Any, status: str = "200 OK") -> bytes:
    """A JSON response."""
    return http(json.dumps(document, ensure_ascii=False), status=status)


# --- Zhejiang ---------------------------------------------------------------------------------

ZHEJIANG = "{ scheme: zhejiang, app_key: A1, app_secret: '${SECRET}' }"


@dataclass
class ZhejiangPlatform:
    """The platform: keeps its own secrets and judges signatures."""

    lives: float = 900
    current: str = ""
    renewal: str = ""
    asked: list[str] = field(default_factory=list)
    by_key_works: bool = True

    async def __call__(self, request: Request, writer: asyncio.StreamWriter) -> None:
        parts = urlsplit(request.target)
        rows = {k: v[0] for k, v in parse_qs(parts.query or request.body.decode()).items()}
        self.asked.append(parts.path)
        writer.write(answers(self.said(parts.path, rows)))

    def said(self, path: str, rows: Mapping[str, str]) -> Any:
        if path.endswith("refreshTokenByKey.htm"):
            right = self.by_key_works and self.signed(rows, "s3cret")
            return self.renewed() if right else {"code": "09", "datas": {}}
        if path.endswith("refreshTokenBySec.htm"):
            return self.renewed() if self.signed(rows, self.renewal) else {"code": "10"}
        return GOOD if self.signed(rows, self.current) else {"code": "14", "msg": "签名错误"}

    def renewed(self) -> Any:
        number = len(self.asked)
        self.current, self.renewal = f"request-{number}", f"refresh-{number}"
        end = int((time.time() + self.lives) * 1000)
        return {
            "code": "00",
            "datas": {
                "requestSecret": self.current, "requestSecretEndTime": str(end),
                "refreshSecret": self.renewal, "refreshSecretEndTime": end + 10_000_000,
            },
        }  # fmt: skip

    @staticmethod
    def signed(rows: Mapping[str, str], secret: str) -> bool:
        text = f"A1{secret}{rows.get('requestTime')}"
        return bool(secret) and rows.get("sign") == hashlib.md5(text.encode()).hexdigest()  # noqa: S324 -- theirs


async def test_zhejiang_asks_for_a_secret_by_key_and_then_by_the_second_secret(
    tmp_path: Path,
) -> None:
    """One refresh for many calls; the next one by the second secret; the status knows the end."""
    platform = ZhejiangPlatform()
    async with serve(platform) as server:
        connected = sources(tmp_path, server.url, ZHEJIANG, SECRET="s3cret")
        replies = await asyncio.gather(*(ask(connected) for _ in range(30)))
        assert {r.outcome for r in replies} == {Outcome.ANSWERED}
        ends = connected.sources["permit"].status().expires_at
        assert ends is not None
        assert timedelta(0) < ends - utc() < timedelta(minutes=16)
        platform.current = "another worker has refreshed"
        assert (await ask(connected)).outcome is Outcome.ANSWERED
        await connected.aclose()
    refreshes = [path.rpartition("/")[2] for path in platform.asked if "refresh" in path]
    assert refreshes == ["refreshTokenByKey.htm", "refreshTokenBySec.htm"]


async def test_zhejiang_falls_back_to_the_key(tmp_path: Path) -> None:
    """A second secret that somebody else ended locks nobody out."""
    platform = ZhejiangPlatform()
    async with serve(platform) as server:
        connected = sources(tmp_path, server.url, ZHEJIANG, SECRET="s3cret")
        await ask(connected)
        platform.current, platform.renewal = "x", "y"
        assert (await ask(connected)).outcome is Outcome.ANSWERED
        await connected.aclose()
    assert [p.rpartition("/")[2] for p in platform.asked if "refresh" in p] == [
        "refreshTokenByKey.htm", "refreshTokenBySec.htm", "refreshTokenByKey.htm",
    ]  # fmt: skip


async def test_a_platform_that_gives_no_secret_refuses_in_time(tmp_path: Path) -> None:
    """A wrong key is a refusal, told as such."""
    async with serve(ZhejiangPlatform(by_key_works=False)) as server:
        connected = sources(tmp_path, server.url, ZHEJIANG, SECRET="s3cret")
        reply = await ask(connected)
        await connected.aclose()
    assert (reply.outcome, reply.why) == (Outcome.REFUSED, "rest.secret-refused")


class SlowKeep(MemoryKeep):
    """A keep as Redis is: every call gives others their turn."""

    async def get(self, key: str) -> bytes | None:
        await asyncio.sleep(0.001)
        return await super().get(key)

    async def lease(self, key: str, seconds: float) -> bool:
        await asyncio.sleep(0.001)
        return await super().lease(key, seconds)


async def test_many_workers_refresh_once_and_pick_up_each_others_secrets(tmp_path: Path) -> None:
    """Eight workers, one keep: one refresh at the start, and one when it is refused."""
    platform, keep = ZhejiangPlatform(), SlowKeep()
    async with serve(platform) as server:
        workers = [
            sources(_folder(tmp_path, n), server.url, ZHEJIANG, keep=keep, SECRET="s3cret")
            for n in range(8)
        ]
        first = await asyncio.gather(*(ask(w) for w in workers for _ in range(5)))
        platform.current = "gone"
        second = await asyncio.gather(*(ask(w) for w in workers for _ in range(5)))
        for worker in workers:
            await worker.aclose()
    assert {reply.outcome for reply in (*first, *second)} == {Outcome.ANSWERED}
    assert sum("refresh" in path for path in platform.asked) == 2


async def test_a_worker_that_died_with_the_lease_locks_nobody_out(tmp_path: Path) -> None:
    """The others wait for the lease to lapse, within their own deadline."""
    keep = MemoryKeep()
    async with serve(ZhejiangPlatform()) as server:
        name = f"secret:{server.url}|A1"
        assert await keep.lease(name, 0.3)
        connected = sources(tmp_path, server.url, ZHEJIANG, keep=keep, SECRET="s3cret")
        assert (await ask(connected)).outcome is Outcome.ANSWERED
        await connected.aclose()


def _folder(parent: Path, number: int) -> Path:
    folder = parent / str(number)
    folder.mkdir()
    return folder


BAD_SECRETS: dict[str, Any] = {
    "no JSON": b"<html>",
    "a list": [],
    "no data": {"code": "00"},
    "data of another kind": {"code": "00", "datas": "x"},
    "no end": {"code": "00", "datas": {"requestSecret": "x"}},
    "an end of another kind": {
        "code": "00", "datas": {"requestSecret": "x", "requestSecretEndTime": "soon"},
    },
    "an end beyond all years": {
        "code": "00", "datas": {"requestSecret": "x", "requestSecretEndTime": 10**30},
    },
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_SECRETS)
async def test_a_refresh_that_answers_garbage_is_a_failure(tmp_path: Path, name: str) -> None:
    """In time, and without a word of the secret."""
    body = BAD_SECRETS[name]

    async def behaviour(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(http(body) if isinstance(body, bytes) else answers(body))

    async with serve(behaviour) as server:
        connected = sources(tmp_path, server.url, ZHEJIANG, SECRET="s3cret")
        reply = await ask(connected)
        await connected.aclose()
    assert reply.outcome in {Outcome.FAILED, Outcome.REFUSED}
    assert "s3cret" not in repr(reply)


# --- Guangdong --------------------------------------------------------------------------------


async def test_guangdongs_headers(tmp_path: Path) -> None:
    """Upper-case SHA-256 over timestamp, token, nonce and timestamp; a new nonce each time."""
    nonces: set[str] = set()

    async def behaviour(request: Request, writer: asyncio.StreamWriter) -> None:
        rows = {name: request.headers[f"x-tif-{name}"] for name in
                ("paasid", "timestamp", "nonce", "signature")}  # fmt: skip
        text = rows["timestamp"] + "s3cret" + rows["nonce"] + rows["timestamp"]
        right = hashlib.sha256(text.encode()).hexdigest().upper() == rows["signature"]
        fresh = abs(time.time() - int(rows["timestamp"])) < 60 and rows["nonce"] not in nonces
        nonces.add(rows["nonce"])
        writer.write(answers(GOOD if right and fresh and rows["paasid"] == "p1" else {"code": "9"}))

    async with serve(behaviour) as server:
        auth = "{ scheme: tif, paas_id: p1, token: '${SECRET}' }"
        connected = sources(tmp_path, server.url, auth, SECRET="s3cret")
        replies = [await ask(connected) for _ in range(3)]
        await connected.aclose()
    assert {reply.outcome for reply in replies} == {Outcome.ANSWERED}
    assert len(nonces) == 3


async def test_guangdongs_signature_of_a_known_moment() -> None:
    """Worked out by hand with sha256sum: 1735689600tok0123456789abcdef1735689600."""
    terms = TIFAuth.model_validate({"scheme": "tif", "paas_id": "p", "token": _secret("tok")})
    scheme = TIFHeaders(
        terms, lambda: datetime(2025, 1, 1, tzinfo=UTC), nonce=lambda: "0123456789abcdef"
    )
    headers = (await scheme.identify("GET", "/")).headers
    assert headers["x-tif-timestamp"] == "1735689600"
    assert headers["x-tif-signature"] == (
        hashlib.sha256(b"1735689600tok0123456789abcdef1735689600").hexdigest().upper()
    )


def _secret(text: str) -> Any:
    from adapters.values import FromEnvironment  # noqa: PLC0415  (only here a value is made by hand)

    return FromEnvironment(text)


# --- OAuth 2.0 --------------------------------------------------------------------------------


@dataclass
class TokenServer:
    """A token endpoint and the service behind it."""

    judge: Callable[[Request, dict[str, str]], bool]
    expires_in: Any = 600
    given: int = 0

    async def __call__(self, request: Request, writer: asyncio.StreamWriter) -> None:
        if request.target == "/oauth2/token":
            rows = {k: v[0] for k, v in parse_qs(request.body.decode()).items()}
            if rows.get("grant_type") != "client_credentials" or not self.judge(request, rows):
                writer.write(answers({"error": "invalid_client"}, "401 Unauthorized"))
                return
            self.given += 1
            token = {"access_token": f"t{self.given}", "expires_in": self.expires_in}
            writer.write(answers(token))
            return
        right = request.headers.get("authorization") == f"Bearer t{self.given}"
        writer.write(answers(GOOD) if right else answers({}, "401 Unauthorized"))


def _by_basic(request: Request, _rows: dict[str, str]) -> bool:
    pair = base64.b64encode(b"c%3A1:s3%2Fcret").decode()
    return request.headers.get("authorization") == f"Basic {pair}"


def _by_body(_request: Request, rows: dict[str, str]) -> bool:
    return (rows.get("client_id"), rows.get("client_secret")) == ("c:1", "s3/cret")


@pytest.mark.parametrize(("place", "judge"), [("basic", _by_basic), ("body", _by_body)])
async def test_client_credentials(
    tmp_path: Path, place: str, judge: Callable[[Request, dict[str, str]], bool]
) -> None:
    """One token for many calls, a new one when it is not taken any more."""
    server_side = TokenServer(judge)
    async with serve(server_side) as server:
        auth = (
            f"{{ scheme: oauth2, client_id: 'c:1', client_secret: '${{SECRET}}', place: {place} }}"
        )
        connected = sources(tmp_path, server.url, auth, SECRET="s3/cret")
        replies = await asyncio.gather(*(ask(connected) for _ in range(20)))
        assert server_side.given == 1
        server_side.given = 7
        again = await ask(connected)
        await connected.aclose()
    assert {reply.outcome for reply in (*replies, again)} == {Outcome.ANSWERED}
    assert server_side.given == 8


async def test_a_city_that_counts_in_minutes(tmp_path: Path) -> None:
    """`expires_in: 10` is ten minutes there."""
    async with serve(TokenServer(_by_body, expires_in="10")) as server:
        auth = (
            "{ scheme: oauth2, client_id: 'c:1', client_secret: '${SECRET}', place: body,"
            " expires_unit: m }"
        )
        connected = sources(tmp_path, server.url, auth, SECRET="s3/cret")
        await ask(connected)
        ends = connected.sources["permit"].status().expires_at
        await connected.aclose()
    assert ends is not None
    assert timedelta(minutes=9) < ends - utc() < timedelta(minutes=10)


async def test_a_wrong_secret_is_refused(tmp_path: Path) -> None:
    """By the source, and told so."""
    async with serve(TokenServer(_by_body)) as server:
        auth = "{ scheme: oauth2, client_id: 'c:1', client_secret: '${SECRET}', place: body }"
        connected = sources(tmp_path, server.url, auth, SECRET="wrong")
        reply = await ask(connected)
        await connected.aclose()
    assert (reply.outcome, reply.why) == (Outcome.REFUSED, "rest.status-401")


@pytest.mark.parametrize("form", ["jwk", "pem"])
async def test_private_key_jwt(tmp_path: Path, form: str) -> None:
    """The assertion is ours, for them, for a minute, and each one only once."""
    key, seen = ECKey.generate_key("P-256", auto_kid=True), set()

    def judge(request: Request, rows: dict[str, str]) -> bool:
        token = jwt.decode(rows["client_assertion"], key, algorithms=["ES256"])
        claims = token.claims
        fresh = claims["jti"] not in seen and 0 < claims["exp"] - time.time() <= 60
        seen.add(claims["jti"])
        ours = claims["iss"] == claims["sub"] == "c1"
        return fresh and ours and claims["aud"] == f"http://{request.headers['host']}/oauth2/token"

    async with serve(TokenServer(judge)) as server:
        text = (
            json.dumps(key.as_dict(private=True))
            if form == "jwk"
            else key.as_pem(private=True).decode()
        )
        auth = "{ scheme: private-key-jwt, client_id: c1, key: '${KEY}' }"
        connected = sources(tmp_path, server.url, auth, KEY=text)
        reply = await ask(connected)
        await connected.aclose()
    assert reply.outcome is Outcome.ANSWERED, reply.why


# --- the national gateway in front of SOAP ------------------------------------------------------


async def test_the_gateways_header_inside_a_soap_envelope(tmp_path: Path) -> None:
    """`tongtechheader` stands in the SOAP header, signed, before the body it belongs to."""
    from tests.adapters.test_auth import APP_KEY, sealed  # noqa: PLC0415  (the other side's cipher)

    envelopes: list[bytes] = []

    async def behaviour(request: Request, writer: asyncio.StreamWriter) -> None:
        if request.target.endswith("refreshappsecret"):
            end = int((time.time() + 60) * 1000)
            writer.write(
                answers({"code": "0", "data": {"secret": sealed("sh"), "secretEndTime": end}})
            )
            return
        envelopes.append(request.body)
        writer.write(DIALECTS["soap"].good)

    async with serve(behaviour) as server:
        manifest = DIALECTS["soap"].manifest.replace(
            "connect:",
            "connect:\n  auth: { scheme: gateway, rid: r@1, sid: s1, app_key: '${APP_KEY}',"
            " place: soap-header }",
        )
        county = connect(
            write(prepare(tmp_path), **{DIALECTS["soap"].source: manifest}), county=COUNTY, catalog=CATALOG,
            environment={"URL": server.url, "APP_KEY": APP_KEY, "TOKEN": "t", "USER": "u"}, now=utc,
        )  # fmt: skip
        reply = await county.sources[DIALECTS["soap"].source].answer(
            call(DIALECTS["soap"].resource), within=5
        )
        await county.aclose()
    assert reply.outcome is Outcome.ANSWERED, reply.why
    text = envelopes[0].decode()
    found = dict(re.findall(r"<gjgxjhpt_(\w+)>([^<]*)</", text))
    assert text.index("<tongtechheader>") < text.index("Body")
    digest = hmac.new(b"sh", f"s1r@1{found['rTime']}".encode(), hashlib.sha256).digest()
    assert found["sign"] == base64.b64encode(digest).decode()


# --- the SM envelope --------------------------------------------------------------------------

OURS, THEIRS = PrivateKey(1234567), PrivateKey(7654321)
SM4_KEY = bytes.fromhex("00112233445566778899aabbccddeeff")
ENVELOPE = (
    "{ scheme: sm-envelope, app_id: APP, app_secret: '${SECRET}', sm4_key: '${SM4}',"
    " private_key: '${OURS}', platform_key: '${THEIRS}'%s }"
)
KEYS = {
    "SECRET": "s3cret",
    "SM4": SM4_KEY.hex(),
    "OURS": OURS.d.to_bytes(32).hex(),
    "THEIRS": THEIRS.public().raw.hex(),
}


def _sm4(plain: bytes, *, encrypt: bool, iv: bytes | None, key: bytes = SM4_KEY) -> bytes:
    cipher = Cipher(algorithms.SM4(key), modes.CBC(iv) if iv else modes.ECB())  # noqa: S305 -- the platform's
    if encrypt:
        padder = padding.PKCS7(128).padder()
        encryptor = cipher.encryptor()
        return encryptor.update(padder.update(plain) + padder.finalize()) + encryptor.finalize()
    decryptor, unpadder = cipher.decryptor(), padding.PKCS7(128).unpadder()
    return unpadder.update(decryptor.update(plain) + decryptor.finalize()) + unpadder.finalize()


def _base(fields: Mapping[str, Any]) -> bytes:
    def shown(value: Any) -> str:
        if isinstance(value, str):
            return value
        return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))

    rows = (f"{k}={shown(fields[k])}" for k in sorted(fields) if fields[k] != "")
    return "&".join([*rows, "key=s3cret"]).encode()


@dataclass
class Platform:
    """The other side of the envelope."""

    iv: bytes | None = None
    spoil: Callable[[dict[str, Any]], None] = lambda _document: None
    moment: Callable[[], str] = lambda: "1"
    rows: str = '[{"jzzh": "J1", "xm": "赵明示"}]'
    signed: str | None = None
    """What stands for the rows in the text that is signed, where it is not their usual form."""
    questions: list[Any] = field(default_factory=list)
    sent: list[bytes] = field(default_factory=list)

    async def __call__(self, request: Request, writer: asyncio.StreamWriter) -> None:
        sent = json.loads(request.body)
        sealed, signed = bytes.fromhex(sent.pop("encData")), sent.pop("signData")
        data = json.loads(_sm4(sealed, encrypt=False, iv=self.iv))
        signature = Signature.read(base64.b64decode(signed))
        if not OURS.public().verify(signature, _base({**sent, "data": data})):
            writer.write(answers({"code": "E-SIGN", "message": "验签失败"}))
            return
        self.questions.append(data)
        fields = {"code": "0", "timestamp": self.moment()}
        plain = self.rows.encode()
        shown = self.signed if self.signed is not None else json.loads(self.rows)
        value = THEIRS.sign(_base({**fields, "data": shown}))
        document = {
            **fields,
            "encData": _sm4(plain, encrypt=True, iv=self.iv).hex(),
            "signData": base64.b64encode(value.raw).decode(),
        }
        self.spoil(document)
        self.sent.append(answers(document))
        writer.write(self.sent[-1])


def envelope_manifest(more: str = "") -> str:
    """A manifest that asks by JSON through the envelope."""
    ask = "method: POST\n      path: /api/v2/jzz\n      json: { id: keys.id_number }"
    return re.sub(
        r"method: GET\n.*?(?=    answer:)", ask + "\n", MANIFEST, flags=re.DOTALL
    ).replace("timeout: 2s", f"timeout: 2s\n  auth: {ENVELOPE % more}")


async def through_envelope(
    folder: Path, server: Server, more: str = "", **changes: str
) -> SourceReply:
    """The usual question through the envelope."""
    county = connect(
        write(folder, permit=envelope_manifest(more)), county=COUNTY, catalog=CATALOG,
        environment={"PERMIT_URL": server.url, **KEYS, **changes}, now=utc,
    )  # fmt: skip
    reply = await county.sources["permit"].answer(call(RESOURCE), within=5)
    await county.aclose()
    return reply


@pytest.mark.parametrize("iv", [None, bytes(range(16))])
async def test_an_envelope_there_and_back(tmp_path: Path, iv: bytes | None) -> None:
    """Encrypted and signed both ways; the number of the person is nowhere in clear."""
    platform = Platform(iv=iv)
    async with serve(platform) as server:
        more = ", mode: cbc, iv: '${IV}'" if iv else ""
        environment = {"IV": iv.hex()} if iv else {}
        reply = await through_envelope(tmp_path, server, more, **environment)
        assert reply.outcome is Outcome.ANSWERED, reply.why
        assert platform.questions[0]["id"].encode() not in server.requests[0].body
    assert reply.records[0].values["permit_no"] == "J1"


def _flip(document: dict[str, Any]) -> None:
    sealed = bytearray.fromhex(document["encData"])
    sealed[3] ^= 1
    document["encData"] = sealed.hex()


SPOILT: dict[str, tuple[Callable[[dict[str, Any]], None], str]] = {
    "another code": (lambda d: d.update(code="00"), "envelope-signature"),
    "a field more": (lambda d: d.update(more="1"), "envelope-signature"),
    "a bit of the data": (_flip, "envelope"),
    "no signature": (lambda d: d.pop("signData"), "envelope-unsigned-0"),
    "signature of garbage": (lambda d: d.update(signData="AAAA"), "envelope"),
    "data of garbage": (lambda d: d.update(encData="zz"), "envelope"),
    "data of nothing": (lambda d: d.update(encData=""), "envelope"),
}


@pytest.mark.parametrize("name", SPOILT)
async def test_a_spoilt_envelope_is_no_answer(tmp_path: Path, name: str) -> None:
    """What the platform did not sign is not believed."""
    spoil, why = SPOILT[name]
    async with serve(Platform(spoil=spoil)) as server:
        reply = await through_envelope(tmp_path, server)
    assert reply.outcome is Outcome.FAILED
    assert reply.why in {f"rest.{why}", "rest.envelope-signature"}


async def test_what_is_not_signed_is_believed_in_nothing(tmp_path: Path) -> None:
    """Neither a record nor “no record” nor an error; the platform's code is told for who mends it."""
    said: dict[str, Any] = {
        "an error": ({"code": "E-SIGN"}, "rest.envelope-unsigned-E-SIGN"),
        "a record": (GOOD, "rest.envelope-unsigned-0"),
        "no record": ({"code": "0", "data": []}, "rest.envelope-unsigned-0"),
        "a code about a person": ({"code": "赵明示"}, "rest.envelope-unsigned"),
        "a list": ([], "rest.envelope"),
        "no JSON": (b"<html>", "rest.json"),
    }
    for body, why in said.values():

        async def behaviour(_: Request, writer: asyncio.StreamWriter, body: Any = body) -> None:
            writer.write(http(body) if isinstance(body, bytes) else answers(body))

        async with serve(behaviour) as server:
            reply = await through_envelope(tmp_path, server)
        assert (reply.outcome, reply.why) == (Outcome.FAILED, why)


async def test_a_page_with_an_error_status_is_told_by_its_status(tmp_path: Path) -> None:
    """It is no envelope, and nobody tries to open it."""

    async def down(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(http("<html>", status="503 Down"))

    async with serve(down) as server:
        reply = await through_envelope(tmp_path, server)
    assert (reply.outcome, reply.why) == (Outcome.FAILED, "rest.status-503")


TIMES: dict[str, tuple[Callable[[], str], bool]] = {
    "now, in milliseconds": (lambda: str(int(time.time() * 1000)), True),
    "now, in seconds": (lambda: str(int(time.time())), True),
    "now, as Beijing writes it": (
        lambda: (utc() + timedelta(hours=8)).strftime("%Y%m%d%H%M%S"), True,
    ),
    "none": (lambda: "", True),
    "an hour ago": (lambda: str(int(time.time() - 3600)), False),
    "in an hour": (lambda: str(int(time.time() * 1000) + 3_600_000), False),
    "a day that is none": (lambda: "20261399000000", False),
}  # fmt: skip


@pytest.mark.parametrize("name", TIMES)
async def test_a_recorded_reply_is_not_believed_later(tmp_path: Path, name: str) -> None:
    """A signature does not age, so the time that is signed with it has to be near."""
    moment, good = TIMES[name]
    async with serve(Platform(moment=moment)) as server:
        reply = await through_envelope(tmp_path, server)
    assert (reply.outcome is Outcome.ANSWERED) is good, reply.why
    assert good or reply.why == "rest.envelope-time"


async def test_what_is_hashed_is_what_was_received(tmp_path: Path) -> None:
    """The record's hash proves the platform's own bytes, signature and all."""
    platform = Platform()
    async with serve(platform) as server:
        reply = await through_envelope(tmp_path, server)
    body = platform.sent[0].partition(b"\r\n\r\n")[2]
    assert reply.record_hash == f"sm3:{hashlib.new('sm3', body).hexdigest()}"


async def test_numbers_and_empty_values_keep_their_signature(tmp_path: Path) -> None:
    """1.10 stays 1.10, and values that are empty are signed or left out as platforms like."""
    rows = '[{"xm":"赵明示","jzzh":"J1","ye":1.10,"bz":"","m":null,"l":[],"t":true}]'
    for signed in (
        rows,
        '[{"bz":"","jzzh":"J1","l":[],"m":null,"t":true,"xm":"赵明示","ye":1.10}]',
        '[{"jzzh":"J1","t":true,"xm":"赵明示","ye":1.10}]',
    ):
        async with serve(Platform(rows=rows, signed=signed)) as server:
            reply = await through_envelope(tmp_path, server)
        assert reply.outcome is Outcome.ANSWERED, reply.why


async def test_the_national_platforms_way(tmp_path: Path) -> None:
    """SM4 key made from app id and secret, capitals, keys in Base64, other names: worked out here."""
    app_id, first = "0123456789ABCDEF0123", b"0123456789ABCDEF"
    key = _sm4(b"s3cret", encrypt=True, iv=None, key=first).hex().upper()[:16].encode()
    seen: list[dict[str, Any]] = []

    async def behaviour(request: Request, writer: asyncio.StreamWriter) -> None:
        sent = json.loads(request.body)
        seen.append(sent)
        assert sent["encData"] == sent["encData"].upper()
        data = json.loads(_sm4(bytes.fromhex(sent["encData"]), encrypt=False, iv=None, key=key))
        base = _base({**{k: v for k, v in sent.items() if k not in {"encData", "signData"}},
                      "data": data})  # fmt: skip
        assert OURS.public().verify(Signature.read(base64.b64decode(sent["signData"])), base)
        fields = {"code": "0", "data": [{"jzzh": "J1"}]}
        sign = base64.b64encode(THEIRS.sign(_base(fields)).der).decode()
        sealed = _sm4(json.dumps(fields["data"]).encode(), encrypt=True, iv=None, key=key)
        writer.write(answers({"code": "0", "encData": sealed.hex(), "signData": sign}))

    manifest = envelope_manifest(", encoding: HEX, timestamp: text, names: { app_id: appCode }")
    manifest = manifest.replace("app_id: APP,", f"app_id: {app_id},").replace(
        "sm4_key: '${SM4}',", ""
    )
    async with serve(behaviour) as server:
        county = connect(
            write(tmp_path, permit=manifest), county=COUNTY, catalog=CATALOG, now=utc,
            environment={
                "PERMIT_URL": server.url, "SECRET": "s3cret",
                "OURS": base64.b64encode(bytes(1) + OURS.d.to_bytes(32)).decode(),
                "THEIRS": base64.b64encode(THEIRS.public().raw).decode(),
            },
        )  # fmt: skip
        reply = await county.sources["permit"].answer(call(RESOURCE), within=5)
        await county.aclose()
    assert reply.outcome is Outcome.ANSWERED, reply.why
    assert seen[0]["appCode"] == app_id
    assert re.fullmatch(r"20\d{12}", seen[0]["timestamp"])


async def test_keys_as_pem(tmp_path: Path) -> None:
    """Our key as PKCS #8, the platform's as a public key."""
    pems = {"OURS": OURS.pkcs8_pem(), "THEIRS": THEIRS.public().pem}
    async with serve(Platform()) as server:
        reply = await through_envelope(tmp_path, server, **pems)
    assert reply.outcome is Outcome.ANSWERED, reply.why


async def test_cbc_with_a_vector_of_its_own_each_time(tmp_path: Path) -> None:
    """Without a fixed iv two equal questions look different, and the reply brings its own."""
    bodies = []

    async def behaviour(request: Request, writer: asyncio.StreamWriter) -> None:
        sent = json.loads(request.body)
        sealed = bytes.fromhex(sent["encData"])
        bodies.append(sealed)
        _sm4(sealed[16:], encrypt=False, iv=sealed[:16])
        fields = {"code": "0", "data": [{"jzzh": "J1"}]}
        sign = base64.b64encode(THEIRS.sign(_base(fields)).raw).decode()
        vector = bytes(range(16))
        plain = json.dumps(fields["data"]).encode()
        ours = vector + _sm4(plain, encrypt=True, iv=vector)
        writer.write(answers({"code": "0", "encData": ours.hex(), "signData": sign}))

    for _ in range(2):
        async with serve(behaviour) as server:
            reply = await through_envelope(tmp_path, server, ", mode: cbc")
        assert reply.outcome is Outcome.ANSWERED, reply.why
    assert bodies[0] != bodies[1]


def test_an_envelope_without_a_body_is_a_complaint(tmp_path: Path) -> None:
    """A GET has nothing that could be encrypted."""
    folder = write(
        tmp_path, permit=MANIFEST.replace("timeout: 2s", f"timeout: 2s\n  auth: {ENVELOPE % ''}")
    )
    with pytest.raises(InvalidManifest) as caught:
        check(folder, county=COUNTY, catalog=CATALOG, now=utc)
    assert [c.rule for c in caught.value.complaints] == ["envelope"]


BAD_KEYS = {
    "SM4": ("00" * 15, "a key of 16 bytes in hex"),
    "OURS": ("zz", "a key is written in hex, Base64 or PEM"),
    "THEIRS": ("04" + "00" * 64, "not a point of the curve"),
}


@pytest.mark.parametrize("name", BAD_KEYS)
def test_a_key_that_is_none_is_a_complaint_without_the_key(tmp_path: Path, name: str) -> None:
    """At start, with the line; `check` without an environment does not mind."""
    value, says = BAD_KEYS[name]
    folder = write(tmp_path, permit=envelope_manifest())
    with pytest.raises(InvalidManifest) as caught:
        connect(
            folder, county=COUNTY, catalog=CATALOG, now=utc,
            environment={"PERMIT_URL": "http://127.0.0.1:9", **KEYS, name: value},
        )  # fmt: skip
    (complaint,) = caught.value.complaints
    assert (complaint.rule, complaint.found) == ("key", says)
    assert check(folder, county=COUNTY, catalog=CATALOG, now=utc)


# --- mutual TLS -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Authority:
    """A small certificate authority in a folder."""

    folder: Path
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def made(cls, folder: Path) -> Authority:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test CA")])
        certificate = _builder(name, name, key, days=30).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        ).sign(key, hashes.SHA256())  # fmt: skip
        (folder / "ca.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return cls(folder, key, certificate)

    def issue(self, name: str, days: int = 7) -> tuple[str, str]:
        """Paths of a certificate and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = _builder(subject, self.certificate.subject, key, days).add_extension(
            x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False
        ).sign(self.key, hashes.SHA256())  # fmt: skip
        paths = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        paths[1].write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return str(paths[0]), str(paths[1])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(utc() - timedelta(days=1))
        .not_valid_after(utc() + timedelta(days=days))
    )


Answering = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def _good(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(answers(GOOD))
    await writer.drain()
    writer.close()


@pytest.mark.parametrize("ours", ["known", "stranger"])
async def test_mutual_tls(tmp_path: Path, ours: str) -> None:
    """Our certificate opens the door, a stranger's does not; its end is told in the status."""
    (tmp_path / "x").mkdir()
    authority, other = Authority.made(tmp_path), Authority.made(tmp_path / "x")
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(*authority.issue("server"))
    server_side.load_verify_locations(tmp_path / "ca.pem")
    server_side.verify_mode = ssl.CERT_REQUIRED
    server = await asyncio.start_server(_good, "127.0.0.1", 0, ssl=server_side)
    port = server.sockets[0].getsockname()[1]
    certificate, key = (authority if ours == "known" else other).issue("hub", days=7)
    manifest = MANIFEST.replace(
        "timeout: 2s",
        "timeout: 2s\n  ca_path: ${CA}\n  client_certificate: { certificate: '${CRT}', key: '${KEY}' }",
    )
    county = connect(
        write(tmp_path, permit=manifest), county=COUNTY, catalog=CATALOG, now=utc,
        environment={"PERMIT_URL": f"https://localhost:{port}", "CA": str(tmp_path / "ca.pem"),
                     "CRT": certificate, "KEY": key},
    )  # fmt: skip
    reply = await county.sources["permit"].answer(call(RESOURCE), within=5)
    ends = county.sources["permit"].status().expires_at
    await county.aclose()
    server.close()
    assert (reply.outcome is Outcome.ANSWERED) == (ours == "known"), reply.why
    assert ends is not None
    assert timedelta(days=6) < ends - utc() <= timedelta(days=7)


def _encrypted(folder: Path) -> tuple[str, str]:
    """A certificate whose key's file wants the password `open sesame`."""
    certificate, path = Authority.made(folder).issue("locked")
    key = serialization.load_pem_private_key(Path(path).read_bytes(), password=None)
    locked = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"open sesame"),
    )
    Path(path).write_bytes(locked)
    return certificate, path


CERTIFICATES: dict[str, tuple[Callable[[Path], tuple[str, str]], str, bool]] = {
    "a good one": (lambda f: Authority.made(f).issue("hub"), "", True),
    "another's key": (
        lambda f: (Authority.made(f).issue("hub")[0], Authority.made(f).issue("b")[1]), "", False,
    ),
    "not there": (lambda f: (str(f / "none.pem"), str(f / "none.key")), "", False),
    "a folder": (lambda f: (str(f), str(f)), "", False),
    "an encrypted key": (_encrypted, ", password: '${PASSWORD}'", True),
    "an encrypted key without its password": (_encrypted, "", False),
}  # fmt: skip


@pytest.mark.parametrize("name", CERTIFICATES)
def test_a_certificate_that_cannot_be_used_is_a_complaint(tmp_path: Path, name: str) -> None:
    """At start, on its line, and nobody is asked for a password on the terminal."""
    made, more, good = CERTIFICATES[name]
    certificate, key = made(tmp_path)
    manifest = MANIFEST.replace(
        "timeout: 2s",
        f"client_certificate: {{ certificate: '${{CRT}}', key: '${{KEY}}'{more} }}",
    )
    folder = write(tmp_path, permit=manifest)
    environment = {
        "PERMIT_URL": "https://localhost:9", "CRT": certificate, "KEY": key,
        "PASSWORD": "open sesame",
    }  # fmt: skip
    assert check(folder, county=COUNTY, catalog=CATALOG, now=utc)
    if good:
        connect(folder, county=COUNTY, catalog=CATALOG, environment=environment, now=utc)
        return
    with pytest.raises(InvalidManifest) as caught:
        connect(folder, county=COUNTY, catalog=CATALOG, environment=environment, now=utc)
    assert [c.rule for c in caught.value.complaints] == ["client-certificate"]
    assert str(tmp_path) not in str(caught.value)


def test_a_file_of_authorities_that_is_none_is_a_complaint(tmp_path: Path) -> None:
    """Wherever it is kept."""
    folder = write(tmp_path, permit=MANIFEST.replace("timeout: 2s", "ca_path: ${CA}"))
    environment = {"PERMIT_URL": "https://localhost:9", "CA": str(tmp_path / "none.pem")}
    with pytest.raises(InvalidManifest) as caught:
        connect(folder, county=COUNTY, catalog=CATALOG, environment=environment, now=utc)
    assert [c.rule for c in caught.value.complaints] == ["ca-file"]


def test_public_key_of_the_platform_is_no_private_one() -> None:
    """The two are told apart by their length."""
    with pytest.raises(ValueError, match="64 bytes"):
        PublicKey.read(OURS.d.to_bytes(32))
