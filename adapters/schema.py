"""The manifest's grammar as JSON Schema, so that an editor completes and marks the file."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import models_json_schema

from adapters.catalogued import catalogued
from adapters.kinds import OURS, kind
from adapters.manifest import model_of

TITLE = "免提数据源清单 mianti source manifest"


def schema() -> dict[str, Any]:
    """The schema of a manifest of any of our own kinds."""
    models = {name: model_of(kind(name).Connect, kind(name).Ask) for name in OURS}
    found, whole = models_json_schema([(model, "validation") for model in models.values()])
    definitions = whole["$defs"]
    branches = []
    for name, model in models.items():
        reference = found[(model, "validation")]["$ref"]
        definitions[reference.removeprefix("#/$defs/")]["properties"]["kind"] = {"const": name}
        branches.append(
            {"if": {"properties": {"kind": {"const": name}}}, "then": {"$ref": reference}}
        )
        if catalogued(kind(name)):
            _completed_by_the_catalog(definitions, reference)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": TITLE,
        "type": "object",
        "required": ["kind"],
        "properties": {"kind": {"enum": list(OURS)}},
        "allOf": branches,
        "$defs": definitions,
    }


def _completed_by_the_catalog(definitions: dict[str, Any], manifest: str) -> None:
    """A kind whose answers the catalog explains has no `answer` section, and need not say `ask`."""
    resources = definitions[manifest.removeprefix("#/$defs/")]["properties"]["resources"]
    (reference,) = {each["$ref"] for each in _schemas(resources) if "$ref" in each}
    terms = definitions[reference.removeprefix("#/$defs/")]
    del terms["properties"]["answer"]
    del terms["required"]


def _schemas(resources: dict[str, Any]) -> list[dict[str, Any]]:
    """What a mapping's values may be."""
    found = list(resources.get("patternProperties", {}).values())
    return [*found, resources.get("additionalProperties") or {}]
