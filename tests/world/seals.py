"""Seal makers and signers of the invented country, their certificates and seals."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from seals import asn1
from seals.asn1 import UTF8
from seals.making import make_seal
from seals.seal import SM2_SM3, ListedCertificates, Picture, Seal, SealInfo
from seals.sm2 import PrivateKey

NOW = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)
MAKER_KEY, SIGNER_KEY = PrivateKey(0x1234567), PrivateKey(0x7654321)
DOT = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415478da63f8cfc0"
    "000003010100f70341430000000049454e44ae426082"
)
"""A picture of one red pixel."""


def x509_cert(key: PrivateKey, name: str) -> bytes:
    """A self-signed X.509 certificate, no more than a key with a name."""
    algorithm = asn1.sequence(asn1.oid(SM2_SM3))
    called = asn1.sequence(asn1.oid("2.5.4.3"), asn1.text(UTF8, name))
    named = asn1.sequence(asn1.value(0x31, called))
    tbs = asn1.sequence(
        asn1.value(0xA0, asn1.integer(2)),
        asn1.integer(1),
        algorithm,
        named,
        asn1.sequence(*(asn1.time(NOW + timedelta(days=days)) for days in (-400, 400))),
        named,
        key.public().spki,
    )
    return asn1.sequence(tbs, algorithm, asn1.bits(key.sign(tbs).der))


MAKER_CERT, SIGNER_CERT = x509_cert(MAKER_KEY, "演示制章人"), x509_cert(SIGNER_KEY, "演示签章人")
INFO = SealInfo(
    number="99010100000001",
    name="示范市演示局",
    type=1,
    signers=ListedCertificates(x509_certs=(SIGNER_CERT,)),
    created_at=NOW - timedelta(days=30),
    valid_from=NOW - timedelta(days=30),
    valid_until=NOW + timedelta(days=300),
    picture=Picture(type="PNG", data=DOT, width=42, height=42),
    vendor="MIANTI",
)


def seal() -> Seal:
    """One that the signer may use now."""
    return make_seal(INFO, MAKER_KEY, MAKER_CERT)
