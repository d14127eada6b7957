"""What can be wrong with a catalog, said once and completely."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar


class CatalogError(Exception):
    """Root of this room's errors."""

    code: ClassVar[str] = "catalog.error"
    origin: ClassVar[str] = "hub"
    retryable: ClassVar[bool] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """One thing that is wrong in a file, and what would be right."""

    file: str
    """Path below the folder that was loaded."""
    line: int
    """Counted from 1; 0 where the file as a whole is meant."""
    rule: str
    """Stable key of the rule that was broken, e.g. `unknown-code-table`."""
    found: str
    expected: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: [{self.rule}] {self.found} — {self.expected}"


class InvalidCatalog(CatalogError):
    """The files do not make a catalog. Nothing was loaded; all complaints are here."""

    code = "catalog.invalid"

    def __init__(self, complaints: Iterable[Complaint]) -> None:
        self.complaints = tuple(complaints)
        super().__init__("\n".join(str(c) for c in self.complaints))


class UnknownEntry(CatalogError):
    """Somebody asked for an entry the catalog does not hold."""

    code = "catalog.unknown-entry"
    origin = "caller"

    def __init__(self, kind: str, wanted: str, known: Iterable[str] = ()) -> None:
        self.kind, self.wanted = kind, wanted
        self.near = tuple(known)
        super().__init__(f"no {kind} {wanted!r} in the catalog")


class InvalidCode(CatalogError):
    """An identifier breaks the rule of its standard. The identifier itself is never repeated."""

    code = "catalog.invalid-code"
    origin = "caller"

    def __init__(self, kind: str, rule: str, expected: str) -> None:
        self.kind, self.rule, self.expected = kind, rule, expected
        super().__init__(f"{kind}: [{rule}] {expected}")


class InvalidPath(CatalogError):
    """A wanted field is not written as one. The text is not repeated: it may hold a value."""

    code = "catalog.invalid-path"
    origin = "caller"

    def __init__(self, rule: str, expected: str) -> None:
        self.rule, self.expected = rule, expected
        super().__init__(f"[{rule}] {expected}")


class InvalidList(CatalogError):
    """A published list cannot be imported. Nothing was written; all complaints are here."""

    code = "catalog.invalid-list"
    origin = "caller"

    def __init__(self, complaints: Iterable[Complaint]) -> None:
        self.complaints = tuple(complaints)
        super().__init__("\n".join(str(c) for c in self.complaints))
