"""The evidence log on both databases: what is acknowledged is there, provable and unchangeable."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

import seals.store
from hub.database import Database, is_current, migrate, open_database
from hub.errors import EvidenceUnavailable, UnknownReceipt
from hub.evidence import EvidenceKind, EvidenceLog, EvidenceRecord
from hub.ids import new_id
from hub.merkle import leaf_hash, verify_consistency, verify_inclusion
from hub.store import StoredDataKeys, metadata, read_head
from hub.vault import Vault

AT = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
NUMBER = "990101199001010019"


def record(number: int = 0, **extra: str) -> EvidenceRecord:
    """A record about the one subject we know."""
    return EvidenceRecord(
        kind=EvidenceKind.ANSWERED,
        id=new_id("rcp"),
        at=AT,
        body={"n": number, **extra},
        subjects=(("citizen-id", NUMBER),),
        private={"subject": NUMBER, "salt": "00" * 32},
    )


@pytest.fixture
def log(database: Database, tmp_path: Path) -> Iterator[EvidenceLog]:
    """A log on the database of the case."""
    opened = EvidenceLog(
        database, Vault.at(tmp_path / "keys", StoredDataKeys(database)), origin="hub.example"
    )
    yield opened
    opened.close()


def root_of(checkpoint: str) -> bytes:
    """The root that a checkpoint names."""
    return base64.b64decode(checkpoint.split("\n")[2])


def test_every_record_can_be_proven(log: EvidenceLog) -> None:
    """Across several tiles, each record's proof leads to the signed root."""
    records = [record(n) for n in range(700)]
    assert log.submit(records).result() == 0
    for number in (0, 1, 255, 256, 257, 511, 512, 699):
        receipt = log.receipt(records[number].id)

        assert receipt.index == number
        assert verify_inclusion(
            leaf_hash(receipt.leaf.encode()),
            number,
            700,
            receipt.proof,
            root_of(receipt.checkpoint),
        )
        assert json.loads(receipt.leaf)["body"] == {"n": number}
    assert log.audit() == []


@pytest.mark.parametrize("old", [1, 255, 256, 300, 599, 600])
def test_an_old_head_is_the_beginning_of_the_new(log: EvidenceLog, old: int) -> None:
    """Consistency proofs connect any two heads."""
    log.submit([record(n) for n in range(old)]).result()
    before = root_of(log.checkpoint())
    log.submit([record(n) for n in range(old, 601)]).result()
    after = root_of(log.checkpoint())

    assert verify_consistency(old, 601, log.consistency(old, 601), before, after)


def test_found_by_subject_without_storing_the_number(log: EvidenceLog) -> None:
    """The blind index finds the records; another number finds none."""
    records = [record(n) for n in range(3)]
    log.submit(records).result()

    assert log.find_by_subject("citizen-id", NUMBER) == [r.id for r in records]
    assert log.find_by_subject("citizen-id", "990101199001010027") == []
    assert log.find_by_subject("uscc", NUMBER) == []


def test_unknown_receipt(log: EvidenceLog) -> None:
    """There is no receipt that was never given."""
    with pytest.raises(UnknownReceipt):
        log.receipt("rcp_none")


TAMPERINGS: dict[str, str] = {
    "a leaf's text changed": "UPDATE hub_evidence SET leaf = replace(leaf, '\"n\":5', '\"n\":6') WHERE leaf_index = 5",
    "a row deleted": "DELETE FROM hub_evidence WHERE leaf_index = 5",
    "the last row deleted": "DELETE FROM hub_evidence WHERE leaf_index = 9",
    "a row's hash changed": "UPDATE hub_evidence SET leaf_hash = (SELECT leaf_hash FROM hub_evidence WHERE leaf_index = 4) WHERE leaf_index = 5",
    "the head set back": "UPDATE hub_evidence_head SET size = 8",
}


@pytest.mark.parametrize("statement", TAMPERINGS.values(), ids=TAMPERINGS.keys())
def test_the_audit_names_what_was_tampered_with(
    log: EvidenceLog, database: Database, statement: str
) -> None:
    """Whoever can write to the database still cannot change the log unnoticed."""
    log.submit([record(n) for n in range(10)]).result()
    with database.writing() as connection:
        connection.exec_driver_sql(statement)
    try:
        findings = log.audit()
    except ValueError:
        findings = ["the head does not fit its size"]

    assert findings


def test_many_writers_share_one_log(database: Database, tmp_path: Path) -> None:
    """Two logs (as two processes would have) and eight threads leave one consistent log."""
    vault = Vault.at(tmp_path / "keys", StoredDataKeys(database))
    logs = [EvidenceLog(database, vault, origin="hub.example") for _ in range(2)]
    with ThreadPoolExecutor(8) as pool:
        places = list(
            pool.map(lambda n: logs[n % 2].submit([record(n), record(n)]).result(), range(200))
        )
    for each in logs:
        each.close()

    assert sorted(places) == list(range(0, 400, 2))
    assert logs[0].audit() == []


def test_nothing_is_acknowledged_when_nothing_can_be_written(tmp_path: Path) -> None:
    """A full disk refuses the record; when there is room again the log goes on, whole."""
    database = open_database(f"sqlite:///{tmp_path / 'hub.sqlite3'}")
    migrate(database)
    log = EvidenceLog(
        database, Vault.at(tmp_path / "keys", StoredDataKeys(database)), "hub.example"
    )
    log.submit([record()]).result()
    with database.writer.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(EvidenceUnavailable):
        log.submit([record(n, filler="x" * 2000) for n in range(200)]).result()
    size_when_full = read_head(database).size
    with database.writer.connect() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
    log.submit([record()]).result()

    assert size_when_full == 1
    assert read_head(database).size == 2
    assert log.audit() == []
    log.close()
    with pytest.raises(EvidenceUnavailable):
        log.submit([record()]).result()
    database.close()


def test_no_personal_value_is_stored_in_clear(tmp_path: Path) -> None:
    """The database's files hold neither the number nor the salt."""
    database = open_database(f"sqlite:///{tmp_path / 'hub.sqlite3'}")
    migrate(database)
    log = EvidenceLog(
        database, Vault.at(tmp_path / "keys", StoredDataKeys(database)), "hub.example"
    )
    one = record()
    log.submit([one]).result()
    log.close()
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("hub.sqlite3*"))

    assert one.id.encode() in stored
    assert NUMBER.encode() not in stored
    assert b"00" * 32 not in stored
    assert log.receipt(one.id).private["subject"] == NUMBER
    database.close()


WRITER = """
import sys
from pathlib import Path
from tests.hub.test_evidence import record, log_in
log, database = log_in(Path(sys.argv[1]))
n = 0
while True:
    one = record(n)
    log.submit([one]).result()
    print(one.id, flush=True)
    n += 1
"""


def log_in(folder: Path) -> tuple[EvidenceLog, Database]:
    """A log in a folder that outlives the process."""
    database = open_database(f"sqlite:///{folder / 'hub.sqlite3'}")
    migrate(database)
    vault = Vault.at(folder / "keys", StoredDataKeys(database))
    return EvidenceLog(database, vault, "hub.example"), database


def test_a_killed_process_loses_nothing_it_acknowledged(tmp_path: Path) -> None:
    """Kill -9 in mid-flight, twice: every acknowledged record is there and the log is whole."""
    acknowledged: list[str] = []
    for _ in range(2):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout is not None
        acknowledged.extend(writer.stdout.readline().strip() for _ in range(50))
        os.kill(writer.pid, signal.SIGKILL)
        rest = writer.stdout.read().split("\n")
        acknowledged.extend(line for line in rest[:-1] if line)
        writer.stdout.close()
        writer.wait()
    log, database = log_in(tmp_path)

    assert log.audit() == []
    for each in acknowledged:
        assert log.receipt(each).id == each
    log.close()
    database.close()


def test_models_equal_migrations(database: Database) -> None:
    """What the migrations make is what the code expects, on both databases."""
    with database.reading() as connection:
        differences = compare_metadata(
            MigrationContext.configure(connection), [metadata, seals.store.metadata]
        )

    assert differences == []
    assert is_current(database)


def test_two_processes_may_migrate_at_once(database: Database) -> None:
    """Migrating a current database, several times at once, changes nothing and fails nowhere."""
    failures: list[BaseException] = []

    def run(act: Callable[[], None]) -> None:
        try:
            act()
        except BaseException as failure:  # noqa: BLE001  (collected for the assertion)
            failures.append(failure)

    threads = [threading.Thread(target=run, args=(lambda: migrate(database),)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
