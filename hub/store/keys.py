"""Wrapped data keys (`hub.vault.DataKeys`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import (
    Column,
    LargeBinary,
    Table,
    select,
    update,
)

from hub.database import Database
from hub.errors import KeyUnavailable
from hub.store.rows import insert_if_absent, metadata

data_key = Table(
    "hub_data_key",
    metadata,
    Column("id", LargeBinary(8), primary_key=True),
    Column("wrapped", LargeBinary, nullable=False),
)


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
            insert_if_absent(connection, data_key, {"id": key_id, "wrapped": wrapped})
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
