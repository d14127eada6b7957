"""YAML that remembers its lines, and refuses what a manifest does not need.

A manifest is data typed by a person in a county, so a complaint must name the line. Anchors, tags
and duplicate keys are refused: they make a file mean something else than it shows. Scalars follow
the core of YAML 1.2 (`null`, `true`, `false`, numbers); `no`, `01` and `2024-01-01` stay text, so
that a code keeps its leading zero and Norway its name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml.composer import Composer
from yaml.resolver import Resolver

from adapters.errors import Complaint

MAX_BYTES = 256 * 1024
MAX_DEPTH = 24

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's where PyYAML was built with it: about ten times faster, and a county has twenty files."""

At = tuple[str | int, ...]
"""Where in a document: keys and indexes from the root."""

_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_FLOAT = re.compile(r"[-+]?[0-9]+\.[0-9]+")
_WORDS: Mapping[str, bool | None] = {
    "null": None,
    "~": None,
    "": None,
    "true": True,
    "false": False,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Located:
    """A document and the line of every value in it."""

    file: str
    data: Any
    lines: Mapping[At, int] = field(default_factory=dict)

    def place(self, at: At) -> At:
        """`at`, or the nearest place around it. Parts that are no place in the document (the names
        pydantic gives to branches of a union) are passed over.
        """
        here: At = ()
        for part in at:
            here = (*here, part) if (*here, part) in self.lines else here
        return here

    def line(self, at: At) -> int:
        """The line of `at`, or of the nearest place around it."""
        return self.lines.get(self.place(at), 1)

    def complaint(self, at: At, rule: str, found: str, expected: str) -> Complaint:
        """A complaint about what stands at `at`."""
        return Complaint(
            file=self.file, line=self.line(at), rule=rule, found=found, expected=expected
        )


def read(file: str, text: str) -> tuple[Located, tuple[Complaint, ...]]:
    """The document in `text`, with everything that is wrong with it as YAML."""
    events: list[yaml.Event] = []
    complaints = list(_refused(file, text, events))
    if complaints:
        return Located(file=file, data=None), tuple(complaints)
    node = _Replayed(events).get_single_node()
    if node is None:
        return Located(file=file, data=None), (
            _complaint(file, 1, "empty", "an empty file", "a manifest"),
        )
    lines: dict[At, int] = {}
    data = _value(file, node, (), lines, complaints)
    return Located(file=file, data=data, lines=lines), tuple(complaints)


def _complaint(file: str, line: int, rule: str, found: str, expected: str) -> Complaint:
    return Complaint(file=file, line=line, rule=rule, found=found, expected=expected)


class _Replayed(Composer, Resolver):
    """Composes what was seen already: a manifest is scanned once, not twice."""

    def __init__(self, events: list[yaml.Event]) -> None:
        Composer.__init__(self)
        Resolver.__init__(self)
        self._events = events[::-1]

    def check_event(self, *kinds: type[yaml.Event]) -> bool:
        """Is the next event one of these?"""
        return bool(self._events) and isinstance(self._events[-1], kinds)

    def peek_event(self) -> yaml.Event:
        """The next event."""
        return self._events[-1]

    def get_event(self) -> yaml.Event:
        """The next event, taken."""
        return self._events.pop()


def _refused(file: str, text: str, events: list[yaml.Event]) -> Iterator[Complaint]:
    """What must not be composed at all, seen in the stream of events, which is kept in `events`."""
    if len(text.encode()) > MAX_BYTES:
        yield _complaint(
            file, 0, "too-large", f"{len(text)} characters", f"at most {MAX_BYTES} bytes"
        )
        return
    depth = documents = 0
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            events.append(event)
            line = event.start_mark.line + 1 if event.start_mark else 1
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
                yield _complaint(
                    file, line, "anchor", "an anchor or alias", "the value written out"
                )
            elif getattr(event, "tag", None) is not None:
                yield _complaint(file, line, "tag", "a YAML tag", "a plain value")
            documents += isinstance(event, yaml.DocumentStartEvent)
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > MAX_DEPTH or documents > 1:
                yield _complaint(
                    file,
                    line,
                    "shape",
                    "nested too deep or a second document",
                    f"one document, at most {MAX_DEPTH} levels",
                )
                return
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "unreadable"
        yield _complaint(
            file, mark.line + 1 if mark else 1, "yaml", str(problem), "well-formed YAML"
        )
    except RecursionError:
        yield _complaint(file, 1, "shape", "nested too deep", f"at most {MAX_DEPTH} levels")


def _value(
    file: str, node: yaml.Node, at: At, lines: dict[At, int], complaints: list[Complaint]
) -> Any:
    lines[at] = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        return _mapping(file, node, at, lines, complaints)
    if isinstance(node, yaml.ScalarNode):
        return node.value if node.style else plain(node.value)
    return [
        _value(file, item, (*at, index), lines, complaints) for index, item in enumerate(node.value)
    ]


def _mapping(
    file: str, node: yaml.MappingNode, at: At, lines: dict[At, int], complaints: list[Complaint]
) -> dict[str, Any]:
    rows: dict[str, Any] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            complaints.append(_complaint(file, line, "key", "a key that is not text", "a name"))
            continue
        key = str(key_node.value)
        if key in rows:
            complaints.append(
                _complaint(file, line, "duplicate-key", f"{key!r} again", "each key once")
            )
            continue
        rows[key] = _value(file, value_node, (*at, key), lines, complaints)
        lines[(*at, key)] = line
    return rows


def plain(text: str) -> str | int | float | bool | None:
    """What a scalar without quotes means."""
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text
