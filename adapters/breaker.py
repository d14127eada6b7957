"""A circuit breaker: closed, open for a while, then one probe decides."""

from __future__ import annotations

from collections.abc import Callable
from typing import NewType

from adapters.model import BreakerState

Clock = Callable[[], float]
"""Monotonic seconds."""

Pass = NewType("Pass", int)
"""The right to make one call, and the name under which the breaker is told how it went."""


class Breaker:
    """A circuit breaker: closed, open for a while, then one probe decides.

    Only calls of the present term count: one that was admitted before the breaker opened and ends
    later says nothing about the source now, neither for the probe nor in its place.

    Synchronous and without locks: it is only used from the event loop, and no method waits.
    """

    __slots__ = ("_clock", "_failures", "_limit", "_opened_at", "_probing", "_reset", "_term")

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
        self._term = Pass(1)

    @property
    def state(self) -> BreakerState:
        """Where it stands now."""
        if self._opened_at is None:
            return BreakerState.CLOSED
        if self._probing or self._clock() - self._opened_at >= self._reset:
            return BreakerState.HALF_OPEN
        return BreakerState.OPEN

    def admit(self) -> Pass | None:
        """May a call pass? Half open, only the first one may, until it is told how that went."""
        if self._opened_at is None:
            return self._term
        if self._probing or self.state is BreakerState.OPEN:
            return None
        self._probing = True
        return self._term

    def succeeded(self, by: Pass) -> None:
        """The source answered."""
        if by == self._term:
            self._failures, self._opened_at, self._probing = 0, None, False

    def failed(self, by: Pass) -> None:
        """The source failed; a failed probe opens the breaker again from now."""
        if by != self._term:
            return
        self._failures += 1
        if self._probing or self._failures >= self._limit:
            self._opened_at = self._clock()
            self._term = Pass(self._term + 1)
        self._probing = False

    def abandoned(self, by: Pass) -> None:
        """The call ended without telling anything (the caller went away)."""
        if by == self._term:
            self._probing = False
