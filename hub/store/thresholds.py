"""Which cuts of a value a caller has been told: the memory of the guard against narrowing.

Durable, because the window is weeks long; one row a cut, in one of a fixed number of slots, so that
two processes cannot let one cut too many pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Column, Index, Integer, LargeBinary, String, Table, delete, select

from hub.database import Database
from hub.store.rows import insert_if_absent, metadata, moment_text
from hub.vault import Vault

threshold_table = Table(
    "hub_threshold",
    metadata,
    Column("about", LargeBinary(16), primary_key=True),
    Column("slot", Integer, primary_key=True, autoincrement=False),
    Column("cut", String(60), nullable=False),
    Column("expires_at", String(40), nullable=False),
    Index("ix_hub_threshold_expires_at", "expires_at"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ThresholdBook:
    """Cuts in a database."""

    database: Database
    vault: Vault
    most: int
    """Different cuts of one value in a window."""
    window: timedelta

    def admit(self, parts: tuple[str, ...], cut: str, now: datetime) -> bool:
        """May this cut be told? `parts` say to whom, of whom and of what. Telling the same cut
        again tells nothing new.

        Raises:
            EvidenceUnavailable: The database does not answer; nothing may be told.
        """
        about = self.vault.blind_index("threshold", "\0".join(parts))
        c = threshold_table.c
        ends = moment_text(now + self.window)
        with self.database.writing() as connection:
            connection.execute(delete(threshold_table).where(c.expires_at < moment_text(now)))
            rows = connection.execute(select(c.slot, c.cut).where(c.about == about)).all()
            if cut in {row.cut for row in rows}:
                return True
            for slot in sorted(set(range(self.most)) - {row.slot for row in rows}):
                row = {"about": about, "slot": slot, "cut": cut, "expires_at": ends}
                if insert_if_absent(connection, threshold_table, row):
                    return True
        return False
