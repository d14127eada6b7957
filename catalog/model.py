"""The values of the catalog: what exists, and who answers for it.

Everything here is frozen and holds no I/O. A `Catalog` is built once by `catalog.loading`, checked
as a whole, and then only read; two requests can never see two halves of a change.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


class SubjectKind(StrEnum):
    """Whose record it is."""

    PERSON = "person"
    ORGANISATION = "organisation"
    OBJECT = "object"


class FieldType(StrEnum):
    """The type of a value after mapping; `CODE` values belong to a code table."""

    STRING = "string"
    DATE = "date"
    INTEGER = "integer"
    DECIMAL = "decimal"
    BOOLEAN = "boolean"
    CODE = "code"


class Sensitivity(StrEnum):
    """How much harm the value can do to the subject when it leaks."""

    PUBLIC = "public"
    INTERNAL = "internal"
    PERSONAL = "personal"
    SENSITIVE = "sensitive"


class Sharing(StrEnum):
    """无条件共享 / 有条件共享 / 不予共享 (国发〔2016〕51号 and 政务数据共享条例)."""

    OPEN = "unconditional"
    CONDITIONAL = "conditional"
    WITHHELD = "withheld"


class ItemKind(StrEnum):
    """What the office does for the item: look a record up, check a fact, or decide a matter."""

    QUERY = "query"
    VERIFY = "verify"
    HANDLE = "handle"


class LeftCode(StrEnum):
    """Why a material cannot be exempted by data, whatever is connected."""

    OWN_WORK = "own-work"
    SIGNATURE = "signature"
    THIRD_PARTY_ISSUER = "third-party-issuer"
    NO_SOURCE = "no-source"
    ORIGINAL_TO_RETURN = "original-to-return"
    PHOTO = "photo"
    WITHHELD_BY_LAW = "withheld-by-law"


class ExemptWhen(StrEnum):
    """Which live answer replaces the paper.

    A register extract needs a `RECORD`; 无房证明 is replaced by the `ANSWER` itself, because the
    register saying how many homes it holds, none included, is what the paper would say.
    """

    RECORD = "record"
    NO_RECORD = "no_record"
    ANSWER = "answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """One row of a code table. Codes are strings: leading zeros count."""

    code: str
    label: str
    extra: Mapping[str, str] = field(default_factory=dict)
    valid_from: date | None = None
    """The first day on which the code may be used; None: as long as anybody remembers."""
    valid_to: date | None = None
    """The last day; None: it is in use."""

    def in_use(self, day: date) -> bool:
        """May a record that stood so on `day` hold this code?"""
        return (self.valid_from is None or self.valid_from <= day) and (
            self.valid_to is None or day <= self.valid_to
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeTable:
    """A code table with the standard it comes from."""

    id: str
    name: str
    source: str
    """The standard or practice the table was taken from."""
    completeness: str
    """`full`, `partial`, `practice` or `local`; only a `full` table may refuse an unknown code."""
    verification: str
    """`seen`, `memory` or `local`; a table from `memory` never refuses anything."""
    codes: Mapping[str, Code]

    def label(self, code: str) -> str | None:
        """The label of `code`, or None when the table does not hold it."""
        row = self.codes.get(code)
        return row.label if row else None


@dataclass(frozen=True, slots=True, kw_only=True)
class SharingTerms:
    """Under which terms a resource is shared."""

    kind: Sharing
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryKey:
    """One key a resource can be asked by."""

    id: str
    type: str
    required: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One item (信息项) of a data resource."""

    id: str
    label: str
    type: FieldType
    sensitivity: Sensitivity
    code_table: str | None = None
    repeated: bool = False
    """True: one value for each line of the record (household members, doses, months)."""
    source: str = ""
    """The department's usual own name for it; informative, the manifest decides."""
    example: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """When a record of a resource is in force: a residence permit whose endorsement has lapsed is
    still on record, and proves nothing.
    """

    until: str | None = None
    """The date field after which it no longer is."""
    states: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Code field → codes under which it is."""

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields that tell."""
        return ((self.until,) if self.until else ()) + tuple(self.states)


@dataclass(frozen=True, slots=True, kw_only=True)
class DataResource:
    """A data resource (数据资源): what one department can answer about one subject.

    Ids hold exactly one dot (`hukou.person`); `hukou.person.name` names a field of it.
    """

    id: str
    name: str
    name_en: str
    provider: str
    """The department that answers for it, as the guides name it."""
    subject_kind: SubjectKind
    many: bool
    """True: one subject may have several records (homes, vehicles)."""
    keys: tuple[QueryKey, ...]
    sharing: SharingTerms
    update_frequency: str
    no_record: str
    """How the usual system says “no such record”; for the writer of a manifest."""
    quirks: tuple[str, ...]
    interface: Mapping[str, str]
    fields: Mapping[str, Field]
    update_note: str = ""
    line_key: str | None = None
    """The repeated field whose value equals the subject's number on the line about the subject."""
    standing: Standing | None = None
    """None: every record counts."""
    happened: tuple[str, ...] = ()
    """Date fields that tell when what is recorded happened (a penalty's decision, a listing): what
    “no record from … to …” is judged by. Empty: the record as a whole stands for any period."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceItem:
    """One item of a certificate's face (照面信息)."""

    id: str
    label: str
    type: FieldType
    required: bool
    max_length: int
    """In characters; 0 for a picture."""
    code_table: str | None = None
    repeated: bool = False
    example: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateType:
    """A type of electronic certificate (电子证照类型) and its face. Ids hold no dot."""

    id: str
    name: str
    name_en: str
    issuer: str
    holder_kind: SubjectKind
    validity_rule: str
    used_as_material_by: tuple[str, ...]
    items: Mapping[str, FaceItem]


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """A body that answers for something: leads a bundle, handles an item, provides a resource."""

    id: str
    """`<county>/<name>`, because two counties may each have a 县公安局."""
    county: str
    name: str
    uscc: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceItem:
    """A government service item (政务服务事项) inside a bundle."""

    id: str
    seq: int
    name: str
    departments: tuple[str, ...]
    """Empty where the published list names none."""
    kind: ItemKind
    level: str | None = None
    listed: bool = True
    """False: the lead department's own acceptance, which the published list leaves out."""
    issues: tuple[str, ...] = ()
    """Certificate types the item issues."""
    answered_by: tuple[str, ...] = ()
    """Resources with which the hub itself can answer a look-up or a check."""
    as_printed: str | None = None
    """The name in the source, where it was mended above."""
    department_as_printed: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A role in a bundle whose records are asked (监护人, 入学儿童, 企业)."""

    id: str
    label: str
    kind: SubjectKind
    key_from: str
    """Where its number comes from, in the words of the guide."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """A material an applicant handed in before the reform, and what can exempt it."""

    id: str
    name: str
    items: tuple[int, ...]
    """`seq` of the items that asked for it: as many copies were handed in."""
    issuer: str
    kind: str
    subject: str
    exempt_by: tuple[str, ...] = ()
    """Certificate type ids (no dot) and resource ids (one dot), best first."""
    exempt_all: bool = False
    """True: every entry of `exempt_by` is needed; otherwise any one."""
    exempt_when: ExemptWhen = ExemptWhen.RECORD
    condition: str | None = None
    """Set where the exemption works only for some applicants (coverage: conditional)."""
    produced_by_item: int | None = None
    """`seq` of the item of the same bundle that issues it."""
    merged_into: str | None = None
    """`one-form`: a department's form that the combined form replaces."""
    left_code: LeftCode | None = None
    reason: str = ""

    @property
    def copies(self) -> int:
        """How many copies were handed in before the reform."""
        return len(self.items)

    @property
    def exemptible(self) -> bool:
        """Could data, where all were connected, replace it for at least some applicants?"""
        return bool(self.exempt_by)

    @property
    def conditional(self) -> bool:
        """Does the exemption hold only where `condition` does?"""
        return self.condition is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class FormField:
    """A field of the one form (一张表) and what fills it."""

    id: str
    label: str
    type: FieldType
    required: bool
    subject: str
    fill_from: str | None
    """`<resource>.<field>` or `<certificate type>.<item>`; None: the applicant types it."""
    code_table: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """What is known of a bundle beyond the published list: materials, form, subjects."""

    basis: str
    """`guide <address>` or `practice`."""
    notes: tuple[str, ...]
    subjects: Mapping[str, Subject]
    materials: tuple[Material, ...]
    form: tuple[FormField, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A “one thing” (一件事): service items handled together."""

    id: str
    number: int
    county: str
    name: str
    lead_departments: tuple[str, ...]
    items: tuple[ServiceItem, ...]
    deadline: str | None = None
    source_note: str = ""
    lead_as_printed: str | None = None
    analysis: Analysis | None = None
    """None: not yet analysed (尚未梳理). It is shown as such and counted nowhere."""

    @property
    def listed_items(self) -> tuple[ServiceItem, ...]:
        """The items of the published list."""
        return tuple(item for item in self.items if item.listed)


@dataclass(frozen=True, slots=True, kw_only=True)
class County:
    """A county whose folder was loaded."""

    id: str
    """The folder's name, e.g. `xinxiang`."""
    name: str
    division_code: str
    document: str
    year: int


class How(StrEnum):
    """How a derived quantity is had from its field."""

    VALUE = "value"
    YEARS = "years"
    """Full years from a date to the day of asking."""
    COUNT = "count"
    """How many records are in force; no record at all is 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """A quantity made of a resource's field, for predicates such as `person.age >= 18`."""

    id: str
    label: str
    resource: str
    field: str
    how: How


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceBinding:
    """A connected source answers for a resource in a county."""

    county: str
    source: str
    resource: str
    authority: str
    fields: frozenset[str]
    """The fields the source's manifest maps; a subset of the resource's."""
    keys: frozenset[str] = frozenset()
    """Query keys the manifest needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """Everything that exists, as one immutable value."""

    counties: Mapping[str, County]
    bundles: Mapping[str, Bundle]
    items: Mapping[str, ServiceItem]
    """Service items of all bundles by id."""
    resources: Mapping[str, DataResource]
    """The national vocabulary of resources; a county's own are in `county_resources`."""
    certificate_types: Mapping[str, CertificateType]
    code_tables: Mapping[str, CodeTable]
    authorities: Mapping[str, Authority]
    county_resources: Mapping[tuple[str, str], DataResource] = field(default_factory=dict)
    """(county, resource id) → the county's own or overriding description."""
    derived: Mapping[str, Derived] = field(default_factory=dict)
    """Quantities of predicates by id."""
    bindings: tuple[SourceBinding, ...] = ()
    answering: Mapping[tuple[str, str], tuple[SourceBinding, ...]] = field(default_factory=dict)
    """(county, resource id) → those of `bindings` that answer for it."""

    def bound(self, bindings: Iterable[SourceBinding]) -> Catalog:
        """The same catalog with what is connected: called once at start, by the hub."""
        every = tuple(bindings)
        answering: dict[tuple[str, str], tuple[SourceBinding, ...]] = {}
        for binding in every:
            place = (binding.county, binding.resource)
            answering[place] = (*answering.get(place, ()), binding)
        return replace(self, bindings=every, answering=frozen(answering))


def frozen(rows: Mapping[K, V]) -> Mapping[K, V]:
    """A read-only view of a private copy of `rows`."""
    return MappingProxyType(dict(rows))
