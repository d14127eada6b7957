"""The evidence log: append-only, hashed after RFC 6962, with signed tree heads.

One writer thread commits whatever is queued in one transaction, so that many callers share one
disk write; a caller goes on only when its records are durable. Leaves hold no personal data: they
hold commitments, and what opens them is sealed beside the leaf.

Proofs need the roots of complete subtrees. Those of 256, 65,536, … leaves are stored as they become
complete (the tiles of C2SP tlog-tiles); smaller ones are hashed again from at most 256 neighbours.
An append writes 1 + 1/256 rows and a proof reads a few hundred hashes, however long the log is.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import queue
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from hub.database import Database
from hub.errors import EvidenceUnavailable, HubError, UnknownReceipt
from hub.merkle import (
    Frontier,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
)
from hub.store import (
    TILE_HEIGHT,
    ids_by_blind_index,
    read_head,
    read_leaf,
    read_leaves,
    stored_subtrees,
    write_leaves,
)
from hub.vault import Vault


class EvidenceKind(StrEnum):
    """What may stand in the log. A closed list; ARCHITECTURE.md explains each."""

    ASKED = "asked"
    ANSWERED = "answered"
    REFUSED = "refused"
    TOKEN_ISSUED = "token_issued"  # noqa: S105  (a kind of record, no secret)
    TOKEN_REFUSED = "token_refused"  # noqa: S105  (a kind of record, no secret)
    GRANT_CHANGED = "grant_changed"
    CONSUMER_CHANGED = "consumer_changed"
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
    """The text that is hashed."""
    return canonical_json(
        {
            "v": 1,
            "kind": str(record.kind),
            "id": record.id,
            "at": record.at.astimezone(UTC).isoformat(timespec="milliseconds"),
            "body": record.body,
        }
    )


def key_hash(origin: str, public_key: bytes) -> bytes:
    """The four bytes that name a key in a signed note (C2SP signed-note, Ed25519)."""
    return hashlib.sha256(origin.encode() + b"\n\x01" + public_key).digest()[:4]


@dataclass(slots=True)
class _Batch:
    rows: list[dict[str, Any]]
    blinds: list[list[bytes]]
    done: Future[int]


class EvidenceLog:
    """The log over a database. One instance a process; several processes share one log."""

    def __init__(self, database: Database, vault: Vault, origin: str) -> None:
        self._database, self._vault = database, vault
        self.origin = origin
        self._queue: queue.SimpleQueue[_Batch | None] = queue.SimpleQueue()
        self._closed = False
        self._writer = threading.Thread(target=self._write, name="evidence-writer", daemon=True)
        self._writer.start()

    def submit(self, records: Sequence[EvidenceRecord]) -> Future[int]:
        """Queue records; the future gives the index of the first once they are durable."""
        done: Future[int] = Future()
        if self._closed:
            done.set_exception(EvidenceUnavailable("log-closed"))
            return done
        try:
            rows = [self._row(record) for record in records]
            blinds = [
                [self._vault.blind_index(kind, number) for kind, number in record.subjects]
                for record in records
            ]
        except HubError as problem:
            done.set_exception(EvidenceUnavailable(problem.why))
            return done
        self._queue.put(_Batch(rows, blinds, done))
        return done

    async def append(self, records: Sequence[EvidenceRecord]) -> int:
        """Return once the records are durable.

        Raises:
            EvidenceUnavailable: they are not, and nothing may be disclosed.
        """
        # A caller that goes away does not take its record back: what was done stays written.
        return await asyncio.shield(asyncio.wrap_future(self.submit(records)))

    def close(self) -> None:
        """Write what is queued, then stop."""
        if not self._closed:
            self._closed = True
            self._queue.put(None)
            self._writer.join(timeout=10)

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
            raise UnknownReceipt(receipt_id)
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
        head = read_head(self._database)
        findings: list[str] = []
        frontier, expected = Frontier(), 0
        while True:
            leaves = read_leaves(self._database, expected, 4096)
            if not leaves:
                break
            for leaf in leaves:
                if leaf.index != expected:
                    findings.append(f"row {expected}: missing")
                    expected = leaf.index
                if leaf_hash(leaf.leaf.encode()) != leaf.leaf_hash:
                    findings.append(f"row {leaf.index}: leaf and its hash differ")
                frontier = frontier.append(leaf.leaf_hash)
                expected += 1
        if expected != head.size:
            findings.append(f"{expected} rows, the head says {head.size}")
        elif frontier.root != head.root:
            findings.append("the root of the rows is not the root of the head")
        return findings

    def _row(self, record: EvidenceRecord) -> dict[str, Any]:
        leaf = leaf_of(record)
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
        while (batch := self._queue.get()) is not None:
            batches = [batch]
            stop = False
            while len(batches) < 512:
                try:
                    more = self._queue.get_nowait()
                except queue.Empty:
                    break
                if more is None:
                    stop = True
                    break
                batches.append(more)
            self._commit(batches)
            if stop:
                return

    def _commit(self, batches: Sequence[_Batch]) -> None:
        rows = [row for batch in batches for row in batch.rows]
        blinds = [blind for batch in batches for blind in batch.blinds]
        try:
            first = write_leaves(self._database, rows, blinds, _grow)
        except EvidenceUnavailable as problem:
            for batch in batches:
                batch.done.set_exception(EvidenceUnavailable(problem.why))
            return
        for batch in batches:
            batch.done.set_result(first)
            first += len(batch.rows)


def _grow(frontier: Frontier, hashes: Sequence[bytes]) -> tuple[Frontier, list[dict[str, Any]]]:
    """The tree with `hashes` appended, and the tiles that became complete by it."""
    tiles: list[dict[str, Any]] = []
    for leaf in hashes:
        frontier, complete = frontier.grown(leaf)
        for level, root in enumerate(complete[::TILE_HEIGHT]):
            if level:
                number = (frontier.size >> level * TILE_HEIGHT) - 1
                tiles.append({"level": level, "number": number, "hash": root})
    return frontier, tiles
