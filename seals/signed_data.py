"""CMS SignedData with one signer (RFC 5652, GB/T 35275), read as it stands and written.

The identifiers of PKCS #7 and those of GM/T 0010 are read alike. What was signed is taken from the
original bytes; nothing is judged here and no signature is checked.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from seals import ber, der
from seals.algorithms import Algorithm, by_identifier
from seals.ber import Value
from seals.errors import InvalidKey, Malformed, UnknownAlgorithm
from seals.keys import verifying_key
from seals.names import Name, read_name
from seals.ports import SigningKey
from seals.x509 import X509Certificate, read_x509

SIGNED_DATA = "1.2.840.113549.1.7.2"
SIGNED_DATA_KINDS = frozenset({SIGNED_DATA, "1.2.156.10197.6.1.4.2.2"})
CONTENT_TYPE, MESSAGE_DIGEST = "1.2.840.113549.1.9.3", "1.2.840.113549.1.9.4"
SIGNING_CERTIFICATE = "1.2.840.113549.1.9.16.2.12"
SIGNING_CERTIFICATE_V2 = "1.2.840.113549.1.9.16.2.47"
MAX_CERTIFICATES = 64
MAX_ATTRIBUTES = 64

DIGESTS: Mapping[str, str] = {
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
    "1.2.156.10197.1.401": "sm3",
    # "SM3 without a key", as some write it.
    "1.2.156.10197.1.401.1": "sm3",
    "1.3.14.3.2.26": "sha1",
}
"""Digests by identifier, as `hashlib` names them."""
_DIGEST_OIDS = {"sha256": "2.16.840.1.101.3.4.2.1", "sha384": "2.16.840.1.101.3.4.2.2",
                "sha512": "2.16.840.1.101.3.4.2.3", "sm3": "1.2.156.10197.1.401"}  # fmt: skip
WEAK_DIGESTS = frozenset({"sha1"})
_RSA_KEY = "1.2.840.113549.1.1.1"
_EC_KEYS = frozenset({"1.2.840.10045.2.1", "1.2.156.10197.1.301"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ESSCertID:
    """What the signing-certificate attribute says of the signer's certificate (RFC 5035)."""

    digest: str
    """Name for `hashlib`; empty where it is unknown."""
    value: bytes

    def of(self, certificate: X509Certificate) -> bool | None:
        """Is it that certificate? None where the digest is unknown."""
        if not self.digest:
            return None
        return hashlib.new(self.digest, certificate.der).digest() == self.value


@dataclass(frozen=True, slots=True, kw_only=True)
class SignerInfo:
    """Who signed, how, and over what."""

    issuer: Name | None = field(repr=False)
    serial: int | None
    key_id: bytes | None
    """The certificate is named by issuer and serial number, or else by key id."""
    digest: str
    """Name for `hashlib`; empty where it is unknown."""
    algorithm: Algorithm | None
    """None where it is unknown."""
    signed: bytes = field(repr=False)
    """The attributes as a SET, or the content where there are none."""
    value: bytes = field(repr=False)
    attributes: Mapping[str, tuple[Value, ...]] = field(repr=False)
    """Signed ones, each with its values; one that stands there twice has the values of both."""

    def names(self, certificate: X509Certificate) -> bool:
        """Is it the certificate that it names?"""
        if self.issuer is not None:
            return certificate.serial == self.serial and certificate.issuer.same(self.issuer)
        return self.key_id is not None and certificate.subject_key_id == self.key_id


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedData:
    """A content and one signature of it."""

    content_type: str
    content: bytes = field(repr=False)
    """What the message digest is over."""
    inner: bytes = field(repr=False)
    """The value inside: the same, or with its head where no OCTET STRING is around it."""
    certificates: tuple[X509Certificate, ...] = field(repr=False)
    signer: SignerInfo

    def signed_by(self, others: Sequence[X509Certificate] = ()) -> X509Certificate | None:
        """The signer's certificate, among those that came along or the others."""
        named = (each for each in (*self.certificates, *others) if self.signer.names(each))
        return next(named, None)

    def attributes_hold(self) -> bool:
        """Do the signed attributes speak of this very content? Both must be there, once each."""
        kinds = self.signer.attributes.get(CONTENT_TYPE, ())
        digests = self.signer.attributes.get(MESSAGE_DIGEST, ())
        if len(kinds) != 1 or len(digests) != 1 or not self.signer.digest:
            return False
        found = hashlib.new(self.signer.digest, self.content).digest()
        named = der.oid(self.content_type)
        return kinds[0].whole == named and digests[0].content == found

    def value_holds(self, certificate: X509Certificate) -> bool:
        """Is it signed with the key of that certificate? Unknown ways of signing are a no."""
        if self.signer.algorithm is None:
            return False
        try:
            key = verifying_key(certificate.spki)
        except (InvalidKey, UnknownAlgorithm):
            return False
        return key.verify(self.signer.algorithm, self.signer.signed, self.signer.value)


def read_signed_data(data: bytes) -> SignedData:
    """A ContentInfo with SignedData. Bytes behind it may only be zeros, as PDF pads them.

    Raises:
        Malformed: It is none, has no content, or not exactly one signer.
    """
    first = ber.at(data, 0, len(data))
    if data[first.end :].strip(b"\0"):
        raise Malformed("bytes-behind")
    kind, wrapped = ber.sequence(first, 2, 2)
    if ber.oid(kind) not in SIGNED_DATA_KINDS:
        raise Malformed("not-signed-data")
    body = _only(wrapped)
    _version, _digests, inside, *rest = ber.sequence(body, 4, 6)
    content_kind, *holders = ber.sequence(inside, 1, 2)
    if not holders:
        raise Malformed("no-content")
    content = _only(holders[0])
    certificates = next((each for each in rest[:-1] if each.tag == 0xA0), None)
    signers = ber.parts(ber.expect(rest[-1], der.SET), MAX_ATTRIBUTES)
    if len(signers) != 1:
        raise Malformed("several-signers" if signers else "no-signer")
    return SignedData(
        content_type=ber.oid(content_kind),
        content=content.content,
        inner=content.content if content.tag == der.OCTETS else content.whole,
        certificates=() if certificates is None else _certificates(certificates),
        signer=_signer(signers[0], content.content),
    )


def _only(holder: Value) -> Value:
    """What stands in [0] EXPLICIT."""
    inside = ber.parts(ber.expect(holder, 0xA0), 1)
    if not inside:
        raise Malformed("no-content")
    return inside[0]


def _certificates(value: Value) -> tuple[X509Certificate, ...]:
    """Those that can be read; attribute certificates and the like are passed over."""
    found: list[X509Certificate] = []
    for each in ber.parts(value, MAX_CERTIFICATES):
        try:
            found.append(read_x509(each.whole))
        except Malformed:
            continue
    return tuple(found)


def _signer(value: Value, content: bytes) -> SignerInfo:
    _version, identity, digest, *rest = ber.sequence(value, 5, 7)
    attributes = rest.pop(0) if rest[0].tag == 0xA0 else None
    if len(rest) < 2:
        raise Malformed("signer")
    issuer: Name | None = None
    serial: int | None = None
    key_id: bytes | None = None
    if identity.tag == 0x80:
        key_id = identity.content
    else:
        name, number = ber.sequence(identity, 2, 2)
        issuer, serial = read_name(name), ber.number(number)
    named = digest_named(digest)
    return SignerInfo(
        issuer=issuer,
        serial=serial,
        key_id=key_id,
        digest=named,
        algorithm=_algorithm(rest[0], named),
        # RFC 5652 §5.4: signed as a SET, whatever tag it has here.
        signed=content if attributes is None else b"\x31" + attributes.whole[1:],
        value=ber.expect(rest[1], der.OCTETS).content,
        attributes={} if attributes is None else _attributes(attributes),
    )


def _attributes(value: Value) -> dict[str, tuple[Value, ...]]:
    found: dict[str, tuple[Value, ...]] = {}
    for each in ber.parts(value, MAX_ATTRIBUTES):
        kind, values = ber.sequence(each, 2, 2)
        held = tuple(ber.parts(ber.expect(values, der.SET), MAX_ATTRIBUTES))
        found[ber.oid(kind)] = found.get(ber.oid(kind), ()) + held
    return found


def digest_named(identifier: Value) -> str:
    """The digest of an AlgorithmIdentifier, by its name for `hashlib`; empty where it is unknown.

    Raises:
        Malformed: It is none.
    """
    name, *_ = ber.sequence(identifier, 1, 2)
    return DIGESTS.get(ber.oid(name), "")


def digest_identifier(digest: str) -> bytes:
    """Its AlgorithmIdentifier, without parameters (RFC 5754 §2)."""
    return der.sequence(der.oid(_DIGEST_OIDS[digest]))


def _algorithm(identifier: Value, digest: str) -> Algorithm | None:
    """The signature's; where only the key's kind is named, the digest says the rest."""
    name, *_ = ber.sequence(identifier, 1, 2)
    dotted = ber.oid(name)
    try:
        if dotted == _RSA_KEY:
            return Algorithm(f"rsa-{digest}")
        if dotted in _EC_KEYS:
            return Algorithm.SM2 if digest == "sm3" else Algorithm(f"ecdsa-{digest}")
        return by_identifier(identifier.whole)
    except (UnknownAlgorithm, ValueError):
        return None


def certificate_named(signer: SignerInfo) -> ESSCertID | None:
    """What signing-certificate says, version 2 before version 1; None where it stands nowhere.

    Raises:
        Malformed: It cannot be read.
    """
    for kind, usual in ((SIGNING_CERTIFICATE_V2, "sha256"), (SIGNING_CERTIFICATE, "sha1")):
        values = signer.attributes.get(kind)
        if values is None:
            continue
        if len(values) != 1:
            raise Malformed("signing-certificate")
        listed, *_ = ber.sequence(values[0], 1, 2)
        first, *_ = ber.sequence(listed, 1)
        parts = ber.sequence(first, 1, 3)
        told = digest_named(parts.pop(0)) if parts[0].tag == der.SEQUENCE else usual
        if not parts:
            raise Malformed("signing-certificate")
        return ESSCertID(digest=told, value=ber.expect(parts[0], der.OCTETS).content)
    return None


def digest_for(key: SigningKey) -> str:
    """The digest that goes with how a key signs in CMS; SHA-512 with Ed25519 (RFC 8419 §3)."""
    return key.algorithm.digest or "sha512"


def written(
    content_type: str, content: bytes, key: SigningKey, certificates: Sequence[bytes]
) -> bytes:
    """SignedData over a content, with the signed attributes of RFC 3161 and CAdES.

    Args:
        content_type: Its OID.
        content: Its DER, put into an OCTET STRING.
        key: Signs; the first certificate of its chain is named.
        certificates: What goes along.

    Raises:
        KeyUnavailable: The key does not sign.
    """
    own = read_x509(key.chain[0])
    digest = digest_for(key)
    identifier = digest_identifier(digest)
    # RFC 5035 §4: SHA-256 is the default and therefore not written.
    named = der.sequence(
        b"" if digest == "sha256" else identifier,
        der.octets(hashlib.new(digest, own.der).digest()),
    )
    attributes = der.set_of(
        _attribute(CONTENT_TYPE, der.oid(content_type)),
        _attribute(MESSAGE_DIGEST, der.octets(hashlib.new(digest, content).digest())),
        _attribute(SIGNING_CERTIFICATE_V2, der.sequence(der.sequence(named))),
    )
    signer = der.sequence(
        der.integer(1),
        der.sequence(own.issuer.der, der.integer(own.serial)),
        identifier,
        b"\xa0" + attributes[1:],
        key.algorithm.identifier,
        der.octets(key.sign(attributes)),
    )
    body = der.sequence(
        der.integer(3),
        der.set_of(identifier),
        der.sequence(der.oid(content_type), der.explicit(0, der.octets(content))),
        der.tlv(0xA0, b"".join(sorted(certificates))) if certificates else b"",
        der.set_of(signer),
    )
    return der.sequence(der.oid(SIGNED_DATA), der.explicit(0, body))


def _attribute(oid: str, value: bytes) -> bytes:
    return der.sequence(der.oid(oid), der.set_of(value))
