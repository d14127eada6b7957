"""`create_app`: the only place where the parts are joined. Read it top to bottom."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path

import structlog
from fastapi import FastAPI

from adapters.model import Source
from adapters.ports import Follow, Surroundings
from adapters.registry import check, connect
from adapters.values import parsed_networks
from catalog.errors import UnknownEntry
from catalog.loading import load
from catalog.model import Catalog, SourceBinding
from hub.batches import KIND, QueryBatches, on_end
from hub.bundles import BundlePlanner
from hub.cache import Cache, MemoryCache, RedisCache
from hub.certificates.joining import joined_centre
from hub.checks import Checks
from hub.checks.store import CheckBook
from hub.database import Database, migrate, open_database
from hub.deferred import Deferrals
from hub.desk import ClerksDesk, CountyDesk
from hub.evidence import EvidenceKind, EvidenceLog, EvidenceRecord
from hub.exchange import Exchange
from hub.http import (
    batches,
    bundles,
    catalog,
    checks,
    health,
    oauth,
    problems,
    query,
    receipts,
    sources,
    tasks,
)
from hub.http.answered import field_out, query_out
from hub.http.batches import PATH, read_row
from hub.http.context import Context, Register
from hub.http.middleware import Envelope
from hub.ids import new_id
from hub.jobs import JobEngine
from hub.jobs.store import Ledger
from hub.keep import VaultSealer, keep_at
from hub.narrowing import NarrowingGuard
from hub.receipts import proven
from hub.settings import Configuration, Settings
from hub.store import DeferredBook, StoredDataKeys, TaskBook, ThresholdBook
from hub.tally import FieldTally
from hub.tokens import TokenDesk
from hub.vault import Vault
from hub.webhooks import Postman, rounds

log = structlog.get_logger()

SWEEP_SECONDS = 2.0
"""Between two looks for tasks that have lapsed."""
POST_SECONDS = 0.5
"""Between two looks into the outbox."""


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
    database, vault = _stored(settings)
    evidence = log_of(settings, database, vault)
    book = TaskBook(database=database, vault=vault)
    surroundings = Surroundings(
        keep=keep_at(settings.cache_url, vault),
        data_dir=settings.data_dir / "sources",
        sealer=VaultSealer(vault=vault),
        allow_networks=parsed_networks((settings.source_networks,)),
        origin=evidence.origin,
        receipts=proven,
    )
    desks = {
        county: CountyDesk(
            county=county,
            book=book,
            vault=vault,
            evidence=evidence,
            now=now,
            keep=timedelta(days=settings.task_days),
        )
        for county in whole.counties
    }
    connected, followers, whole = _connect(whole, configuration, surroundings, desks)
    thresholds = ThresholdBook(
        database=database,
        vault=vault,
        most=settings.predicate_thresholds,
        window=timedelta(days=settings.predicate_window_days),
    )
    cache: Cache = RedisCache(settings.cache_url) if settings.cache_url else MemoryCache()
    tally = FieldTally()
    exchange = Exchange(
        catalog=whole,
        sources=connected,
        evidence=evidence,
        now=now,
        salt=vault.salt,
        admits=NarrowingGuard(book=thresholds, now=now).admits,
        counted=tally.count,
        reserve_ms=settings.deadline_reserve_ms,
    )
    register = Register(database, settings.grants_refresh_seconds)
    later = DeferredBook(database=database, vault=vault)
    deferrals = Deferrals(
        book=later,
        tasks=book,
        catalog=whole,
        exchange=exchange,
        callers=register,
        read_query=query.read_query,
        write_field=field_out,
        address=settings.public_url,
        now=now,
        keep=timedelta(days=settings.deferred_days),
        followers=followers,
    )
    many = QueryBatches(
        catalog=whole,
        exchange=exchange,
        callers=register,
        read_row=read_row,
        write_result=query_out,
        keep=deferrals.kept,
    )
    return Context(
        settings=settings,
        catalog=whole,
        sources=connected,
        database=database,
        vault=vault,
        evidence=evidence,
        register=register,
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
        tally=tally,
        keep=surroundings.keep,
        certificates=joined_centre(whole, now),
        planner=BundlePlanner(catalog=whole, exchange=exchange),
        checks=Checks(
            catalog=whole,
            exchange=exchange,
            evidence=evidence,
            book=CheckBook(database=database, vault=vault),
            now=now,
            salt=vault.salt,
        ),
        clerks=ClerksDesk(
            book=book,
            catalog=whole,
            evidence=evidence,
            now=now,
            salt=vault.salt,
            ended=(deferrals.task_ended,),
        ),
        deferrals=deferrals,
        postman=Postman(later, now),
        jobs=JobEngine(
            Ledger(database=database, vault=vault),
            {KIND: many.work},
            now,
            ended=on_end(evidence, now),
            lanes=settings.batch_lanes,
            lease=timedelta(seconds=settings.batch_lease_seconds),
        ),
    )


def _stored(settings: Settings) -> tuple[Database, Vault]:
    database = open_database(settings.database)
    migrate(database)
    return database, Vault.at(settings.data_dir / "keys", StoredDataKeys(database))


@contextmanager
def opened_vault(settings: Settings) -> Iterator[tuple[Database, Vault]]:
    """The database and the keys without the hub around them, for verbs of the command line."""
    database, vault = _stored(settings)
    try:
        yield database, vault
    finally:
        database.close()


def log_of(settings: Settings, database: Database, vault: Vault) -> EvidenceLog:
    """The hub's evidence log; its origin is the hub's own address."""
    return EvidenceLog(database, vault, origin=settings.public_url.partition("://")[2])


def connected_catalog(counties: Path, county: str) -> Catalog:
    """A county's catalog with what its manifests would bind; contacts nobody.

    Raises:
        catalog.UnknownEntry: There is no such county.
        catalog.InvalidCatalog, adapters.InvalidManifest: With all complaints.
    """
    whole = load(counties)
    if county not in whole.counties:
        raise UnknownEntry("county", county, sorted(whole.counties))
    return whole.bound(check(counties / county, county=county, catalog=whole, now=now))


def _connect(
    whole: Catalog,
    configuration: Configuration,
    surroundings: Surroundings,
    desks: Mapping[str, CountyDesk],
) -> tuple[Mapping[tuple[str, str], Source], Mapping[tuple[str, str], Follow], Catalog]:
    sources: dict[tuple[str, str], Source] = {}
    followers: dict[tuple[str, str], Follow] = {}
    bindings: list[SourceBinding] = []
    for county in whole.counties:
        connected = connect(
            configuration.settings.counties_dir / county,
            county=county,
            catalog=whole,
            environment=configuration.environment,
            now=now,
            surroundings=replace(surroundings, desk=desks[county]),
        )
        sources.update({(county, name): source for name, source in connected.sources.items()})
        followers.update({(county, name): each for name, each in connected.followers.items()})
        bindings.extend(connected.bindings)
    return sources, followers, whole.bound(bindings)


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
        context.jobs.start()
        later = [
            asyncio.create_task(context.deferrals.look_at_all()),
            asyncio.create_task(rounds(context.deferrals.sweep, SWEEP_SECONDS)),
            asyncio.create_task(rounds(context.postman.round, POST_SECONDS)),
        ]
        yield
        for task in later:
            task.cancel()
        await asyncio.gather(*later, return_exceptions=True)
        await context.jobs.close()
        for source in context.sources.values():
            await source.aclose()
        await context.keep.aclose()
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
    app.add_middleware(
        Envelope,
        max_body_bytes=context.settings.max_body_bytes,
        receive_seconds=context.settings.receive_seconds,
        larger={PATH: context.settings.max_batch_bytes},
    )
    problems.install(app)
    for part in (oauth, query, tasks, batches, checks, bundles, sources, catalog, receipts, health):
        app.include_router(part.router)
    return app
