"""What the catalog's files may hold: their columns, the type of each and its closed list of words.

A shape is a function from a value to the problems it finds; the shapes of the files at the end of
this module are the reading guide for a program. What one file says about another is checked in
`catalog.agreement`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from enum import StrEnum
from itertools import islice

from catalog.model import (
    ExemptWhen,
    FieldType,
    How,
    ItemKind,
    LeftCode,
    Sensitivity,
    Sharing,
    SubjectKind,
)
from catalog.reading import Problem, Tree, Unquoted, describe

Shape = Callable[[Tree], Sequence[Problem]]
"""Gives the problems of a value; their paths start at the value."""

_FINE: tuple[Problem, ...] = ()


def suggestion(wanted: str, known: Iterable[str]) -> str:
    """`, did you mean …?` for the nearest of `known`, or nothing; long lists are not searched."""
    near = get_close_matches(wanted[:100], list(islice(known, 2000)), n=1, cutoff=0.7)
    return f", did you mean {near[0]!r}?" if near else ""


def _one(rule: str, value: Tree, expected: str) -> tuple[Problem]:
    return (Problem(path=(), rule=rule, found=describe(value), expected=expected),)


def _not_text(value: Tree, expected: str) -> tuple[Problem]:
    if isinstance(value, Unquoted):
        return _one("not-text", value, f"{expected}; in quotes: '{value.text[:60]}'")
    if isinstance(value, bool | int):
        return _one("not-text", value, f"{expected}; in quotes: '{describe(value)}'")
    return _one("not-text", value, expected)


def any_text(value: Tree) -> Sequence[Problem]:
    """Text, perhaps empty."""
    return _FINE if type(value) is str else _not_text(value, "text")


def text(value: Tree) -> Sequence[Problem]:
    """Text that says something."""
    if type(value) is not str:
        return _not_text(value, "text")
    return _FINE if value and not value.isspace() else _one("empty", value, "some text")


def day(value: Tree) -> Sequence[Problem]:
    """A day of the calendar, in quotes."""
    expected = "a day such as '2024-01-31', in quotes"
    if type(value) is not str:
        return _not_text(value, expected)
    try:
        whole = date.fromisoformat(value).isoformat() == value
    except ValueError:
        whole = False
    return _FINE if whole else _one("ill-formed", value, expected)


def flag(value: Tree) -> Sequence[Problem]:
    """`true` or `false`."""
    return _FINE if type(value) is bool else _one("not-a-flag", value, "true or false")


def written(pattern: str, expected: str) -> Shape:
    """Text that matches `pattern` as a whole."""
    matches = re.compile(pattern).fullmatch

    def shape(value: Tree) -> Sequence[Problem]:
        if type(value) is not str:
            return _not_text(value, expected)
        return _FINE if matches(value) else _one("ill-formed", value, expected)

    return shape


def word(*words: str) -> Shape:
    """One of a closed list of words."""
    known = frozenset(words)

    def shape(value: Tree) -> Sequence[Problem]:
        if value.__class__ is str and value in known:
            return _FINE
        near = suggestion(value, words) if isinstance(value, str) else ""
        return _one("unknown-word", value, f"one of {', '.join(words)}{near}")

    return shape


def one_of(words: type[StrEnum]) -> Shape:
    """One of the words of a closed list of the model."""
    return word(*(member.value for member in words))


def integer(low: int, high: int) -> Shape:
    """A whole number within two bounds, both allowed."""

    def shape(value: Tree) -> Sequence[Problem]:
        if type(value) is not int:
            return _one("not-an-integer", value, "a whole number without quotes")
        if low <= value <= high:
            return _FINE
        return _one("out-of-range", value, f"a number from {low} to {high}")

    return shape


def maybe(shape: Shape) -> Shape:
    """`null`, or what `shape` asks for."""
    return lambda value: _FINE if value is None else shape(value)


def listed(shape: Shape) -> Shape:
    """A list; `[]` is written out where there is nothing."""

    def check(value: Tree) -> Sequence[Problem]:
        if type(value) is not list:
            return _one("not-a-list", value, "a list, [] where there is nothing")
        problems = []
        for index, part in enumerate(value):
            if found := shape(part):
                problems += [problem.below(index) for problem in found]
        return problems

    return check


def filled(shape: Shape) -> Shape:
    """A list that holds something."""
    check = listed(shape)
    return lambda value: _one("empty", value, "at least one entry") if value == [] else check(value)


@dataclass(frozen=True, slots=True)
class _Optional:
    shape: Shape


def optional(shape: Shape) -> _Optional:
    """A column that may be left out."""
    return _Optional(shape)


def row(columns: Mapping[str, Shape | _Optional], *, others: Shape | None = None) -> Shape:
    """A mapping with these columns; further ones only where `others` says what they hold."""
    shapes = {k: c.shape if isinstance(c, _Optional) else c for k, c in columns.items()}
    required = frozenset(k for k, c in columns.items() if not isinstance(c, _Optional))

    def check(value: Tree) -> Sequence[Problem]:
        if type(value) is not dict:
            return _one("not-a-mapping", value, f"a mapping with {', '.join(columns)}")
        problems = []
        for key, part in value.items():
            shape = shapes.get(key, others)
            if shape is None:
                problems.append(_unknown_key(key, columns))
            elif found := shape(part):
                problems += [problem.below(key) for problem in found]
        if not required <= value.keys():
            problems += [_missing(key) for key in columns if key in required - value.keys()]
        return problems

    return check


def _unknown_key(key: str, columns: Iterable[str]) -> Problem:
    near = suggestion(key, columns)
    expected = f"no such key here{near}" if near else f"one of {', '.join(columns)}"
    return Problem(path=(key,), rule="unknown-key", found=describe(key), expected=expected)


def _missing(key: str) -> Problem:
    return Problem(path=(), rule="missing-key", found=f"no {key}", expected=f"{key}: …")


SLUG = written(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", "lower-case letters, digits and single hyphens")
NAME = written(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", "lower-case letters, digits and single underscores")
DOTTED = written(
    r"[a-z][a-z0-9]*(-[a-z0-9]+)*\.[a-z][a-z0-9]*(-[a-z0-9]+)*",
    "two parts in lower case with exactly one dot, such as hukou.person",
)
WORD = written(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*", "lower-case letters, digits, single - or _")
COUNTY_ID = written(r"[a-z][a-z0-9]{1,39}", "lower-case letters and digits only, such as xinxiang")
NUMBERED = written(r"[a-z][a-z0-9]*(-[0-9]{2,4}){1,2}", "county and numbers, such as xinxiang-01")
SEQ = integer(0, 9999)

CODE_TABLES = row(
    {
        "code_tables": listed(
            row(
                {
                    "id": SLUG,
                    "name": text,
                    "source": text,
                    "completeness": word("full", "partial", "practice", "local"),
                    "verification": word("seen", "memory", "local"),
                    "codes": filled(
                        row(
                            {
                                "code": text,
                                "label": text,
                                "valid_from": optional(day),
                                "valid_to": optional(day),
                            },
                            others=any_text,
                        )
                    ),
                }
            )
        )
    }
)

_TYPED: dict[str, Shape | _Optional] = {
    "id": NAME,
    "label": text,
    "type": one_of(FieldType),
    "code_table": optional(SLUG),
    "repeated": optional(flag),
}

CERTIFICATE_TYPES = row(
    {
        "certificate_types": listed(
            row(
                {
                    "id": SLUG,
                    "name": text,
                    "name_en": text,
                    "issuer": text,
                    "holder_kind": one_of(SubjectKind),
                    "validity_rule": text,
                    "used_as_material_by": listed(text),
                    "items": filled(
                        row(
                            {
                                **_TYPED,
                                "required": flag,
                                "max_length": integer(0, 100_000),
                                "example": any_text,
                            }
                        )
                    ),
                }
            )
        )
    }
)

DERIVED = row(
    {
        "derived": listed(
            row(
                {
                    "id": written(
                        r"[a-z][a-z0-9-]*\.[a-z][a-z0-9_]*", "two parts, such as person.age"
                    ),
                    "label": text,
                    "resource": DOTTED,
                    "field": NAME,
                    "how": one_of(How),
                }
            )
        )
    }
)
RESOURCES = row(
    {
        "resources": listed(
            row(
                {
                    "id": DOTTED,
                    "name": text,
                    "name_en": text,
                    "provider": text,
                    "subject_kind": one_of(SubjectKind),
                    "records": word("one", "many"),
                    "query_keys": filled(
                        row(
                            {
                                "id": NAME,
                                "type": word(
                                    "string", "id-number", "uscc", "date", "plate-no", "code"
                                ),
                                "required": flag,
                            }
                        )
                    ),
                    "sharing": one_of(Sharing),
                    "sharing_note": optional(text),
                    "update_frequency": word(
                        "realtime",
                        "daily",
                        "weekly",
                        "monthly",
                        "yearly",
                        "on-change",
                        "on-request",
                    ),
                    "update_note": optional(text),
                    "line_key": optional(NAME),
                    "standing": optional(
                        row(
                            {
                                "until": optional(NAME),
                                "states": optional(row({}, others=filled(text))),
                            }
                        )
                    ),
                    "happened": optional(filled(NAME)),
                    "interface": row({"kind": SLUG, "system": text}, others=any_text),
                    "quirks": listed(text),
                    "no_record": text,
                    "fields": filled(
                        row(
                            {
                                **_TYPED,
                                "source": any_text,
                                "sensitivity": one_of(Sensitivity),
                                "example": any_text,
                            }
                        )
                    ),
                }
            )
        )
    }
)

AUTHORITIES = row({"authorities": listed(row({"name": text, "uscc": optional(text)}))})

BUNDLES = row(
    {
        "county": text,
        "division_code": written(r"[0-9]{6}", "the six digits of GB/T 2260 in quotes"),
        "document": text,
        "year": integer(1990, 2100),
        "bundles": filled(
            row(
                {
                    "id": NUMBERED,
                    "name": text,
                    "lead_department": text,
                    "lead_departments": optional(filled(text)),
                    "lead_as_printed": optional(text),
                    "deadline": optional(maybe(text)),
                    "source_note": optional(text),
                    "items": filled(
                        row(
                            {
                                "id": NUMBERED,
                                "name": text,
                                "department": maybe(text),
                                "departments": optional(filled(text)),
                                "department_as_printed": optional(text),
                                "level": optional(maybe(text)),
                                "kind": one_of(ItemKind),
                                "as_printed": optional(text),
                            }
                        )
                    ),
                }
            )
        ),
    }
)

_ITEM = row(
    {
        "id": NUMBERED,
        "seq": SEQ,
        "name": text,
        "department": maybe(text),
        "departments": optional(filled(text)),
        "listed": optional(flag),
        "kind": optional(one_of(ItemKind)),
        "issues": optional(listed(SLUG)),
        "answered_by": optional(listed(DOTTED)),
    }
)

_MATERIAL = row(
    {
        "id": WORD,
        "name": text,
        "items": filled(SEQ),
        "issuer": text,
        "kind": word("licence", "data", "statement", "photo", "contract", "third-party"),
        "subject": NAME,
        "exempt_by": maybe(filled(text)),
        "exempt_mode": optional(word("any", "all")),
        "exempt_when": optional(one_of(ExemptWhen)),
        "coverage": optional(word("full", "conditional")),
        "condition": optional(text),
        "produced_by_item": optional(SEQ),
        "merged_into": optional(word("one-form")),
        "left_code": optional(one_of(LeftCode)),
        "reason": optional(text),
    }
)

_FORM_FIELD = row(
    {
        "id": NAME,
        "label": text,
        "type": one_of(FieldType),
        "code_table": optional(SLUG),
        "required": flag,
        "fill_from": text,
        "subject": NAME,
    }
)

MATERIALS = row(
    {
        "bundles": listed(
            row(
                {
                    "id": NUMBERED,
                    "number": integer(1, 9999),
                    "name": text,
                    "lead_department": text,
                    "basis": written(r"practice|guide \S.*", "practice, or guide and its address"),
                    "notes": listed(text),
                    "items": listed(_ITEM),
                    "subjects": filled(
                        row(
                            {
                                "id": NAME,
                                "label": text,
                                "kind": one_of(SubjectKind),
                                "key_from": text,
                            }
                        )
                    ),
                    "materials": listed(_MATERIAL),
                    "fields": listed(_FORM_FIELD),
                }
            )
        )
    }
)
