"""The tree of RFC 6962 against its published vectors and a naive definition."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.merkle import (
    Frontier,
    SubtreeHash,
    consistency_proof,
    fold,
    inclusion_proof,
    leaf_hash,
    verify_consistency,
    verify_inclusion,
)

# The eight inputs and roots used by the certificate-transparency projects' own tests.
INPUTS = [
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
]  # fmt: skip
ROOT_OF_8 = "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"


def naive_root(leaves: Sequence[bytes]) -> bytes:
    """MTH as the RFC writes it, on raw data."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + naive_root(leaves[:k]) + naive_root(leaves[k:])).digest()


def subtree_of(leaves: Sequence[bytes]) -> SubtreeHash:
    """Subtree roots straight from the data."""
    return lambda first, size: naive_root(leaves[first : first + size])


def test_published_root() -> None:
    """Eight known leaves give the published root."""
    leaves = [leaf_hash(bytes.fromhex(text)) for text in INPUTS]

    assert fold(leaves).hex() == ROOT_OF_8


def test_empty_tree() -> None:
    """The root of nothing is the hash of nothing."""
    assert Frontier().root == hashlib.sha256(b"").digest()


@given(st.integers(0, 70))
def test_frontier_agrees_with_the_definition(size: int) -> None:
    """Appending one by one gives what the recursive definition gives."""
    data = [bytes([n]) for n in range(size)]
    frontier = Frontier()
    for leaf in data:
        frontier = frontier.append(leaf_hash(leaf))

    assert frontier.root == naive_root(data)
    assert Frontier.from_bytes(frontier.size, frontier.to_bytes()) == frontier


@given(st.data())
def test_inclusion_proof_holds_for_its_own_leaf_only(data: st.DataObject) -> None:
    """A proof leads from its leaf to the root, and from no other leaf, place, size or node."""
    size = data.draw(st.integers(1, 70))
    index = data.draw(st.integers(0, size - 1))
    leaves = [bytes([n]) for n in range(size)]
    root = naive_root(leaves)
    proof = inclusion_proof(index, size, subtree_of(leaves))
    leaf = leaf_hash(leaves[index])

    assert verify_inclusion(leaf, index, size, proof, root)
    assert not verify_inclusion(leaf_hash(b"another"), index, size, proof, root)
    assert not verify_inclusion(leaf, index, size, [*proof, root], root)
    assert not verify_inclusion(leaf, index, size, proof, leaf_hash(b"root"))
    assert not verify_inclusion(leaf, size, size, proof, root)
    assert not verify_inclusion(leaf, -1, size, proof, root)
    if proof:
        assert not verify_inclusion(leaf, index, size, proof[:-1], root)
        assert not verify_inclusion(leaf, index, size, [proof[0][:-1], *proof[1:]], root)
        assert not verify_inclusion(leaf, index ^ 1, size, proof, root)


@given(st.data())
def test_consistency_proof_holds_for_its_own_trees_only(data: st.DataObject) -> None:
    """The old tree is the beginning of the new one, and of no other."""
    new = data.draw(st.integers(1, 70))
    old = data.draw(st.integers(1, new))
    leaves = [bytes([n]) for n in range(new)]
    proof = consistency_proof(old, new, subtree_of(leaves))
    old_root, new_root = naive_root(leaves[:old]), naive_root(leaves)

    assert verify_consistency(old, new, proof, old_root, new_root)
    assert not verify_consistency(old, new, proof, leaf_hash(b"x"), new_root)
    assert not verify_consistency(old, new, [*proof, new_root], old_root, new_root)
    if old != new:
        assert not verify_consistency(old, new, proof, old_root, leaf_hash(b"x"))
        assert not verify_consistency(old, new, [], old_root, new_root)


def test_frontier_refuses_what_does_not_fit() -> None:
    """A stored frontier whose length is wrong is refused, not guessed."""
    with pytest.raises(ValueError, match="fit"):
        Frontier.from_bytes(3, b"\x00" * 32)
