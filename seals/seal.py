"""Electronic seals and seal signatures as values, read from their bytes and written to them.

Read: GM/T 0031-2014 (version 1), GB/T 38540-2020 (version 4) and GM/T 0031-2025 (version 5, as far
as implementations show it). Written: GB/T 38540-2020. A value keeps the bytes it was read from:
`der` is the whole, `signed` is what the signature is over. Reading judges nothing; what deviates
from the standard and can still be read is listed in `deviations`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from seals import asn1
from seals.asn1 import IA5, PRINTABLE, TIME, UTC_TIME, UTF8, Reader
from seals.errors import Deviation, MalformedSeal
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
    if algorithm != SM2_SM3:
        return SignatureState.OTHER_ALGORITHM
    try:
        key = PublicKey.from_certificate(x509_cert)
    except InvalidKey:
        return SignatureState.UNREADABLE_KEY
    try:
        signature = Signature.read(value)
    except ValueError:
        return SignatureState.UNREADABLE_VALUE
    right = key.verify(signature, signed)
    return SignatureState.MATCHES if right else SignatureState.DIFFERS


# --- reading ----------------------------------------------------------------------------------


def read_seal(der: bytes) -> Seal:
    """A seal (`Seal.esl`) of any edition we know.

    Raises:
        MalformedSeal: It is none, or more than one, or beyond the bounds.
    """
    reader = Reader(der)
    seal = _seal(reader, "")
    reader.done("")
    return seal


def read_seal_signature(der: bytes) -> SealSignature:
    """A seal signature (`SignedValue.dat`) of any edition we know.

    Raises:
        MalformedSeal: It is none, or more than one, or beyond the bounds.
    """
    whole = Reader(der)
    outer = whole.inside("")
    whole.done("")
    signed = outer.raw("toSign")
    body = Reader(signed, depth=1, deviations=outer.deviations).inside("toSign")
    version = body.integer("toSign.version")
    seal = _seal(body, "toSign.eseal")
    read = _signature_v1 if seal.edition is Edition.GMT0031_2014 else _signature_v4
    if version != seal.info.version:
        body.note("version", "toSign.version")
    return read(der, outer, signed, body, version, seal)


def _seal(reader: Reader, where: str) -> Seal:
    """The next value, read as a seal; its deviations go to `reader`, too."""
    der = reader.raw(where)
    own: list[Deviation] = []
    outer = Reader(der, depth=2, deviations=own).inside(where)
    raw_info = outer.raw(_in(where, "eSealInfo"))
    info_reader = Reader(raw_info, depth=3, deviations=own).inside(_in(where, "eSealInfo"))
    if outer.tag() == asn1.SEQUENCE:
        seal = _seal_v1(der, outer, raw_info, info_reader, where)
    else:
        seal = _seal_v4(der, outer, raw_info, info_reader, where)
    for each in seal.deviations:
        reader.note(each.why, each.where)
    return seal


def _seal_v1(der: bytes, outer: Reader, raw_info: bytes, info: Reader, where: str) -> Seal:
    """GM/T 0031-2014: the maker signs SEQUENCE { eSealInfo, cert, signatureAlgorithm }."""
    told = _info(info, _in(where, "eSealInfo"), dated=UTC_TIME)
    at = _in(where, "signInfo")
    sign_info = outer.inside(at)
    outer.done(where)
    certificate = sign_info.raw(f"{at}.cert")
    algorithm = sign_info.raw(f"{at}.signatureAlgorithm")
    value = sign_info.bits(f"{at}.signData")
    sign_info.done(at)
    inner = Reader(certificate + algorithm, depth=3, deviations=outer.deviations)
    return Seal(
        edition=Edition.GMT0031_2014,
        info=told,
        x509_cert=inner.octets(f"{at}.cert"),
        algorithm=inner.oid(f"{at}.signatureAlgorithm"),
        value=value,
        timestamp=b"",
        signed=asn1.sequence(raw_info, certificate, algorithm),
        der=der,
        deviations=tuple(outer.deviations),
    )


def _seal_v4(der: bytes, outer: Reader, raw_info: bytes, info: Reader, where: str) -> Seal:
    """GB/T 38540-2020 and GM/T 0031-2025: the maker signs eSealInfo."""
    told = _info(info, _in(where, "eSealInfo"), dated=TIME)
    certificate = outer.octets(_in(where, "cert"))
    algorithm = outer.oid(_in(where, "signAlgID"))
    value = outer.bits(_in(where, "signedValue"))
    timestamp = _timestamp(outer, where)
    outer.done(where)
    newer = told.version == 5 or bool(timestamp)
    return Seal(
        edition=Edition.GMT0031_2025 if newer else Edition.GBT38540_2020,
        info=told,
        x509_cert=certificate,
        algorithm=algorithm,
        value=value,
        timestamp=timestamp,
        signed=raw_info,
        der=der,
        deviations=tuple(outer.deviations),
    )


def _info(reader: Reader, where: str, *, dated: int) -> SealInfo:
    """`SES_SealInfo`. `dated` is the time type: the edition of 2014 writes UTCTime, and no kind of
    signer list.
    """
    at = f"{where}.header"
    header = reader.inside(at)
    header_id = header.text(IA5, f"{at}.ID")
    version = header.integer(f"{at}.version")
    vendor = _shown(header, IA5, f"{at}.Vid")
    header.done(at)
    known = {1, 11} if dated == UTC_TIME else {4, 5}
    if header_id != HEADER:
        reader.note("header", f"{at}.ID")
    if version not in known:
        reader.note("version", f"{at}.version")
    number = _shown(reader, IA5, f"{where}.esID")
    at = f"{where}.property"
    inner = reader.inside(at)
    kind = inner.integer(f"{at}.type")
    name = _shown(inner, UTF8, f"{at}.name")
    listed = 1 if dated == UTC_TIME else inner.integer(f"{at}.certListType")
    signers = _signers(inner, listed, f"{at}.certList")
    dates = [inner.time(dated, f"{at}.{each}") for each in ("createDate", "validStart", "validEnd")]
    inner.done(at)
    if dates[1] > dates[2]:
        reader.note("validity", f"{at}.validEnd")
    picture = _picture(reader, f"{where}.picture")
    extensions = _extensions(reader, f"{where}.extDatas")
    reader.done(where)
    return SealInfo(
        number=number,
        name=name,
        type=kind,
        signers=signers,
        created_at=dates[0],
        valid_from=dates[1],
        valid_until=dates[2],
        picture=picture,
        vendor=vendor,
        version=version,
        header=header_id,
        extensions=extensions,
    )


def _shown(reader: Reader, tag: int, where: str) -> str:
    """A string that people read: what they cannot see in it is noted."""
    told = reader.text(tag, where)
    if not told or not told.isprintable():
        reader.note("characters", where)
    return told


def _signers(reader: Reader, listed: int, where: str) -> SignerList:
    match listed:
        case 1:
            return ListedCertificates(
                x509_certs=tuple(each.octets(where) for each in reader.each(where))
            )
        case 2:
            return ListedDigests(digests=tuple(map(_digest, reader.each(where))))
    raise MalformedSeal("list-type", where)


def _digest(reader: Reader) -> ListedDigest:
    where = "certDigest"
    inner = reader.inside(where)
    algorithm, value = inner.text(PRINTABLE, f"{where}.type"), inner.octets(f"{where}.value")
    inner.done(where)
    return ListedDigest(algorithm=algorithm, value=value)


def _picture(reader: Reader, where: str) -> Picture:
    inner = reader.inside(where)
    told = Picture(
        type=inner.text(IA5, f"{where}.type"),
        data=inner.octets(f"{where}.data"),
        width=inner.integer(f"{where}.width"),
        height=inner.integer(f"{where}.height"),
    )
    inner.done(where)
    if not (0 < told.width <= 1000 and 0 < told.height <= 1000):
        reader.note("size", where)
    return told


def _extensions(reader: Reader, where: str) -> tuple[Extension, ...]:
    """`ExtensionDatas`, plain (as all real seals have it) or in [0]."""
    if reader.tag() == asn1.EXPLICIT_0:
        wrapped = reader.inside(where, asn1.EXPLICIT_0)
        found = wrapped.each(where)
        wrapped.done(where)
    elif reader.tag() is None:
        return ()
    else:
        found = reader.each(where)
    return tuple(_extension(each, where) for each in found)


def _extension(reader: Reader, where: str) -> Extension:
    inner = reader.inside(where)
    oid = inner.oid(f"{where}.extnID")
    told = inner.tag() == asn1.BOOLEAN
    critical = inner.boolean(f"{where}.critical") if told else False
    if told and not critical:
        reader.note("default-written", f"{where}.critical")
    value = inner.octets(f"{where}.extnValue")
    inner.done(where)
    return Extension(oid=oid, critical=critical, value=value)


def _timestamp(reader: Reader, where: str) -> bytes:
    at = _in(where, "timeStamp")
    if reader.tag() is None:
        return b""
    wrapped = reader.inside(at, asn1.EXPLICIT_0)
    token = wrapped.bits(at)
    wrapped.done(at)
    return token


def _signature_v1(
    der: bytes, outer: Reader, signed: bytes, body: Reader, version: int, seal: Seal
) -> SealSignature:
    """GM/T 0031-2014: certificate and algorithm lie inside; the time may be a timestamp."""
    told = body.bits("toSign.timeInfo")
    claimed, token = _time_info(told, outer.deviations)
    digest = body.bits("toSign.dataHash")
    property_info = body.text(IA5, "toSign.propertyInfo")
    certificate = body.octets("toSign.cert")
    algorithm = body.oid("toSign.signatureAlgorithm")
    body.done("toSign")
    value = outer.bits("signature")
    outer.done("")
    return SealSignature(
        seal=seal,
        version=version,
        claimed_at=claimed,
        digest=digest,
        property_info=property_info,
        extensions=(),
        x509_cert=certificate,
        algorithm=algorithm,
        value=value,
        timestamp=token,
        signed=signed,
        der=der,
        deviations=tuple(outer.deviations),
    )


def _time_info(told: bytes, deviations: list[Deviation]) -> tuple[datetime | None, bytes]:
    """A time value, or the bare content of one, or else a timestamp."""
    where = "toSign.timeInfo"
    for tag in (UTC_TIME, TIME):
        try:
            if told[:1] == bytes((tag,)):
                reader = Reader(told, depth=2, deviations=deviations)
                return reader.time(tag, where), b""
            return asn1.moment(told, tag, where, deviations), b""
        except MalformedSeal:
            continue
    return None, told


def _signature_v4(
    der: bytes, outer: Reader, signed: bytes, body: Reader, version: int, seal: Seal
) -> SealSignature:
    """GB/T 38540-2020 and GM/T 0031-2025: certificate and algorithm stand behind what is signed."""
    claimed = body.time(TIME, "toSign.timeInfo")
    digest = body.bits("toSign.dataHash")
    property_info = body.text(IA5, "toSign.propertyInfo")
    extensions = _extensions(body, "toSign.extDatas")
    body.done("toSign")
    certificate = outer.octets("cert")
    algorithm = outer.oid("signatureAlgID")
    value = outer.bits("signature")
    timestamp = _timestamp(outer, "")
    outer.done("")
    return SealSignature(
        seal=seal,
        version=version,
        claimed_at=claimed,
        digest=digest,
        property_info=property_info,
        extensions=extensions,
        x509_cert=certificate,
        algorithm=algorithm,
        value=value,
        timestamp=timestamp,
        signed=signed,
        der=der,
        deviations=tuple(outer.deviations),
    )


def _in(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name
