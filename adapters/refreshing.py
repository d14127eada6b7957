"""A short-lived secret that many calls share and one fetches: in this process and among all.

Whoever finds it missing fetches it while the others wait. Among processes the one with the lease
fetches and leaves it in the keep; a lease that lapses is the next one's. A secret that the source
no longer takes is forgotten, and not taken from the keep again: a process whose secret was
replaced by another's refresh picks that one up, and nobody is locked out.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from adapters.kinds import Now
from adapters.ports import Keep

LEASE_SECONDS, LOOK_SECONDS = 10.0, 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """A short-lived secret."""

    text: str = field(repr=False)
    until: datetime
    renewal: str = field(default="", repr=False)
    """With which the next one is fetched, where the platform has two."""
    renewal_until: datetime | None = None


Fetch = Callable[[Secret | None], Awaitable[Secret]]
"""The last secret, if any → a new one.

Raises:
    AdapterError: The source gives none.
"""


class Refreshing:
    """One secret. Used on one event loop; a cancelled fetch leaves the next in line to do it."""

    def __init__(self, name: str, keep: Keep, now: Now, fetch: Fetch) -> None:
        """Args:
        name: Under which it is shared; the same for all who use the same account.
        keep: Where it is shared.
        now: UTC.
        fetch: Gets a new one.
        """
        self._name, self._keep, self._now, self._fetch = f"secret:{name}", keep, now, fetch
        self._secret: Secret | None = None
        self._refused: str | None = None
        self._fetching = asyncio.Lock()

    @property
    def until(self) -> datetime | None:
        """When the secret we have ends."""
        return self._secret.until if self._secret else None

    async def current(self) -> str:
        """A secret that is good now."""
        if self._good(self._secret):
            return self._text()
        async with self._fetching:
            while not self._good(self._secret):
                shared = _read(await self._keep.get(self._name))
                if self._good(shared):
                    self._secret = shared
                elif await self._keep.lease(self._name, LEASE_SECONDS):
                    await self._renewed(shared)
                    break  # used once even where it comes with an end that is over: clocks differ
                else:
                    await asyncio.sleep(LOOK_SECONDS)
            return self._text()

    def forget(self, text: str) -> None:
        """The source no longer takes this one."""
        self._refused = text

    async def _renewed(self, shared: Secret | None) -> None:
        try:
            # Another may have been quicker between our look and our lease.
            newest = _read(await self._keep.get(self._name))
            if not self._good(newest):
                newest = await self._fetch(self._secret or shared)
                seconds = (newest.renewal_until or newest.until) - self._now()
                await self._keep.put(self._name, _written(newest), max(1.0, _seconds(seconds)))
            self._secret = newest
            # A source that hands out the same secret again means it.
            self._refused = None if newest and newest.text == self._refused else self._refused
        finally:
            await self._keep.release(self._name)

    def _good(self, secret: Secret | None) -> bool:
        return secret is not None and self._now() < secret.until and secret.text != self._refused

    def _text(self) -> str:
        return self._secret.text if self._secret else ""


def _seconds(span: timedelta) -> float:
    return span.total_seconds()


def _written(secret: Secret) -> bytes:
    row = {
        "text": secret.text,
        "until": secret.until.isoformat(),
        "renewal": secret.renewal,
        "renewal_until": secret.renewal_until.isoformat() if secret.renewal_until else None,
    }
    return json.dumps(row).encode()


def _read(kept: bytes | None) -> Secret | None:
    if kept is None:
        return None
    try:
        row = json.loads(kept)
        until = row["renewal_until"]
        return Secret(
            text=row["text"],
            until=datetime.fromisoformat(row["until"]),
            renewal=row["renewal"],
            renewal_until=datetime.fromisoformat(until) if until else None,
        )
    except (ValueError, KeyError, TypeError):
        return None  # kept by another version of us
