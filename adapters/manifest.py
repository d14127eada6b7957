"""The grammar of a source manifest.

What is common to all kinds stands here; each kind brings its own `connect` and `ask` sections
(`adapters.kinds`). Models are frozen and refuse unknown keys. A secret can only come from the
environment and is never shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Generic, Literal, TypeVar, cast

from pydantic import Discriminator, Field, Tag, ValidationError, model_validator
from pydantic_core import ErrorDetails
from typing_extensions import TypeAliasType

from adapters.converters import As
from adapters.errors import Complaint
from adapters.located import At, Located
from adapters.terms import (
    BulkheadTerms,
    CacheTerms,
    ClosedTerms,
    HedgeTerms,
    NoCache,
    RateTerms,
    RetryTerms,
)
from adapters.values import (
    PLACEHOLDER,
    Forms,
    FromEnvironment,
    Placeholder,
    Seconds,
    Section,
    Value,
    shape_of,
)

NAME = r"^[a-z0-9]+(-[a-z0-9]+)*$"
RESOURCE = r"^[a-z0-9]+(-[a-z0-9]+)*\.[a-z0-9]+(-[a-z0-9]+)*$"
_VARIABLE = re.compile(r"\$\{([A-Z][A-Z0-9_]*)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a kind found wrong in its sections; the registry adds file and line."""

    at: At
    """Where in the manifest, e.g. `("resources", "hukou.person", "ask", "operation")`."""
    rule: str
    found: str
    expected: str


# --- ask: what we know, and where the source wants it -----------------------------------------

KNOWN = r"^((keys|optional)\.[a-z][a-z0-9_]*|reason\.(consumer|item|item_name|case|legal_basis)|call\.id)$"
Known = Annotated[str, Field(pattern=KNOWN)]
"""The name of something a call knows. `keys.x` is needed: without it the call is not
made. `optional.x` is the same key, sent when it is known."""


class Const(Section):
    """A constant the source wants to see."""

    const: str | int | float | bool | None


def _leaf(value: Any) -> str:
    return "const" if isinstance(value, Mapping | Const) else "name"


Leaf = Annotated[
    Annotated[Known, Tag("name")] | Annotated[Const, Tag("const")], Discriminator(_leaf)
]


def _branch(value: Any) -> str:
    if isinstance(value, Const) or (isinstance(value, Mapping) and set(value) == {"const"}):
        return "const"
    if isinstance(value, Mapping):
        return "mapping"
    return "list" if isinstance(value, list | tuple) else "name"


if TYPE_CHECKING:
    Tree = Any  # mypy cannot follow an alias that holds itself inside Annotated
else:
    Tree = TypeAliasType(
        "Tree",
        Annotated[
            Annotated[Known, Tag("name")]
            | Annotated[Const, Tag("const")]
            | Annotated[dict[str, "Tree"], Tag("mapping")]
            | Annotated[tuple["Tree", ...], Tag("list")],
            Discriminator(_branch),
        ],
    )
"""Leaves in nested mappings and lists."""


class Ask(Section):
    """Base of the kinds' `ask` sections."""

    def names(self) -> frozenset[str]:
        """The known names used anywhere in this section."""
        return frozenset(_names(self))

    @property
    def carries_json(self) -> bool:
        """Is the question a JSON body? Only such a one can be put into an envelope."""
        return False


def _names(value: Any) -> Iterator[str]:
    if isinstance(value, Const):
        return
    if isinstance(value, Section):
        for name in type(value).model_fields:
            yield from _names(getattr(value, name))
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _names(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _names(each)
    elif isinstance(value, str) and re.fullmatch(KNOWN, value):
        yield value


# --- connect ----------------------------------------------------------------------------------


class Connect(Section):
    """Base of the kinds' `connect` sections."""

    timeout: Seconds = 2.0
    """The source's own deadline; the caller's may be shorter."""

    @property
    def xml_namespaces(self) -> Mapping[str, str] | None:
        """Set where answers are XML and paths are location paths; None for JSON and rows."""
        return None

    @property
    def overruling_charset(self) -> str | None:
        """The charset that is believed instead of the declared one."""
        return None


class BreakerTerms(Section):
    """When to stop asking a source that fails, and for how long."""

    failures: int = Field(default=5, ge=1, le=1000)
    """Failures in a row that open the breaker."""
    reset: Seconds = 30.0
    """How long it stays open before one call may try."""


# --- answer -----------------------------------------------------------------------------------

AnyOf = Value | tuple[Value, ...]
Condition = dict[str, AnyOf]
"""Path → literal or list of literals (any of them); an empty list means the value is an empty
list. All paths must hold. Literals are compared as text: `0` and `"0"` are equal."""

STATUS = "status"
"""Reserved path in `empty_when` and `refused_when`: the HTTP status."""
RECORDS = "records"
"""Reserved path in `empty_when` with the literal `none`: the `records` path yields nothing."""


class CodesTerms(Section):
    """The other side's words for codes of one of our tables."""

    table: str
    map: dict[str, str] = Field(default_factory=dict)
    """Value as received → our code."""


class FieldTerms(Section):
    """Where one catalog field comes from."""

    at: str | None = None
    as_: As | None = Field(default=None, alias="as")
    form: Forms | None = None
    codes: (
        Annotated[
            Annotated[str, Tag("one")] | Annotated[CodesTerms, Tag("mapping")],
            Discriminator(shape_of),
        ]
        | None
    ) = None
    """A table's id, or a table with words for its codes."""
    const: Value = None

    @model_validator(mode="after")
    def _one_origin(self) -> FieldTerms:
        constant = "const" in self.model_fields_set
        if constant == (self.at is not None):
            raise ValueError("a field has either at or const")
        if constant and len(self.model_fields_set) > 1:
            raise ValueError("a const stands alone")
        if self.form is not None and self.as_ not in {None, As.DATE, As.DATETIME}:
            raise ValueError("form is for dates and times")
        return self

    @property
    def forms(self) -> tuple[str, ...]:
        """The forms as a tuple, empty for none."""
        if self.form is None:
            return ()
        return (self.form,) if isinstance(self.form, str) else self.form


class Meaning(StrEnum):
    """What a source's own error code can mean to us."""

    REFUSED = "refused"
    """It does not accept us, this question, or any more of them for now."""
    NO_RECORD = "no_record"
    FAILED = "failed"
    CLOSED = "closed"
    """It is under maintenance, and says so."""


class ErrorTerms(Section):
    """One code of the source, with a key of ours that says more than the outcome."""

    outcome: Meaning
    why: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=40)


class ErrorsTerms(Section):
    """The source's error codes: where one stands, and what each means. Codes that are not here
    are left to the other conditions.
    """

    at: str
    """Path to the code; `status` is the HTTP status."""
    map: dict[
        str,
        Annotated[
            Annotated[Meaning, Tag("one")] | Annotated[ErrorTerms, Tag("mapping")],
            Discriminator(shape_of),
        ],
    ] = Field(min_length=1)


class AsOfTerms(Section):
    """Where the reply says when its data stood so."""

    at: str
    form: Forms | None = None

    @property
    def forms(self) -> tuple[str, ...]:
        """The forms as a tuple, empty for none."""
        if self.form is None:
            return ()
        return (self.form,) if isinstance(self.form, str) else self.form


class Answer(Section):
    """How a reply is read."""

    ok_when: Condition = Field(default_factory=dict)
    refused_when: Condition = Field(default_factory=dict)
    empty_when: Condition = Field(default_factory=dict)
    errors: ErrorsTerms | None = None
    records: str | None = None
    record: Literal["all-rows"] | None = None
    """SQL: one record whose head comes from the first row and whose lines are all rows."""
    lines: str | None = None
    as_of: AsOfTerms | None = None
    fields: dict[str, FieldTerms] = Field(min_length=1)

    @model_validator(mode="after")
    def _one_shape(self) -> Answer:
        if self.record is not None and (self.records is not None or self.lines is not None):
            raise ValueError("record: all-rows stands without records and lines")
        if STATUS in self.ok_when:
            raise ValueError("status is for refused_when and empty_when")
        return self

    def statuses(self) -> frozenset[int]:
        """HTTP statuses this answer knows what to make of, beyond the successful ones."""
        named = [c[STATUS] for c in (self.refused_when, self.empty_when) if STATUS in c]
        flat = [str(each) for n in named for each in (n if isinstance(n, tuple) else (n,))]
        if self.errors is not None and self.errors.at == STATUS:
            flat.extend(self.errors.map)
        return frozenset(int(each) for each in flat if each.isdecimal())


# --- the whole --------------------------------------------------------------------------------

ConnectT = TypeVar("ConnectT", bound=Connect)
AskT = TypeVar("AskT", bound=Ask)


class ResourceTerms(Section, Generic[AskT]):
    """How one resource is asked, and how its answers are read."""

    ask: AskT
    answer: Answer
    idempotent: bool = False
    """True: the provider says that asking twice is the same as asking once."""
    cache: CacheTerms | NoCache | None = None
    """Instead of the source's."""


class Manifest(Section, Generic[ConnectT, AskT]):
    """One source."""

    source: str = Field(pattern=NAME, max_length=64)
    name: str = Field(min_length=1, max_length=100)
    authority: str = Field(min_length=1, max_length=100)
    """Name of the body in the county that answers for the source."""
    kind: str = Field(pattern=NAME)
    connect: ConnectT
    breaker: BreakerTerms = BreakerTerms()
    bulkhead: BulkheadTerms = BulkheadTerms()
    rate: RateTerms | None = None
    retry: RetryTerms | None = None
    hedge: HedgeTerms | None = None
    cache: CacheTerms | None = None
    closed: tuple[ClosedTerms, ...] = ()
    """When the source is closed; it is not asked then."""
    resources: dict[Annotated[str, Field(pattern=RESOURCE)], ResourceTerms[AskT]] = Field(
        min_length=1
    )


AnyManifest = Manifest[Connect, Ask]


def model_of(connect: type[Connect], ask: type[Ask]) -> type[AnyManifest]:
    """The model of a manifest whose kind has these sections."""
    return cast("type[AnyManifest]", Manifest.__class_getitem__((connect, ask)))


# --- reading ----------------------------------------------------------------------------------


def substituted(
    document: Located, environment: Mapping[str, str] | None
) -> tuple[Located, tuple[Complaint, ...]]:
    """`document` with each `${NAME}` replaced from `environment`; None puts placeholders."""
    missing: list[Complaint] = []

    def replaced(value: Any, at: At) -> Any:
        if isinstance(value, dict):
            return {key: replaced(each, (*at, key)) for key, each in value.items()}
        if isinstance(value, list):
            return [replaced(each, (*at, index)) for index, each in enumerate(value)]
        if not isinstance(value, str) or "${" not in value:
            return value
        names = _VARIABLE.findall(value)
        if "${" in _VARIABLE.sub("", value):
            missing.append(document.complaint(at, "variable", "a broken ${…}", "${NAME}, capitals"))
        if environment is None:
            return Placeholder(_VARIABLE.sub(PLACEHOLDER, value))
        missing.extend(
            document.complaint(
                at, "missing-variable", f"${{{name}}} is not set", f"{name} in the environment"
            )
            for name in names
            if not environment.get(name)
        )
        return FromEnvironment(_VARIABLE.sub(lambda m: environment.get(m[1], ""), value))

    data = replaced(document.data, ())
    return Located(file=document.file, data=data, lines=document.lines), tuple(missing)


def validated(
    document: Located, connect: type[Connect], ask: type[Ask]
) -> tuple[AnyManifest | None, tuple[Complaint, ...]]:
    """The manifest in `document`, or everything that is wrong with it.

    Args:
        document: Read and substituted.
        connect: The kind's `connect` section.
        ask: The kind's `ask` section.
    """
    model = model_of(connect, ask)
    try:
        return model.model_validate(document.data), ()
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=False, include_input=True)
        return None, tuple(_complaint(document, each) for each in _one_a_place(document, details))


def _one_a_place(document: Located, details: Iterable[ErrorDetails]) -> Iterable[ErrorDetails]:
    """One error for each place: a union complains once for each of its members."""
    places: dict[At, ErrorDetails] = {}
    for each in details:
        extra = each["type"] in {"extra_forbidden", "missing"}
        places.setdefault(each["loc"] if extra else document.place(each["loc"]), each)
    return places.values()


_RULES: Mapping[str, str] = {
    "extra_forbidden": "unknown-key",
    "missing": "missing-key",
    "string_pattern_mismatch": "pattern",
    "value_error": "value",
}


def _complaint(document: Located, error: ErrorDetails) -> Complaint:
    at, kind = error["loc"], error["type"]
    last = str(at[-1]) if at else ""
    expected = error["msg"].removeprefix("Value error, ")
    if kind == "extra_forbidden":
        return document.complaint(
            at, "unknown-key", f"unknown key {last!r}", "a key of the grammar"
        )
    if kind == "missing":
        return document.complaint(at, "missing-key", f"no {last!r}", f"{last!r} is needed here")
    return document.complaint(
        at, _RULES.get(kind, kind.replace("_", "-")), _shown(at, error), expected
    )


def _shown(at: At, error: ErrorDetails) -> str:
    """The value found, unless it is long, structured or came from the environment."""
    value, place = error["input"], ".".join(str(part) for part in at)
    if isinstance(value, FromEnvironment):
        return f"{place}: a value from the environment"
    if isinstance(value, str | int | float | bool | None) and len(str(value)) <= 60:
        secret = error["msg"].startswith("Value error, a secret")
        return f"{place}: a text" if secret else f"{place}: {value!r}"
    return f"{place}: {type(value).__name__}"
