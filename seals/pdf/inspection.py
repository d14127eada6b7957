"""The facts of a signed PDF: what each signature is over, and what came after. No judgement.

pyHanko reads the structure and compares revisions; what it is lenient about is looked at here over
the bytes themselves: the gap of each signature, what stands before the header and behind the end,
fields that share a signature, fields that were added later.
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
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.fields import enumerate_sig_fields
from pyhanko.sign.general import check_ess_certid, find_unique_cms_attribute
from pyhanko.sign.validation.generic_cms import validate_sig_integrity
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature

from seals.errors import MalformedDocument, MalformedSeal
from seals.pdf.model import PROFILE
from seals.pdf.reading import opened, reading
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
from seals.seal import SealSignature, SignatureState
from seals.seal_reading import read_seal_signature

HEADER = re.compile(rb"%PDF-(?:1\.[0-7]|2\.0)[\r\n ]")
PROFILES = {"/ETSI.CAdES.detached", "/adbe.pkcs7.detached", "/ETSI.RFC3161"}
SEAL_PROFILES = {f"/{PROFILE.subfilter}", "/GM.sm2seal"}
"""Where an electronic seal is announced; it is read under any other unknown name, too."""
MAX_SIGNATURES = 64


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """A document."""

    problems: tuple[tuple[str, str], ...]
    """Reason and place, of the whole document."""
    signatures: tuple[SignatureFacts, ...]
    certificates: tuple[bytes, ...] = field(default=(), repr=False)
    lists: tuple[bytes, ...] = field(default=(), repr=False)
    """What the document security store brings along."""


def inspect(document: bytes) -> Facts:
    """State the facts.

    Raises:
        MalformedDocument: It cannot be opened at all: `no-header`, `bytes-before`,
            `unreadable`, `too-large`, `encrypted`, `two-tables`.
    """
    if not HEADER.match(document):
        # Readers look for the header in the first kilobyte; what stands before it may be a program.
        raise MalformedDocument("bytes-before" if b"%PDF-" in document[:1024] else "no-header")
    reader = opened(document)
    with reading():
        fields = _fields(reader)
        problems = [*_ends(document), *_shared(fields), *_permissions(reader, fields)]
        filled = [each for each in fields if each[1] is not None]
        if len(filled) > MAX_SIGNATURES:
            raise MalformedDocument("too-large")
        if len(set(_RANGES.findall(document))) > len(filled):
            # An update that forgets the form makes a sealed document look like one without seals.
            problems.append(("signature-forgotten", ""))
        problems += _added(reader, fields)
        certificates, lists = _store(reader)
    signatures = [_signature(document, reader, name, ref) for name, _, ref in filled]
    return Facts(
        problems=tuple(problems),
        signatures=tuple(sorted(signatures, key=lambda each: sum(each.byte_range[2:4]))),
        certificates=certificates,
        lists=lists,
    )


_Field = tuple[str, Any, Any]


def _fields(reader: PdfFileReader) -> list[_Field]:
    return [(str(name), value, ref) for name, value, ref in enumerate_sig_fields(reader)]


def _ends(document: bytes) -> Iterator[tuple[str, str]]:
    if not _END.search(document, max(0, len(document) - 64)):
        yield "bytes-behind", ""


def _shared(fields: list[_Field]) -> Iterator[tuple[str, str]]:
    """Fields with one signature between them, by reference or by value."""
    seen: set[object] = set()
    for name, value, ref in fields:
        if value is None:
            continue
        raw = ref.get_object().raw_get("/V")
        held = value.get_object()
        marks = {bytes(held["/Contents"].original_bytes)}
        keys: set[object] = {raw.reference} if isinstance(raw, generic.IndirectObject) else set()
        if (keys | marks) & seen:
            yield "two-fields-one-signature", name
        seen |= keys | marks


def _permissions(reader: PdfFileReader, fields: list[_Field]) -> Iterator[tuple[str, str]]:
    """A certification that is no field's signature certifies nothing."""
    if "/Perms" not in reader.root:
        return
    certified = reader.root["/Perms"].raw_get("/DocMDP")
    values = [ref.get_object().raw_get("/V") for _, value, ref in fields if value is not None]
    known = {each.reference for each in values if isinstance(each, generic.IndirectObject)}
    if getattr(certified, "reference", None) not in known:
        yield "permissions-lead-nowhere", ""


def _added(reader: PdfFileReader, fields: list[_Field]) -> Iterator[tuple[str, str]]:
    """Empty fields that came after the first signature: they may show anything."""
    signed = [
        reader.xrefs.get_last_change(ref.get_object().raw_get("/V").reference)
        for _, value, ref in fields
        if value is not None
    ]
    for name, value, ref in fields:
        if value is None and signed:
            reference = getattr(ref, "reference", None)
            since = reader.xrefs.get_introducing_revision(reference) if reference else None
            if since is None or since > min(signed):
                yield "field-added", name


def _store(reader: PdfFileReader) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    if "/DSS" not in reader.root:
        return (), ()
    held = reader.root["/DSS"]

    def streams(key: str) -> tuple[bytes, ...]:
        return tuple(each.get_object().data for each in held[key]) if key in held else ()

    return streams("/Certs"), streams("/CRLs")


def _signature(document: bytes, reader: PdfFileReader, name: str, ref: Any) -> SignatureFacts:
    try:
        with reading("signature-unreadable", name):
            return _facts(document, reader, name, ref)
    except MalformedDocument as error:
        return SignatureFacts(name=name, kind=Kind.SEAL, problems=(error.why,))


def _facts(document: bytes, reader: PdfFileReader, name: str, ref: Any) -> SignatureFacts:
    held = ref.get_object()["/V"]
    profile = str(held["/SubFilter"]) if "/SubFilter" in held else ""
    if profile not in PROFILES:
        return _foreign(document, reader, name, ref, profile)
    kind = Kind.TIMESTAMP if profile == "/ETSI.RFC3161" else Kind.SEAL
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
    digest = signed.compute_digest()
    intact, holds = _value(signed, kind, digest)
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
    start, before, behind, more = byte_range
    digest = hashlib.new("sm3", document[start:before])
    digest.update(document[behind : behind + more])
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


def _value(signed: EmbeddedPdfSignature, kind: Kind, digest: bytes) -> tuple[bool, bool]:
    if kind is Kind.SEAL:
        return validate_sig_integrity(signed.signer_info, signed.signer_cert, "data", digest)
    content = signed.signed_data["encap_content_info"]["content"]
    inner = validate_sig_integrity(
        signed.signer_info, signed.signer_cert, "tst_info", _hashed(signed, bytes(content))
    )
    imprint = content.parsed["message_imprint"]["hashed_message"].native
    return inner[0] and imprint == digest, inner[1]


def _hashed(signed: EmbeddedPdfSignature, content: bytes) -> bytes:
    return hashlib.new(signed.md_algorithm, content).digest()


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


_END = re.compile(rb"startxref\s+\d+\s+%%EOF[\r\n]*\Z")
_RANGES = re.compile(rb"/ByteRange\s*\[\s*0\s+\d+\s+\d+\s+\d+")
_HEX = re.compile(rb"[0-9A-Fa-f]*")
