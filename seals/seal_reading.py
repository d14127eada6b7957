"""Reading seals (`Seal.esl`) and seal signatures (`SignedValue.dat`) of three editions.

GM/T 0031-2014 (version 1), GB/T 38540-2020 (version 4) and GM/T 0031-2025 (version 5, as far as
implementations show it). Reading judges nothing; what deviates from the standard and can still be
read is listed in `deviations`.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache

from seals import ber
from seals import der as writing
from seals.asn1 import Fields
from seals.der import IA5, PRINTABLE, TIME, UTC_TIME, UTF8
from seals.errors import Deviation, Malformed, MalformedSeal
from seals.seal import (
    HEADER,
    REMEMBERED,
    Edition,
    Extension,
    ListedCertificates,
    ListedDigest,
    ListedDigests,
    Picture,
    Seal,
    SealInfo,
    SealSignature,
    SignerList,
)

_EXPLICIT_0 = 0xA0


def read_seal(der: bytes) -> Seal:
    """A seal (`Seal.esl`) of any edition we know.

    Raises:
        MalformedSeal: It is none, or more than one, or beyond the bounds.
    """
    reader = Fields(der)
    seal = _seal(reader, "")
    reader.done("")
    return seal


def read_seal_signature(der: bytes) -> SealSignature:
    """A seal signature (`SignedValue.dat`) of any edition we know.

    Raises:
        MalformedSeal: It is none, or more than one, or beyond the bounds.
    """
    whole = Fields(der)
    outer = whole.inside("")
    whole.done("")
    signed = outer.raw("toSign")
    body = Fields(signed, outer.deviations).inside("toSign")
    version = body.integer("toSign.version")
    seal = _seal(body, "toSign.eseal")
    read = _signature_v1 if seal.edition is Edition.GMT0031_2014 else _signature_v4
    if version != seal.info.version:
        body.note("version", "toSign.version")
    return read(der, outer, signed, body, version, seal)


def _seal(reader: Fields, where: str) -> Seal:
    """The next value, read as a seal; its deviations go to `reader`, too."""
    der = reader.raw(where)
    seal = _known_seal(der, where) if len(der) <= REMEMBERED else _read_seal(der, where)
    for each in seal.deviations:
        reader.note(each.why, each.where)
    return seal


def _read_seal(der: bytes, where: str) -> Seal:
    own: list[Deviation] = []
    outer = Fields(der, own).inside(where)
    raw_info = outer.raw(_in(where, "eSealInfo"))
    info_reader = Fields(raw_info, own).inside(_in(where, "eSealInfo"))
    if outer.tag() == writing.SEQUENCE:
        return _seal_v1(der, outer, raw_info, info_reader, where)
    return _seal_v4(der, outer, raw_info, info_reader, where)


_known_seal = lru_cache(maxsize=64)(_read_seal)
"""A seal is set many times: the same bytes are read once."""


def _seal_v1(der: bytes, outer: Fields, raw_info: bytes, info: Fields, where: str) -> Seal:
    """GM/T 0031-2014: the maker signs SEQUENCE { eSealInfo, cert, signatureAlgorithm }."""
    told = _info(info, _in(where, "eSealInfo"), dated=UTC_TIME)
    at = _in(where, "signInfo")
    sign_info = outer.inside(at)
    outer.done(where)
    certificate = sign_info.raw(f"{at}.cert")
    algorithm = sign_info.raw(f"{at}.signatureAlgorithm")
    value = sign_info.bits(f"{at}.signData")
    sign_info.done(at)
    inner = Fields(certificate + algorithm, outer.deviations)
    return Seal(
        edition=Edition.GMT0031_2014,
        info=told,
        x509_cert=inner.octets(f"{at}.cert"),
        algorithm=inner.oid(f"{at}.signatureAlgorithm"),
        value=value,
        timestamp=b"",
        signed=writing.sequence(raw_info, certificate, algorithm),
        der=der,
        deviations=tuple(outer.deviations),
    )


def _seal_v4(der: bytes, outer: Fields, raw_info: bytes, info: Fields, where: str) -> Seal:
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


def _info(reader: Fields, where: str, *, dated: int) -> SealInfo:
    """`SES_SealInfo`. `dated` is the time type: the edition of 2014 writes UTCTime, and no kind of
    signer list.
    """
    at = f"{where}.header"
    header = reader.inside(at)
    header_id = header.text(IA5, f"{at}.ID")
    version = header.integer(f"{at}.version")
    vendor = header.text(IA5, f"{at}.Vid")
    header.done(at)
    known = {1, 11} if dated == UTC_TIME else {4, 5}
    if header_id != HEADER:
        reader.note("header", f"{at}.ID")
    if version not in known:
        reader.note("version", f"{at}.version")
    number = reader.text(IA5, f"{where}.esID")
    at = f"{where}.property"
    inner = reader.inside(at)
    kind = inner.integer(f"{at}.type")
    name = inner.text(UTF8, f"{at}.name")
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


def _signers(reader: Fields, listed: int, where: str) -> SignerList:
    match listed:
        case 1:
            return ListedCertificates(
                x509_certs=tuple(each.octets(where) for each in reader.each(where))
            )
        case 2:
            return ListedDigests(digests=tuple(map(_digest, reader.each(where))))
    raise MalformedSeal("list-type", where)


def _digest(reader: Fields) -> ListedDigest:
    where = "certDigest"
    inner = reader.inside(where)
    algorithm, value = inner.text(PRINTABLE, f"{where}.type"), inner.octets(f"{where}.value")
    inner.done(where)
    return ListedDigest(algorithm=algorithm, value=value)


def _picture(reader: Fields, where: str) -> Picture:
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


def _extensions(reader: Fields, where: str) -> tuple[Extension, ...]:
    """`ExtensionDatas`, plain (as all real seals have it) or in [0]."""
    if reader.tag() == _EXPLICIT_0:
        wrapped = reader.inside(where, _EXPLICIT_0)
        found = wrapped.each(where)
        wrapped.done(where)
    elif reader.tag() is None:
        return ()
    else:
        found = reader.each(where)
    return tuple(_extension(each, where) for each in found)


def _extension(reader: Fields, where: str) -> Extension:
    inner = reader.inside(where)
    oid = inner.oid(f"{where}.extnID")
    told = inner.tag() == writing.BOOLEAN
    critical = inner.boolean(f"{where}.critical") if told else False
    if told and not critical:
        reader.note("default-written", f"{where}.critical")
    value = inner.octets(f"{where}.extnValue")
    inner.done(where)
    return Extension(oid=oid, critical=critical, value=value)


def _timestamp(reader: Fields, where: str) -> bytes:
    at = _in(where, "timeStamp")
    if reader.tag() is None:
        return b""
    wrapped = reader.inside(at, _EXPLICIT_0)
    token = wrapped.bits(at)
    wrapped.done(at)
    return token


def _signature_v1(
    der: bytes, outer: Fields, signed: bytes, body: Fields, version: int, seal: Seal
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
    if told[:1] in {bytes((UTC_TIME,)), bytes((TIME,))}:
        inner = Fields(told, deviations)
        claimed = inner.time(told[0], where)
        inner.done(where)
        return claimed, b""
    for tag in (UTC_TIME, TIME):
        try:
            return ber.moment(ber.whole(writing.tlv(tag, told))), b""
        except Malformed:
            continue
    return None, told


def _signature_v4(
    der: bytes, outer: Fields, signed: bytes, body: Fields, version: int, seal: Seal
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
