"""SM2 in the system's OpenSSL 3, by ctypes: the one module that knows its functions.

It is the one implementation at hand whose signer is made to run in constant time; the distribution
keeps it patched, and each call gives up the interpreter.
"""

from __future__ import annotations

import ctypes
import hashlib
from collections.abc import Callable
from threading import Lock
from typing import Any

from seals.curve import G, z_of
from seals.errors import InvalidKey, SM2Unavailable, Undecipherable

Point = tuple[int, int]

# SubjectPublicKeyInfo and PKCS #8 of an SM2 key up to its variable part.
SPKI = bytes.fromhex("3059301306072a8648ce3d020106082a811ccf5501822d034200")
_PKCS8 = bytes.fromhex("3041020100301306072a8648ce3d020106082a811ccf5501822d0427302502010104 20")

_POINTER, _BYTES, _SIZE, _INT = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int
_FUNCTIONS: dict[str, tuple[object, list[object]]] = {
    "EVP_PKEY_CTX_new": (_POINTER, [_POINTER, _POINTER]),
    "EVP_PKEY_CTX_free": (None, [_POINTER]),
    "EVP_PKEY_sign_init": (_INT, [_POINTER]),
    "EVP_PKEY_sign": (_INT, [_POINTER, _BYTES, ctypes.POINTER(_SIZE), _BYTES, _SIZE]),
    "EVP_PKEY_verify_init": (_INT, [_POINTER]),
    "EVP_PKEY_verify": (_INT, [_POINTER, _BYTES, _SIZE, _BYTES, _SIZE]),
    "i2d_PUBKEY": (_INT, [_POINTER, _POINTER]),
    "d2i_PUBKEY": (_POINTER, [_POINTER, ctypes.POINTER(_BYTES), ctypes.c_long]),
    "d2i_AutoPrivateKey": (_POINTER, [_POINTER, ctypes.POINTER(_BYTES), ctypes.c_long]),
    "EVP_PKEY_free": (None, [_POINTER]),
    "EVP_PKEY_dup": (_POINTER, [_POINTER]),
    "EVP_PKEY_set1_encoded_public_key": (_INT, [_POINTER, _BYTES, _SIZE]),
    "ERR_clear_error": (None, []),
    "BIO_new_mem_buf": (_POINTER, [_BYTES, _INT]),
    "BIO_free": (_INT, [_POINTER]),
    "PEM_read_bio_PrivateKey": (_POINTER, [_POINTER, _POINTER, _POINTER, _BYTES]),
    "EVP_PKEY_is_a": (_INT, [_POINTER, _BYTES]),
    "EVP_PKEY_get_bn_param": (_INT, [_POINTER, _BYTES, ctypes.POINTER(_POINTER)]),
    "BN_bn2binpad": (_INT, [_POINTER, _BYTES, _INT]),
    "BN_clear_free": (None, [_POINTER]),
    "EVP_PKEY_encrypt_init": (_INT, [_POINTER]),
    "EVP_PKEY_encrypt": (_INT, [_POINTER, _BYTES, ctypes.POINTER(_SIZE), _BYTES, _SIZE]),
    "EVP_PKEY_decrypt_init": (_INT, [_POINTER]),
    "EVP_PKEY_decrypt": (_INT, [_POINTER, _BYTES, ctypes.POINTER(_SIZE), _BYTES, _SIZE]),
}


class OpenSSL:
    """The few functions of libcrypto that are needed. ctypes gives up the interpreter in each."""

    def __init__(self, library: ctypes.CDLL) -> None:
        """Raises:
        AttributeError: A function is missing: no OpenSSL 3, or built without SM2.
        """
        self._library = library
        for name, (result, arguments) in _FUNCTIONS.items():
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
        self._keys: dict[tuple[str, int, int], LoadedKey] = {}
        self._lock = Lock()
        self._pattern = self._read("d2i_PUBKEY", SPKI + _raw(G))

    def private(self, d: int) -> LoadedKey:
        """That private key, ready to sign.

        Raises:
            SM2Unavailable: OpenSSL does not take it.
        """

        def load() -> LoadedKey:
            handle = self._read("d2i_AutoPrivateKey", _PKCS8 + d.to_bytes(32))
            return LoadedKey(self._library, handle)

        return self._held(("private", d, 0), load)

    def public(self, point: Point) -> LoadedKey:
        """That public key, ready to verify.

        A copy of another one with this point in it: reading a key takes OpenSSL as long as signing.

        Raises:
            SM2Unavailable: OpenSSL does not take it.
        """

        def load() -> LoadedKey:
            library, raw = self._library, _raw(point)
            handle = library.EVP_PKEY_dup(self._pattern)
            if library.EVP_PKEY_set1_encoded_public_key(handle, raw, len(raw)) != 1:
                library.EVP_PKEY_free(handle)
                library.ERR_clear_error()
                raise SM2Unavailable("EVP_PKEY_set1_encoded_public_key")
            return LoadedKey(library, handle, point)

        return self._held(("public", *point), load)

    def encrypt(self, point: Point, plain: bytes) -> bytes:
        """The ciphertext in DER (GB/T 35276).

        Raises:
            Undecipherable: Nothing to encrypt, or too much.
        """
        return self._worked("encrypt", self.public(point), plain)

    def decrypt(self, d: int, sealed: bytes) -> bytes:
        """What was encrypted.

        Raises:
            Undecipherable: Not for this key, or changed.
        """
        return self._worked("decrypt", self.private(d), sealed)

    def number_in_pem(self, pem: bytes, password: str) -> bytes:
        """The private number in a PEM file: PKCS #8, encrypted or not, or SEC 1.

        Raises:
            InvalidKey: None of SM2 is in it, or not under that password.
        """
        bio = self._library.BIO_new_mem_buf(pem, len(pem))
        try:
            # Without a password the library would ask for one on the terminal, and wait.
            key = self._library.PEM_read_bio_PrivateKey(bio, None, None, password.encode())
        finally:
            self._library.BIO_free(bio)
        return self._number(key)

    def number_in_der(self, der: bytes) -> bytes:
        """The private number in PKCS #8 or SEC 1.

        Raises:
            InvalidKey: None of SM2 is in it.
        """
        place = _BYTES(der)
        return self._number(self._library.d2i_AutoPrivateKey(None, ctypes.byref(place), len(der)))

    def _number(self, key: int | None) -> bytes:
        library, found = self._library, _POINTER()
        buffer = ctypes.create_string_buffer(32)
        try:
            good = (
                key is not None
                and library.EVP_PKEY_is_a(key, b"SM2") == 1
                and library.EVP_PKEY_get_bn_param(key, b"priv", ctypes.byref(found)) == 1
                and library.BN_bn2binpad(found, buffer, 32) == 32
            )
            if not good:
                raise InvalidKey("no SM2 private key, or another password")
            return buffer.raw
        finally:
            library.BN_clear_free(found)
            library.EVP_PKEY_free(key)
            library.ERR_clear_error()
            ctypes.memset(buffer, 0, len(buffer))

    def _worked(self, verb: str, key: LoadedKey, given: bytes) -> bytes:
        library, size = self._library, _SIZE()
        begin = getattr(library, f"EVP_PKEY_{verb}_init")
        work = getattr(library, f"EVP_PKEY_{verb}")
        context = library.EVP_PKEY_CTX_new(key.handle, None)
        try:
            if begin(context) == 1 and work(context, None, size, given, len(given)) == 1:
                result = ctypes.create_string_buffer(size.value)
                if work(context, result, size, given, len(given)) == 1:
                    return result.raw[: size.value]
            raise Undecipherable(f"cannot {verb}")
        finally:
            library.EVP_PKEY_CTX_free(context)
            library.ERR_clear_error()

    def _read(self, function: str, der: bytes) -> int:
        place = _BYTES(der)
        handle = getattr(self._library, function)(None, ctypes.byref(place), len(der))
        if not handle:
            self._library.ERR_clear_error()
            raise SM2Unavailable(function)
        return int(handle)

    def _held(self, name: tuple[str, int, int], load: Callable[[], LoadedKey]) -> LoadedKey:
        """The key as OpenSSL has it. Keys are kept, for loading one is dear; the oldest makes room,
        and is freed when the last that works with it lets go.
        """
        with self._lock:
            known = self._keys.get(name)
            if known is None:
                known = load()
                if len(self._keys) >= _MOST_KEYS:
                    self._keys.pop(next(iter(self._keys)))
                self._keys[name] = known
            return known


def _raw(point: Point) -> bytes:
    return b"\x04" + point[0].to_bytes(32) + point[1].to_bytes(32)


_MOST_KEYS = 1024
_MOST_IDS = 16
_LONG, _LONGEST, _TAIL = 4096, 64 * 1024, 512
"""Bytes of a message of which all but a tail is remembered, until the next one."""


class LoadedKey:
    """A key inside OpenSSL, with contexts that stand ready and Z computed once for each id.

    Threads share it: each takes a context from the pile or makes one, and puts it back.
    """

    __slots__ = ("_begun", "_last", "_library", "_signing", "_verifying", "handle", "point")

    def __init__(self, library: ctypes.CDLL, handle: int, point: Point | None = None) -> None:
        """Owns `handle` from now on; asks it for its point where that is not known.

        Raises:
            SM2Unavailable: It is no SM2 key.
        """
        self._library, self.handle = library, handle
        self._signing: list[int] = []
        self._verifying: list[int] = []
        self._begun: dict[bytes, Any] = {}
        self._last: tuple[bytes, bytes, Any] | None = None
        self.point = self._read_point() if point is None else point

    def sign(self, message: bytes, signer_id: bytes) -> bytes:
        """DER of the signature.

        Raises:
            SM2Unavailable: OpenSSL will not sign.
        """
        return self.sign_digest(self.digest(message, signer_id))

    def verify(self, der: bytes, message: bytes, signer_id: bytes) -> bool:
        """Does OpenSSL accept it?"""
        return self.verify_digest(der, self.digest(message, signer_id))

    def sign_digest(self, digest: bytes) -> bytes:
        """DER of the signature over e = SM3(Z ‖ M).

        Raises:
            SM2Unavailable: OpenSSL will not sign.
        """
        library = self._library
        context = self._context(self._signing, library.EVP_PKEY_sign_init)
        size, out = _SIZE(80), ctypes.create_string_buffer(80)
        if library.EVP_PKEY_sign(context, out, size, digest, len(digest)) != 1:
            library.EVP_PKEY_CTX_free(context)
            library.ERR_clear_error()
            raise SM2Unavailable("EVP_PKEY_sign")
        self._signing.append(context)
        return out.raw[: size.value]

    def verify_digest(self, der: bytes, digest: bytes) -> bool:
        """Does OpenSSL accept it over e = SM3(Z ‖ M)?"""
        library = self._library
        context = self._context(self._verifying, library.EVP_PKEY_verify_init)
        done = library.EVP_PKEY_verify(context, der, len(der), digest, len(digest))
        if done != 1:
            library.ERR_clear_error()
        self._verifying.append(context)
        return bool(done == 1)

    def digest(self, message: bytes, signer_id: bytes) -> bytes:
        """What is signed: e = SM3(Z ‖ M), GB/T 32918.2 §5.5 and §6.1."""
        begun = self._begun.get(signer_id)
        if begun is None:
            begun = hashlib.new("sm3", z_of(self.point, signer_id))
            if len(self._begun) < _MOST_IDS:
                self._begun[signer_id] = begun
        if _LONG <= len(message) <= _LONGEST:
            return self._digest_of_alike(begun, message, signer_id)
        running = begun.copy()
        running.update(message)
        return bytes(running.digest())

    def _digest_of_alike(self, begun: Any, message: bytes, signer_id: bytes) -> bytes:
        """A signer sets the same seal again and again, and all but the end of what is signed is that
        seal: where a message begins as the last one did, hashing goes on from there.
        """
        last = self._last
        if last is None or last[0] != signer_id or not message.startswith(last[1]):
            state = begun.copy()
            state.update(message[:-_TAIL])
            last = self._last = signer_id, message[:-_TAIL], state
        _, head, state = last
        running = state.copy()
        running.update(message[len(head) :])
        return bytes(running.digest())

    def _context(self, pile: list[int], begin: Callable[[int], int]) -> int:
        try:
            return pile.pop()
        except IndexError:
            context = self._library.EVP_PKEY_CTX_new(self.handle, None)
            if begin(context) != 1:
                self._library.EVP_PKEY_CTX_free(context)
                self._library.ERR_clear_error()
                raise SM2Unavailable("EVP_PKEY_CTX") from None
            return int(context)

    def _read_point(self) -> Point:
        library = self._library
        out = ctypes.create_string_buffer(len(SPKI) + 65)
        size = library.i2d_PUBKEY(self.handle, None)
        if size == len(out):
            library.i2d_PUBKEY(self.handle, ctypes.byref(_BYTES(ctypes.addressof(out))))
        if size != len(out) or not out.raw.startswith(SPKI + b"\x04"):
            raise SM2Unavailable("i2d_PUBKEY")
        raw = out.raw[len(SPKI) + 1 :]
        return int.from_bytes(raw[:32]), int.from_bytes(raw[32:])

    def __del__(self) -> None:
        """Nobody works with it any more."""
        for context in (*self._signing, *self._verifying):
            self._library.EVP_PKEY_CTX_free(context)
        self._library.EVP_PKEY_free(self.handle)
