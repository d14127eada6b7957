"""Many queries under one head: the work of the job kind `query-batch`.

Each row is a query of its own: decided by the grants as they stand when it is asked, with its own
evidence and receipt. A row that cannot be read costs only itself.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from catalog.model import Catalog
from hub.access import Callers, Purpose, purpose_of
from hub.errors import EvidenceUnavailable, HubError
from hub.evidence import EvidenceKind, EvidenceRecord
from hub.exchange import EvidenceAppender, Exchange
from hub.jobs import Chunk, Job
from hub.model import Consumer, Json, QueryRequest, QueryResult
from hub.store.evidence import WRITTEN_ALREADY

KIND = "query-batch"
ROWS_A_CHUNK = 100
"""Rows that are claimed, worked off and written together: what a crash may cause to be asked anew."""
ROWS_AT_A_TIME = 8
"""Rows of one chunk that are under way together."""


class UnreadableRow(ValueError):
    """A row is no query; says each thing that is wrong, never what was found."""

    def __init__(self, why: Sequence[str]) -> None:
        self.why = tuple(why)
        super().__init__()


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRow:
    """A row that could be read."""

    query: QueryRequest
    question: dict[str, Json]
    """The same as it is put to `POST /v1/queries`; kept where the answer has to wait."""


ReadRow = Callable[[Mapping[str, Json], Json], BatchRow]
"""(head, row) → query.

Raises:
    UnreadableRow: The row is not one.
"""

WriteResult = Callable[[QueryResult], dict[str, Json]]


KeepDeferred = Callable[
    [Consumer, dict[str, Json], QueryResult, dict[str, Json], str | None],
    Awaitable[dict[str, Json]],
]
"""Keeps an answer that is not whole until it is; see `hub.deferred.Deferrals.kept`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryBatches:
    """Works off chunks of queries."""

    catalog: Catalog
    exchange: Exchange
    callers: Callers
    read_row: ReadRow
    write_result: WriteResult
    keep: KeepDeferred

    async def work(self, job: Job, chunk: Chunk) -> list[dict[str, Json]]:
        """The outcome of each row, in order; see `hub.jobs.engine.ChunkWork`.

        Raises:
            HubError: Not now: the log or the register is away.
        """
        room = asyncio.Semaphore(ROWS_AT_A_TIME)

        async def one(place: int, row: Json) -> dict[str, Json]:
            async with room:
                return await self._row(job, place, row)

        # Should one of them fail for good, the others are given up with it: the chunk begins anew.
        try:
            async with asyncio.TaskGroup() as rows:
                tasks = [
                    rows.create_task(one(chunk.first_row + at, row))
                    for at, row in enumerate(chunk.rows)
                ]
        except ExceptionGroup as errors:
            # An outage meets many rows at once and stays an outage; a bug among them is told first.
            outages, bugs = errors.split(HubError)
            raise (bugs or outages or errors).exceptions[0] from None
        return [task.result() for task in tasks]

    async def _row(self, job: Job, place: int, row: Json) -> dict[str, Json]:
        out: dict[str, Json] = {"row": place}
        if isinstance(row, dict) and isinstance(row.get("ref"), str):
            out["ref"] = row["ref"]
        try:
            read = self.read_row(job.head, row)
        except UnreadableRow as unreadable:
            return {**out, "outcome": "invalid", "why": [*unreadable.why]}
        consumer = await self.callers.consumer(job.owner)
        purpose = purpose_of(self.catalog, read.query.basis.item)
        if consumer is None or purpose is None:
            # The caller or the item was taken out while the job ran.
            return {**out, "outcome": "refused", "why": ["access.consumer-active"]}
        return {**out, **await self._answered(read, consumer, purpose)}

    async def _answered(
        self, row: BatchRow, consumer: Consumer, purpose: Purpose
    ) -> dict[str, Json]:
        result = await self.exchange.answer(
            row.query,
            consumer=consumer,
            purpose=purpose,
            grants=await self.callers.grants(consumer.client_id),
            started=time.monotonic(),
        )
        answer = self.write_result(result)
        return await self.keep(consumer, row.question, result, answer, None)


def on_end(
    evidence: EvidenceAppender, now: Callable[[], datetime]
) -> Callable[[Job], Awaitable[None]]:
    """Writes into the log that a batch has ended, and how: once, however often it is told."""

    async def ended(job: Job) -> None:
        body = {"job": job.id, "consumer": job.owner, "outcomes": dict(job.outcomes)}
        id_ = f"evd_{job.id.removeprefix('job_')}"
        record = EvidenceRecord(kind=EvidenceKind.BATCH_ENDED, id=id_, at=now(), body=body)
        try:
            await evidence.append([record])
        except EvidenceUnavailable as problem:
            if problem.why != WRITTEN_ALREADY:
                raise

    return ended
