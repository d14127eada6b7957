"""The ports in this process: for tests, rehearsals and previews."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from certificates.annotated import AnnotatedCopy
from certificates.digests import sm3
from certificates.errors import (
    IdentifierTaken,
    KeyReused,
    LostBytes,
    RegisterConflict,
    UnknownCertificate,
)
from certificates.issuing import DONE, Intent
from certificates.lifecycle import Certificate
from certificates.ports import Now


class MemoryNumbers:
    """See `certificates.ports.Numbers`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken: Counter[str] = Counter()

    def take(self, series: str) -> int:
        """See the port."""
        with self._lock:
            self._taken[series] += 1
            return self._taken[series]


class MemoryBlobs:
    """See `certificates.ports.Blobs`."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def put(self, content: bytes) -> str:
        """See the port."""
        digest = sm3(content)
        self._kept[digest] = content
        return digest

    def get(self, digest: str) -> bytes:
        """See the port."""
        content = self._kept.get(digest)
        if content is None or sm3(content) != digest:
            raise LostBytes(digest)
        return content


class MemoryRegister:
    """See `certificates.ports.Register`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._intents: dict[str, Intent] = {}
        self._identifiers: set[str] = set()
        self._certificates: dict[str, Certificate] = {}

    def intend(self, intent: Intent) -> Intent:
        """See the port."""
        with self._lock:
            kept = self._intents.get(intent.key)
            if kept is not None:
                if kept.request_digest != intent.request_digest:
                    raise KeyReused(intent.key)
                return kept
            if intent.identifier in self._identifiers:
                raise IdentifierTaken(intent.key)
            self._identifiers.add(intent.identifier)
            self._intents[intent.key] = intent
            return intent

    def intent(self, key: str) -> Intent | None:
        """See the port."""
        with self._lock:
            return self._intents.get(key)

    def advance(self, before: Intent, after: Intent) -> None:
        """See the port."""
        with self._lock:
            self._check(before, after)
            self._intents[before.key] = after

    def record(
        self, before: Intent, after: Intent, certificate: Certificate, *others: Certificate
    ) -> None:
        """See the port."""
        with self._lock:
            self._check(before, after)
            for other in others:
                self._check_next(other)
            self._intents[before.key] = after
            self._certificates[certificate.identifier] = certificate
            for other in others:
                self._certificates[other.identifier] = other

    def unfinished(self, before: datetime) -> Iterable[Intent]:
        """See the port."""
        with self._lock:
            found = [i for i in self._intents.values() if i.stage not in DONE]
        return tuple(
            sorted((i for i in found if i.created_at < before), key=lambda i: (i.created_at, i.key))
        )

    def get(self, identifier: str) -> Certificate:
        """See the port."""
        with self._lock:
            return self._found(identifier)

    def put(self, certificate: Certificate) -> None:
        """See the port."""
        with self._lock:
            self._check_next(certificate)
            self._certificates[certificate.identifier] = certificate

    def of_holder(self, code: str) -> Iterable[Certificate]:
        """See the port."""
        with self._lock:
            every = [self._certificates[key] for key in sorted(self._certificates)]
        return tuple(c for c in every if any(holder.code == code for holder in c.holders))

    def _found(self, identifier: str) -> Certificate:
        certificate = self._certificates.get(identifier)
        if certificate is None:
            raise UnknownCertificate
        return certificate

    def _check(self, before: Intent, after: Intent) -> None:
        if self._intents.get(before.key) != before or after.identifier != before.identifier:
            raise RegisterConflict(before.key)

    def _check_next(self, certificate: Certificate) -> None:
        if certificate.history[:-1] != self._found(certificate.identifier).history:
            raise RegisterConflict


class MemoryCopies:
    """See `certificates.ports.Copies`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._copies: dict[str, AnnotatedCopy] = {}

    def add(self, copy: AnnotatedCopy) -> None:
        """See the port."""
        with self._lock:
            if copy.identifier in self._copies:
                raise IdentifierTaken
            self._copies[copy.identifier] = copy

    def get(self, identifier: str) -> AnnotatedCopy:
        """See the port."""
        with self._lock:
            copy = self._copies.get(identifier)
        if copy is None:
            raise UnknownCertificate
        return copy

    def of(self, certificate: str) -> Iterable[AnnotatedCopy]:
        """See the port."""
        with self._lock:
            found = [copy for copy in self._copies.values() if copy.parent == certificate]
        return tuple(sorted(found, key=lambda copy: copy.identifier))

    def revoke(self, copy: AnnotatedCopy) -> None:
        """See the port."""
        with self._lock:
            kept = self._copies.get(copy.identifier)
            if kept is None:
                raise UnknownCertificate
            if kept.revoked is not None or copy.revoked is None:
                raise RegisterConflict
            self._copies[copy.identifier] = copy


class MemoryPresentations:
    """See `certificates.ports.Presentations`. What nobody took is dropped when its time is over."""

    def __init__(self, now: Now) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[bytes, datetime]] = {}

    def put(self, token_digest: str, presentation: bytes, until: datetime) -> None:
        """See the port."""
        with self._lock:
            self._kept = {k: row for k, row in self._kept.items() if row[1] > self._now()}
            self._kept[token_digest] = (presentation, until)

    def take(self, token_digest: str) -> bytes | None:
        """See the port."""
        with self._lock:
            kept = self._kept.pop(token_digest, None)
            return kept[0] if kept else None
