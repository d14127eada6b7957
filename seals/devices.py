"""Keys in a device behind PKCS #11: P-256 and RSA keys of any token with such a module.

Needs the extra `pkcs11` (python-pkcs11). Only a digest leaves for the device. Devices speak SM2
through mechanisms of their makers or through SDF (GM/T 0018), neither of which PKCS #11 names: such
a device stands behind a sealing service (`remote.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

from seals import ber, der
from seals.algorithms import EC_KEY, RSA_KEY, Algorithm, KeyKind, plain_digest
from seals.encoding import fitting
from seals.errors import InvalidKey, KeyUnavailable, Malformed
from seals.keys import VerifyingKey, verifying_key

_P256 = "1.2.840.10045.3.1.7"
# RFC 8017 §9.2: DigestInfo of SHA-256 up to the digest.
_DIGEST_INFO = bytes.fromhex("3031300d060960864801650304020105000420")
_KINDS: Mapping[Algorithm, KeyKind] = {
    Algorithm.ECDSA_SHA256: KeyKind.P256,
    Algorithm.RSA_SHA256: KeyKind.RSA,
    Algorithm.RSA_PSS_SHA256: KeyKind.RSA,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """Where a key is."""

    module: Path
    """The maker's library."""
    token: str
    label: str
    pin: str = field(repr=False)


class DeviceKey:
    """A `SigningKey` in a device. One signature at a time; a lost session is opened again at the
    next. Every signature is checked with the public key before it is given out.
    """

    def __init__(self, slot: Slot, algorithm: Algorithm, chain: tuple[bytes, ...] = ()) -> None:
        """Open the device.

        Raises:
            KeyUnavailable: No library, no token, no such key, or another PIN.
            InvalidKey: The algorithm does not go with the key, or the chain is of another one.
        """
        if algorithm not in _KINDS:
            raise InvalidKey("not an algorithm that devices sign with here")
        self._slot, self._algorithm, self._chain = slot, algorithm, chain
        self._lock = Lock()
        self._session: Any = None
        with self._lock, _mapped():
            self._open()
            self._key: VerifyingKey = verifying_key(self._read_spki())
        if self._key.kind is not _KINDS[algorithm] or self._key.short:
            self.close()
            raise InvalidKey("the algorithm does not go with the key")
        fitting(chain, self._key.spki)

    def __repr__(self) -> str:
        return f"DeviceKey({self._algorithm})"

    @property
    def algorithm(self) -> Algorithm:
        """See `SigningKey`."""
        return self._algorithm

    @property
    def spki(self) -> bytes:
        """See `SigningKey`."""
        return self._key.spki

    @property
    def chain(self) -> tuple[bytes, ...]:
        """See `SigningKey`."""
        return self._chain

    def sign(self, message: bytes) -> bytes:
        """See `SigningKey`."""
        return self.sign_digest(plain_digest(self._algorithm, message))

    def sign_digest(self, digest: bytes) -> bytes:
        """See `SigningKey`."""
        if len(digest) != 32:
            raise InvalidKey("a digest of another length")
        with self._lock, self._kept(), _mapped():
            if self._session is None:
                self._open()
            signature = self._signed(digest)
        if not self._key.verify_digest(self._algorithm, digest, signature):
            raise KeyUnavailable("signature-does-not-hold")
        return signature

    def close(self) -> None:
        """Leave the device."""
        with self._lock:
            self._forget()

    def _open(self) -> None:
        import pkcs11  # noqa: PLC0415  (an extra: only who has a device needs it)

        slot = self._slot
        token = pkcs11.lib(str(slot.module)).get_token(token_label=slot.token)
        self._session = token.open(user_pin=slot.pin)
        self._private = self._session.get_key(
            object_class=pkcs11.ObjectClass.PRIVATE_KEY, label=slot.label
        )

    def _read_spki(self) -> bytes:
        import pkcs11  # noqa: PLC0415  (as above)

        public = self._session.get_key(
            object_class=pkcs11.ObjectClass.PUBLIC_KEY, label=self._slot.label
        )
        if public.key_type == pkcs11.KeyType.RSA:
            modulus = int.from_bytes(public[pkcs11.Attribute.MODULUS])
            exponent = int.from_bytes(public[pkcs11.Attribute.PUBLIC_EXPONENT])
            key = der.sequence(der.integer(modulus), der.integer(exponent))
            return der.sequence(der.sequence(der.oid(RSA_KEY), der.null()), der.bits(key))
        if public[pkcs11.Attribute.EC_PARAMS] != der.oid(_P256):
            raise InvalidKey("another curve")
        point = ber.expect(ber.whole(public[pkcs11.Attribute.EC_POINT]), der.OCTETS).content
        return der.sequence(der.sequence(der.oid(EC_KEY), der.oid(_P256)), der.bits(point))

    def _signed(self, digest: bytes) -> bytes:
        from pkcs11 import MGF, Mechanism  # noqa: PLC0415  (as above)

        match self._algorithm:
            case Algorithm.ECDSA_SHA256:
                raw = bytes(self._private.sign(digest, mechanism=Mechanism.ECDSA))
                half = len(raw) // 2
                r, s = int.from_bytes(raw[:half]), int.from_bytes(raw[half:])
                return der.sequence(der.integer(r), der.integer(s))
            case Algorithm.RSA_SHA256:
                return bytes(
                    self._private.sign(_DIGEST_INFO + digest, mechanism=Mechanism.RSA_PKCS)
                )
            case _:
                terms = (Mechanism.SHA256, MGF.SHA256, 32)
                return bytes(
                    self._private.sign(
                        digest, mechanism=Mechanism.RSA_PKCS_PSS, mechanism_param=terms
                    )
                )

    @contextmanager
    def _kept(self) -> Iterator[None]:
        """A session in which something went wrong is not used again."""
        try:
            yield
        except BaseException:
            self._forget()
            raise

    def _forget(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            with _mapped():
                session.close()


@contextmanager
def _mapped() -> Iterator[None]:
    """The library's exceptions go no further: some name the token or the key."""
    try:
        yield
    except ImportError:
        raise KeyUnavailable("pkcs11-not-installed") from None
    except (InvalidKey, KeyUnavailable):
        raise  # ours already
    except Malformed:
        raise InvalidKey("no public key in the device") from None
    except _library_errors():
        raise KeyUnavailable("device-refuses") from None


def _library_errors() -> tuple[type[Exception], ...]:
    from pkcs11.exceptions import PKCS11Error  # noqa: PLC0415  (as above)

    # A library that cannot be loaded is a RuntimeError there.
    return PKCS11Error, RuntimeError
