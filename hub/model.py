"""The hub's own values: who asks, for what, by which right, and what came of it.

All frozen. From the moment a request was parsed into these, nothing downstream validates it again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from adapters.model import Freshness, Record
from catalog.lookup import FieldPath, Predicate

Json = str | int | bool | None | list["Json"] | dict[str, "Json"]

Value = Json
"""The value of a wanted path: one, all (`R[].f`), or whole records (`R[]`)."""


class BasisKind(StrEnum):
    """Why the law allows the question: a statutory duty, or the consent of the subject."""

    STATUTORY = "statutory"
    CONSENT = "consent"


class IdType(StrEnum):
    """The kinds of numbers a subject is asked by."""

    CITIZEN_ID = "citizen-id"
    MOTHER = "mother-citizen-id"
    """The mother's, for a newborn that has none yet: registers know it under hers."""
    USCC = "uscc"
    CERTIFICATE_NO = "certificate-no"
    UNIT_NO = "unit-no"


class FieldState(StrEnum):
    """What became of a field that was asked for. A closed list: every field has exactly one."""

    OK = "ok"
    STALE = "stale"
    """There is a value, but older than the caller wanted."""
    MANUAL = "manual"
    NOT_FOUND = "not_found"
    """The source answered: no such record. With `value_missing` in `why`: the record has no value."""
    AMBIGUOUS = "ambiguous"
    """Several records answer; ask for `R[].field` to see them all."""
    NOT_APPLICABLE = "not_applicable"
    """The question does not fit this subject (an enterprise has no household)."""
    NOT_GRANTED = "not_granted"
    MASKED = "masked"
    REFUSED_BY_SOURCE = "refused_by_source"
    SOURCE_ERROR = "source_error"
    TIMED_OUT = "timed_out"
    BREAKER_OPEN = "breaker_open"
    SOURCE_CLOSED = "source_closed"
    """The provider's calendar says that the source is closed; the answer says until when."""
    DEFERRED = "deferred"
    DISPUTED = "disputed"
    WITHHELD = "withheld"


class QueryOutcome(StrEnum):
    """The outcome of a query as a whole."""

    COMPLETE = "complete"
    PARTIAL = "partial"
    REFUSED = "refused"
    DEFERRED = "deferred"


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumer:
    """A registered caller: a department's system with its public keys."""

    client_id: str
    name: str
    authority: str
    """`<county>/<name>` of the department that answers for the caller."""
    county: str
    jwks: Mapping[str, object]
    """Public keys only (RFC 7517)."""
    active: bool = True


JUDGED_ONLY = "predicate:"
"""Before a field in a grant: judged, never shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A right to ask: consumer × resource × fields × items (purpose) × time.

    An end is mandatory: a grant that cannot expire is one that nobody looks at again.
    """

    id: str
    consumer: str
    provider: str
    county: str
    resource: str
    fields: frozenset[str]
    """Field ids, or `*` for all fields of the resource. `predicate:<field>`: judged, never shown."""
    items: frozenset[str]
    """Service items or bundles the answer may serve."""
    legal_basis: str
    basis_kinds: frozenset[str]
    valid_from: datetime
    valid_to: datetime
    active: bool = True

    @property
    def reaches(self) -> frozenset[str]:
        """What the answer draws on, shown or only judged: field ids, or `*`."""
        return frozenset(name.removeprefix(JUDGED_ONLY) for name in self.fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Whom the question is about. `number` is normalised and has passed its check digit."""

    kind: str
    id_type: IdType
    number: str = field(repr=False)
    name: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """Why it is asked: the item, the case, and the ground in law."""

    item: str
    """A service item, or the bundle it belongs to."""
    case: str
    kind: BasisKind
    ref: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FreshnessWish:
    """How old an answer may be."""

    max_age: timedelta | None = None
    stale_if_error: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryRequest:
    """One question of one caller about one subject."""

    subject: Subject
    basis: Basis
    want: tuple[FieldPath, ...]
    predicates: tuple[Predicate, ...] = ()
    """Truths that are wanted beside the fields."""
    required: frozenset[str] = frozenset()
    """Paths that must be `ok` for the outcome to be complete; empty: all."""
    freshness: FreshnessWish = field(default_factory=FreshnessWish)
    deadline_ms: int = 2500
    only: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Resource id → the fields that its whole records are wanted with; all of them where it is not
    named."""
    counted: frozenset[str] = frozenset()
    """Ids of resources of which it has to be known whether a record is in force."""
    via: tuple[str, ...] = ()
    """The hubs that the question has passed, the first one first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpperReceipt:
    """The receipt of another hub for what it passed on to us."""

    id: str
    hash: str | None
    """`sha256:` + hex over the record it proves; None: it could not be had."""
    proven: bool
    """False: it does not prove the answer under the key that our manifest names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where a value comes from and how old it is."""

    authority: str
    source: str
    as_of: datetime | None
    retrieved_at: datetime
    freshness: Freshness
    record_hash: str | None
    entered_by: str | None = None
    """Where a clerk typed it: who, as the department names its clerks."""
    via: tuple[str, ...] = ()
    """The hubs that passed it on, the one we asked first."""
    upper: UpperReceipt | None = None
    """The receipt of the hub that we asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldAnswer:
    """The answer for one wanted path."""

    state: FieldState
    value: Value = field(default=None, repr=False)
    provenance: Provenance | None = None
    why: str | None = None
    """Stable key of the rule or fault behind a state that is not ok."""
    fix: str | None = None
    """What would change the answer, in words."""
    odd: bool = False
    """True: the value is not in its code table; shown as received."""
    reopens_at: datetime | None = None
    """With `SOURCE_CLOSED`: when the source opens again."""

    @property
    def has_value(self) -> bool:
        """Is there a value the caller may use?"""
        return self.state in {FieldState.OK, FieldState.STALE, FieldState.MANUAL}


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceAnswer:
    """What a resource said as a whole; a plan decides exemptions from it."""

    resource: str
    state: FieldState
    records: tuple[Record, ...] = field(repr=False)
    provenance: Provenance | None
    why: str | None
    reopens_at: datetime | None = None
    ticket: str | None = None
    """With `DEFERRED`: under which the answer will be found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryResult:
    """The answer to a query: every wanted path once."""

    id: str
    outcome: QueryOutcome
    receipt: str
    fields: Mapping[str, FieldAnswer]
    resources: Mapping[str, ResourceAnswer]
