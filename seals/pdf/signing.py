"""Seal a PDF in two motions, so that the key never meets the document (PAdES over pyHanko).

`prepare` writes the document with a gap and says what is to be signed; `embed` fills the gap with
the signature and adds what the level asks for. Between the two, anything may stand: a device, a
service, a person. Every seal is an incremental update: what was there is not touched.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from asn1crypto import cms, crl, ocsp, x509
from pyhanko.sign.fields import (
    FieldMDPAction,
    FieldMDPSpec,
    MDPPerm,
    SigFieldSpec,
    SigSeedSubFilter,
    enumerate_sig_fields,
)
from pyhanko.sign.signers.cms_embedder import PdfCMSEmbedder, SigIOSetup, SigMDPSetup, SigObjSetup
from pyhanko.sign.signers.pdf_byterange import (
    DocumentTimestamp,
    PdfSignedData,
    PreparedByteRangeDigest,
    SignatureObject,
)
from pyhanko.sign.validation.dss import DocumentSecurityStore

from seals.errors import SealRefused
from seals.pdf.appearance import SealWriter, Widget, boxes, stamp
from seals.pdf.cms import TOKEN_ROOM, template
from seals.pdf.model import (
    Appearance,
    Intent,
    Level,
    Placement,
    Prepared,
    Revocation,
    Signatory,
)
from seals.pdf.reading import reading
from seals.ports import TimestampAuthority

CHUNK = 1 << 20
_TIMED = (Level.T, Level.LT, Level.LTA)
_KEPT = (Level.LT, Level.LTA)


def prepare(
    document: bytes,
    placements: Sequence[Placement],
    appearance: Appearance,
    signatory: Signatory,
    at: datetime,
    *,
    level: Level = Level.B,
    intent: Intent = Intent.APPROVAL,
) -> Prepared:
    """Write the seal with a gap for its signature.

    Args:
        document: A PDF that has passed preflight.
        placements: Where the picture stands. The first is the signature's own field; more of them
            are annotations that it covers, and only the first seal of a document may have them.
            None at all makes a seal that is not seen.
        appearance: The picture.
        signatory: Who will sign.
        at: What the seal says about its time.
        level: How much is kept for later; `embed` wants what it asks for.
        intent: What it says about later changes.

    Raises:
        MalformedDocument: The document cannot be read.
        SealRefused: `no-page`, `outside-page`, `page-rotated`, `certified-already`,
            `certifies-not-first`, `closes-nothing`, `several-after-first`; or what is said of the
            picture and the signer.
    """
    made = template(signatory.chain)
    room = made.room(tokens=level in _TIMED)
    with reading():
        writer = SealWriter(io.BytesIO(document), strict=True)
        earlier = _allowed(writer, intent)
        if earlier and len(placements) > 1:
            raise SealRefused("several-after-first")
        places = boxes(writer, placements)
        for place in places[1:]:
            stamp(writer, place, appearance)
        name = f"Seal{earlier + 1}"
        box: Any = places[0].box if places else None  # pyHanko says int and takes any number
        spec = SigFieldSpec(
            name,
            on_page=places[0].page if places else 0,
            box=box,
            field_mdp_spec=_LOCK if intent is Intent.CLOSING else None,
            doc_mdp_update_value=MDPPerm.NO_CHANGES if intent is Intent.CLOSING else None,
        )
        signed = SignatureObject(
            timestamp=at, subfilter=SigSeedSubFilter.PADES, bytes_reserved=2 * room
        )
        widget = Widget(places[0], appearance) if places else None
        prepared, output = _written(writer, spec, signed, made.digest, intent, widget)
    return Prepared(
        to_sign=made.to_sign(prepared.document_digest),
        document=output,
        gap=(prepared.reserved_region_start, prepared.reserved_region_end),
        template=made,
        level=level,
        at=at,
    )


def embed(
    prepared: Prepared,
    signature: bytes,
    *,
    timestamps: TimestampAuthority | None = None,
    revocation: Revocation | None = None,
) -> bytes:
    """Fill the gap, and add what the level asks for.

    Raises:
        SealRefused: `timestamps-missing`, `revocation-missing`, `signature-too-long`,
            `timestamp-unreadable`; or what the authority raises.
    """
    level = prepared.level
    if level in _TIMED and timestamps is None:
        raise SealRefused("timestamps-missing")
    if level in _KEPT and revocation is None:
        raise SealRefused("revocation-missing")
    if not 0 < len(signature) <= prepared.template.signature_room:
        raise SealRefused("signature-too-long")
    token = b""
    if level in _TIMED and timestamps is not None:
        token = timestamps.token(hashlib.sha256(signature).digest(), "sha256")
    sealed = _filled(prepared, prepared.template.message(prepared.to_sign, signature, token))
    if level in _KEPT and revocation is not None:
        sealed = _kept(sealed, revocation, _certificates(token))
    if level is Level.LTA and timestamps is not None:
        sealed = timestamped(sealed, timestamps)
    return sealed


def timestamped(document: bytes, timestamps: TimestampAuthority) -> bytes:
    """Put a timestamp over the whole document; again and again, before the last one ages.

    Raises:
        MalformedDocument: The document cannot be read.
        SealRefused: `signature-too-long`: the token does not fit; or what the authority raises.
    """
    with reading():
        writer = SealWriter(io.BytesIO(document), strict=True)
        count = sum(1 for _ in enumerate_sig_fields(writer.prev))
        spec = SigFieldSpec(f"Timestamp{count + 1}")
        signed = DocumentTimestamp(bytes_reserved=2 * TOKEN_ROOM)
        prepared, output = _written(writer, spec, signed, "sha256", Intent.APPROVAL, None)
    token = timestamps.token(prepared.document_digest, "sha256")
    return _gap_filled(
        output, (prepared.reserved_region_start, prepared.reserved_region_end), token
    )


def _allowed(writer: SealWriter, intent: Intent) -> int:
    """How many signature fields there are; refuses what a reader would call a forgery later."""
    fields = list(enumerate_sig_fields(writer.prev))
    signed = [value for _, value, _ in fields if value is not None]
    if "/Perms" in writer.root:
        raise SealRefused("certified-already")
    for _, value, ref in fields:
        if value is not None and "/Lock" in ref.get_object():
            raise SealRefused("certified-already")
    if intent is Intent.CERTIFIED and signed:
        raise SealRefused("certifies-not-first")
    if intent is Intent.CLOSING and not signed:
        raise SealRefused("closes-nothing")
    return len(fields)


def _written(
    writer: SealWriter,
    spec: SigFieldSpec,
    signed: PdfSignedData,
    digest: str,
    intent: Intent,
    widget: Widget | None,
) -> tuple[PreparedByteRangeDigest, bytes]:
    """Run pyHanko's embedder up to the gap."""
    steps = PdfCMSEmbedder(new_field_spec=spec).write_cms(spec.sig_field_name, writer)
    next(steps)
    closed = {
        Intent.CERTIFIED: SigMDPSetup(digest, certify=True, docmdp_perms=MDPPerm.NO_CHANGES),
        Intent.CLOSING: SigMDPSetup(digest, field_lock=_LOCK, docmdp_perms=MDPPerm.NO_CHANGES),
    }
    steps.send(SigObjSetup(signed, mdp_setup=closed.get(intent), appearance_setup=widget))
    prepared, output = steps.send(SigIOSetup(md_algorithm=digest, chunk_size=CHUNK))
    return prepared, output.getvalue()


def _filled(prepared: Prepared, message: bytes) -> bytes:
    return _gap_filled(prepared.document, prepared.gap, message)


def _gap_filled(document: bytes, gap: tuple[int, int], message: bytes) -> bytes:
    start, end = gap
    written = message.hex().encode()
    free = end - start - 2
    if len(written) > free:
        raise SealRefused("signature-too-long")
    return b"".join(
        (document[:start], b"<", written, b"0" * (free - len(written)), b">", document[end:])
    )


def _kept(document: bytes, revocation: Revocation, others: tuple[bytes, ...]) -> bytes:
    """With a document security store (ISO 32000-2 §12.8.4.3)."""
    with reading("revocation-unreadable"):
        writer = SealWriter(io.BytesIO(document), strict=True)
        DocumentSecurityStore.supply_dss_in_writer(
            writer,
            None,
            certs=[x509.Certificate.load(each) for each in (*revocation.certificates, *others)],
            crls=[crl.CertificateList.load(each) for each in revocation.lists],
            ocsps=[ocsp.OCSPResponse.load(each) for each in revocation.answers],
        )
        output = io.BytesIO()
        writer.write(output)
        return output.getvalue()


def _certificates(token: bytes) -> tuple[bytes, ...]:
    with reading("timestamp-unreadable"):
        found = cms.ContentInfo.load(token)["content"]["certificates"]
        return tuple(each.chosen.dump() for each in found)


_LOCK = FieldMDPSpec(FieldMDPAction.ALL)
