"""A message encrypted with SM4 and signed with SM2, as the medical-insurance platforms exchange it.

The request's JSON becomes `data`: encrypted as `encData`, and signed with the other fields as
`signData`. What is signed is the fields in the order of their names, `name=value` joined by `&`,
empty ones left out, `data` as compact JSON with sorted keys, and `&key=<app secret>` at the end.
The reply is opened the same way. What its platform did not sign is no answer, not even an empty
one: “no record” is a statement too. Nothing in a reply names its question, so a recorded one could
be played again; its time has to be near ours.

Names, modes and encodings differ from province to province: they are in the manifest.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, Literal

from pydantic import Field, SecretStr, model_validator

from adapters.ciphers import BLOCK, sm4_opened, sm4_sealed, sm4_vector
from adapters.documents import decode, parse_json
from adapters.errors import SourceAnswerInvalid
from adapters.identifying import epoch_ms
from adapters.kinds import Now
from adapters.model import RawReply
from adapters.question import Identification
from adapters.values import Long, Secret, Section
from seals.sm2 import DEFAULT_ID, PrivateKey, PublicKey, Signature, available

_NAME = r"^[A-Za-z_][A-Za-z0-9_]{0,39}$"
_CODE = re.compile(r"[A-Za-z0-9_.-]{1,20}")
_BEIJING = timezone(timedelta(hours=8))
_TEXT_TIME = "%Y%m%d%H%M%S"


class EnvelopeNames(Section):
    """The platform's names for the parts of a message."""

    app_id: str = Field(default="appId", pattern=_NAME)
    data: str = Field(default="data", pattern=_NAME)
    enc_data: str = Field(default="encData", pattern=_NAME)
    sign_data: str = Field(default="signData", pattern=_NAME)
    enc_type: str = Field(default="encType", pattern=_NAME)
    sign_type: str = Field(default="signType", pattern=_NAME)
    timestamp: str = Field(default="timestamp", pattern=_NAME)
    version: str = Field(default="version", pattern=_NAME)
    extra: str = Field(default="extra", pattern=_NAME)
    """Never signed."""

    @model_validator(mode="after")
    def _all_different(self) -> EnvelopeNames:
        names = [getattr(self, name) for name in type(self).model_fields]
        if len(set(names)) != len(names):
            raise ValueError("two parts have the same name")
        return self


class SMEnvelopeAuth(Section):
    """The envelope's terms."""

    scheme: Literal["sm-envelope"]
    app_id: str = Field(min_length=1)
    app_secret: Secret
    sm4_key: Secret | None = None
    """Sixteen bytes in hex. None: made as the national platform makes it, from app id and secret."""
    private_key: Secret
    """Our SM2 key: 32 bytes in hex or Base64, or a PEM."""
    platform_key: Secret
    """The platform's public SM2 key: 64 or 65 bytes in hex or Base64, or a PEM (its certificate
    too). Public, but no less to be guarded against exchange."""
    version: str = "2.0.1"
    mode: Literal["ecb", "cbc"] = "ecb"
    iv: Secret | None = None
    """Sixteen bytes in hex, with `cbc`. None: random, and in front of the ciphertext."""
    encoding: Literal["hex", "HEX", "base64"] = "hex"
    """Of `encData`; hex is read in either case."""
    signature: Literal["raw", "der"] = "raw"
    """How r and s are written into `signData` (Base64); both are read."""
    signer_id: str = Field(default=DEFAULT_ID.decode(), pattern=r"^[\x21-\x7e]{1,64}$")
    timestamp: Literal["ms", "s", "text"] = "ms"
    """`text`: yyyyMMddHHmmss in Beijing."""
    max_skew: Long = 5 * 60
    """How far the time in a reply may be from ours, where it has one."""
    names: EnvelopeNames = EnvelopeNames()

    @model_validator(mode="after")
    def _iv_with_cbc(self) -> SMEnvelopeAuth:
        if self.mode == "ecb" and self.iv is not None:
            raise ValueError("an iv goes with cbc")
        return self


class Envelope:
    """The envelope at work."""

    expires_at: datetime | None = None

    def __init__(self, terms: SMEnvelopeAuth, now: Now) -> None:
        """Raises:
        ValueError: A key is none.
        """
        self._terms, self._now = terms, now
        self._sm4 = _sm4_key(terms)
        self._iv = _bytes(terms.iv, BLOCK) if terms.iv is not None else None
        self._private = _private(terms.private_key.get_secret_value())
        self._platform = _public(terms.platform_key.get_secret_value())
        if not available():
            raise ValueError("this machine has no OpenSSL that signs with SM2")

    async def identify(self, _method: str, _path: str, /) -> Identification:
        """See `Authenticator`."""
        return Identification(wrapped=self._wrapped, unwrapped=self._unwrapped)

    def outdated(self, _used: Identification, _reply: RawReply, /) -> bool:
        """See `Authenticator`; there is no short-lived secret."""
        return False

    def _wrapped(self, body: bytes) -> bytes:
        terms, names = self._terms, self._terms.names
        data = json.loads(body) if body else {}
        fields: dict[str, Any] = {
            names.app_id: terms.app_id,
            names.enc_type: "SM4",
            names.sign_type: "SM2",
            names.timestamp: self._time(),
            names.version: terms.version,
        }
        text = self._signed_text(fields, _compact(_ordered(data)))
        signature = self._private.sign(text, terms.signer_id.encode())
        value = signature.raw if terms.signature == "raw" else signature.der
        fields[names.enc_data] = self._sealed(_compact(data).encode())
        fields[names.sign_data] = base64.b64encode(value).decode()
        return _compact(fields).encode()

    def _unwrapped(self, reply: RawReply) -> RawReply:
        """The body stays as it was received; the document is what was in it."""
        names = self._terms.names
        fields = parse_json(decode(reply.body, declared=reply.charset, overruled=None))
        if not isinstance(fields, dict):
            raise SourceAnswerInvalid("envelope")
        fields.pop(names.extra, None)
        sealed, signature = fields.pop(names.enc_data, None), fields.pop(names.sign_data, None)
        if signature is None:
            raise SourceAnswerInvalid(f"envelope-unsigned{_short(fields.get('code'))}")
        try:
            written = self._opened(sealed) if sealed is not None else None
            data = parse_json(written) if written is not None else fields.pop(names.data, None)
        except (ValueError, SourceAnswerInvalid):
            raise SourceAnswerInvalid("envelope") from None
        if not self._is_theirs(fields, data, written, signature):
            raise SourceAnswerInvalid("envelope-signature")
        if not self._is_timely(str(fields.get(names.timestamp, ""))):
            raise SourceAnswerInvalid("envelope-time")
        return replace(reply, document={**fields, names.data: data})

    def _is_theirs(
        self, fields: Mapping[str, Any], data: Any, written: str | None, signature: Any
    ) -> bool:
        """Platforms sign `data` with sorted keys, with its empty values or without, or as it is."""
        try:
            value = Signature.read(base64.b64decode(str(signature), validate=True))
        except ValueError:
            return False
        shapes = {_compact(_ordered(data)), _compact(_sorted(data)), written or ""}
        signer = self._terms.signer_id.encode()
        return any(
            self._platform.verify(value, self._signed_text(fields, shape), signer)
            for shape in shapes
        )

    def _signed_text(self, fields: Mapping[str, Any], data: str) -> bytes:
        pairs = {name: _value(value) for name, value in fields.items()}
        pairs[self._terms.names.data] = "" if data in {"", "null", "{}"} else data
        rows = [f"{name}={pairs[name]}" for name in sorted(pairs) if pairs[name]]
        return "&".join([*rows, f"key={self._terms.app_secret.get_secret_value()}"]).encode()

    def _sealed(self, plain: bytes) -> str:
        front, iv = b"", self._iv
        if self._terms.mode == "cbc" and iv is None:
            front = iv = sm4_vector()
        sealed = front + sm4_sealed(self._sm4, iv, plain)
        match self._terms.encoding:
            case "base64":
                return base64.b64encode(sealed).decode()
            case "HEX":
                return sealed.hex().upper()
            case "hex":
                return sealed.hex()

    def _opened(self, given: Any) -> str:
        text, iv = str(given), self._iv
        in_base64 = self._terms.encoding == "base64"
        sealed = base64.b64decode(text, validate=True) if in_base64 else bytes.fromhex(text)
        if self._terms.mode == "cbc" and iv is None:
            iv, sealed = sealed[:BLOCK], sealed[BLOCK:]
        return decode(sm4_opened(self._sm4, iv, sealed), declared=None, overruled=None)

    def _time(self) -> str:
        now = self._now()
        match self._terms.timestamp:
            case "text":
                return now.astimezone(_BEIJING).strftime(_TEXT_TIME)
            case "s":
                return str(int(now.timestamp()))
            case "ms":
                return epoch_ms(now)

    def _is_timely(self, said: str) -> bool:
        """Whatever its unit: seconds have 10 digits, milliseconds 13, the written form 14."""
        if not (said.isascii() and said.isdecimal() and len(said) in {10, 13, 14}):
            return True  # none, or nothing that could be held against the clock
        try:
            then = (
                datetime.strptime(said, _TEXT_TIME).replace(tzinfo=_BEIJING).timestamp()
                if len(said) == 14
                else int(said) / (1000 if len(said) == 13 else 1)
            )
        except ValueError:
            return False
        return abs(self._now().timestamp() - then) <= self._terms.max_skew


def _sm4_key(terms: SMEnvelopeAuth) -> bytes:
    """Given; else the first 16 hex digits, in capitals, of the app secret encrypted with the first
    16 characters of the app id.
    """
    if terms.sm4_key is not None:
        return _bytes(terms.sm4_key, BLOCK)
    first = terms.app_id.encode()[:BLOCK]
    if len(first) != BLOCK:
        raise ValueError("without sm4_key an app_id of at least 16 characters")
    sealed = sm4_sealed(first, None, terms.app_secret.get_secret_value().encode())
    return sealed.hex().upper()[:BLOCK].encode()


def _private(text: str) -> PrivateKey:
    if "-----BEGIN" in text:
        return PrivateKey.from_pem(text)
    number = _key_bytes(text)
    # Platforms hand out what their Java says, and that has a zero in front of a large number.
    return PrivateKey.read(number[1:] if len(number) == 33 and number[0] == 0 else number)


def _public(text: str) -> PublicKey:
    return PublicKey.from_pem(text) if "-----BEGIN" in text else PublicKey.read(_key_bytes(text))


def _short(code: Any) -> str:
    """The platform's own code as a suffix; nothing longer, it might be about a person."""
    text = str(code)
    return f"-{text}" if code is not None and _CODE.fullmatch(text) else ""


def _value(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else _compact(_ordered(value))


def _sorted(value: Any) -> Any:
    """Keys in order at every level."""
    if isinstance(value, dict):
        return {name: _sorted(value[name]) for name in sorted(value)}
    return [_sorted(each) for each in value] if isinstance(value, list) else value


def _ordered(value: Any) -> Any:
    """Keys in order at every level, those without a value left out."""
    if isinstance(value, dict):
        kept = {name: value[name] for name in sorted(value) if not _empty(value[name])}
        return {name: _ordered(each) for name, each in kept.items()}
    return [_ordered(each) for each in value] if isinstance(value, list) else value


def _empty(value: Any) -> bool:
    return value is None or (isinstance(value, str | list | dict) and not value)


def _compact(value: Any) -> str:
    """JSON without spaces; numbers as they were read."""
    match value:
        case dict():
            rows = (f"{json.dumps(k, ensure_ascii=False)}:{_compact(v)}" for k, v in value.items())
            return "{" + ",".join(rows) + "}"
        case list():
            return "[" + ",".join(map(_compact, value)) + "]"
        case Decimal():
            return str(value)
    return json.dumps(value, ensure_ascii=False)


def _bytes(secret: SecretStr, length: int) -> bytes:
    """A key of that length, in hex."""
    try:
        value = bytes.fromhex(secret.get_secret_value())
    except ValueError:
        value = b""
    if len(value) != length:
        raise ValueError(f"a key of {length} bytes in hex")
    return value


def _key_bytes(text: str) -> bytes:
    written = "".join(text.split())
    try:
        return bytes.fromhex(written)
    except ValueError:
        pass
    try:
        return base64.b64decode(written, validate=True)
    except ValueError:
        raise ValueError("a key is written in hex, Base64 or PEM") from None
