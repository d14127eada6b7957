"""A GB/T 38540 electronic seal in a PDF, as our own profile beside PAdES.

The signature dictionary holds the DER of `SES_Signature` in `/Contents`; its `dataHash` is SM3 over
the bytes of `/ByteRange`, which is all of the file but that gap, and its `propertyInfo` names field
and range. The seal's picture is what is seen, in the seal's own size. Two motions, as everywhere:
`prepare` says what is to be signed, `embed` takes the value and has the result judged before it
leaves. Readers that know only PAdES meet a handler that is unknown to them, and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from pyhanko.pdf_utils.generic import pdf_name
from pyhanko.sign.signers.pdf_byterange import SignatureObject

from seals.errors import DocumentRefused, SealingFailed, SealRefused
from seals.judging import NOBODY, Judges
from seals.making import PreparedSignature, embed_signature, prepare_signature
from seals.pdf.model import PROFILE, Appearance, Intent, Profile, property_info
from seals.pdf.placing import placed
from seals.pdf.ports import SigningKey
from seals.pdf.preflight import reasons
from seals.pdf.update import filled, written
from seals.pdf.verification import verify
from seals.placing import Placement
from seals.report import Question, SealReport
from seals.seal import Picture, Seal
from seals.verdicts import Verdict

_BESIDE_THE_SEAL = 1024
"""Bytes of a seal signature that are neither seal, certificate nor timestamp; about 250 are used."""
_JUDGED_ELSEWHERE = {Question.SIGNER_CHAIN, Question.MAKER_CHAIN, Question.TIME}
_NAME = re.compile(r"[A-Za-z0-9.\-]{1,100}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A sealed document that only lacks the signer's signature."""

    to_sign: bytes = field(repr=False)
    """DER of `TBS_Sign`: sign this with SM2 and SM3."""
    name: str
    """Of the signature's field."""
    at: datetime
    seal_signature: PreparedSignature = field(repr=False)
    document: bytes = field(repr=False)
    """With a gap."""
    gap: tuple[int, int]


def prepare(
    document: bytes,
    seal: Seal,
    placements: Sequence[Placement],
    x509_cert: bytes,
    at: datetime,
    *,
    intent: Intent = Intent.APPROVAL,
    timestamp_room: int = 0,
    profile: Profile = PROFILE,
) -> Prepared:
    """Everything but the signature.

    Args:
        document: A PDF, sealed before or not.
        seal: Its picture is shown at the placements.
        placements: At least one. The first is the signature's field, the others are annotations
            which it covers; only the first seal of a document may have several.
        x509_cert: The signer's; the seal must list it.
        at: Now.
        intent: What the seal says about later changes.
        timestamp_room: Bytes kept free for a timestamp.
        profile: How the signature dictionary calls itself.

    Raises:
        MalformedDocument: The document cannot be read.
        DocumentRefused: The document may not be sealed: the keys of `preflight.reasons`.
        SealRefused: The seal may not be used so: the keys of `making.prepare_signature`,
            `placing.placed` and `signing.prepare`; `picture-type`: only PNG can be painted through
            which the page is seen; `profile`: no names.
    """
    if not all(map(_NAME.fullmatch, (profile.filter, profile.subfilter))):
        raise SealRefused("profile")
    if at.tzinfo is None:
        raise SealRefused("time")
    if found := reasons(document):
        raise DocumentRefused(*found)
    picture = seal.info.picture
    places = placed(document, placements, (float(picture.width), float(picture.height)))
    room = len(seal.der) + len(x509_cert) + _BESIDE_THE_SEAL + timestamp_room
    signed = SignatureObject(timestamp=at, bytes_reserved=2 * room)
    signed[pdf_name("/Filter")] = pdf_name(f"/{profile.filter}")
    signed[pdf_name("/SubFilter")] = pdf_name(f"/{profile.subfilter}")
    update = written(document, places, _appearance(picture), intent, signed, "sm3")
    protected = property_info(update.name, update.byte_range)
    seal_signature = prepare_signature(update.digest, seal, x509_cert, at, protected)
    return Prepared(
        to_sign=seal_signature.to_sign,
        name=update.name,
        at=at,
        seal_signature=seal_signature,
        document=update.document,
        gap=update.gap,
    )


def embed(
    prepared: Prepared, value: bytes, timestamp: bytes = b"", judges: Judges = NOBODY
) -> bytes:
    """The sealed document, judged by our own verifier before it leaves.

    Args:
        prepared: What was signed.
        value: By the signer, over `prepared.to_sign`; DER or r ‖ s.
        timestamp: RFC 3161 token over the value in DER; empty for none.
        judges: Whoever is given must be content, too.

    Raises:
        SealRefused: `signature-too-long`: no room was kept for the timestamp.
        SealingFailed: What was made does not verify.
    """
    signed = embed_signature(prepared.seal_signature, value, timestamp)
    document = filled(prepared.document, prepared.gap, signed.der)
    report = verify(document, prepared.at, judges=judges)
    own = [each for each in report.seals if each.name == prepared.name]
    if report.verdict is Verdict.FAILED or len(own) != 1 or not _stands(own[0]):
        failed = (each.step.reason for each in report.complaints)
        raise SealingFailed(", ".join(dict.fromkeys(failed)))
    return document


def sealed(
    document: bytes,
    seal: Seal,
    placements: Sequence[Placement],
    key: SigningKey,
    at: datetime,
    *,
    intent: Intent = Intent.APPROVAL,
    profile: Profile = PROFILE,
    judges: Judges = NOBODY,
) -> bytes:
    """Both motions in one go, without a timestamp.

    Args:
        document: A PDF, sealed before or not.
        seal: Its picture is shown at the placements.
        placements: Where.
        key: An SM2 key with its certificate, which the seal must list.
        at: Now.
        intent: What the seal says about later changes.
        profile: How the signature dictionary calls itself.
        judges: Whoever is given must be content, too.

    Raises:
        MalformedDocument: As for `prepare`.
        DocumentRefused: As for `prepare`.
        SealRefused: As for `prepare`, or `no-signer-certificate`.
        SealingFailed: As for `embed`.
    """
    if not key.chain:
        raise SealRefused("no-signer-certificate")
    prepared = prepare(document, seal, placements, key.chain[0], at, intent=intent, profile=profile)
    return embed(prepared, key.sign(prepared.to_sign), judges=judges)


def _appearance(picture: Picture) -> Appearance:
    if picture.type.upper() != "PNG":
        raise SealRefused("picture-type", picture.type)
    return Appearance(png=picture.data)


def _stands(report: SealReport) -> bool:
    return all(each.step.number in _JUDGED_ELSEWHERE for each in report.complaints)
