"""The memory of the guard against narrowing, on both databases."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hub.database import Database
from hub.store import StoredDataKeys, ThresholdBook
from hub.vault import Vault

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
ABOUT = ("intake", "citizen-id", "990101199001010019", "hukou.person", "birth_date")


@pytest.fixture
def book(database: Database, tmp_path: Path) -> ThresholdBook:
    """Three cuts in thirty days."""
    vault = Vault.at(tmp_path / "keys", StoredDataKeys(database))
    return ThresholdBook(database=database, vault=vault, most=3, window=timedelta(days=30))


def test_so_many_cuts_and_the_same_ones_again(book: ThresholdBook) -> None:
    """The fourth is refused, and stays refused; what was told may be told again."""
    told = [book.admit(ABOUT, f">= {n}", NOW) for n in (1, 2, 3, 4, 4, 1)]

    assert told == [True, True, True, False, False, True]


def test_others_are_counted_for_themselves(book: ThresholdBook) -> None:
    """Another caller, another subject, another field."""
    for n in (1, 2, 3):
        book.admit(ABOUT, f">= {n}", NOW)

    for place in (0, 2, 4):
        other = (*ABOUT[:place], "other", *ABOUT[place + 1 :])
        assert book.admit(other, ">= 4", NOW)


def test_a_cut_is_forgotten_after_the_window(book: ThresholdBook) -> None:
    """A day before its end it counts, a day after it no more."""
    for n in (1, 2, 3):
        book.admit(ABOUT, f">= {n}", NOW)

    assert not book.admit(ABOUT, ">= 4", NOW + timedelta(days=29))
    assert book.admit(ABOUT, ">= 4", NOW + timedelta(days=31))


def test_of_many_at_once_no_more_than_so_many(book: ThresholdBook) -> None:
    """Eight callers with a cut each, at the same time: three are told."""
    found: list[bool] = []
    start = threading.Barrier(8)

    def ask(n: int) -> None:
        start.wait()
        found.append(book.admit(ABOUT, f">= {n}", NOW))

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert sorted(found) == [False] * 5 + [True] * 3


def test_whose_value_it_was_does_not_stand_there(book: ThresholdBook, database: Database) -> None:
    """Rows hold a blind index and a cut."""
    book.admit(ABOUT, ">= 18", NOW)
    with database.reading() as connection:
        rows = repr(connection.exec_driver_sql("SELECT * FROM hub_threshold").all())

    assert ABOUT[2] not in rows
    assert "intake" not in rows
