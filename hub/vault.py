"""Keys and personal values at rest: the only module of the hub that touches `cryptography`.

Envelope encryption: a master key wraps data keys (one a table and month), a data key seals values
with AES-256-GCM. The place of a value (`table|column|row`) is authenticated with it, so that a
ciphertext cannot be moved to another person's row. Blind indexes find a value without opening any.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import stat
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from cryptography.hazmat.primitives.keywrap import (
    InvalidUnwrap,
    aes_key_unwrap_with_padding,
    aes_key_wrap_with_padding,
)

from hub.errors import KeyUnavailable

_VERSION = b"\x01"
_ID_SIZE, _NONCE_SIZE, _INDEX_SIZE = 8, 12, 16


class DataKeys(Protocol):
    """Where wrapped data keys are kept."""

    def wrapped(self, key_id: bytes) -> bytes | None:
        """The wrapped key, if there is one."""
        ...

    def keep(self, key_id: bytes, wrapped: bytes) -> bytes:
        """Keep a new key and give back the one that is kept: another process may have been first."""
        ...


@dataclass(slots=True)
class MemoryDataKeys:
    """Wrapped keys in memory; for tools and tests that have no database."""

    rows: dict[bytes, bytes] = field(default_factory=dict)

    def wrapped(self, key_id: bytes) -> bytes | None:
        """See `DataKeys`."""
        return self.rows.get(key_id)

    def keep(self, key_id: bytes, wrapped: bytes) -> bytes:
        """See `DataKeys`."""
        return self.rows.setdefault(key_id, wrapped)


@dataclass(slots=True)
class Vault:
    """Seals, opens, indexes and signs. Nothing of it shows in a repr."""

    _master: bytes = field(repr=False)
    keys: DataKeys = field(repr=False)
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC), repr=False)
    _open: dict[bytes, AESGCM] = field(default_factory=dict, repr=False)
    _index_keys: dict[str, bytes] = field(default_factory=dict, repr=False)
    _signing: Ed25519PrivateKey = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Derive the signing key of the evidence log."""
        self._signing = Ed25519PrivateKey.from_private_bytes(self.secret("evidence-log"))

    @classmethod
    def at(cls, folder: Path, keys: DataKeys) -> Vault:
        """The vault whose master key lies in `folder`; made there on first use.

        Raises:
            KeyUnavailable: unreadable, damaged, or readable by others.
        """
        path = folder / "master.key"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _make_once(path)
            if stat.S_IMODE(path.stat().st_mode) & 0o077:
                raise KeyUnavailable("master-key-readable-by-others")
            master = base64.b64decode(path.read_bytes(), validate=True)
        except (OSError, ValueError) as problem:
            raise KeyUnavailable("master-key-unreadable") from problem
        if len(master) != 32:
            raise KeyUnavailable("master-key-damaged")
        return cls(master, keys)

    def secret(self, label: str) -> bytes:
        """A 32-byte secret for one use, derived from the master key."""
        kdf = HKDFExpand(algorithm=hashes.SHA256(), length=32, info=f"mianti|{label}".encode())
        return kdf.derive(self._master)

    def salt(self) -> bytes:
        """32 random bytes."""
        return os.urandom(32)

    def seal(self, table: str, column: str, row: str, value: str) -> bytes:
        """Version ‖ data key id ‖ nonce ‖ ciphertext and tag."""
        key_id = _key_id(f"{table}|{self.clock():%Y-%m}")
        nonce = os.urandom(_NONCE_SIZE)
        place = f"{table}|{column}|{row}".encode()
        sealed = self._key(key_id, make=True).encrypt(nonce, value.encode(), place)
        return _VERSION + key_id + nonce + sealed

    def open_sealed(self, table: str, column: str, row: str, sealed: bytes) -> str:
        """The value that was sealed at this very place.

        Raises:
            KeyUnavailable: another key, another place, or damaged.
        """
        if sealed[:1] != _VERSION or len(sealed) < 1 + _ID_SIZE + _NONCE_SIZE + 16:
            raise KeyUnavailable("sealed-value-damaged")
        key_id = sealed[1 : 1 + _ID_SIZE]
        nonce = sealed[1 + _ID_SIZE : 1 + _ID_SIZE + _NONCE_SIZE]
        place = f"{table}|{column}|{row}".encode()
        try:
            rest = sealed[1 + _ID_SIZE + _NONCE_SIZE :]
            return self._key(key_id, make=False).decrypt(nonce, rest, place).decode()
        except (InvalidTag, UnicodeDecodeError) as problem:
            raise KeyUnavailable("sealed-value-damaged") from problem

    def blind_index(self, column: str, value: str) -> bytes:
        """16 bytes that are equal for equal values of the same column, and say nothing else.

        Citizen numbers can be enumerated, so the key stays with the master key.
        """
        key = self._index_keys.get(column)
        if key is None:
            key = self._index_keys[column] = self.secret(f"index|{column}")
        plain = unicodedata.normalize("NFKC", value).strip().upper().encode()
        return hmac.digest(key, plain, "sha256")[:_INDEX_SIZE]

    def sign(self, message: bytes) -> bytes:
        """An Ed25519 signature with the evidence log's key."""
        return self._signing.sign(message)

    @property
    def public_key(self) -> bytes:
        """The evidence log's public key, 32 bytes."""
        return self._signing.public_key().public_bytes_raw()

    def _key(self, key_id: bytes, *, make: bool) -> AESGCM:
        known = self._open.get(key_id)
        if known is not None:
            return known
        wrapped = self.keys.wrapped(key_id)
        wrapping = self.secret("wrap")
        if wrapped is None:
            if not make:
                raise KeyUnavailable("data-key-missing")
            fresh = aes_key_wrap_with_padding(wrapping, AESGCM.generate_key(256))
            wrapped = self.keys.keep(key_id, fresh)
        try:
            opened = AESGCM(aes_key_unwrap_with_padding(wrapping, wrapped))
        except (InvalidUnwrap, ValueError) as problem:
            raise KeyUnavailable("data-key-damaged") from problem
        return self._open.setdefault(key_id, opened)


def signature_holds(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Is this an Ed25519 signature of `message` under `public_key`?"""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def _key_id(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()[:_ID_SIZE]


def _make_once(path: Path) -> None:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(handle, "wb") as file:
        file.write(base64.b64encode(os.urandom(32)))
