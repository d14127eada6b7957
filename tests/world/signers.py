"""Who signs PDFs in tests: a root, signers of each kind, a timestamp authority on a socket."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.request import Request, urlopen

from asn1crypto import algos, keys, tsp, x509
from cryptography import x509 as made
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from pyhanko.sign.timestamps import DummyTimeStamper

from seals.ports import TimestampAuthority

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
KINDS = ("p256", "rsa", "ed25519")
NOW = datetime.now(UTC).replace(microsecond=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """A key and its X.509 certificates."""

    key: Key
    chain: tuple[bytes, ...]

    def sign(self, message: bytes) -> bytes:
        """As CMS wants it from a key of this kind."""
        match self.key:
            case rsa.RSAPrivateKey():
                return self.key.sign(message, padding.PKCS1v15(), hashes.SHA256())
            case ec.EllipticCurvePrivateKey():
                return self.key.sign(message, ec.ECDSA(hashes.SHA256()))
            case _:
                return self.key.sign(message)


def new_key(kind: str) -> Key:
    """Of one of KINDS."""
    if kind == "rsa":
        return rsa.generate_private_key(65537, 2048)
    return ed25519.Ed25519PrivateKey.generate() if kind == "ed25519" else ec.generate_private_key(
        ec.SECP256R1()
    )  # fmt: skip


@cache
def root() -> Party:
    """The anchor of this world."""
    return _certified("Demo Root", new_key("p256"), None, ca=True)


@cache
def signer(kind: str = "p256") -> Party:
    """Somebody who seals."""
    return _certified(f"Demo Office {kind}", new_key(kind), root())


@cache
def stranger() -> Party:
    """Somebody under a root that nobody trusts."""
    other = _certified("Other Root", new_key("p256"), None, ca=True)
    return _certified("Stranger", new_key("p256"), other)


@cache
def expired() -> Party:
    """Somebody whose certificate ended a year ago."""
    return _certified("Former Office", new_key("p256"), root(), ends=NOW - timedelta(days=365))


@cache
def timestamper() -> Party:
    """An authority for timestamps."""
    return _certified("Demo TSA", new_key("rsa"), root(), stamps=True)


def revocation_list(revoked: Sequence[Party] = (), *, at: datetime = NOW) -> bytes:
    """The root's list."""
    builder = (
        made.CertificateRevocationListBuilder()
        .issuer_name(made.load_der_x509_certificate(root().chain[0]).subject)
        .last_update(at - timedelta(hours=1))
        .next_update(at + timedelta(days=30))
    )
    for party in revoked:
        serial = made.load_der_x509_certificate(party.chain[0]).serial_number
        builder = builder.add_revoked_certificate(
            made.RevokedCertificateBuilder()
            .serial_number(serial)
            .revocation_date(at - timedelta(hours=2))
            .build()
        )
    return builder.sign(root().key, hashes.SHA256()).public_bytes(Encoding.DER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """Asks by asn1crypto and the standard library, without a line of ours."""

    url: str

    def token(self, digest: bytes, algorithm: str) -> bytes:
        """See `seals.ports.TimestampAuthority`."""
        imprint = tsp.MessageImprint(
            {
                "hash_algorithm": algos.DigestAlgorithm({"algorithm": algorithm}),
                "hashed_message": digest,
            }
        )
        asked = tsp.TimeStampReq({"version": 1, "message_imprint": imprint, "cert_req": True})
        kind = {"Content-Type": "application/timestamp-query"}
        request = Request(self.url, asked.dump(), kind)  # noqa: S310 - our own socket
        with urlopen(request, timeout=10) as reply:  # noqa: S310 - as above
            found: bytes = tsp.TimeStampResp.load(reply.read())["time_stamp_token"].dump()
            return found


@contextmanager
def authority(party: Party) -> Iterator[TimestampAuthority]:
    """PyHanko's timestamp authority behind HTTP (RFC 3161 §3.4), and a client for it."""
    private = party.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    stamps = DummyTimeStamper(
        tsa_cert=x509.Certificate.load(party.chain[0]),
        tsa_key=keys.PrivateKeyInfo.load(private),
        certs_to_embed=None,
    )

    class Desk(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = tsp.TimeStampReq.load(self.rfile.read(int(self.headers["Content-Length"])))
            answer = stamps.request_tsa_response(asked).dump()
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its own name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Desk)
    threading.Thread(target=server.serve_forever, daemon=True).start()

    try:
        yield Client(url=f"http://127.0.0.1:{server.server_port}/")
    finally:
        server.shutdown()
        server.server_close()


def _certified(
    name: str,
    key: Key,
    issuer: Party | None,
    *,
    ca: bool = False,
    stamps: bool = False,
    ends: datetime | None = None,
) -> Party:
    subject = made.Name(
        [
            made.NameAttribute(NameOID.COUNTRY_NAME, "CN"),
            made.NameAttribute(NameOID.ORGANIZATION_NAME, "演示省"),
            made.NameAttribute(NameOID.COMMON_NAME, name),
        ]
    )
    above = made.load_der_x509_certificate(issuer.chain[0]).subject if issuer else subject
    usage = made.KeyUsage(
        digital_signature=not ca, content_commitment=not ca, key_encipherment=False,
        data_encipherment=False, key_agreement=False, key_cert_sign=ca, crl_sign=ca,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip
    builder = (
        made.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(above)
        .public_key(key.public_key())
        .serial_number(made.random_serial_number())
        .not_valid_before(NOW - timedelta(days=800))
        .not_valid_after(ends or NOW + timedelta(days=800))
        .add_extension(made.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(made.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if stamps:
        purposes = made.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
        builder = builder.add_extension(purposes, critical=True)
    by = issuer.key if issuer else key
    digest = None if isinstance(by, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    der = builder.sign(by, digest).public_bytes(Encoding.DER)
    return Party(key=key, chain=(der, *(issuer.chain if issuer else ())))
