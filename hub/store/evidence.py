"""The evidence log's tables: leaves, subjects, tiles, the head and kept checkpoints."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    LargeBinary,
    Row,
    String,
    Table,
    Text,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from hub.database import Database
from hub.errors import CorruptLog, DuplicateRequest
from hub.merkle import Frontier, SubtreeHash, fold
from hub.store.rows import insert_if_absent, insert_many, metadata

_Place = BigInteger().with_variant(Integer, "sqlite")
"""SQLite finds a row by an INTEGER primary key without a second tree."""

WRITTEN_ALREADY = "id-in-the-log-already"
"""Why a record was not written: one of its id stands in the log."""

TILE_HEIGHT = 8
"""Roots of subtrees of 2**8, 2**16, … leaves are stored (C2SP tlog-tiles)."""

evidence = Table(
    "hub_evidence",
    metadata,
    Column("leaf_index", _Place, primary_key=True, autoincrement=False),
    Column("id", String(48), nullable=False, unique=True),
    Column("kind", String(24), nullable=False),
    Column("at", String(40), nullable=False),
    Column("leaf", Text, nullable=False),
    Column("leaf_hash", LargeBinary(32), nullable=False),
    Column("sealed", LargeBinary, nullable=True),
)
evidence_subject = Table(
    "hub_evidence_subject",
    metadata,
    Column("blind_index", LargeBinary(16), primary_key=True),
    Column("leaf_index", _Place, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)
evidence_tile = Table(
    "hub_evidence_tile",
    metadata,
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary(32), nullable=False),
)
evidence_head = Table(
    "hub_evidence_head",
    metadata,
    Column("one", Integer, primary_key=True, autoincrement=False),
    Column("size", BigInteger, nullable=False),
    Column("frontier", LargeBinary, nullable=False),
)
checkpoint_table = Table(
    "hub_checkpoint",
    metadata,
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("text", Text, nullable=False),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredLeaf:
    """A row of the log."""

    index: int
    id: str
    kind: str
    at: str
    leaf: str
    leaf_hash: bytes
    sealed: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """A tree after an append, and what is stored with it."""

    frontier: Frontier
    tiles: Sequence[Mapping[str, Any]]
    """Hashes of the subtrees of 256, 65,536, … leaves that became complete."""
    checkpoint: str | None
    """The signed head, when it is time to keep one."""


Grow = Callable[[Frontier, Sequence[bytes]], Growth]
"""`(tree as it was, hashes of the new leaves)` → the tree as it will be."""


def write_leaves(
    database: Database,
    leaves: Sequence[Mapping[str, Any]],
    subjects: Sequence[Sequence[bytes]],
    grow: Grow,
) -> int:
    """Append leaves in one transaction; returns the index of the first.

    Raises:
        EvidenceUnavailable: nothing was written.
        CorruptLog: nothing was written, for there is no head to go on from.
        DuplicateRequest: nothing was written, for one of the ids is in the log already.
    """
    with database.writing() as connection:
        frontier = _locked_head(connection)
        first = frontier.size
        rows = [{**leaf, "leaf_index": first + i} for i, leaf in enumerate(leaves)]
        try:
            insert_many(connection, evidence, rows)
        except IntegrityError as problem:
            raise DuplicateRequest(WRITTEN_ALREADY) from problem
        found = [
            {"blind_index": blind, "leaf_index": first + i}
            for i, blinds in enumerate(subjects)
            for blind in sorted(set(blinds))
        ]
        if found:
            insert_many(connection, evidence_subject, found)
        grown = grow(frontier, [leaf["leaf_hash"] for leaf in leaves])
        new = grown.frontier
        if grown.tiles:
            connection.execute(insert(evidence_tile), list(grown.tiles))
        connection.execute(update(evidence_head).values(size=new.size, frontier=new.to_bytes()))
        if grown.checkpoint is not None:
            kept = {"size": new.size, "text": grown.checkpoint}
            insert_if_absent(connection, checkpoint_table, kept)
    return first


def _locked_head(connection: Connection) -> Frontier:
    # FOR UPDATE makes the processes of one PostgreSQL take turns; SQLite's BEGIN IMMEDIATE did.
    return _tree(connection.execute(select(evidence_head).with_for_update()).one_or_none())


def _tree(row: Row[Any] | None) -> Frontier:
    if row is None:
        raise CorruptLog("head-missing")
    try:
        return Frontier.from_bytes(row.size, row.frontier)
    except ValueError as problem:
        raise CorruptLog("head-does-not-fit-its-size") from problem


def read_head(database: Database) -> Frontier:
    """The tree as it is now.

    Raises:
        CorruptLog: what is stored cannot be a head.
    """
    with database.reading() as connection:
        return _tree(connection.execute(select(evidence_head)).one_or_none())


def keep_checkpoint(database: Database, size: int, text: str) -> None:
    """Keep a signed tree head; the first one of a size stays."""
    with database.writing() as connection:
        insert_if_absent(connection, checkpoint_table, {"size": size, "text": text})


def kept_checkpoints(database: Database, smallest: int, largest: int) -> dict[int, str]:
    """The signed tree heads of these sizes that were kept."""
    here = checkpoint_table.c.size.between(smallest, largest)
    with database.reading() as connection:
        rows = connection.execute(select(checkpoint_table).where(here)).all()
    return {row.size: row.text for row in rows}


def last_checkpoint_size(database: Database) -> int:
    """The size of the largest tree head that was kept; 0: there is none."""
    with database.reading() as connection:
        return connection.execute(select(func.max(checkpoint_table.c.size))).scalar_one() or 0


def places_outside(database: Database, size: int) -> list[int]:
    """Places of rows that a log of that size cannot have; the first few."""
    column = evidence.c.leaf_index
    statement = select(column).where((column < 0) | (column >= size)).order_by(column).limit(20)
    with database.reading() as connection:
        return list(connection.execute(statement).scalars())


def read_tile(database: Database, level: int, number: int) -> bytes | None:
    """The stored root of the `number`th subtree of 256**level leaves, if it is there."""
    tile = evidence_tile.c
    statement = select(tile.hash).where(tile.level == level, tile.number == number)
    with database.reading() as connection:
        return connection.execute(statement).scalar_one_or_none()


@contextmanager
def stored_subtrees(database: Database) -> Iterator[SubtreeHash]:
    """Roots of complete subtrees, read from tiles and leaf hashes over one connection.

    The hashes of a level are read by whole neighbourhoods of 256: a proof asks for many subtrees,
    and nearly all of a level lie in one or two of these, however large the log is.
    """
    with database.reading() as connection:

        @cache
        def around(level: int, number: int) -> Mapping[int, bytes]:
            return _hashes(connection, level, number << TILE_HEIGHT, 1 << TILE_HEIGHT)

        def subtree(first: int, size: int) -> bytes:
            level = (size.bit_length() - 1) // TILE_HEIGHT
            place = first >> level * TILE_HEIGHT
            known = around(level, place >> TILE_HEIGHT)
            wanted = range(place, place + (size >> level * TILE_HEIGHT))
            if not all(each in known for each in wanted):
                raise CorruptLog(f"rows missing from {first}")
            return fold(known[each] for each in wanted)

        yield subtree


def _hashes(connection: Connection, level: int, first: int, count: int) -> Mapping[int, bytes]:
    """Hashes of subtrees of 256**level leaves by their number; level 0: of the leaves themselves."""
    if level == 0:
        place = evidence.c.leaf_index
        statement = select(place, evidence.c.leaf_hash)
    else:
        place = evidence_tile.c.number
        statement = select(place, evidence_tile.c.hash).where(evidence_tile.c.level == level)
    statement = statement.where(place >= first, place < first + count)
    return {row[0]: row[1] for row in connection.execute(statement)}


def read_leaf(database: Database, evidence_id: str) -> StoredLeaf | None:
    """A row by its id."""
    with database.reading() as connection:
        row = connection.execute(select(evidence).where(evidence.c.id == evidence_id)).one_or_none()
    return None if row is None else _stored(row)


def read_leaves(database: Database, first: int, count: int) -> list[StoredLeaf]:
    """Rows by place; fewer where the log ends or a row is missing."""
    column = evidence.c.leaf_index
    statement = select(evidence).where(column >= first, column < first + count).order_by(column)
    with database.reading() as connection:
        return [_stored(row) for row in connection.execute(statement)]


def _stored(row: Row[Any]) -> StoredLeaf:
    return StoredLeaf(
        index=row.leaf_index,
        id=row.id,
        kind=row.kind,
        at=row.at,
        leaf=row.leaf,
        leaf_hash=row.leaf_hash,
        sealed=row.sealed,
    )


def ids_by_blind_index(database: Database, blind: bytes) -> list[str]:
    """Ids of the records about a subject, oldest first."""
    statement = (
        select(evidence.c.id)
        .join(evidence_subject, evidence_subject.c.leaf_index == evidence.c.leaf_index)
        .where(evidence_subject.c.blind_index == blind)
        .order_by(evidence.c.leaf_index)
    )
    with database.reading() as connection:
        return list(connection.execute(statement).scalars())


def count_evidence(database: Database) -> int:
    """Rows of the log; for readiness and for audits."""
    with database.reading() as connection:
        return connection.execute(select(func.count()).select_from(evidence)).scalar_one()
