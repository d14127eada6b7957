"""Answers that come later, and callbacks that still have to be sent.

The end of a deferred answer and its callback are written in one transaction: a crash loses none.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    Column,
    Index,
    Integer,
    LargeBinary,
    Row,
    String,
    Table,
    Text,
    delete,
    insert,
    select,
    update,
)

from hub.database import Database
from hub.store.rows import metadata, moment_text, upsert
from hub.store.tasks import TaskState, task_table
from hub.vault import Vault

deferred_table = Table(
    "hub_deferred",
    metadata,
    Column("id", String(48), primary_key=True),
    Column("consumer", String(100), nullable=False),
    Column("state", String(16), nullable=False),
    Column("check_at", String(40), nullable=False),
    Column("expires_at", String(40), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Index("ix_hub_deferred_check_at", "state", "check_at"),
    Index("ix_hub_deferred_expires_at", "expires_at"),
)
ticket_table = Table(
    "hub_deferred_ticket",
    metadata,
    Column("ticket", String(48), primary_key=True),
    Column("query", String(48), primary_key=True),
)
callback_table = Table(
    "hub_callback",
    metadata,
    Column("client_id", String(100), primary_key=True),
    Column("url", String(500), primary_key=True),
    Column("secret", LargeBinary, nullable=False),
)
outbox_table = Table(
    "hub_outbox",
    metadata,
    Column("id", String(48), primary_key=True),
    Column("client_id", String(100), nullable=False),
    Column("url", String(500), nullable=False),
    Column("body", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_at", String(40), nullable=False, index=True),
)

WAITING, DONE = "waiting", "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deferred:
    """A query some of whose fields are with a clerk."""

    id: str
    consumer: str
    done: bool
    question: dict[str, Any] = field(repr=False)
    """The query as it came."""
    answer: dict[str, Any] = field(repr=False)
    """The answer so far, as it goes over the wire."""
    tickets: dict[str, list[str]]
    """Ticket → paths that wait for it."""
    callback: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A callback that has to be sent."""

    id: str
    client_id: str
    url: str
    body: str
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeferredBook:
    """Deferred answers and their callbacks in a database."""

    database: Database
    vault: Vault

    def add(self, deferred: Deferred, check_at: datetime, expires_at: datetime) -> None:
        """Keep an answer that is not whole."""
        row = {
            "id": deferred.id,
            "consumer": deferred.consumer,
            "state": WAITING,
            "check_at": moment_text(check_at),
            "expires_at": moment_text(expires_at),
            "sealed": self._sealed(deferred),
        }
        tickets = [{"ticket": each, "query": deferred.id} for each in deferred.tickets]
        with self.database.writing() as connection:
            connection.execute(insert(deferred_table).values(row))
            connection.execute(insert(ticket_table), tickets)

    def find(self, query_id: str, now: datetime) -> Deferred | None:
        """A deferred answer that is still kept."""
        c = deferred_table.c
        mine = (c.id == query_id) & (c.expires_at > moment_text(now))
        with self.database.reading() as connection:
            row = connection.execute(select(deferred_table).where(mine)).one_or_none()
        return None if row is None else self._opened(row)

    def waiting_for(self, ticket: str) -> list[str]:
        """Ids of the queries that wait for a ticket."""
        statement = select(ticket_table.c.query).where(ticket_table.c.ticket == ticket)
        with self.database.reading() as connection:
            return list(connection.execute(statement).scalars())

    def overdue(self, now: datetime) -> list[str]:
        """Ids of waiting queries whose last task should have ended, or has: whoever was told of that
        may have ended before it could look.
        """
        c, t = deferred_table.c, ticket_table.c
        answered = select(task_table.c.id).where(task_table.c.state == TaskState.ANSWERED)
        open_ = select(t.query).where(t.ticket.not_in(answered))
        due = (c.check_at <= moment_text(now)) | c.id.not_in(open_)
        waiting = select(c.id).where(c.state == WAITING, due)
        with self.database.reading() as connection:
            return list(connection.execute(waiting).scalars())

    def all_waiting(self) -> list[str]:
        """Ids of all waiting queries; looked at when a process starts."""
        c = deferred_table.c
        with self.database.reading() as connection:
            return list(connection.execute(select(c.id).where(c.state == WAITING)).scalars())

    def finish(self, done: Deferred, callback: Outgoing | None, now: datetime) -> bool:
        """Write the whole answer and its callback together; False: another was first."""
        c = deferred_table.c
        sealed = self._sealed(done)
        with self.database.writing() as connection:
            changed = connection.execute(
                update(deferred_table)
                .where(c.id == done.id, c.state == WAITING)
                .values(state=DONE, sealed=sealed)
            )
            if changed.rowcount != 1:
                return False
            connection.execute(delete(ticket_table).where(ticket_table.c.query == done.id))
            if callback is not None:
                row = {
                    "id": callback.id,
                    "client_id": callback.client_id,
                    "url": callback.url,
                    "body": callback.body,
                    "attempts": 0,
                    "next_at": moment_text(now),
                }
                connection.execute(insert(outbox_table).values(row))
        return True

    def forget(self, now: datetime) -> None:
        """Delete what was kept long enough."""
        ended = deferred_table.c.expires_at <= moment_text(now)
        old = select(deferred_table.c.id).where(ended)
        with self.database.reading() as connection:
            if connection.execute(old.limit(1)).first() is None:
                return
        with self.database.writing() as connection:
            connection.execute(delete(ticket_table).where(ticket_table.c.query.in_(old)))
            connection.execute(delete(deferred_table).where(ended))

    def register_callback(self, client_id: str, url: str, secret: str) -> None:
        """A URL a caller may name; the secret signs what is sent there."""
        place = f"{client_id} {url}"
        sealed = self.vault.seal("hub_callback", "secret", place, secret)
        row = {"client_id": client_id, "url": url, "secret": sealed}
        with self.database.writing() as connection:
            upsert(connection, callback_table, row)

    def callback_secret(self, client_id: str, url: str) -> str | None:
        """The secret of a registered URL; None: it is not registered."""
        c = callback_table.c
        mine = (c.client_id == client_id) & (c.url == url)
        with self.database.reading() as connection:
            sealed = connection.execute(select(c.secret).where(mine)).scalar_one_or_none()
        if sealed is None:
            return None
        return self.vault.open_sealed("hub_callback", "secret", f"{client_id} {url}", sealed)

    def take(self, now: datetime, lease: timedelta) -> list[Outgoing]:
        """Callbacks whose time has come; nobody else gets them within `lease`."""
        c = outbox_table.c
        due = (
            select(outbox_table).where(c.next_at <= moment_text(now)).order_by(c.next_at).limit(20)
        )
        taken: list[Outgoing] = []
        with self.database.reading() as connection:
            rows = connection.execute(due).all()
        if not rows:
            return taken
        with self.database.writing() as connection:
            for row in rows:
                mine = (c.id == row.id) & (c.next_at == row.next_at)
                done = connection.execute(
                    update(outbox_table).where(mine).values(next_at=moment_text(now + lease))
                )
                if done.rowcount == 1:
                    taken.append(
                        Outgoing(
                            id=row.id,
                            client_id=row.client_id,
                            url=row.url,
                            body=row.body,
                            attempts=row.attempts,
                        )
                    )
        return taken

    def sent(self, outgoing: Outgoing) -> None:
        """It arrived, or will never."""
        with self.database.writing() as connection:
            connection.execute(delete(outbox_table).where(outbox_table.c.id == outgoing.id))

    def later(self, outgoing: Outgoing, at: datetime) -> None:
        """It did not arrive; try again then."""
        values = {"attempts": outgoing.attempts + 1, "next_at": moment_text(at)}
        mine = outbox_table.c.id == outgoing.id
        with self.database.writing() as connection:
            connection.execute(update(outbox_table).where(mine).values(values))

    def _sealed(self, deferred: Deferred) -> bytes:
        parts: dict[str, Any] = {
            "question": deferred.question,
            "answer": deferred.answer,
            "tickets": deferred.tickets,
            "callback": deferred.callback,
        }
        text = json.dumps(parts, ensure_ascii=False)
        return self.vault.seal("hub_deferred", "sealed", deferred.id, text)

    def _opened(self, row: Row[Any]) -> Deferred:
        text = self.vault.open_sealed("hub_deferred", "sealed", row.id, row.sealed)
        return Deferred(
            id=row.id, consumer=row.consumer, done=row.state == DONE, **json.loads(text)
        )


def paths_by_ticket(pairs: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    """(ticket, path) → the paths of each ticket."""
    found: dict[str, list[str]] = {}
    for ticket, path in pairs:
        found.setdefault(ticket, []).append(path)
    return found
