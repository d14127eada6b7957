"""What a kind of source is: a class that an entry point in the group `mianti.adapters` names.

A third party writes a class with `Connect` and `Ask` (its sections of the manifest), `inspect`
(what only it can see to be wrong, without opening anything) and the two coroutines of
`adapters.model.Transport`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from importlib.metadata import EntryPoints, entry_points
from pathlib import Path
from typing import Any, ClassVar, Protocol

from adapters import manifest
from adapters.manifest import Finding
from adapters.model import RawReply, Transport
from adapters.ports import Surroundings

GROUP = "mianti.adapters"
_PARTS = ("Connect", "Ask", "inspect", "fetch", "aclose")
OURS = ("rest", "soap", "sql", "fhir", "files", "manual", "hub")

Now = Callable[[], datetime]


class Wire(Protocol):
    """What answers in place of a network."""

    async def exchange(self, method: str, path: str) -> RawReply:
        """The response to a request.

        Raises:
            adapters.errors.SourceUnavailable: There is none.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """All that a transport is built from."""

    source: str
    folder: Path
    """Where the manifest stands; files it names stand beside it."""
    connect: Any
    """The kind's own `Connect`, validated."""
    asks: Mapping[str, Any]
    """Resource id → the kind's own `Ask`, validated."""
    statuses: Mapping[str, frozenset[int]]
    """Resource id → HTTP statuses its answer knows what to make of."""
    answers: Mapping[str, manifest.Answer]
    """Resource id → how its answers are read: a kind that knows its columns can judge the paths."""
    now: Now
    surroundings: Surroundings = field(default_factory=Surroundings)
    wire: Wire | None = None
    """Stands in for the network where recorded answers are played (`adapters.rehearsal`)."""


class Kind(Transport, Protocol):
    """What stands behind `kind:`."""

    Connect: ClassVar[type[manifest.Connect]]
    Ask: ClassVar[type[manifest.Ask]]

    def __init__(self, opening: Opening) -> None: ...

    @classmethod
    def inspect(cls, opening: Opening) -> Iterable[Finding]:
        """What is wrong in the sections beyond their grammar; contacts nobody."""
        ...


class UnknownKind(LookupError):
    """No installed distribution has this kind, or it cannot be loaded; says which there are."""


@lru_cache(maxsize=1)
def _installed(_path: tuple[str, ...]) -> EntryPoints:
    """What the distributions on `sys.path` bring: the path is the cache's key, for looking them
    all through takes milliseconds and a county has twenty sources.
    """
    return entry_points(group=GROUP)


def names() -> tuple[str, ...]:
    """The kinds that are installed."""
    return tuple(sorted(_installed(tuple(sys.path)).names))


def kind(name: str) -> type[Kind]:
    """The class behind `name`.

    Raises:
        UnknownKind: Not installed, or its module cannot be imported.
    """
    for point in _installed(tuple(sys.path)).select(name=name):
        try:
            found: type[Kind] = point.load()
        except (ImportError, AttributeError) as error:
            raise UnknownKind(f"kind {name!r} cannot be loaded: {type(error).__name__}") from error
        if not all(hasattr(found, part) for part in _PARTS):
            raise UnknownKind(f"kind {name!r} lacks one of {', '.join(_PARTS)}")
        return found
    raise UnknownKind(f"kind {name!r} is not installed")
