"""The audit names every place where the stored log is not the one that was written."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert, text

from hub.database import Database
from hub.evidence import EvidenceKind, EvidenceLog, EvidenceRecord
from hub.ids import new_id
from hub.merkle import Frontier, leaf_hash
from hub.store import StoredDataKeys, checkpoint_table, evidence, evidence_head
from hub.vault import Vault

AT = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
SIZE = 700
"""Two whole tiles, and 188 rows that are in none yet."""


def records(count: int) -> list[EvidenceRecord]:
    """Records that differ by their number."""
    return [
        EvidenceRecord(
            kind=EvidenceKind.ANSWERED,
            id=new_id("rcp"),
            at=AT,
            body={"n": number},
            private={"salt": "00" * 32},
        )
        for number in range(count)
    ]


@pytest.fixture
def log(database: Database, tmp_path: Path) -> Iterator[EvidenceLog]:
    """A log of `SIZE` records whose head was kept at 300 and at the end."""
    vault = Vault.at(tmp_path / "keys", StoredDataKeys(database))
    for count in (300, SIZE - 300):
        before = EvidenceLog(database, vault, "hub.example")
        before.submit(records(count)).result()
        before.close()
    opened = EvidenceLog(database, vault, "hub.example")
    yield opened
    opened.close()


Act = Callable[[Connection], object]


def sql(statement: str) -> Act:
    """An act of plain SQL."""
    return lambda connection: connection.execute(text(statement))


def rewritten(*, place: int, tile: bool = False, head: bool = False) -> Act:
    """A row replaced together with its hash, and with as much of the rest as the forger knows of."""

    def act(connection: Connection) -> None:
        leaves = list(
            connection.execute(
                evidence.select().with_only_columns(evidence.c.leaf).order_by(evidence.c.leaf_index)
            ).scalars()
        )
        leaves[place] = leaves[place].replace('"body":{"n":', '"body":{"n":9')
        hashes = [leaf_hash(leaf.encode()) for leaf in leaves]
        connection.execute(
            evidence.update()
            .where(evidence.c.leaf_index == place)
            .values(leaf=leaves[place], leaf_hash=hashes[place])
        )
        if tile:
            root = Frontier()
            for each in hashes[place // 256 * 256 :][:256]:
                root = root.append(each)
            connection.execute(
                text("UPDATE hub_evidence_tile SET hash = :hash WHERE level = 1 AND number = :n"),
                {"hash": root.root, "n": place // 256},
            )
        if head:
            tree = Frontier()
            for each in hashes:
                tree = tree.append(each)
            connection.execute(evidence_head.update().values(frontier=tree.to_bytes()))

    return act


def swapped(connection: Connection) -> None:
    """Rows 5 and 6 change places."""
    for old, new in ((5, -1), (6, 5), (-1, 6)):
        connection.execute(
            evidence.update().where(evidence.c.leaf_index == old).values(leaf_index=new)
        )


def with_extra_row(place: int) -> Act:
    """A row from nowhere."""
    row = {"id": "rcp_x", "kind": "answered", "at": "", "leaf": "{}", "leaf_hash": bytes(32)}
    return lambda connection: connection.execute(insert(evidence).values(leaf_index=place, **row))


CASES: dict[str, tuple[Act, set[str]]] = {
    "a leaf changed": (
        sql("UPDATE hub_evidence SET leaf = replace(leaf, 'body', 'b0dy') WHERE leaf_index = 5"),
        {"row 5: leaf and its hash differ"},
    ),
    "a hash changed": (
        sql("UPDATE hub_evidence SET leaf_hash = (SELECT leaf_hash FROM hub_evidence "
            "WHERE leaf_index = 4) WHERE leaf_index = 699"),
        {"row 699: leaf and its hash differ"},
    ),
    "an id changed": (
        sql("UPDATE hub_evidence SET id = 'rcp_mine' WHERE leaf_index = 300"),
        {"row 300: id, kind or time is not that of the leaf", "row 300: what is sealed beside it does not open"},
    ),
    "a kind changed": (
        sql("UPDATE hub_evidence SET kind = 'refused' WHERE leaf_index = 300"),
        {"row 300: id, kind or time is not that of the leaf"},
    ),
    "two leaves changed": (
        sql("UPDATE hub_evidence SET leaf = replace(leaf, 'body', 'b0dy') WHERE leaf_index IN (5, 600)"),
        {"row 5: leaf and its hash differ", "row 600: leaf and its hash differ"},
    ),
    "a row deleted": (sql("DELETE FROM hub_evidence WHERE leaf_index = 5"), {"row 5: missing"}),
    "the last row deleted": (
        sql("DELETE FROM hub_evidence WHERE leaf_index = 699"),
        {"row 699: missing"},
    ),
    "rows swapped": (swapped, {"rows 0–255: not those of their tile"}),
    "a row added behind": (with_extra_row(700), {"row 700: outside the log"}),
    "a row added before": (with_extra_row(-1), {"row -1: outside the log"}),
    "a sealed part changed": (
        sql("UPDATE hub_evidence SET sealed = (SELECT sealed FROM hub_evidence "
            "WHERE leaf_index = 6) WHERE leaf_index = 5"),
        {"row 5: what is sealed beside it does not open"},
    ),
    "a tile changed": (
        sql("UPDATE hub_evidence_tile SET hash = (SELECT leaf_hash FROM hub_evidence "
            "WHERE leaf_index = 4) WHERE number = 1"),
        {"rows 256–511: not those of their tile"},
    ),
    "a tile deleted": (
        sql("DELETE FROM hub_evidence_tile WHERE number = 0"),
        {"rows 0–255: not those of their tile"},
    ),
    "a row rewritten with its hash": (
        rewritten(place=100),
        {"rows 0–255: not those of their tile", "rows 0–511: not those of the head",
         "checkpoint 300: not the head of these rows", "checkpoint 700: not the head of these rows"},
    ),
    "a row rewritten with its tile": (
        rewritten(place=100, tile=True),
        {"rows 0–511: not those of the head", "checkpoint 300: not the head of these rows",
         "checkpoint 700: not the head of these rows"},
    ),
    "a row rewritten with tile and head": (
        rewritten(place=100, tile=True, head=True),
        {"checkpoint 300: not the head of these rows", "checkpoint 700: not the head of these rows"},
    ),
    "a late row rewritten with the head": (
        rewritten(place=650, head=True),
        {"checkpoint 700: not the head of these rows"},
    ),
    "a late row rewritten": (
        rewritten(place=650),
        {"rows 640–671: not those of the head", "checkpoint 700: not the head of these rows"},
    ),
    "a kept head changed": (
        sql("UPDATE hub_checkpoint SET text = replace(text, 'hub.example', 'hub.elsewhere') WHERE size = 300"),
        {"checkpoint 300: not signed by this hub"},
    ),
    "a kept head that is none": (
        sql("UPDATE hub_checkpoint SET text = 'x' WHERE size = 300"),
        {"checkpoint 300: not the head of these rows", "checkpoint 300: not signed by this hub"},
    ),
    "a kept head from nowhere": (
        lambda connection: connection.execute(insert(checkpoint_table).values(size=900, text="x")),
        {"checkpoint 900: larger than the log"},
    ),
    "the head deleted": (sql("DELETE FROM hub_evidence_head"), {"head: head-missing"}),
    "the head's size changed": (
        sql("UPDATE hub_evidence_head SET size = 701"),
        {"head: head-does-not-fit-its-size"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_every_change_is_named(name: str, database: Database, log: EvidenceLog) -> None:
    """A changed, deleted, added or moved row, and all that is kept about rows."""
    act, expected = CASES[name]
    assert log.audit() == []
    with database.writing() as connection:
        act(connection)
    # A swap shows in everything above the rows as well; the other cases are exact.
    if name in {"rows swapped", "a tile changed", "a tile deleted"}:
        assert expected <= set(log.audit())
    else:
        assert set(log.audit()) == expected


def test_the_log_cut_back_together_with_its_head(database: Database, log: EvidenceLog) -> None:
    """An older state, put back whole, is found out by a head that was kept later."""
    tree = Frontier()
    with database.writing() as connection:
        hashes = connection.execute(
            evidence.select()
            .with_only_columns(evidence.c.leaf_hash)
            .order_by(evidence.c.leaf_index)
        ).scalars()
        for each in list(hashes)[:600]:
            tree = tree.append(each)
        connection.execute(evidence.delete().where(evidence.c.leaf_index >= 600))
        connection.execute(evidence_head.update().values(size=600, frontier=tree.to_bytes()))

    assert log.audit() == ["checkpoint 700: larger than the log"]


def test_an_erased_salt_is_no_fault(database: Database, log: EvidenceLog) -> None:
    """Deleting what opens the commitments leaves the log whole."""
    with database.writing() as connection:
        connection.execute(evidence.update().where(evidence.c.leaf_index == 5).values(sealed=None))

    assert log.audit() == []


def test_findings_hold_no_content(database: Database, log: EvidenceLog) -> None:
    """A finding names places; it never repeats what stands there."""
    with database.writing() as connection:
        connection.execute(text("UPDATE hub_evidence SET leaf = 'secret', id = id || 'x'"))

    assert all(
        re.fullmatch(r"(row|rows|checkpoint) [\w–-]+: [a-z, ]+", each) for each in log.audit()
    )


def test_appending_meanwhile_is_no_fault(log: EvidenceLog) -> None:
    """An audit beside a busy log judges what was there when it began."""
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            log.submit(records(3)).result()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        findings = [log.audit() for _ in range(5)]
    finally:
        stop.set()
        writer.join()

    assert findings == [[]] * 5
