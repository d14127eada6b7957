"""Pure questions to a catalog: what is this, who answers for it, what does that need?

Nothing here knows whether a source is up or a caller may ask; that is the hub's business.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from typing import TypeVar

from catalog.errors import InvalidPath, UnknownEntry
from catalog.model import (
    Bundle,
    Catalog,
    CertificateType,
    DataResource,
    Derived,
    Field,
    How,
    Material,
    Sensitivity,
    ServiceItem,
    SharingTerms,
    SourceBinding,
    frozen,
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldPath:
    """A wanted field: `R.f`, `R[].f` or `R[]`, where R is a resource id with one dot."""

    resource: str
    field: str | None
    """None: all fields the caller was granted (`R[]`)."""
    many: bool
    """True: a list over all records, or over the lines of the record."""

    def __str__(self) -> str:
        name = f".{self.field}" if self.field else ""
        return f"{self.resource}{'[]' if self.many else ''}{name}"


_PATH = re.compile(
    r"(?P<resource>[a-z][a-z0-9-]*\.[a-z][a-z0-9-]*)(?P<many>\[\])?(\.(?P<field>[a-z][a-z0-9_]*))?"
)
_PATH_FORM = (
    "<resource>.<field> for one value, <resource>[].<field> for a list or <resource>[] for whole"
    " records; a resource id has one dot, such as hukou.person"
)
_QUANTITY = r"[a-z][a-z0-9-]*\.[a-z][a-z0-9-]*\.[a-z][a-z0-9_]*|[a-z][a-z0-9-]*\.[a-z][a-z0-9_]*"
_LITERAL = (
    r"-?[0-9]{1,12}(?:\.[0-9]{1,6})?|[0-9]{4}-[0-9]{2}-[0-9]{2}|true|false|'[A-Za-z0-9_-]{1,20}'"
)
_PREDICATE = re.compile(
    rf"(?P<quantity>{_QUANTITY}) (?P<op>>=|<=|==|!=|>|<) (?P<literal>{_LITERAL})"
)
_OPERATOR = re.compile(r"[<>=!]|\b(in|and|or|not)\b")
_PREDICATE_FORM = (
    "<quantity> <op> <literal> with one blank on each side, such as person.age >= 18; op is one of"
    " >= > <= < == !=, a literal is a number, a date, true, false or a 'code'"
)


class Op(StrEnum):
    """How a predicate compares."""

    GE = ">="
    GT = ">"
    LE = "<="
    LT = "<"
    EQ = "=="
    NE = "!="


@dataclass(frozen=True, slots=True, kw_only=True)
class Predicate:
    """A wanted truth: the value stays in the hub, the answer is true or false."""

    quantity: str
    """A derived quantity (`person.age`) or a field (`hukou.person.birth_date`)."""
    op: Op
    literal: str
    """As written; a code without its quotes."""
    quoted: bool
    """True: a code. Free texts are not compared, for the predicate stands in the log in clear."""

    def __str__(self) -> str:
        literal = f"'{self.literal}'" if self.quoted else self.literal
        return f"{self.quantity} {self.op} {literal}"

    @property
    def cut(self) -> str:
        """What the answer tells about the value: `>= 18` and `< 18` tell the same."""
        same = {Op.LT: Op.GE, Op.LE: Op.GT, Op.NE: Op.EQ}
        return f"{same.get(self.op, self.op)} {self.literal}"


def parse_path(text: str) -> FieldPath | Predicate:
    """The parts of a wanted field or predicate.

    Raises:
        InvalidPath: rule `predicate-form`, `whole-record` or `path-form`.
    """
    if _OPERATOR.search(text):
        found = _PREDICATE.fullmatch(text)
        if found is None:
            raise InvalidPath("predicate-form", _PREDICATE_FORM)
        literal = found["literal"]
        return Predicate(
            quantity=found["quantity"],
            op=Op(found["op"]),
            literal=literal.strip("'"),
            quoted=literal.startswith("'"),
        )
    parts = _PATH.fullmatch(text)
    if parts is None:
        raise InvalidPath("path-form", _PATH_FORM)
    if parts["field"] is None and parts["many"] is None:
        raise InvalidPath("whole-record", "<resource>[] for whole records, or a field of it")
    return FieldPath(
        resource=parts["resource"], field=parts["field"], many=parts["many"] is not None
    )


def quantity(catalog: Catalog, county: str, name: str) -> Derived:
    """What a predicate is about: a derived quantity, or a field taken as it is.

    Raises:
        UnknownEntry: There is neither.
    """
    resource_id, _, field_id = name.rpartition(".")
    if "." not in resource_id:
        return _entry("quantity", catalog.derived, name)
    resource(catalog, county, resource_id)
    return Derived(id=name, label=name, resource=resource_id, field=field_id, how=How.VALUE)


def _entry(kind: str, entries: Mapping[str, T], wanted: str) -> T:
    found = entries.get(wanted)
    if found is None:
        raise UnknownEntry(kind, wanted, get_close_matches(wanted[:100], entries, n=3))
    return found


def bundle(catalog: Catalog, bundle_id: str) -> Bundle:
    """The bundle of that id, or `UnknownEntry`."""
    return _entry("bundle", catalog.bundles, bundle_id)


def item(catalog: Catalog, item_id: str) -> ServiceItem:
    """The service item of that id, or `UnknownEntry`."""
    return _entry("item", catalog.items, item_id)


def bundle_of_item(catalog: Catalog, item_id: str) -> Bundle:
    """The bundle that holds the item: the item's id without its last part."""
    return bundle(catalog, item(catalog, item_id).id.rpartition("-")[0])


def county_of_item(catalog: Catalog, item_id: str) -> str:
    """The id of the county whose item it is, or `UnknownEntry`."""
    return bundle_of_item(catalog, item_id).county


def resource(catalog: Catalog, county: str, resource_id: str) -> DataResource:
    """The resource as the county describes it, else as the nation does, or `UnknownEntry`."""
    if county not in catalog.counties:
        _entry("county", catalog.counties, county)
    own = catalog.county_resources.get((county, resource_id))
    return own or _entry("resource", _resources(catalog, county), resource_id)


def _resources(catalog: Catalog, county: str) -> Mapping[str, DataResource]:
    if not catalog.county_resources:
        return catalog.resources
    own = {name: r for (place, name), r in catalog.county_resources.items() if place == county}
    return {**catalog.resources, **own}


def field(catalog: Catalog, county: str, resource_id: str, field_id: str) -> Field:
    """A field of a resource, or `UnknownEntry`."""
    return _entry("field", resource(catalog, county, resource_id).fields, field_id)


def certificate_type(catalog: Catalog, type_id: str) -> CertificateType:
    """The certificate type of that id, or `UnknownEntry`."""
    return _entry("certificate type", catalog.certificate_types, type_id)


def terms_of(catalog: Catalog, county: str, resource_id: str) -> SharingTerms:
    """Under which terms the county shares the resource."""
    return resource(catalog, county, resource_id).sharing


def sources_for(
    catalog: Catalog, county: str, resource_id: str, fields: Collection[str]
) -> tuple[SourceBinding, ...]:
    """The connected sources that answer at least one of `fields`, most of them first.

    Sources that cover equally many stay in the order in which they were bound.
    """
    wanted = frozenset(fields)
    fitting = [
        binding
        for binding in catalog.answering.get((county, resource_id), ())
        if binding.fields & wanted
    ]
    return tuple(sorted(fitting, key=lambda binding: -len(binding.fields & wanted)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Exempting:
    """What can exempt a material, each kind in the order of preference."""

    certificate_types: tuple[CertificateType, ...] = ()
    resources: tuple[DataResource, ...] = ()


def exempting(catalog: Catalog, county: str, material: Material) -> Exempting:
    """The certificate types and resources that can replace the material in that county."""
    return Exempting(
        certificate_types=tuple(
            certificate_type(catalog, name) for name in material.exempt_by if "." not in name
        ),
        resources=tuple(
            resource(catalog, county, name) for name in material.exempt_by if "." in name
        ),
    )


Needs = Mapping[tuple[str, str], frozenset[str]]
"""(subject id, resource id) → the fields a plan asks."""


def needs(catalog: Catalog, bundle: Bundle) -> Needs:
    """Everything a plan of the bundle would ask, if every source were connected.

    The fields of the form that a resource fills, and for a resource that only exempts a material
    the one field that shows that there is a record. Empty where the bundle is not yet analysed.
    """
    asked: dict[tuple[str, str], set[str]] = {}
    for subject, name, field_id in _filling(bundle):
        asked.setdefault((subject, name), set()).add(field_id)
    for subject, name in _exempting(bundle):
        if (subject, name) not in asked:
            telling = telling_field(resource(catalog, bundle.county, name))
            asked[subject, name] = {telling.id}
    return frozen({pair: frozenset(fields) for pair, fields in asked.items()})


def _filling(bundle: Bundle) -> Iterator[tuple[str, str, str]]:
    for form_field in bundle.analysis.form if bundle.analysis else ():
        name, _, field_id = (form_field.fill_from or "").rpartition(".")
        if "." in name:
            yield form_field.subject, name, field_id


def _exempting(bundle: Bundle) -> Iterator[tuple[str, str]]:
    for material in bundle.analysis.materials if bundle.analysis else ():
        for name in material.exempt_by:
            if "." in name:
                yield material.subject, name


def telling_field(resource: DataResource) -> Field:
    """The field to ask when only the existence of a record matters.

    The first that is not sensitive, best one that the register itself is asked by; where all are
    sensitive the first of all, because a record without any field shows nothing.
    """
    keys = {key.id for key in resource.keys}
    mild = [f for f in resource.fields.values() if f.sensitivity is not Sensitivity.SENSITIVE]
    named = [f for f in mild if f.id in keys]
    return next(iter((*named, *mild, *resource.fields.values())))
