"""How the sharing platforms want to be spoken to: the national gateway, Zhejiang's, Guangdong's.

None of them signs the body, and the first two have no nonce, which is why the hub speaks them
outwards only. What differs from place to place is in the manifest, with what is usual as default.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from lxml import etree
from pydantic import Field, model_validator

from adapters.ciphers import aes_ecb_opened
from adapters.documents import decode, parse_json, parse_xml
from adapters.errors import SourceAnswerInvalid, SourceRefused
from adapters.identifying import PATH, Account, epoch_ms
from adapters.kinds import Now
from adapters.model import RawReply
from adapters.question import Identification, Question
from adapters.refreshing import Refreshing, ending
from adapters.refreshing import Secret as ShortLived
from adapters.values import Long, Secret, Section

_NAME = r"^[A-Za-z0-9_-]{1,40}$"
Code = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,20}$")]
"""A reply's `code`, as text."""


class GatewayAuth(Section):
    """The national exchange gateway and its relatives."""

    scheme: Literal["gateway"]
    prefix: str = Field(default="gjgxjhpt_", pattern=r"^[A-Za-z0-9_-]{0,32}$")
    rid: str = Field(min_length=1)
    """Requester system id."""
    sid: str = Field(min_length=1)
    """Service id."""
    app_key: Secret
    refresh: str = Field(default="/sysapi/refreshappsecret", pattern=PATH)
    """Where the short-lived secret is fetched."""
    secret_life: Long = 15 * 60
    """The longest a request secret is used; shorter where the gateway says so."""
    place: Literal["headers", "soap-header"] = "headers"
    """Where the signature goes; a SOAP service behind the gateway takes `tongtechheader`."""
    time_name: str | None = Field(default=None, pattern=_NAME)
    """Name of the time, after the prefix; None: `rtime`, in SOAP `rTime`."""


class ZhejiangAuth(Section):
    """Signed parameters; the secret is fetched with the key first, and then with a second secret."""

    scheme: Literal["zhejiang"]
    app_key: str = Field(min_length=1)
    app_secret: Secret
    by_key: str = Field(default="/app/refreshTokenByKey.htm", pattern=PATH)
    by_secret: str = Field(default="/app/refreshTokenBySec.htm", pattern=PATH)
    ok: str = "00"
    """`code` of a refresh that worked."""
    outdated: tuple[Code, ...] = ("14",)
    """Codes of a data reply that mean: another request secret. HTTP 401 and 403 always do."""
    request_life: Long = 15 * 60
    """The longest a request secret is used; shorter where the platform says so."""
    refresh_life: Long = 48 * 3600
    """The longest the second secret is used."""


class TIFAuth(Section):
    """Guangdong's headers: upper-case SHA-256 over timestamp, token, nonce and timestamp."""

    scheme: Literal["tif"]
    paas_id: str = Field(min_length=1)
    token: Secret
    prefix: str = Field(default="x-tif-", pattern=r"^[A-Za-z0-9_-]{0,32}$")
    unit: Literal["s", "ms"] = "s"
    """Of the timestamp."""
    signed: tuple[Literal["timestamp", "token", "nonce", "paasid"], ...] = (
        "timestamp", "token", "nonce", "timestamp",
    )  # fmt: skip
    """What is hashed, in order."""
    letters: Literal["upper", "lower"] = "upper"
    """How the hash is written."""
    service_id: str | None = Field(default=None, min_length=1)
    """Sent as `serviceId` where a gateway wants it."""

    @model_validator(mode="after")
    def _with_token(self) -> TIFAuth:
        if "token" not in self.signed:
            raise ValueError("a sign without the token proves nothing")
        return self


_OUTDATED = re.compile(rb'"code"\s*:\s*"?(-1|E-\d{1,4})"?\s*[,}]')


class Gateway:
    """The national gateway at work; its request secret is fetched with the long-term app key."""

    def __init__(self, terms: GatewayAuth, account: Account) -> None:
        self._terms, self._account = terms, account
        name = f"{account.address}|{terms.rid}|{terms.sid}"
        self._secret = Refreshing(name, account.keep, account.now, self._fetched)

    @property
    def expires_at(self) -> datetime | None:
        """When the request secret ends."""
        return self._secret.until

    async def identify(self, _method: str, _path: str, /) -> Identification:
        """See `Authenticator`."""
        secret, terms = await self._secret.current(), self._terms
        moment = epoch_ms(self._account.now())
        soap = terms.place == "soap-header"
        names = ("rid", "sid", terms.time_name or ("rTime" if soap else "rtime"), "sign")
        sign = gateway_sign(secret, terms.sid, terms.rid, moment)
        values = (terms.rid, terms.sid, moment, sign)
        rows = {f"{terms.prefix}{n}": v for n, v in zip(names, values, strict=True)}
        if soap:
            return Identification(secret=secret, wrapped=_with_header(rows))
        return Identification(headers=rows, secret=secret)

    def outdated(self, used: Identification, reply: RawReply, /) -> bool:
        """See `Authenticator`."""
        refused = reply.status in {401, 403} or bool(_OUTDATED.search(reply.body[:512]))
        if refused and used.secret is not None:
            self._secret.forget(used.secret)
        return refused

    async def _fetched(self, _last: ShortLived | None) -> ShortLived:
        terms, now = self._terms, self._account.now()
        moment = epoch_ms(now)
        sign = gateway_sign(terms.app_key.get_secret_value(), terms.sid, terms.rid, moment)
        rows = {"rid": terms.rid, "sid": terms.sid, "rtime": moment, "sign": sign}
        reply = await self._account.ask(Question(method="POST", path=terms.refresh, json=rows))
        data = _data(reply, "0", "data")
        try:
            return ShortLived(
                text=opened_secret(terms.app_key.get_secret_value(), str(data["secret"])),
                until=ending(data["secretEndTime"], now=now, life=terms.secret_life),
            )
        except (TypeError, KeyError, ValueError):
            raise SourceAnswerInvalid("secret-unreadable") from None


class Zhejiang:
    """The Zhejiang style at work."""

    def __init__(self, terms: ZhejiangAuth, account: Account) -> None:
        self._terms, self._account = terms, account
        name = f"{account.address}|{terms.app_key}"
        self._secret = Refreshing(name, account.keep, account.now, self._fetched)
        words = "|".join(map(re.escape, terms.outdated)) or "(?!)"
        self._outdated = re.compile(rf'"code"\s*:\s*"?({words})"?\s*[,}}]'.encode())

    @property
    def expires_at(self) -> datetime | None:
        """When the request secret ends."""
        return self._secret.until

    async def identify(self, _method: str, _path: str, /) -> Identification:
        """See `Authenticator`."""
        secret = await self._secret.current()
        return Identification(query=self._signed(secret), secret=secret)

    def outdated(self, used: Identification, reply: RawReply, /) -> bool:
        """See `Authenticator`."""
        refused = reply.status in {401, 403} or bool(self._outdated.search(reply.body[:512]))
        if refused and used.secret is not None:
            self._secret.forget(used.secret)
        return refused

    def _signed(self, secret: str) -> Mapping[str, str]:
        moment = epoch_ms(self._account.now())
        text = f"{self._terms.app_key}{secret}{moment}"
        # MD5 is the platform's choice; the secret is short-lived because of it.
        sign = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
        return {"appKey": self._terms.app_key, "requestTime": moment, "sign": sign}

    async def _fetched(self, last: ShortLived | None) -> ShortLived:
        """By the second secret while it is good, else by the key."""
        terms = self._terms
        if last is not None and last.renewal_until and self._account.now() < last.renewal_until:
            try:
                return await self._asked(terms.by_secret, last.renewal)
            except SourceRefused:
                pass  # somebody refreshed by key meanwhile: that ended our second secret
        return await self._asked(terms.by_key, terms.app_secret.get_secret_value())

    async def _asked(self, path: str, secret: str) -> ShortLived:
        question = Question(method="POST", path=path, form=self._signed(secret))
        data = _data(await self._account.ask(question), self._terms.ok, "datas")
        request, refresh = data.get("requestSecret"), data.get("refreshSecret")
        if not isinstance(request, str) or not isinstance(refresh, str | None):
            raise SourceAnswerInvalid("secret-unreadable")
        terms, now = self._terms, self._account.now()
        return ShortLived(
            text=request,
            until=ending(data.get("requestSecretEndTime"), now=now, life=terms.request_life),
            renewal=refresh or "",
            renewal_until=ending(data.get("refreshSecretEndTime"), now=now, life=terms.refresh_life)
            if refresh
            else None,
        )


class TIFHeaders:
    """Guangdong's headers at work."""

    expires_at: datetime | None = None

    def __init__(
        self, terms: TIFAuth, now: Now, nonce: Callable[[], str] = lambda: secrets.token_hex(8)
    ) -> None:
        self._terms, self._now, self._nonce = terms, now, nonce

    async def identify(self, _method: str, _path: str, /) -> Identification:
        """See `Authenticator`."""
        terms, nonce = self._terms, self._nonce()
        seconds = self._now().timestamp()
        moment = str(int(seconds if terms.unit == "s" else seconds * 1000))
        rows = {"paasid": terms.paas_id, "timestamp": moment, "nonce": nonce}
        known = {**rows, "token": terms.token.get_secret_value()}
        text = "".join(known[part] for part in terms.signed)
        sign = hashlib.sha256(text.encode()).hexdigest()
        rows["signature"] = sign.upper() if terms.letters == "upper" else sign
        if terms.service_id is not None:
            rows["serviceId"] = terms.service_id
        return Identification(headers={f"{terms.prefix}{k}": v for k, v in rows.items()})

    def outdated(self, _used: Identification, _reply: RawReply, /) -> bool:
        """See `Authenticator`; there is no short-lived secret."""
        return False


def _data(reply: RawReply, ok: str, key: str) -> Mapping[str, Any]:
    """What a refresh brought.

    Raises:
        SourceRefused: Another code than `ok`.
        SourceAnswerInvalid: No JSON.
    """
    document = parse_json(decode(reply.body, declared=reply.charset, overruled=None))
    if not isinstance(document, dict) or str(document.get("code")) != ok:
        raise SourceRefused("secret-refused")
    data = document.get(key)
    return data if isinstance(data, dict) else {}


def _with_header(rows: Mapping[str, str]) -> Callable[[bytes], bytes]:
    """Puts a `tongtechheader` (of no namespace) into the Header of a SOAP envelope of ours."""

    def wrapped(envelope: bytes) -> bytes:
        root = parse_xml(envelope)
        namespace = etree.QName(root).namespace
        header = root.find(f"{{{namespace}}}Header")
        if header is None:
            header = etree.Element(f"{{{namespace}}}Header")
            root.insert(0, header)
        credentials = etree.SubElement(header, "tongtechheader")
        for name, value in rows.items():
            etree.SubElement(credentials, name).text = value
        return etree.tostring(root, encoding="utf-8", xml_declaration=True)

    return wrapped


def gateway_sign(secret: str, sid: str, rid: str, moment: str) -> str:
    """Base64 HMAC-SHA256 over sid + rid + rtime, without separators."""
    digest = hmac.new(secret.encode(), f"{sid}{rid}{moment}".encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def secret_key(app_key: str) -> bytes:
    """The AES-128 key for the short-lived secret: what Java's `KeyGenerator` yields when seeded
    by SHA1PRNG with the app key, i.e. SHA-1 twice, cut to 16 bytes.
    """
    once = hashlib.sha1(app_key.encode(), usedforsecurity=False).digest()
    return hashlib.sha1(once, usedforsecurity=False).digest()[:16]


def opened_secret(app_key: str, sealed: str) -> str:
    """The short-lived secret in `sealed` (Base64 of AES-128/ECB/PKCS5).

    Raises:
        ValueError: It is not that.
    """
    return aes_ecb_opened(secret_key(app_key), base64.b64decode(sealed, validate=True)).decode()
