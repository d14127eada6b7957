"""The sandbox's own socket: switch faults, look up named cases and the truth about them.

Not a department: nothing in the product may ask it, and it never misbehaves.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from adapters.model import Record
from adapters.sandbox.departments import Departments, FaultNotThere, UnknownDepartment
from adapters.sandbox.faults import Fault
from adapters.sandbox.population import Persona, Population
from adapters.sandbox.truth import truth

MAX_MS = 600_000


class _BadOrder(ValueError):
    """What was ordered cannot be understood."""


def app(population: Population, departments: Departments) -> ASGIApp:
    """The control service."""

    async def health(_: Request) -> Response:
        return _answer(
            {
                "departments": departments.state(),
                "people": len(population.people),
                "households": len(population.households),
                "seed": population.seed,
                "today": population.today.isoformat(),
            }
        )

    async def personas(_: Request) -> Response:
        return _answer([_persona(each) for each in population.personas.values()])

    async def told(request: Request) -> Response:
        persona = population.personas.get(request.path_params["persona"])
        if persona is None:
            return _answer({"error": "没有这个人物 / no such persona"}, status=404)
        return _answer(
            {
                name: {resource: [_record(each) for each in records]
                       for resource, records in truth(population, subject).items()}
                for name, subject in persona.subjects.items()
            }
        )  # fmt: skip

    async def faults(request: Request) -> Response:
        try:
            department, fault, ms = _order(await request.body())
            await departments.turn(department, fault, ms)
        except (_BadOrder, FaultNotThere, UnknownDepartment) as error:
            return _answer({"error": str(error)}, status=400)
        return _answer({"departments": departments.state()})

    async def clear(_: Request) -> Response:
        await departments.clear()
        return _answer({"departments": departments.state()})

    return Starlette(
        routes=[
            Route("/health", health),
            Route("/personas", personas),
            Route("/truth/{persona}", told),
            Route("/faults", faults, methods=["POST"]),
            Route("/faults", clear, methods=["DELETE"]),
        ]
    )


def _answer(document: Any, *, status: int = 200) -> Response:
    body = json.dumps(document, ensure_ascii=False).encode()
    return Response(body, status_code=status, media_type="application/json; charset=utf-8")


def _persona(persona: Persona) -> dict[str, Any]:
    return {
        "id": persona.id,
        "description": persona.description,
        "subjects": {name: asdict(each) for name, each in persona.subjects.items()},
    }


def _record(record: Record) -> dict[str, Any]:
    return {"values": dict(record.values), "lines": [dict(line) for line in record.lines]}


def _order(body: bytes) -> tuple[str, Fault | None, int]:
    """`{"department", "fault", "ms"}`; a fault of null clears.

    Raises:
        _BadOrder: It is not that.
    """
    try:
        order: Any = json.loads(body)
    except ValueError:
        raise _BadOrder("not JSON") from None
    if not isinstance(order, Mapping) or not set(order) <= {"department", "fault", "ms"}:
        raise _BadOrder('expected {"department", "fault", "ms"}')
    fault, ms = order.get("fault"), order.get("ms", 0)
    if fault is not None and (not isinstance(fault, str) or fault not in set(Fault)):
        raise _BadOrder(f"fault is one of {', '.join(Fault)}, or null")
    if type(ms) is not int or not 0 <= ms <= MAX_MS:
        raise _BadOrder(f"ms is a whole number from 0 to {MAX_MS}")
    return str(order.get("department")), Fault(fault) if fault else None, ms
