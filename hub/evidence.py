"""The evidence log: append-only, hashed after RFC 6962, with signed tree heads.

One writer thread commits whatever is queued in one transaction, so that many callers share one
disk write; a caller goes on only when its records are durable. Leaves hold no personal data: they
hold commitments, and what opens them is sealed beside the leaf.

Tree heads are signed when somebody asks for one; signing each commit would cost as much as the
hashing, for heads that nobody sees. Every ten seconds, and at the end, the writer signs one anyway and
keeps it in the same transaction: a later audit holds the log against these.

Proofs need the roots of complete subtrees. Those of 256, 65,536, … leaves are stored as they become
complete (the tiles of C2SP tlog-tiles); smaller ones are hashed again from at most 256 neighbours.
An append writes 1 + 1/256 rows and a proof reads a few hundred hashes, however long the log is.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import json
import queue
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from hub.audit import audit
from hub.database import Database
from hub.errors import DuplicateRequest, EvidenceUnavailable, HubError, UnknownReceipt
from hub.merkle import (
    Frontier,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
)
from hub.store import (
    TILE_HEIGHT,
    Growth,
    ids_by_blind_index,
    keep_checkpoint,
    read_head,
    read_leaf,
    stored_subtrees,
    write_leaves,
)
from hub.vault import Vault

_CROWD, _LINGER_SECONDS = 4, 0.002
"""From so many callers waiting at a time, the next commit is put off so long. A plan's three or
four subjects are no crowd: at a quiet counter nobody waits.
"""
_MOST_BATCHES = 512
"""In one transaction: enough to share a disk write, few enough to keep it short."""
_LONGEST_ID = 48
_KEEP_SECONDS = 10.0
"""Between two tree heads that are signed to be kept."""


class EvidenceKind(StrEnum):
    """What may stand in the log. A closed list; ARCHITECTURE.md explains each."""

    ASKED = "asked"
    ANSWERED = "answered"
    REFUSED = "refused"
    TOKEN_ISSUED = "token_issued"  # noqa: S105  (a kind of record, no secret)
    TOKEN_REFUSED = "token_refused"  # noqa: S105  (a kind of record, no secret)
    GRANT_CHANGED = "grant_changed"
    CONSUMER_CHANGED = "consumer_changed"
    BATCH_ACCEPTED = "batch_accepted"
    BATCH_ENDED = "batch_ended"
    CHECK_RECEIVED = "check_received"
    CHECK_ANSWERED = "check_answered"
    CHECK_DELIVERED = "check_delivered"
    CHECK_WITHDRAWN = "check_withdrawn"
    TASK_PLACED = "task_placed"
    TASK_ANSWERED = "task_answered"
    STARTED = "started"


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceRecord:
    """One thing that happened."""

    kind: EvidenceKind
    id: str
    """The receipt's id for what was answered or refused; `evd_…` otherwise."""
    at: datetime
    body: Mapping[str, Any]
    """JSON without floats and without personal data."""
    subjects: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """(kind of number, number): to be found again by, never to be read back."""
    private: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Personal values and salts, sealed beside the leaf."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A record of the log with the proof that it is in it."""

    id: str
    leaf: str
    index: int
    size: int
    proof: tuple[bytes, ...]
    checkpoint: str
    public_key: bytes
    private: Mapping[str, str] = field(repr=False)


def canonical_json(value: object) -> str:
    """The one way to write a value: sorted keys, no spaces, UTF-8 (RFC 8785 for our types)."""
    return json.dumps(
        value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
    )


def leaf_of(record: EvidenceRecord) -> str:
    """The text that is hashed.

    Raises:
        ValueError: a float in it, which has no one way to be written, or an id that cannot be one.
    """
    if not 0 < len(record.id) <= _LONGEST_ID or _has_float(record.body):
        raise ValueError("not a record that can be hashed")
    return canonical_json(
        {
            "v": 1,
            "kind": str(record.kind),
            "id": record.id,
            "at": record.at.astimezone(UTC).isoformat(timespec="milliseconds"),
            "body": record.body,
        }
    )


def _has_float(value: object) -> bool:
    if isinstance(value, Mapping):
        return any(map(_has_float, value.values()))
    if isinstance(value, list | tuple):
        return any(map(_has_float, value))
    return isinstance(value, float)


def key_hash(origin: str, public_key: bytes) -> bytes:
    """The four bytes that name a key in a signed note (C2SP signed-note, Ed25519)."""
    return hashlib.sha256(origin.encode() + b"\n\x01" + public_key).digest()[:4]


@dataclass(frozen=True, slots=True)
class _Batch:
    """What one caller wants written together."""

    records: Sequence[EvidenceRecord]
    leaves: Sequence[str]
    done: Future[int]

    def fail(self, why: str) -> None:
        """Tell the caller that nothing of it was written."""
        self.done.set_exception(EvidenceUnavailable(why))


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A batch as rows."""

    batch: _Batch
    rows: Sequence[Mapping[str, Any]]
    blinds: Sequence[Sequence[bytes]]


class EvidenceLog:
    """The log over a database. One instance a process; several processes share one log."""

    def __init__(self, database: Database, vault: Vault, origin: str) -> None:
        self._database, self._vault = database, vault
        self.origin = origin
        self._queue: queue.SimpleQueue[_Batch | None] = queue.SimpleQueue()
        self._closed = False
        self._closing = threading.Lock()
        self._kept_at = float("-inf")
        self._crowded = False
        self._writer = threading.Thread(target=self._write, name="evidence-writer", daemon=True)
        self._writer.start()

    def submit(self, records: Sequence[EvidenceRecord]) -> Future[int]:
        """Queue records; the future gives the index of the first once they are durable.

        The future fails with `EvidenceUnavailable`: none of these records was written.

        Raises:
            ValueError: a record that cannot be hashed; a mistake of ours.
        """
        batch = _Batch(records, [leaf_of(record) for record in records], Future())
        with self._closing:
            if self._closed:
                batch.fail("log-closed")
            else:
                self._queue.put(batch)
        return batch.done

    async def append(self, records: Sequence[EvidenceRecord]) -> int:
        """Return once the records are durable.

        Raises:
            EvidenceUnavailable: they are not, and nothing may be disclosed.
        """
        # A caller that goes away does not take its record back: what was done stays written.
        return await asyncio.shield(asyncio.wrap_future(self.submit(records)))

    def close(self) -> None:
        """Write what is queued, keep the last tree head, then stop."""
        with self._closing:
            if self._closed:
                return
            self._closed = True
            self._queue.put(None)
        self._writer.join(timeout=10)
        # A head that cannot be kept at the end is no loss: the records are there, and it can be
        # signed again.
        with contextlib.suppress(HubError):
            head = read_head(self._database)
            if head.size:
                keep_checkpoint(self._database, head.size, self.checkpoint(head))

    def checkpoint(self, head: Frontier | None = None) -> str:
        """The signed tree head, as a C2SP tlog-checkpoint."""
        head = head or read_head(self._database)
        root = base64.b64encode(head.root).decode()
        text = f"{self.origin}\n{head.size}\n{root}\n"
        public = self._vault.public_key
        signed = key_hash(self.origin, public) + self._vault.sign(text.encode())
        return f"{text}\n— {self.origin} {base64.b64encode(signed).decode()}\n"

    def receipt(self, receipt_id: str) -> Receipt:
        """A record with its proof against the newest tree head.

        Raises:
            UnknownReceipt: there is none of that id.
        """
        stored = read_leaf(self._database, receipt_id)
        if stored is None:
            raise UnknownReceipt
        head = read_head(self._database)
        with stored_subtrees(self._database) as subtree:
            proof = inclusion_proof(stored.index, head.size, subtree)
        private: dict[str, str] = {}
        if stored.sealed is not None:
            text = self._vault.open_sealed("hub_evidence", "sealed", stored.id, stored.sealed)
            private = json.loads(text)
        return Receipt(
            id=receipt_id,
            leaf=stored.leaf,
            index=stored.index,
            size=head.size,
            proof=tuple(proof),
            checkpoint=self.checkpoint(head),
            public_key=self._vault.public_key,
            private=private,
        )

    def consistency(self, old: int, new: int) -> list[bytes]:
        """The proof that the tree of `old` leaves is the beginning of the one of `new`."""
        if new > read_head(self._database).size:
            raise ValueError("the tree is not that large")
        with stored_subtrees(self._database) as subtree:
            return consistency_proof(old, new, subtree)

    def find_by_subject(self, kind: str, number: str) -> list[str]:
        """Ids of all records about a subject, oldest first."""
        return ids_by_blind_index(self._database, self._vault.blind_index(kind, number))

    def audit(self) -> list[str]:
        """Recompute everything; each finding names the place. An empty list: the log is whole."""
        return audit(self._database, self._vault)

    def _row(self, record: EvidenceRecord, leaf: str) -> dict[str, Any]:
        sealed = None
        if record.private:
            text = canonical_json(dict(record.private))
            sealed = self._vault.seal("hub_evidence", "sealed", record.id, text)
        return {
            "id": record.id,
            "kind": str(record.kind),
            "at": record.at.astimezone(UTC).isoformat(timespec="milliseconds"),
            "leaf": leaf,
            "leaf_hash": leaf_hash(leaf.encode()),
            "sealed": sealed,
        }

    def _write(self) -> None:
        while batches := self._waiting():
            # A future that was cancelled before its turn is not written.
            wanted = [b for b in batches if b.done.set_running_or_notify_cancel()]
            self._crowded = len(wanted) >= _CROWD
            # Keys are opened and made before the transaction: a new one is a transaction itself.
            self._commit([p for p in map(self._prepare, wanted) if p is not None])

    def _waiting(self) -> list[_Batch]:
        """All that is queued, at least one; nothing once the log is closed."""
        batches: list[_Batch] = []
        batch = self._queue.get()
        if self._crowded:
            # Others are on their way: to wait for them a moment halves the number of commits.
            time.sleep(_LINGER_SECONDS)
        while batch is not None:
            batches.append(batch)
            if len(batches) == _MOST_BATCHES:
                return batches
            try:
                batch = self._queue.get_nowait()
            except queue.Empty:
                return batches
        if batches:
            self._queue.put(None)  # found while gathering; it is for the next time
        return batches

    def _prepare(self, batch: _Batch) -> _Prepared | None:
        try:
            pairs = zip(batch.records, batch.leaves, strict=True)
            rows = [self._row(record, leaf) for record, leaf in pairs]
            blinds = [
                [self._vault.blind_index(kind, number) for kind, number in record.subjects]
                for record in batch.records
            ]
        except Exception as problem:  # noqa: BLE001  (the writer outlives everything)
            batch.fail(_why(problem))
            return None
        return _Prepared(batch, rows, blinds)

    def _commit(self, prepared: Sequence[_Prepared]) -> None:
        rows = [row for each in prepared for row in each.rows]
        blinds = [blind for each in prepared for blind in each.blinds]
        try:
            first = write_leaves(self._database, rows, blinds, self._grow) if rows else 0
        except DuplicateRequest as problem:
            if len(prepared) == 1:
                prepared[0].batch.fail(problem.why)
                return
            # One of them is at fault; the others need not suffer for it.
            for each in prepared:
                self._commit([each])
        except Exception as problem:  # noqa: BLE001  (the writer outlives everything)
            for each in prepared:
                each.batch.fail(_why(problem))
        else:
            for each in prepared:
                each.batch.done.set_result(first)
                first += len(each.rows)

    def _grow(self, frontier: Frontier, hashes: Sequence[bytes]) -> Growth:
        grown, tiles = _grown(frontier, hashes)
        kept = None
        if time.monotonic() - self._kept_at >= _KEEP_SECONDS:
            kept = self.checkpoint(grown)
            self._kept_at = time.monotonic()
        return Growth(frontier=grown, tiles=tiles, checkpoint=kept)


def _grown(frontier: Frontier, hashes: Iterable[bytes]) -> tuple[Frontier, list[dict[str, Any]]]:
    """The tree with `hashes` appended, and the tiles that became complete by it."""
    tiles: list[dict[str, Any]] = []
    for leaf in hashes:
        frontier, complete = frontier.grown(leaf)
        for level, root in enumerate(complete[::TILE_HEIGHT]):
            if level:
                number = (frontier.size >> level * TILE_HEIGHT) - 1
                tiles.append({"level": level, "number": number, "hash": root})
    return frontier, tiles


def _why(problem: Exception) -> str:
    """The stable part of a failure; a library's text may hold values."""
    return problem.why if isinstance(problem, HubError) else type(problem).__name__
