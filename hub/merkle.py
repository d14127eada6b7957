"""The Merkle tree of RFC 6962 §2.1, pure: hashes in, hashes out.

A tree of n leaves is kept as its *frontier*: the roots of the complete subtrees that make it up,
largest first, one for each bit of n. Appending costs O(log n) and needs no other node.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

HASH_SIZE = 32
SubtreeHash = Callable[[int, int], bytes]
"""`(first, size)` → root of the complete subtree of `size` (a power of two) leaves from `first`."""


def leaf_hash(data: bytes) -> bytes:
    """MTH({d}) = SHA-256(0x00 ‖ d)."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 ‖ left ‖ right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Frontier:
    """A tree of `size` leaves, by the roots of its complete subtrees."""

    size: int = 0
    nodes: tuple[bytes, ...] = ()

    def append(self, leaf: bytes) -> Frontier:
        """The tree with one more leaf (given as its hash)."""
        return self.grown(leaf)[0]

    def grown(self, leaf: bytes) -> tuple[Frontier, list[bytes]]:
        """The tree with one more leaf, and the roots of all complete subtrees that end with it.

        The roots are those of 1, 2, 4, … leaves, the leaf itself first.
        """
        nodes, size, complete = list(self.nodes), self.size, [leaf]
        while size & 1:
            complete.append(node_hash(nodes.pop(), complete[-1]))
            size >>= 1
        nodes.append(complete[-1])
        return Frontier(self.size + 1, tuple(nodes)), complete

    @property
    def root(self) -> bytes:
        """MTH of the whole tree; of the empty one, the hash of the empty string."""
        if not self.nodes:
            return hashlib.sha256(b"").digest()
        root = self.nodes[-1]
        for node in reversed(self.nodes[:-1]):
            root = node_hash(node, root)
        return root

    def to_bytes(self) -> bytes:
        """The nodes, one after the other."""
        return b"".join(self.nodes)

    @classmethod
    def from_bytes(cls, size: int, data: bytes) -> Frontier:
        """Read what `to_bytes` wrote.

        Raises:
            ValueError: the number of nodes does not fit the size.
        """
        nodes = tuple(data[i : i + HASH_SIZE] for i in range(0, len(data), HASH_SIZE))
        if len(data) != HASH_SIZE * size.bit_count() or size < 0:
            raise ValueError("frontier does not fit its size")
        return cls(size, nodes)


def fold(leaves: Iterable[bytes]) -> bytes:
    """The root over leaf hashes."""
    frontier = Frontier()
    for leaf in leaves:
        frontier = frontier.append(leaf)
    return frontier.root


def inclusion_proof(index: int, size: int, subtree: SubtreeHash) -> list[bytes]:
    """PATH(index, D[size]) of §2.1.1, leaf upwards."""
    if not 0 <= index < size:
        raise ValueError("index outside the tree")
    return _path(index, 0, size, subtree)


def _path(index: int, first: int, size: int, subtree: SubtreeHash) -> list[bytes]:
    if size == 1:
        return []
    split = _split(size)
    if index < split:
        return [
            *_path(index, first, split, subtree),
            range_root(first + split, size - split, subtree),
        ]
    return [
        *_path(index - split, first + split, size - split, subtree),
        range_root(first, split, subtree),
    ]


def range_root(first: int, size: int, subtree: SubtreeHash) -> bytes:
    """MTH(D[first : first + size])."""
    if size & (size - 1) == 0:
        return subtree(first, size)
    split = _split(size)
    return node_hash(
        range_root(first, split, subtree), range_root(first + split, size - split, subtree)
    )


def consistency_proof(old: int, new: int, subtree: SubtreeHash) -> list[bytes]:
    """PROOF(old, D[new]) of §2.1.2."""
    if not 0 < old <= new:
        raise ValueError("0 < old <= new")
    return _subproof(old, 0, new, subtree, whole=True)


def _subproof(old: int, first: int, size: int, subtree: SubtreeHash, *, whole: bool) -> list[bytes]:
    if old == size:
        return [] if whole else [range_root(first, size, subtree)]
    split = _split(size)
    if old <= split:
        return [
            *_subproof(old, first, split, subtree, whole=whole),
            range_root(first + split, size - split, subtree),
        ]
    return [
        *_subproof(old - split, first + split, size - split, subtree, whole=False),
        range_root(first, split, subtree),
    ]


def verify_inclusion(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> bool:
    """Does the proof lead from this leaf at this place to this root? (RFC 9162 §2.1.3.2)"""
    if not 0 <= index < size or any(len(p) != HASH_SIZE for p in proof):
        return False
    fn, sn, r = index, size - 1, leaf
    for p in proof:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            r = node_hash(p, r)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = node_hash(r, p)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and r == root


def verify_consistency(
    old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes
) -> bool:
    """Is the old tree the beginning of the new one? (RFC 9162 §2.1.4.2)"""
    if old == new:
        return not proof and old_root == new_root
    if not 0 < old < new or not proof:
        return False
    path = list(proof)
    if old & (old - 1) == 0:
        path.insert(0, old_root)
    fn, sn = old - 1, new - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for c in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = node_hash(c, fr), node_hash(c, sr)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node_hash(sr, c)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and fr == old_root and sr == new_root


def _split(size: int) -> int:
    """The largest power of two smaller than `size`."""
    return 1 << (size - 1).bit_length() - 1
