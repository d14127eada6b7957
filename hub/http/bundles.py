"""The plan of a “one thing”: `POST /v1/bundles/{id}:plan`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from catalog.errors import UnknownEntry
from catalog.lookup import bundle as bundle_in
from hub.access import purpose_of
from hub.http.answered import PlanOut, plan_out
from hub.http.asked import PlanIn
from hub.http.bodies import JSONRoute
from hub.http.context import Caller, Joined
from hub.http.idempotency import IdempotencyKey, once
from hub.http.query import REFUSALS
from hub.model import Json

router = APIRouter(prefix="/v1", tags=["bundles"], route_class=JSONRoute)


@router.post(
    "/bundles/{bundle_id}:plan",
    summary="免提交方案 / what is exempted and by what proof, what is filled, what is asked and why",
    responses={200: {"model": PlanOut}, **REFUSALS},
)
async def plan_bundle(
    bundle_id: Annotated[str, Path(max_length=100, examples=["xinxiang-10"])],
    body: PlanIn,
    request: Request,
    context: Joined,
    caller: Caller,
    idempotency_key: IdempotencyKey = None,
) -> JSONResponse:
    """Ask everything the bundle needs of every subject at once, and plan the case."""
    bundle = bundle_in(context.catalog, bundle_id)
    try:
        wanted = body.to_request(bundle)
    except ValueError as wrong:
        complaint = {"type": "value_error", "loc": ("body",), "msg": str(wrong)}
        raise RequestValidationError([complaint]) from wrong
    purpose = purpose_of(context.catalog, wanted.basis.item)
    if purpose is None or bundle.id not in purpose.ids:
        raise UnknownEntry(
            "item of this bundle", wanted.basis.item, [i.id for i in bundle.items][:5]
        )

    async def answer() -> dict[str, Json]:
        plan = await context.planner.plan(
            wanted,
            consumer=caller,
            purpose=purpose,
            grants=await context.register.grants(caller.client_id),
            started=request.state.began,
        )
        return plan_out(plan)

    return await once(context, caller, request, idempotency_key, answer)
