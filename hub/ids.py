"""Identifiers of our own making: a prefix and a UUIDv7 (RFC 9562 §5.7), so that they sort by time."""

from __future__ import annotations

import os
import time
from threading import Lock

_lock = Lock()
_last = 0
_pool = b""
_POOL_SIZE = 4096


def random_bytes(count: int) -> bytes:
    """`count` bytes that nobody can guess, for ids. Drawn many at a time: each call to the system
    gives up the interpreter, and a busy hub makes thousands of ids a second.
    """
    global _pool  # noqa: PLW0603  (the one pool of the process, behind its lock)
    with _lock:
        if len(_pool) < count:
            _pool = os.urandom(max(_POOL_SIZE, count))
        drawn, _pool = _pool[:count], _pool[count:]
        return drawn


def new_id(prefix: str) -> str:
    """A new id such as `rcp_0192f0c1…`; ids of one process never run backwards."""
    global _last  # noqa: PLW0603  (the one counter of the process, behind its lock)
    with _lock:
        # 48 bits of milliseconds and 12 bits of the fraction, as method 3 of §6.2 allows.
        moment = (time.time_ns() << 12) // 1_000_000
        _last = max(_last + 1, moment)
        stamp = _last
    high = (stamp >> 12) << 16 | 0x7000 | (stamp & 0xFFF)
    low = 0b10 << 62 | int.from_bytes(random_bytes(8)) >> 2
    return f"{prefix}_{high:016x}{low:016x}"
