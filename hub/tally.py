"""How often each field state came from each source: what a providing department is told of itself."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock

from adapters.breaker import Clock
from adapters.status import RecentCounts
from hub.model import FieldState


@dataclass(slots=True)
class FieldTally:
    """Counts of the last five minutes and since this process began; small, because states and
    sources are few.
    """

    clock: Clock = time.monotonic
    _counts: dict[tuple[str, str], RecentCounts] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def count(self, county: str, source: str, state: FieldState) -> None:
        """A field was answered with `state`."""
        with self._lock:
            counts = self._counts.get((county, source))
            if counts is None:
                counts = self._counts[county, source] = RecentCounts(self.clock)
            counts.count(state)

    def recent(self, county: str, source: str) -> Mapping[str, int]:
        """State → fields, of the last five minutes."""
        with self._lock:
            counts = self._counts.get((county, source))
            return counts.recent() if counts else {}

    def since_start(self, county: str, source: str) -> Mapping[str, int]:
        """State → fields, since this process began."""
        with self._lock:
            counts = self._counts.get((county, source))
            return counts.since_start() if counts else {}
