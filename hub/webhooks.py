"""Signed callbacks after the Standard Webhooks specification.

They go to addresses that an operator registered for the caller, and to no others; they hold an id,
an outcome and where to look, never a value. What does not arrive is tried again from the outbox.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import ipaddress
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import httpx2
import structlog

from hub.errors import HubError
from hub.store.deferred import DeferredBook, Outgoing

log = structlog.get_logger()

PREFIX = "whsec_"
_SECONDS = 10.0
_LEASE = timedelta(seconds=60)
_BACKOFF = (2, 10, 60, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000)
"""Seconds before each further try; after the last, nobody is there to be told."""


def may_be_called(url: str) -> bool:
    """Https to a host, or http to this very machine; no user, no fragment."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        return False
    if len(url) > 500 or not url.isascii() or not url.isprintable() or " " in url:
        return False
    if parts.username is not None or parts.fragment or not host:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def new_secret() -> str:
    """A secret to sign with, in the form of the specification."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def signature(secret: str, message_id: str, timestamp: int, body: str) -> str:
    """`v1,` + base64 of HMAC-SHA256 over `id.timestamp.body`."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = f"{message_id}.{timestamp}.{body}".encode()
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


@dataclass(slots=True)
class Postman:
    """Sends what is in the outbox."""

    book: DeferredBook
    now: Callable[[], datetime]
    seconds: float = _SECONDS
    """The longest one endpoint may take: the round ends for all when the slowest has."""

    async def round(self) -> None:
        """Try everything whose time has come, once."""
        outgoing = await asyncio.to_thread(self.book.take, self.now(), _LEASE)
        if not outgoing:
            return
        async with httpx2.AsyncClient(
            trust_env=False, follow_redirects=False, timeout=self.seconds
        ) as http:
            await asyncio.gather(*(self._tried(http, each) for each in outgoing))

    async def _tried(self, http: httpx2.AsyncClient, outgoing: Outgoing) -> None:
        """One that cannot be sent holds up no other; it is taken again when its lease has ended."""
        try:
            await self._send(http, outgoing)
        except HubError as problem:
            log.warning("callback_waits", id=outgoing.id, why=problem.why)
        except Exception as problem:  # noqa: BLE001 -- damaged, or a bug
            # Without the traceback: its texts may hold what somebody sent.
            log.error("callback_waits", id=outgoing.id, error=type(problem).__name__)  # noqa: TRY400 -- see above

    async def _send(self, http: httpx2.AsyncClient, outgoing: Outgoing) -> None:
        secret = await asyncio.to_thread(
            self.book.callback_secret, outgoing.client_id, outgoing.url
        )
        if secret is None:
            # Taken off the register since: nothing goes there any more.
            await asyncio.to_thread(self.book.sent, outgoing)
            return
        if await self._arrived(http, outgoing, secret):
            await asyncio.to_thread(self.book.sent, outgoing)
        elif outgoing.attempts >= len(_BACKOFF):
            log.warning("callback_given_up", id=outgoing.id, consumer=outgoing.client_id)
            await asyncio.to_thread(self.book.sent, outgoing)
        else:
            at = self.now() + timedelta(seconds=_BACKOFF[outgoing.attempts])
            await asyncio.to_thread(self.book.later, outgoing, at)

    async def _arrived(self, http: httpx2.AsyncClient, outgoing: Outgoing, secret: str) -> bool:
        stamp = int(self.now().timestamp())
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "mianti",
            "webhook-id": outgoing.id,
            "webhook-timestamp": str(stamp),
            "webhook-signature": signature(secret, outgoing.id, stamp, outgoing.body),
        }
        try:
            # The client's own limit is for each piece: whoever drips would never come to an end.
            async with (
                asyncio.timeout(self.seconds),
                http.stream(
                    "POST", outgoing.url, content=outgoing.body.encode(), headers=headers
                ) as answer,
            ):
                # What they say is not read: only whether they took it counts.
                return 200 <= answer.status_code < 300
        except (TimeoutError, httpx2.HTTPError, httpx2.InvalidURL) as problem:
            log.info("callback_failed", id=outgoing.id, error=type(problem).__name__)
            return False


async def rounds(each: Callable[[], object], seconds: float) -> None:
    """Do something again and again; what fails is tried again the next time."""
    while True:
        try:
            done = each()
            if asyncio.iscoroutine(done):
                await done
        except HubError as problem:
            log.warning("round_waits", why=problem.why)
        except Exception as problem:  # noqa: BLE001  (the loop outlives everything)
            # Without the traceback: its texts may hold what somebody sent.
            log.error("round_failed", error=type(problem).__name__)  # noqa: TRY400  (see above)
        await asyncio.sleep(seconds)
