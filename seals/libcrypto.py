"""SM2 in the system's OpenSSL 3, by ctypes: the one module that knows its functions.

It is the one implementation at hand whose signer is made to run in constant time; the distribution
keeps it patched, and each call gives up the interpreter.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from threading import Lock

from seals.errors import InvalidKey, SM2Unavailable, Undecipherable

Point = tuple[int, int]

# SubjectPublicKeyInfo and PKCS #8 of an SM2 key up to its variable part.
SPKI = bytes.fromhex("3059301306072a8648ce3d020106082a811ccf5501822d034200")
_PKCS8 = bytes.fromhex("3041020100301306072a8648ce3d020106082a811ccf5501822d0427302502010104 20")

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
        self._keys: dict[tuple[str, int, int], int] = {}
        self._lock = Lock()

    def sign(self, d: int, message: bytes, signer_id: bytes) -> bytes:
        """DER of the signature."""
        library = self._library
        with (
            self._private(d) as handle,
            _Context(library, handle, signer_id) as context,
        ):
            if library.EVP_DigestSignInit(context, None, library.EVP_sm3(), None, handle) != 1:
                raise SM2Unavailable("EVP_DigestSignInit")
            size = _SIZE(80)
            out = ctypes.create_string_buffer(80)
            if library.EVP_DigestSign(context, out, size, message, len(message)) != 1:
                raise SM2Unavailable("EVP_DigestSign")
            return out.raw[: size.value]

    def verify(self, point: Point, der: bytes, message: bytes, signer_id: bytes) -> bool:
        """Does OpenSSL accept it?"""
        library = self._library
        with (
            self._public(point) as handle,
            _Context(library, handle, signer_id) as context,
        ):
            if library.EVP_DigestVerifyInit(context, None, library.EVP_sm3(), None, handle) != 1:
                raise SM2Unavailable("EVP_DigestVerifyInit")
            done = library.EVP_DigestVerify(context, der, len(der), message, len(message))
            library.ERR_clear_error()
            return bool(done == 1)

    def encrypt(self, point: Point, plain: bytes) -> bytes:
        """The ciphertext in DER (GB/T 35276).

        Raises:
            Undecipherable: Nothing to encrypt, or too much.
        """
        with self._public(point) as handle:
            return self._worked("encrypt", handle, plain)

    def decrypt(self, d: int, sealed: bytes) -> bytes:
        """What was encrypted.

        Raises:
            Undecipherable: Not for this key, or changed.
        """
        with self._private(d) as handle:
            return self._worked("decrypt", handle, sealed)

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

    def _worked(self, verb: str, key: int, given: bytes) -> bytes:
        library, size = self._library, _SIZE()
        begin = getattr(library, f"EVP_PKEY_{verb}_init")
        work = getattr(library, f"EVP_PKEY_{verb}")
        context = library.EVP_PKEY_CTX_new(key, None)
        try:
            if begin(context) == 1 and work(context, None, size, given, len(given)) == 1:
                result = ctypes.create_string_buffer(size.value)
                if work(context, result, size, given, len(given)) == 1:
                    return result.raw[: size.value]
            raise Undecipherable(f"cannot {verb}")
        finally:
            library.EVP_PKEY_CTX_free(context)
            library.ERR_clear_error()

    def _private(self, d: int) -> AbstractContextManager[int]:
        return self._held("d2i_AutoPrivateKey", ("private", d, 0), _PKCS8 + d.to_bytes(32))

    def _public(self, point: Point) -> AbstractContextManager[int]:
        x, y = point
        der = SPKI + b"\x04" + x.to_bytes(32) + y.to_bytes(32)
        return self._held("d2i_PUBKEY", ("public", x, y), der)

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
