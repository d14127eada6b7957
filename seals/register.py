"""A register of seals in this process: for tests, rehearsals, and a hub that keeps no seals."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime

from seals.errors import RegisterConflict, SealRefused, UnknownSeal
from seals.lifecycle import has_rival
from seals.registered import RegisteredSeal, State, content_digest
from seals.using import Freeze, Use, local_day, why_not


class MemoryRegister:
    """See `seals.ports.SealRegister`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seals: dict[str, RegisteredSeal] = {}
        self._log: list[tuple[Use, tuple[str, ...]]] = []
        self._counts: Counter[tuple[str, date]] = Counter()
        self._freezes: list[Freeze] = []
        self._content: dict[str, bytes] = {}

    def put(self, seal: RegisteredSeal) -> None:
        """See the port."""
        with self._lock:
            kept = self._seals.get(seal.id)
            if seal.history[:-1] != (kept.history if kept else ()):
                raise RegisterConflict(seal.id)
            others = [each for each in self._seals.values() if each.id != seal.id]
            beside = (each for each in others if each.organisation == seal.organisation)
            if seal.state is State.APPLIED and has_rival(seal, beside):
                raise RegisterConflict(seal.id)
            if seal.number and any(each.number == seal.number for each in others):
                raise RegisterConflict(seal.id)
            self._seals[seal.id] = seal

    def get(self, seal_id: str) -> RegisteredSeal:
        """See the port."""
        with self._lock:
            return self._found(seal_id)

    def of(self, organisation: str) -> Iterable[RegisteredSeal]:
        """See the port."""
        return tuple(seal for seal in self.every() if seal.organisation == organisation)

    def every(self) -> Iterable[RegisteredSeal]:
        """See the port."""
        with self._lock:
            return tuple(self._seals[key] for key in sorted(self._seals))

    def use(self, use: Use) -> int:
        """See the port."""
        with self._lock:
            seal, today = self._found(use.seal_id), (use.seal_id, local_day(use.at))
            against = why_not(seal, use, self._counts[today], self._freezes)
            self._log.append((use, against))
            if against:
                raise SealRefused(against[0], ", ".join(against))
            self._counts[today] += 1
            return self._counts[today]

    def uses(self, seal_id: str) -> Iterable[tuple[Use, tuple[str, ...]]]:
        """See the port."""
        with self._lock:
            return tuple(entry for entry in self._log if entry[0].seal_id == seal_id)

    def freeze(self, freeze: Freeze) -> None:
        """See the port."""
        with self._lock:
            self._freezes.append(freeze)

    def freezes(self) -> Iterable[Freeze]:
        """See the port."""
        with self._lock:
            return tuple(self._freezes)

    def thaw(self, by: str, at: datetime, reason: str) -> None:  # noqa: ARG002  a store keeps `at`
        """See the port."""
        with self._lock:
            if not reason.strip():
                raise SealRefused("reason")
            if any(freeze.by == by for freeze in self._freezes):
                raise SealRefused("same-person")
            self._freezes.clear()

    def keep(self, data: bytes) -> str:
        """See the port."""
        digest = content_digest(data)
        with self._lock:
            self._content[digest] = data
        return digest

    def kept(self, digest: str) -> bytes:
        """See the port."""
        with self._lock:
            if digest not in self._content:
                raise UnknownSeal(digest)
            return self._content[digest]

    def _found(self, seal_id: str) -> RegisteredSeal:
        seal = self._seals.get(seal_id)
        if seal is None:
            raise UnknownSeal(seal_id)
        return seal
