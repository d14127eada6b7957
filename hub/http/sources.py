"""How the connected sources are doing, from their real traffic: `GET /v1/sources`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from adapters.model import BreakerState, SourceStatus
from catalog.errors import UnknownEntry
from hub.http.context import Caller, Context, Joined
from hub.http.problems import refusals
from hub.model import Json

router = APIRouter(prefix="/v1", tags=["sources"])


class SourceOut(BaseModel):
    """A source in this process of the hub."""

    county: str
    source: str
    kind: str
    resources: list[str]
    breaker: BreakerState
    in_flight: int
    closed_until: datetime | None
    closed_because: str | None
    """The calendar's reason."""
    outcomes: dict[str, int]
    """Calls by outcome in the last five minutes."""
    outcomes_since_start: dict[str, int]
    field_states: dict[str, int]
    """Fields by state in the last five minutes."""
    field_states_since_start: dict[str, int]
    latency_ms: dict[str, int | None]
    """p50, p95, p99 of the last five minutes, as the upper end of a class."""
    last_success_at: datetime | None
    last_failure_at: datetime | None
    last_failure: str | None
    expires_at: datetime | None
    """When the next certificate or secret ends with which we identify ourselves."""


class SourcesOut(BaseModel):
    """The sources of the caller's county."""

    sources: list[SourceOut]


@router.get(
    "/sources",
    summary="数源运行状况 / how the sources are doing, from real traffic",
    responses={200: {"model": SourcesOut}, **refusals(401)},
)
async def list_sources(context: Joined, caller: Caller) -> JSONResponse:
    """Whose fault it is, without asking anybody: states, latencies, breaker, calendar, expiry."""
    found = [
        _out(context, county, source.status())
        for (county, _), source in sorted(context.sources.items())
        if county == caller.county
    ]
    return JSONResponse({"sources": found})


@router.get(
    "/sources/{county}/{source}",
    summary="一个数源的运行状况 / one source",
    responses={200: {"model": SourceOut}, **refusals(401, 404)},
)
async def show_source(
    county: Annotated[str, Path(max_length=40)],
    source: Annotated[str, Path(max_length=64)],
    context: Joined,
    caller: Caller,
) -> JSONResponse:
    """A source of the caller's own county; to it, those of other counties do not exist."""
    found = context.sources.get((county, source)) if county == caller.county else None
    if found is None:
        raise UnknownEntry("source", source)
    return JSONResponse(_out(context, county, found.status()))


def _out(context: Context, county: str, status: SourceStatus) -> dict[str, Json]:
    bound = [
        b.resource
        for b in context.catalog.bindings
        if (b.county, b.source) == (county, status.source)
    ]
    return {
        "county": county,
        "source": status.source,
        "kind": status.kind,
        "resources": [*sorted(bound)],
        "breaker": str(status.breaker),
        "in_flight": status.in_flight,
        "closed_until": _moment(status.closed_until),
        "closed_because": status.closed_because,
        "outcomes": dict(status.outcomes),
        "outcomes_since_start": dict(status.outcomes_since_start),
        "field_states": dict(context.tally.recent(county, status.source)),
        "field_states_since_start": dict(context.tally.since_start(county, status.source)),
        "latency_ms": dict(status.latency_ms),
        "last_success_at": _moment(status.last_success_at),
        "last_failure_at": _moment(status.last_failure_at),
        "last_failure": status.last_failure,
        "expires_at": _moment(status.expires_at),
    }


def _moment(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
