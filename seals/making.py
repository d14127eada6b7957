"""Make seals and set them on digests, after GB/T 38540-2020.

Each in two motions, so that no key ever meets a document and a remote signer can stand between:
`prepare_…` gives the bytes to sign, `embed_…` takes the signature value and gives the finished
bytes. What is embedded is read and verified again before it leaves.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from seals import asn1
from seals.asn1 import IA5, PRINTABLE, UTF8
from seals.errors import MalformedSeal, SealingFailed, SealRefused
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
    read_seal,
    read_seal_signature,
)
from seals.sm2 import Signature

DIGEST = 32


class Signs(Protocol):
    """A key of SM2, wherever it lies."""

    def sign(self, message: bytes) -> Signature:
        """Sign `message` with SM3 and the default id."""
        ...


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


def make_seal(info: SealInfo, key: Signs, x509_cert: bytes) -> Seal:
    """A seal made by the holder of `key`.

    Raises:
        SealRefused: `info` is none that may be made.
        SealingFailed: `key` is not the certificate's.
    """
    prepared = prepare_seal(info, x509_cert)
    return embed_seal(prepared, key.sign(prepared.to_sign))


def prepare_seal(info: SealInfo, x509_cert: bytes) -> PreparedSeal:
    """What the seal maker signs.

    Raises:
        SealRefused: `info` is none that may be made: `version`, `validity`, `no-signers`, `size`,
            `no-picture`, `characters`.
    """
    if (info.version, info.header) != (VERSION, HEADER):
        raise SealRefused("version")
    if not info.valid_from < info.valid_until:
        raise SealRefused("validity")
    if not _listed(info.signers):
        raise SealRefused("no-signers")
    picture = info.picture
    if not (0 < picture.width <= 1000 and 0 < picture.height <= 1000):
        raise SealRefused("size")
    if not picture.data:
        raise SealRefused("no-picture")
    shown = (info.name, info.number, info.vendor, picture.type)
    if not all(each and each.isprintable() for each in shown):
        raise SealRefused("characters")
    try:
        return PreparedSeal(to_sign=_info(info), x509_cert=x509_cert)
    except ValueError:
        raise SealRefused("characters") from None


def embed_seal(prepared: PreparedSeal, signature: Signature) -> Seal:
    """The finished seal, read back from its own bytes.

    Raises:
        SealingFailed: The signature is not of this certificate's key over these bytes.
    """
    der = asn1.sequence(
        prepared.to_sign,
        asn1.octets(prepared.x509_cert),
        asn1.oid(SM2_SM3),
        asn1.bits(signature.der),
    )
    try:
        seal = read_seal(der)
    except MalformedSeal as error:
        raise SealingFailed(str(error)) from None
    if seal.maker_signature() is not SignatureState.MATCHES or seal.deviations:
        raise SealingFailed("the seal does not verify")
    return seal


def sign(
    digest: bytes, seal: Seal, key: Signs, x509_cert: bytes, at: datetime, property_info: str
) -> SealSignature:
    """The seal set on what has this digest.

    Raises:
        SealRefused: See `prepare_signature`.
        SealingFailed: `key` is not the certificate's.
    """
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
        SealRefused: `digest`, `edition`, `seal-deviates`, `seal-signature`, `seal-extension`,
            `seal-not-valid-yet`, `seal-expired`, `signer-not-listed`, `characters`.
    """
    if len(digest) != DIGEST:
        raise SealRefused("digest")
    if seal.edition is not Edition.GBT38540_2020:
        raise SealRefused("edition")
    if seal.deviations:
        raise SealRefused("seal-deviates")
    if seal.maker_signature() is not SignatureState.MATCHES:
        raise SealRefused("seal-signature")
    if any(each.critical for each in seal.info.extensions):
        raise SealRefused("seal-extension")
    if at < seal.info.valid_from:
        raise SealRefused("seal-not-valid-yet")
    if at > seal.info.valid_until:
        raise SealRefused("seal-expired")
    if not seal.info.signers.lists(x509_cert):
        raise SealRefused("signer-not-listed")
    try:
        to_sign = asn1.sequence(
            asn1.integer(VERSION),
            seal.der,
            asn1.time(at),
            asn1.bits(digest),
            asn1.text(IA5, property_info),
            *([asn1.value(asn1.EXPLICIT_0, _extensions(extensions))] if extensions else []),
        )
    except ValueError:
        raise SealRefused("characters") from None
    return PreparedSignature(to_sign=to_sign, x509_cert=x509_cert)


def embed_signature(
    prepared: PreparedSignature, signature: Signature, timestamp: bytes = b""
) -> SealSignature:
    """The finished seal signature, read back from its own bytes.

    Args:
        prepared: What was signed.
        signature: By the signer.
        timestamp: RFC 3161 token over `signature.der`; empty for none.

    Raises:
        SealingFailed: The signature is not of this certificate's key over these bytes.
    """
    stamped = [asn1.value(asn1.EXPLICIT_0, asn1.bits(timestamp))] if timestamp else []
    der = asn1.sequence(
        prepared.to_sign,
        asn1.octets(prepared.x509_cert),
        asn1.oid(SM2_SM3),
        asn1.bits(signature.der),
        *stamped,
    )
    try:
        made = read_seal_signature(der)
    except MalformedSeal as error:
        raise SealingFailed(str(error)) from None
    if made.signer_signature() is not SignatureState.MATCHES or made.deviations:
        raise SealingFailed("the seal signature does not verify")
    return made


def _listed(signers: SignerList) -> bool:
    match signers:
        case ListedCertificates(x509_certs=listed):
            return 0 < len(listed) <= asn1.MAX_COUNT
        case _:
            return 0 < len(signers.digests) <= asn1.MAX_COUNT


def _info(info: SealInfo) -> bytes:
    """`SES_SealInfo`, its extensions in a plain SEQUENCE as all real seals have them."""
    picture = info.picture
    return asn1.sequence(
        asn1.sequence(
            asn1.text(IA5, info.header), asn1.integer(info.version), asn1.text(IA5, info.vendor)
        ),
        asn1.text(IA5, info.number),
        asn1.sequence(
            asn1.integer(info.type),
            asn1.text(UTF8, info.name),
            *_signers(info.signers),
            asn1.time(info.created_at),
            asn1.time(info.valid_from),
            asn1.time(info.valid_until),
        ),
        asn1.sequence(
            asn1.text(IA5, picture.type),
            asn1.octets(picture.data),
            asn1.integer(picture.width),
            asn1.integer(picture.height),
        ),
        *([_extensions(info.extensions)] if info.extensions else []),
    )


def _signers(signers: SignerList) -> tuple[bytes, bytes]:
    match signers:
        case ListedCertificates(x509_certs=listed):
            return asn1.integer(1), asn1.sequence(*map(asn1.octets, listed))
        case _:
            digests = (
                asn1.sequence(asn1.text(PRINTABLE, each.algorithm), asn1.octets(each.value))
                for each in signers.digests
            )
            return asn1.integer(2), asn1.sequence(*digests)


def _extensions(extensions: tuple[Extension, ...]) -> bytes:
    return asn1.sequence(
        *(
            asn1.sequence(
                asn1.oid(each.oid),
                *([asn1.value(asn1.BOOLEAN, b"\xff")] if each.critical else []),
                asn1.octets(each.value),
            )
            for each in extensions
        )
    )
