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
from catalog.model import DataResource

RECORDS, LINES = "records", "lines"


def catalogued(kind: type[Kind]) -> bool:
    """Does the catalog say how answers of this kind are read?"""
    return bool(getattr(kind, "CATALOGUED", False))


def completed(
    document: Located, resources: Mapping[str, DataResource]
) -> tuple[Located, tuple[Complaint, ...]]:
    """The manifest with an `answer` section for each of its resources that the catalog knows.

    A section that stands there is a complaint: it would say what nobody reads.
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
    whole = {
        id_: {**each, "answer": _answer(each, resources.get(id_))}
        if isinstance(each, dict)
        else each
        for id_, each in terms.items()
    }
    data = {**document.data, "resources": whole}
    return Located(file=document.file, data=data, lines=document.lines), written


def _answer(terms: Mapping[str, Any], resource: DataResource | None) -> dict[str, Any]:
    ask = terms.get("ask")
    taken = ask.get("fields") if isinstance(ask, dict) else None
    known = list(resource.fields) if resource is not None else ["unknown"]
    wanted = [each for each in taken if isinstance(each, str)] if isinstance(taken, list) else known
    repeated = resource is not None and any(
        resource.fields[each].repeated for each in wanted if each in resource.fields
    )
    answer: dict[str, Any] = {
        "records": RECORDS,
        "fields": {each: {"at": f'"{each}"'} for each in wanted or known},
    }
    return {**answer, "lines": LINES} if repeated else answer
