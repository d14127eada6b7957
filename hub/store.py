"""The hub's tables, and named functions on them. Nothing outside this module writes SQL.

Times are stored as RFC 3339 text in UTC: they sort, and they read the same on both databases.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Delete,
    Integer,
    LargeBinary,
    MetaData,
    Row,
    String,
    Table,
    Text,
    Update,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from hub.database import Database
from hub.errors import CorruptLog, DuplicateRequest, KeyUnavailable
from hub.merkle import Frontier, SubtreeHash, fold
from hub.model import Consumer, Grant
from hub.vault import Vault

metadata = MetaData()

_Place = BigInteger().with_variant(Integer, "sqlite")
"""SQLite finds a row by an INTEGER primary key without a second tree."""

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
data_key = Table(
    "hub_data_key",
    metadata,
    Column("id", LargeBinary(8), primary_key=True),
    Column("wrapped", LargeBinary, nullable=False),
)
consumer_table = Table(
    "hub_consumer",
    metadata,
    Column("client_id", String(100), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("authority", String(200), nullable=False),
    Column("county", String(40), nullable=False),
    Column("jwks", Text, nullable=False),
    Column("active", Boolean, nullable=False),
)
grant_table = Table(
    "hub_grant",
    metadata,
    Column("id", String(100), primary_key=True),
    Column("consumer", String(100), nullable=False, index=True),
    Column("provider", String(200), nullable=False),
    Column("county", String(40), nullable=False),
    Column("resource", String(100), nullable=False),
    Column("fields", Text, nullable=False),
    Column("items", Text, nullable=False),
    Column("legal_basis", Text, nullable=False),
    Column("basis_kinds", Text, nullable=False),
    Column("valid_from", String(40), nullable=False),
    Column("valid_to", String(40), nullable=False),
    Column("active", Boolean, nullable=False),
)
idempotency = Table(
    "hub_idempotency",
    metadata,
    Column("key", LargeBinary(16), primary_key=True),
    Column("request", String(64), nullable=False),
    Column("sealed", LargeBinary, nullable=True),
    Column("expires_at", String(40), nullable=False, index=True),
)


def _upsert(connection: Connection, table: Table, row: Mapping[str, Any]) -> None:
    """Insert, or replace the row with the same primary key."""
    make = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    statement = make(table).values(**row)
    keys = [column.name for column in table.primary_key]
    rest = {name: statement.excluded[name] for name in row if name not in keys}
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=rest))


def _insert_if_absent(connection: Connection, table: Table, row: Mapping[str, Any]) -> bool:
    """Insert, unless a row with the same primary key is there; True: it was not."""
    make = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    statement = make(table).values(**row).on_conflict_do_nothing()
    # Asked for, because the count of rows is not told by every driver.
    made = connection.execute(statement.returning(*table.primary_key))
    return made.first() is not None


# --- Evidence ------------------------------------------------------------------------------------


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
            connection.execute(insert(evidence), rows)
        except IntegrityError as problem:
            raise DuplicateRequest("id-in-the-log-already") from problem
        found = [
            {"blind_index": blind, "leaf_index": first + i}
            for i, blinds in enumerate(subjects)
            for blind in sorted(set(blinds))
        ]
        if found:
            connection.execute(insert(evidence_subject), found)
        grown = grow(frontier, [leaf["leaf_hash"] for leaf in leaves])
        new = grown.frontier
        if grown.tiles:
            connection.execute(insert(evidence_tile), list(grown.tiles))
        connection.execute(update(evidence_head).values(size=new.size, frontier=new.to_bytes()))
        if grown.checkpoint is not None:
            kept = {"size": new.size, "text": grown.checkpoint}
            _insert_if_absent(connection, checkpoint_table, kept)
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
        _insert_if_absent(connection, checkpoint_table, {"size": size, "text": text})


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


# --- Data keys -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StoredDataKeys:
    """Wrapped data keys in the database (`hub.vault.DataKeys`)."""

    database: Database

    def wrapped(self, key_id: bytes) -> bytes | None:
        """See `DataKeys`."""
        with self.database.reading() as connection:
            statement = select(data_key.c.wrapped).where(data_key.c.id == key_id)
            return connection.execute(statement).scalar_one_or_none()

    def keep(self, key_id: bytes, wrapped: bytes) -> bytes:
        """See `DataKeys`."""
        with self.database.writing() as connection:
            _insert_if_absent(connection, data_key, {"id": key_id, "wrapped": wrapped})
        kept = self.wrapped(key_id)
        if kept is None:
            raise KeyUnavailable("data-key-not-kept")
        return kept

    def rewrap(self, anew: Callable[[bytes], bytes]) -> None:
        """See `DataKeys`."""
        with self.database.writing() as connection:
            for row in connection.execute(select(data_key).with_for_update()).all():
                mine = data_key.c.id == row.id
                connection.execute(update(data_key).where(mine).values(wrapped=anew(row.wrapped)))


# --- Callers and grants --------------------------------------------------------------------------


def put_consumer(database: Database, consumer: Consumer) -> None:
    """Register a caller, or replace what is known of it."""
    row = {
        "client_id": consumer.client_id,
        "name": consumer.name,
        "authority": consumer.authority,
        "county": consumer.county,
        "jwks": json.dumps(consumer.jwks),
        "active": consumer.active,
    }
    with database.writing() as connection:
        _upsert(connection, consumer_table, row)


def all_consumers(database: Database) -> list[Consumer]:
    """Every registered caller."""
    with database.reading() as connection:
        rows = connection.execute(select(consumer_table)).all()
    return [
        Consumer(
            client_id=r.client_id,
            name=r.name,
            authority=r.authority,
            county=r.county,
            jwks=json.loads(r.jwks),
            active=r.active,
        )
        for r in rows
    ]


def put_grants(database: Database, grants: Sequence[Grant]) -> None:
    """Write grants, replacing those of the same id; all or none."""
    with database.writing() as connection:
        for grant in grants:
            _upsert(connection, grant_table, _grant_row(grant))


def _grant_row(grant: Grant) -> dict[str, Any]:
    return {
        "id": grant.id,
        "consumer": grant.consumer,
        "provider": grant.provider,
        "county": grant.county,
        "resource": grant.resource,
        "fields": json.dumps(sorted(grant.fields)),
        "items": json.dumps(sorted(grant.items)),
        "legal_basis": grant.legal_basis,
        "basis_kinds": json.dumps(sorted(grant.basis_kinds)),
        "valid_from": _moment(grant.valid_from),
        "valid_to": _moment(grant.valid_to),
        "active": grant.active,
    }


def all_grants(database: Database) -> list[Grant]:
    """Every grant, ended ones included: a refusal names them."""
    with database.reading() as connection:
        rows = connection.execute(select(grant_table).order_by(grant_table.c.id)).all()
    return [
        Grant(
            id=r.id,
            consumer=r.consumer,
            provider=r.provider,
            county=r.county,
            resource=r.resource,
            fields=frozenset(json.loads(r.fields)),
            items=frozenset(json.loads(r.items)),
            legal_basis=r.legal_basis,
            basis_kinds=frozenset(json.loads(r.basis_kinds)),
            valid_from=datetime.fromisoformat(r.valid_from),
            valid_to=datetime.fromisoformat(r.valid_to),
            active=r.active,
        )
        for r in rows
    ]


def _moment(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="seconds")


# --- Remembered answers --------------------------------------------------------------------------

_LEASE = timedelta(minutes=2)
"""How long a claimed key without an answer is believed to be under way; no request lives longer."""


def recall_response(
    database: Database,
    vault: Vault,
    client_id: str,
    key: str,
    request: str,
    expires: datetime,
    now: datetime,
) -> str | None:
    """What was answered to this key before; None: the key is now ours to answer.

    Raises:
        DuplicateRequest: the key came with another request, or its first use is under way.
    """
    index = vault.blind_index("idempotency", f"{client_id}\0{key}")
    # A plain digest of a request that holds one number could be found by trying all numbers.
    request = vault.blind_index("idempotency-request", request).hex()
    claim = {"key": index, "request": request, "sealed": None, "expires_at": _moment(expires)}
    with database.writing() as connection:
        connection.execute(delete(idempotency).where(idempotency.c.expires_at < _moment(now)))
        if _insert_if_absent(connection, idempotency, claim):
            return None
    return _known_response(database, vault, index, request, expires)


def _known_response(
    database: Database, vault: Vault, index: bytes, request: str, expires: datetime
) -> str | None:
    mine = idempotency.c.key == index
    with database.reading() as connection:
        row = connection.execute(select(idempotency).where(mine)).one_or_none()
    if row is None:
        # Given free between our insert and our look: its owner has failed just now.
        raise DuplicateRequest("under-way")
    if row.request != request:
        raise DuplicateRequest("another-request")
    if row.sealed is not None:
        return vault.open_sealed("hub_idempotency", "sealed", index.hex(), row.sealed)
    if row.expires_at >= _moment(expires - _LEASE):
        raise DuplicateRequest("under-way")
    # Whoever claimed it is gone without an answer. Of those who come now, one takes over.
    unchanged = mine & idempotency.c.sealed.is_(None) & (idempotency.c.expires_at == row.expires_at)
    with database.writing() as connection:
        taken = connection.execute(
            update(idempotency).where(unchanged).values(expires_at=_moment(expires))
        )
    if taken.rowcount != 1:
        raise DuplicateRequest("under-way")
    return None


def remember_response(
    database: Database, vault: Vault, client_id: str, key: str, response: str | None
) -> None:
    """Remember the answer to a key; None gives the key free again."""
    index = vault.blind_index("idempotency", f"{client_id}\0{key}")
    mine = idempotency.c.key == index
    if response is None:
        statement: Delete | Update = delete(idempotency).where(mine)
    else:
        # Sealed before the transaction: a first use of a data key writes that key itself.
        sealed = vault.seal("hub_idempotency", "sealed", index.hex(), response)
        statement = update(idempotency).where(mine).values(sealed=sealed)
    with database.writing() as connection:
        connection.execute(statement)


def request_digest(path: str, body: bytes) -> str:
    """What makes two requests the same."""
    return hashlib.sha256(path.encode() + b"\0" + body).hexdigest()


def count_evidence(database: Database) -> int:
    """Rows of the log; for readiness and for audits."""
    with database.reading() as connection:
        return connection.execute(select(func.count()).select_from(evidence)).scalar_one()
