"""Keys and personal values at rest: the only module of the hub that touches `cryptography`.

Envelope encryption: a master key wraps data keys (one a table and month), a data key seals values
with AES-256-GCM. The place of a value (`table|column|row`) is authenticated with it, so that a
ciphertext cannot be moved to another person's row. Blind indexes find a value without opening any.

The master key does nothing but wrap. What has to outlive it (index keys, the key that signs tree
heads) is derived from a root secret that is itself a wrapped key: the master key can be changed, or
live in a device, and a database that belongs to another master key is noticed at the start.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import os
import stat
import unicodedata
from collections.abc import Callable, Iterator, Sequence
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
_ID_SIZE, _NONCE_SIZE, _INDEX_SIZE, _KEY_SIZE = 8, 12, 16, 32
_KEPT_MASTER_KEYS = 2


class KeyWrapping(Protocol):
    """Who holds the master key: a file here, a key device or service elsewhere."""

    def wrap(self, key: bytes) -> bytes:
        """The key, readable by nobody else."""
        ...

    def unwrap(self, wrapped: bytes) -> bytes:
        """What was wrapped.

        Raises:
            KeyUnavailable: wrapped by another master key, or damaged.
        """
        ...

    def renew(self) -> None:
        """Wrap with a new master key from now on, and still unwrap what the one before wrapped."""
        ...


class FileKeyWrapping:
    """Master keys in a file of ours alone, one a line in base64, the newest first.

    AES key wrap with padding (RFC 5649) tells a wrong key from the right one, so that an older key
    can be tried after the newest. A process that runs while the key is changed reads the file again
    before it wraps, and when it cannot unwrap.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "master.key"
        with _mapped("master-key-unreadable"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not self._path.exists():
                _write_whole(self._path, [os.urandom(_KEY_SIZE)], os.link)
        self._masters = self._read()

    def wrap(self, key: bytes) -> bytes:
        """See `KeyWrapping`."""
        self._masters = self._read()
        return aes_key_wrap_with_padding(self._masters[0], key)

    def unwrap(self, wrapped: bytes) -> bytes:
        """See `KeyWrapping`."""
        found = self._tried(wrapped)
        if found is None:
            self._masters = self._read()
            found = self._tried(wrapped)
        if found is None:
            raise KeyUnavailable("data-key-damaged")
        return found

    def renew(self) -> None:
        """See `KeyWrapping`; only the two newest keys stay in the file.

        Raises:
            KeyUnavailable: the file cannot be written; nothing has changed.
        """
        masters = [os.urandom(_KEY_SIZE), *self._read()][:_KEPT_MASTER_KEYS]
        with _mapped("master-key-unwritable"):
            _write_whole(self._path, masters, os.replace)
        self._masters = masters

    def _tried(self, wrapped: bytes) -> bytes | None:
        for master in self._masters:
            with contextlib.suppress(InvalidUnwrap, ValueError):
                return aes_key_unwrap_with_padding(master, wrapped)
        return None

    def _read(self) -> list[bytes]:
        with _mapped("master-key-unreadable"):
            for path in (self._path, self._path.parent):
                if stat.S_IMODE(path.stat().st_mode) & 0o077:
                    raise KeyUnavailable("master-key-readable-by-others")
            lines = self._path.read_bytes().split()
            masters = [base64.b64decode(line, validate=True) for line in lines]
        if not masters or any(len(master) != _KEY_SIZE for master in masters):
            raise KeyUnavailable("master-key-damaged")
        return masters


class DataKeys(Protocol):
    """Where wrapped data keys are kept."""

    def wrapped(self, key_id: bytes) -> bytes | None:
        """The wrapped key, if there is one."""
        ...

    def keep(self, key_id: bytes, wrapped: bytes) -> bytes:
        """Keep a new key and give back the one that is kept: another process may have been first."""
        ...

    def rewrap(self, anew: Callable[[bytes], bytes]) -> None:
        """Replace every wrapped key by `anew` of it; all or none."""
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

    def rewrap(self, anew: Callable[[bytes], bytes]) -> None:
        """See `DataKeys`."""
        self.rows.update({key_id: anew(wrapped) for key_id, wrapped in self.rows.items()})


@dataclass(slots=True)
class Vault:
    """Seals, opens, indexes and signs. Nothing of it shows in a repr."""

    wrapping: KeyWrapping = field(repr=False)
    keys: DataKeys = field(repr=False)
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC), repr=False)
    _open: dict[bytes, AESGCM] = field(default_factory=dict, repr=False)
    _index_keys: dict[str, hmac.HMAC] = field(default_factory=dict, repr=False)
    _root: bytes = field(init=False, repr=False)
    _signing: Ed25519PrivateKey = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Open the root secret, and derive the signing key of the evidence log from it."""
        try:
            self._root = self._data_key(_key_id("root"), os.urandom(_KEY_SIZE))
        except KeyUnavailable as problem:
            raise KeyUnavailable("master-key-not-of-this-database") from problem
        self._signing = Ed25519PrivateKey.from_private_bytes(self.secret("evidence-log"))

    @classmethod
    def at(cls, folder: Path, keys: DataKeys) -> Vault:
        """The vault whose master key lies in `folder`; made there on first use.

        Raises:
            KeyUnavailable: unreadable, damaged, readable by others, or not the one of these `keys`.
        """
        return cls(FileKeyWrapping(folder), keys)

    def secret(self, label: str) -> bytes:
        """A 32-byte secret for one use, derived from the root secret."""
        info = f"mianti|{label}".encode()
        return HKDFExpand(algorithm=hashes.SHA256(), length=_KEY_SIZE, info=info).derive(self._root)

    def rotate_master(self) -> None:
        """Change the master key and wrap every data key anew. Nothing that is sealed is touched.

        All keys are brought to the present master key first: the renewal may drop older ones, and
        an earlier rotation may have been interrupted. It may be at any step; then do it again.
        """
        self._rewrap()
        self.wrapping.renew()
        self._rewrap()

    def _rewrap(self) -> None:
        self.keys.rewrap(lambda wrapped: self.wrapping.wrap(self.wrapping.unwrap(wrapped)))

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

        Citizen numbers can be enumerated, so the key is never where the indexes are.
        """
        keyed = self._index_keys.get(column)
        if keyed is None:
            key = self.secret(f"index|{column}")
            keyed = self._index_keys[column] = hmac.new(key, digestmod="sha256")
        # A copy of the keyed state: unlike `hmac.digest`, it does not give up the interpreter.
        mac = keyed.copy()
        mac.update(unicodedata.normalize("NFKC", value).strip().upper().encode())
        return mac.digest()[:_INDEX_SIZE]

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
        opened = AESGCM(self._data_key(key_id, os.urandom(_KEY_SIZE) if make else None))
        return self._open.setdefault(key_id, opened)

    def _data_key(self, key_id: bytes, fresh: bytes | None) -> bytes:
        """The key that is kept under that id; where there is none, `fresh` becomes it."""
        wrapped = self.keys.wrapped(key_id)
        if wrapped is None:
            if fresh is None:
                raise KeyUnavailable("data-key-missing")
            wrapped = self.keys.keep(key_id, self.wrapping.wrap(fresh))
        key = self.wrapping.unwrap(wrapped)
        if len(key) != _KEY_SIZE:
            raise KeyUnavailable("data-key-damaged")
        return key


def signature_holds(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Is this an Ed25519 signature of `message` under `public_key`?"""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def _key_id(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()[:_ID_SIZE]


@contextlib.contextmanager
def _mapped(why: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as problem:
        raise KeyUnavailable(why) from problem


def _write_whole(path: Path, masters: Sequence[bytes], put: Callable[[Path, Path], object]) -> None:
    """Write beside, then `put` in place: nobody ever reads half a key.

    `os.link` puts it there only if nothing is (a second process may be starting), `os.replace` in
    any case.
    """
    beside = path.with_name(f"{path.name}.{os.urandom(8).hex()}")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(b"\n".join(map(base64.b64encode, masters)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            put(beside, path)
    finally:
        beside.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
