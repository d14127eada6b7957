"""`/livez` and `/readyz`: the second tells the truth, or it is worth nothing."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from hub.database import is_current
from hub.http.context import Context, Joined
from hub.http.problems import refusals

router = APIRouter(tags=["health"])


class ReadyOut(BaseModel):
    """What was checked, each true or false."""

    ready: bool
    checks: dict[str, bool]
    sources: dict[str, str]
    """Source → state of its breaker; informative: a department being down is not our being down."""


@router.get("/livez", summary="存活 / the process answers", responses=refusals())
async def live() -> dict[str, str]:
    """No dependency is asked."""
    return {"status": "live"}


@router.get(
    "/readyz",
    summary="就绪 / the hub can do its work",
    responses={**refusals(), 200: {"model": ReadyOut}, 503: {"model": ReadyOut}},
)
async def ready(context: Joined) -> JSONResponse:
    """Database current, evidence log readable, keys usable, catalog loaded."""
    checks = await asyncio.to_thread(_checks, context)
    sources = {
        f"{county}/{source_id}": str(source.breaker)
        for (county, source_id), source in sorted(context.sources.items())
    }
    fine = all(checks.values())
    body = {"ready": fine, "checks": checks, "sources": sources}
    return JSONResponse(body, status_code=200 if fine else 503)


def _checks(context: Context) -> dict[str, bool]:
    def holds(check: object) -> bool:
        try:
            return bool(check())  # type: ignore[operator]
        except Exception:  # noqa: BLE001  (whatever it is, we are not ready)
            return False

    return {
        "database": holds(lambda: is_current(context.database)),
        "evidence": holds(context.evidence.checkpoint),
        "keys": holds(lambda: context.vault.seal("ready", "ready", "ready", "ready")),
        "catalog": bool(context.catalog.bundles),
    }
