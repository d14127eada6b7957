"""What several hub processes have to agree on for a short while: spent tokens, and how often.

One port with two implementations: in this process (the default), and the Redis protocol.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import Protocol

import redis

from hub.errors import CacheUnavailable


class Cache(Protocol):
    """Set-if-absent with expiry, and a count in a window. No key is stored that names a person."""

    def add(self, key: str, seconds: float) -> bool:
        """True the first time within `seconds`; False while the key is still there."""
        ...

    def count(self, key: str, seconds: float) -> int:
        """How often this was called with `key` in the present window, this time included.

        The window opens with the first call and is `seconds` long.
        """
        ...


@dataclass(slots=True)
class MemoryCache:
    """In this process; it forgets what has expired whenever it grows.

    Raises:
        CacheUnavailable: from `add` and `count`, when `most` keys are alive: forgetting one of them
            would let a spent token pass again.
    """

    clock: Callable[[], float] = time.monotonic
    most: int = 1_000_000
    _until: dict[str, float] = field(default_factory=dict)
    _counts: dict[str, int] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)
    _sweep_at: int = 1024

    def add(self, key: str, seconds: float) -> bool:
        """See `Cache`."""
        return self._hit(f"add:{key}", seconds) == 1

    def count(self, key: str, seconds: float) -> int:
        """See `Cache`."""
        return self._hit(f"count:{key}", seconds)

    def _hit(self, key: str, seconds: float) -> int:
        now = self.clock()
        with self._lock:
            if self._until.get(key, now) <= now:
                self._make_room(now)
                self._until[key] = now + seconds
                self._counts[key] = 0
            self._counts[key] += 1
            return self._counts[key]

    def _make_room(self, now: float) -> None:
        if len(self._until) < min(self._sweep_at, self.most):
            return
        self._until = {key: until for key, until in self._until.items() if until > now}
        self._counts = {key: self._counts[key] for key in self._until}
        self._sweep_at = max(1024, 2 * len(self._until))
        if len(self._until) >= self.most:
            raise CacheUnavailable("full")


class RedisCache:
    """Redis or Valkey."""

    def __init__(self, url: str, prefix: str = "mianti:") -> None:
        with _mapped():
            self._client = redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2)
        self._prefix = prefix

    def add(self, key: str, seconds: float) -> bool:
        """See `Cache`.

        Raises:
            CacheUnavailable: the server does not answer.
        """
        with _mapped():
            name = f"{self._prefix}add:{key}"
            return bool(self._client.set(name, b"1", nx=True, px=_milliseconds(seconds)))

    def count(self, key: str, seconds: float) -> int:
        """See `Cache`.

        Raises:
            CacheUnavailable: the server does not answer.
        """
        with _mapped():
            name = f"{self._prefix}count:{key}"
            # One transaction: a counter without an end would count for ever.
            line = self._client.pipeline(transaction=True)
            line.set(name, 0, nx=True, px=_milliseconds(seconds))
            line.incr(name)
            return int(line.execute()[1])

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def _milliseconds(seconds: float) -> int:
    return max(1, int(seconds * 1000))


@contextmanager
def _mapped() -> Iterator[None]:
    try:
        yield
    except (redis.RedisError, OSError, ValueError) as problem:
        raise CacheUnavailable(type(problem).__name__) from problem
