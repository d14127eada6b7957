"""The signed envelope of a paper code: COSE_Sign1 (RFC 9052 §4.2), without its tag.

```text
code     = "MT1:" base45(envelope)          all of it in the alphanumeric mode of a QR code
envelope = [protected, {}, payload, signature]
protected = {1: algorithm, 4: kid}          payload = raw deflate (RFC 1951) of the facts
signed   = ["Signature1", protected, external, payload]
signature = r ‖ s, 64 bytes, SM2 with SM3 under the default id (GB/T 35276)
```

IANA has registered no COSE algorithm for SM2 (an individual draft of 2021 expired), so the number is
one for private use, below -65536; a place that has agreed on another sets it in `Form`. The payload is packed
before it is signed: nothing is unpacked that a known key did not sign.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field

from certificates.errors import MalformedData
from certificates.paper import base45, cbor

MAX_CHARACTERS = 4296
"""What the largest QR code holds in alphanumeric mode."""
MAX_FACTS = 64 * 1024
"""Bytes that a payload may become."""
KID_BYTES = 8
SIGNATURE_BYTES = 64
_ALGORITHM, _KID = 1, 4
_CONTEXT = "Signature1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What makers and readers of codes have agreed on."""

    prefix: str = "MT1:"
    """Names the format and its version."""
    algorithm: int = -65537
    """SM2 with SM3 among COSE's algorithms."""
    external: bytes = b"mianti.paper/1"
    """Signed and not printed (`external_aad`): a signature under another use of COSE is none here."""


FORM = Form()


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A code that was opened; nothing in it is believed yet."""

    kid: bytes
    """The first eight bytes of the SM3 of the signer's SubjectPublicKeyInfo."""
    message: bytes = field(repr=False)
    """What was signed."""
    payload: bytes = field(repr=False)
    """Packed."""
    signature: bytes = field(repr=False)


def packed(facts: bytes) -> bytes:
    """The payload of facts."""
    packing = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packing.compress(facts) + packing.flush()


def unpacked(payload: bytes) -> bytes:
    """The facts of a payload, and not one byte more than they may have.

    Raises:
        MalformedData: `not-deflate`, `too-large`.
    """
    unpacking = zlib.decompressobj(-15)
    try:
        facts = unpacking.decompress(payload, MAX_FACTS + 1)
    except zlib.error:
        raise MalformedData("not-deflate") from None
    if len(facts) > MAX_FACTS:
        raise MalformedData("too-large")
    if not unpacking.eof or unpacking.unused_data:
        raise MalformedData("not-deflate")
    return facts


def to_sign(payload: bytes, kid: bytes, form: Form = FORM) -> bytes:
    """What is signed: the Sig_structure of RFC 9052 §4.4."""
    return _to_sign(_protected(kid, form), payload, form)


def _to_sign(protected: bytes, payload: bytes, form: Form) -> bytes:
    return cbor.written([_CONTEXT, protected, form.external, payload])


def _protected(kid: bytes, form: Form) -> bytes:
    return cbor.written({_ALGORITHM: form.algorithm, _KID: kid})


def closed(payload: bytes, kid: bytes, signature: bytes, form: Form = FORM) -> str:
    """The text of the code."""
    return form.prefix + base45.encoded(
        cbor.written([_protected(kid, form), {}, payload, signature])
    )


def opened(text: str, form: Form = FORM) -> Envelope:
    """The envelope in a text.

    Raises:
        MalformedData: `too-large`; `prefix`: not of this format and version; `base45`; `cbor`,
            `not-plain`, `not-canonical`; `shape`: no envelope; `algorithm`: another one.
    """
    if len(text) > MAX_CHARACTERS:
        raise MalformedData("too-large")
    if not text.startswith(form.prefix):
        raise MalformedData("prefix")
    parts = cbor.read(base45.decoded(text.removeprefix(form.prefix)))
    match parts:
        case [bytes() as protected, {**unprotected}, bytes() as payload, bytes() as signature]:
            pass
        case _:
            raise MalformedData("shape")
    header = cbor.read(protected)
    if unprotected or not isinstance(header, dict) or set(header) != {_ALGORITHM, _KID}:
        raise MalformedData("shape")
    kid = header[_KID]
    if header[_ALGORITHM] != form.algorithm:
        raise MalformedData("algorithm")
    if not isinstance(kid, bytes) or len(kid) != KID_BYTES or len(signature) != SIGNATURE_BYTES:
        raise MalformedData("shape")
    return Envelope(
        kid=kid,
        message=_to_sign(protected, payload, form),
        payload=payload,
        signature=signature,
    )
