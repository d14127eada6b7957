"""How a source is doing, from its real traffic: counts, latencies, last success and failure.

Constant memory whatever the traffic: a few minutes in slots, latencies in fixed classes.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from adapters.breaker import Clock
from adapters.model import Freshness, Outcome, SourceReply

SLOT_SECONDS, SLOTS = 15, 20
"""The window is five minutes."""

CLASSES_MS = (1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 500, 700, 1000, 1500, 2000,
              3000, 5000, 7000, 10_000, 15_000, 30_000)  # fmt: skip
"""Upper ends of the classes that latencies are counted in; a quantile is told as the end of its."""

_WELL = frozenset({Outcome.ANSWERED, Outcome.NO_RECORD, Outcome.REFUSED, Outcome.DEFERRED})
"""Outcomes that show that the source works."""
_NOT_ASKED = frozenset({Outcome.BREAKER_OPEN, Outcome.CLOSED})


@dataclass(slots=True)
class _Slot:
    number: int
    outcomes: Counter[str] = field(default_factory=Counter)
    latencies: list[int] = field(default_factory=lambda: [0] * (len(CLASSES_MS) + 1))


class Traffic:
    """Counts what goes through one source. Used on the event loop only."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._slots: deque[_Slot] = deque(maxlen=SLOTS)
        self._total: Counter[str] = Counter()
        self.last_success_at: datetime | None = None
        self.last_failure_at: datetime | None = None
        self.last_failure: str | None = None

    def counted(self, reply: SourceReply) -> None:
        """A reply goes out."""
        name = str(reply.outcome) if reply.freshness is Freshness.LIVE else str(reply.freshness)
        slot = self._slot()
        slot.outcomes[name] += 1
        self._total[name] += 1
        if reply.freshness is Freshness.CACHED or reply.outcome in _NOT_ASKED:
            return
        if reply.freshness is Freshness.LIVE and reply.outcome in _WELL:
            slot.latencies[bisect_left(CLASSES_MS, reply.elapsed_ms)] += 1
            self.last_success_at = reply.retrieved_at
        else:
            self.last_failure_at, self.last_failure = reply.retrieved_at, reply.why

    def outcomes(self) -> Mapping[str, int]:
        """Calls by outcome in the window."""
        total: Counter[str] = Counter()
        for slot in self._recent():
            total += slot.outcomes
        return dict(sorted(total.items()))

    def outcomes_since_start(self) -> Mapping[str, int]:
        """Calls by outcome since this process began."""
        return dict(sorted(self._total.items()))

    def latencies(self) -> Mapping[str, int | None]:
        """Quantiles of the window."""
        classes = [sum(each) for each in zip(*(s.latencies for s in self._recent()), strict=True)]
        return {f"p{share}": _quantile(classes, share) for share in (50, 95, 99)}

    def _slot(self) -> _Slot:
        number = int(self._clock() // SLOT_SECONDS)
        if not self._slots or self._slots[-1].number != number:
            self._slots.append(_Slot(number))
        return self._slots[-1]

    def _recent(self) -> Iterable[_Slot]:
        oldest = int(self._clock() // SLOT_SECONDS) - SLOTS
        return [slot for slot in self._slots if slot.number > oldest]


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
