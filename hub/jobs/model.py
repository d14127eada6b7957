"""The values of a job."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from hub.model import Json


class JobState(StrEnum):
    """Where a job stands. A closed list."""

    RECEIVING = "receiving"
    """Its rows are still coming in; it is forgotten if they break off."""
    RUNNING = "running"
    PAUSED = "paused"
    CANCELLED = "cancelled"
    """What was done stays done; the rest is never begun."""
    DONE = "done"


OVER = frozenset({JobState.CANCELLED, JobState.DONE})
"""States that nothing leads out of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job, and how far it is."""

    id: str
    kind: str
    """Which work its chunks are given to."""
    owner: str
    """Client id of the caller; to all others the job does not exist."""
    state: JobState
    head: Mapping[str, Json] = field(repr=False)
    """What is common to all rows; sealed at rest."""
    rows: int
    done: int
    """Rows whose outcome stands in the ledger."""
    outcomes: Mapping[str, int]
    """Outcome → rows."""
    digest: str
    """SHA-256 of the request it came with, hex; empty while it is receiving."""
    created_at: datetime
    finished_at: datetime | None
    expires_at: datetime
    """When rows and outcomes are deleted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Some rows of a job, claimed by a worker."""

    job: str
    number: int
    first_row: int
    """Place of the first row in the job; the first row of all is 1."""
    rows: tuple[Json, ...] = field(repr=False)
    attempt: int
    """1 for the first time."""
