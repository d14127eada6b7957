"""How much a source is asked: at a time, in a second, and again.

Without locks, as everything that is used on the event loop only; nothing but a queue waits. They
count in this process: where several processes ask a source, each has its share.
"""

from __future__ import annotations

import asyncio
from collections import deque

from adapters.breaker import Clock


class TokenBucket:
    """A rate: so many a second, and after a quiet while so many at once."""

    __slots__ = ("_at", "_burst", "_clock", "_per_second", "_tokens")

    def __init__(self, *, per_second: float, burst: float, clock: Clock) -> None:
        """Args:
        per_second: Tokens that come back in a second.
        burst: The most that gather.
        clock: Monotonic seconds.
        """
        self._per_second, self._burst, self._clock = per_second, burst, clock
        self._tokens, self._at = burst, clock()

    def take(self) -> bool:
        """Take one, if there is one."""
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._per_second)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class ShareOfCalls:
    """Extra calls (a retry, a hedge) as a share of ordinary ones: a source in trouble is not asked
    twice as often just then.
    """

    __slots__ = ("_most", "_saved", "_share")

    def __init__(self, share: float, most: float = 10.0) -> None:
        """Args:
        share: Extra calls for each ordinary one, e.g. 0.1.
        most: Extra calls that a long quiet while can save up.
        """
        self._share, self._most, self._saved = share, most, 1.0

    def called(self) -> None:
        """An ordinary call was made."""
        self._saved = min(self._most, self._saved + self._share)

    def take(self) -> bool:
        """May an extra call be made?"""
        if self._saved < 1:
            return False
        self._saved -= 1
        return True


class Bulkhead:
    """At most so many calls to a source at a time, so that one that is slow takes no more of us.

    A few may queue for a place, for a short while and in the order in which they came; whoever
    finds the queue full is told at once.
    """

    __slots__ = ("_calls", "_queue", "_wait", "_waiting", "in_flight")

    def __init__(self, calls: int, *, queue: int = 0, wait: float = 0.0) -> None:
        """Args:
        calls: At a time.
        queue: How many may wait for a place.
        wait: For how many seconds at most.
        """
        self._calls, self._queue, self._wait = calls, queue, wait
        self._waiting: deque[asyncio.Future[None]] = deque()
        self.in_flight = 0

    def enter(self) -> bool:
        """True: there was room, and `leave` has to follow."""
        if self.in_flight >= self._calls:
            return False
        self.in_flight += 1
        return True

    async def queued(self, within: float) -> bool:
        """True: a place came free in time, and `leave` has to follow."""
        wait = min(self._wait, within)
        if len(self._waiting) >= self._queue or wait <= 0:
            return False
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await asyncio.wait((turn,), timeout=wait)
        except asyncio.CancelledError:
            if turn.done():
                self.leave()
            raise
        finally:
            if not turn.done():
                self._waiting.remove(turn)
        return turn.done()

    def leave(self) -> None:
        """A call has ended; its place goes to whoever has waited longest."""
        if self._waiting:
            self._waiting.popleft().set_result(None)
        else:
            self.in_flight -= 1
