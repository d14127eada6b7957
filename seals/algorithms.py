"""Signature algorithms and kinds of keys: one table of names, identifiers and digests.

What stands here can be verified. Everything else is
`UnknownAlgorithm`. Weak ones are known so that a report can call them weak.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from seals import ber, der
from seals.errors import Malformed, UnknownAlgorithm


class KeyKind(StrEnum):
    """What kind of public key it is."""

    SM2 = "sm2"
    P256 = "p-256"
    P384 = "p-384"
    ED25519 = "ed25519"
    RSA = "rsa"


class Algorithm(StrEnum):
    """How a signature is made."""

    SM2 = "sm2-sm3"
    ECDSA_SHA256 = "ecdsa-sha256"
    ECDSA_SHA384 = "ecdsa-sha384"
    ECDSA_SHA512 = "ecdsa-sha512"
    ED25519 = "ed25519"
    RSA_SHA256 = "rsa-sha256"
    RSA_SHA384 = "rsa-sha384"
    RSA_SHA512 = "rsa-sha512"
    RSA_PSS_SHA256 = "rsa-pss-sha256"
    RSA_PSS_SHA384 = "rsa-pss-sha384"
    RSA_PSS_SHA512 = "rsa-pss-sha512"
    RSA_SHA1 = "rsa-sha1"

    @property
    def identifier(self) -> bytes:
        """AlgorithmIdentifier in DER, as we write it."""
        return _identifier(self)

    @property
    def digest(self) -> str:
        """The digest's name for `hashlib`; empty for Ed25519, which takes the message itself."""
        return _TABLE[self].digest

    @property
    def kinds(self) -> frozenset[KeyKind]:
        """Keys it goes with."""
        return _TABLE[self].kinds

    @property
    def weak(self) -> bool:
        """Known, verified, and no longer to be believed."""
        return self is Algorithm.RSA_SHA1

    @property
    def pss(self) -> bool:
        """RSA with the padding PSS; the salt is as long as the digest."""
        return self.value.startswith("rsa-pss")


@dataclass(frozen=True, slots=True)
class _Row:
    oid: str
    digest: str
    kinds: frozenset[KeyKind]


_EC = frozenset({KeyKind.P256, KeyKind.P384})
_RSA = frozenset({KeyKind.RSA})
_PSS_OID = "1.2.840.113549.1.1.10"
_MGF1 = "1.2.840.113549.1.1.8"
_HASHES: Mapping[str, str] = {
    "sha256": "2.16.840.1.101.3.4.2.1",
    "sha384": "2.16.840.1.101.3.4.2.2",
    "sha512": "2.16.840.1.101.3.4.2.3",
}
_TABLE: Mapping[Algorithm, _Row] = {
    # GB/T 33560 / GM/T 0006: SM2 with SM3.
    Algorithm.SM2: _Row("1.2.156.10197.1.501", "sm3", frozenset({KeyKind.SM2})),
    Algorithm.ECDSA_SHA256: _Row("1.2.840.10045.4.3.2", "sha256", _EC),
    Algorithm.ECDSA_SHA384: _Row("1.2.840.10045.4.3.3", "sha384", _EC),
    Algorithm.ECDSA_SHA512: _Row("1.2.840.10045.4.3.4", "sha512", _EC),
    Algorithm.ED25519: _Row("1.3.101.112", "", frozenset({KeyKind.ED25519})),
    Algorithm.RSA_SHA256: _Row("1.2.840.113549.1.1.11", "sha256", _RSA),
    Algorithm.RSA_SHA384: _Row("1.2.840.113549.1.1.12", "sha384", _RSA),
    Algorithm.RSA_SHA512: _Row("1.2.840.113549.1.1.13", "sha512", _RSA),
    Algorithm.RSA_PSS_SHA256: _Row(_PSS_OID, "sha256", _RSA),
    Algorithm.RSA_PSS_SHA384: _Row(_PSS_OID, "sha384", _RSA),
    Algorithm.RSA_PSS_SHA512: _Row(_PSS_OID, "sha512", _RSA),
    Algorithm.RSA_SHA1: _Row("1.2.840.113549.1.1.5", "sha1", _RSA),
}
_BY_OID: Mapping[str, Algorithm] = {
    **{row.oid: name for name, row in _TABLE.items() if row.oid != _PSS_OID},
    # Seen in seals and in CMS of the field in place of .501: "SM2 signature", without its digest.
    "1.2.156.10197.1.301.1": Algorithm.SM2,
}

EC_KEY, RSA_KEY, ED25519_KEY = "1.2.840.10045.2.1", "1.2.840.113549.1.1.1", "1.3.101.112"
CURVES: Mapping[str, KeyKind] = {
    "1.2.156.10197.1.301": KeyKind.SM2,
    "1.2.840.10045.3.1.7": KeyKind.P256,
    "1.3.132.0.34": KeyKind.P384,
}
MAX_SPKI = 2200
"""Bytes: an RSA key of 16384 bits fits, and costs no more than it may."""


def by_oid(dotted: str) -> Algorithm:
    """The algorithm of an OID that stands alone, as in a seal.

    Raises:
        UnknownAlgorithm: Not in the table.
    """
    found = _BY_OID.get(dotted)
    if found is None:
        raise UnknownAlgorithm("unknown-algorithm")
    return found


@lru_cache(maxsize=64)
def by_identifier(identifier: bytes) -> Algorithm:
    """The algorithm of an AlgorithmIdentifier. Parameters must be absent or NULL, but for PSS.

    Raises:
        UnknownAlgorithm: Not in the table, or with parameters of its own.
        Malformed: No AlgorithmIdentifier.
    """
    name, *parameters = ber.sequence(ber.whole(identifier), 1, 2)
    dotted = ber.oid(name)
    if dotted == _PSS_OID:
        for algorithm in Algorithm:
            if algorithm.pss and algorithm.identifier == identifier:
                return algorithm
        raise UnknownAlgorithm("pss-parameters")
    if [each.whole for each in parameters] not in ([], [der.null()]):
        raise UnknownAlgorithm("parameters")
    return by_oid(dotted)


def kind_of(spki: bytes) -> KeyKind:
    """What kind of key a SubjectPublicKeyInfo holds; the key itself is not looked at.

    Raises:
        UnknownAlgorithm: Another kind or curve.
        Malformed: No SubjectPublicKeyInfo.
    """
    if len(spki) > MAX_SPKI:
        raise Malformed("spki")
    identifier, key = ber.sequence(ber.whole(spki), 2, 2)
    name, *parameters = ber.sequence(identifier, 1, 2)
    ber.bits(key)
    dotted = ber.oid(name)
    if dotted == EC_KEY and len(parameters) == 1 and parameters[0].tag == der.OID:
        kind = CURVES.get(ber.oid(parameters[0]))
        if kind is not None:
            return kind
        raise UnknownAlgorithm("curve")
    if dotted == RSA_KEY:
        return KeyKind.RSA
    if dotted == ED25519_KEY:
        return KeyKind.ED25519
    raise UnknownAlgorithm("key")


def plain_digest(algorithm: Algorithm, message: bytes) -> bytes:
    """The digest of `message` alone; for SM2 it is not yet what is signed, for Z is missing."""
    return hashlib.new(algorithm.digest, message).digest()


@lru_cache(maxsize=32)
def _identifier(algorithm: Algorithm) -> bytes:
    row = _TABLE[algorithm]
    if algorithm.pss:
        # RFC 4055 §3.1: all four are written; trailerField has its default.
        digest = der.sequence(der.oid(_HASHES[row.digest]), der.null())
        size = hashlib.new(row.digest).digest_size
        return der.sequence(
            der.oid(row.oid),
            der.sequence(
                der.explicit(0, digest),
                der.explicit(1, der.sequence(der.oid(_MGF1), digest)),
                der.explicit(2, der.integer(size)),
            ),
        )
    if KeyKind.RSA in row.kinds:
        return der.sequence(der.oid(row.oid), der.null())
    return der.sequence(der.oid(row.oid))
