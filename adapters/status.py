"""How a source is doing, from its real traffic: counts, latencies, last success and failure.

Constant memory whatever the traffic: a few minutes in slots, latencies in fixed classes.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Mapping
from datetime import datetime

from adapters.breaker import Clock
from adapters.model import Freshness, Outcome, SourceReply

SLOT_SECONDS, SLOTS = 15, 20
"""The window is five minutes."""

CLASSES_MS = (1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 500, 700, 1000, 1500, 2000,
              3000, 5000, 7000, 10_000, 15_000, 30_000)  # fmt: skip
"""Upper ends of the classes that latencies are counted in; a quantile is told as the end of its."""

ENOUGH = 20
"""Answers from which on a quantile says what is usual."""

_WELL = frozenset(
    {
        Outcome.ANSWERED,
        Outcome.NO_RECORD,
        Outcome.REFUSED,
        Outcome.DEFERRED,
        Outcome.NOT_GRANTED,
        Outcome.WITHHELD,
        Outcome.NOT_OFFERED,
    }
)
"""Outcomes that show that the source works."""


class RecentCounts:
    """Counts by name, of the last five minutes and since the beginning."""

    def __init__(self, clock: Clock) -> None:
        """Args:
        clock: Monotonic seconds.
        """
        self._clock = clock
        self._slots: deque[tuple[int, Counter[str]]] = deque(maxlen=SLOTS)
        self._total: Counter[str] = Counter()

    def count(self, name: str) -> None:
        """It happened once more."""
        number = int(self._clock() // SLOT_SECONDS)
        if not self._slots or self._slots[-1][0] != number:
            self._slots.append((number, Counter()))
        self._slots[-1][1][name] += 1
        self._total[name] += 1

    def recent(self) -> Mapping[str, int]:
        """Of the last five minutes."""
        oldest = int(self._clock() // SLOT_SECONDS) - SLOTS
        total: Counter[str] = Counter()
        for number, counts in self._slots:
            if number > oldest:
                total += counts
        return dict(sorted(total.items()))

    def since_start(self) -> Mapping[str, int]:
        """Since this process began."""
        return dict(sorted(self._total.items()))


class Latencies:
    """How long answers took in the last five minutes."""

    def __init__(self, clock: Clock) -> None:
        """Args:
        clock: Monotonic seconds.
        """
        self._clock = clock
        self._slots: deque[tuple[int, list[int]]] = deque(maxlen=SLOTS)
        self._usual: float | None = None
        self._usual_until = float("-inf")

    def count(self, milliseconds: float) -> None:
        """An answer took so long."""
        number = int(self._clock() // SLOT_SECONDS)
        if not self._slots or self._slots[-1][0] != number:
            self._slots.append((number, [0] * (len(CLASSES_MS) + 1)))
        self._slots[-1][1][bisect_left(CLASSES_MS, milliseconds)] += 1

    def quantiles(self) -> Mapping[str, int | None]:
        """In milliseconds; None where nothing was answered."""
        classes = self._classes()
        return {f"p{share}": _quantile(classes, share) for share in (50, 95, 99)}

    def usual(self) -> float | None:
        """Seconds within which 95 of 100 answers came; None: too few to say. Looked at once a
        second at most.
        """
        now = self._clock()
        if now >= self._usual_until:
            classes = self._classes()
            p95 = _quantile(classes, 95) if sum(classes) >= ENOUGH else None
            self._usual = None if p95 is None else p95 / 1000
            self._usual_until = now + 1
        return self._usual

    def _classes(self) -> list[int]:
        oldest = int(self._clock() // SLOT_SECONDS) - SLOTS
        recent = [classes for number, classes in self._slots if number > oldest]
        return [sum(each) for each in zip(*recent, strict=True)]


class Traffic:
    """What goes through one source. Used on the event loop only."""

    def __init__(self, clock: Clock) -> None:
        """Args:
        clock: Monotonic seconds.
        """
        self.outcomes = RecentCounts(clock)
        """What callers were told, whether the source was asked for it or not."""
        self.latencies = Latencies(clock)
        self.last_success_at: datetime | None = None
        self.last_failure_at: datetime | None = None
        self.last_failure: str | None = None

    def told(self, reply: SourceReply) -> None:
        """A reply goes out."""
        live = reply.freshness is Freshness.LIVE
        self.outcomes.count(str(reply.outcome) if live else str(reply.freshness))

    def asked(self, reply: SourceReply) -> None:
        """The source was asked, and this is how it went."""
        if reply.outcome in _WELL:
            self.latencies.count(reply.elapsed_ms)
            self.last_success_at = reply.retrieved_at
        else:
            self.last_failure_at, self.last_failure = reply.retrieved_at, reply.why


def _quantile(classes: list[int], share: int) -> int | None:
    total = sum(classes)
    if not total:
        return None
    wanted, seen = total * share / 100, 0
    for place, count in enumerate(classes):
        seen += count
        if seen >= wanted:
            return CLASSES_MS[min(place, len(CLASSES_MS) - 1)]
    return CLASSES_MS[-1]
