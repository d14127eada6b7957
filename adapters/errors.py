"""What can go wrong between us and a source."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar


class AdapterError(Exception):
    """Root of this room's errors. `why` is a stable key without personal data."""

    code: ClassVar[str] = "adapters.error"
    origin: ClassVar[str] = "source"
    retryable: ClassVar[bool] = False

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(why)


class SourceUnavailable(AdapterError):
    """Nothing came back: not reachable, reset, or half a body."""

    code = "adapters.source-unavailable"
    retryable = True


class SourceTimedOut(AdapterError):
    """Nothing came back in time."""

    code = "adapters.source-timed-out"
    retryable = True


class SourceRefused(AdapterError):
    """The source does not accept us or this question."""

    code = "adapters.source-refused"


class SourceAnswerInvalid(AdapterError):
    """Something came back that is not an answer."""

    code = "adapters.source-answer-invalid"


class AnswerDeferred(AdapterError):
    """The question is placed with a person; the answer will be found under `ticket`."""

    code = "adapters.answer-deferred"

    def __init__(self, ticket: str) -> None:
        self.ticket = ticket
        super().__init__("waiting-for-a-clerk")


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """One thing wrong in a manifest, and what would be right."""

    file: str
    line: int
    rule: str
    found: str
    expected: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: [{self.rule}] {self.found} — {self.expected}"


class InvalidManifest(AdapterError):
    """A manifest cannot be used. All complaints are here; nothing was connected."""

    code = "adapters.invalid-manifest"
    origin = "hub"

    def __init__(self, complaints: Iterable[Complaint]) -> None:
        self.complaints = tuple(complaints)
        super().__init__("\n".join(str(c) for c in self.complaints))
