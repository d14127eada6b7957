"""Tables of composite checks, and named functions on them. Subjects and answers are sealed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Column, LargeBinary, String, Table, insert, select, update

from hub.checks.model import (
    OVER,
    Check,
    CheckState,
    Finding,
    Part,
    PartState,
    Period,
    Statement,
)
from hub.database import Database
from hub.errors import UnknownCheck
from hub.model import Basis, BasisKind, IdType, Subject
from hub.store import metadata
from hub.vault import Vault

check_table = Table(
    "hub_check",
    metadata,
    Column("id", String(48), primary_key=True),
    Column("consumer", String(100), nullable=False, index=True),
    Column("county", String(40), nullable=False, index=True),
    Column("state", String(16), nullable=False),
    Column("received_at", String(40), nullable=False),
    Column("version", String(48), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckBook:
    """Checks in a database. A check is read and written whole: it is small, and all of it is
    personal or about to be.
    """

    database: Database
    vault: Vault

    def add(self, check: Check, version: str) -> None:
        """Write a new check."""
        row = {
            "id": check.id,
            "consumer": check.consumer,
            "county": check.lead[0].partition("/")[0],
            "state": check.state,
            "received_at": _text(check.received_at),
            "version": version,
            "sealed": self._sealed(check),
        }
        with self.database.writing() as connection:
            connection.execute(insert(check_table).values(row))

    def find(self, check_id: str) -> tuple[Check, str]:
        """A check and its version.

        Raises:
            UnknownCheck: There is none.
        """
        with self.database.reading() as connection:
            row = connection.execute(
                select(check_table).where(check_table.c.id == check_id)
            ).one_or_none()
        if row is None:
            raise UnknownCheck
        return self._opened(row.id, row.sealed), row.version

    def put(self, check: Check, old: str, new: str) -> bool:
        """Replace a check, if it is still of version `old`."""
        mine = (check_table.c.id == check.id) & (check_table.c.version == old)
        sealed = self._sealed(check)
        with self.database.writing() as connection:
            done = connection.execute(
                update(check_table)
                .where(mine)
                .values(state=check.state, version=new, sealed=sealed)
            )
        return done.rowcount == 1

    def open_in(self, county: str) -> list[Check]:
        """Checks of a county that are not over, oldest first."""
        statement = (
            select(check_table)
            .where(check_table.c.county == county, check_table.c.state.not_in(OVER))
            .order_by(check_table.c.received_at)
        )
        with self.database.reading() as connection:
            rows = connection.execute(statement).all()
        return [self._opened(row.id, row.sealed) for row in rows]

    def _sealed(self, check: Check) -> bytes:
        text = json.dumps(asdict(check), ensure_ascii=False, default=_plain)
        return self.vault.seal("hub_check", "sealed", check.id, text)

    def _opened(self, check_id: str, sealed: bytes) -> Check:
        return _check(json.loads(self.vault.open_sealed("hub_check", "sealed", check_id, sealed)))


def _plain(value: object) -> object:
    if isinstance(value, datetime | date):
        return value.isoformat()
    raise TypeError(type(value).__name__)


def _check(row: Mapping[str, Any]) -> Check:
    subject, basis, period = row["subject"], row["basis"], row["period"]
    return Check(
        id=row["id"],
        consumer=row["consumer"],
        bundle=row["bundle"],
        lead=tuple(row["lead"]),
        subject=Subject(**{**subject, "id_type": IdType(subject["id_type"])}),
        basis=Basis(**{**basis, "kind": BasisKind(basis["kind"])}),
        period=Period(
            first=date.fromisoformat(period["first"]), last=date.fromisoformat(period["last"])
        ),
        state=CheckState(row["state"]),
        received_at=datetime.fromisoformat(row["received_at"]),
        due_at=datetime.fromisoformat(row["due_at"]),
        parts=tuple(_part(part) for part in row["parts"]),
        delivered_at=_moment(row["delivered_at"]),
        receipt=row["receipt"],
    )


def _part(row: Mapping[str, Any]) -> Part:
    return Part(
        seq=row["seq"],
        item=row["item"],
        name=row["name"],
        authorities=tuple(row["authorities"]),
        resources=tuple(row["resources"]),
        state=PartState(row["state"]),
        due_at=datetime.fromisoformat(row["due_at"]),
        statements=tuple(
            Statement(**{**s, "finding": Finding(s["finding"]), "records": tuple(s["records"])})
            for s in row["statements"]
        ),
        answered_at=_moment(row["answered_at"]),
        open_because=row["open_because"],
        unasked=tuple(row.get("unasked", ())),  # not yet there in a check of an older version
    )


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")
