"""Answers in the catalog's own words: for kinds whose manifests map nothing.

Such a kind says `CATALOGUED = True`; its transport gives a document
`{"records": [{<field>: value, …, "lines": [{<field>: value}, …]}]}`, and each resource's `answer`
section follows from the catalog and from the fields that its `ask` section takes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.errors import Complaint
from adapters.kinds import Kind
from adapters.located import Located
from catalog.model import DataResource, Field, FieldType

RECORDS, LINES = "records", "lines"
CANONICAL = ("%Y-%m-%d", "%Y-%m", "%Y")
"""How a date stands in an answer: no more precise than the register has it."""


def catalogued(kind: type[Kind]) -> bool:
    """Does the catalog say how answers of this kind are read?"""
    return bool(getattr(kind, "CATALOGUED", False))


def completed(
    document: Located, resources: Mapping[str, DataResource]
) -> tuple[Located, tuple[Complaint, ...]]:
    """The manifest with an `answer` section for each of its resources, and with the catalog's keys
    where it names none.

    An `answer` that stands there is a complaint: it would say what nobody reads.
    """
    terms = document.data.get("resources")
    if not isinstance(terms, dict):
        return document, ()
    written = tuple(
        document.complaint(
            ("resources", id_, "answer"), "unknown-key", "unknown key 'answer'",
            "no answer: the catalog says how it is read",
        )
        for id_, each in terms.items()
        if isinstance(each, dict) and "answer" in each
    )  # fmt: skip
    whole = {id_: _whole(each, resources.get(id_)) for id_, each in terms.items()}
    data = {**document.data, "resources": whole}
    return Located(file=document.file, data=data, lines=document.lines), written


def _whole(terms: Any, resource: DataResource | None) -> Any:
    ask = terms.get("ask", {}) if isinstance(terms, dict) else None
    if not isinstance(ask, dict):
        return terms  # the grammar complains
    keys = {"keys": _keys(resource)} if resource is not None and "keys" not in ask else {}
    return {**terms, "ask": {**ask, **keys}, "answer": _answer(ask, resource)}


def _read(id_: str, field: Field | None) -> dict[str, Any]:
    at = {"at": f'"{id_}"'}
    return {**at, "form": CANONICAL} if field and field.type is FieldType.DATE else at


def _keys(resource: DataResource) -> list[str]:
    return [f"{'keys' if key.required else 'optional'}.{key.id}" for key in resource.keys]


def _answer(ask: Mapping[str, Any], resource: DataResource | None) -> dict[str, Any]:
    known = resource.fields if resource is not None else {}
    taken = ask.get("fields")
    wanted = [each for each in taken if isinstance(each, str)] if isinstance(taken, list) else known
    answer: dict[str, Any] = {
        "records": RECORDS,
        # A resource that nobody knows is complained of elsewhere.
        "fields": {each: _read(each, known.get(each)) for each in wanted}
        or {"unknown": {"at": "unknown"}},
    }
    repeated = any(known[each].repeated for each in wanted if each in known)
    return {**answer, "lines": LINES} if repeated else answer
