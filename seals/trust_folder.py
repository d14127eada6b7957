"""Trust as files: bundles of X.509 certificates, revocation lists, trust lists, folders of them.

A folder that lists are imported into keeps the last one and, beside it, the certificates of its
operator, which are set down at the first import and hold from then on.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from seals.encoding import pem
from seals.errors import KeyUnavailable, Malformed, TrustListRefused
from seals.revocation import MAX_LIST, read_list
from seals.trust import TrustStore
from seals.trust_list import (
    MAX_FILE,
    Known,
    TrustList,
    is_trust_list,
    known,
    read_trust_list,
    signer_of,
)
from seals.x509 import X509Certificate, read_bundle

LIST_FILE, OPERATOR_FILE = "trust-list.json", "trust-list.operator"
_LOCK = ".trust-list.lock"
_READ = frozenset({".pem", ".crt", ".cer", ".der", ".crl", ".json"})
MAX_FILES = 10_000


def gathered(
    paths: Iterable[Path], at: datetime, operators: Sequence[X509Certificate] = ()
) -> TrustStore:
    """All trust in these files and folders.

    Self-issued certificates are anchors, others lead to them. A trust list must be signed by one of
    the operators; where none is named, by whoever its folder was told at the first import, or else
    by the certificate in it: a file that is named as trusted is taken as a bundle would be.

    Raises:
        KeyUnavailable: `file-unreadable`.
        Malformed: A file holds nothing that is known.
        TrustListRefused: A trust list may not be relied on.
    """
    store = TrustStore()
    for path in paths:
        for file in _files(path):
            store |= _read(file, at, operators)
    return store


def import_list(
    folder: Path, data: bytes, at: datetime, operators: Sequence[X509Certificate] = ()
) -> TrustList:
    """Put a list in place of the last one; of several at a time, one after the other.

    Args:
        folder: Is made where it is not there.
        data: The file that was published.
        at: Now.
        operators: Who may sign; needed at the first import.

    Raises:
        TrustListRefused: It may not be relied on; nothing was changed.
        KeyUnavailable: `file-unreadable`, `file-unwritable`.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / _LOCK).open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            return _imported(folder, data, at, operators)
    except OSError:
        raise KeyUnavailable("file-unwritable") from None


def _imported(
    folder: Path, data: bytes, at: datetime, operators: Sequence[X509Certificate]
) -> TrustList:
    pinned = _pinned(folder)
    if pinned and operators and set(pinned) != set(operators):
        raise TrustListRefused(("operator-differs", ""))
    by = pinned or tuple(operators)
    if not by:
        raise TrustListRefused(("operator-unknown", ""))
    read = read_trust_list(data, by, at, _last(folder))
    if not pinned:
        bundle = "".join(pem("CERTIFICATE", each.der) for each in by)
        _replaced(folder / OPERATOR_FILE, bundle.encode())
    _replaced(folder / LIST_FILE, data)
    return read


def self_vouched(paths: Iterable[Path]) -> tuple[Path, ...]:
    """Trust lists whose signer nobody named: each is signed by the certificate that lies in it.

    Raises:
        KeyUnavailable: `file-unreadable`.
        Malformed: `too-large`.
    """
    files = (file for path in paths for file in _files(path))
    return tuple(
        file
        for file in files
        if is_trust_list(contents(file, MAX_LIST)) and not _pinned(file.parent)
    )


def _last(folder: Path) -> Known | None:
    file = folder / LIST_FILE
    return known(contents(file, MAX_FILE)) if file.exists() else None


def _pinned(folder: Path) -> tuple[X509Certificate, ...]:
    file = folder / OPERATOR_FILE
    return tuple(read_bundle(contents(file, MAX_FILE))) if file.exists() else ()


def _files(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    try:
        found = sorted(each for each in path.iterdir() if each.suffix.lower() in _READ)
    except OSError:
        raise KeyUnavailable("file-unreadable") from None
    if len(found) > MAX_FILES:
        raise Malformed("too-many-files")
    yield from found


def _read(file: Path, at: datetime, operators: Sequence[X509Certificate]) -> TrustStore:
    data = contents(file, MAX_LIST)
    if is_trust_list(data):
        by = operators or _pinned(file.parent) or (signer_of(data),)
        return read_trust_list(data, by, at).store
    if b"-----BEGIN X509 CRL" in data:
        return TrustStore(lists=(read_list(data),))
    try:
        certificates = read_bundle(data)
    except Malformed:
        if b"-----BEGIN" in data:
            raise
        return TrustStore(lists=(read_list(data),))
    return TrustStore.of(
        anchors=(each for each in certificates if each.self_issued),
        intermediates=(each for each in certificates if not each.self_issued),
    )


def contents(file: Path, most: int) -> bytes:
    """What a file holds.

    Raises:
        KeyUnavailable: `file-unreadable`.
        Malformed: `too-large`.
    """
    try:
        with file.open("rb") as opened:
            data = opened.read(most + 1)
    except OSError:
        raise KeyUnavailable("file-unreadable") from None
    if len(data) > most:
        raise Malformed("too-large")
    return data


def _replaced(file: Path, data: bytes) -> None:
    """Wholly or not at all."""
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=".trust-")
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(file)
    except OSError:
        with suppress(OSError):
            Path(name).unlink()
        raise
