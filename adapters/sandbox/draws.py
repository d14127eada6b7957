"""Chance without chance: every draw is a function of the seed and of what is drawn.

`random` gives the next number; here each number has a name (`household/17/children`), so that any
household can be computed without the ones before it, and adding a draw changes no other.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import TypeVar

T = TypeVar("T")


class Draws:
    """The draws about one thing."""

    __slots__ = ("_key",)

    def __init__(self, seed: str, *about: object) -> None:
        """Args:
        seed: Of the whole population.
        about: What the draws are about, e.g. `"household", 17`.
        """
        path = "/".join(map(str, about))
        self._key = hmac.digest(seed.encode(), path.encode(), hashlib.sha256)

    def number(self, name: str, low: int, high: int) -> int:
        """A whole number from `low` to `high`, both included."""
        drawn = int.from_bytes(hmac.digest(self._key, name.encode(), hashlib.sha256)[:8], "big")
        return low + drawn % (high - low + 1)

    def chance(self, name: str, percent: int) -> bool:
        """True in that many of a hundred cases."""
        return self.number(name, 1, 100) <= percent

    def one_of(self, name: str, options: Sequence[T]) -> T:
        """One of `options`, each as likely as another."""
        return options[self.number(name, 0, len(options) - 1)]

    def weighted(self, name: str, weights: Mapping[T, int]) -> T:
        """One of the keys, as likely as its weight."""
        left = self.number(name, 1, sum(weights.values()))
        for option, weight in weights.items():
            left -= weight
            if left <= 0:
                return option
        raise AssertionError("weights are positive")
