"""`create_app`: the only place where the parts are joined. Read it top to bottom."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from importlib.metadata import version

import structlog
from fastapi import FastAPI

from adapters.model import Source
from adapters.ports import Surroundings
from adapters.registry import connect
from catalog.loading import load
from catalog.model import Catalog, SourceBinding
from hub.bundles import BundlePlanner
from hub.cache import Cache, MemoryCache, RedisCache
from hub.database import migrate, open_database
from hub.evidence import EvidenceKind, EvidenceLog, EvidenceRecord
from hub.exchange import Exchange
from hub.http import bundles, catalog, health, oauth, problems, query, receipts
from hub.http.context import Context, Register
from hub.http.middleware import Envelope
from hub.ids import new_id
from hub.settings import Configuration
from hub.store import StoredDataKeys
from hub.tokens import TokenDesk
from hub.vault import Vault

log = structlog.get_logger()


def now() -> datetime:
    """The clock of the running hub."""
    return datetime.now(UTC)


def join(configuration: Configuration) -> Context:
    """Build every part and join them.

    Raises:
        catalog.InvalidCatalog: with all complaints about the counties' files.
        adapters.InvalidManifest: with all complaints about the sources.
        hub.HubError: the database or the keys cannot be used.
    """
    settings = configuration.settings
    whole = load(settings.counties_dir, only=settings.county_ids)
    sources, whole = _connect(whole, configuration)
    database = open_database(settings.database)
    migrate(database)
    vault = Vault.at(settings.data_dir / "keys", StoredDataKeys(database))
    evidence = EvidenceLog(database, vault, origin=settings.public_url.partition("://")[2])
    cache: Cache = RedisCache(settings.cache_url) if settings.cache_url else MemoryCache()
    exchange = Exchange(
        catalog=whole,
        sources=sources,
        evidence=evidence,
        now=now,
        salt=vault.salt,
        reserve_ms=settings.deadline_reserve_ms,
    )
    return Context(
        settings=settings,
        catalog=whole,
        sources=sources,
        database=database,
        vault=vault,
        evidence=evidence,
        register=Register(database, settings.grants_refresh_seconds),
        tokens=TokenDesk(
            issuer=settings.public_url,
            audiences=frozenset({settings.public_url, f"{settings.public_url}/oauth2/token"}),
            secret=vault.secret("access-token"),
            spend=cache.add,
            token_seconds=settings.token_seconds,
            assertion_seconds=settings.assertion_seconds,
            clock_skew_seconds=settings.clock_skew_seconds,
        ),
        exchange=exchange,
        planner=BundlePlanner(catalog=whole, exchange=exchange),
    )


def _connect(
    whole: Catalog, configuration: Configuration
) -> tuple[Mapping[tuple[str, str], Source], Catalog]:
    sources: dict[tuple[str, str], Source] = {}
    bindings: list[SourceBinding] = []
    for county in whole.counties:
        connected = connect(
            configuration.settings.counties_dir / county,
            county=county,
            catalog=whole,
            environment=configuration.environment,
            now=now,
            surroundings=Surroundings(data_dir=configuration.settings.data_dir),
        )
        sources.update({(county, name): source for name, source in connected.sources.items()})
        bindings.extend(connected.bindings)
    return sources, whole.bound(bindings)


def create_app(configuration: Configuration) -> FastAPI:
    """The hub as an ASGI application."""
    context = join(configuration)

    @asynccontextmanager
    async def life(_app: FastAPI) -> AsyncIterator[None]:
        started = EvidenceRecord(
            kind=EvidenceKind.STARTED,
            id=new_id("evd"),
            at=now(),
            body={"version": version("mianti"), "counties": sorted(context.catalog.counties)},
        )
        await context.evidence.append([started])
        log.info(
            "started",
            counties=sorted(context.catalog.counties),
            sources=len(context.sources),
            bundles=len(context.catalog.bundles),
        )
        yield
        for source in context.sources.values():
            await source.aclose()
        context.evidence.close()
        context.database.close()

    app = FastAPI(
        title="免提 mianti",
        version=version("mianti"),
        summary="免提交枢纽：一次查询，多部门作答，逐项留痕 / ask once, answered by many, proven",
        lifespan=life,
        docs_url="/docs",
        redoc_url=None,
    )
    app.state.context = context
    app.add_middleware(Envelope, max_body_bytes=context.settings.max_body_bytes)
    problems.install(app)
    for part in (oauth, query, bundles, catalog, receipts, health):
        app.include_router(part.router)
    return app
