"""A chunk of a batch when the log is away: not now is not never."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from catalog import load
from hub.batches import KIND, QueryBatches, on_end
from hub.database import Database
from hub.errors import EvidenceUnavailable
from hub.evidence import EvidenceLog, EvidenceRecord
from hub.exchange import Exchange
from hub.http.answered import query_out
from hub.http.batches import read_row
from hub.ids import new_id
from hub.jobs import Chunk, Job, JobState
from hub.model import Consumer, Grant, Json, QueryResult
from hub.store import StoredDataKeys
from hub.vault import Vault
from tests.world.hub import CLIENT, COUNTIES

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)
HEAD: dict[str, Json] = {
    "basis": {"item": "xinxiang-10-03", "case": "BATCH-1", "kind": "statutory"},
    "want": ["residence-permit.status.permit_no"],
}
ROW: Json = {
    "subject": {"kind": "person", "id_type": "citizen-id", "id": "990101199001010019"},
}


class Log:
    """A log that is away until somebody says otherwise."""

    def __init__(self) -> None:
        self.away = True

    async def append(self, records: Sequence[EvidenceRecord]) -> object:
        """Refuse, a moment later than asked."""
        await asyncio.sleep(0)
        if self.away:
            raise EvidenceUnavailable("away")
        return len(records)


class OneCaller:
    """A register with one caller and no grant."""

    async def consumer(self, client_id: str) -> Consumer | None:
        """The caller."""
        return Consumer(
            client_id=client_id, name="综窗", authority="xinxiang/县教体局", county="xinxiang",
            jwks={},
        )  # fmt: skip

    async def grants(self, client_id: str) -> Sequence[Grant]:
        """None."""
        del client_id
        return ()


async def nothing_kept(
    _caller: Consumer, _question: object, _result: QueryResult, answer: dict[str, Json], _: object
) -> dict[str, Json]:
    """Nothing is ever deferred here."""
    return answer


async def test_the_end_of_a_batch_stands_in_the_log_once(
    database: Database, tmp_path: Path
) -> None:
    """Told twice, because nobody knew whether the first time was written."""
    vault = Vault.at(tmp_path / "keys", StoredDataKeys(database))
    log = EvidenceLog(database, vault, "hub.example")
    job = Job(
        id=new_id("job"), kind=KIND, owner=CLIENT, state=JobState.RUNNING, head=HEAD, rows=2,
        done=2, outcomes={"complete": 2}, digest="", created_at=NOW, finished_at=None,
        expires_at=NOW,
    )  # fmt: skip
    told = on_end(log, lambda: NOW)
    await told(job)
    await told(job)
    size = int(log.checkpoint().split("\n")[1])
    log.close()
    assert size == 1
    with pytest.raises(EvidenceUnavailable):
        await told(job)


@pytest.mark.parametrize("rows", [1, 20])
async def test_while_the_log_is_away_the_chunk_is_given_back(rows: int) -> None:
    """However many rows find out at once, it is told as `EvidenceUnavailable`: that costs the chunk
    no attempt, where anything else would end with rows that are given up.
    """
    catalog, log = load(COUNTIES, only=("xinxiang",)), Log()

    async def admits(*_: object) -> bool:
        return True

    batches = QueryBatches(
        catalog=catalog,
        exchange=Exchange(
            catalog=catalog, sources={}, evidence=log, now=lambda: NOW, salt=lambda: bytes(32),
            admits=admits,
        ),
        callers=OneCaller(),
        read_row=read_row,
        write_result=query_out,
        keep=nothing_kept,
    )  # fmt: skip
    job = Job(
        id="job_1", kind=KIND, owner=CLIENT, state=JobState.RUNNING, head=HEAD, rows=rows, done=0,
        outcomes={}, digest="", created_at=NOW, finished_at=None, expires_at=NOW,
    )  # fmt: skip
    chunk = Chunk(job="job_1", number=0, first_row=1, rows=(ROW,) * rows, attempt=1)
    with pytest.raises(EvidenceUnavailable):
        await batches.work(job, chunk)
    log.away = False
    outcomes = await batches.work(job, chunk)
    assert [each["outcome"] for each in outcomes] == ["refused"] * rows
