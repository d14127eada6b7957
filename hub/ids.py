"""Identifiers of our own making: a prefix and a UUIDv7 (RFC 9562 §5.7), so that they sort by time."""

from __future__ import annotations

import secrets
import time
from threading import Lock

_lock = Lock()
_last = 0


def new_id(prefix: str) -> str:
    """A new id such as `rcp_0192f0c1…`; ids of one process never run backwards."""
    global _last  # noqa: PLW0603  (the one counter of the process, behind its lock)
    with _lock:
        # 48 bits of milliseconds and 12 bits of the fraction, as method 3 of §6.2 allows.
        moment = (time.time_ns() << 12) // 1_000_000
        _last = max(_last + 1, moment)
        stamp = _last
    high = (stamp >> 12) << 16 | 0x7000 | (stamp & 0xFFF)
    low = 0b10 << 62 | secrets.randbits(62)
    return f"{prefix}_{high:016x}{low:016x}"
