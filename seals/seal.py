"""Electronic seals and seal signatures as values, after GB/T 38540 and GM/T 0031.

A value keeps the bytes it was read from: `der` is the whole, `signed` is what the signature is over.
They are read by `seal_reading.py` and made by `making.py`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache

from seals.errors import Deviation
from seals.sm2 import InvalidKey, PublicKey, Signature

SM2_SM3 = "1.2.156.10197.1.501"
SM3 = "1.2.156.10197.1.401"
HEADER = "ES"
VERSION = 4
"""Of GB/T 38540-2020: what is written."""

_DIGESTS = {
    SM3: "sm3",
    "SM3": "sm3",
    "2.16.840.1.101.3.4.2.1": "sha256",
    "SHA256": "sha256",
    "SHA-256": "sha256",
}
"""By which name a list of digests may call its algorithm."""


class Edition(StrEnum):
    """The standard a seal is laid out after."""

    GMT0031_2014 = "GM/T 0031-2014"
    GBT38540_2020 = "GB/T 38540-2020"
    GMT0031_2025 = "GM/T 0031-2025"


class SignatureState(StrEnum):
    """What comes of holding a signature value against its bytes and its certificate's key."""

    MATCHES = "matches"
    DIFFERS = "differs"
    OTHER_ALGORITHM = "other-algorithm"
    """Not SM2 with SM3: cannot be said here."""
    UNREADABLE_KEY = "unreadable-key"
    UNREADABLE_VALUE = "unreadable-value"
    """Neither canonical DER nor 64 bytes, or r or s out of range."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """The impression inside a seal (`SES_ESPictrueInfo`)."""

    type: str
    """`PNG`, `BMP`, `JPG`, `OFD`, in whatever letters its maker wrote."""
    data: bytes
    width: int
    """Millimetres."""
    height: int
    """Millimetres."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedCertificates:
    """Who may use the seal: these X.509 certificates, byte for byte."""

    x509_certs: tuple[bytes, ...]

    def lists(self, x509_cert: bytes) -> bool:
        """May the holder of this certificate use the seal?"""
        return x509_cert in self.x509_certs


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedDigest:
    """The digest of one signer's certificate."""

    algorithm: str
    """OID or name, as written."""
    value: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedDigests:
    """Who may use the seal: the holders of certificates with these digests."""

    digests: tuple[ListedDigest, ...]

    def lists(self, x509_cert: bytes) -> bool:
        """May the holder of this certificate use the seal? Unknown algorithms list nobody."""
        return any(
            hashlib.new(name, x509_cert).digest() == listed.value
            for listed in self.digests
            if (name := _DIGESTS.get(listed.algorithm.upper())) is not None
        )


SignerList = ListedCertificates | ListedDigests


def listed_by_digest(*x509_certs: bytes) -> ListedDigests:
    """A list of the SM3 digests of these certificates."""
    return ListedDigests(
        digests=tuple(
            ListedDigest(algorithm=SM3, value=hashlib.new("sm3", each).digest())
            for each in x509_certs
        )
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """Something a maker or signer added (`ExtData`). Unknown and critical: do not trust the rest."""

    oid: str
    critical: bool
    value: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SealInfo:
    """What a seal maker vouches for (`SES_SealInfo`)."""

    number: str
    """`esID`, unique; government systems use the division's six digits and a serial of eight."""
    name: str
    type: int
    """A code of the seal platform; 1 is the organisation's seal and 2 a personal one since 2014,
    what stands beyond them differs from place to place."""
    signers: SignerList
    created_at: datetime
    valid_from: datetime
    valid_until: datetime
    picture: Picture
    vendor: str
    """`Vid`: the maker, in a form of its own."""
    version: int = VERSION
    header: str = HEADER
    extensions: tuple[Extension, ...] = ()

    def in_validity(self, at: datetime) -> bool:
        """Does the seal's own validity hold `at`?"""
        return self.valid_from <= at <= self.valid_until


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """A seal: what its maker vouches for, and the maker's signature (`SESeal`)."""

    edition: Edition
    info: SealInfo
    x509_cert: bytes
    """The seal maker's (制章人)."""
    algorithm: str
    value: bytes
    """The maker's signature value, as written."""
    timestamp: bytes
    """RFC 3161 token, since the edition of 2025; empty where there is none."""
    signed: bytes
    """What the maker signed."""
    der: bytes
    deviations: tuple[Deviation, ...]

    def maker_signature(self) -> SignatureState:
        """The maker's signature over the original bytes. Says nothing of the maker's certificate."""
        return signature_state(self.x509_cert, self.algorithm, self.signed, self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class SealSignature:
    """A seal set on a document (`SES_Signature`)."""

    seal: Seal
    version: int
    claimed_at: datetime | None
    """When the signer says it signed; None where a timestamp stands in its place (2014)."""
    digest: bytes
    """Of the original, without Z; of `Signature.xml` in an OFD."""
    property_info: str
    """What the original is; the path of `Signature.xml` in an OFD."""
    extensions: tuple[Extension, ...]
    x509_cert: bytes
    """The seal signer's (签章人)."""
    algorithm: str
    value: bytes
    timestamp: bytes
    """RFC 3161 token; empty where there is none."""
    signed: bytes
    """What the signer signed (`TBS_Sign`)."""
    der: bytes
    deviations: tuple[Deviation, ...]

    @property
    def edition(self) -> Edition:
        """That of its seal."""
        return self.seal.edition

    def signer_signature(self) -> SignatureState:
        """The signer's signature over the original bytes. Says nothing of the certificate."""
        return signature_state(self.x509_cert, self.algorithm, self.signed, self.value)

    def signer_listed(self) -> bool:
        """Does the seal list the signer?"""
        return self.seal.info.signers.lists(self.x509_cert)


def signature_state(
    x509_cert: bytes, algorithm: str, signed: bytes, value: bytes
) -> SignatureState:
    """Hold a signature value against the bytes and the certificate's key; nothing raises."""
    size = len(x509_cert) + len(signed) + len(value)
    judge = _remembered if size <= REMEMBERED else _judged
    return judge(x509_cert, algorithm, signed, value)


REMEMBERED = 128 * 1024
"""Bytes of a seal, or of a signature, about which something is remembered."""


def _judged(x509_cert: bytes, algorithm: str, signed: bytes, value: bytes) -> SignatureState:
    if algorithm != SM2_SM3:
        return SignatureState.OTHER_ALGORITHM
    few = len(x509_cert) <= _CERTIFICATE
    try:
        key = _known_key(x509_cert) if few else PublicKey.from_certificate(x509_cert)
    except InvalidKey:
        return SignatureState.UNREADABLE_KEY
    try:
        signature = Signature.read(value)
    except ValueError:
        return SignatureState.UNREADABLE_VALUE
    right = key.verify(signature, signed)
    return SignatureState.MATCHES if right else SignatureState.DIFFERS


_remembered = lru_cache(maxsize=128)(_judged)
"""A seal is set many times, and what was just sealed is judged before it leaves."""
_CERTIFICATE = 4096
_known_key = lru_cache(maxsize=512)(PublicKey.from_certificate)
