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

from asn1crypto import crl, ocsp, x509
from pyhanko.sign.fields import SigSeedSubFilter
from pyhanko.sign.signers.pdf_byterange import DocumentTimestamp, SignatureObject
from pyhanko.sign.validation.dss import DocumentSecurityStore

from seals.errors import Malformed, MalformedDocument, SealRefused
from seals.pdf.appearance import SealWriter
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
from seals.pdf.update import filled, stamped, written
from seals.ports import TimestampAuthority
from seals.timestamps import read_token

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
        SealRefused: `no-page`, `outside-page`, `page-rotated`, `page-scaled`, `certified-already`,
            `certifies-not-first`, `closes-nothing`, `several-after-first`; or what is said of the
            picture and the signer.
    """
    made = template(signatory.chain)
    room = made.room(tokens=level in _TIMED)
    signed = SignatureObject(
        timestamp=at, subfilter=SigSeedSubFilter.PADES, bytes_reserved=2 * room
    )
    update = written(document, placements, appearance, intent, signed, made.digest)
    return Prepared(
        to_sign=made.to_sign(update.digest),
        document=update.document,
        gap=update.gap,
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
    sealed = filled(
        prepared.document,
        prepared.gap,
        prepared.template.message(prepared.to_sign, signature, token),
    )
    return preserved(sealed, level, token, timestamps=timestamps, revocation=revocation)


def preserved(
    sealed: bytes,
    level: Level,
    token: bytes,
    *,
    timestamps: TimestampAuthority | None,
    revocation: Revocation | None,
) -> bytes:
    """With what a level keeps for later, whatever kind the signature is of.

    Raises:
        MalformedDocument: As for `kept`; `timestamp-unreadable`.
        SealRefused: As for `timestamped`.
    """
    if level in _KEPT and revocation is not None:
        sealed = kept(sealed, revocation, _certificates(token))
    if level is Level.LTA and timestamps is not None:
        sealed = timestamped(sealed, timestamps)
    return sealed


def timestamped(document: bytes, timestamps: TimestampAuthority) -> bytes:
    """Put a timestamp over the whole document; again and again, before the last one ages.

    Raises:
        MalformedDocument: The document cannot be read.
        SealRefused: `signature-too-long`: the token does not fit; or what the authority raises.
    """
    update = stamped(document, DocumentTimestamp(bytes_reserved=2 * TOKEN_ROOM))
    token = timestamps.token(update.digest, "sha256")
    return filled(update.document, update.gap, token)


def kept(document: bytes, revocation: Revocation, others: Sequence[bytes] = ()) -> bytes:
    """With what judging will need later in its security store (ISO 32000-2 §12.8.4.3), whatever kind
    its signatures are of.

    Args:
        document: Sealed.
        revocation: What was gathered.
        others: More X.509 certificates.

    Raises:
        MalformedDocument: `revocation-unreadable`: the document, a certificate or a list cannot be
            read.
    """
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
    """Those that a timestamp brings along."""
    if not token:
        return ()
    try:
        return tuple(each.der for each in read_token(token).signed.certificates)
    except Malformed:
        raise MalformedDocument("timestamp-unreadable") from None
