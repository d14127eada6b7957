"""The shape of an answer: which places there are and what kind of thing stands in each.

A place is the names from the root, without the positions in lists. A shape holds no values, and no
name that could be a value: a key that is none of the manifest's and does not look like the name of
an element is written `*`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from lxml import etree

from adapters import paths
from adapters.manifest import Answer, Connect

Place = tuple[str, ...]

MAX_NODES = 4000
"""Values looked at in one answer."""
MAX_PLACES = 400
"""Places kept of one answer."""

OBJECT, NOTHING = "object", "nothing"
_NAME = re.compile(r"@?(\{[^{}]{0,120}\})?[A-Za-z_][A-Za-z0-9_.\-]{0,40}")
_TYPES: Mapping[type, str] = {
    str: "text", bool: "boolean", int: "number", Decimal: "number", float: "number",
    type(None): NOTHING, dict: OBJECT, list: "list", tuple: "list",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What stands where in one answer."""

    places: Mapping[Place, frozenset[str]]
    """Place → the types seen there."""


def names(connect: Connect, path: str) -> Place:
    """The names along a path of a manifest; none for no path and for the value itself."""
    if not path or path in {"@", "."}:
        return ()
    namespaces = connect.xml_namespaces
    if namespaces is None:
        return paths.names_json(path)
    return paths.names_xml(path, namespaces)


def mapped(connect: Connect, answer: Answer, repeated: Iterable[str]) -> Mapping[str, Place]:
    """Field id → its place in the whole answer."""
    rows: Place = ("rows",) if answer.record else names(connect, answer.records or "")
    lines = rows if answer.record else rows + names(connect, answer.lines or "")
    repeated = frozenset(repeated)
    return {
        id_: (lines if id_ in repeated else rows) + names(connect, terms.at)
        for id_, terms in answer.fields.items()
        if terms.at is not None
    }


def shown(place: Place) -> str:
    """A place for people; namespaces are left out."""
    return "/".join(re.sub(r"\{[^{}]*\}", "", name) for name in place) or "/"


def signature(document: Any, known: frozenset[str] = frozenset()) -> Shape:
    """The shape of `document`, an XML element or a JSON value.

    Args:
        document: As the mapping reads it.
        known: Names that the manifest uses; they are kept whatever they look like.
    """
    places: dict[Place, set[str]] = {}
    waiting: list[tuple[Place, Any]] = [((), document)]
    for _ in range(MAX_NODES):
        if not waiting:
            break
        place, value = waiting.pop()
        types = places.get(place)
        if types is None:
            if len(places) >= MAX_PLACES:
                continue
            types = places[place] = set()
        if etree.iselement(value):
            _element(place, value, types, waiting, known)
        else:
            _json(place, value, types, waiting, known)
    return Shape(places={place: frozenset(types) for place, types in places.items()})


def _json(
    place: Place,
    value: Any,
    types: set[str],
    waiting: list[tuple[Place, Any]],
    known: frozenset[str],
) -> None:
    found = _TYPES.get(type(value), "text")
    if value == "":
        found = NOTHING
    types.add(found)
    if found == OBJECT:
        waiting.extend(((*place, _name(name, known)), each) for name, each in value.items())
    elif found == "list":
        for each in value[:100]:
            if isinstance(each, dict | list):
                waiting.append((place, each))
            else:
                waiting.append(((*place, "[]"), each))


def _element(
    place: Place,
    element: etree._Element,
    types: set[str],
    waiting: list[tuple[Place, Any]],
    known: frozenset[str],
) -> None:
    waiting.extend(
        ((*place, _name(f"@{name!s}", known)), str(text)) for name, text in element.attrib.items()
    )
    if len(element):
        types.add(OBJECT)
        waiting.extend(
            ((*place, _name(child.tag, known)), child)
            for child in element.iterchildren()
            if isinstance(child.tag, str)
        )
    else:
        types.add("text" if (element.text or "").strip() else NOTHING)


def _name(name: Any, known: frozenset[str]) -> str:
    text = str(name)
    harmless = text in known or (_NAME.fullmatch(text) and not re.search(r"\d{6}", text))
    return text if harmless else "*"
