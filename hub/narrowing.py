"""The guard against narrowing a value by repeated questions: ≥ 18, ≥ 19, ≥ 20, and the age is known.

A caller may put so many different thresholds to one value of one subject within a window. What it
asked is in the database, so a restart forgets nothing and two workers count together.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from hub.model import Consumer, Subject
from hub.predicates import Watched
from hub.store import ThresholdBook


@dataclass(frozen=True, slots=True, kw_only=True)
class NarrowingGuard:
    """Says whether one more threshold may be put to a value."""

    book: ThresholdBook
    now: Callable[[], datetime]

    async def admits(self, consumer: Consumer, subject: Subject, watched: Watched) -> bool:
        """Whether the caller may ask this of this subject; a threshold asked before always may."""
        derived = watched.derived
        # By the field, not by the quantity: an age and a birth date narrow the same value.
        about = (str(subject.id_type), subject.number, derived.resource, derived.field)
        cut = f"{derived.how} {watched.predicate.cut}"
        who = (consumer.client_id, *about)
        return await asyncio.to_thread(self.book.admit, who, cut, self.now())
