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
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from threading import Lock

DEFAULT_ID = b"1234567812345678"

# sm2p256v1, GB/T 32918.5 §A.1; a is p - 3.
P = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
B = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93
N = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
G = (
    0x32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7,
    0xBC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0,
)

# SubjectPublicKeyInfo and PKCS #8 of an SM2 key up to its variable part.
_SPKI = bytes.fromhex("3059301306072a8648ce3d020106082a811ccf5501822d034200")
_PKCS8 = bytes.fromhex("3041020100301306072a8648ce3d020106082a811ccf5501822d0427302502010104 20")


class SM2Unavailable(RuntimeError):
    """There is no OpenSSL 3 with SM2 here, or it does not pass its self-test: nothing is signed."""


class InvalidKey(ValueError):
    """No SM2 key: of another length, or no point of the curve."""


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
        if len(value) == 64:  # no DER signature of two 256-bit integers in range is that long
            found = cls(int.from_bytes(value[:32]), int.from_bytes(value[32:]))
        else:
            found = cls(*_integers(value))
        if not (0 < found.r < N and 0 < found.s < N):
            raise ValueError("r or s out of range")
        if len(value) != 64 and found.der != value:
            raise ValueError("not canonical DER")
        return found


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A point of the curve."""

    x: int
    y: int

    def __post_init__(self) -> None:
        """Refuse what is no point of the curve: verifying with it would mean nothing."""
        x, y = self.x, self.y
        if not (0 <= x < P and 0 <= y < P) or (y * y - (x * x * x - 3 * x + B)) % P:
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

    @property
    def raw(self) -> bytes:
        """04 ‖ x ‖ y."""
        return b"\x04" + self.x.to_bytes(32) + self.y.to_bytes(32)

    def verify(self, signature: Signature, message: bytes, signer_id: bytes = DEFAULT_ID) -> bool:
        """Is this the signature of `message` under this key and id?"""
        library = _library()
        if library is None:
            return verified_plainly(self, signature, message, signer_id)
        return library.verify(self, signature.der, message, signer_id)


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

    def public(self) -> PublicKey:
        """Its public key. Not in constant time: for setting up, not for every message."""
        x, y = _affine(_times(self.d, G))
        return PublicKey(x, y)

    def sign(self, message: bytes, signer_id: bytes = DEFAULT_ID) -> Signature:
        """Sign `message`.

        Raises:
            SM2Unavailable: There is no signer here that may be trusted with a key.
        """
        library = _library()
        if library is None:
            raise SM2Unavailable("no OpenSSL 3 with SM2")
        return Signature.read(library.sign(self, message, signer_id))


def available() -> bool:
    """Is there an OpenSSL with SM2 that passes the published vector?"""
    return _library() is not None


def digest_to_sign(key: PublicKey, message: bytes, signer_id: bytes = DEFAULT_ID) -> bytes:
    """The digest e = SM3(Z ‖ M), GB/T 32918.2 §5.5 and §6.1."""
    a = (P - 3).to_bytes(32)
    curve = a + B.to_bytes(32) + G[0].to_bytes(32) + G[1].to_bytes(32)
    z = _sm3((len(signer_id) * 8).to_bytes(2) + signer_id + curve + key.raw[1:])
    return _sm3(z + message)


def verified_plainly(
    key: PublicKey, signature: Signature, message: bytes, signer_id: bytes = DEFAULT_ID
) -> bool:
    """`PublicKey.verify` in plain Python (GB/T 32918.2 §7.1): some hundred a second, no secrets."""
    r, s = signature.r, signature.s
    t = (r + s) % N
    if not t:
        return False
    e = int.from_bytes(digest_to_sign(key, message, signer_id))
    point = _added(_times(s, G), _times(t, (key.x, key.y)))
    if point[2] == 0:
        return False
    return (e + _affine(point)[0]) % N == r


def _sm3(data: bytes) -> bytes:
    return hashlib.new("sm3", data).digest()


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


# --- the curve, for verifying without OpenSSL (Jacobian coordinates) ------------------------------

_Point = tuple[int, int, int]
_INFINITY: _Point = (1, 1, 0)


def _affine(point: _Point) -> tuple[int, int]:
    x, y, z = point
    inverse = pow(z, -1, P)
    square = inverse * inverse % P
    return x * square % P, y * square * inverse % P


def _doubled(point: _Point) -> _Point:
    x, y, z = point
    if not y or not z:
        return _INFINITY
    square = y * y % P
    s = 4 * x * square % P
    m = 3 * (x - z * z) * (x + z * z) % P
    new_x = (m * m - 2 * s) % P
    return new_x, (m * (s - new_x) - 8 * square * square) % P, 2 * y * z % P


def _added(one: _Point, other: _Point) -> _Point:
    if not one[2]:
        return other
    if not other[2]:
        return one
    x1, y1, z1 = one
    x2, y2, z2 = other
    z1z1, z2z2 = z1 * z1 % P, z2 * z2 % P
    u1, u2 = x1 * z2z2 % P, x2 * z1z1 % P
    s1, s2 = y1 * z2 * z2z2 % P, y2 * z1 * z1z1 % P
    if u1 == u2:
        return _doubled(one) if s1 == s2 else _INFINITY
    h, r = (u2 - u1) % P, (s2 - s1) % P
    hh = h * h % P
    hhh, v = h * hh % P, u1 * hh % P
    x3 = (r * r - hhh - 2 * v) % P
    return x3, (r * (v - x3) - s1 * hhh) % P, h * z1 * z2 % P


def _times(scalar: int, point: tuple[int, int]) -> _Point:
    found, step = _INFINITY, (point[0], point[1], 1)
    while scalar:
        if scalar & 1:
            found = _added(found, step)
        step = _doubled(step)
        scalar >>= 1
    return found


# --- OpenSSL 3 --------------------------------------------------------------------------------

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

_POINTER, _BYTES, _SIZE, _INT = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int
_FUNCTIONS: dict[str, tuple[object, list[object]]] = {
    "EVP_MD_CTX_new": (_POINTER, []),
    "EVP_MD_CTX_free": (None, [_POINTER]),
    "EVP_PKEY_CTX_new": (_POINTER, [_POINTER, _POINTER]),
    "EVP_PKEY_CTX_free": (None, [_POINTER]),
    "EVP_PKEY_CTX_set1_id": (_INT, [_POINTER, _BYTES, _INT]),
    "EVP_MD_CTX_set_pkey_ctx": (None, [_POINTER, _POINTER]),
    "EVP_sm3": (_POINTER, []),
    "EVP_DigestSignInit": (_INT, [_POINTER, _POINTER, _POINTER, _POINTER, _POINTER]),
    "EVP_DigestSign": (_INT, [_POINTER, _BYTES, ctypes.POINTER(_SIZE), _BYTES, _SIZE]),
    "EVP_DigestVerifyInit": (_INT, [_POINTER, _POINTER, _POINTER, _POINTER, _POINTER]),
    "EVP_DigestVerify": (_INT, [_POINTER, _BYTES, _SIZE, _BYTES, _SIZE]),
    "d2i_PUBKEY": (_POINTER, [_POINTER, ctypes.POINTER(_BYTES), ctypes.c_long]),
    "d2i_AutoPrivateKey": (_POINTER, [_POINTER, ctypes.POINTER(_BYTES), ctypes.c_long]),
    "EVP_PKEY_up_ref": (_INT, [_POINTER]),
    "EVP_PKEY_free": (None, [_POINTER]),
    "ERR_clear_error": (None, []),
}


class _OpenSSL:
    """The few functions of libcrypto that are needed. ctypes gives up the interpreter in each."""

    def __init__(self, library: ctypes.CDLL) -> None:
        """Raises:
        AttributeError: A function is missing: no OpenSSL 3, or built without SM2.
        """
        self._library = library
        for name, (result, arguments) in _FUNCTIONS.items():
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
        self._keys: dict[tuple[str, int, int], int] = {}
        self._lock = Lock()

    def sign(self, key: PrivateKey, message: bytes, signer_id: bytes) -> bytes:
        """DER of the signature."""
        name, der = ("private", key.d, 0), _PKCS8 + key.d.to_bytes(32)
        library = self._library
        with (
            self._held("d2i_AutoPrivateKey", name, der) as handle,
            _Context(library, handle, signer_id) as context,
        ):
            if library.EVP_DigestSignInit(context, None, library.EVP_sm3(), None, handle) != 1:
                raise SM2Unavailable("EVP_DigestSignInit")
            size = _SIZE(80)
            out = ctypes.create_string_buffer(80)
            if library.EVP_DigestSign(context, out, size, message, len(message)) != 1:
                raise SM2Unavailable("EVP_DigestSign")
            return out.raw[: size.value]

    def verify(self, key: PublicKey, der: bytes, message: bytes, signer_id: bytes) -> bool:
        """Does OpenSSL accept it?"""
        library = self._library
        with (
            self._held("d2i_PUBKEY", ("public", key.x, key.y), _SPKI + key.raw) as handle,
            _Context(library, handle, signer_id) as context,
        ):
            if library.EVP_DigestVerifyInit(context, None, library.EVP_sm3(), None, handle) != 1:
                raise SM2Unavailable("EVP_DigestVerifyInit")
            done = library.EVP_DigestVerify(context, der, len(der), message, len(message))
            library.ERR_clear_error()
            return bool(done == 1)

    @contextmanager
    def _held(self, function: str, name: tuple[str, int, int], der: bytes) -> Iterator[int]:
        """The key as OpenSSL has it, ours while the block runs. Keys are kept, for loading one
        costs as much as signing; the oldest makes room.
        """
        library = self._library
        with self._lock:
            known = self._keys.get(name)
            if known is None:
                place = _BYTES(der)
                known = getattr(library, function)(None, ctypes.byref(place), len(der))
                if not known:
                    raise SM2Unavailable(function)
                if len(self._keys) >= _MOST_KEYS:
                    library.EVP_PKEY_free(self._keys.pop(next(iter(self._keys))))
                self._keys[name] = known
            library.EVP_PKEY_up_ref(known)
        try:
            yield known
        finally:
            library.EVP_PKEY_free(known)


_MOST_KEYS = 1024


class _Context:
    """A digest context with the signer's id, freed in any case."""

    def __init__(self, library: ctypes.CDLL, key: int, signer_id: bytes) -> None:
        self._library, self._key, self._id = library, key, signer_id

    def __enter__(self) -> int:
        library = self._library
        self._digest = library.EVP_MD_CTX_new()
        self._context = library.EVP_PKEY_CTX_new(self._key, None)
        if library.EVP_PKEY_CTX_set1_id(self._context, self._id, len(self._id)) != 1:
            self.__exit__()
            raise SM2Unavailable("EVP_PKEY_CTX_set1_id")
        library.EVP_MD_CTX_set_pkey_ctx(self._digest, self._context)
        return int(self._digest)

    def __exit__(self, *_: object) -> None:
        self._library.EVP_MD_CTX_free(self._digest)
        self._library.EVP_PKEY_CTX_free(self._context)


@cache
def _library() -> _OpenSSL | None:
    """libcrypto, if it is there and right: it verifies the published vector, refuses a changed
    one, and signs what plain Python accepts.
    """
    name = ctypes.util.find_library("crypto")
    if name is None:
        return None
    message = b"message digest"
    try:
        found = _OpenSSL(ctypes.CDLL(name))
        right = (
            found.verify(_VECTOR_KEY, _VECTOR.der, message, DEFAULT_ID)
            and not found.verify(_VECTOR_KEY, _VECTOR.der, b"another", DEFAULT_ID)
            and verified_plainly(
                _VECTOR_KEY,
                Signature.read(found.sign(_VECTOR_PRIVATE, message, DEFAULT_ID)),
                message,
            )
        )
    except (OSError, AttributeError, SM2Unavailable, ValueError):
        return None
    return found if right else None
