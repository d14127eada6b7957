"""Yes-or-no questions: asked of a source like a field, answered without the value.

The value is decided on, fetched and compared, and stays in the hub: neither the answer nor the log
holds it. Nobody narrows it down by asking again with other thresholds: only so many different ones
are answered for one person in a while.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from catalog.errors import UnknownEntry
from catalog.lookup import FieldPath, telling_field
from catalog.lookup import resource as resource_in
from catalog.model import Catalog, Derive, Quantity
from catalog.predicates import Predicate, fits, holds, whole_years
from hub.model import (
    FieldAnswer,
    FieldState,
    QueryRequest,
    ResourceAnswer,
    Subject,
)
from hub.standing import stands

CHINA = ZoneInfo("Asia/Shanghai")
"""Ages are counted by the days of China."""

ONLY_ASKED = "?"
"""A grant's field that ends so may be asked about and not be given."""


class PredicateUnfit(UnknownEntry):
    """The quantity is there, but cannot be compared with such a literal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A predicate and where its answer comes from."""

    predicate: Predicate
    quantity: Quantity
    path: FieldPath
    """What is asked of the source."""


Narrows = Callable[[str, Subject, Predicate], bool]
"""(client id, subject, predicate) → True: one threshold too many; it is not answered."""


def resolved(predicates: Iterable[Predicate], catalog: Catalog, county: str) -> list[Asked]:
    """Where each predicate's answer comes from.

    Raises:
        UnknownEntry: No such quantity or resource.
        PredicateUnfit: Another kind of literal than the quantity is.
    """
    return [_resolved(each, catalog, county) for each in predicates]


def _resolved(predicate: Predicate, catalog: Catalog, county: str) -> Asked:
    known = catalog.quantities.get(predicate.quantity)
    quantity = known or _field_as_quantity(predicate.quantity)
    resource = resource_in(catalog, county, quantity.resource)
    field = resource.fields.get(quantity.field) if quantity.field else None
    if quantity.field and field is None:
        raise UnknownEntry("quantity", predicate.quantity, sorted(catalog.quantities)[:5])
    if not fits(quantity.derive, field.type if field else None, predicate.literal):
        raise PredicateUnfit("literal", str(predicate), [])
    name = quantity.field or telling_field(resource).id
    return Asked(
        predicate=predicate,
        quantity=quantity,
        path=FieldPath(resource=resource.id, field=name, many=quantity.derive is Derive.COUNT),
    )


def _field_as_quantity(text: str) -> Quantity:
    resource, _, field = text.rpartition(".")
    if "." not in resource:
        raise UnknownEntry("quantity", text, [])
    return Quantity(id=text, name=text, resource=resource, field=field, derive=Derive.VALUE)


def widened(request: QueryRequest, asked: Sequence[Asked]) -> QueryRequest:
    """The request with everything its predicates need of the sources."""
    paths = dict.fromkeys((*request.want, *(each.path for each in asked)))
    return replace(request, want=tuple(paths))


def only_asked(request: QueryRequest, asked: Sequence[Asked]) -> frozenset[FieldPath]:
    """Paths that stand behind predicates and were not wanted themselves."""
    return frozenset(each.path for each in asked) - frozenset(request.want)


def told(
    request: QueryRequest,
    asked: Sequence[Asked],
    refused: Mapping[str, FieldAnswer],
    fields: Mapping[str, FieldAnswer],
    resources: Mapping[str, ResourceAnswer],
    catalog: Catalog,
    now: datetime,
) -> dict[str, FieldAnswer]:
    """What the caller is told: wanted fields as they are, predicates as yes or no."""
    today = now.astimezone(CHINA).date()
    out = {str(path): fields[str(path)] for path in request.want}
    for each in asked:
        name, path = str(each.predicate), str(each.path)
        out[name] = _judged(each, fields[path], resources[each.path.resource], catalog, today)
    out.update(refused)
    return out


def _judged(
    asked: Asked, field: FieldAnswer, resource: ResourceAnswer, catalog: Catalog, today: date
) -> FieldAnswer:
    value: object = field.value
    if asked.quantity.derive is Derive.COUNT:
        if field.state is FieldState.NOT_FOUND and not resource.records:
            return replace(field, state=FieldState.OK, value=holds(asked.predicate, 0), why=None)
        described = catalog.resources.get(asked.path.resource)
        standing = described.standing if described else None
        value = sum(stands(record, standing, today) for record in resource.records)
    if not field.has_value:
        return field
    if asked.quantity.derive is Derive.YEARS:
        value = whole_years(str(field.value), today)
    verdict = holds(asked.predicate, value)
    if verdict is None:
        return replace(
            field,
            state=FieldState.SOURCE_ERROR,
            value=None,
            why="exchange.not-comparable",
            fix="数源给出的值无法比较 / the source's value cannot be compared",
        )
    return replace(field, value=verdict)


def narrowing_refused(predicate: Predicate) -> FieldAnswer:
    """What is said instead of an answer that would be one threshold too many."""
    return FieldAnswer(
        state=FieldState.NOT_GRANTED,
        why="access.predicate-narrowing",
        fix=(
            f"近期已用太多不同的门槛询问 {predicate.quantity}；过一段时间再问，或申请该信息项本身"
            " / too many different thresholds of late; ask later, or apply for the field itself"
        ),
    )
