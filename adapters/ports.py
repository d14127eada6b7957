"""What this room needs from outside: things several workers share, and a clerk's desk.

The hub implements both; `Surroundings()` as it stands is enough for a process of its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any, Protocol

from adapters.model import Followed, Scalar, SourceCall


class Keep(Protocol):
    """Short-lived things that several workers share: cached replies, short-lived secrets, leases.

    Values are encrypted at rest by whoever implements it. No key names a person: callers give
    digests. What cannot be reached is as good as not there: `get` gives None, `put` does nothing,
    and `lease` says yes, so that a lost cache costs speed and never an answer.
    """

    async def get(self, key: str) -> bytes | None:
        """What was put there and has not expired."""
        ...

    async def put(self, key: str, value: bytes, seconds: float) -> None:
        """Keep `value` for so long; replaces what was there."""
        ...

    async def lease(self, key: str, seconds: float) -> bool:
        """True: `key` is ours alone until released, or until `seconds` have passed."""
        ...

    async def release(self, key: str) -> None:
        """Give a lease back."""
        ...

    async def aclose(self) -> None:
        """Release connections."""
        ...


class MemoryKeep:
    """In this process only. Used on one event loop; no method waits."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, most: int = 10_000) -> None:
        """Args:
        clock: Monotonic seconds.
        most: Values kept at a time; the oldest make room.
        """
        self._clock, self._most = clock, most
        self._values: dict[str, tuple[float, bytes]] = {}
        self._leases: dict[str, float] = {}

    async def get(self, key: str) -> bytes | None:
        """See `Keep`."""
        until, value = self._values.get(key, (0.0, None))
        if value is not None and until <= self._clock():
            del self._values[key]
            return None
        return value

    async def put(self, key: str, value: bytes, seconds: float) -> None:
        """See `Keep`."""
        self._values.pop(key, None)
        while len(self._values) >= self._most:
            del self._values[next(iter(self._values))]
        self._values[key] = (self._clock() + seconds, value)

    async def lease(self, key: str, seconds: float) -> bool:
        """See `Keep`."""
        now = self._clock()
        self._leases = {name: until for name, until in self._leases.items() if until > now}
        if key in self._leases:
            return False
        self._leases[key] = now + seconds
        return True

    async def release(self, key: str) -> None:
        """See `Keep`."""
        self._leases.pop(key, None)

    async def aclose(self) -> None:
        """See `Keep`: there are none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskTask:
    """What a clerk of the providing department is asked to look up and type in (二次录入)."""

    source: str
    call: SourceCall
    fields: tuple[str, ...]
    """Exactly the fields asked; nobody is made to type more."""
    due: datetime
    """When the task lapses."""
    second_pair: bool
    """True: another clerk has to confirm before it counts."""
    note: str = ""
    """Where the clerk looks, in words for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskAnswer:
    """What a clerk typed."""

    values: Mapping[str, Scalar] = field(repr=False)
    found: bool
    """False: the clerk looked and there is no such record."""
    by: str
    """The clerk's id at the providing department; never the clerk's citizen number."""
    at: datetime
    confirmed_by: str | None = None


class Desk(Protocol):
    """Tasks for clerks."""

    async def place(self, task: DeskTask) -> str:
        """Place a task; gives its ticket. The same `call_id` twice gives the same ticket."""
        ...

    async def answer(self, ticket: str) -> DeskAnswer | None:
        """What was typed; None: not yet."""
        ...


class Sealer(Protocol):
    """Seals what a kind keeps at rest in `data_dir`; used from threads."""

    def seal(self, place: str, text: str) -> bytes:
        """`text`, readable by nobody else and nowhere but at `place`."""
        ...

    def unseal(self, place: str, sealed: bytes) -> str:
        """What was sealed.

        Raises:
            ValueError: Damaged, moved from another place, or sealed by another key.
        """
        ...


class Follow(Protocol):
    """How a source says what has become of a deferred answer that it keeps itself."""

    async def __call__(self, ticket: str, *, within: float) -> Followed:
        """Never raises for what the source did."""
        ...


class ReceiptCheck(Protocol):
    """How a receipt of another hub is judged. Only the CPU is asked."""

    def __call__(
        self, document: bytes, *, key: bytes, values: Mapping[str, Any]
    ) -> Mapping[str, Any] | None:
        """The record in the receipt file `document`, if it stands in a log whose head `key` signed
        and holds exactly these `values` (path → value as answered); None otherwise.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """The outside of this room, as one value."""

    keep: Keep = field(default_factory=MemoryKeep)
    desk: Desk | None = None
    data_dir: Path | None = None
    """Where kinds may keep what they can make again (indexes of dropped files); None: nowhere."""
    sealer: Sealer | None = None
    """For what they keep there; None: it is as open as what it was made from."""
    allow_networks: tuple[IPv4Network | IPv6Network, ...] = ()
    """Private networks that the names of all sources may lead to; see `adapters.egress`."""
    origin: str = ""
    """What our hub is called in the trail of a question that goes on to another hub."""
    receipts: ReceiptCheck | None = None
    """None: receipts of other hubs cannot be judged here."""
