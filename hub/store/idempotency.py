"""Remembered answers to idempotency keys, sealed."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from sqlalchemy import (
    Column,
    Delete,
    LargeBinary,
    String,
    Table,
    Update,
    delete,
    select,
    update,
)

from hub.database import Database
from hub.errors import DuplicateRequest
from hub.store.rows import insert_if_absent, metadata, moment_text
from hub.vault import Vault

idempotency = Table(
    "hub_idempotency",
    metadata,
    Column("key", LargeBinary(16), primary_key=True),
    Column("request", String(64), nullable=False),
    Column("sealed", LargeBinary, nullable=True),
    Column("expires_at", String(40), nullable=False, index=True),
)


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
    claim = {"key": index, "request": request, "sealed": None, "expires_at": moment_text(expires)}
    with database.writing() as connection:
        connection.execute(delete(idempotency).where(idempotency.c.expires_at < moment_text(now)))
        if insert_if_absent(connection, idempotency, claim):
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
    if row.expires_at >= moment_text(expires - _LEASE):
        raise DuplicateRequest("under-way")
    # Whoever claimed it is gone without an answer. Of those who come now, one takes over.
    unchanged = mine & idempotency.c.sealed.is_(None) & (idempotency.c.expires_at == row.expires_at)
    with database.writing() as connection:
        taken = connection.execute(
            update(idempotency).where(unchanged).values(expires_at=moment_text(expires))
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
