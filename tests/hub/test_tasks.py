"""What clerks are asked and type, in the database: of two who act at once one is told. On both."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hub.database import Database
from hub.errors import UnknownTask
from hub.store import StoredDataKeys
from hub.store.tasks import Asked, Task, TaskBook, TaskState, Typed
from hub.vault import Vault

NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)
REASON = {"consumer": "县教体局", "item": "xinxiang-10", "case": "C-1"}


@pytest.fixture
def book(database: Database, tmp_path: Path) -> TaskBook:
    """One task with four eyes, typed by a first clerk."""
    vault = Vault.at(tmp_path / "keys", StoredDataKeys(database))
    book = TaskBook(database=database, vault=vault)
    asked = Asked(
        keys={"id_number": "990101199001010019"}, fields=("permit_no",), note="", reason=REASON
    )
    task = Task(
        id="tsk_1", county="xinxiang", source="ledger", resource="residence-permit.status",
        state=TaskState.OPEN, second_pair=True, placed_at=NOW, due_at=NOW + timedelta(days=3),
        answered_at=None, answered_by=None, confirmed_by=None, asked=asked, typed=None,
    )  # fmt: skip
    assert book.add(task, b"q" * 16, 0)
    assert typed(book, "J-1", NOW)
    return book


def typed(book: TaskBook, permit: str, at: datetime) -> bool:
    """The first clerk types."""
    values = Typed(found=True, values={"permit_no": permit})
    return book.typed(found(book), values, by="A01", state=TaskState.TO_CONFIRM, now=at)


def found(book: TaskBook) -> Task:
    """The task as it stands."""
    task = book.find("tsk_1", NOW)
    assert task is not None
    return task


def test_only_what_was_looked_at_is_confirmed(book: TaskBook) -> None:
    """Rejected and typed anew while the second clerk looked: the old look confirms nothing."""
    looked_at = found(book)
    assert book.rejected(looked_at, NOW)
    assert typed(book, "J-2", NOW + timedelta(seconds=1))

    assert not book.confirmed(looked_at, by="A02", now=NOW)
    assert not book.rejected(looked_at, NOW)
    assert found(book).state is TaskState.TO_CONFIRM
    assert book.confirmed(found(book), by="A02", now=NOW)
    assert not book.confirmed(looked_at, by="A03", now=NOW)
    assert found(book).confirmed_by == "A02"


def test_of_a_forgotten_task_nothing_can_be_asked(book: TaskBook) -> None:
    """The count stays; whom it was about and what was typed are gone."""
    book.forget(NOW + timedelta(days=4))
    task = found(book)

    assert (task.asked, task.typed) == (None, None)
    with pytest.raises(UnknownTask):
        _ = task.question
