"""Chance without chance: every draw is a function of the seed and of what is drawn.

`random` gives the next number; here each number has a name (`household/17/children`), so that any
household can be computed without the ones before it, and adding a draw changes no other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import TypeVar
from zlib import crc32

T = TypeVar("T")

_ALL = (1 << 64) - 1
_FIRST, _SECOND = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
"""The multipliers of splitmix64, which spreads what a name and a key differ in over 64 bits. A
cryptographic hash a draw would cost half the time of a whole population.
"""


class Draws:
    """The draws about one thing."""

    __slots__ = ("_key",)

    def __init__(self, seed: str, *about: object) -> None:
        """Args:
        seed: Of the whole population.
        about: What the draws are about, e.g. `"household", 17`.
        """
        path = "/".join(map(str, (seed, *about)))
        self._key = int.from_bytes(blake2b(path.encode(), digest_size=8).digest(), "big")

    def number(self, name: str, low: int, high: int) -> int:
        """A whole number from `low` to `high`, both included."""
        drawn = self._key ^ (crc32(name.encode()) * _SECOND & _ALL)
        drawn = (drawn ^ drawn >> 30) * _FIRST & _ALL
        drawn = (drawn ^ drawn >> 27) * _SECOND & _ALL
        return low + (drawn ^ drawn >> 31) % (high - low + 1)

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
