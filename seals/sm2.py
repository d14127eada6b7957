"""SM2 signatures with SM3 (GB/T 32918.2 and .5, GB/T 35276): the primitives, and nothing above them.

Signing and verifying go through the system's OpenSSL 3 (libcrypto by ctypes): it is the one
implementation at hand whose signer is made to run in constant time, and calls release the
interpreter. Where it has no SM2, verifying falls back to plain Python, and signing is refused.
Messages are hashed with Z and the signer's id (GB/T 32918.2 §5.5); the default id is
`1234567812345678` (GB/T 35276 §10).
"""

from __future__ import annotations

import ctypes
import ctypes.util
import hashlib
import secrets
from dataclasses import dataclass, field
from functools import cache

from seals.curve import G, N, added, affine, holds, times, z_of
from seals.encoding import CURVE, MAX_PEM, PKCS8, POINT, SEC1, from_pem, pem, spki_of
from seals.errors import InvalidKey, SM2Unavailable, Undecipherable
from seals.libcrypto import SPKI, LoadedKey, OpenSSL

__all__ = [
    "DEFAULT_ID",
    "InvalidKey",
    "N",
    "PrivateKey",
    "PublicKey",
    "SM2Unavailable",
    "Signature",
    "Undecipherable",
    "available",
    "digest_to_sign",
    "verified_plainly",
]

DEFAULT_ID = b"1234567812345678"
MAX_PLAIN = 64 * 1024
"""SM2 encrypts keys, not documents."""


@dataclass(frozen=True, slots=True)
class Signature:
    """An SM2 signature."""

    r: int
    s: int

    @property
    def raw(self) -> bytes:
        """64 bytes: r ‖ s."""
        return self.r.to_bytes(32) + self.s.to_bytes(32)

    @property
    def der(self) -> bytes:
        """SEQUENCE { r INTEGER, s INTEGER }, canonical (GB/T 35276 §7.3)."""
        content = _integer(self.r) + _integer(self.s)
        return bytes((0x30, len(content))) + content

    @classmethod
    def read(cls, value: bytes) -> Signature:
        """From canonical DER, or from 64 raw bytes (seen in the field).

        Raises:
            ValueError: Neither, or r or s out of range.
        """
        try:
            found = cls(*_integers(value))
            canonical = found.r > 0 and found.s > 0 and found.der == value
        except ValueError:
            canonical = False
        if not canonical:
            if len(value) != 64:
                raise ValueError("neither canonical DER nor 64 bytes")
            found = cls(int.from_bytes(value[:32]), int.from_bytes(value[32:]))
        if not (0 < found.r < N and 0 < found.s < N):
            raise ValueError("r or s out of range")
        return found


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A point of the curve."""

    x: int
    y: int

    def __post_init__(self) -> None:
        """Refuse what is no point of the curve: verifying with it would mean nothing."""
        if not holds(self.x, self.y):
            raise InvalidKey("not a point of the curve")

    @classmethod
    def read(cls, value: bytes) -> PublicKey:
        """From 64 bytes x ‖ y, or 65 with the leading 04.

        Raises:
            InvalidKey: Another length, or no point of the curve.
        """
        point = value[1:] if len(value) == 65 and value[0] == 4 else value
        if len(point) != 64:
            raise InvalidKey("a public key is 64 bytes, or 65 beginning with 04")
        return cls(int.from_bytes(point[:32]), int.from_bytes(point[32:]))

    @classmethod
    def from_spki(cls, der: bytes) -> PublicKey:
        """From a SubjectPublicKeyInfo.

        Raises:
            InvalidKey: Not of SM2, or no point of the curve.
        """
        if len(der) != len(SPKI) + 65 or not der.startswith(SPKI):
            raise InvalidKey("no SM2 public key")
        return cls.read(der[len(SPKI) :])

    @classmethod
    def from_certificate(cls, der: bytes) -> PublicKey:
        """From an X.509 certificate: its subject's key. Nothing else of it is judged.

        Raises:
            InvalidKey: No certificate, or its key is not of SM2.
        """
        return cls.from_spki(spki_of(der))

    @classmethod
    def from_pem(cls, text: str) -> PublicKey:
        """From `PUBLIC KEY` or `CERTIFICATE`.

        Raises:
            InvalidKey: Neither, or not of SM2.
        """
        label, der = from_pem(text)
        match label:
            case "PUBLIC KEY":
                return cls.from_spki(der)
            case "CERTIFICATE":
                return cls.from_certificate(der)
        raise InvalidKey("no PEM of a public key or a certificate")

    @property
    def spki(self) -> bytes:
        """SubjectPublicKeyInfo in DER."""
        return SPKI + self.raw

    @property
    def pem(self) -> str:
        """SubjectPublicKeyInfo in PEM."""
        return pem("PUBLIC KEY", self.spki)

    def encrypt(self, plain: bytes) -> bytes:
        """For the holder of the private key alone, in DER (GB/T 35276).

        Raises:
            ValueError: Nothing to encrypt, or too much.
            SM2Unavailable: There is no OpenSSL 3 with SM2.
        """
        if not 1 <= len(plain) <= MAX_PLAIN:
            raise ValueError("nothing to encrypt, or too much")
        return _needed().encrypt((self.x, self.y), plain)

    @property
    def raw(self) -> bytes:
        """04 ‖ x ‖ y."""
        return b"\x04" + self.x.to_bytes(32) + self.y.to_bytes(32)

    def verify(self, signature: Signature, message: bytes, signer_id: bytes = DEFAULT_ID) -> bool:
        """Is this the signature of `message` under this key and id?"""
        library = _library()
        if library is None:
            return verified_plainly(self, signature, message, signer_id)
        return library.public((self.x, self.y)).verify(signature.der, message, signer_id)

    def verify_digest(self, signature: Signature, digest: bytes) -> bool:
        """Is this the signature over e = SM3(Z ‖ M), as `digest_to_sign` gives it?"""
        library = _library()
        if library is None:
            return _digest_verified_plainly(self, signature, digest)
        return library.public((self.x, self.y)).verify_digest(signature.der, digest)


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """A private key; never shown."""

    d: int = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse what is no private key (GB/T 32918.1 §6.1: 1 ≤ d ≤ n - 2)."""
        if not 0 < self.d < N - 1:
            raise InvalidKey("a private key is 32 bytes in range")

    @classmethod
    def read(cls, value: bytes) -> PrivateKey:
        """From 32 bytes.

        Raises:
            InvalidKey: Another length, or out of range.
        """
        if len(value) != 32:
            raise InvalidKey("a private key is 32 bytes in range")
        return cls(int.from_bytes(value))

    @classmethod
    def generate(cls) -> PrivateKey:
        """A new one."""
        return cls(1 + secrets.randbelow(N - 2))

    @classmethod
    def from_pem(cls, text: str, password: str = "") -> PrivateKey:
        """From PKCS #8, encrypted or not, or SEC 1.

        Raises:
            InvalidKey: None of SM2 is in it, or not under that password.
            SM2Unavailable: There is no OpenSSL 3 with SM2.
        """
        if len(text) > MAX_PEM:
            raise InvalidKey("too large for a key")
        return cls.read(_needed().number_in_pem(text.encode(), password))

    @classmethod
    def from_der(cls, der: bytes) -> PrivateKey:
        """From PKCS #8 or SEC 1, not encrypted.

        Raises:
            InvalidKey: None of SM2 is in it.
            SM2Unavailable: There is no OpenSSL 3 with SM2.
        """
        return cls.read(_needed().number_in_der(der))

    def public(self) -> PublicKey:
        """Its public key; by OpenSSL where there is one, for plain Python is not in constant time."""
        library = _library()
        if library is not None:
            return PublicKey(*library.private(self.d).point)
        return PublicKey(*affine(times(self.d, G)))

    def sign(self, message: bytes, signer_id: bytes = DEFAULT_ID) -> Signature:
        """Sign `message`.

        Raises:
            SM2Unavailable: There is no signer here that may be trusted with a key.
        """
        return Signature.read(self.loaded().sign(message, signer_id))

    def loaded(self) -> LoadedKey:
        """The key inside OpenSSL, for whoever signs much.

        Raises:
            SM2Unavailable: There is no signer here that may be trusted with a key.
        """
        return _needed().private(self.d)

    def decrypt(self, sealed: bytes) -> bytes:
        """What was encrypted for this key (DER, GB/T 35276).

        Raises:
            Undecipherable: It was not, or it was changed.
            SM2Unavailable: There is no OpenSSL 3 with SM2.
        """
        if not 1 <= len(sealed) <= MAX_PLAIN + 200:
            raise Undecipherable("cannot decrypt")
        return _needed().decrypt(self.d, sealed)

    def pkcs8_pem(self) -> str:
        """PKCS #8, not encrypted: for a file of its owner alone."""
        return pem("PRIVATE KEY", self.pkcs8())

    def pkcs8(self) -> bytes:
        """PKCS #8 in DER, not encrypted."""
        return PKCS8 + self.d.to_bytes(32) + POINT + self.public().raw

    def sec1_pem(self) -> str:
        """SEC 1 (`EC PRIVATE KEY`), not encrypted."""
        body = SEC1 + self.d.to_bytes(32) + CURVE + POINT + self.public().raw
        return pem("EC PRIVATE KEY", body)


def available() -> bool:
    """Is there an OpenSSL with SM2 that passes the published vector?"""
    return _library() is not None


def digest_to_sign(key: PublicKey, message: bytes, signer_id: bytes = DEFAULT_ID) -> bytes:
    """The digest e = SM3(Z ‖ M), GB/T 32918.2 §5.5 and §6.1."""
    return hashlib.new("sm3", z_of((key.x, key.y), signer_id) + message).digest()


def _needed() -> OpenSSL:
    library = _library()
    if library is None:
        raise SM2Unavailable("no OpenSSL 3 with SM2")
    return library


def verified_plainly(
    key: PublicKey, signature: Signature, message: bytes, signer_id: bytes = DEFAULT_ID
) -> bool:
    """`PublicKey.verify` in plain Python (GB/T 32918.2 §7.1): some hundred a second, no secrets."""
    return _digest_verified_plainly(key, signature, digest_to_sign(key, message, signer_id))


def _digest_verified_plainly(key: PublicKey, signature: Signature, digest: bytes) -> bool:
    r, s = signature.r, signature.s
    t = (r + s) % N
    if not t:
        return False
    e = int.from_bytes(digest)
    point = added(times(s, G), times(t, (key.x, key.y)))
    if point[2] == 0:
        return False
    return (e + affine(point)[0]) % N == r


# --- DER --------------------------------------------------------------------------------------


def _integer(value: int) -> bytes:
    body = value.to_bytes(value.bit_length() // 8 + 1)
    return bytes((0x02, len(body))) + body


def _integers(der: bytes) -> tuple[int, int]:
    if not 8 <= len(der) <= 72 or der[0] != 0x30 or der[1] != len(der) - 2:
        raise ValueError("not a DER signature")
    first, rest = _one_integer(der[2:])
    second, rest = _one_integer(rest)
    if rest:
        raise ValueError("bytes after the signature")
    return first, second


def _one_integer(der: bytes) -> tuple[int, bytes]:
    if len(der) < 3 or der[0] != 0x02 or not 0 < der[1] <= len(der) - 2:
        raise ValueError("not a DER integer")
    body, rest = der[2 : 2 + der[1]], der[2 + der[1] :]
    return int.from_bytes(body, signed=True), rest


# --- OpenSSL, found once and tested before its first use ------------------------------------------

_VECTOR_KEY = PublicKey.read(
    bytes.fromhex(
        "09f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020"
        "ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13"
    )
)
_VECTOR_PRIVATE = PrivateKey(0x3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8)
_VECTOR = Signature(
    0xF5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3,
    0xB1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA,
)
"""GB/T 32918.5 §A.2, for the message `message digest` and the default id."""

_VECTOR_POINT = (_VECTOR_KEY.x, _VECTOR_KEY.y)
_VECTOR_SEALED = bytes.fromhex(
    "307c022004ebfc718e8d1798620432268e77feb6415e2ede0e073c0f4f640ecd2e149a73022100"
    "e858f9d81e5430a57b36daab8f950a3c64e6ee6a63094d99283aff767e124df0042059983c18f809e262923c53aec2"
    "95d30383b54e39d609d160afcb1908d0bd8766041321886ca989ca9c7d58087307ca93092d651efa"
)
"""GB/T 32918.5 §A.3, in DER."""


@cache
def _library() -> OpenSSL | None:
    """libcrypto, if it is there and right: it verifies the published vector, refuses a changed
    one, signs what plain Python accepts, and decrypts the published ciphertext.
    """
    name = ctypes.util.find_library("crypto")
    if name is None:
        return None
    message = b"message digest"
    try:
        found = OpenSSL(ctypes.CDLL(name))
        public, private = found.public(_VECTOR_POINT), found.private(_VECTOR_PRIVATE.d)
        right = (
            public.verify(_VECTOR.der, message, DEFAULT_ID)
            and not public.verify(_VECTOR.der, b"another", DEFAULT_ID)
            and private.point == _VECTOR_POINT
            and verified_plainly(
                _VECTOR_KEY, Signature.read(private.sign(message, DEFAULT_ID)), message
            )
            and found.decrypt(_VECTOR_PRIVATE.d, _VECTOR_SEALED) == b"encryption standard"
        )
    except (OSError, AttributeError, SM2Unavailable, ValueError):
        return None
    return found if right else None
