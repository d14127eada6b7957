"""Questions whose answer is yes or no: `person.age >= 18`. The value itself stays where it is.

A quantity is a field of a resource, or something worked out from one that the national catalog
declares (`catalog/data/quantities.yaml`): years since a date, the number of records in force.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from operator import eq, ge, gt, le, lt, ne
from typing import Any

from catalog.errors import InvalidPath
from catalog.model import Derive, FieldType

Literal = bool | Decimal | date | str


@dataclass(frozen=True, slots=True, kw_only=True)
class Predicate:
    """A comparison, read but not yet resolved."""

    quantity: str
    """Id of a quantity, or `<resource>.<field>`."""
    operator: str
    literal: Literal
    text: str = field(compare=False)
    """As it was asked; the answer comes back under it."""

    def __str__(self) -> str:
        return self.text

    @property
    def threshold(self) -> str:
        """What is compared with what, however it was written."""
        value = self.literal.normalize() if isinstance(self.literal, Decimal) else self.literal
        return f"{self.operator} {value!r}"


OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    ">=": ge, "<=": le, "==": eq, "!=": ne, ">": gt, "<": lt,
}  # fmt: skip
_EQUALITY = frozenset({"==", "!="})
_FORM = re.compile(
    r"(?P<quantity>[a-z][a-z0-9-]*(?:\.[a-z][a-z0-9_-]*){1,2}) ?"
    r"(?P<operator>>=|<=|==|!=|>|<) ?(?P<literal>[^\s].{0,60})"
)
_TEXT = re.compile(r"'([^'\x00-\x1f]{0,50})'")
_NUMBER = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,6})?")


def is_predicate(text: str) -> bool:
    """Is this meant as a predicate?"""
    return any(sign in text for sign in "<>=!")


def parse_predicate(text: str) -> Predicate:
    """The parts of a predicate.

    Raises:
        InvalidPath: rule `predicate-form` or `predicate-literal`.
    """
    parts = _FORM.fullmatch(text)
    if parts is None:
        raise InvalidPath("predicate-form", "a predicate such as person.age >= 18")
    literal = _literal(parts["literal"])
    if isinstance(literal, str | bool) and parts["operator"] not in _EQUALITY:
        raise InvalidPath("predicate-literal", "texts and true/false are compared by == or !=")
    return Predicate(
        quantity=parts["quantity"], operator=parts["operator"], literal=literal, text=text
    )


def _literal(text: str) -> Literal:
    if text in {"true", "false"}:
        return text == "true"
    if quoted := _TEXT.fullmatch(text):
        return quoted[1]
    if _NUMBER.fullmatch(text):
        return Decimal(text)
    try:
        return date.fromisoformat(text)
    except ValueError:
        expected = "a number, a date such as 2026-01-31, true, false or a text in 'quotes'"
        raise InvalidPath("predicate-literal", expected) from None


def fits(derive: Derive, type_: FieldType | None, literal: Literal) -> bool:
    """Can a quantity of that kind be compared with that literal at all?"""
    if derive is not Derive.VALUE:
        return isinstance(literal, Decimal)
    if type_ in {FieldType.INTEGER, FieldType.DECIMAL}:
        return isinstance(literal, Decimal)
    if type_ is FieldType.DATE:
        return isinstance(literal, date)
    if type_ is FieldType.BOOLEAN:
        return isinstance(literal, bool)
    return isinstance(literal, str)


def holds(predicate: Predicate, value: object) -> bool | None:
    """Does it hold for a canonical value? None: the value cannot be compared."""
    literal = predicate.literal
    found: object = value
    if isinstance(literal, bool):
        found = value if isinstance(value, bool) else None
    elif isinstance(literal, Decimal):
        found = _decimal(value)
    elif isinstance(literal, date):
        found = _date(value)
    elif not isinstance(value, str):
        found = None
    return None if found is None else OPERATORS[predicate.operator](found, literal)


def _decimal(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        return None
    try:
        return Decimal(value)
    except InvalidOperation:
        return None


def _date(value: object) -> date | None:
    try:
        return date.fromisoformat(value[:10]) if isinstance(value, str) else None
    except ValueError:
        return None


def whole_years(since: str, today: date) -> int | None:
    """Whole years from an ISO 8601 date to `today`; None where it is no date. Somebody born on
    29 February is a year older on 1 March.
    """
    born = _date(since)
    if born is None:
        return None
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))
