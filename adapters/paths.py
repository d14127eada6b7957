"""Restricted paths: how a manifest points at a value in a reply.

JSON documents and SQL rows take the part of JMESPath that only walks: names, quoted names, indexes
and flattening. XML takes relative XPath 1.0 location paths: child and attribute steps with integer
positions. Neither can filter, call, choose, repeat or look upwards, so every path ends in time
linear in the document. JMESPath as a whole is not safe to take from a file: `[@,@][]|` written
twenty times makes a million elements of one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from jmespath import exceptions as jmespath_exceptions
from jmespath import lexer, parser
from lxml import etree

MAX_LENGTH = 512
MAX_STEPS = 12
MAX_FLATTENS = 3
MAX_INDEX = 1_000_000

Getter = Callable[[Any], Any]
"""Document or element → value, or None where the path leads nowhere."""


class PathRefused(ValueError):
    """The path is not one a manifest may use; the message says why."""


@dataclass(frozen=True, slots=True)
class _Name:
    """Step to the value under a name."""

    name: str


@dataclass(frozen=True, slots=True)
class _Index:
    """Step to one element of a list; negative counts from the end."""

    index: int


@dataclass(frozen=True, slots=True)
class _Flatten:
    """Make one list of a list of lists; later steps apply to each element."""


_Step = _Name | _Index | _Flatten
_TOKENS = {"unquoted_identifier", "quoted_identifier", "dot", "lbracket", "rbracket", "number",
           "flatten", "eof"}  # fmt: skip


def compile_json(text: str) -> Getter:
    """Compile a path over JSON values.

    Args:
        text: e.g. `data.list[0].zl`, `data[].rows[]`, `"带引号的名字"`, or `@` for the value itself.

    Raises:
        PathRefused: The text is not in the subset, too long, or an index in it is too large.
    """
    if text == "@":
        return lambda value: value
    _check_length(text)
    steps = _json_steps(_parse(text))
    flattens = sum(isinstance(step, _Flatten) for step in steps)
    if len(steps) > MAX_STEPS or flattens > MAX_FLATTENS:
        raise PathRefused(f"at most {MAX_STEPS} steps and {MAX_FLATTENS} flattenings")
    if any(isinstance(step, _Index) and abs(step.index) >= MAX_INDEX for step in steps):
        raise PathRefused(f"an index below {MAX_INDEX}")
    return _json_getter(tuple(steps))


def steps_json(text: str) -> tuple[str | int | None, ...]:
    """A path as names, indexes, and None for a flattening.

    Raises:
        PathRefused: As `compile_json`.
    """
    if text == "@":
        return ()
    _check_length(text)
    return tuple(_plain(step) for step in _json_steps(_parse(text)))


def _plain(step: _Step) -> str | int | None:
    if isinstance(step, _Name):
        return step.name
    return step.index if isinstance(step, _Index) else None


def names_json(text: str) -> tuple[str, ...]:
    """The names along a path; indexes and flattenings pass through a list and name nothing.

    Raises:
        PathRefused: As `compile_json`.
    """
    return tuple(step for step in steps_json(text) if isinstance(step, str))


def names_xml(text: str, namespaces: Mapping[str, str]) -> tuple[str, ...]:
    """The names along a location path, an attribute's with its `@`.

    Raises:
        PathRefused: As `compile_xml`.
    """
    path = compile_xml(text, namespaces)
    tags = tuple(tag for tag, _ in path.steps)
    return (*tags, f"@{path.attribute}") if path.attribute else tags


def _check_length(text: str) -> None:
    if not text or len(text) > MAX_LENGTH:
        raise PathRefused(f"a path has 1 to {MAX_LENGTH} characters")


def _parse(text: str) -> Mapping[str, Any]:
    """Parse with JMESPath's own parser, after looking at the tokens: nested brackets are refused
    before the recursive parser sees them.
    """
    if "`" in text:
        raise PathRefused("no literals")  # JMESPath warns of some of them before it refuses
    try:
        tokens = [token["type"] for token in lexer.Lexer().tokenize(text)]
        if not set(tokens) <= _TOKENS:
            raise PathRefused("only names, quoted names, [index] and [] are allowed")
        for kind, following in pairwise(tokens):
            if kind == "lbracket" and following != "number":
                raise PathRefused("a bracket holds an index or nothing")
        ast: Mapping[str, Any] = parser.Parser().parse(text).parsed
    except jmespath_exceptions.JMESPathError:
        raise PathRefused("not a path") from None
    except (ValueError, RecursionError) as error:
        if isinstance(error, PathRefused):
            raise
        raise PathRefused("not a path") from None
    return ast


def _json_steps(node: Mapping[str, Any]) -> list[_Step]:
    """The syntax tree as a line of steps; any other kind of node is refused."""
    children = node["children"]
    match node["type"]:
        case "identity":
            return []
        case "field":
            return [_Name(node["value"])]
        case "index":
            return [_Index(node["value"])]
        case "flatten":
            return [*_json_steps(children[0]), _Flatten()]
        case "subexpression" | "index_expression":
            return [step for child in children for step in _json_steps(child)]
        case "projection" if children[0]["type"] == "flatten":
            return [*_json_steps(children[0]), *_json_steps(children[1])]
    raise PathRefused(f"{node['type']} is not allowed in a path")


def _json_getter(steps: tuple[_Step, ...]) -> Getter:
    match steps:
        case (_Name(name),):
            return lambda value: value.get(name) if type(value) is dict else None
        case (_Name(first), _Name(second)):

            def two(value: Any) -> Any:
                inner = value.get(first) if type(value) is dict else None
                return inner.get(second) if type(inner) is dict else None

            return two
    return lambda value: _walk(value, steps)


def _walk(value: Any, steps: tuple[_Step, ...]) -> Any:
    """Follow `steps` as JMESPath would: after a flattening each step maps over the elements, and
    elements it finds nothing in fall out.
    """
    projecting = False
    for step in steps:
        if isinstance(step, _Flatten):
            if not isinstance(value, list):
                return None
            value, projecting = _flat(value, drop_none=projecting), True
        elif projecting:
            value = [found for each in value if (found := _one(each, step)) is not None]
        else:
            value = _one(value, step)
            if value is None:
                return None
    return [each for each in value if each is not None] if projecting else value


def _flat(values: list[Any], *, drop_none: bool) -> list[Any]:
    rows: list[Any] = []
    for value in values:
        if isinstance(value, list):
            rows.extend(value)
        elif value is not None or not drop_none:
            rows.append(value)
    return rows


def _one(value: Any, step: _Name | _Index) -> Any:
    if isinstance(step, _Name):
        return value.get(step.name) if isinstance(value, dict) else None
    if isinstance(value, list) and -len(value) <= step.index < len(value):
        return value[step.index]
    return None


_XML_NAME = r"[^\W\d][\w.\-·]*"
_XML_STEP = re.compile(rf"(?:({_XML_NAME}):)?({_XML_NAME})(?:\[([1-9][0-9]{{0,5}})\])?")
_XML_ATTRIBUTE = re.compile(rf"@(?:({_XML_NAME}):)?({_XML_NAME})")


@dataclass(frozen=True, slots=True)
class XMLPath:
    """A compiled location path. `nodes` for what repeats, `text` for a value."""

    steps: tuple[tuple[str, int], ...]
    """(tag with namespace, position among the parent's children of that tag; 0 for all)."""
    attribute: str | None

    def nodes(self, element: etree._Element) -> list[etree._Element]:
        """The elements the path leads to, in document order."""
        found = [element]
        for tag, position in self.steps:
            if position:
                found = [
                    children[position - 1]
                    for each in found
                    if len(children := list(each.iterchildren(tag))) >= position
                ]
            else:
                found = [child for each in found for child in each.iterchildren(tag)]
        return found

    def text(self, element: etree._Element) -> str | None:
        """The text of the first node (XPath's string value), or None where there is no node."""
        for node in self.nodes(element):
            value = node.get(self.attribute) if self.attribute else _string_value(node)
            if value is not None:
                return value
        return None


def _string_value(node: etree._Element) -> str:
    if len(node) == 0:
        return str(node.text or "")
    return "".join(str(part) for part in node.itertext(with_tail=True))


def compile_xml(text: str, namespaces: Mapping[str, str]) -> XMLPath:
    """Compile a relative location path over XML elements.

    Args:
        text: e.g. `Result/Row[1]/XM`, `h:Person/@id`, or `.` for the element itself.
        namespaces: prefix → namespace; a name without prefix has no namespace.

    Raises:
        PathRefused: The text is not in the subset, too long, or its prefix is not declared.
    """
    if text == ".":
        return XMLPath((), None)
    _check_length(text)
    parts = text.split("/")
    attribute = None
    if found := _XML_ATTRIBUTE.fullmatch(parts[-1]):
        attribute = _qualified(found[1], found[2], namespaces)
        parts.pop()
    if len(parts) > MAX_STEPS:
        raise PathRefused(f"at most {MAX_STEPS} steps")
    return XMLPath(tuple(_xml_step(part, namespaces) for part in parts), attribute)


def _xml_step(part: str, namespaces: Mapping[str, str]) -> tuple[str, int]:
    found = _XML_STEP.fullmatch(part)
    if found is None:
        raise PathRefused("only child/child[n]/@attribute is allowed, relative and without axes")
    return _qualified(found[1], found[2], namespaces), int(found[3] or 0)


def _qualified(prefix: str | None, name: str, namespaces: Mapping[str, str]) -> str:
    if prefix is None:
        return name
    if prefix not in namespaces:
        raise PathRefused(f"prefix {prefix!r} is not in connect.namespaces")
    return f"{{{namespaces[prefix]}}}{name}"
