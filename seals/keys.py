"""Keys at work: any public key verifies by what its SubjectPublicKeyInfo says, SM2 keys sign.

The other `SigningKey`s are in `classical.py` (in this process), `devices.py` (PKCS #11) and
`remote.py` (a sealing service).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

from seals import classical, sm2
from seals.algorithms import MAX_SPKI, Algorithm, KeyKind, kind_of, plain_digest
from seals.encoding import fitting
from seals.errors import InvalidKey, Malformed
from seals.libcrypto import LoadedKey
from seals.ports import SigningKey

__all__ = ["SM2Key", "SigningKey", "VerifyingKey", "verifying_key"]

MIN_RSA_BITS = classical.MIN_RSA_BITS
SIGNATURE_BYTES = 4096
"""More is no signature of any key we read."""


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """A public key of any kind we know."""

    spki: bytes = field(repr=False)
    kind: KeyKind
    _key: sm2.PublicKey | classical.PublicKey = field(repr=False, compare=False)

    @property
    def bits(self) -> int:
        """How long it is."""
        return 256 if isinstance(self._key, sm2.PublicKey) else self._key.bits

    @property
    def short(self) -> bool:
        """Too short to be believed today?"""
        return self.kind is KeyKind.RSA and self.bits < MIN_RSA_BITS

    def verify(
        self,
        algorithm: Algorithm,
        message: bytes,
        signature: bytes,
        signer_id: bytes = sm2.DEFAULT_ID,
    ) -> bool:
        """Is this the signature of `message`, made so, with this key?

        SM2 signatures may be DER or r ‖ s, and only they have a signer's id; an algorithm that does
        not go with the key is a no.
        """
        if self.kind not in algorithm.kinds or len(signature) > SIGNATURE_BYTES:
            return False
        if isinstance(self._key, classical.PublicKey):
            return self._key.verify(algorithm, message, signature)
        try:
            return self._key.verify(sm2.Signature.read(signature), message, signer_id)
        except ValueError:
            return False

    def verify_digest(self, algorithm: Algorithm, digest: bytes, signature: bytes) -> bool:
        """Is this the signature over what `digest` gave?"""
        if self.kind not in algorithm.kinds or len(signature) > SIGNATURE_BYTES:
            return False
        if isinstance(self._key, classical.PublicKey):
            return self._key.verify_digest(algorithm, digest, signature)
        try:
            return self._key.verify_digest(sm2.Signature.read(signature), digest)
        except ValueError:
            return False

    def digest(
        self, algorithm: Algorithm, message: bytes, signer_id: bytes = sm2.DEFAULT_ID
    ) -> bytes:
        """What `SigningKey.sign_digest` wants for `message`; for SM2 it holds Z of this key.

        Raises:
            InvalidKey: This algorithm signs no digest, or does not go with the key.
        """
        if self.kind not in algorithm.kinds or not algorithm.digest:
            raise InvalidKey("this algorithm signs no digest with this key")
        if isinstance(self._key, sm2.PublicKey):
            return sm2.digest_to_sign(self._key, message, signer_id)
        return plain_digest(algorithm, message)


@lru_cache(maxsize=512)
def verifying_key(spki: bytes) -> VerifyingKey:
    """The key in a SubjectPublicKeyInfo.

    Raises:
        UnknownAlgorithm: Another kind of key, or another curve.
        InvalidKey: No point of its curve, or no key at all.
    """
    if len(spki) > MAX_SPKI:
        raise InvalidKey("no public key")
    try:
        kind = kind_of(spki)
    except Malformed:
        raise InvalidKey("no public key") from None
    if kind is KeyKind.SM2:
        return VerifyingKey(spki, kind, sm2.PublicKey.from_spki(spki))
    return VerifyingKey(spki, kind, classical.PublicKey(spki))


@dataclass(frozen=True, slots=True, kw_only=True)
class SM2Key:
    """A `SigningKey` in this process, for SM2."""

    private: sm2.PrivateKey = field(repr=False)
    chain: tuple[bytes, ...] = field(default=(), repr=False)
    signer_id: bytes = sm2.DEFAULT_ID
    _loaded: LoadedKey = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Load it once; a machine that cannot sign is noticed here.

        Raises:
            SM2Unavailable: There is no signer here that may be trusted with a key.
            InvalidKey: The first certificate is of another key.
        """
        object.__setattr__(self, "_loaded", self.private.loaded())
        fitting(self.chain, self.spki)

    @classmethod
    def generate(cls) -> SM2Key:
        """A new one."""
        return cls(private=sm2.PrivateKey.generate())

    @property
    def algorithm(self) -> Algorithm:
        """See `SigningKey`."""
        return Algorithm.SM2

    @property
    def spki(self) -> bytes:
        """See `SigningKey`."""
        return sm2.PublicKey(*self._loaded.point).spki

    def sign(self, message: bytes) -> bytes:
        """See `SigningKey`."""
        return self._loaded.sign(message, self.signer_id)

    def sign_digest(self, digest: bytes) -> bytes:
        """See `SigningKey`; the digest holds Z already."""
        if len(digest) != 32:
            raise InvalidKey("a digest of another length")
        return self._loaded.sign_digest(digest)

    def pkcs8(self) -> bytes:
        """PKCS #8 in DER, not encrypted; for `keyfiles` alone."""
        return self.private.pkcs8()
