"""The catalog over HTTP: public, because it holds no personal data and guides are made from it."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import fields as dataclass_fields
from dataclasses import is_dataclass
from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from catalog.errors import UnknownEntry
from catalog.figures import of_bundle
from hub.http.context import Joined
from hub.http.problems import refusals
from hub.model import Json

router = APIRouter(prefix="/v1/catalog", tags=["catalog"])

_KINDS = (
    "counties",
    "bundles",
    "items",
    "resources",
    "certificate-types",
    "code-tables",
    "authorities",
)


class PageOut(BaseModel):
    """A page of entries; `next` is the cursor of the following page, null on the last."""

    entries: list[dict[str, Any]]
    next: str | None


Kind = Annotated[str, Path(pattern="^(" + "|".join(_KINDS) + ")$", examples=["bundles"])]


@router.get(
    "/{kind}",
    summary="目录列表 / list entries of a kind",
    responses={200: {"model": PageOut}, **refusals(404)},
)
def list_entries(
    kind: Kind,
    context: Joined,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=400)] = None,
    county: Annotated[str | None, Query(max_length=40)] = None,
) -> JSONResponse:
    """Entries in the order of their ids, briefly."""
    entries = _entries(context, kind)
    ids = sorted(
        key
        for key, entry in entries.items()
        if county is None or getattr(entry, "county", county) == county
    )
    after = _uncursor(cursor)
    if after is not None:
        ids = [key for key in ids if key > after]
    page, rest = ids[:limit], ids[limit:]
    return JSONResponse(
        {
            "entries": [_brief(key, entries[key]) for key in page],
            "next": _cursor(page[-1]) if rest else None,
        }
    )


@router.get(
    "/{kind}/{entry_id:path}",
    summary="目录条目 / one entry, whole",
    responses={200: {"model": dict[str, Any]}, **refusals(404)},
)
def show_entry(
    kind: Kind,
    entry_id: Annotated[str, Path(max_length=200, examples=["xinxiang-10"])],
    context: Joined,
    county: Annotated[str | None, Query(max_length=40)] = None,
) -> JSONResponse:
    """One entry with everything the catalog knows of it; a bundle comes with its desk figures, and a
    resource, where a county is named, as that county has it.
    """
    entry = _entries(context, kind).get(entry_id)
    if kind == "resources" and county is not None:
        entry = context.catalog.county_resources.get((county, entry_id), entry)
    if entry is None:
        raise UnknownEntry(kind.rstrip("s"), entry_id)
    out = plain(entry)
    if kind == "bundles" and isinstance(out, dict):
        out["desk_figures"] = plain(of_bundle(context.catalog.bundles[entry_id]))
    if kind == "resources" and isinstance(out, dict):
        out["connected"] = [
            {
                "county": b.county,
                "source": b.source,
                "authority": b.authority,
                "fields": sorted(b.fields),
            }
            for b in context.catalog.bindings
            if b.resource == entry_id
        ]
    return JSONResponse(out)


def _entries(context: Joined, kind: str) -> Mapping[str, object]:
    entries: Mapping[str, object] = getattr(context.catalog, kind.replace("-", "_"))
    return entries


def _brief(key: str, entry: object) -> dict[str, Json]:
    out: dict[str, Json] = {"id": key, "name": str(getattr(entry, "name", key))}
    for name in ("county", "provider", "issuer", "division_code"):
        if hasattr(entry, name):
            out[name] = str(getattr(entry, name))
    if hasattr(entry, "analysis"):
        out["analysed"] = entry.analysis is not None
    return out


def plain(value: object) -> Any:
    """A frozen value as JSON: dataclasses become objects, sets sorted lists, decimals text."""
    if is_dataclass(value):
        return {f.name: plain(getattr(value, f.name)) for f in dataclass_fields(value)}
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, frozenset | set):
        return sorted(plain(v) for v in value)
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, StrEnum) or not isinstance(value, str | int | bool | None):
        return str(value)
    return value


def _cursor(key: str) -> str:
    return base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")


def _uncursor(cursor: str | None) -> str | None:
    if cursor is None:
        return None
    try:
        return base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except ValueError as wrong:
        complaint = {
            "type": "value_error",
            "loc": ("query", "cursor"),
            "msg": "not a cursor of ours",
        }
        raise RequestValidationError([complaint]) from wrong
