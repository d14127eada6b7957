"""All that a dialect has to know of us: a call goes in, a raw reply comes out.

`SourceCall` → (transport) → `RawReply` → (mapping) → `SourceReply`. A transport never maps, a
mapping never waits, and neither knows what the caller may see: it returns what the source said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

Scalar = str | int | bool | None
"""A canonical value. Dates are ISO 8601 text, decimals are text: nothing is rounded on the way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """What a provider has to be told about a call: many registers refuse one without it.

    Opaque to this room; the hub fills it from the access decision (standards-cn §7.2: operator
    and call reason are mandatory at the population register).
    """

    consumer: str
    item: str
    item_name: str
    case: str
    legal_basis: str = ""
    basis_kind: str = "statutory"
    """`statutory` or `consent`: what the legal basis is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceCall:
    """One question about one subject to one resource of one source."""

    resource: str
    keys: Mapping[str, str]
    """Query keys by catalog id, e.g. `id_number`, `name`, `uscc`. Never logged."""
    fields: tuple[str, ...]
    """Field ids of the resource that were granted; a source that can ask for less does."""
    reason: Reason
    call_id: str
    """Unique for each call; sent on where a source wants a message number."""
    max_age: timedelta | None = None
    """The oldest kept reply the caller takes; None: as old as the provider allows."""
    stale_if_error: timedelta | None = None
    """How old a kept reply may be where the source does not answer; None: none is wanted."""
    judged: tuple[str, ...] = ()
    """Further fields by which the hub judges whether a record is in force; it shows them to nobody.
    Only a source that answers nothing but what it is asked needs to look at them."""
    via: tuple[str, ...] = ()
    """The hubs that the question came through before ours, the first one first."""


class Freshness(StrEnum):
    """How a reply was had."""

    LIVE = "live"
    CACHED = "cached"
    STALE = "stale"
    """From the cache and older than the provider allows, because the source does not answer."""


class Outcome(StrEnum):
    """How a call ended. Three kinds of empty stay apart: `NO_RECORD` here, a field that is None in
    a record (the record has no value), and everything from `REFUSED` down (no answer).
    """

    ANSWERED = "answered"
    NO_RECORD = "no_record"
    REFUSED = "refused"
    """The source answered and refused: missing right, missing reason, unknown caller."""
    FAILED = "failed"
    """The source answered, but with an error or with something that cannot be read."""
    TIMED_OUT = "timed_out"
    BREAKER_OPEN = "breaker_open"
    """We did not ask, to spare a source that fails, is full, or has had its share for now."""
    CLOSED = "closed"
    """We did not ask: the provider's calendar says that the source is closed."""
    DEFERRED = "deferred"
    """The answer comes later, under the reply's ticket."""
    UNREACHABLE = "unreachable"
    NOT_GRANTED = "not_granted"
    """Another hub: what it granted us does not cover this."""
    WITHHELD = "withheld"
    """Another hub: this is shared with nobody."""
    NOT_OFFERED = "not_offered"
    """Another hub: nothing is connected there that could answer this."""
    NOT_ASKED = "not_asked"
    """The question cannot be put to this source: a key it wants is not there, or cannot be said in
    its terms. Nobody was asked, and nothing is wrong with the source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One record in canonical form."""

    values: Mapping[str, Scalar]
    """Field id → value; None: the record has no value for it."""
    lines: tuple[Mapping[str, Scalar], ...] = ()
    """The repeated part (household members, doses), one mapping a line, in the source's order."""
    odd: tuple[str, ...] = ()
    """Field ids whose value is not in its code table; kept as received."""
    bad: Mapping[str, str] = field(default_factory=dict)
    """Field id → rule key, where a value was there but could not be read (`date`, `decimal`, …).
    Such a field is None in `values` and must be reported as a source error, never as empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What became of a field, or of a whole question, at another hub."""

    outcome: Outcome
    why: str | None = None
    """Its stable key, without personal data."""
    reopens_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Relayed:
    """What another hub says of an answer that it passes on."""

    via: tuple[str, ...]
    """The hubs it came through, the one we asked first."""
    whole: Fate
    """Of the question as a whole; *answered* where there are records."""
    fields: Mapping[str, Fate] = field(default_factory=dict)
    """Field id → its fate, where that is another than the whole's."""
    authority: str | None = None
    """Who answers for the data there; None where nobody was asked."""
    as_of: datetime | None = None
    retrieved_at: datetime | None = None
    """When the hub that asked the source had its answer."""
    freshness: Freshness = Freshness.LIVE
    receipt: str | None = None
    """The id of its receipt."""
    receipt_hash: str | None = None
    """`sha256:` + hex over the record that the receipt proves; None: no receipt was had."""
    ticket: str | None = None
    """With a deferred whole: under which the other hub keeps the answer, where it does."""
    proven: bool = False
    """True: the receipt proves this very answer, under the key that the manifest names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceReply:
    """What a source said, in canonical form."""

    source: str
    resource: str
    outcome: Outcome
    records: tuple[Record, ...] = ()
    as_of: datetime | None = None
    """When the source says the data stood so; None where it does not say."""
    retrieved_at: datetime
    elapsed_ms: float
    record_hash: str | None = None
    """`sm3:` + hex over the raw bytes of the answer: proves later what was received."""
    why: str | None = None
    """Stable key of what went wrong, e.g. `rest.status-500`; never holds personal data."""
    freshness: Freshness = Freshness.LIVE
    reopens_at: datetime | None = None
    """With `CLOSED`: when the source opens again, where the calendar says so."""
    ticket: str | None = None
    """With `DEFERRED`: under which the answer will be found."""
    entered_by: str | None = None
    """Where a clerk typed the answer: who, as the providing department names its clerks."""
    relayed: Relayed | None = None
    """Where another hub passed the answer on: what it says of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RawReply:
    """What came over the wire: either bytes of a document or rows of a result set."""

    body: bytes = b""
    """The document as received (REST, SOAP, FHIR); raw, in the source's encoding."""
    rows: Sequence[Mapping[str, Any]] | None = None
    """The result set (SQL, files)."""
    media_type: str = ""
    charset: str | None = None
    """As declared by the transport; the manifest may overrule it."""
    status: int | None = None
    """HTTP status where there is one."""
    document: Any = None
    """The document, where the transport had to read it to find or assemble it (the Body of a SOAP
    envelope, the pages of a FHIR search); otherwise None, and the mapping reads `body`."""
    as_of: datetime | None = None
    """When the data stood so, where the transport knows (files); what the answer itself says comes
    first."""
    entered_by: str | None = None
    """Who typed the rows, where a clerk did."""
    relayed: Relayed | None = None
    """Where another hub passed it on: what it says of it."""


class Transport(Protocol):
    """One dialect. `kind` in a manifest selects it (entry-point group `mianti.adapters`)."""

    @property
    def expires_at(self) -> datetime | None:
        """When the next certificate or secret ends with which it identifies itself; None: it knows
        of none.
        """
        ...

    async def fetch(self, call: SourceCall, *, within: float) -> RawReply:
        """Ask, at most `within` seconds.

        Raises:
            adapters.errors.SourceUnavailable: nothing came back (connect, reset, half a body).
            adapters.errors.SourceTimedOut: nothing came back in time.
            adapters.errors.SourceRefused: the transport itself was refused (401, 403).
            adapters.errors.SourceAnswerInvalid: something came back that is no answer
                (status 5xx, too large, redirect, not XML).
        """
        ...

    async def aclose(self) -> None:
        """Release connections."""
        ...


class Followed(StrEnum):
    """How a deferred answer stands, at a source that keeps it itself."""

    WAITING = "waiting"
    ANSWERED = "answered"
    LAPSED = "lapsed"
    """Nobody answered in time, or it is not kept any more."""


class BreakerState(StrEnum):
    """The state of a source's circuit breaker."""

    CLOSED = "closed"
    HALF_OPEN = "half_open"
    OPEN = "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceStatus:
    """How a source is doing now."""

    source: str
    kind: str
    breaker: BreakerState
    in_flight: int
    closed_until: datetime | None
    closed_because: str | None
    """The calendar's reason, in words for people."""
    outcomes: Mapping[str, int]
    """Outcome → calls in the last five minutes; `cached` and `stale` for what was not asked."""
    outcomes_since_start: Mapping[str, int]
    latency_ms: Mapping[str, int | None]
    """p50, p95 and p99 of the calls that the source answered in the last five minutes."""
    last_success_at: datetime | None
    last_failure_at: datetime | None
    last_failure: str | None
    """Its stable key."""
    expires_at: datetime | None
    """When the next certificate or secret ends with which we identify ourselves."""


class Source(Protocol):
    """A connected source, as the hub sees it: it always answers, and never late."""

    @property
    def id(self) -> str: ...

    @property
    def breaker(self) -> BreakerState: ...

    def status(self) -> SourceStatus:
        """How it is doing now, from its real traffic."""
        ...

    async def answer(self, call: SourceCall, *, within: float) -> SourceReply:
        """Answer within that many seconds, or say why not.

        Never raises for what the source did; the reply's outcome tells.
        """
        ...

    async def aclose(self) -> None: ...
