"""One YAML file → plain values, with everything refused that does not belong into a data file.

Configuration is read strictly: no anchors, aliases or tags, no key twice, nothing that one YAML
reader takes for text and another for a number, a date or `false`. The events of libyaml are read
directly, which is faster than building its nodes, needs no recursion into hostile depth and knows
the line at the moment something is wrong. Lines of later complaints are looked up in a second
pass, so that a good file does not pay for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from catalog.errors import Complaint

MAX_BYTES = 8 * 1024 * 1024
MAX_DEPTH = 16
MAX_EVENTS = 1_000_000

Step = str | int
"""One step into a file: a key of a mapping or an index of a list."""


@dataclass(frozen=True, slots=True)
class Unquoted:
    """A plain scalar that looks like something else than text, `true`, `null` or an integer."""

    text: str
    looks_like: str


Tree = None | bool | int | str | Unquoted | list[Any] | dict[str, Any]
"""What a file holds: lists and mappings of scalars. Mappings have text as keys only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A complaint before its line is known."""

    path: tuple[Step, ...]
    rule: str
    found: str
    expected: str
    line: int | None = None
    """Set where the reader itself complained; else it is looked up by `path`."""

    def below(self, step: Step) -> Problem:
        """The same problem, seen from the value that holds `step`."""
        return Problem(
            path=(step, *self.path), rule=self.rule, found=self.found, expected=self.expected
        )


class Page:
    """One file while it is being checked: its values and what is wrong with them."""

    def __init__(self, file: str, text: str = "", tree: Tree = None) -> None:
        self.file, self.tree = file, tree
        self.problems: list[Problem] = []
        self._text = text

    def complain(self, path: tuple[Step, ...], rule: str, found: str, expected: str) -> None:
        """Note what is wrong at `path`; the line is found later."""
        self.problems.append(Problem(path=path, rule=rule, found=found, expected=expected))

    def complaints(self) -> Iterator[Complaint]:
        """All problems with their lines, in the order of the file."""
        lines = _lines(self._text, {p.path for p in self.problems if p.line is None})
        located = [
            (lines.get(p.path, 0) if p.line is None else p.line, p)
            for p in dict.fromkeys(self.problems)
        ]
        for line, p in sorted(located, key=lambda pair: pair[0]):
            yield Complaint(
                file=self.file, line=line, rule=p.rule, found=p.found, expected=p.expected
            )


def read_page(path: Path, file: str) -> Page:
    """Read `path`, which complaints call `file`. Never raises for what the file holds."""
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        return _unreadable(file, "unreadable", type(error).__name__, "a file that can be read")
    if len(data) > MAX_BYTES:
        return _unreadable(file, "file-too-large", f"more than {MAX_BYTES} bytes", "at most 8 MiB")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        found = f"byte 0x{data[error.start]:02x}"
        return _unreadable(file, "encoding", found, "the file in UTF-8", line)
    page = Page(file, text)
    page.tree = _Reader(page).tree(text)
    return page


def _unreadable(file: str, rule: str, found: str, expected: str, line: int = 0) -> Page:
    page = Page(file)
    page.problems.append(Problem(path=(), rule=rule, found=found, expected=expected, line=line))
    return page


class _Stop(Exception):
    """The file is not worth reading on; the complaint is already noted."""


class _Reader:
    """Turns events into values and complains with the line of the event."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._depth = 0

    def tree(self, text: str) -> Tree:
        """The values of the one document in `text`, or None where it cannot be read."""
        try:
            self._events = self._counted(text)
            documents = [self._node(event) for event in self._events if _opens(event)]
        except _Stop:
            return None
        except yaml.YAMLError as error:
            self._complain(_line_of(error), "yaml-syntax", _said(error), "well-formed YAML")
            return None
        if len(documents) != 1:
            found = f"{len(documents)} documents"
            self._complain(0, "documents", found, "one YAML document in the file")
            return None
        tree: Tree = documents[0]
        return tree

    def _counted(self, text: str) -> Iterator[Any]:
        for count, event in enumerate(yaml.parse(text, Loader=yaml.CSafeLoader)):
            if count > MAX_EVENTS:
                self._stop(event, "too-many-values", f"more than {MAX_EVENTS}", "a smaller file")
            yield event

    def _node(self, event: Any) -> Any:
        if event.anchor is not None:
            alias = type(event) is yaml.AliasEvent
            found = f"{'*' if alias else '&'}{event.anchor[:40]}"
            self._complain(_line(event), "anchor", found, "the value itself, written out")
            if alias:
                return None
        if event.tag is not None:
            self._complain(_line(event), "tag", event.tag[:60], "a value without a tag")
        if type(event) is yaml.ScalarEvent:
            return _plain(event.value) if event.implicit[0] else event.value
        self._depth += 1
        if self._depth > MAX_DEPTH:
            self._stop(event, "nesting", f"more than {MAX_DEPTH} levels", "the levels of the form")
        value = self._list() if type(event) is yaml.SequenceStartEvent else self._mapping()
        self._depth -= 1
        return value

    def _list(self) -> list[Any]:
        rows = []
        for event in self._events:
            if type(event) is yaml.SequenceEndEvent:
                break
            rows.append(self._node(event))
        return rows

    def _mapping(self) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for event in self._events:
            if type(event) is yaml.MappingEndEvent:
                break
            key = self._node(event)
            value = self._node(next(self._events))
            if type(key) is not str:
                self._complain(
                    _line(event), "key-not-text", describe(key), "a word as key, or in quotes"
                )
            elif key in values:
                self._complain(_line(event), "duplicate-key", describe(key), "every key once")
            else:
                values[key] = value
        return values

    def _complain(self, line: int, rule: str, found: str, expected: str) -> None:
        self._page.problems.append(
            Problem(path=(), rule=rule, found=found, expected=expected, line=line)
        )

    def _stop(self, event: Any, rule: str, found: str, expected: str) -> None:
        self._complain(_line(event), rule, found, expected)
        raise _Stop


_MARKERS = (
    yaml.StreamStartEvent,
    yaml.StreamEndEvent,
    yaml.DocumentStartEvent,
    yaml.DocumentEndEvent,
)


def _opens(event: Any) -> bool:
    return not isinstance(event, _MARKERS)


def _line(event: Any) -> int:
    line: int = event.start_mark.line + 1
    return line


def _line_of(error: yaml.YAMLError) -> int:
    mark = getattr(error, "problem_mark", None)
    return mark.line + 1 if mark else 0


def _said(error: yaml.YAMLError) -> str:
    """What libyaml says, without the excerpt of the file."""
    said = getattr(error, "problem", None) or getattr(error, "reason", None) or "not readable"
    return str(said)


_LOOKS_LIKE = {
    "tag:yaml.org,2002:bool": "true or false",
    "tag:yaml.org,2002:int": "an integer, perhaps octal",
    "tag:yaml.org,2002:float": "a number with a point",
    "tag:yaml.org,2002:timestamp": "a date",
    "tag:yaml.org,2002:null": "nothing",
}


@lru_cache(maxsize=8192)
def _plain(text: str) -> Tree:
    """The value of an unquoted scalar, after YAML 1.1, which most tools still follow."""
    resolvers = yaml.SafeLoader.yaml_implicit_resolvers.get(text[:1], ())
    tag = next((tag for tag, pattern in resolvers if pattern.match(text)), None)
    if tag is None:
        return text
    if text in {"", "null", "~"}:
        return None
    if text in {"true", "false"}:
        return text == "true"
    digits = text.removeprefix("-")
    if digits.isdecimal() and digits.isascii() and len(digits) < 18 and str(int(digits)) == digits:
        return int(text)
    return Unquoted(text, _LOOKS_LIKE.get(tag, "something else than text"))


def describe(value: Tree) -> str:
    """A value as a complaint shows it: short, and telling text from what only looks like it."""
    if isinstance(value, Unquoted):
        return f"{value.text[:60]} without quotes, which looks like {value.looks_like}"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, str):
        return repr(value if len(value) <= 80 else f"{value[:77]}…")
    return "nothing" if value is None else str(value).lower()


def _lines(text: str, wanted: Iterable[tuple[Step, ...]]) -> dict[tuple[Step, ...], int]:
    """The line of each wanted path: of the key in a mapping, of the value in a list."""
    open_paths = set(wanted)
    found: dict[tuple[Step, ...], int] = {}
    if not open_paths:
        return found
    for path, line in _walk(text):
        if path in open_paths:
            found.setdefault(path, line)
            if len(found) == len(open_paths):
                break
    return found


def _walk(text: str) -> Iterator[tuple[tuple[Step, ...], int]]:
    """Every path of a file that could be read, with its line."""
    stack: list[tuple[tuple[Step, ...], list[Any]]] = []  # (path, [next index] or [key, key mark])
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        kind = type(event)
        if kind in _ENDS:
            stack.pop()
            continue
        if not _opens(event):
            continue
        path: tuple[Step, ...] = ()
        line = _line(event)
        if stack:
            base, state = stack[-1]
            if type(state[0]) is int:
                path = (*base, state[0])
                state[0] += 1
            elif state[0] is None:
                state[:] = [getattr(event, "value", ""), line]
                if kind not in _STARTS:
                    continue
                path = (*base, "")  # a mapping or a list as key, complained about elsewhere
            else:
                path, line = (*base, state[0]), state[1]
                state[0] = None
        yield path, line
        if kind is yaml.SequenceStartEvent:
            stack.append((path, [0]))
        elif kind is yaml.MappingStartEvent:
            stack.append((path, [None, 0]))


_STARTS = (yaml.SequenceStartEvent, yaml.MappingStartEvent)
_ENDS = (yaml.SequenceEndEvent, yaml.MappingEndEvent)
