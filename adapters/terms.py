"""The part of a manifest that says how a source is spared and what is made of its silence."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    Discriminator,
    Field,
    Tag,
    model_validator,
)

from adapters.closing import CHINA, Dated, Weekly, Window
from adapters.values import Long, Seconds, Section


class BulkheadTerms(Section):
    """How many calls at a time."""

    calls: int = Field(default=32, ge=1, le=1000)
    queue: int = Field(default=0, ge=0, le=1000)
    """How many may wait for a place; the others are told at once."""
    wait: Seconds = 0.1
    """How long they wait at most, inside the deadline."""


class RateTerms(Section):
    """How many calls in a second, in this process."""

    per_second: float = Field(gt=0, le=100_000)
    burst: int = Field(default=0, ge=0, le=100_000)
    """How many at once after a quiet while; 0: as many as in a second."""


class RetryTerms(Section):
    """A second try where no answer came at all, for resources that are `idempotent`."""

    share: float = Field(default=0.1, gt=0, le=1)
    """Retries for each call, so that a source in trouble is not asked twice as often."""
    jitter: Seconds = 0.05
    """The longest random wait before the second try."""


def _kind_of_delay(value: Any) -> str:
    return "observed" if value == "p95" else "fixed"


class HedgeTerms(Section):
    """A second call to a replica where the first one is slow, for resources that are `idempotent`."""

    after: Annotated[
        Annotated[Seconds, Tag("fixed")] | Annotated[Literal["p95"], Tag("observed")],
        Discriminator(_kind_of_delay),
    ]
    """Fixed, or `p95`: when it has taken longer than 95 of 100 answers of the last five minutes."""
    share: float = Field(default=0.05, gt=0, le=1)
    replica: dict[str, Any] = Field(min_length=1)
    """Keys of `connect` that are different at the replica."""


class CacheTerms(Section):
    """How long the provider lets an answer be used again. Without this section: never."""

    max_age: Long
    stale_if_error: Long | None = None
    """How old an answer may be where the source does not answer; it is labelled stale."""
    no_record: Long | None = None
    """How long “no such record” may be used again; not at all where it is not said."""


def _clock_time(value: Any) -> Any:
    # A bare number would be taken for seconds since midnight.
    if not isinstance(value, str):
        raise ValueError('a time of day is written as "23:30"')  # noqa: TRY004 -- pydantic takes ValueError
    return value


def _moment(value: Any) -> Any:
    """A time without an offset is China's."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if isinstance(value, datetime) and value.tzinfo is None:
        return value.replace(tzinfo=CHINA)
    return value


def _without_offset(value: time) -> time:
    if value.tzinfo is not None:
        raise ValueError('a time of day is China\'s, written without an offset: "23:30"')
    return value


def _of_our_days(value: datetime) -> datetime:
    # Beyond them a calendar cannot count on, and nobody plans to be closed.
    if not 2000 <= value.year < 2200:
        raise ValueError("a date between 2000 and 2199")
    return value


TimeOfDay = Annotated[time, BeforeValidator(_clock_time), AfterValidator(_without_offset)]
Moment = Annotated[AwareDatetime, BeforeValidator(_moment), AfterValidator(_of_our_days)]


class WeeklyTerms(Section):
    """Closed every day, or on certain days of the week."""

    daily_from: TimeOfDay
    daily_to: TimeOfDay
    weekdays: tuple[Annotated[int, Field(ge=1, le=7)], ...] = (1, 2, 3, 4, 5, 6, 7)
    """Monday is 1."""
    reason: str = Field(default="", max_length=100)

    @model_validator(mode="after")
    def _some_time(self) -> WeeklyTerms:
        if self.daily_from == self.daily_to:
            raise ValueError("a window begins and ends at different times")
        if not self.weekdays:
            raise ValueError("weekdays name a day at least")
        return self

    def window(self) -> Window:
        """The window."""
        return Weekly(
            start=self.daily_from, end=self.daily_to, weekdays=frozenset(self.weekdays),
            reason=self.reason,
        )  # fmt: skip


class DatedTerms(Section):
    """Closed once."""

    start: Moment = Field(alias="from")
    end: Moment = Field(alias="to")
    reason: str = Field(default="", max_length=100)

    @model_validator(mode="after")
    def _forwards(self) -> DatedTerms:
        if self.end <= self.start:
            raise ValueError("to lies before from")
        return self

    def window(self) -> Window:
        """The window."""
        return Dated(start=self.start, end=self.end, reason=self.reason)


def _kind_of_window(value: Any) -> str:
    keys = value.keys() if isinstance(value, Mapping) else type(value).model_fields
    return "dated" if {"from", "to", "start"} & set(keys) else "weekly"


ClosedTerms = Annotated[
    Annotated[WeeklyTerms, Tag("weekly")] | Annotated[DatedTerms, Tag("dated")],
    Discriminator(_kind_of_window),
]
"""Which of the two is told by its keys."""

NoCache = Literal["never"]
