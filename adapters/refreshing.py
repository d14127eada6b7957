"""A short-lived secret that many calls share and one fetches: in this process and among all.

Whoever finds it missing waits for one task that fetches it. The task goes on when a caller leaves,
so that callers in a hurry cannot keep a slow source from ever giving one. Among processes the one
with the lease fetches and leaves it in the keep; a lease that lapses is the next one's. A secret
that the source no longer takes is forgotten, and not taken from the keep again: a process whose
secret was replaced by another's refresh picks that one up, and nobody is locked out.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from adapters.errors import AdapterError, SourceAnswerInvalid, SourceRefused, SourceTimedOut
from adapters.kinds import Now
from adapters.ports import Keep

FETCH_SECONDS = 5.0
"""The longest one fetch may take."""
LEASE_SECONDS = 6.0
"""How long a process that died while fetching keeps the others waiting."""
LOOK_SECONDS = 0.05
PAUSE_SECONDS = 1.0
"""How long nobody here asks again after a refusal: asking on with a wrong key is what gets a system
locked out."""
_USABLE = re.compile(r"[\x21-\x7e]{1,16384}")
"""What can stand in a header."""


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
    """One secret. Used on one event loop."""

    def __init__(
        self,
        name: str,
        keep: Keep,
        now: Now,
        fetch: Fetch,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Args:
        name: Under which it is shared; the same for all who use the same account.
        keep: Where it is shared.
        now: UTC.
        fetch: Gets a new one.
        clock: Monotonic seconds.
        """
        self._name, self._keep, self._now, self._fetch = f"secret:{name}", keep, now, fetch
        self._clock = clock
        self._secret: Secret | None = None
        self._refused: str | None = None
        self._renewing: asyncio.Task[None] | None = None
        self._paused_until, self._pause = 0.0, ""

    @property
    def until(self) -> datetime | None:
        """When the secret we have ends."""
        return self._secret.until if self._secret else None

    async def current(self) -> str:
        """A secret that is good now.

        Raises:
            AdapterError: The source gives none.
        """
        if not self._good(self._secret):
            if self._renewing is None or self._renewing.done():
                self._renewing = asyncio.create_task(self._renewed())
                self._renewing.add_done_callback(_looked_at)
            try:
                await asyncio.shield(self._renewing)
            except AdapterError as error:
                raise type(error)(error.why) from None  # one for each who waited
        # Used once even where it came with an end that is over: clocks differ.
        return self._secret.text if self._secret else ""

    def forget(self, text: str) -> None:
        """The source no longer takes this one."""
        self._refused = text

    async def _renewed(self) -> None:
        """Find one in the keep, or wait for whoever fetches, or fetch."""
        if self._clock() < self._paused_until:
            raise SourceRefused(self._pause)
        try:
            async with asyncio.timeout(LEASE_SECONDS + FETCH_SECONDS):
                while not await self._found():
                    if await self._keep.lease(self._name, LEASE_SECONDS):
                        await self._leased()
                        return
                    await asyncio.sleep(LOOK_SECONDS)
        except TimeoutError:
            raise SourceTimedOut("secret-timed-out") from None

    async def _found(self) -> bool:
        """Is there a good one in the keep? Then it is ours."""
        shared = _read(await self._keep.get(self._name))
        if shared is not None and (self._secret is None or shared.until >= self._secret.until):
            self._secret = shared
        return self._good(self._secret)

    async def _leased(self) -> None:
        try:
            # Another may have been quicker between our look and our lease.
            if not await self._found():
                await self._fetched()
        finally:
            await self._keep.release(self._name)

    async def _fetched(self) -> None:
        try:
            async with asyncio.timeout(FETCH_SECONDS):
                newest = await self._fetch(self._secret)
        except SourceRefused as error:
            self._paused_until, self._pause = self._clock() + PAUSE_SECONDS, error.why
            raise
        if not _USABLE.fullmatch(newest.text):
            raise SourceAnswerInvalid("secret-unreadable")
        seconds = ((newest.renewal_until or newest.until) - self._now()).total_seconds()
        await self._keep.put(self._name, _written(newest), max(1.0, seconds))
        self._secret = newest
        # A source that hands out the same secret again means it.
        self._refused = None if newest.text == self._refused else self._refused

    def _good(self, secret: Secret | None) -> bool:
        return secret is not None and self._now() < secret.until and secret.text != self._refused


def ending(reported: object, *, now: datetime, life: int) -> datetime:
    """When a secret ends by our clock: as the source says (epoch milliseconds) where that lies
    between now and `life` seconds from now; otherwise (no word, another unit, another clock) after
    `life`.
    """
    limit = now + timedelta(seconds=life)
    text = str(reported)
    if not (text.isascii() and text.isdecimal() and len(text) <= 14):
        return limit
    said = datetime.fromtimestamp(int(text) / 1000, UTC)
    return said if now < said <= limit else limit


def _looked_at(task: asyncio.Task[None]) -> None:
    """So that asyncio does not report a failure that nobody waited for as lost."""
    if not task.cancelled():
        task.exception()


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
