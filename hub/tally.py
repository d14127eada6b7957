"""How often each field state came from each source: what a providing department is told of itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock

from hub.model import FieldState


@dataclass(slots=True)
class FieldTally:
    """Counts since this process began; small, because states and sources are few."""

    _counts: Counter[tuple[str, str, FieldState]] = field(default_factory=Counter)
    _lock: Lock = field(default_factory=Lock)

    def count(self, county: str, source: str, state: FieldState) -> None:
        """A field was answered with `state`."""
        with self._lock:
            self._counts[county, source, state] += 1

    def of(self, county: str, source: str) -> Mapping[str, int]:
        """State → fields."""
        with self._lock:
            counts = dict(self._counts)
        return {
            str(state): count
            for (place, name, state), count in sorted(counts.items())
            if (place, name) == (county, source)
        }
