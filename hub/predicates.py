"""Predicates as fields: `person.age >= 18` is answered true or false, and the value stays here.

A predicate is asked as the field behind it and judged after the answer came. Its states are those
of the field: no record, no answer and a refusal are never false. Only a count takes “no such
record” as an answer: the register says that there is none.

Whoever holds a field holds its predicates. A grant may list `predicate:<field>` instead: then the
field may be judged and never shown.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from catalog.lookup import FieldPath, Op, Predicate, quantity
from catalog.lookup import resource as resource_in
from catalog.model import Catalog, DataResource, Derived, FieldType, How
from hub.model import (
    JUDGED_ONLY,
    FieldAnswer,
    FieldState,
    Grant,
    Json,
    QueryRequest,
    ResourceAnswer,
)
from hub.standing import in_force, unseen

CHINA = ZoneInfo("Asia/Shanghai")
"""Somebody is 18 from the day on, in China."""

_COMPARE: Mapping[Op, Callable[[Any, Any], bool]] = {
    Op.GE: operator.ge,
    Op.GT: operator.gt,
    Op.LE: operator.le,
    Op.LT: operator.lt,
    Op.EQ: operator.eq,
    Op.NE: operator.ne,
}
_UNORDERED = frozenset({Op.EQ, Op.NE})

Comparable = Decimal | date | bool | str

NARROWED = FieldAnswer(
    state=FieldState.NOT_GRANTED,
    why="access.predicate-narrowing",
    fix="对同一对象同一项的不同阈值已达上限，稍后再问，或申请该信息项本身的授权"
    " / too many different thresholds for this subject; wait, or apply for the field itself",
)
_UNFIT = FieldAnswer(
    state=FieldState.NOT_APPLICABLE,
    why="exchange.predicate-type",
    fix="该信息项不能这样比较 / this field cannot be compared like that",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A predicate with what stands behind it."""

    predicate: Predicate
    derived: Derived
    resource: DataResource
    literal: Comparable
    path: FieldPath
    """The field that is asked for it, and decides whether it may be asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """The predicates of a query: those that can be asked, and those that are settled without."""

    watched: tuple[Watched, ...]
    settled: Mapping[str, FieldAnswer]

    def request(self, request: QueryRequest) -> QueryRequest:
        """The query with the fields behind the predicates among what it wants."""
        if not self.watched:
            return request
        behind = (each.path for each in self.watched)
        counts = {each.resource.id for each in self.watched if each.derived.how is How.COUNT}
        return replace(
            request,
            want=tuple(dict.fromkeys((*request.want, *behind))),
            counted=request.counted | counts,
        )

    def grants(self, request: QueryRequest, grants: Sequence[Grant]) -> Sequence[Grant]:
        """Grants as they count for this query: `predicate:f` allows `f` where it is not shown."""
        shown = {(path.resource, path.field) for path in request.want}
        judged = {
            (each.derived.resource, each.derived.field)
            for each in self.watched
            if not shown & {(each.derived.resource, f) for f in (each.derived.field, None)}
        }
        return [_widened(grant, judged) for grant in grants] if judged else grants

    def without(self, refused: Mapping[str, FieldAnswer]) -> Watch:
        """Those that are left when some are refused."""
        left = tuple(each for each in self.watched if str(each.predicate) not in refused)
        return Watch(watched=left, settled={**self.settled, **refused})

    def judged(
        self,
        request: QueryRequest,
        fields: Mapping[str, FieldAnswer],
        resources: Mapping[str, ResourceAnswer],
        now: datetime,
    ) -> dict[str, FieldAnswer]:
        """What was wanted, with predicates judged and the fields behind them left out."""
        today = now.astimezone(CHINA).date()
        found = {str(path): fields[str(path)] for path in request.want}
        found.update(self.settled)
        for each in self.watched:
            answer, resource = fields[str(each.path)], resources[each.resource.id]
            found[str(each.predicate)] = _judged(each, answer, resource, today)
        return found


def watch(request: QueryRequest, catalog: Catalog, county: str) -> Watch:
    """What stands behind the predicates of a query.

    Raises:
        UnknownEntry: A quantity that neither the catalog nor a resource has.
    """
    watched: list[Watched] = []
    settled: dict[str, FieldAnswer] = {}
    for predicate in request.predicates:
        derived = quantity(catalog, county, predicate.quantity)
        resource = resource_in(catalog, county, derived.resource)
        literal = _literal(predicate, derived, resource)
        if literal is None:
            settled[str(predicate)] = _UNFIT
            continue
        many = derived.how is How.COUNT
        path = FieldPath(resource=derived.resource, field=derived.field, many=many)
        watched.append(
            Watched(
                predicate=predicate, derived=derived, resource=resource, literal=literal, path=path
            )
        )
    return Watch(watched=tuple(watched), settled=settled)


def _widened(grant: Grant, judged: Iterable[tuple[str, str]]) -> Grant:
    more = {f for r, f in judged if r == grant.resource and JUDGED_ONLY + f in grant.fields}
    return replace(grant, fields=grant.fields | more) if more else grant


def _literal(predicate: Predicate, derived: Derived, resource: DataResource) -> Comparable | None:
    """The literal in the type of what it is compared with; None: it cannot be."""
    field = resource.fields.get(derived.field)
    if derived.how is not How.VALUE:
        return None if predicate.quoted else _read(predicate.literal, FieldType.INTEGER)
    if field is None:
        # Access says that there is no such field; any literal will do until then.
        return predicate.literal
    if field.repeated or field.type is FieldType.STRING:
        return None
    if predicate.quoted != (field.type is FieldType.CODE):
        return None
    if field.type in {FieldType.CODE, FieldType.BOOLEAN} and predicate.op not in _UNORDERED:
        return None
    return _read(predicate.literal, field.type)


def _read(text: Json, type_: FieldType) -> Comparable | None:
    try:
        match type_:
            case FieldType.BOOLEAN:
                return {"true": True, "false": False}.get(str(text).lower())
            case FieldType.DATE:
                return date.fromisoformat(str(text))
            case FieldType.INTEGER | FieldType.DECIMAL:
                number = Decimal(str(text))
                whole = type_ is FieldType.DECIMAL or number == number.to_integral_value()
                return number if whole else None
            case _:
                return str(text)
    except (ValueError, InvalidOperation):
        return None


def _judged(
    watched: Watched, answer: FieldAnswer, resource: ResourceAnswer, today: date
) -> FieldAnswer:
    if watched.derived.how is How.COUNT and answer.state is FieldState.NOT_FOUND:
        # The register looked and has none; that is a number like any other.
        return _truth(watched, replace(answer, state=FieldState.OK), Decimal(0))
    if not answer.has_value:
        return replace(answer, value=None)
    if watched.derived.how is How.COUNT:
        standing = watched.resource.standing
        if standing is not None and any(unseen(r, standing) for r in resource.records):
            return FieldAnswer(
                state=FieldState.SOURCE_ERROR,
                provenance=answer.provenance,
                why="exchange.standing-unseen",
                fix="看不到记录是否有效，无法计数 / whether records are in force cannot be seen",
            )
        count = sum(in_force(record, standing, today) for record in resource.records)
        return _truth(watched, answer, Decimal(count))
    value = _quantity(watched, answer.value, today)
    if value is None:
        return FieldAnswer(
            state=FieldState.SOURCE_ERROR,
            provenance=answer.provenance,
            why="exchange.predicate-unreadable",
            fix="记录中的值不够精确，无法判断 / the value on record is not precise enough to judge",
        )
    return _truth(watched, answer, value)


def _quantity(watched: Watched, value: Json, today: date) -> Comparable | None:
    read = _read(value, watched.resource.fields[watched.derived.field].type)
    if watched.derived.how is not How.YEARS:
        return read
    if not isinstance(read, date) or read > today:
        return None
    had_birthday = (today.month, today.day) >= (read.month, read.day)
    return Decimal(today.year - read.year - (not had_birthday))


def _truth(watched: Watched, answer: FieldAnswer, value: Comparable) -> FieldAnswer:
    return FieldAnswer(
        state=answer.state,
        value=bool(_COMPARE[watched.predicate.op](value, watched.literal)),
        provenance=answer.provenance,
        why=answer.why if answer.state is FieldState.STALE else None,
    )
