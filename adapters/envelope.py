"""A message encrypted with SM4 and signed with SM2, as the medical-insurance platforms exchange it.

The request's JSON becomes `data`: encrypted as `encData`, and signed with the other fields as
`signData`. What is signed is the fields in the order of their names, `name=value` joined by `&`,
empty ones left out, `data` as compact JSON with sorted keys, and `&key=<app secret>` at the end.
The reply is opened the same way, and is none of theirs if its signature does not hold. Names,
modes and encodings differ from province to province: they are in the manifest.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal

from pydantic import Field, model_validator

from adapters.ciphers import BLOCK, sm4_opened, sm4_sealed
from adapters.documents import decode, parse_json
from adapters.errors import SourceAnswerInvalid
from adapters.identifying import epoch_ms
from adapters.kinds import Now
from adapters.model import RawReply
from adapters.question import Identification
from adapters.values import Secret, Section
from seals.sm2 import DEFAULT_ID, PrivateKey, PublicKey, Signature


class SMEnvelopeAuth(Section):
    """The envelope's terms."""

    scheme: Literal["sm-envelope"]
    app_id: str = Field(min_length=1)
    app_secret: Secret
    sm4_key: Secret
    """Sixteen bytes in hex."""
    private_key: Secret
    """Our SM2 key: 32 bytes in hex."""
    platform_key: Secret
    """The platform's public SM2 key: 64 or 65 bytes in hex. Public, but no less to be guarded
    against exchange."""
    version: str = "2.0.1"
    mode: Literal["ecb", "cbc"] = "ecb"
    iv: Secret | None = None
    """Sixteen bytes in hex, with `cbc`."""
    encoding: Literal["hex", "base64"] = "hex"
    """Of `encData`."""
    signature: Literal["raw", "der"] = "raw"
    """How r and s are written into `signData` (Base64)."""
    signer_id: str = Field(default=DEFAULT_ID.decode(), pattern=r"^[\x21-\x7e]{1,64}$")

    @model_validator(mode="after")
    def _iv_with_cbc(self) -> SMEnvelopeAuth:
        if (self.mode == "cbc") != (self.iv is not None):
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
        self._sm4 = _bytes(terms.sm4_key, BLOCK)
        self._iv = _bytes(terms.iv, BLOCK) if terms.iv is not None else None
        self._private = PrivateKey.read(_bytes(terms.private_key))
        self._platform = PublicKey.read(_bytes(terms.platform_key))

    async def identify(self, _method: str, _path: str, /) -> Identification:
        """See `Authenticator`."""
        return Identification(wrapped=self._wrapped, unwrapped=self._unwrapped)

    def outdated(self, _used: Identification, _reply: RawReply, /) -> bool:
        """See `Authenticator`; there is no short-lived secret."""
        return False

    def _wrapped(self, body: bytes) -> bytes:
        data = json.loads(body) if body else {}
        terms = self._terms
        fields: dict[str, Any] = {
            "appId": terms.app_id,
            "encType": "SM4",
            "signType": "SM2",
            "timestamp": epoch_ms(self._now()),
            "version": terms.version,
        }
        signed = self._private.sign(self._base({**fields, "data": data}), self._id)
        value = signed.raw if terms.signature == "raw" else signed.der
        sealed = sm4_sealed(self._sm4, self._iv, _compact(data).encode())
        fields |= {
            "encData": sealed.hex()
            if terms.encoding == "hex"
            else base64.b64encode(sealed).decode(),
            "signData": base64.b64encode(value).decode(),
        }
        return json.dumps(fields, ensure_ascii=False).encode()

    def _unwrapped(self, reply: RawReply) -> RawReply:
        document = parse_json(decode(reply.body, declared=reply.charset, overruled=None))
        if not isinstance(document, Mapping) or "encData" not in document:
            return reply  # an error outside the envelope: the manifest knows what to make of it
        fields = {k: v for k, v in document.items() if k not in {"encData", "signData", "extra"}}
        try:
            data = self._opened(str(document["encData"]))
            signature = Signature.read(base64.b64decode(str(document["signData"]), validate=True))
            right = self._platform.verify(signature, self._base({**fields, "data": data}), self._id)
        except (KeyError, ValueError, RecursionError):
            raise SourceAnswerInvalid("envelope") from None
        if not right:
            raise SourceAnswerInvalid("envelope-signature")
        body = json.dumps({**fields, "data": data}, ensure_ascii=False).encode()
        return replace(reply, body=body, charset="utf-8")

    def _opened(self, text: str) -> Any:
        hex_ = self._terms.encoding == "hex"
        sealed = bytes.fromhex(text) if hex_ else base64.b64decode(text, validate=True)
        return json.loads(sm4_opened(self._sm4, self._iv, sealed))

    @property
    def _id(self) -> bytes:
        return self._terms.signer_id.encode()

    def _base(self, fields: Mapping[str, Any]) -> bytes:
        rows = [
            f"{name}={_compact(value) if name == 'data' else value}"
            for name, value in sorted(fields.items())
            if value is not None and value != ""
        ]
        return "&".join([*rows, f"key={self._terms.app_secret.get_secret_value()}"]).encode()


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _bytes(secret: Any, length: int | None = None) -> bytes:
    text = secret.get_secret_value()
    try:
        value = bytes.fromhex(text)
    except ValueError:
        raise ValueError("a key is written in hex") from None
    if length is not None and len(value) != length:
        raise ValueError(f"a key of {length} bytes in hex")
    return value
