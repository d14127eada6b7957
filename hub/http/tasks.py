"""The clerks' side of manual sources: `GET /v1/tasks` and what a clerk does with one."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field, StringConstraints

from catalog.lookup import resource as resource_in
from catalog.model import Catalog
from hub.http.addresses import made_with
from hub.http.asked import AnswerValue, InClear, Wire
from hub.http.bodies import JSONRoute
from hub.http.context import Caller, Joined
from hub.http.problems import refusals
from hub.model import Json
from hub.store.tasks import Task, TaskState

router = APIRouter(prefix="/v1", tags=["tasks"], route_class=JSONRoute)

TaskId = Annotated[str, made_with("tsk")]
Clerk = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,32}$"), InClear]
FieldId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,99}$")]


class TypedIn(Wire):
    """`POST /v1/tasks/{id}:answer`."""

    by: Clerk = Field(description="工号 / staff number, as the department has it", examples=["A01"])
    found: bool = Field(description="查无记录时为 false / false: looked, and there is no record")
    values: dict[FieldId, AnswerValue | None] = Field(default_factory=dict, max_length=200)


class SecondIn(Wire):
    """`POST /v1/tasks/{id}:confirm` and `:reject`."""

    by: Clerk = Field(description="复核人工号 / the second clerk's staff number", examples=["A02"])


class AskedFieldOut(BaseModel):
    """A field the clerk types."""

    id: str
    label: str
    type: str
    codes: dict[str, str] | None


class TaskOut(BaseModel):
    """A task for a clerk."""

    id: str
    source: str
    resource: str
    name: str
    state: TaskState
    placed_at: datetime
    due_at: datetime
    second_pair: bool
    answered_by: str | None
    keys: dict[str, str]
    fields: list[AskedFieldOut]
    typed: dict[str, str | int | bool | None] | None
    note: str
    case: str
    item: str


class TasksOut(BaseModel):
    """The department's tasks that wait, the most urgent first."""

    tasks: list[TaskOut]


class TaskCountOut(BaseModel):
    """Questions that went to clerks."""

    month: str
    source: str
    resource: str
    state: TaskState
    tasks: int


class TaskCountsOut(BaseModel):
    """By month, source, resource and state."""

    counts: list[TaskCountOut]


_LOOKING = refusals(401)
_ACTING = refusals(401, 403, 404, 409, 415)


@router.get(
    "/tasks",
    summary="待录入任务 / what waits for the department's clerks",
    responses={200: {"model": TasksOut}, **_LOOKING},
)
async def list_tasks(context: Joined, caller: Caller) -> JSONResponse:
    """Tasks of the sources that the caller's department provides, and of no others."""
    found = await context.clerks.waiting(caller)
    shown: list[Json] = [_task_out(task, context.catalog) for task in found]
    return JSONResponse({"tasks": shown}, headers={"Cache-Control": "no-store"})


@router.get(
    "/tasks/counts",
    summary="二次录入次数 / how often a clerk had to type",
    responses={200: {"model": TaskCountsOut}, **_LOOKING},
)
async def count_tasks(context: Joined, caller: Caller) -> JSONResponse:
    """What has to be driven to zero, by month, source and resource."""
    counts: list[Json] = [
        {
            "month": each.month,
            "source": f"{each.county}/{each.source}",
            "resource": each.resource,
            "state": str(each.state),
            "tasks": each.tasks,
        }
        for each in await context.clerks.counts(caller)
    ]
    return JSONResponse({"counts": counts})


@router.post(
    "/tasks/{task_id:id}:answer",
    summary="录入 / type what was found",
    responses={200: {"model": TaskOut}, **_ACTING},
)
async def answer_task(
    task_id: TaskId, body: TypedIn, context: Joined, caller: Caller
) -> JSONResponse:
    """Every value is read by its field's type and code table; a typo is told to the clerk."""
    task = await context.clerks.type(
        caller, task_id, by=body.by, found=body.found, values=body.values
    )
    return JSONResponse(_task_out(task, context.catalog))


@router.post(
    "/tasks/{task_id:id}:confirm",
    summary="复核通过 / a second clerk agrees",
    responses={200: {"model": TaskOut}, **_ACTING},
)
async def confirm_task(
    task_id: TaskId, body: SecondIn, context: Joined, caller: Caller
) -> JSONResponse:
    """Only another clerk than the one who typed it."""
    task = await context.clerks.confirm(caller, task_id, by=body.by)
    return JSONResponse(_task_out(task, context.catalog))


@router.post(
    "/tasks/{task_id:id}:reject",
    summary="复核退回 / a second clerk does not agree",
    responses={200: {"model": TaskOut}, **_ACTING},
)
async def reject_task(
    task_id: TaskId, body: SecondIn, context: Joined, caller: Caller
) -> JSONResponse:
    """What was typed is forgotten; the task is open again."""
    task = await context.clerks.reject(caller, task_id, by=body.by)
    return JSONResponse(_task_out(task, context.catalog))


def _task_out(task: Task, catalog: Catalog) -> dict[str, Json]:
    resource = resource_in(catalog, task.county, task.resource)
    asked = task.asked
    fields: list[Json] = []
    for name in asked.fields if asked else ():
        field = resource.fields[name]
        table = catalog.code_tables.get(field.code_table or "")
        codes: Json = {c: row.label for c, row in table.codes.items()} if table else None
        fields.append({"id": name, "label": field.label, "type": str(field.type), "codes": codes})
    return {
        "id": task.id,
        "source": f"{task.county}/{task.source}",
        "resource": task.resource,
        "name": resource.name,
        "state": str(task.state),
        "placed_at": task.placed_at.isoformat(),
        "due_at": task.due_at.isoformat(),
        "second_pair": task.second_pair,
        "answered_by": task.answered_by,
        "keys": dict(asked.keys) if asked else {},
        "fields": fields,
        "typed": dict(task.typed.values) if task.typed else None,
        "note": asked.note if asked else "",
        "case": asked.reason["case"] if asked else "",
        "item": asked.reason["item_name"] if asked else "",
    }
