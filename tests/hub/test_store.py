"""The hub's tables on both databases: callers, grants, data keys, remembered answers, and the edges."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import inspect, text

from hub.database import Database, is_current, migrate, open_database
from hub.errors import CorruptLog, DuplicateRequest, EvidenceUnavailable, HubError
from hub.evidence import EvidenceKind, EvidenceLog, EvidenceRecord
from hub.ids import new_id
from hub.model import Consumer, Grant
from hub.store import (
    StoredDataKeys,
    all_consumers,
    all_grants,
    ids_by_blind_index,
    put_consumer,
    put_grants,
    read_head,
    recall_response,
    remember_response,
    request_digest,
)
from hub.vault import Vault

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
DAY = timedelta(days=1)
NUMBER = "990101199001010019"
CONSUMER = Consumer(
    client_id="intake",
    name="综窗受理系统",
    authority="xinxiang/县教体局",
    county="xinxiang",
    jwks={"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "AA"}]},
)
GRANT = Grant(
    id="g-1",
    consumer="intake",
    provider="县公安局",
    county="xinxiang",
    resource="hukou.person",
    fields=frozenset({"name", "address"}),
    items=frozenset({"xinxiang-10"}),
    legal_basis="新政文〔2024〕62号",
    basis_kinds=frozenset({"statutory"}),
    valid_from=NOW,
    valid_to=NOW + 30 * DAY,
)


@pytest.fixture
def vault(database: Database, tmp_path: Path) -> Vault:
    """A vault whose data keys are in the database of the case."""
    return Vault.at(tmp_path / "keys", StoredDataKeys(database))


def test_consumers_come_back_as_they_were(database: Database) -> None:
    """What is registered is read back; registering again replaces."""
    put_consumer(database, CONSUMER)
    put_consumer(database, replace(CONSUMER, client_id="other"))
    put_consumer(database, replace(CONSUMER, active=False))

    assert sorted(all_consumers(database), key=lambda c: c.client_id) == [
        replace(CONSUMER, active=False),
        replace(CONSUMER, client_id="other"),
    ]


def test_grants_come_back_as_they_were(database: Database) -> None:
    """Sets, times and ended grants survive; a grant of the same id is replaced."""
    ended = replace(GRANT, id="g-0", active=False, fields=frozenset({"*"}))
    put_grants(database, [GRANT, ended])
    put_grants(database, [replace(GRANT, fields=frozenset({"name"}))])

    assert all_grants(database) == [ended, replace(GRANT, fields=frozenset({"name"}))]


def test_grants_are_written_all_or_none(database: Database) -> None:
    """One grant that cannot be written keeps the others out."""
    broken = replace(GRANT, id="g-2", legal_basis=None)  # type: ignore[arg-type]
    with pytest.raises(EvidenceUnavailable, match="IntegrityError"):
        put_grants(database, [GRANT, broken])

    assert all_grants(database) == []


Recall = Callable[..., str | None]


@pytest.fixture
def recall(database: Database, vault: Vault) -> Recall:
    """Asks for a key as the idempotency layer does, a day's memory."""

    def ask(
        key: str = "key-00001", request: str = "r1", caller: str = "intake", at: datetime = NOW
    ) -> str | None:
        return recall_response(database, vault, caller, key, request, at + DAY, at)

    return ask


def test_a_key_is_answered_once_and_repeated_after(
    database: Database, vault: Vault, recall: Recall
) -> None:
    """The first use is ours to answer; the same request later gets the same answer."""
    assert recall() is None
    remember_response(database, vault, "intake", "key-00001", "答")

    assert recall() == "答"
    assert recall() == "答"


def test_a_key_with_another_request_is_refused(
    database: Database, vault: Vault, recall: Recall
) -> None:
    """Before and after the answer, another request may not come under the same key."""
    recall()
    with pytest.raises(DuplicateRequest, match="another-request"):
        recall(request="r2")
    remember_response(database, vault, "intake", "key-00001", "答")
    with pytest.raises(DuplicateRequest, match="another-request"):
        recall(request="r2")


def test_keys_belong_to_their_caller(database: Database, vault: Vault, recall: Recall) -> None:
    """Two callers may use the same key, and neither sees the other's answer."""
    recall()
    remember_response(database, vault, "intake", "key-00001", "答")

    assert recall(caller="other") is None
    # The separator cannot be used to slip from one caller's keys into another's.
    assert recall(caller="inta", key="ke-key-00001") is None


def test_a_key_under_way_is_refused(recall: Recall) -> None:
    """While the first use is being answered, the second is told so."""
    recall()
    with pytest.raises(DuplicateRequest, match="under-way"):
        recall()
    with pytest.raises(DuplicateRequest, match="under-way"):
        recall(at=NOW + timedelta(minutes=1, seconds=59))


def test_a_failed_request_gives_its_key_free(
    database: Database, vault: Vault, recall: Recall
) -> None:
    """What was not answered may be sent again, changed or not."""
    recall()
    remember_response(database, vault, "intake", "key-00001", None)

    assert recall(request="r2") is None


def test_a_key_whose_owner_is_gone_is_taken_over_once(
    database: Database, vault: Vault, recall: Recall
) -> None:
    """After a crash the key is not lost for the day: one later request takes it over."""
    recall()
    later = NOW + timedelta(minutes=3)

    assert recall(at=later) is None
    with pytest.raises(DuplicateRequest, match="under-way"):
        recall(at=later)
    remember_response(database, vault, "intake", "key-00001", "答")
    assert recall(at=later) == "答"


def test_answers_are_forgotten_in_time(database: Database, vault: Vault, recall: Recall) -> None:
    """After its time a key is new again, and the old answer is gone."""
    recall()
    remember_response(database, vault, "intake", "key-00001", "答")

    assert recall(request="r2", at=NOW + DAY + timedelta(seconds=1)) is None


@pytest.mark.parametrize("abandoned", [False, True])
def test_of_many_at_once_one_answers(recall: Recall, abandoned: bool) -> None:
    """Of sixteen requests with one key, new or left behind by a crash, exactly one is let through."""
    if abandoned:
        recall(at=NOW - timedelta(minutes=3))

    def attempt(_number: int) -> str:
        try:
            return str(recall())
        except DuplicateRequest as refused:
            return refused.why

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(attempt, range(16)))

    assert sorted(outcomes) == ["None"] + ["under-way"] * 15


def test_remembered_answers_are_sealed(database: Database, vault: Vault, recall: Recall) -> None:
    """Neither the answer nor the caller's key stands in the table."""
    recall()
    remember_response(database, vault, "intake", "key-00001", f"number {NUMBER}")
    with database.reading() as connection:
        row = connection.execute(text("SELECT * FROM hub_idempotency")).one()
    stored = b"|".join(
        bytes(v) if isinstance(v, bytes | memoryview) else str(v).encode() for v in row
    )

    assert NUMBER.encode() not in stored
    assert b"key-00001" not in stored
    assert b"intake" not in stored


def test_the_first_answer_of_a_month_needs_no_second_writer(
    database: Database, vault: Vault, recall: Recall
) -> None:
    """A new data key is written before the answer, not in the midst of its transaction."""
    recall()
    vault.clock = lambda: datetime(2031, 1, 1, tzinfo=UTC)
    remember_response(database, vault, "intake", "key-00001", "答")

    assert recall() == "答"


def test_requests_differ_by_path_and_body() -> None:
    """The boundary between path and body counts."""
    digests = {request_digest(*each) for each in [("/a", b"b"), ("/ab", b""), ("/", b"ab")]}

    assert len(digests) == 3


def test_the_first_data_key_stays(database: Database) -> None:
    """Two processes that make the same key end with one: the one that is kept."""
    keys = StoredDataKeys(database)

    assert keys.wrapped(b"id") is None
    assert keys.keep(b"id", b"first") == b"first"
    assert keys.keep(b"id", b"second") == b"first"
    assert keys.wrapped(b"id") == b"first"


def test_the_master_key_can_be_changed(database: Database, tmp_path: Path) -> None:
    """What was sealed, indexed and signed before is still ours, for those who run and who start."""
    keys = StoredDataKeys(database)
    running, changing = (Vault.at(tmp_path / "keys", keys) for _ in range(2))
    sealed = running.seal("t", "c", "r", NUMBER)
    before = keys.wrapped(sealed[1:9])
    changing.rotate_master()
    starting = Vault.at(tmp_path / "keys", keys)

    assert keys.wrapped(sealed[1:9]) != before
    for vault in (running, changing, starting):
        assert vault.open_sealed("t", "c", "r", sealed) == NUMBER
        assert vault.public_key == running.public_key
        assert vault.blind_index("c", NUMBER) == running.blind_index("c", NUMBER)


def test_what_a_library_raises_stays_inside(tmp_path: Path) -> None:
    """A database without our tables is our error, and its text names no statement."""
    database = open_database(f"sqlite:///{tmp_path / 'empty.sqlite3'}")
    for act in (
        lambda: read_head(database),
        lambda: all_grants(database),
        lambda: put_consumer(database, CONSUMER),
        lambda: ids_by_blind_index(database, b"x"),
        lambda: StoredDataKeys(database).wrapped(b"x"),
    ):
        with pytest.raises(EvidenceUnavailable, match=r"^OperationalError$"):
            act()
    database.close()


def test_a_missing_head_is_said(database: Database) -> None:
    """A log without its head is damaged, not empty."""
    with database.writing() as connection:
        connection.execute(text("DELETE FROM hub_evidence_head"))
    with pytest.raises(CorruptLog):
        read_head(database)


def test_a_read_only_database_discloses_nothing(tmp_path: Path) -> None:
    """When nothing can be written every append is refused; when it can again the log goes on."""
    database = open_database(f"sqlite:///{tmp_path / 'hub.sqlite3'}")
    migrate(database)
    log = EvidenceLog(
        database, Vault.at(tmp_path / "keys", StoredDataKeys(database)), "hub.example"
    )

    def append() -> int:
        one = EvidenceRecord(kind=EvidenceKind.ASKED, id=new_id("evd"), at=NOW, body={})
        return log.submit([one]).result(20)

    def let(state: str) -> None:
        raw = database.writer.raw_connection()
        raw.cursor().execute(f"PRAGMA query_only = {state}")
        raw.close()

    append()
    let("ON")
    with pytest.raises(EvidenceUnavailable):
        append()
    let("OFF")

    assert append() == 1
    assert log.audit() == []
    log.close()
    database.close()


BAD_ADDRESSES: dict[str, str] = {
    "not an address": "nothing",
    "no such kind": "oracle://x",
    "memory": "sqlite://",
    "memory by name": "sqlite:///:memory:",
    "memory by parameter": "sqlite:///file:x?mode=memory&uri=true",
    "a folder": "sqlite:////",
    "below a file": "sqlite:////dev/null/hub.sqlite3",
}


@pytest.mark.parametrize("address", BAD_ADDRESSES.values(), ids=BAD_ADDRESSES.keys())
def test_what_cannot_be_a_database_is_refused(address: str) -> None:
    """The hub does not start on what would not keep its records."""
    with pytest.raises(HubError):
        open_database(address)


def test_a_server_that_is_away_is_refused(tmp_path: Path) -> None:
    """No server: our error, without the address and its password."""
    database = open_database(f"postgresql+psycopg://u:hidden@/x?host={tmp_path}")
    with pytest.raises(EvidenceUnavailable) as refused:
        migrate(database)
    database.close()

    assert "hidden" not in f"{refused.value!s} {database!r}"


def test_the_file_is_ours_alone(tmp_path: Path) -> None:
    """The database and its side files are readable by nobody else."""
    database = open_database(f"sqlite:///{tmp_path / 'new' / 'hub.sqlite3'}")
    migrate(database)
    modes = {stat.S_IMODE(p.stat().st_mode) for p in (tmp_path / "new").iterdir()}
    database.close()

    assert modes == {0o600}


def test_a_newer_database_is_refused(database: Database) -> None:
    """Tables of a later version are left alone."""
    with database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(EvidenceUnavailable):
        migrate(database)

    assert not is_current(database)


MIGRATOR = """
import sys
from hub.database import is_current, migrate, open_database

database = open_database(sys.argv[1])
migrate(database)
print(is_current(database))
"""


def test_two_processes_make_the_tables_once(database: Database) -> None:
    """Two hubs that start at once on an empty database both find it ready."""
    with database.writing() as connection:
        names = inspect(connection).get_table_names()
        for name in names:
            connection.execute(text(f"DROP TABLE {name}"))
    address = database.writer.url.render_as_string(hide_password=False)
    command = [sys.executable, "-c", MIGRATOR, address]
    starting = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ})
        for _ in range(3)
    ]

    assert [process.communicate()[0].strip() for process in starting] == ["True"] * 3
