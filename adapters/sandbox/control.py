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
from adapters.sandbox.population import Persona, Population, Subject
from adapters.sandbox.truth import truth

MAX_MS = 600_000


class _BadOrder(ValueError):
    """What was ordered cannot be understood."""


def app(population: Population, departments: Departments) -> ASGIApp:
    """The control service."""
    return Starlette(routes=[*_lookups(population), *_switches(population, departments)])


def _lookups(population: Population) -> list[Route]:
    """The named cases and the truth."""

    async def personas(_: Request) -> Response:
        return _answer([_persona(each) for each in population.personas.values()])

    async def told(request: Request) -> Response:
        persona = population.personas.get(request.path_params["persona"])
        if persona is None:
            return _answer({"error": "没有这个人物 / no such persona"}, status=404)
        return _answer(
            {name: _told(population, subject) for name, subject in persona.subjects.items()}
        )

    async def about(request: Request) -> Response:
        number = _number(await request.body())
        if number is None:
            return _answer({"error": 'expected {"number": "…"}'}, status=400)
        subject = _subject(population, number)
        if subject is None:
            return _answer({"error": "没有这个号码 / nobody has that number"}, status=404)
        return _answer(_told(population, subject))

    return [
        Route("/personas", personas),
        Route("/truth/{persona}", told),
        Route("/truth", about, methods=["POST"]),
    ]


def _switches(population: Population, departments: Departments) -> list[Route]:
    """What is wrong with whom, and making it so."""

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

    return [
        Route("/health", health),
        Route("/faults", faults, methods=["POST"]),
        Route("/faults", clear, methods=["DELETE"]),
    ]


def _subject(population: Population, number: str) -> Subject | None:
    """Whoever has that number."""
    if enterprise := population.enterprise_of(number):
        return Subject(kind="organisation", number=number, name=enterprise.name)
    person = population.person(number)
    return Subject(kind="person", number=number, name=person.name) if person else None


def _answer(document: Any, *, status: int = 200) -> Response:
    body = json.dumps(document, ensure_ascii=False).encode()
    return Response(body, status_code=status, media_type="application/json; charset=utf-8")


def _persona(persona: Persona) -> dict[str, Any]:
    return {
        "id": persona.id,
        "description": persona.description,
        "subjects": {name: asdict(each) for name, each in persona.subjects.items()},
    }


def _told(population: Population, subject: Subject) -> dict[str, Any]:
    told = truth(population, subject)
    return {resource: [_record(each) for each in records] for resource, records in told.items()}


def _number(body: bytes) -> str | None:
    """The number in `{"number": …}`. Not in an address: addresses are written into logs."""
    try:
        order: Any = json.loads(body)
    except ValueError:
        return None
    number = order.get("number") if isinstance(order, Mapping) else None
    return number if isinstance(number, str) else None


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
