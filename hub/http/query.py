"""The query journey: `POST /v1/queries` and `POST /v1/queries:explain`."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from catalog.errors import UnknownEntry
from hub.access import Purpose, purpose_of
from hub.exchange import QueryPlan, plan
from hub.http.bodies import JSONRoute
from hub.http.context import Caller, Context, Joined
from hub.http.idempotency import IdempotencyKey, once
from hub.http.problems import refusals
from hub.http.schemas import ExplainOut, QueryIn, QueryOut, query_out
from hub.model import FieldState, Json, QueryRequest

router = APIRouter(prefix="/v1", tags=["queries"], route_class=JSONRoute)

REFUSALS = refusals(401, 404, 409, 415)


@router.post(
    "/queries",
    summary="统一查询 / ask once, get a typed answer for every field",
    responses={200: {"model": QueryOut}, **REFUSALS},
)
async def ask(
    body: QueryIn,
    request: Request,
    context: Joined,
    caller: Caller,
    idempotency_key: IdempotencyKey = None,
) -> JSONResponse:
    """Every wanted field comes back once, with a state; the answer never comes after the deadline."""
    query = body.to_request()
    purpose = purpose_or_problem(context, query.basis.item)

    async def answer() -> dict[str, Json]:
        result = await context.exchange.answer(
            query,
            consumer=caller,
            purpose=purpose,
            grants=await context.register.grants(caller.client_id),
            started=request.state.began,
        )
        return query_out(result)

    return await once(context, caller, request, idempotency_key, answer)


@router.post(
    "/queries:explain",
    summary="解释查询 / the plan and the decision per field, without asking anybody",
    responses={200: {"model": ExplainOut}, **REFUSALS},
)
async def explain(body: QueryIn, context: Joined, caller: Caller) -> JSONResponse:
    """What would be asked of whom, what would be refused by which rule, and what would change it."""
    query = body.to_request()
    query_plan = plan(
        query,
        consumer=caller,
        purpose=purpose_or_problem(context, query.basis.item),
        catalog=context.catalog,
        grants=await context.register.grants(caller.client_id),
        now=context.exchange.now(),
    )
    return JSONResponse(_explained(query, query_plan))


def purpose_or_problem(context: Context, item: str) -> Purpose:
    """The purpose of an item id.

    Raises:
        UnknownEntry: no item or bundle has this id.
    """
    purpose = purpose_of(context.catalog, item)
    if purpose is None:
        raise UnknownEntry("item", item)
    return purpose


def _explained(query: QueryRequest, query_plan: QueryPlan) -> dict[str, Json]:
    by_resource = {call.resource.id: call for call in query_plan.calls}
    fields: dict[str, Json] = {}
    for path in query.want:
        settled = query_plan.settled.get(str(path))
        if settled is not None:
            fields[str(path)] = {
                "state": str(settled.state),
                "grants": [],
                "why": settled.why,
                "fix": settled.fix,
            }
            continue
        allowed = query_plan.decisions[path.resource].allowed
        grants = {allowed[path.field]} if path.field else set(allowed.values())
        fields[str(path)] = {
            "state": "granted",
            "source": by_resource[path.resource].source,
            "grants": [*sorted(grants)],
        }
    unasked = {str(FieldState.NOT_GRANTED), str(FieldState.WITHHELD)}
    refused = all(isinstance(f, dict) and f["state"] in unasked for f in fields.values())
    return {
        "outcome": "refused" if refused else "would-ask",
        "calls": [
            {
                "source": call.source,
                "authority": call.authority,
                "resource": call.resource.id,
                "fields": list(call.fields),
                "keys": [*sorted(call.keys)],
            }
            for call in query_plan.calls
        ],
        "fields": fields,
    }
