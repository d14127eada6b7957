"""The guard against narrowing a value down by asking again with other thresholds.

Somebody who may ask whether a salary is over 3,000 may not ask over 3,001, 3,002, … until it is
known. What is counted is different thresholds; the same question again is the same question.
"""

from __future__ import annotations

from dataclasses import dataclass

from catalog.predicates import Predicate
from hub.cache import Cache
from hub.model import Subject
from hub.vault import Vault


@dataclass(frozen=True, slots=True, kw_only=True)
class Narrowing:
    """Counts thresholds by caller, person and quantity."""

    cache: Cache
    vault: Vault
    most: int
    """Different thresholds answered within the window."""
    seconds: float
    """The window; it opens with the first threshold."""

    def narrows(self, client_id: str, subject: Subject, predicate: Predicate) -> bool:
        """Would an answer be one threshold too many? See `hub.predicates.Narrows`.

        Raises:
            CacheUnavailable: It cannot be told; nothing is answered.
        """
        who = self.vault.blind_index("predicate", f"{client_id} {subject.number}").hex()
        key = f"predicate:{who}:{predicate.quantity}"
        if not self.cache.add(f"{key}:{predicate.threshold}", self.seconds):
            return False
        return self.cache.count(key, self.seconds) > self.most
