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

from asn1crypto import cms
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import DiffResult, ModificationLevel
from pyhanko.sign.fields import MDPPerm, enumerate_sig_fields
from pyhanko.sign.general import check_ess_certid, find_unique_cms_attribute
from pyhanko.sign.validation.generic_cms import validate_sig_integrity
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko.sign.validation.status import SignatureCoverageLevel

from seals.errors import MalformedDocument
from seals.pdf.reading import opened, reading
from seals.pdf.rules import POLICY

HEADER = re.compile(rb"%PDF-(?:1\.[0-7]|2\.0)[\r\n ]")
PROFILES = {"/ETSI.CAdES.detached", "/adbe.pkcs7.detached", "/ETSI.RFC3161"}
MAX_SIGNATURES = 64


class Kind(StrEnum):
    """What a signature is for."""

    SEAL = "seal"
    TIMESTAMP = "timestamp"
    """Over the whole document (ETSI.RFC3161)."""


class Later(StrEnum):
    """What came after the revision that a signature covers."""

    NOTHING = "nothing"
    SEALS = "seals"
    """Seals, timestamps, material for judging."""
    CHANGES = "changes"


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
        return SignatureFacts(name=name, kind=Kind.SEAL, problems=("profile-unknown",))
    kind = Kind.TIMESTAMP if profile == "/ETSI.RFC3161" else Kind.SEAL
    byte_range = tuple(int(each) for each in held["/ByteRange"])
    contents = bytes(held["/Contents"].original_bytes)
    problems = list(_gap(document, byte_range, contents))
    if problems:
        return SignatureFacts(name=name, kind=kind, problems=tuple(problems), byte_range=byte_range)
    message = cms.ContentInfo.load(contents).dump()
    if contents[len(message) :].strip(b"\x00"):
        problems.append("bytes-in-gap")
    signed = EmbeddedPdfSignature(reader, ref, name)
    if len(signed.signed_data["signer_infos"]) != 1:
        problems.append("several-signers")
    info, certificate = signed.signer_info, signed.signer_cert
    signed.compute_integrity_info(diff_policy=POLICY)
    digest = signed.compute_digest()
    intact, holds = _value(signed, kind, digest)
    return SignatureFacts(
        name=name,
        kind=kind,
        problems=tuple(problems),
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
        covers_revision=_covers(document, reader, signed, byte_range),
        later=_later(signed),
        closed=signed.docmdp_level is MDPPerm.NO_CHANGES,
        visible_later=_beyond_upkeep(signed),
    )


def _covers(
    document: bytes,
    reader: PdfFileReader,
    signed: EmbeddedPdfSignature,
    byte_range: tuple[int, ...],
) -> bool:
    """All of its revision; and if no revision follows, no byte does, but for the last line's end."""
    if signed.coverage < SignatureCoverageLevel.ENTIRE_REVISION:
        return False
    last = signed.signed_revision == reader.xrefs.total_revisions - 1
    return not (last and document[byte_range[2] + byte_range[3] :].strip(b"\r\n"))


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
    if gap[:1] != b"<" or gap[-1:] != b">" or not _HEX.fullmatch(gap[1:-1]):
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


def _later(signed: EmbeddedPdfSignature) -> Later:
    coverage: Any = signed.coverage
    if coverage is SignatureCoverageLevel.ENTIRE_FILE:
        return Later.NOTHING
    return Later.SEALS if isinstance(signed.diff_result, DiffResult) else Later.CHANGES


def _beyond_upkeep(signed: EmbeddedPdfSignature) -> bool:
    found: Any = signed.diff_result
    return (
        isinstance(found, DiffResult) and found.modification_level > ModificationLevel.LTA_UPDATES
    )


_END = re.compile(rb"startxref\s+\d+\s+%%EOF[\r\n]*\Z")
_RANGES = re.compile(rb"/ByteRange\s*\[\s*0\s+\d+\s+\d+\s+\d+")
_HEX = re.compile(rb"(?:[0-9A-Fa-f]{2})*")
