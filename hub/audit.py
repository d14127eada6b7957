"""Recomputing the whole evidence log: is every row what was hashed, and which is not?

Read block by block, so that a log of any length fits in memory. Only rows below the head of the
start are judged; what is appended meanwhile is for the next audit. Whoever rewrites rows, tiles and
head together is still found out by the signed tree heads that were kept, here or by others.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from hub.database import Database
from hub.errors import CorruptLog, KeyUnavailable
from hub.merkle import Frontier, leaf_hash
from hub.store import (
    TILE_HEIGHT,
    StoredLeaf,
    kept_checkpoints,
    last_checkpoint_size,
    places_outside,
    read_head,
    read_leaves,
    read_tile,
)
from hub.vault import Vault, signature_holds

_BLOCK = 1 << TILE_HEIGHT
"""Rows judged at a time: those of one tile of the first level."""


def audit(database: Database, vault: Vault) -> list[str]:
    """Findings, each naming its place; an empty list: the log is whole."""
    try:
        head = read_head(database)
        outside = places_outside(database, head.size)
        walk = _Walk(database, vault)
        for first in range(0, head.size, _BLOCK):
            walk.judge_block(first, min(_BLOCK, head.size - first))
        walk.judge_head(head)
        # Asked again: what was appended since the start is inside the head of now.
        size = read_head(database).size
    except CorruptLog as problem:
        return [f"head: {problem.why}"]
    strangers = [f"row {place}: outside the log" for place in outside if not 0 <= place < size]
    latest = last_checkpoint_size(database)
    lost = [f"checkpoint {latest}: larger than the log"] if latest > size else []
    return [*walk.findings, *strangers, *lost]


@dataclass(slots=True)
class _Walk:
    database: Database
    vault: Vault
    findings: list[str] = field(default_factory=list)
    blocks: Frontier = field(default_factory=Frontier)
    """The tree over whole blocks: a block's root takes the place of a leaf."""
    rest: Frontier | None = field(default_factory=Frontier)
    """The tree over the last, unfinished block; None: its rows cannot tell."""

    def judge_block(self, first: int, count: int) -> None:
        """Judge the rows of one block one by one, then as a whole."""
        known = len(self.findings)
        rows = read_leaves(self.database, first, count)
        there = {row.index for row in rows}
        missing = [place for place in range(first, first + count) if place not in there]
        self.findings += [f"row {place}: missing" for place in missing]
        for row in rows:
            self.findings += [f"row {row.index}: {wrong}" for wrong in self._wrong_with(row)]
        clean = len(self.findings) == known
        tree = self._tree_of(first, rows) if clean else None
        if count < _BLOCK:
            self.rest = tree
        else:
            self._finish_block(first, tree)

    def judge_head(self, head: Frontier) -> None:
        """Each node of the head covers a stretch of rows; a differing one says where to look."""
        nodes = (*self.blocks.nodes, *(self.rest.nodes if self.rest else ()))
        first = 0
        stretches = [
            1 << bit for bit in reversed(range(head.size.bit_length())) if head.size >> bit & 1
        ]
        for number, (stretch, node) in enumerate(zip(stretches, head.nodes, strict=True)):
            if number < len(nodes) and nodes[number] != node:
                self.findings.append(f"rows {first}–{first + stretch - 1}: not those of the head")
            first += stretch

    def _wrong_with(self, row: StoredLeaf) -> Iterator[str]:
        if leaf_hash(row.leaf.encode()) != row.leaf_hash:
            yield "leaf and its hash differ"
        if _told_by(row.leaf) != (row.id, row.kind, row.at):
            yield "id, kind or time is not that of the leaf"
        if row.sealed is not None:  # Nothing sealed is no fault: it may have been erased.
            try:
                self.vault.open_sealed("hub_evidence", "sealed", row.id, row.sealed)
            except KeyUnavailable:
                yield "what is sealed beside it does not open"

    def _tree_of(self, first: int, rows: Sequence[StoredLeaf]) -> Frontier:
        """The tree over a block's rows; heads that were kept within the block are held against it."""
        kept = kept_checkpoints(self.database, first + 1, first + len(rows))
        tree = Frontier()
        for row in rows:
            tree = tree.append(leaf_hash(row.leaf.encode()))
            size = first + tree.size
            if size in kept:
                whole = Frontier(size, (*self.blocks.nodes, *tree.nodes))
                self.findings += self._wrong_with_checkpoint(whole, kept)
        return tree

    def _wrong_with_checkpoint(self, tree: Frontier, kept: Mapping[int, str]) -> Iterator[str]:
        origin, _, signed = kept[tree.size].partition("\n")
        text, _, note = signed.partition("\n\n")
        if text != f"{tree.size}\n{base64.b64encode(tree.root).decode()}":
            yield f"checkpoint {tree.size}: not the head of these rows"
        try:
            signature = base64.b64decode(note.split()[-1], validate=True)[4:]
        except (ValueError, IndexError):
            signature = b""
        message = f"{origin}\n{text}\n".encode()
        if not signature_holds(self.vault.public_key, message, signature):
            yield f"checkpoint {tree.size}: not signed by this hub"

    def _finish_block(self, first: int, tree: Frontier | None) -> None:
        number = first // _BLOCK
        stored = read_tile(self.database, 1, number)
        root = tree.root if tree else stored
        if tree and stored != root:
            self.findings.append(f"rows {first}–{first + _BLOCK - 1}: not those of their tile")
        # Where the rows cannot tell, the tile stands in, so that one fault is not reported twice.
        self.blocks, complete = self.blocks.grown(root or b"")
        for level, higher in enumerate(complete[TILE_HEIGHT::TILE_HEIGHT], start=2):
            place = number >> (level - 1) * TILE_HEIGHT
            if read_tile(self.database, level, place) != higher:
                since = place << level * TILE_HEIGHT
                self.findings.append(f"rows {since}–{first + _BLOCK - 1}: not those of their tile")


def _told_by(leaf: str) -> tuple[object, object, object] | None:
    """Id, kind and time as a leaf's text says."""
    try:
        told = json.loads(leaf)
        return told["id"], told["kind"], told["at"]
    except (ValueError, KeyError, TypeError):
        return None
