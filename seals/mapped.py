"""Reading a mapping that came as JSON or YAML by its names; every complaint is collected.

Nothing raises on the way: what is wrong gives a stand-in and a complaint, so that whoever wrote the
file hears of all of it at once. Names that nobody asked for are complaints, too.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar

from seals.errors import Malformed

Complaint = tuple[str, str]
"""A stable key, and the path of names it is about."""
NO_TIME = datetime(1970, 1, 1, tzinfo=UTC)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_T = TypeVar("_T")
_E = TypeVar("_E", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Mapped:
    """One mapping, where it stands, and what was wrong so far."""

    values: dict[str, object]
    where: str
    complaints: list[Complaint]
    _asked: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, value: Any, where: str, complaints: list[Complaint]) -> Mapped:
        """The mapping that `value` is; an empty one, and a complaint, where it is none."""
        if isinstance(value, dict) and all(isinstance(key, str) for key in value):
            return cls(value, where, complaints)
        complaints.append(("not-a-mapping", where))
        return cls({}, where, complaints)

    def at(self, name: str) -> str:
        """The path of a name."""
        return f"{self.where}.{name}" if self.where else name

    def complain(self, why: str, name: str) -> None:
        """Something is wrong with what stands there."""
        self.complaints.append((why, self.at(name)))

    def has(self, name: str) -> bool:
        """Is there anything?"""
        self._asked.add(name)
        return self.values.get(name) is not None

    def text(self, name: str, *, least: int = 1, most: int = 200) -> str:
        """A string of so many characters that a line can show."""
        value = self._got(name)
        if value is None and not least and not self.has(name):
            return ""
        if not isinstance(value, str) or not least <= len(value) <= most:
            self.complain("not-a-text" if self.has(name) else "missing", name)
            return ""
        if not value.isprintable():
            self.complain("not-printable", name)
            return ""
        return value

    def number(self, name: str, *, least: int, most: int) -> int:
        """A whole number between two others."""
        value = self._got(name)
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
            return value
        self.complain("not-a-number" if self.has(name) else "missing", name)
        return least

    def choice(self, name: str, kind: type[_E], otherwise: _E) -> _E:
        """A word of a closed list."""
        value = self._got(name)
        try:
            return kind(str(value)) if self.has(name) else otherwise
        except ValueError:
            self.complain("unknown-word", name)
            return otherwise

    def moment(self, name: str) -> datetime:
        """A time in UTC, to the second: `2026-11-24T06:00:00Z`."""
        value = self._got(name)
        try:
            # A YAML reader may have made a time of it.
            if isinstance(value, datetime) and value.tzinfo is not None:
                return value.astimezone(UTC)
            if isinstance(value, str) and _MOMENT.fullmatch(value):
                return datetime.fromisoformat(value)
        except ValueError:
            pass
        self.complain("not-a-time" if self.has(name) else "missing", name)
        return NO_TIME

    def binary(self, name: str, read: Callable[[bytes], _T]) -> _T | None:
        """Base64, and what is to be read from it."""
        return self._read(self._got(name), self.at(name), read)

    def binaries(self, name: str, read: Callable[[bytes], _T], *, most: int) -> tuple[_T, ...]:
        """A list of such."""
        found = (self._read(each, where, read) for each, where in self._listed(name, most))
        return tuple(each for each in found if each is not None)

    def inside(self, name: str) -> Mapped:
        """The mapping under a name; an empty one where there is none."""
        if not self.has(name):
            return Mapped({}, self.at(name), self.complaints)
        return Mapped.of(self.values[name], self.at(name), self.complaints)

    def each(self, name: str, *, most: int) -> Iterator[Mapped]:
        """A list of mappings."""
        for value, where in self._listed(name, most):
            yield Mapped.of(value, where, self.complaints)

    def words(self, name: str, *, most: int = 64) -> tuple[tuple[str, str], ...]:
        """A list of strings, each with its path."""
        found: list[tuple[str, str]] = []
        for value, where in self._listed(name, most):
            if isinstance(value, str) and 0 < len(value) <= 200 and value.isprintable():
                found.append((value, where))
            else:
                self.complaints.append(("not-a-text", where))
        return tuple(found)

    def done(self) -> None:
        """Complain about names that nobody asked for."""
        for name in self.values:
            if name not in self._asked:
                shown = name if name.isprintable() and len(name) <= 60 else "?"
                self.complain("unknown-name", shown)

    def _got(self, name: str) -> object:
        self._asked.add(name)
        return self.values.get(name)

    def _listed(self, name: str, most: int) -> Iterator[tuple[object, str]]:
        value = self._got(name)
        if value is None:
            return
        if not isinstance(value, list):
            self.complain("not-a-list", name)
        elif len(value) > most:
            self.complain("too-many", name)
        else:
            yield from ((each, f"{self.at(name)}[{at}]") for at, each in enumerate(value))

    def _read(self, value: object, where: str, read: Callable[[bytes], _T]) -> _T | None:
        if value is None:
            self.complaints.append(("missing", where))
            return None
        try:
            if isinstance(value, str):
                return read(base64.b64decode(value, validate=True))
        except (Malformed, ValueError):
            pass
        self.complaints.append(("unreadable", where))
        return None
