"""Key files: PKCS #8 encrypted with PBES2 (RFC 8018), readable by their owner alone.

PBKDF2 with SHA-256 and AES-256-CBC, or with SM3 and SM4-CBC where national algorithms are wanted.
A key that is not encrypted, or that others may read, is not loaded. A process that loads a key
leaves no memory behind when it crashes (`no_dumps`).
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import os
import resource
import secrets
import stat
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from seals import ber, der, sm2
from seals.algorithms import CURVES, EC_KEY, Algorithm, KeyKind
from seals.classical import BlockCipher, ClassicalKey, cbc_decrypted, cbc_encrypted
from seals.encoding import MAX_PEM, from_pem, pem
from seals.errors import InvalidKey, KeyUnavailable, Malformed
from seals.keys import SM2Key

ITERATIONS = 600_000
MAX_ITERATIONS = 10_000_000
MIN_PASSWORD = 12
_LABEL = "ENCRYPTED PRIVATE KEY"

_PBES2, _PBKDF2 = "1.2.840.113549.1.5.13", "1.2.840.113549.1.5.12"
_PRFS: Mapping[str, str] = {
    "1.2.840.113549.2.7": "sha1",
    "1.2.840.113549.2.9": "sha256",
    "1.2.840.113549.2.10": "sha384",
    "1.2.840.113549.2.11": "sha512",
    "1.2.156.10197.1.401.2": "sm3",
}
_CIPHERS: Mapping[str, BlockCipher] = {
    "2.16.840.1.101.3.4.1.42": BlockCipher.AES_256,
    "2.16.840.1.101.3.4.1.22": BlockCipher.AES_192,
    "2.16.840.1.101.3.4.1.2": BlockCipher.AES_128,
    "1.2.156.10197.1.104.2": BlockCipher.SM4,
}


class Protection(StrEnum):
    """What a key file is encrypted with."""

    INTERNATIONAL = "aes-256-cbc"
    NATIONAL = "sm4-cbc"


class Exportable(Protocol):
    """A key in this process that can be put into a file."""

    def pkcs8(self) -> bytes:
        """PKCS #8 in DER, not encrypted."""
        ...


@dataclass(frozen=True, slots=True)
class _Sealing:
    """Parameters of PBES2."""

    prf: str
    salt: bytes
    iterations: int
    cipher: BlockCipher
    iv: bytes

    def key(self, password: str) -> bytes:
        return hashlib.pbkdf2_hmac(
            self.prf, password.encode(), self.salt, self.iterations, self.cipher.key_size
        )

    @property
    def identifier(self) -> bytes:
        prf = next(oid for oid, name in _PRFS.items() if name == self.prf)
        cipher = next(oid for oid, name in _CIPHERS.items() if name is self.cipher)
        parameters = der.sequence(
            der.octets(self.salt),
            der.integer(self.iterations),
            der.sequence(der.oid(prf), der.null()),
        )
        return der.sequence(
            der.oid(_PBES2),
            der.sequence(
                der.sequence(der.oid(_PBKDF2), parameters),
                der.sequence(der.oid(cipher), der.octets(self.iv)),
            ),
        )


def encrypted(
    key: Exportable, password: str, protection: Protection = Protection.INTERNATIONAL
) -> str:
    """The key as PEM, encrypted.

    Raises:
        InvalidKey: The password is too short.
    """
    if len(password) < MIN_PASSWORD:
        raise InvalidKey(f"a password has {MIN_PASSWORD} characters or more")
    national = protection is Protection.NATIONAL
    sealing = _Sealing(
        prf="sm3" if national else "sha256",
        salt=secrets.token_bytes(16),
        iterations=ITERATIONS,
        cipher=BlockCipher.SM4 if national else BlockCipher.AES_256,
        iv=secrets.token_bytes(16),
    )
    sealed = cbc_encrypted(sealing.cipher, sealing.key(password), sealing.iv, key.pkcs8())
    return pem(_LABEL, der.sequence(sealing.identifier, der.octets(sealed)))


def decrypted(
    text: str, password: str, algorithm: Algorithm | None = None
) -> SM2Key | ClassicalKey:
    """The key in a PEM file.

    Args:
        text: The file.
        password: Its password.
        algorithm: How it is to sign; needed only for RSA with PSS.

    Raises:
        InvalidKey: Not encrypted, encrypted in a way we do not know, another password, or no key.
        SM2Unavailable: An SM2 key, and no OpenSSL 3 with SM2.
    """
    label, body = from_pem(text)
    if label != _LABEL:
        raise InvalidKey("the key is not encrypted")
    try:
        identifier, sealed = ber.sequence(ber.whole(body), 2, 2)
        sealing = _read_sealing(identifier)
        content = ber.expect(sealed, der.OCTETS).content
    except Malformed:
        raise InvalidKey("encrypted in a way that is not known") from None
    plain = cbc_decrypted(sealing.cipher, sealing.key(password), sealing.iv, content)
    return _key_in(plain, algorithm)


def save(path: Path, text: str) -> None:
    """Write a new key file, whole or not at all, for its owner alone.

    Raises:
        KeyUnavailable: It is there already, or cannot be written.
    """
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.link(beside, path)
        finally:
            beside.unlink(missing_ok=True)
    except FileExistsError:
        raise KeyUnavailable("key-file-exists") from None
    except OSError:
        raise KeyUnavailable("key-file-unwritable") from None


def load(path: Path, password: str, algorithm: Algorithm | None = None) -> SM2Key | ClassicalKey:
    """The key in that file. From now on this process dumps no memory.

    Raises:
        KeyUnavailable: The file cannot be read, or others may read it.
        InvalidKey: As for `decrypted`.
        SM2Unavailable: As for `decrypted`.
    """
    no_dumps()
    try:
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            if stat.S_IMODE(found.st_mode) & 0o077:
                raise KeyUnavailable("key-file-readable-by-others")
            if not stat.S_ISREG(found.st_mode) or found.st_size > MAX_PEM:
                raise KeyUnavailable("key-file-unreadable")
            text = file.read(MAX_PEM).decode("ascii", "replace")
    except OSError:
        raise KeyUnavailable("key-file-unreadable") from None
    return decrypted(text, password, algorithm)


def no_dumps() -> None:
    """Let this process leave no core file and no memory to a debugger of the same user."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


_PR_SET_DUMPABLE = 4


def _read_sealing(identifier: ber.Value) -> _Sealing:
    scheme, parameters = ber.sequence(identifier, 2, 2)
    if ber.oid(scheme) != _PBES2:
        raise Malformed("scheme")
    derivation, encryption = ber.sequence(parameters, 2, 2)
    function, terms = ber.sequence(derivation, 2, 2)
    if ber.oid(function) != _PBKDF2:
        raise Malformed("derivation")
    salt, count, *rest = ber.sequence(terms, 2, 4)
    if rest and rest[0].tag == der.INTEGER:
        rest.pop(0)
    prf = ber.oid(ber.sequence(rest[0], 1, 2)[0]) if rest else "1.2.840.113549.2.7"
    cipher, iv = ber.sequence(encryption, 2, 2)
    iterations = ber.number(count)
    vector = ber.expect(iv, der.OCTETS).content
    known = prf in _PRFS and ber.oid(cipher) in _CIPHERS
    if not known or not 1 <= iterations <= MAX_ITERATIONS or len(vector) != 16:
        raise Malformed("parameters")
    return _Sealing(
        prf=_PRFS[prf],
        salt=ber.expect(salt, der.OCTETS).content,
        iterations=iterations,
        cipher=_CIPHERS[ber.oid(cipher)],
        iv=vector,
    )


def _key_in(plain: bytes, algorithm: Algorithm | None) -> SM2Key | ClassicalKey:
    """PKCS #8; a wrong password mostly shows as bad padding before this, and else here."""
    try:
        _, identifier, body, *_ = ber.sequence(ber.whole(plain), 3, 5)
        kind, *parameters = ber.sequence(identifier, 1, 2)
        of_sm2 = (
            ber.oid(kind) == EC_KEY
            and len(parameters) == 1
            and parameters[0].tag == der.OID
            and CURVES.get(ber.oid(parameters[0])) is KeyKind.SM2
        )
        if not of_sm2:
            return ClassicalKey.from_pkcs8(plain, algorithm)
        key = SM2Key(private=sm2.PrivateKey.from_der(plain))
        stated = [each for each in ber.sequence(ber.whole(body.content)) if each.tag == 0xA1]
        # CBC authenticates nothing: the public key beside the private one tells a changed file.
        if stated and not key.spki.endswith(ber.bits(ber.parts(stated[0], 1)[0])):
            raise InvalidKey("another password, or damaged")
    except (Malformed, IndexError):
        raise InvalidKey("another password, or no key") from None
    return key
