"""The register of seals in a database: their states, their acts, their uses, their bytes, the freezes.

An implementation of `seals.ports.SealRegister` that several processes share. Acts, uses and freezes
are only ever added; a seal's row is its newest state. Times are RFC 3339 text in UTC. Nothing here
is of a citizen: accounts and organisations act, documents are digests.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any, Protocol

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Row,
    String,
    Table,
    Text,
    UniqueConstraint,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from seals.errors import RegisterConflict, RegisterDamaged, SealRefused, UnknownSeal
from seals.lifecycle import has_rival
from seals.registered import (
    Act,
    Actor,
    Entry,
    Limits,
    RegisteredSeal,
    SealKind,
    State,
    content_digest,
)
from seals.using import Freeze, Use, local_day, why_not

metadata = MetaData()

seal_table = Table(
    "seals_seal",
    metadata,
    Column("id", Text, primary_key=True),
    Column("organisation", Text, nullable=False, index=True),
    Column("kind", String(40), nullable=False),
    Column("name", Text, nullable=False),
    Column("serial", Text, nullable=False),
    Column("picture_digest", Text, nullable=False),
    Column("succeeds", Text, nullable=False),
    Column("number", Text, nullable=True, unique=True),
    Column("seal_digest", Text, nullable=False),
    Column("valid_until", String(40), nullable=True),
    Column("filing", Text, nullable=False),
    Column("users", Text, nullable=False),
    Column("opens", String(20), nullable=False),
    Column("closes", String(20), nullable=False),
    Column("per_day", Integer, nullable=False),
    Column("certificate_types", Text, nullable=False),
    Column("successor", Text, nullable=False),
    Column("acts", Integer, nullable=False),
)
"""No two have one `number`; it is null until there is one. `acts` counts the rows of `seals_act`: whoever puts the next state says which one it follows."""
act_table = Table(
    "seals_act",
    metadata,
    Column("seal", Text, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("act", String(20), nullable=False),
    Column("account", Text, nullable=False),
    Column("organisation", Text, nullable=False),
    Column("at", String(40), nullable=False),
    Column("reason", Text, nullable=False),
    Column("after", String(20), nullable=False),
)
use_table = Table(
    "seals_use",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("seal", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("at", String(40), nullable=False),
    Column("day", String(10), nullable=False),
    Column("count", Integer, nullable=True),
    Column("digest", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("certificate_type", Text, nullable=False),
    Column("against", Text, nullable=False),
    UniqueConstraint("seal", "day", "count", name="uq_seals_use_seal"),
)
"""`count` is which use of that day it was, and null where it was refused; no two are the same."""
freeze_table = Table(
    "seals_freeze",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("organisations", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("at", String(40), nullable=False),
    Column("reason", Text, nullable=False),
    Column("thawed_by", Text, nullable=True),
    Column("thawed_at", String(40), nullable=True),
    Column("thawed_because", Text, nullable=True),
    Index("ix_seals_freeze_thawed_at", "thawed_at"),
)
content_table = Table(
    "seals_content",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("data", LargeBinary, nullable=False),
)


class Transactions(Protocol):
    """A database, as whoever owns it opens it; what its driver raises is mapped there."""

    def reading(self) -> AbstractContextManager[Connection]:
        """A connection for reading."""
        ...

    def writing(self) -> AbstractContextManager[Connection]:
        """A transaction; on SQLite no second one runs beside it."""
        ...


@dataclass(frozen=True, slots=True)
class SQLRegister:
    """See `seals.ports.SealRegister`. On PostgreSQL the row of a seal is locked by whoever acts on
    it or uses it; SQLite has one writer at a time.

    Every method may also raise what its database does, and `RegisterDamaged` where something stored
    cannot be read: nothing is skipped.
    """

    database: Transactions

    def put(self, seal: RegisteredSeal) -> None:
        """See the port."""
        with self.database.writing() as connection:
            beside = _neighbours(connection, seal) if seal.state is State.APPLIED else ()
            kept = _locked(connection, seal.id)
            if seal.history[:-1] != (kept.history if kept else ()):
                raise RegisterConflict(seal.id)
            if has_rival(seal, beside):
                raise RegisterConflict(seal.id)
            row = _seal_row(seal)
            if kept is None:
                if not _added(connection, seal_table, row):
                    raise RegisterConflict(seal.id)
            else:
                _changed(connection, row)
            connection.execute(insert(act_table).values(_act_row(seal)))

    def get(self, seal_id: str) -> RegisteredSeal:
        """See the port."""
        with self.database.reading() as connection:
            return _found(_seals(connection, seal_table.c.id == seal_id), seal_id)

    def of(self, organisation: str) -> Iterable[RegisteredSeal]:
        """See the port."""
        with self.database.reading() as connection:
            return _seals(connection, seal_table.c.organisation == organisation)

    def every(self) -> Iterable[RegisteredSeal]:
        """See the port."""
        with self.database.reading() as connection:
            return _seals(connection, seal_table.c.id == seal_table.c.id)

    def use(self, use: Use) -> int:
        """See the port."""
        day = local_day(use.at).isoformat()
        c = use_table.c
        with self.database.writing() as connection:
            kept = _locked(connection, use.seal_id)
            if kept is None:
                raise UnknownSeal(use.seal_id)
            today = select(func.max(c.count)).where(c.seal == use.seal_id, c.day == day)
            used: int = connection.execute(today).scalar() or 0
            against = why_not(kept, use, used, _freezes(connection))
            count = None if against else used + 1
            row = {**_use_row(use, against), "day": day, "count": count}
            connection.execute(insert(use_table).values(row))
        # Only here, for an exception would have taken the log's line back with it.
        if count is None:
            raise SealRefused(against[0], ", ".join(against))
        return count

    def uses(self, seal_id: str) -> Iterable[tuple[Use, tuple[str, ...]]]:
        """See the port."""
        c = use_table.c
        with self.database.reading() as connection:
            rows = connection.execute(select(use_table).where(c.seal == seal_id).order_by(c.id))
            return tuple((_use(row), _against(row)) for row in rows)

    def freeze(self, freeze: Freeze) -> None:
        """See the port."""
        row = {
            "organisations": _listed(freeze.organisations),
            "account": freeze.by,
            "at": _moment(freeze.at),
            "reason": freeze.reason,
        }
        with self.database.writing() as connection:
            connection.execute(insert(freeze_table).values(row))

    def freezes(self) -> Sequence[Freeze]:
        """See the port."""
        with self.database.reading() as connection:
            return _freezes(connection)

    def thaw(self, by: str, at: datetime, reason: str) -> None:
        """See the port."""
        c = freeze_table.c
        if not reason.strip():
            raise SealRefused("reason")
        with self.database.writing() as connection:
            held = select(c.id, c.account).where(c.thawed_at.is_(None)).with_for_update()
            rows = connection.execute(held).all()
            if any(row.account == by for row in rows):
                raise SealRefused("same-person")
            lifted = {"thawed_by": by, "thawed_at": _moment(at), "thawed_because": reason}
            # One by one: a freeze that came in between stays.
            for row in rows:
                connection.execute(update(freeze_table).where(c.id == row.id).values(lifted))

    def keep(self, data: bytes) -> str:
        """See the port."""
        digest = content_digest(data)
        with self.database.writing() as connection:
            _added(connection, content_table, {"digest": digest, "data": data})
        return digest

    def kept(self, digest: str) -> bytes:
        """See the port."""
        c = content_table.c
        with self.database.reading() as connection:
            found = connection.execute(select(c.data).where(c.digest == digest)).scalar()
        if found is None:
            raise UnknownSeal(digest)
        data = bytes(found)
        if content_digest(data) != digest:
            raise RegisterDamaged(digest)
        return data


# --- what is written --------------------------------------------------------------------------


def _added(connection: Connection, table: Table, row: Mapping[str, Any]) -> bool:
    """Insert, unless a row with the same primary key is there."""
    make = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    statement = make(table).values(**row).on_conflict_do_nothing()
    return connection.execute(statement.returning(*table.primary_key)).first() is not None


def _changed(connection: Connection, row: Mapping[str, Any]) -> None:
    """The seal's newest state; its number may be another's."""
    try:
        mine = seal_table.c.id == row["id"]
        connection.execute(update(seal_table).where(mine).values(row))
    except IntegrityError:
        raise RegisterConflict(row["id"]) from None


def _seal_row(seal: RegisteredSeal) -> dict[str, Any]:
    limits = seal.limits
    return {
        "id": seal.id,
        "organisation": seal.organisation,
        "kind": seal.kind,
        "name": seal.name,
        "serial": seal.serial,
        "picture_digest": seal.picture_digest,
        "succeeds": seal.succeeds,
        "number": seal.number or None,
        "seal_digest": seal.seal_digest,
        "valid_until": None if seal.valid_until is None else _moment(seal.valid_until),
        "filing": seal.filing,
        "users": _listed(seal.users),
        "opens": limits.opens.isoformat(),
        "closes": limits.closes.isoformat(),
        "per_day": limits.per_day,
        "certificate_types": _listed(limits.certificate_types),
        "successor": seal.successor,
        "acts": len(seal.history),
    }


def _act_row(seal: RegisteredSeal) -> dict[str, Any]:
    """The newest entry of its history."""
    entry = seal.history[-1]
    return {
        "seal": seal.id,
        "number": len(seal.history),
        "act": entry.act,
        "account": entry.by.account,
        "organisation": entry.by.organisation,
        "at": _moment(entry.at),
        "reason": entry.reason,
        "after": entry.after,
    }


def _use_row(use: Use, against: tuple[str, ...]) -> dict[str, Any]:
    return {
        "seal": use.seal_id,
        "account": use.account,
        "at": _moment(use.at),
        "digest": use.digest,
        "reason": use.reason,
        "certificate_type": use.certificate_type,
        "against": json.dumps(against),
    }


def _listed(names: Iterable[str]) -> str:
    return json.dumps(sorted(names), ensure_ascii=False)


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")


# --- what is read -----------------------------------------------------------------------------


@contextmanager
def _readable(where: str) -> Iterator[None]:
    """What is stored and makes no sense is an error of its own; the text names the row alone."""
    try:
        yield
    except (ValueError, TypeError, KeyError):
        raise RegisterDamaged(where) from None


def _locked(connection: Connection, seal_id: str) -> RegisteredSeal | None:
    """The seal, and nobody else acts on it until this transaction ends."""
    mine = seal_table.c.id == seal_id
    # The lock first: what is read by the same statement may be older than what it waited for.
    connection.execute(select(seal_table.c.id).where(mine).with_for_update())
    found = _seals(connection, mine)
    return found[0] if found else None


def _neighbours(connection: Connection, seal: RegisteredSeal) -> tuple[RegisteredSeal, ...]:
    """All seals of its organisation; nobody else acts on them until this transaction ends."""
    mine = seal_table.c.organisation == seal.organisation
    # In one order, so that two who do this wait for each other rather than both.
    ids = select(seal_table.c.id).where(mine).order_by(seal_table.c.id).with_for_update()
    connection.execute(ids)
    return _seals(connection, mine)


def _found(seals: Sequence[RegisteredSeal], seal_id: str) -> RegisteredSeal:
    if not seals:
        raise UnknownSeal(seal_id)
    return seals[0]


def _seals(connection: Connection, which: ColumnElement[bool]) -> tuple[RegisteredSeal, ...]:
    """The seals that are meant, by identifier, in two questions however many they are.

    A state put in between the two would show as one act too many, so acts are counted off.
    """
    ids = select(seal_table.c.id).where(which)
    rows = connection.execute(select(seal_table).where(which)).all()
    acts: dict[str, list[Row[Any]]] = {row.id: [] for row in rows}
    mine = select(act_table).where(act_table.c.seal.in_(ids))
    for row in connection.execute(mine.order_by(act_table.c.seal, act_table.c.number)):
        if row.seal in acts:
            acts[row.seal].append(row)
    # Sorted here: databases order text by rules of their own.
    return tuple(_seal(row, acts[row.id]) for row in sorted(rows, key=lambda row: str(row.id)))


def _seal(row: Row[Any], acts: Sequence[Row[Any]]) -> RegisteredSeal:
    with _readable(row.id):
        history = tuple(_entry(each) for each in acts[: row.acts])
        if [each.number for each in acts[: row.acts]] != list(range(1, row.acts + 1)):
            raise ValueError("acts are missing")
        return RegisteredSeal(
            id=row.id,
            organisation=row.organisation,
            kind=SealKind(row.kind),
            name=row.name,
            serial=row.serial,
            picture_digest=row.picture_digest,
            succeeds=row.succeeds,
            number=row.number or "",
            seal_digest=row.seal_digest,
            valid_until=None if row.valid_until is None else _read_moment(row.valid_until),
            filing=row.filing,
            users=_names(row.users),
            limits=Limits(
                opens=time.fromisoformat(row.opens),
                closes=time.fromisoformat(row.closes),
                per_day=row.per_day,
                certificate_types=_names(row.certificate_types),
            ),
            successor=row.successor,
            history=history,
        )


def _entry(row: Row[Any]) -> Entry:
    return Entry(
        act=Act(row.act),
        by=Actor(account=row.account, organisation=row.organisation),
        at=_read_moment(row.at),
        reason=row.reason,
        after=State(row.after),
    )


def _use(row: Row[Any]) -> Use:
    with _readable(f"{row.seal}/{row.id}"):
        return Use(
            seal_id=row.seal,
            account=row.account,
            at=_read_moment(row.at),
            digest=row.digest,
            reason=row.reason,
            certificate_type=row.certificate_type,
        )


def _against(row: Row[Any]) -> tuple[str, ...]:
    with _readable(f"{row.seal}/{row.id}"):
        against = _texts(row.against)
        if bool(against) is not (row.count is None):
            raise ValueError("counted and refused")
        return against


def _freezes(connection: Connection) -> tuple[Freeze, ...]:
    """Those in force, oldest first."""
    c = freeze_table.c
    rows = connection.execute(select(freeze_table).where(c.thawed_at.is_(None)).order_by(c.id))
    return tuple(_freeze(row) for row in rows)


def _freeze(row: Row[Any]) -> Freeze:
    with _readable(f"freeze/{row.id}"):
        return Freeze(
            organisations=_names(row.organisations),
            by=row.account,
            at=_read_moment(row.at),
            reason=row.reason,
        )


def _names(stored: str) -> frozenset[str]:
    return frozenset(_texts(stored))


def _texts(stored: str) -> tuple[str, ...]:
    found = json.loads(stored)
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise TypeError("no list of texts")
    return tuple(found)


def _read_moment(stored: str) -> datetime:
    at = datetime.fromisoformat(stored)
    if at.tzinfo is None:
        raise ValueError("a time without a zone")
    return at
