"""What a route needs: the joined parts of the hub, and the caller behind a token."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, cast

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from adapters.model import Source
from adapters.ports import Keep
from catalog.model import Catalog
from hub.bundles import BundlePlanner
from hub.certificates.centre import CertificateCentre
from hub.checks import Checks
from hub.database import Database
from hub.deferred import Deferrals
from hub.desk import ClerksDesk
from hub.errors import TokenRefused
from hub.evidence import EvidenceLog
from hub.exchange import Exchange
from hub.jobs import JobEngine
from hub.model import Consumer, Grant
from hub.settings import Settings
from hub.store import all_consumers, all_grants
from hub.tally import FieldTally
from hub.tokens import TokenDesk
from hub.vault import Vault
from hub.webhooks import Postman


@dataclass(slots=True)
class Register:
    """Callers and grants, read from the database at most once a `refresh_seconds`.

    A withdrawal is therefore honoured within that time by every process, without a query each call.
    """

    database: Database
    refresh_seconds: float
    clock: Callable[[], float] = time.monotonic
    _consumers: Mapping[str, Consumer] = field(default_factory=dict)
    _grants: Mapping[str, Sequence[Grant]] = field(default_factory=dict)
    _read_at: float = float("-inf")
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def consumer(self, client_id: str) -> Consumer | None:
        """The consumer of that id, suspended ones included."""
        await self._refresh()
        return self._consumers.get(client_id)

    async def grants(self, client_id: str) -> Sequence[Grant]:
        """Everything that consumer was ever granted; the access rules judge."""
        await self._refresh()
        return self._grants.get(client_id, ())

    async def _refresh(self) -> None:
        if self.clock() - self._read_at < self.refresh_seconds:
            return
        async with self._lock:
            if self.clock() - self._read_at < self.refresh_seconds:
                return
            consumers, grants = await asyncio.to_thread(self._read)
            by_consumer: dict[str, list[Grant]] = {}
            for grant in grants:
                by_consumer.setdefault(grant.consumer, []).append(grant)
            self._consumers = {c.client_id: c for c in consumers}
            self._grants = by_consumer
            self._read_at = self.clock()

    def _read(self) -> tuple[Sequence[Consumer], Sequence[Grant]]:
        return all_consumers(self.database), all_grants(self.database)


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The joined hub. Built once by `hub.app`, reached by routes through `request.app.state`."""

    settings: Settings
    catalog: Catalog
    sources: Mapping[tuple[str, str], Source]
    database: Database
    vault: Vault
    evidence: EvidenceLog
    register: Register
    tokens: TokenDesk
    exchange: Exchange
    planner: BundlePlanner
    jobs: JobEngine
    checks: Checks
    clerks: ClerksDesk
    deferrals: Deferrals
    postman: Postman
    tally: FieldTally
    keep: Keep
    certificates: CertificateCentre


async def context_of(request: Request) -> Context:
    """The context of the app that serves this request.

    A coroutine, although it waits for nothing: FastAPI sends plain functions to a thread.
    """
    return cast("Context", request.app.state.context)


_bearer = HTTPBearer(
    auto_error=False, description="POST /oauth2/token (client_credentials, private_key_jwt)"
)


async def caller_of(
    request: Request,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Consumer:
    """The consumer behind the bearer token.

    Raises:
        TokenRefused: no token, a foreign or expired one, or a caller that was suspended since.
    """
    if credentials is None:
        raise TokenRefused("token-missing")
    context = await context_of(request)
    token = context.tokens.check_access(credentials.credentials)
    consumer = await context.register.consumer(token.client_id)
    if consumer is None or not consumer.active:
        raise TokenRefused("client-suspended")
    return consumer


Joined = Annotated[Context, Depends(context_of)]
Caller = Annotated[Consumer, Depends(caller_of)]
