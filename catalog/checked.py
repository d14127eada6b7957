"""A file whose shape was checked, and the rows of it that can be relied on.

A row that is broken still counts as known, and a file that could not be read at all is not asked,
so that one mistake gives one complaint and not a hundred.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from catalog.grammar import Shape, suggestion
from catalog.reading import Page, Problem, Step, Tree

Row = Mapping[str, Any]
Path = tuple[Step, ...]

_SUGGESTIONS = 500
"""Complaints of one file that come with a near miss; finding one takes time."""


class CheckedFile:
    """A page after the check of its shape."""

    def __init__(self, page: Page, shape: Shape, key: str) -> None:
        self.page, self.complain = page, page.complain
        if page.tree is not None or not page.problems:
            page.problems += shape(page.tree)
        head = page.tree if isinstance(page.tree, dict) else {}
        self.head: Row = head
        """The values beside the list; where the file has complaints, they may be of any kind."""
        self.lost = not isinstance(head.get(key), list)
        """True: there is no list to look at, and nothing is said about what it lacks."""
        self._broken = {id(self._broken_by(problem)) for problem in page.problems}

    def rows(self, holder: Row, key: str, at: Path = ()) -> Iterator[tuple[Path, Row]]:
        """The sound rows of a list, each with its path."""
        if self.lost:
            return
        for index, row in enumerate(holder[key]):
            if isinstance(row, dict) and id(row) not in self._broken:
                yield (*at, key, index), row

    def known(self, holder: Row, key: str) -> set[str]:
        """The ids of a list, those of broken rows included."""
        return {word for word in self._column(holder, key, "id") if isinstance(word, str)}

    def known_seqs(self, holder: Row) -> set[int]:
        """The seqs of the items of a bundle, those of broken rows included."""
        return {seq for seq in self._column(holder, "items", "seq") if type(seq) is int}

    def _column(self, holder: Row, key: str, name: str) -> Iterator[Tree]:
        for row in () if self.lost else holder[key]:
            if isinstance(row, dict):
                yield row.get(name)

    def unique(self, rows: Iterator[tuple[Path, Row]], name: str = "id") -> None:
        """Complain about every row whose `name` an earlier row of the list has."""
        seen = set()
        for at, row in rows:
            if row[name] in seen:
                self.complain((*at, name), "duplicate-id", repr(row[name]), f"every {name} once")
            seen.add(row[name])

    def refer(self, at: Path, wanted: str, known: Collection[str], kind: str) -> None:
        """Complain where `wanted` is not among `known`."""
        if wanted not in known:
            near = suggestion(wanted, known) if len(self.page.problems) < _SUGGESTIONS else ""
            expected = f"a known {kind}{near}"
            self.complain(at, f"unknown-{kind.replace(' ', '-')}", repr(wanted), expected)

    def _broken_by(self, problem: Problem) -> Tree:
        """The row that a problem spoils: the one that lacks a key, or holds a wrong value."""
        if problem.rule == "missing-key":
            return self._row_at(problem.path)
        if problem.rule == "not-a-mapping" and any(
            isinstance(step, int) for step in problem.path[-1:]
        ):
            return None
        return self._row_at(problem.path[:-1])

    def _row_at(self, path: Path) -> Tree:
        """The innermost row (mapping in a list) that holds `path`; None outside of the lists."""
        value: Any = self.page.tree
        row: Tree = None
        for step in path:
            if isinstance(value, dict) and step not in value:
                break
            value = value[step]
            if isinstance(step, int) and isinstance(value, dict):
                row = value
        return row
