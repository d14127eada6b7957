"""Keys in a device behind PKCS #11: P-256 and RSA keys of any token with such a module.

Needs the extra `pkcs11` (python-pkcs11). Only a digest leaves for the device. Devices speak SM2
through mechanisms of their makers or through SDF (GM/T 0018), neither of which PKCS #11 names: such
a device stands behind a sealing service (`remote.py`).
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any, ClassVar

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
    """A `SigningKey` in a device. A token signs one thing at a time; a lost session is opened again
    at the next. Every signature is checked with the public key before it is given out.
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
        self._token = _Token.shared(slot)
        with self._token.session(self._slot.pin) as session:
            self._found: tuple[Any, Any] = (session, self._private(session))
            self._key: VerifyingKey = verifying_key(_spki(session, slot.label))
        if self._key.kind is not _KINDS[algorithm] or self._key.short:
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
        with self._token.session(self._slot.pin) as session:
            if self._found[0] is not session:
                self._found = (session, self._private(session))
            signature = self._signed(digest)
        if not self._key.verify_digest(self._algorithm, digest, signature):
            raise KeyUnavailable("signature-does-not-hold")
        return signature

    def close(self) -> None:
        """Leave the device, with all keys that are in it; who signs again opens it again."""
        self._token.close()

    def _private(self, session: Any) -> Any:
        import pkcs11  # noqa: PLC0415  (an extra: only who has a device needs it)

        return session.get_key(object_class=pkcs11.ObjectClass.PRIVATE_KEY, label=self._slot.label)

    def _signed(self, digest: bytes) -> bytes:
        from pkcs11 import MGF, Mechanism  # noqa: PLC0415  (as above)

        private = self._found[1]
        match self._algorithm:
            case Algorithm.ECDSA_SHA256:
                raw = bytes(private.sign(digest, mechanism=Mechanism.ECDSA))
                half = len(raw) // 2
                r, s = int.from_bytes(raw[:half]), int.from_bytes(raw[half:])
                return der.sequence(der.integer(r), der.integer(s))
            case Algorithm.RSA_SHA256:
                return bytes(private.sign(_DIGEST_INFO + digest, mechanism=Mechanism.RSA_PKCS))
            case _:
                terms = (Mechanism.SHA256, MGF.SHA256, 32)
                return bytes(
                    private.sign(digest, mechanism=Mechanism.RSA_PKCS_PSS, mechanism_param=terms)
                )


class _Token:
    """A token, opened once a process: who logs in to it or out of it does so for all its keys."""

    _all: ClassVar[dict[tuple[Path, str], _Token]] = {}
    _all_lock: ClassVar[Lock] = Lock()

    def __init__(self, slot: Slot) -> None:
        self._module, self._name, self._pin = slot.module, slot.token, ""
        self._lock = Lock()
        self._open: Any = None

    @classmethod
    def shared(cls, slot: Slot) -> _Token:
        """The token of that slot."""
        with cls._all_lock:
            return cls._all.setdefault((slot.module, slot.token), cls(slot))

    @contextmanager
    def session(self, pin: str) -> Iterator[Any]:
        """Its session, for us alone; one in which something went wrong is not used again."""
        with self._lock, _mapped():
            if self._open is not None and not hmac.compare_digest(self._pin.encode(), pin.encode()):
                raise KeyUnavailable("device-refuses")
            try:
                if self._open is None:
                    self._open, self._pin = self._opened(pin), pin
                yield self._open
            except BaseException:
                self._forget()
                raise

    def close(self) -> None:
        """Log out."""
        with self._lock:
            self._forget()

    def _opened(self, pin: str) -> Any:
        import pkcs11  # noqa: PLC0415  (as above)

        token = pkcs11.lib(str(self._module)).get_token(token_label=self._name)
        return token.open(user_pin=pin)

    def _forget(self) -> None:
        session, self._open = self._open, None
        if session is not None:
            # It may be gone already; then there is nothing to leave.
            with suppress(KeyUnavailable), _mapped():
                session.close()


def _spki(session: Any, label: str) -> bytes:
    import pkcs11  # noqa: PLC0415  (as above)

    public = session.get_key(object_class=pkcs11.ObjectClass.PUBLIC_KEY, label=label)
    if public.key_type == pkcs11.KeyType.RSA:
        modulus = int.from_bytes(public[pkcs11.Attribute.MODULUS])
        exponent = int.from_bytes(public[pkcs11.Attribute.PUBLIC_EXPONENT])
        key = der.sequence(der.integer(modulus), der.integer(exponent))
        return der.sequence(der.sequence(der.oid(RSA_KEY), der.null()), der.bits(key))
    if public[pkcs11.Attribute.EC_PARAMS] != der.oid(_P256):
        raise InvalidKey("another curve")
    point = ber.expect(ber.whole(public[pkcs11.Attribute.EC_POINT]), der.OCTETS).content
    return der.sequence(der.sequence(der.oid(EC_KEY), der.oid(_P256)), der.bits(point))


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
