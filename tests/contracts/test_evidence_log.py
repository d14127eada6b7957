"""What the hub may rely on of its evidence log, on both databases: all or nothing, and it says so."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hub.database import Database
from hub.errors import EvidenceUnavailable, UnknownReceipt
from hub.evidence import EvidenceKind, EvidenceLog, EvidenceRecord
from hub.ids import new_id
from hub.store import StoredDataKeys, kept_checkpoints, read_head
from hub.vault import Vault

AT = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


def record(body: Mapping[str, Any] | None = None, *, id: str = "") -> EvidenceRecord:  # noqa: A002  (the field's name)
    """A record that anybody could have made."""
    return EvidenceRecord(
        kind=EvidenceKind.ANSWERED, id=id or new_id("rcp"), at=AT, body=body or {"n": 1}
    )


@pytest.fixture
def open_log(database: Database, tmp_path: Path) -> Iterator[Callable[[], EvidenceLog]]:
    """Opens logs on the database of the case; as many processes would, over the same keys."""
    opened: list[EvidenceLog] = []

    def make() -> EvidenceLog:
        vault = Vault.at(tmp_path / "keys", StoredDataKeys(database))
        opened.append(EvidenceLog(database, vault, "hub.example"))
        return opened[-1]

    yield make
    for each in opened:
        each.close()


@pytest.fixture
def log(open_log: Callable[[], EvidenceLog]) -> EvidenceLog:
    """One log."""
    return open_log()


def queued_together(
    database: Database, log: EvidenceLog, *batches: list[EvidenceRecord]
) -> list[Future[int]]:
    """Submit while the writer is held up by another transaction, so that they share the next one."""
    with database.writing() as connection:
        connection.exec_driver_sql("UPDATE hub_evidence_head SET one = 1")
        futures = [log.submit([record()])]
        futures += [log.submit(batch) for batch in batches]
    return futures


def test_places_follow_each_other(log: EvidenceLog) -> None:
    """A batch gets neighbouring places; the future names the first."""
    assert log.submit([record(), record()]).result() == 0
    assert log.submit([record()]).result() == 2
    assert log.submit([]).result() >= 0
    assert log.submit([record()]).result() == 3


def test_what_is_acknowledged_is_there_for_every_process(
    open_log: Callable[[], EvidenceLog],
) -> None:
    """Another log on the same database shows the record at once, under the same key."""
    mine, other = open_log(), open_log()
    one = record()
    mine.submit([one]).result()

    assert other.receipt(one.id).leaf == mine.receipt(one.id).leaf
    assert other.receipt(one.id).public_key == mine.receipt(one.id).public_key


def test_a_used_id_is_refused_and_its_neighbours_are_not(
    database: Database, log: EvidenceLog
) -> None:
    """One caller's fault in a shared transaction is not the others'."""
    used = record()
    log.submit([used]).result()
    futures = queued_together(
        database, log, [record(), record(id=used.id)], [record()], [record({"fine": True})]
    )

    with pytest.raises(EvidenceUnavailable, match="already"):
        futures[1].result(20)
    assert [futures[n].result(20) for n in (0, 2, 3)] == [1, 2, 3]
    assert read_head(database).size == 4
    assert log.audit() == []


UNHASHABLE: dict[str, EvidenceRecord] = {
    "a float": record({"fields": [{"x": 0.1}]}),
    "not a number": record({"x": float("nan")}),
    "an id that is too long": record(id="x" * 49),
}


@pytest.mark.parametrize("wrong", UNHASHABLE.values(), ids=UNHASHABLE.keys())
def test_what_has_no_one_spelling_is_refused(log: EvidenceLog, wrong: EvidenceRecord) -> None:
    """A record that two readers could write differently never enters, and harms nobody."""
    with pytest.raises(ValueError, match="hashed"):
        log.submit([record(), wrong])

    assert log.submit([record()]).result() == 0


def test_half_a_character_fails_alone(log: EvidenceLog) -> None:
    """A text that cannot be encoded fails its own batch; the writer goes on."""
    with pytest.raises(EvidenceUnavailable):
        log.submit([record({"case": "\ud800"})]).result(20)

    assert log.submit([record()]).result(20) == 0


def test_what_was_withdrawn_in_time_is_not_written(database: Database, log: EvidenceLog) -> None:
    """A future that is cancelled before its turn leaves no record."""
    withdrawn = record()
    with database.writing() as connection:
        connection.exec_driver_sql("UPDATE hub_evidence_head SET one = 1")
        log.submit([record()])
        # The writer holds the first; whatever comes now waits in the queue.
        while log._queue.qsize():
            threading.Event().wait(0.001)
        future = log.submit([withdrawn])
        assert future.cancel()
    log.submit([record()]).result(20)

    with pytest.raises(UnknownReceipt):
        log.receipt(withdrawn.id)
    assert read_head(database).size == 2


@pytest.mark.anyio
async def test_a_caller_that_goes_away_leaves_its_record(
    database: Database, log: EvidenceLog
) -> None:
    """Cancelling the task that waits does not take the record back."""
    one = record()
    with database.writing() as connection:
        connection.exec_driver_sql("UPDATE hub_evidence_head SET one = 1")
        waiting = asyncio.create_task(log.append([one]))
        await asyncio.sleep(0.02)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    await log.append([record()])

    assert log.receipt(one.id).index == 0


def test_nothing_is_acknowledged_while_the_head_is_damaged(
    database: Database, log: EvidenceLog
) -> None:
    """A log whose head cannot be right takes nothing; once mended, it goes on by itself."""
    log.submit([record()]).result()
    with database.writing() as connection:
        connection.exec_driver_sql("UPDATE hub_evidence_head SET size = size + 2")
    with pytest.raises(EvidenceUnavailable, match="head"):
        log.submit([record()]).result(20)
    with database.writing() as connection:
        connection.exec_driver_sql("UPDATE hub_evidence_head SET size = size - 2")

    assert log.submit([record()]).result(20) == 1
    assert log.audit() == []


def test_lost_connections_are_made_again(database: Database, log: EvidenceLog) -> None:
    """A restart of the server costs at most the records under way."""
    if database.is_sqlite:
        database.close()
    else:
        with database.reading() as connection:
            connection.exec_driver_sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
    log.submit([record()]).exception(20)

    assert log.submit([record()]).result(20) >= 0
    assert log.audit() == []


def test_every_future_is_answered_when_the_log_closes(
    database: Database, open_log: Callable[[], EvidenceLog]
) -> None:
    """Records that race with the close are written or refused, never forgotten."""
    log = open_log()
    futures: list[Future[int]] = []
    started = threading.Event()

    def write() -> None:
        for _ in range(300):
            futures.append(log.submit([record()]))
            started.set()

    writers = [threading.Thread(target=write) for _ in range(4)]
    for writer in writers:
        writer.start()
    started.wait()
    log.close()
    for writer in writers:
        writer.join()
    refused = [future.exception(20) for future in futures if future.exception(20) is not None]

    assert all(isinstance(problem, EvidenceUnavailable) for problem in refused)
    assert read_head(database).size == len(futures) - len(refused)


def test_the_last_head_is_kept(database: Database, open_log: Callable[[], EvidenceLog]) -> None:
    """Closing keeps the signed head, so that the next start can be held against it."""
    log = open_log()
    log.submit([record(), record()]).result()
    log.submit([record()]).result()
    expected = log.checkpoint()
    log.close()

    assert kept_checkpoints(database, 3, 3) == {3: expected}


WRITER = """
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from hub.database import open_database
from hub.evidence import EvidenceLog
from hub.store import StoredDataKeys
from hub.vault import Vault
from tests.contracts.test_evidence_log import record

database = open_database(sys.argv[1])
log = EvidenceLog(database, Vault.at(Path(sys.argv[2]), StoredDataKeys(database)), "hub.example")
with ThreadPoolExecutor(8) as pool:
    for place in pool.map(lambda n: log.submit([record(), record()]).result(), range(80)):
        print(place)
log.close()
"""


def test_processes_share_one_log(database: Database, tmp_path: Path) -> None:
    """Two processes of eight threads that start together leave one log without a gap."""
    address = database.writer.url.render_as_string(hide_password=False)
    command = [sys.executable, "-c", WRITER, address, str(tmp_path / "keys")]
    writers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    places = [int(line) for writer in writers for line in writer.communicate()[0].split()]
    vault = Vault.at(tmp_path / "keys", StoredDataKeys(database))
    log = EvidenceLog(database, vault, "hub.example")

    assert [writer.returncode for writer in writers] == [0, 0]
    assert sorted(places) == list(range(0, 320, 2))
    assert log.audit() == []
    log.close()
