"""The ledger of jobs, on SQLite and PostgreSQL, and the engine over it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hub.database import Database
from hub.errors import DuplicateRequest, EvidenceUnavailable, UnknownJob
from hub.jobs import Chunk, Job, JobEngine, JobState
from hub.jobs.store import Ledger
from hub.model import Json
from hub.store import StoredDataKeys
from hub.vault import Vault

NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)
LEASE = timedelta(seconds=30)
SECRET = "990101199001010019"


@pytest.fixture
def ledger(database: Database, tmp_path: Path) -> Ledger:
    """A ledger in an empty database."""
    return Ledger(database=database, vault=Vault.at(tmp_path / "keys", StoredDataKeys(database)))


def submitted(ledger: Ledger, chunks: Sequence[Sequence[Json]], id_: str = "job_1") -> str:
    """A running job of one caller."""
    ledger.open(
        id=id_, kind="k", owner="me", head={"h": 1}, now=NOW, expires_at=NOW + timedelta(hours=1)
    )
    first = 1
    for number, rows in enumerate(chunks):
        ledger.add(id_, number, first, rows)
        first += len(rows)
    ledger.begin(id_, "d")
    return id_


def claim(ledger: Ledger, worker: str = "w", at: datetime = NOW) -> tuple[Job, Chunk] | None:
    """What that worker gets at that time."""
    return ledger.claim(worker, ("k",), at, LEASE)


def outcomes(chunk: Chunk, name: str = "ok") -> list[dict[str, Json]]:
    """An outcome for each row."""
    return [{"row": chunk.first_row + at, "outcome": name} for at, _ in enumerate(chunk.rows)]


def test_chunks_are_worked_off_in_order_and_once(ledger: Ledger) -> None:
    """Two workers never hold the same chunk; the last one to finish ends the job."""
    job = submitted(ledger, [["a", "b"], ["c"]])
    first, second = claim(ledger, "w1"), claim(ledger, "w2")

    assert first is not None
    assert second is not None
    assert (first[0].head, first[1].rows, second[1].rows) == ({"h": 1}, ("a", "b"), ("c",))
    assert claim(ledger, "w3") is None
    assert ledger.finish("w2", second[1], outcomes(second[1], "bad"))
    assert ledger.worked_off(("k",), job) == []
    assert list(ledger.outcomes(job, 0)) == []
    assert ledger.finish("w1", first[1], outcomes(first[1]))
    assert [row["row"] for row in ledger.outcomes(job, 1) if isinstance(row, dict)] == [2, 3]
    (found,) = ledger.worked_off(("k",), job)
    assert (found.state, found.rows, found.done) == (JobState.RUNNING, 3, 3)
    assert found.outcomes == {"bad": 1, "ok": 2}
    ledger.end(job, NOW)
    assert ledger.find(job, "me").state is JobState.DONE
    assert ledger.worked_off(("k",)) == []


def test_a_lapsed_lease_is_taken_over_and_the_late_worker_writes_nothing(ledger: Ledger) -> None:
    """A worker that was thought dead comes back: the outcomes of its successor stand."""
    job = submitted(ledger, [["a"]])
    slow = claim(ledger, "slow")
    assert slow is not None
    assert claim(ledger, "quick", NOW + LEASE) is None
    again = claim(ledger, "quick", NOW + LEASE + timedelta(seconds=1))
    assert again is not None
    assert again[1].attempt == 2
    assert not ledger.renew("slow", slow[1], NOW + 2 * LEASE)
    assert not ledger.finish("slow", slow[1], outcomes(slow[1], "late"))
    assert ledger.finish("quick", again[1], outcomes(again[1], "good"))
    assert ledger.find(job, "me").outcomes == {"good": 1}


def test_a_chunk_given_back_counts_no_attempt(ledger: Ledger) -> None:
    """An outage of the log is not the chunk's fault."""
    submitted(ledger, [["a"]])
    for _ in range(9):
        found = claim(ledger)
        assert found is not None
        assert found[1].attempt == 1
        ledger.release("w", found[1])


def test_only_the_owner_sees_a_job_and_an_id_is_used_once(ledger: Ledger) -> None:
    """To all others it does not exist."""
    job = submitted(ledger, [["a"]])
    with pytest.raises(UnknownJob):
        ledger.find(job, "you")
    with pytest.raises(DuplicateRequest):
        submitted(ledger, [["b"]])


@pytest.mark.parametrize(
    ("acts", "state", "claimable"),
    [
        (("pause",), JobState.PAUSED, False),
        (("pause", "resume"), JobState.RUNNING, True),
        (("cancel",), JobState.CANCELLED, False),
        (("cancel", "resume"), JobState.CANCELLED, False),
        (("pause", "cancel"), JobState.CANCELLED, False),
    ],
)
def test_steering(ledger: Ledger, acts: tuple[str, ...], state: JobState, claimable: bool) -> None:
    """A paused job waits, a cancelled one never goes on."""
    job = submitted(ledger, [["a"]])
    moves: dict[str, Callable[[], None]] = {
        "pause": lambda: ledger.pause(job),
        "resume": lambda: ledger.resume(job),
        "cancel": lambda: ledger.cancel(job, NOW),
    }
    for act in acts:
        moves[act]()
    assert ledger.find(job, "me").state is state
    assert (claim(ledger) is not None) is claimable


def test_a_job_that_is_still_receiving_is_not_begun_and_later_forgotten(ledger: Ledger) -> None:
    """Nothing is accepted by halves."""
    ledger.open(
        id="job_2", kind="k", owner="me", head={}, now=NOW, expires_at=NOW + timedelta(hours=9)
    )
    ledger.add("job_2", 0, 1, ["a"])
    assert claim(ledger) is None
    assert ledger.purge(NOW, NOW) == 0
    assert ledger.purge(NOW, NOW + timedelta(seconds=1)) == 1
    with pytest.raises(UnknownJob):
        ledger.find("job_2", "me")


def test_expired_jobs_are_deleted_with_their_rows(ledger: Ledger) -> None:
    """Personal data does not stay because nobody came for it."""
    job = submitted(ledger, [[SECRET]])
    assert ledger.purge(NOW + timedelta(hours=2), NOW) == 1
    with pytest.raises(UnknownJob):
        ledger.find(job, "me")
    assert list(ledger.outcomes(job, 0)) == []


def test_rows_are_sealed_at_rest(ledger: Ledger, tmp_path: Path) -> None:
    """No number stands in the file in clear."""
    submitted(ledger, [[{"subject": SECRET}]])
    ledger.database.close()
    for path in tmp_path.rglob("*sqlite3*"):
        assert SECRET.encode() not in path.read_bytes()


@pytest.mark.anyio
async def test_the_engine_goes_on_after_outages_and_gives_up_a_poisoned_chunk(
    ledger: Ledger,
) -> None:
    """An unavailable log costs no attempt; a chunk that fails each time ends as given up, told
    row by row, and the rest of the job is done.
    """
    away = iter([True, True])
    seen: list[Job] = []
    over = asyncio.Event()

    async def ended(job: Job) -> None:
        seen.append(job)
        over.set()

    async def work(job: Job, chunk: Chunk) -> list[dict[str, Json]]:
        assert job.head == {"h": 1}
        engine.wake()
        if next(away, False):
            raise EvidenceUnavailable("away")
        if "poison" in chunk.rows:
            raise RuntimeError("a bug")
        return outcomes(chunk)

    clock = [NOW]

    def later() -> datetime:
        # Each look is a lease later: nothing has to be waited for.
        clock[0] += timedelta(seconds=31)
        return clock[0]

    ledger_job = submitted(ledger, [["a"], ["poison"], ["b", "c"]])
    engine = JobEngine(ledger, {"k": work}, later, ended=ended, lanes=1)
    engine.start()
    async with asyncio.timeout(60):
        await over.wait()
    await engine.close()

    assert ledger.find(ledger_job, "me").outcomes == {"given-up": 1, "ok": 3}
    assert [job.id for job in seen] == [ledger_job]
    assert seen[0].outcomes == {"given-up": 1, "ok": 3}


@pytest.mark.anyio
async def test_an_end_that_could_not_be_told_is_told_later(ledger: Ledger) -> None:
    """The log was away, or the process ended, just when the last chunk was written: the job is done
    when that has been told, by whichever engine comes next, and not before.
    """
    told: list[str] = []
    over = asyncio.Event()

    async def ended(job: Job) -> None:
        told.append(job.id)
        if len(told) == 1:
            assert ledger.find(job.id, "me").state is JobState.RUNNING
            raise EvidenceUnavailable("away")
        if len(told) == 3:
            over.set()

    async def work(_job: Job, chunk: Chunk) -> list[dict[str, Json]]:
        return outcomes(chunk)

    submitted(ledger, [["a"]], "job_1")
    found = claim(ledger)
    assert found is not None
    ledger.finish("w", found[1], outcomes(found[1]))  # and the worker is no more
    submitted(ledger, [["b"]], "job_2")
    engine = JobEngine(ledger, {"k": work}, lambda: NOW, ended=ended, lanes=1)
    engine.start()
    async with asyncio.timeout(60):
        await over.wait()
        while ledger.find("job_2", "me").state is not JobState.DONE:  # noqa: ASYNC110 -- a ledger calls nobody
            await asyncio.sleep(0.05)
    await engine.close()

    assert sorted(set(told)) == ["job_1", "job_2"]
    assert ledger.find("job_1", "me").state is JobState.DONE


@pytest.mark.anyio
async def test_two_who_finish_at_once_end_the_job(ledger: Ledger) -> None:
    """Neither sees what the other has not yet committed; the job ends all the same, each time."""

    async def ended(_job: Job) -> None:
        return

    async def work(_job: Job, chunk: Chunk) -> list[dict[str, Json]]:
        return outcomes(chunk)

    jobs = [submitted(ledger, [["a"], ["b"]], f"job_{n}") for n in range(25)]
    engine = JobEngine(ledger, {"k": work}, lambda: NOW, ended=ended, lanes=2)
    engine.start()
    async with asyncio.timeout(60):
        while any(ledger.find(j, "me").state is not JobState.DONE for j in jobs):  # noqa: ASYNC110 -- as above
            await asyncio.sleep(0.1)
    await engine.close()
    assert [ledger.find(job, "me").done for job in jobs] == [2] * 25


@pytest.mark.anyio
async def test_an_engine_that_is_stopped_gives_its_chunk_back_at_once(ledger: Ledger) -> None:
    """The next one need not wait for the lease to end."""
    begun = asyncio.Event()

    async def work(_job: Job, _chunk: Chunk) -> list[dict[str, Json]]:
        begun.set()
        await asyncio.sleep(60)
        raise AssertionError

    async def ended(_job: Job) -> None:
        raise AssertionError

    submitted(ledger, [["a"]])
    engine = JobEngine(ledger, {"k": work}, lambda: NOW, ended=ended)
    engine.start()
    async with asyncio.timeout(20):
        await begun.wait()
    assert claim(ledger) is None
    await engine.close()

    found = claim(ledger)
    assert found is not None
    assert found[1].attempt == 1
