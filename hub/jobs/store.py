"""The ledger: tables of jobs and chunks, and named functions on them.

Rows and outcomes are personal data: they are sealed chunk by chunk, and deleted when the job
expires. A claim is a lease: a worker that dies loses its chunk to the next one that asks.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Integer,
    LargeBinary,
    Row,
    String,
    Table,
    Text,
    and_,
    case,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from hub.database import Database
from hub.errors import DuplicateRequest, UnknownJob
from hub.jobs.model import Chunk, Job, JobState
from hub.model import Json
from hub.store import metadata
from hub.vault import Vault

job_table = Table(
    "hub_job",
    metadata,
    Column("id", String(48), primary_key=True),
    Column("kind", String(40), nullable=False),
    Column("owner", String(100), nullable=False),
    Column("state", String(16), nullable=False, index=True),
    Column("head", LargeBinary, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("created_at", String(40), nullable=False),
    Column("finished_at", String(40), nullable=True),
    Column("expires_at", String(40), nullable=False, index=True),
)
chunk_table = Table(
    "hub_job_chunk",
    metadata,
    Column("job", String(48), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("first_row", Integer, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("input", LargeBinary, nullable=False),
    Column("output", LargeBinary, nullable=True),
    Column("outcomes", Text, nullable=True),
    Column("attempts", Integer, nullable=False),
    Column("worker", String(48), nullable=True),
    Column("leased_until", String(40), nullable=True),
    sqlite_with_rowid=False,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """Jobs and chunks in a database."""

    database: Database
    vault: Vault

    # --- taking a job in ------------------------------------------------------------------------

    def open(
        self,
        *,
        id: str,  # noqa: A002  (the field's own name)
        kind: str,
        owner: str,
        head: Mapping[str, Json],
        now: datetime,
        expires_at: datetime,
    ) -> None:
        """A new job that receives its rows.

        Raises:
            DuplicateRequest: There is a job of that id.
        """
        row = {
            "id": id,
            "kind": kind,
            "owner": owner,
            "state": JobState.RECEIVING,
            "head": self.vault.seal("hub_job", "head", id, json.dumps(head)),
            "digest": "",
            "created_at": _text(now),
            "finished_at": None,
            "expires_at": _text(expires_at),
        }
        with self.database.writing() as connection:
            try:
                connection.execute(insert(job_table).values(row))
            except IntegrityError as problem:
                raise DuplicateRequest("under-way") from problem

    def add(self, job: str, number: int, first_row: int, rows: Sequence[Json]) -> None:
        """A further chunk of a job that is still receiving."""
        place = f"{job}/{number}"
        row = {
            "job": job,
            "number": number,
            "first_row": first_row,
            "rows": len(rows),
            "input": self.vault.seal("hub_job_chunk", "input", place, json.dumps(rows)),
            "attempts": 0,
        }
        with self.database.writing() as connection:
            connection.execute(insert(chunk_table).values(row))

    def begin(self, job: str, digest: str) -> None:
        """All rows are there: the job may be worked off. `digest` tells its request from others."""
        only = frozenset({JobState.RECEIVING})
        self._set_state(job, JobState.RUNNING, only=only, digest=digest)

    def forget(self, job: str) -> None:
        """Delete a job with everything of it."""
        with self.database.writing() as connection:
            _delete(connection, [job])

    # --- looking --------------------------------------------------------------------------------

    def find(self, job: str, owner: str) -> Job:
        """A job of that owner.

        Raises:
            UnknownJob: There is none, or it is another's.
        """
        with self.database.reading() as connection:
            mine = (job_table.c.id == job) & (job_table.c.owner == owner)
            row = connection.execute(select(job_table).where(mine)).one_or_none()
            if row is None:
                raise UnknownJob
            rows, done, outcomes = _progress(connection, job)
        return self._job(row, rows, done, outcomes)

    def outcomes(self, job: str, after: int) -> Iterator[Json]:
        """Outcomes of the rows behind row `after`, in order, up to the first that is not done.

        Reads a chunk at a time: a job of any size costs the memory of one chunk.
        """
        columns = chunk_table.c
        number = 0
        while True:
            statement = select(chunk_table).where(columns.job == job, columns.number == number)
            with self.database.reading() as connection:
                row = connection.execute(statement).one_or_none()
            if row is None or row.output is None:
                return
            number += 1
            if row.first_row + row.rows - 1 <= after:
                continue
            outcomes: list[Json] = self._opened("output", row, row.output)
            yield from outcomes[max(0, after - row.first_row + 1) :]

    # --- working off ----------------------------------------------------------------------------

    def claim(
        self, worker: str, kinds: Sequence[str], now: datetime, lease: timedelta
    ) -> tuple[Job, Chunk] | None:
        """The next chunk of a running job that nobody works on; it is the worker's for `lease`."""
        columns = chunk_table.c
        free = and_(
            columns.output.is_(None),
            or_(columns.leased_until.is_(None), columns.leased_until < _text(now)),
        )
        statement = (
            select(chunk_table)
            .join(job_table, job_table.c.id == columns.job)
            .where(job_table.c.state == JobState.RUNNING, job_table.c.kind.in_(kinds), free)
            .order_by(job_table.c.created_at, columns.number)
            .limit(1)
            # On PostgreSQL the workers take different chunks; SQLite's transaction is exclusive.
            .with_for_update(of=chunk_table, skip_locked=True)
        )
        with self.database.writing() as connection:
            row = connection.execute(statement).one_or_none()
            if row is None:
                return None
            connection.execute(
                update(chunk_table)
                .where(_is(row))
                .values(
                    worker=worker,
                    leased_until=_text(now + lease),
                    attempts=row.attempts + 1,
                )
            )
            job = connection.execute(select(job_table).where(job_table.c.id == row.job)).one()
        chunk = Chunk(
            job=row.job,
            number=row.number,
            first_row=row.first_row,
            rows=tuple(self._opened("input", row, row.input)),
            attempt=row.attempts + 1,
        )
        return self._job(job, 0, 0, {}), chunk

    def renew(self, worker: str, chunk: Chunk, until: datetime) -> bool:
        """Keep a lease; False: it was lost to another worker, or the job is over."""
        with self.database.writing() as connection:
            held = connection.execute(
                update(chunk_table)
                .where(_is(chunk), chunk_table.c.worker == worker)
                .values(leased_until=_text(until))
            )
        return held.rowcount == 1

    def release(self, worker: str, chunk: Chunk) -> None:
        """Give a chunk back as if it had never been claimed."""
        with self.database.writing() as connection:
            connection.execute(
                update(chunk_table)
                .where(_is(chunk), chunk_table.c.worker == worker)
                .values(leased_until=None, worker=None, attempts=chunk.attempt - 1)
            )

    def finish(self, worker: str, chunk: Chunk, outcomes: Sequence[Mapping[str, Json]]) -> bool:
        """Write the outcomes of a chunk, once; False: it was lost to another worker."""
        place = f"{chunk.job}/{chunk.number}"
        output = self.vault.seal("hub_job_chunk", "output", place, json.dumps(outcomes))
        counts: dict[str, int] = {}
        for each in outcomes:
            name = str(each["outcome"])
            counts[name] = counts.get(name, 0) + 1
        mine = and_(_is(chunk), chunk_table.c.worker == worker, chunk_table.c.output.is_(None))
        with self.database.writing() as connection:
            written = connection.execute(
                update(chunk_table)
                .where(mine)
                .values(output=output, outcomes=json.dumps(counts), leased_until=None)
            )
        return written.rowcount == 1

    def worked_off(self, kinds: Sequence[str], job: str | None = None) -> list[Job]:
        """Jobs, or that one, of which every chunk is done and that have not ended."""
        left = select(chunk_table.c.job).where(
            chunk_table.c.job == job_table.c.id, chunk_table.c.output.is_(None)
        )
        able = job_table.c.state.in_((JobState.RUNNING, JobState.PAUSED))
        statement = select(job_table).where(able, job_table.c.kind.in_(kinds), ~left.exists())
        if job is not None:
            statement = statement.where(job_table.c.id == job)
        with self.database.reading() as connection:
            return [
                self._job(row, *_progress(connection, row.id))
                for row in connection.execute(statement).all()
            ]

    def end(self, job: str, now: datetime) -> None:
        """All of it is done, and that has been told."""
        able = frozenset({JobState.RUNNING, JobState.PAUSED})
        self._set_state(job, JobState.DONE, only=able, finished_at=_text(now))

    # --- steering -------------------------------------------------------------------------------

    def pause(self, job: str) -> None:
        """Begin no further chunk."""
        self._set_state(job, JobState.PAUSED, only=frozenset({JobState.RUNNING}))

    def resume(self, job: str) -> None:
        """Go on after a pause."""
        self._set_state(job, JobState.RUNNING, only=frozenset({JobState.PAUSED}))

    def cancel(self, job: str, now: datetime) -> None:
        """Never begin the rest."""
        able = frozenset({JobState.RUNNING, JobState.PAUSED})
        self._set_state(job, JobState.CANCELLED, only=able, finished_at=_text(now))

    def purge(self, now: datetime, broken_off: datetime) -> int:
        """Delete what has expired, and jobs that have been receiving since before `broken_off`."""
        columns = job_table.c
        old = or_(
            columns.expires_at < _text(now),
            and_(columns.state == JobState.RECEIVING, columns.created_at < _text(broken_off)),
        )
        with self.database.writing() as connection:
            jobs = list(connection.execute(select(columns.id).where(old)).scalars())
            _delete(connection, jobs)
        return len(jobs)

    def _set_state(
        self, job: str, state: JobState, *, only: frozenset[JobState], **values: str
    ) -> None:
        with self.database.writing() as connection:
            connection.execute(
                update(job_table)
                .where(job_table.c.id == job, job_table.c.state.in_(only))
                .values(state=state, **values)
            )

    def _job(self, row: Row[Any], rows: int, done: int, outcomes: Mapping[str, int]) -> Job:
        head = self.vault.open_sealed("hub_job", "head", row.id, row.head)
        return Job(
            id=row.id,
            kind=row.kind,
            owner=row.owner,
            state=JobState(row.state),
            head=json.loads(head),
            rows=rows,
            done=done,
            outcomes=outcomes,
            digest=row.digest,
            created_at=datetime.fromisoformat(row.created_at),
            finished_at=datetime.fromisoformat(row.finished_at) if row.finished_at else None,
            expires_at=datetime.fromisoformat(row.expires_at),
        )

    def _opened(self, column: str, row: Row[Any], sealed: bytes) -> list[Json]:
        place = f"{row.job}/{row.number}"
        opened: list[Json] = json.loads(
            self.vault.open_sealed("hub_job_chunk", column, place, sealed)
        )
        return opened


def _is(chunk: Chunk | Row[Any]) -> Any:
    return and_(chunk_table.c.job == chunk.job, chunk_table.c.number == chunk.number)


def _progress(connection: Connection, job: str) -> tuple[int, int, dict[str, int]]:
    """Rows, rows done, and rows by outcome."""
    columns = chunk_table.c
    finished = case((columns.output.is_not(None), columns.rows), else_=0)
    total = select(func.sum(columns.rows), func.sum(finished)).where(columns.job == job)
    rows, done = connection.execute(total).one()
    counted = select(columns.outcomes, func.count()).where(
        columns.job == job, columns.outcomes.is_not(None)
    )
    outcomes: dict[str, int] = {}
    # Chunks of a smooth job count alike: grouped, a thousand of them are a handful of rows.
    for text, times in connection.execute(counted.group_by(columns.outcomes)):
        for name, count in json.loads(text).items():
            outcomes[name] = outcomes.get(name, 0) + count * times
    return int(rows or 0), int(done or 0), dict(sorted(outcomes.items()))


def _delete(connection: Connection, jobs: Sequence[str]) -> None:
    connection.execute(delete(chunk_table).where(chunk_table.c.job.in_(jobs)))
    connection.execute(delete(job_table).where(job_table.c.id.in_(jobs)))


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")
