"""What comes in over the wire, in the shapes of the product description. Unknown fields are refused.

Requests are parsed into the hub's own values by `to_…` functions.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)
from pydantic.config import JsonDict

from adapters.relaying import ORIGIN
from catalog.codes import citizen_id, uscc
from catalog.errors import InvalidCode, InvalidPath
from catalog.lookup import FieldPath, Predicate, parse_path
from catalog.model import Bundle
from hub.bundles import PlanRequest
from hub.http.clear import number_of_a_person
from hub.model import (
    Basis,
    BasisKind,
    FreshnessWish,
    IdType,
    Json,
    QueryRequest,
    Subject,
)

MAX_WANTED = 200
MIN_DEADLINE_MS = 50
MAX_DEADLINE_MS = 30_000


def _nobodys(text: str) -> str:
    """For what stands in the evidence log in clear; the complaint never repeats the text."""
    found = number_of_a_person(text, today=datetime.now(UTC).date())
    if found is not None:
        raise ValueError(f"holds a {found}; it would stand in the evidence log in clear")
    return text


def _writable(text: str) -> str:
    """For what a person could have written: NUL and other control characters are not it."""
    if any(unicodedata.category(sign) == "Cc" for sign in text):
        raise ValueError("holds a control character")
    return text


Text = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200),
    AfterValidator(_writable),
]
Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
InClear = AfterValidator(_nobodys)
"""What the evidence log holds as it came: no number of a person may be in it."""
Case = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,63}$"), InClear]
Ref = Annotated[str, StringConstraints(max_length=200), AfterValidator(_writable), InClear]


NAMES: set[str] = set()
"""The names of all fields a request may have: what a complaint may repeat of a body."""


class Wire(BaseModel):
    """What comes in over the wire: unknown keys are refused, and nothing is repeated in complaints."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    @classmethod
    def __pydantic_init_subclass__(cls, **_: object) -> None:
        """Remember what the fields are called."""
        NAMES.update(field.alias or name for name, field in cls.model_fields.items())


class SubjectIn(Wire):
    """Whom the question is about."""

    kind: Literal["person", "organisation", "object"]
    id_type: IdType
    id: Annotated[
        str, StringConstraints(min_length=1, max_length=64), AfterValidator(_writable)
    ] = Field(examples=["990101199001010019"])
    name: Text | None = None

    @model_validator(mode="after")
    def number_is_well_formed(self) -> SubjectIn:
        """Check digits are checked at the door; the complaint never repeats the number."""
        fits = {
            "person": {IdType.CITIZEN_ID, IdType.MOTHER},
            "organisation": {IdType.USCC},
            "object": {IdType.CERTIFICATE_NO, IdType.UNIT_NO},
        }
        if self.id_type not in fits[self.kind]:
            raise ValueError(f"id_type {self.id_type} does not name a {self.kind}")
        try:
            if self.id_type in {IdType.CITIZEN_ID, IdType.MOTHER}:
                self.id = citizen_id(self.id, today=datetime.now(UTC).date())
            elif self.id_type is IdType.USCC:
                self.id = uscc(self.id)
        except InvalidCode as wrong:
            raise ValueError(f"id: {wrong.rule}: {wrong.expected}") from wrong
        return self

    def to_subject(self) -> Subject:
        """The hub's own value."""
        return Subject(kind=self.kind, id_type=self.id_type, number=self.id, name=self.name)


class BasisIn(Wire):
    """Why it is asked."""

    item: Id = Field(
        description="事项或一件事编号 / a service item or a bundle", examples=["xinxiang-10-02"]
    )
    case: Case = Field(description="办件编号 / case number", examples=["41072120261124000123"])
    kind: BasisKind
    ref: Ref = ""

    def to_basis(self) -> Basis:
        """The hub's own value."""
        return Basis(item=self.item, case=self.case, kind=self.kind, ref=self.ref)


class FreshnessIn(Wire):
    """How old an answer may be, as ISO 8601 durations."""

    max_age: timedelta | None = Field(default=None, examples=["P1D"])
    stale_if_error: timedelta | None = Field(default=None, examples=["P30D"])

    @field_validator("max_age", "stale_if_error")
    @classmethod
    def is_positive(cls, value: timedelta | None) -> timedelta | None:
        """A negative age means nothing."""
        if value is not None and not timedelta(0) < value <= timedelta(days=3660):
            raise ValueError("between zero and ten years")
        return value


class CompletenessIn(Wire):
    """Which paths must have a value for the outcome to be complete."""

    required: list[str] = Field(default_factory=list, max_length=MAX_WANTED)


_BASIS_EXAMPLE: JsonDict = {
    "item": "xinxiang-10-02",
    "case": "41072120261124000123",
    "kind": "statutory",
    "ref": "新政文〔2024〕62号",
}
_PERSON_EXAMPLE: JsonDict = {
    "kind": "person",
    "id_type": "citizen-id",
    "id": "990101199001010019",
    "name": "赵明示",
}


class BatchHeadIn(Wire):
    """What all rows of a `POST /v1/queries:batch` have in common."""

    basis: BasisIn
    want: list[Annotated[str, StringConstraints(min_length=3, max_length=200)]] = Field(
        min_length=1, max_length=MAX_WANTED, examples=[["hukou.person.hukou_address"]]
    )
    completeness: CompletenessIn = CompletenessIn()
    freshness: FreshnessIn = FreshnessIn()
    deadline_ms: int = Field(default=2500, ge=MIN_DEADLINE_MS, le=MAX_DEADLINE_MS, strict=True)

    @field_validator("want")
    @classmethod
    def paths_are_well_formed(cls, want: list[str]) -> list[str]:
        """Each path once, and readable."""
        if len(set(want)) != len(want):
            raise ValueError("each path may be wanted once")
        for number, text in enumerate(want):
            try:
                parse_path(text)
            except InvalidPath as wrong:
                raise ValueError(f"path {number}: {wrong}") from wrong
            # A field nobody knows is an answer too, and its name stands in the log.
            _nobodys(text)
        return want

    @model_validator(mode="after")
    def required_is_wanted(self) -> Self:
        """What is required has to be wanted."""
        if not set(self.completeness.required) <= set(self.want):
            raise ValueError("completeness.required names a path that is not wanted")
        return self


ResourceId = Annotated[
    str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*\.[a-z][a-z0-9-]*$", max_length=100), InClear
]
FieldId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=100), InClear]
Origin = Annotated[str, StringConstraints(pattern=f"^{ORIGIN}$"), InClear]


class CallbackIn(Wire):
    """Where to be told when a deferred answer is whole."""

    url: Annotated[str, StringConstraints(min_length=8, max_length=500), AfterValidator(_writable)]


class QueryIn(BatchHeadIn):
    """`POST /v1/queries`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "subject": _PERSON_EXAMPLE,
                    "basis": _BASIS_EXAMPLE,
                    "want": ["hukou.person.hukou_address", "residence-permit.status[].permit_no"],
                }
            ]
        }
    )

    subject: SubjectIn
    callback: CallbackIn | None = None
    only: dict[ResourceId, Annotated[list[FieldId], Field(min_length=1, max_length=MAX_WANTED)]] = (
        Field(
            default_factory=dict,
            max_length=MAX_WANTED,
            description="整条记录（R[]）只要哪些信息项 / fields that whole records (R[]) are wanted with",
        )
    )
    via: list[Origin] = Field(
        default_factory=list,
        max_length=16,
        description="已经过的枢纽，最先的在前 / hubs that the question has passed, the first one first",
    )

    def to_request(self) -> QueryRequest:
        """The hub's own value."""
        paths = [parse_path(text) for text in self.want]
        return QueryRequest(
            subject=self.subject.to_subject(),
            basis=self.basis.to_basis(),
            want=tuple(p for p in paths if isinstance(p, FieldPath)),
            predicates=tuple(p for p in paths if isinstance(p, Predicate)),
            required=frozenset(self.completeness.required),
            freshness=FreshnessWish(
                max_age=self.freshness.max_age, stale_if_error=self.freshness.stale_if_error
            ),
            deadline_ms=self.deadline_ms,
            only={resource: tuple(fields) for resource, fields in self.only.items()},
            via=tuple(self.via),
        )


AnswerValue = (
    Annotated[str, StringConstraints(max_length=2000)]
    | Annotated[int, Field(ge=-(2**53), le=2**53)]
    | bool
)


class PlanIn(Wire):
    """`POST /v1/bundles/{id}:plan`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "subjects": {
                        "applicant": _PERSON_EXAMPLE,
                        "child": {**_PERSON_EXAMPLE, "id": "990101201806010032", "name": "赵小样"},
                    },
                    "basis": {**_BASIS_EXAMPLE, "item": "xinxiang-10"},
                }
            ]
        }
    )

    subjects: dict[Id, SubjectIn] = Field(min_length=1, max_length=20)
    basis: BasisIn
    answers: dict[Id, AnswerValue | list[AnswerValue]] = Field(default_factory=dict, max_length=200)
    items: list[Annotated[int, Field(ge=0, le=999)]] | None = Field(
        default=None, min_length=1, description="只办其中几项时的序号 / seq of the items chosen"
    )
    not_needed: list[Id] = Field(
        default_factory=list,
        max_length=100,
        description="按情形不需要的材料 / materials this applicant's situation does not call for",
    )
    objects: list[Id] = Field(
        default_factory=list,
        max_length=100,
        description="申请人不同意使用的数据资源 / resources the applicant objects to",
    )
    freshness: FreshnessIn = FreshnessIn()
    deadline_ms: int = Field(default=2500, ge=MIN_DEADLINE_MS, le=MAX_DEADLINE_MS, strict=True)

    def to_request(self, bundle: Bundle) -> PlanRequest:
        """The hub's own value.

        Raises:
            ValueError: a subject, item, material or form field the bundle does not know.
        """
        analysis = bundle.analysis
        if analysis is not None:
            _only("subjects", self.subjects, analysis.subjects)
            _only("answers", self.answers, {f.id for f in analysis.form})
            _only("not_needed", self.not_needed, {m.id for m in analysis.materials})
            for name, subject in self.subjects.items():
                if subject.kind != analysis.subjects[name].kind:
                    raise ValueError(f"subjects.{name}: is a {analysis.subjects[name].kind}")
        if self.items is not None:
            _only("items", map(str, self.items), {str(i.seq) for i in bundle.items})
        return PlanRequest(
            bundle=bundle,
            subjects={name: s.to_subject() for name, s in self.subjects.items()},
            basis=self.basis.to_basis(),
            answers={name: _answer(value) for name, value in self.answers.items()},
            items=frozenset(self.items) if self.items is not None else None,
            not_needed=frozenset(self.not_needed),
            objects=frozenset(self.objects),
            freshness=FreshnessWish(
                max_age=self.freshness.max_age, stale_if_error=self.freshness.stale_if_error
            ),
            deadline_ms=self.deadline_ms,
        )


def _answer(value: AnswerValue | list[AnswerValue]) -> Json:
    return [*value] if isinstance(value, list) else value


def _only(where: str, given: Iterable[str], known: Collection[str]) -> None:
    if not set(given) <= set(known):
        names = "、".join(sorted(known)) or "—"
        raise ValueError(f"{where}: unknown to this bundle, which knows: {names}")
