"""A circuit breaker: closed, open for a while, then one probe decides."""

from __future__ import annotations

from collections.abc import Callable

from adapters.model import BreakerState

Clock = Callable[[], float]
"""Monotonic seconds."""


class Breaker:
    """A circuit breaker: closed, open for a while, then one probe decides.

    Synchronous and without locks: it is only used from the event loop, and no method waits.
    """

    __slots__ = ("_clock", "_failures", "_limit", "_opened_at", "_probing", "_reset")

    def __init__(self, *, failures: int, reset: float, clock: Clock) -> None:
        """Args:
        failures: Failures in a row that open it.
        reset: Seconds until a probe may pass.
        clock: Monotonic seconds.
        """
        self._limit, self._reset, self._clock = failures, reset, clock
        self._failures = 0
        self._opened_at: float | None = None
        self._probing = False

    @property
    def state(self) -> BreakerState:
        """Where it stands now."""
        if self._opened_at is None:
            return BreakerState.CLOSED
        if self._probing or self._clock() - self._opened_at >= self._reset:
            return BreakerState.HALF_OPEN
        return BreakerState.OPEN

    def admit(self) -> bool:
        """May a call pass? Half open, only the first one may, until it is told how that went."""
        if self._opened_at is None:
            return True
        if self._probing or self.state is BreakerState.OPEN:
            return False
        self._probing = True
        return True

    def succeeded(self) -> None:
        """The source answered."""
        self._failures, self._opened_at, self._probing = 0, None, False

    def failed(self) -> None:
        """The source failed; a failed probe opens the breaker again from now."""
        self._failures += 1
        if self._probing or self._failures >= self._limit:
            self._opened_at = self._clock()
        self._probing = False

    def abandoned(self) -> None:
        """The call ended without telling anything (the caller went away)."""
        self._probing = False
