"""The facts of one signature in a PDF: of PAdES, with an electronic seal, or a timestamp.

The gap of each is looked at over the bytes themselves. What the value says is read by whoever knows
its kind; what it covers, and what came later, is the same question for all of them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from asn1crypto import cms, parser
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.general import check_ess_certid, find_unique_cms_attribute
from pyhanko.sign.validation.generic_cms import validate_sig_integrity
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature

from seals.errors import Malformed, MalformedDocument, MalformedSeal
from seals.pdf.model import PROFILE
from seals.pdf.reading import reading
from seals.pdf.revisions import (
    ForeignSignature,
    Later,
    closes,
    compared,
    covers,
    later,
    visible_later,
)
from seals.pdf.shown import ShownFacts, shown
from seals.report import NOTHING
from seals.seal import SealSignature, SignatureState
from seals.seal_reading import read_seal_signature
from seals.timestamp_judging import judge_timestamp
from seals.timestamps import read_token
from seals.verdicts import Step, Verdict

PROFILES = {"/ETSI.CAdES.detached", "/adbe.pkcs7.detached"}
TIMESTAMPS = "/ETSI.RFC3161"
SEAL_PROFILES = {f"/{PROFILE.subfilter}", "/GM.sm2seal"}
"""Where an electronic seal is announced; it is read under any other unknown name, too."""


class Kind(StrEnum):
    """What a signature is for."""

    SEAL = "seal"
    """A plain signature (PAdES)."""
    ELECTRONIC_SEAL = "electronic-seal"
    """With a seal after GB/T 38540."""
    TIMESTAMP = "timestamp"
    """Over the whole document (ETSI.RFC3161)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureFacts:
    """One signature."""

    name: str
    """Of its field."""
    kind: Kind
    problems: tuple[str, ...]
    """What is wrong with its form; where it has any, the rest may be missing."""
    byte_range: tuple[int, ...] = ()
    intact: bool | None = None
    """Is the digest that it names that of the document?"""
    holds: bool | None = None
    """Is its value right under the key of `certificate`?"""
    bound: bool | None = None
    """Does it name its certificate? None where it names none."""
    certificate: bytes = field(default=b"", repr=False)
    others: tuple[bytes, ...] = field(default=(), repr=False)
    digest: str = ""
    algorithm: str = ""
    value: bytes = field(default=b"", repr=False)
    message: bytes = field(default=b"", repr=False)
    """The whole CMS; of a document's timestamp it is the token."""
    token: bytes = field(default=b"", repr=False)
    """A timestamp of the value, where there is one."""
    claimed_at: datetime | None = None
    covers_revision: bool = False
    later: Later = Later.CHANGES
    closed: bool = False
    """It says that nothing may change."""
    visible_later: bool = False
    """A later seal shows something, which after closing is a change."""
    seal_signature: SealSignature | None = field(default=None, repr=False)
    """Of an electronic seal."""
    profile: str = ""
    """Its `/SubFilter`."""
    shown: tuple[ShownFacts, ...] | None = ()
    """Of an electronic seal: its pictures; None where pages or field cannot be read."""


def stated(document: bytes, reader: PdfFileReader, name: str, ref: Any) -> SignatureFacts:
    """The facts of the signature in a field; raises nothing for what it holds."""
    try:
        with reading("signature-unreadable", name):
            return _facts(document, reader, name, ref)
    except (MalformedDocument, Malformed):
        return SignatureFacts(name=name, kind=Kind.SEAL, problems=("signature-unreadable",))


def _facts(document: bytes, reader: PdfFileReader, name: str, ref: Any) -> SignatureFacts:
    held = ref.get_object()["/V"]
    profile = str(held["/SubFilter"]) if "/SubFilter" in held else ""
    if profile == TIMESTAMPS:
        return _stamp(document, reader, name, ref)
    if profile not in PROFILES:
        return _foreign(document, reader, name, ref, profile)
    kind = Kind.SEAL
    byte_range, contents, problems = _form(document, held)
    if problems:
        return SignatureFacts(name=name, kind=kind, problems=problems, byte_range=byte_range)
    message = cms.ContentInfo.load(contents).dump()
    if contents[len(message) :].strip(b"\x00"):
        problems += ("bytes-in-gap",)
    signed = EmbeddedPdfSignature(reader, ref, name)
    if len(signed.signed_data["signer_infos"]) != 1:
        problems += ("several-signers",)
    info, certificate = signed.signer_info, signed.signer_cert
    compared(signed)
    intact, holds = validate_sig_integrity(info, certificate, "data", signed.compute_digest())
    return SignatureFacts(
        name=name,
        kind=kind,
        problems=problems,
        byte_range=byte_range,
        intact=intact,
        holds=holds,
        bound=_bound(info, certificate),
        certificate=certificate.dump(),
        others=tuple(each.dump() for each in signed.other_embedded_certs),
        digest=signed.md_algorithm,
        algorithm=str(info["signature_algorithm"]["algorithm"].native),
        value=info["signature"].native,
        message=message,
        token=_token(info),
        claimed_at=signed.self_reported_timestamp,
        covers_revision=covers(document, signed, byte_range),
        later=later(signed),
        closed=closes(signed),
        visible_later=visible_later(signed),
        profile=profile,
    )


def _stamp(document: bytes, reader: PdfFileReader, name: str, ref: Any) -> SignatureFacts:
    """A timestamp of the whole document, by an authority of any kind of key."""
    kind = Kind.TIMESTAMP
    byte_range, contents, problems = _form(document, ref.get_object()["/V"])
    if problems:
        return SignatureFacts(name=name, kind=kind, problems=problems, byte_range=byte_range)
    length = parser.peek(contents)
    message = contents[:length]
    if contents[length:].strip(b"\x00"):
        problems = ("bytes-in-gap",)
    read = read_token(message)
    signer = read.signed.signed_by()
    if signer is None:
        raise MalformedDocument("signature-unreadable", name)
    worth = judge_timestamp(message, covered(document, byte_range), NOTHING, chain=_nobody)
    found = {step.key: step.verdict for step in worth.steps}
    algorithm = cms.ContentInfo.load(message)["content"]["signer_infos"][0]["signature_algorithm"]
    signed = ForeignSignature(reader, ref, name, contents)
    compared(signed)
    return SignatureFacts(
        name=name,
        kind=kind,
        problems=problems,
        byte_range=byte_range,
        intact=found["imprint"] is Verdict.PASSED,
        holds={found["attributes"], found["value"]} == {Verdict.PASSED},
        bound=_BOUND[found["binding"]],
        certificate=signer.der,
        others=tuple(each.der for each in read.signed.certificates if each.der != signer.der),
        digest=read.signed.signer.digest,
        algorithm=str(algorithm["algorithm"].native),
        value=read.signed.signer.value,
        message=message,
        covers_revision=covers(document, signed, byte_range),
        later=later(signed),
        closed=closes(signed),
        visible_later=visible_later(signed),
        profile=TIMESTAMPS,
    )


_BOUND = {Verdict.PASSED: True, Verdict.FAILED: False, Verdict.INDETERMINATE: None}


def _nobody(*_: object) -> tuple[Step, ...]:
    """Judges no chain: here, only what the token itself says is asked."""
    return ()


def covered(document: bytes, byte_range: tuple[int, ...]) -> bytes:
    """All of its range."""
    start, before, behind, rest = byte_range
    return document[start:before] + document[behind : behind + rest]


def _foreign(
    document: bytes, reader: PdfFileReader, name: str, ref: Any, profile: str
) -> SignatureFacts:
    """No profile of PAdES: an electronic seal, whatever its handler is called, or unknown."""
    held, kind = ref.get_object()["/V"], Kind.ELECTRONIC_SEAL
    unread = "seal-unreadable" if profile in SEAL_PROFILES else "profile-unknown"
    try:
        with reading(unread):
            byte_range, contents, problems = _form(document, held)
            made, rest = _seal_signature(contents)
    except (MalformedDocument, MalformedSeal):
        return SignatureFacts(name=name, kind=Kind.SEAL, problems=(unread,), profile=profile)
    if problems:
        return SignatureFacts(name=name, kind=kind, problems=problems, byte_range=byte_range,
                              profile=profile)  # fmt: skip
    if rest.strip(b"\x00"):
        problems = ("bytes-in-gap",)
    signed = ForeignSignature(reader, ref, name, contents)
    compared(signed)
    digest = hashlib.new("sm3", covered(document, byte_range))
    return SignatureFacts(
        name=name,
        kind=kind,
        problems=problems,
        byte_range=byte_range,
        intact=made.digest == digest.digest(),
        holds=made.signer_signature() is SignatureState.MATCHES,
        certificate=made.x509_cert,
        digest="sm3",
        algorithm=made.algorithm,
        value=made.value,
        token=made.timestamp,
        claimed_at=made.claimed_at,
        covers_revision=covers(document, signed, byte_range),
        later=later(signed),
        closed=closes(signed),
        visible_later=visible_later(signed),
        seal_signature=made,
        profile=profile,
        shown=_shown(reader, ref, signed, made),
    )


def _shown(
    reader: PdfFileReader, ref: Any, signed: ForeignSignature, made: SealSignature
) -> tuple[ShownFacts, ...] | None:
    try:
        with reading():
            return shown(reader, ref, signed.signed_revision, made.seal)
    except MalformedDocument:
        return None


def _seal_signature(contents: bytes) -> tuple[SealSignature, bytes]:
    """What stands at the beginning of a gap, and what comes behind it."""
    length = parser.peek(contents)
    return read_seal_signature(contents[:length]), contents[length:]


def _form(document: bytes, held: Any) -> tuple[tuple[int, ...], bytes, tuple[str, ...]]:
    """Range, value, and what is wrong with them."""
    byte_range = tuple(int(each) for each in held["/ByteRange"])
    contents = bytes(held["/Contents"].original_bytes)
    return byte_range, contents, tuple(_gap(document, byte_range, contents))


def _gap(document: bytes, byte_range: tuple[int, ...], contents: bytes) -> Iterator[str]:
    """Two ranges from the first byte on, and between them the value, nothing else."""
    if len(byte_range) != 4 or min(byte_range) < 0:
        yield "byte-range"
        return
    start, before, behind, rest = byte_range
    if start or not before < behind <= behind + rest <= len(document):
        yield "byte-range"
        return
    gap = document[before:behind]
    if (
        gap[:1] != b"<"
        or gap[-1:] != b">"
        or len(gap) % 2
        or not _HEX.fullmatch(gap, 1, len(gap) - 1)
    ):
        yield "byte-range"
    elif bytes.fromhex(gap[1:-1].decode()) != contents:
        yield "contents-differ"


def _bound(info: cms.SignerInfo, certificate: Any) -> bool | None:
    for name in ("signing_certificate_v2", "signing_certificate"):
        try:
            named = find_unique_cms_attribute(info["signed_attrs"], name)
        except LookupError:
            continue
        return bool(check_ess_certid(certificate, named["certs"][0]))
    return None


def _token(info: cms.SignerInfo) -> bytes:
    for attribute in info["unsigned_attrs"]:
        if attribute["type"].native == "signature_time_stamp_token":
            token: bytes = attribute["values"][0].dump()
            return token
    return b""


_HEX = re.compile(rb"[0-9A-Fa-f]*")
