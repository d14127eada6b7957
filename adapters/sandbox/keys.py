"""Keys and certificates that are made up at each start. This room's one module for cryptography,
beside the gateway's.
"""

from __future__ import annotations

import base64
import ipaddress
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_SIZE = 32
"""Bytes of a coordinate of P-256."""


def jwk() -> tuple[str, Mapping[str, str]]:
    """A private key for ES256 as JWK in JSON, and its public part."""
    key = ec.generate_private_key(ec.SECP256R1())
    point = key.public_key().public_numbers()
    public = {"kty": "EC", "crv": "P-256", "x": _text(point.x), "y": _text(point.y)}
    return json.dumps({**public, "d": _text(key.private_numbers().private_value)}), public


def _text(number: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes(_SIZE)).rstrip(b"=").decode()


def es256_holds(key: Mapping[str, str], message: bytes, signature: bytes) -> bool:
    """Is `signature` (r ‖ s, RFC 7518 §3.4) that of the owner of the public JWK?"""
    if len(signature) != 2 * _SIZE:
        return False
    x, y = (int.from_bytes(base64.urlsafe_b64decode(key[name] + "=")) for name in ("x", "y"))
    public = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    r, s = int.from_bytes(signature[:_SIZE]), int.from_bytes(signature[_SIZE:])
    try:
        public.verify(encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Papers:
    """Paths of PEM files: what both ends of mutual TLS need."""

    authority: Path
    server: Path
    """Certificate and key in one file."""
    expired: Path
    """The same, but it ended yesterday."""
    client: Path
    client_key: Path


def papers(folder: Path) -> Papers:
    """An authority of a day, and certificates it issued, as files in `folder`."""
    root_key = ec.generate_private_key(ec.SECP256R1())
    root = _Authority(root_key)
    server_key, client_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    found = Papers(
        authority=folder / "authority.pem",
        server=folder / "server.pem",
        expired=folder / "expired.pem",
        client=folder / "client.pem",
        client_key=folder / "client-key.pem",
    )
    server = root.issued("127.0.0.1", server_key, ExtendedKeyUsageOID.SERVER_AUTH, days=30)
    expired = root.issued("127.0.0.1", server_key, ExtendedKeyUsageOID.SERVER_AUTH, days=-1)
    client = root.issued("mianti", client_key, ExtendedKeyUsageOID.CLIENT_AUTH, days=30)
    for path, content in (
        (found.authority, _pem(root.certificate)),
        (found.server, _pem(server) + _key_pem(server_key)),
        (found.expired, _pem(expired) + _key_pem(server_key)),
        (found.client, _pem(client)),
        (found.client_key, _key_pem(client_key)),
    ):
        path.touch(0o600)
        path.write_bytes(content)
    return found


class _Authority:
    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self._key, self._name = key, _name("沙盒根 sandbox root")
        self._now = datetime.now(UTC)
        self.certificate = (
            self._begun(self._name, key.public_key(), timedelta(days=30))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .sign(key, hashes.SHA256())
        )

    def issued(
        self, name: str, key: ec.EllipticCurvePrivateKey, use: x509.ObjectIdentifier, *, days: int
    ) -> x509.Certificate:
        """A certificate for a key, good for so many days from now."""
        names: x509.GeneralName = x509.DNSName(name)
        if name == "127.0.0.1":
            names = x509.IPAddress(ipaddress.ip_address(name))
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        return (
            self._begun(_name(name), key.public_key(), timedelta(days=days))
            .add_extension(x509.SubjectAlternativeName([names]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([use]), critical=False)
            .add_extension(issuer, critical=False)
            .sign(self._key, hashes.SHA256())
        )

    def _begun(
        self, name: x509.Name, key: ec.EllipticCurvePublicKey, lives: timedelta
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._now - timedelta(days=2))
            .not_valid_after(self._now + lives)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates, content_commitment=False,
        key_encipherment=False, data_encipherment=False, key_agreement=False,
        key_cert_sign=signs_certificates, crl_sign=signs_certificates,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def mutual(papers: Papers, server: Path) -> ssl.SSLContext:
    """TLS as the server of mutual TLS speaks it: whoever has no certificate of ours is refused."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(papers.authority))
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(str(server))
    return context
