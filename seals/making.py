"""Make seals and set them on digests, after GB/T 38540-2020.

Each in two motions, so that no key ever meets a document and a remote signer can stand between:
`prepare_…` gives the bytes to sign, `embed_…` takes the signature value and gives the finished
bytes. What is embedded is read and verified again before it leaves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from seals import der
from seals.algorithms import Algorithm
from seals.asn1 import MAX_COUNT
from seals.errors import MalformedSeal, SealingFailed, SealRefused
from seals.ports import SigningKey
from seals.seal import (
    HEADER,
    SM2_SM3,
    VERSION,
    Edition,
    Extension,
    ListedCertificates,
    Seal,
    SealInfo,
    SealSignature,
    SignatureState,
    SignerList,
)
from seals.seal_reading import read_seal, read_seal_signature
from seals.sm2 import Signature

DIGEST = 32
PICTURE_TYPES = frozenset({"PNG", "JPG", "BMP", "OFD"})
"""What others' readers paint."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedSeal:
    """A seal that only lacks its maker's signature."""

    to_sign: bytes
    """DER of `SES_SealInfo`: sign this with SM2 and SM3."""
    x509_cert: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedSignature:
    """A seal signature that only lacks the signer's signature."""

    to_sign: bytes
    """DER of `TBS_Sign`: sign this with SM2 and SM3."""
    x509_cert: bytes


def make_seal(info: SealInfo, key: SigningKey, x509_cert: bytes) -> Seal:
    """A seal made by the holder of `key`.

    Raises:
        SealRefused: `info` is none that may be made, or `key-algorithm`: the key is not of SM2.
        SealingFailed: `key` is not the certificate's.
    """
    _sm2(key)
    prepared = prepare_seal(info, x509_cert)
    return embed_seal(prepared, key.sign(prepared.to_sign))


def prepare_seal(info: SealInfo, x509_cert: bytes) -> PreparedSeal:
    """What the seal maker signs.

    Raises:
        SealRefused: `info` is none that may be made: `version`, `time`, `validity`, `no-signers`,
            `size`, `no-picture`, `picture-type`, `characters`.
    """
    if (info.version, info.header) != (VERSION, HEADER):
        raise SealRefused("version")
    if any(each.tzinfo is None for each in (info.created_at, info.valid_from, info.valid_until)):
        raise SealRefused("time")
    if not info.valid_from < info.valid_until:
        raise SealRefused("validity")
    if not _listed(info.signers):
        raise SealRefused("no-signers")
    picture = info.picture
    if not (0 < picture.width <= 1000 and 0 < picture.height <= 1000):
        raise SealRefused("size")
    if not picture.data:
        raise SealRefused("no-picture")
    if picture.type not in PICTURE_TYPES:
        raise SealRefused("picture-type")
    shown = (info.name, info.number, info.vendor, picture.type)
    if not all(each and each.isprintable() for each in shown):
        raise SealRefused("characters")
    try:
        return PreparedSeal(to_sign=_info(info), x509_cert=x509_cert)
    except ValueError:
        raise SealRefused("characters") from None


def embed_seal(prepared: PreparedSeal, value: bytes) -> Seal:
    """The finished seal, read back from its own bytes.

    Raises:
        SealingFailed: The signature is not of this certificate's key over these bytes.
    """
    whole = der.sequence(
        prepared.to_sign,
        der.octets(prepared.x509_cert),
        der.oid(SM2_SM3),
        der.bits(_canonical(value)),
    )
    try:
        seal = read_seal(whole)
    except MalformedSeal as error:
        raise SealingFailed(str(error)) from None
    if seal.maker_signature() is not SignatureState.MATCHES or seal.deviations:
        raise SealingFailed("the seal does not verify")
    return seal


def sign(
    digest: bytes, seal: Seal, key: SigningKey, x509_cert: bytes, at: datetime, property_info: str
) -> SealSignature:
    """The seal set on what has this digest.

    Raises:
        SealRefused: `key-algorithm`, or see `prepare_signature`.
        SealingFailed: `key` is not the certificate's.
    """
    _sm2(key)
    prepared = prepare_signature(digest, seal, x509_cert, at, property_info)
    return embed_signature(prepared, key.sign(prepared.to_sign))


def prepare_signature(
    digest: bytes,
    seal: Seal,
    x509_cert: bytes,
    at: datetime,
    property_info: str,
    extensions: tuple[Extension, ...] = (),
) -> PreparedSignature:
    """What the seal's signer signs.

    Args:
        digest: SM3 of the original, without Z.
        seal: Embedded byte for byte.
        x509_cert: The signer's; the seal must list it.
        at: Now.
        property_info: What the original is; in an OFD the absolute path of `Signature.xml`.
        extensions: Written as they are.

    Raises:
        SealRefused: `digest`, `edition`, `seal-deviates`, `seal-signature`, `seal-extension`, `time`,
            `seal-not-valid-yet`, `seal-expired`, `signer-not-listed`, `characters`.
    """
    if len(digest) != DIGEST:
        raise SealRefused("digest")
    if at.tzinfo is None:
        raise SealRefused("time")
    if against := list(_against(seal, x509_cert, at)):
        raise SealRefused(against[0], ", ".join(against))
    try:
        to_sign = der.sequence(
            der.integer(VERSION),
            seal.der,
            der.generalized_time(at),
            der.bits(digest),
            _ia5(property_info),
            *([der.explicit(0, _extensions(extensions))] if extensions else []),
        )
    except ValueError:
        raise SealRefused("characters") from None
    return PreparedSignature(to_sign=to_sign, x509_cert=x509_cert)


def embed_signature(
    prepared: PreparedSignature, value: bytes, timestamp: bytes = b""
) -> SealSignature:
    """The finished seal signature, read back from its own bytes.

    Args:
        prepared: What was signed.
        value: By the signer, DER or r ‖ s.
        timestamp: RFC 3161 token over the value in DER; empty for none.

    Raises:
        SealingFailed: The signature is not of this certificate's key over these bytes.
    """
    stamped = [der.explicit(0, der.bits(timestamp))] if timestamp else []
    whole = der.sequence(
        prepared.to_sign,
        der.octets(prepared.x509_cert),
        der.oid(SM2_SM3),
        der.bits(_canonical(value)),
        *stamped,
    )
    try:
        made = read_seal_signature(whole)
    except MalformedSeal as error:
        raise SealingFailed(str(error)) from None
    if made.signer_signature() is not SignatureState.MATCHES or made.deviations:
        raise SealingFailed("the seal signature does not verify")
    return made


def _against(seal: Seal, x509_cert: bytes, at: datetime) -> Iterator[str]:
    """What speaks against setting this seal now."""
    if seal.edition is not Edition.GBT38540_2020:
        yield "edition"
    if seal.deviations:
        yield "seal-deviates"
    if seal.maker_signature() is not SignatureState.MATCHES:
        yield "seal-signature"
    if any(each.critical for each in seal.info.extensions):
        yield "seal-extension"
    if at < seal.info.valid_from:
        yield "seal-not-valid-yet"
    if at > seal.info.valid_until:
        yield "seal-expired"
    if not seal.info.signers.lists(x509_cert):
        yield "signer-not-listed"


def _sm2(key: SigningKey) -> None:
    if key.algorithm is not Algorithm.SM2:
        raise SealRefused("key-algorithm")


def _canonical(value: bytes) -> bytes:
    try:
        return Signature.read(value).der
    except ValueError:
        raise SealingFailed("no signature value") from None


def _ia5(told: str) -> bytes:
    return der.tlv(der.IA5, told.encode("ascii"))


def _listed(signers: SignerList) -> bool:
    match signers:
        case ListedCertificates(x509_certs=listed):
            return 0 < len(listed) <= MAX_COUNT
        case _:
            return 0 < len(signers.digests) <= MAX_COUNT


def _info(info: SealInfo) -> bytes:
    """`SES_SealInfo`, its extensions in a plain SEQUENCE as all real seals have them."""
    picture = info.picture
    return der.sequence(
        der.sequence(_ia5(info.header), der.integer(info.version), _ia5(info.vendor)),
        _ia5(info.number),
        der.sequence(
            der.integer(info.type),
            der.utf8(info.name),
            *_signers(info.signers),
            der.generalized_time(info.created_at),
            der.generalized_time(info.valid_from),
            der.generalized_time(info.valid_until),
        ),
        der.sequence(
            _ia5(picture.type),
            der.octets(picture.data),
            der.integer(picture.width),
            der.integer(picture.height),
        ),
        *([_extensions(info.extensions)] if info.extensions else []),
    )


def _signers(signers: SignerList) -> tuple[bytes, bytes]:
    match signers:
        case ListedCertificates(x509_certs=listed):
            return der.integer(1), der.sequence(*map(der.octets, listed))
        case _:
            digests = (
                der.sequence(der.printable(each.algorithm), der.octets(each.value))
                for each in signers.digests
            )
            return der.integer(2), der.sequence(*digests)


def _extensions(extensions: tuple[Extension, ...]) -> bytes:
    return der.sequence(
        *(
            der.sequence(
                der.oid(each.oid),
                *([der.true()] if each.critical else []),
                der.octets(each.value),
            )
            for each in extensions
        )
    )
