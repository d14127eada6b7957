"""The values of the kit: what is answered, and what has to come of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from adapters.files.playing import File
from adapters.model import Outcome, Scalar


class Pace(StrEnum):
    """How the scripted server writes an answer."""

    WHOLE = "whole"
    LATE = "late"
    """Whole, a little later."""
    PIECES = "pieces"
    """Whole, chunked, in small pieces."""
    HALF = "half"
    """Half of the body, then the connection ends."""
    HALF_CHUNKED = "half-chunked"
    DRIP_HEAD = "drip-head"
    DRIP_BODY = "drip-body"
    """So slowly that it never ends in time."""
    HANG = "hang"
    CLOSE = "close"
    """The connection ends without a byte."""
    RESET = "reset"
    RAW = "raw"
    """The body is all that is written: no status line, no headers."""
    CONTINUED = "continued"
    """After an interim response."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One response."""

    status: int = 200
    type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = field(default=b"", repr=False)
    pace: Pace = Pace.WHOLE
    length: str | None = None
    """Instead of the right Content-Length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a case without a wire replies with: rows, a document, or an error."""

    rows: Sequence[Mapping[str, Any]] | None = None
    document: Any = None
    error: type[Exception] | None = None
    hangs: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Drops:
    """What is dropped into a folder."""

    turns: tuple[Sequence[File] | None, ...]
    """In turn, with a question after each, of which the last is judged; None: there is no folder."""
    later: float = 0.0
    """Seconds by which the question comes later than the files may be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expect:
    """What has to come of a case."""

    outcomes: frozenset[Outcome]
    records: int | None = None
    """How many; None: does not matter."""
    field: str | None = None
    """The field that was touched."""
    value: Scalar = None
    """With `field`: what it has to be."""
    bad: bool = False
    odd: bool = False
    aside: frozenset[str] = frozenset()
    """Fields that come from the same place and may change too."""
    unchanged: bool = False
    """Is everything else as in the sample?"""
    quarantined: str | None = None
    """The rule for which a drop is in quarantine; `any` for one or another; None: none is."""
    reported: str | None = None
    """The rule for which rows are in the row error file; None: there is no such file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One case."""

    id: str
    """`resource/group/what`, the same for the same manifest in every run."""
    answers: Mapping[str, Sequence[Answer]] = field(default_factory=dict)
    """Method and path → responses in turn; the last again and again."""
    reply: Reply | None = None
    """Instead, where the kind has no wire that could be scripted."""
    drops: Drops | None = None
    """Instead, where the kind reads what is dropped."""
    expect: Expect


def outcome(*outcomes: Outcome, **more: Any) -> Expect:
    """An expectation of any of these outcomes."""
    return Expect(outcomes=frozenset(outcomes), **more)
