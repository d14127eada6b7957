"""Keys that are not SM2, and ciphers for key files: the one module of this room that touches
`cryptography`. P-256, P-384 (verifying), Ed25519, RSA; AES and SM4 in CBC mode.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import assert_never

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    load_der_public_key,
)

from seals.algorithms import Algorithm, KeyKind
from seals.encoding import fitting
from seals.errors import InvalidKey, KeyUnavailable

MIN_RSA_BITS, DEFAULT_RSA_BITS, MAX_RSA_BITS = 2048, 3072, 16384

_PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey
_PublicKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey
_HASHES: dict[str, hashes.HashAlgorithm] = {
    "sha1": hashes.SHA1(),  # noqa: S303  (verified so that a report can call it weak)
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}


class PublicKey:
    """A public key that verifies."""

    def __init__(self, spki: bytes) -> None:
        """Raises:
        InvalidKey: No key, no point of its curve, or too large.
        """
        with _mapped("no public key"):
            key = load_der_public_key(spki)
        if not isinstance(key, _PublicKey):
            raise InvalidKey("no public key")
        if isinstance(key, rsa.RSAPublicKey) and key.key_size > MAX_RSA_BITS:
            raise InvalidKey("too large a key")
        self._key = key

    @property
    def bits(self) -> int:
        """How long the key is."""
        return 256 if isinstance(self._key, ed25519.Ed25519PublicKey) else self._key.key_size

    def verify(self, algorithm: Algorithm, message: bytes, signature: bytes) -> bool:
        """Is this the signature of `message`? The algorithm must be one that goes with the key."""
        return self._verified(algorithm, message, signature, _HASHES.get(algorithm.digest))

    def verify_digest(self, algorithm: Algorithm, digest: bytes, signature: bytes) -> bool:
        """The same, of a message whose digest is given."""
        made = _HASHES.get(algorithm.digest)
        if made is None:
            return False
        return self._verified(algorithm, digest, signature, utils.Prehashed(made))

    def _verified(
        self,
        algorithm: Algorithm,
        data: bytes,
        signature: bytes,
        made: hashes.HashAlgorithm | utils.Prehashed | None,
    ) -> bool:
        key = self._key
        try:
            if isinstance(key, ed25519.Ed25519PublicKey):
                key.verify(signature, data)
            elif made is None:
                return False
            elif isinstance(key, ec.EllipticCurvePublicKey):
                key.verify(signature, data, ec.ECDSA(made))
            else:
                key.verify(signature, data, _padding(algorithm), made)
        except (InvalidSignature, UnsupportedAlgorithm, ValueError):
            return False
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassicalKey:
    """A `SigningKey` in this process: P-256, Ed25519 or RSA."""

    private: _PrivateKey = field(repr=False)
    algorithm: Algorithm
    spki: bytes = field(repr=False)
    chain: tuple[bytes, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        """Raises:
        InvalidKey: The first of the chain is of another key.
        """
        fitting(self.chain, self.spki)

    @classmethod
    def generate(cls, algorithm: Algorithm, rsa_bits: int = DEFAULT_RSA_BITS) -> ClassicalKey:
        """A new one.

        Raises:
            InvalidKey: Too short for RSA, or an algorithm that we do not sign with.
        """
        match algorithm:
            case Algorithm.ECDSA_SHA256:
                private: _PrivateKey = ec.generate_private_key(ec.SECP256R1())
            case Algorithm.ED25519:
                private = ed25519.Ed25519PrivateKey.generate()
            case Algorithm.RSA_SHA256 | Algorithm.RSA_PSS_SHA256:
                if not MIN_RSA_BITS <= rsa_bits <= MAX_RSA_BITS:
                    raise InvalidKey("an RSA key has 2048 bits or more")
                private = rsa.generate_private_key(public_exponent=65537, key_size=rsa_bits)
            case _:
                raise InvalidKey("not an algorithm that is signed with here")
        return cls.of(private, algorithm)

    @classmethod
    def from_pkcs8(cls, der: bytes, algorithm: Algorithm | None = None) -> ClassicalKey:
        """From PKCS #8, not encrypted.

        Args:
            der: The key.
            algorithm: How it is to sign; needed only for RSA with PSS.

        Raises:
            InvalidKey: None, of another kind, or too short.
        """
        with _mapped("no private key"):
            private = load_der_private_key(der, None)
        match private:
            case ec.EllipticCurvePrivateKey() if isinstance(private.curve, ec.SECP256R1):
                return cls.of(private, algorithm or Algorithm.ECDSA_SHA256)
            case ed25519.Ed25519PrivateKey():
                return cls.of(private, algorithm or Algorithm.ED25519)
            case rsa.RSAPrivateKey() if private.key_size >= MIN_RSA_BITS:
                return cls.of(private, algorithm or Algorithm.RSA_SHA256)
        raise InvalidKey("a private key of another kind, or too short")

    @classmethod
    def of(cls, private: _PrivateKey, algorithm: Algorithm) -> ClassicalKey:
        """That key, signing so.

        Raises:
            InvalidKey: The algorithm does not go with the key.
        """
        match private:
            case ec.EllipticCurvePrivateKey():
                kind = KeyKind.P256
            case ed25519.Ed25519PrivateKey():
                kind = KeyKind.ED25519
            case rsa.RSAPrivateKey():
                kind = KeyKind.RSA
            case _:
                assert_never(private)
        if kind not in algorithm.kinds or algorithm.weak:
            raise InvalidKey("the algorithm does not go with the key")
        spki = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return cls(private=private, algorithm=algorithm, spki=spki)

    def sign(self, message: bytes) -> bytes:
        """See `SigningKey`."""
        return self._signed(message, None)

    def sign_digest(self, digest: bytes) -> bytes:
        """See `SigningKey`."""
        if not self.algorithm.digest:
            raise InvalidKey("this algorithm signs no digest")
        made = _HASHES[self.algorithm.digest]
        if len(digest) != made.digest_size:
            raise InvalidKey("a digest of another length")
        return self._signed(digest, utils.Prehashed(made))

    def pkcs8(self) -> bytes:
        """PKCS #8 in DER, not encrypted; for `keyfiles` alone."""
        return self.private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())

    def _signed(self, data: bytes, prehashed: utils.Prehashed | None) -> bytes:
        private = self.private
        try:
            match private:
                case ed25519.Ed25519PrivateKey():
                    return private.sign(data)
                case ec.EllipticCurvePrivateKey():
                    digest = prehashed or _HASHES[self.algorithm.digest]
                    return private.sign(data, ec.ECDSA(digest))
                case rsa.RSAPrivateKey():
                    digest = prehashed or _HASHES[self.algorithm.digest]
                    return private.sign(data, _padding(self.algorithm), digest)
                case _:
                    assert_never(private)
        except (ValueError, UnsupportedAlgorithm):
            raise KeyUnavailable("cannot-sign") from None


class BlockCipher(StrEnum):
    """What key files are encrypted with, in CBC mode."""

    AES_256 = "aes-256-cbc"
    AES_192 = "aes-192-cbc"
    AES_128 = "aes-128-cbc"
    SM4 = "sm4-cbc"

    @property
    def key_size(self) -> int:
        """Bytes."""
        return {"aes-256-cbc": 32, "aes-192-cbc": 24}.get(self.value, 16)


def cbc_encrypted(cipher: BlockCipher, key: bytes, iv: bytes, plain: bytes) -> bytes:
    """CBC with the padding of PKCS #7."""
    padder = PKCS7(128).padder()
    encryptor = _cbc(cipher, key, iv).encryptor()
    padded = padder.update(plain) + padder.finalize()
    return encryptor.update(padded) + encryptor.finalize()


def cbc_decrypted(cipher: BlockCipher, key: bytes, iv: bytes, sealed: bytes) -> bytes:
    """What `cbc_encrypted` was given.

    Raises:
        InvalidKey: Another key, or changed; mostly, for nothing here authenticates.
    """
    with _mapped("another password"):
        decryptor = _cbc(cipher, key, iv).decryptor()
        padded = decryptor.update(sealed) + decryptor.finalize()
        unpadder = PKCS7(128).unpadder()
        return unpadder.update(padded) + unpadder.finalize()


def _cbc(cipher: BlockCipher, key: bytes, iv: bytes) -> Cipher[modes.CBC]:
    block = algorithms.SM4(key) if cipher is BlockCipher.SM4 else algorithms.AES(key)
    return Cipher(block, modes.CBC(iv))


def _padding(algorithm: Algorithm) -> padding.AsymmetricPadding:
    if not algorithm.pss:
        return padding.PKCS1v15()
    digest = _HASHES[algorithm.digest]
    return padding.PSS(mgf=padding.MGF1(digest), salt_length=digest.digest_size)


@contextmanager
def _mapped(complaint: str) -> Iterator[None]:
    """A library's exception, and what it says of a key, goes no further."""
    try:
        yield
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise InvalidKey(complaint) from None
