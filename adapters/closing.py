"""When a source is closed: daily or weekly windows, and dated ones, in China's time.

The one place that knows a calendar. It never asks the clock; the caller says when.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

CHINA = ZoneInfo("Asia/Shanghai")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dated:
    """Closed once, from a moment up to another."""

    start: datetime
    end: datetime
    reason: str = ""

    def around(self, _moment: datetime) -> Iterator[tuple[datetime, datetime]]:
        """The window itself."""
        yield self.start, self.end


@dataclass(frozen=True, slots=True, kw_only=True)
class Weekly:
    """Closed at the same time of certain days; past midnight where it ends before it begins."""

    start: time
    end: time
    weekdays: frozenset[int] = frozenset(range(1, 8))
    """ISO 8601: Monday is 1."""
    reason: str = ""

    def around(self, moment: datetime) -> Iterator[tuple[datetime, datetime]]:
        """The windows that begin yesterday, today and tomorrow."""
        today = moment.astimezone(CHINA).date()
        for day in (today + timedelta(days=n) for n in (-1, 0, 1)):
            if day.isoweekday() in self.weekdays:
                until = day if self.end > self.start else day + timedelta(days=1)
                yield (
                    datetime.combine(day, self.start, CHINA),
                    datetime.combine(until, self.end, CHINA),
                )


Window = Dated | Weekly

_MOST_CHAINED = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Closure:
    """A source is closed."""

    until: datetime
    """When it opens again (UTC)."""
    reason: str
    """Of the window that it is in, in words for people; empty where none is given."""


def closure(windows: Sequence[Window], moment: datetime) -> Closure | None:
    """Is the source closed at that moment, and until when? None: it is open.

    Windows that follow each other without a gap are one.
    """
    found: Closure | None = None
    for _ in range(_MOST_CHAINED):
        at = found.until if found else moment
        ends = [
            (end, window.reason)
            for window in windows
            for start, end in window.around(at)
            if start <= at < end
        ]
        if not ends:
            break
        until, reason = max(ends)
        found = Closure(until=until.astimezone(UTC), reason=found.reason if found else reason)
    return found
