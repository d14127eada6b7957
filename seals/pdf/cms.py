"""CMS of PAdES (ETSI EN 319 122-1, RFC 5652), written by hand from a template per certificate.

Nothing in a signature changes but a digest, a value and a timestamp: all the rest is built once.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import lru_cache

from asn1crypto import x509

from seals import der
from seals.errors import SealRefused
from seals.pdf.reading import reading

DATA, SIGNED_DATA = "1.2.840.113549.1.7.1", "1.2.840.113549.1.7.2"
CONTENT_TYPE, MESSAGE_DIGEST = "1.2.840.113549.1.9.3", "1.2.840.113549.1.9.4"
SIGNING_CERTIFICATE, TIMESTAMP = "1.2.840.113549.1.9.16.2.47", "1.2.840.113549.1.9.16.2.14"
SHA256, SHA384 = "2.16.840.1.101.3.4.2.1", "2.16.840.1.101.3.4.2.2"
SHA512 = "2.16.840.1.101.3.4.2.3"
TOKEN_ROOM = 8192
"""Bytes kept free for a timestamp."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """How a kind of key signs in CMS."""

    digest: str
    digest_oid: str
    identifier: bytes
    longest: int
    """Bytes of its longest signature."""


_RSA = der.sequence(der.oid("1.2.840.113549.1.1.11"), der.null())
_KINDS = {
    "secp256r1": _Kind("sha256", SHA256, der.sequence(der.oid("1.2.840.10045.4.3.2")), 72),
    "secp384r1": _Kind("sha384", SHA384, der.sequence(der.oid("1.2.840.10045.4.3.3")), 104),
    # RFC 8419 §3: with signed attributes Ed25519 goes with SHA-512.
    "ed25519": _Kind("sha512", SHA512, der.sequence(der.oid("1.3.101.112")), 64),
}


@dataclass(frozen=True, slots=True)
class SignerTemplate:
    """All of a signer's CMS that is the same in every document."""

    digest: str
    """As hashlib names it: over the document."""
    attributes: tuple[bytes, bytes] = field(repr=False)
    """Signed attributes before and behind the message digest."""
    head: bytes = field(repr=False)
    signer: bytes = field(repr=False)
    signature_algorithm: bytes = field(repr=False)
    signature_room: int

    def to_sign(self, digest: bytes) -> bytes:
        """The signed attributes over a document's digest: DER of the SET."""
        before, behind = self.attributes
        middle = _attribute(MESSAGE_DIGEST, der.octets(digest))
        return der.tlv(der.SET, b"".join(sorted((before, middle, behind))))

    def message(self, to_sign: bytes, signature: bytes, token: bytes = b"") -> bytes:
        """The whole ContentInfo.

        Args:
            to_sign: What was signed.
            signature: Its signature.
            token: An RFC 3161 token of the signature, where there is one.
        """
        unsigned = b""
        if token:
            unsigned = der.tlv(0xA1, _attribute(TIMESTAMP, token))
        signed = b"\xa0" + to_sign[1:]  # [0] IMPLICIT in place of SET (RFC 5652 §5.4)
        info = der.sequence(
            self.signer, signed, self.signature_algorithm, der.octets(signature), unsigned
        )
        content = der.sequence(self.head, der.tlv(der.SET, info))
        return der.sequence(der.oid(SIGNED_DATA), der.explicit(0, content))

    def room(self, *, tokens: int) -> int:
        """Bytes that such a message may have."""
        empty = self.message(self.to_sign(bytes(64)), bytes(self.signature_room))
        return len(empty) + tokens * TOKEN_ROOM + 64


@lru_cache(maxsize=256)
def template(chain: tuple[bytes, ...]) -> SignerTemplate:
    """The template of a signer; the certificates go in as they are, a self-signed root left out.

    Raises:
        SealRefused: There is no certificate, or a kind of key that PAdES has no place for.
    """
    if not chain:
        raise SealRefused("no-signer-certificate")
    with reading("signer-certificate"):
        certificates = [x509.Certificate.load(each, strict=True) for each in chain]
        first = certificates[0]
        kind = _kind(first)
        sent = [
            raw
            for at, (raw, each) in enumerate(zip(chain, certificates, strict=True))
            if not at or each.issuer.dump() != each.subject.dump()
        ]
        issuer, serial = first.issuer.dump(), first.serial_number
    digest_algorithm = der.sequence(der.oid(kind.digest_oid))
    # RFC 5035 §4: SHA-256 is the default of ESSCertIDv2 and therefore not written.
    identity = der.sequence(der.octets(hashlib.sha256(chain[0]).digest()))
    return SignerTemplate(
        digest=kind.digest,
        attributes=(
            _attribute(CONTENT_TYPE, der.oid(DATA)),
            _attribute(SIGNING_CERTIFICATE, der.sequence(der.sequence(identity))),
        ),
        head=der.integer(1)
        + der.tlv(der.SET, digest_algorithm)
        + der.sequence(der.oid(DATA))
        + der.tlv(0xA0, b"".join(sorted(sent))),
        signer=der.integer(1) + der.sequence(issuer, der.integer(serial)) + digest_algorithm,
        signature_algorithm=kind.identifier,
        signature_room=kind.longest,
    )


def _kind(certificate: x509.Certificate) -> _Kind:
    key = certificate.public_key
    match key.algorithm:
        case "rsa" if key.bit_size >= 2048:
            return _Kind("sha256", SHA256, _RSA, (key.bit_size + 7) // 8)
        case "ec":
            found = _KINDS.get(str(key["algorithm"]["parameters"].native))
        case other:
            found = _KINDS.get(str(other))
    if found is None:
        raise SealRefused("key-not-for-pdf")
    return found


def _attribute(oid: str, value: bytes) -> bytes:
    return der.sequence(der.oid(oid), der.tlv(der.SET, value))
