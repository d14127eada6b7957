"""What several hub processes have to agree on for a short while: spent tokens.

One port with two implementations: in this process (the default), and the Redis protocol.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import Protocol

import redis

from hub.errors import CacheUnavailable


class Cache(Protocol):
    """Set-if-absent with expiry."""

    def add(self, key: str, seconds: float) -> bool:
        """True the first time within `seconds`; False while the key is still there."""
        ...


@dataclass(slots=True)
class MemoryCache:
    """In this process; it forgets what has expired whenever it grows."""

    clock: Callable[[], float] = time.monotonic
    _until: dict[str, float] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)
    _sweep_at: int = 1024

    def add(self, key: str, seconds: float) -> bool:
        """See `Cache`."""
        now = self.clock()
        with self._lock:
            if self._until.get(key, now) > now:
                return False
            self._until[key] = now + seconds
            if len(self._until) >= self._sweep_at:
                self._until = {k: until for k, until in self._until.items() if until > now}
                self._sweep_at = max(1024, 2 * len(self._until))
            return True


class RedisCache:
    """Redis or Valkey."""

    def __init__(self, url: str, prefix: str = "mianti:") -> None:
        self._client = redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2)
        self._prefix = prefix

    def add(self, key: str, seconds: float) -> bool:
        """See `Cache`.

        Raises:
            CacheUnavailable: the server does not answer.
        """
        try:
            made = self._client.set(
                self._prefix + key, b"1", nx=True, px=max(1, int(seconds * 1000))
            )
        except redis.RedisError as problem:
            raise CacheUnavailable(type(problem).__name__) from problem
        return bool(made)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
