"""The query journey: `POST /v1/queries` and `POST /v1/queries:explain`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from catalog.errors import UnknownEntry
from hub.access import Purpose, purpose_of
from hub.errors import HubLoop, TooManyHops
from hub.exchange import QueryPlan
from hub.http.addresses import made_with
from hub.http.answered import ExplainOut, QueryOut, query_out
from hub.http.asked import QueryIn
from hub.http.bodies import JSONRoute
from hub.http.context import Caller, Context, Joined
from hub.http.idempotency import IdempotencyKey, once
from hub.http.problems import refusals
from hub.model import FieldAnswer, FieldState, Json, QueryOutcome, QueryRequest
from hub.predicates import Watch, watch

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
    _may_come_this_way(context, query.via)
    purpose = purpose_or_problem(context, query.basis.item)
    callback = body.callback.url if body.callback else None
    await context.deferrals.check_callback(caller, callback)

    async def answer() -> dict[str, Json]:
        result = await context.exchange.answer(
            query,
            consumer=caller,
            purpose=purpose,
            grants=await context.register.grants(caller.client_id),
            started=request.state.began,
        )
        out = query_out(result)
        if result.outcome is not QueryOutcome.DEFERRED:
            return out
        question = body.model_dump(mode="json", exclude={"callback"})
        return await context.deferrals.kept(caller, question, result, out, callback)

    return await once(context, caller, request, idempotency_key, answer)


@router.get(
    "/queries/{query_id:id}",
    summary="待录入查询的结果 / a deferred answer as it stands",
    responses={200: {"model": QueryOut}, **refusals(401, 404)},
)
async def show(
    query_id: Annotated[str, made_with("qry")], context: Joined, caller: Caller
) -> JSONResponse:
    """Only for the caller that asked, and only while it is kept."""
    found = await context.deferrals.so_far(caller, query_id)
    return JSONResponse(found, headers={"Cache-Control": "no-store"})


@router.post(
    "/queries:explain",
    summary="解释查询 / the plan and the decision per field, without asking anybody",
    responses={200: {"model": ExplainOut}, **REFUSALS},
)
async def explain(body: QueryIn, context: Joined, caller: Caller) -> JSONResponse:
    """What would be asked of whom, what would be refused by which rule, and what would change it."""
    query = body.to_request()
    purpose = purpose_or_problem(context, query.basis.item)
    watching = watch(query, context.catalog, purpose.county)
    grants = await context.register.grants(caller.client_id)
    # Without the guard against narrowing: nothing is told here, so no threshold is used up.
    query_plan = context.exchange.plan_of(watching, query, caller, purpose, grants)
    return JSONResponse(_explained(query, watching, query_plan))


def _may_come_this_way(context: Context, via: Sequence[str]) -> None:
    """Hubs that ask each other end here, and not at a deadline.

    Raises:
        HubLoop: The question comes back to us.
        TooManyHops: It has passed more hubs than the setting allows.
    """
    if context.evidence.origin in via:
        raise HubLoop
    if len(via) > context.settings.max_hops:
        raise TooManyHops


def purpose_or_problem(context: Context, item: str) -> Purpose:
    """The purpose of an item id.

    Raises:
        UnknownEntry: no item or bundle has this id.
    """
    purpose = purpose_of(context.catalog, item)
    if purpose is None:
        raise UnknownEntry("item", item)
    return purpose


def _explained(query: QueryRequest, watching: Watch, query_plan: QueryPlan) -> dict[str, Json]:
    by_resource = {call.resource.id: call for call in query_plan.calls}
    fields: dict[str, Json] = {text: _settled(each) for text, each in watching.settled.items()}
    wanted = [(str(path), path) for path in query.want]
    wanted += [(str(each.predicate), each.path) for each in watching.watched]
    for text, path in wanted:
        settled = query_plan.settled.get(str(path))
        if settled is not None:
            fields[text] = _settled(settled)
            continue
        allowed = query_plan.decisions[path.resource].allowed
        grants = {allowed[path.field]} if path.field else set(allowed.values())
        fields[text] = {
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


def _settled(answer: FieldAnswer) -> Json:
    return {"state": str(answer.state), "grants": [], "why": answer.why, "fix": answer.fix}


def read_query(question: Mapping[str, Json]) -> QueryRequest:
    """A query that was kept; see `hub.deferred.Deferrals`."""
    return QueryIn.model_validate(question).to_request()
