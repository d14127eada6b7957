"""Cases about one field each: nothing there, another shape, what a converter must and must not read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from adapters import shapes
from adapters.conformance.cases import Case, Expect
from adapters.conformance.specimens import Specimen
from adapters.converters import DATE_FORMS, As
from adapters.mapping import FieldPlan
from adapters.model import Outcome, Scalar
from adapters.registry import Agreed
from adapters.samples import Expected, Sample

RARE = "𠮷·买买提䶮"
"""A character beyond the basic plane, a middle dot, and one that only GB18030 has."""
_LONG = "长" * 20_000
_HOSTILE = "'; DROP TABLE r;-- <script>=cmd|' /C calc'!A0"

Trial = tuple[str, Any, Scalar, str]
"""What, the raw value, what it has to become, and `read`, `bad` or `odd`."""

_NUMBERS: tuple[Trial, ...] = (
    ("not-a-number", "12abc", None, "bad"),
    ("nan", "NaN", None, "bad"),
    ("words", "伍万", None, "bad"),
    ("forty-digits", "9" * 40, None, "bad"),
)
_BY_KIND: Mapping[As, tuple[Trial, ...]] = {
    As.INTEGER: (
        *_NUMBERS, ("negative", "-5", -5, "read"), ("leading-zeros", "007", 7, "read"),
        ("a-half", "3.5", None, "bad"), ("nineteen-digits", "1" + "0" * 18, None, "bad"),
    ),
    As.DECIMAL: (*_NUMBERS, ("keeps-digits", "0.10", "0.10", "read"), ("exponent", "1e9", None, "bad")),
    As.AREA: (
        *_NUMBERS, ("unit", "98.50㎡", "98.50", "read"), ("thousands", "1,098.50", "1098.50", "read"),
        ("mu", "3亩", "2000.00", "read"), ("hectares", "1公顷", "10000.00", "read"),
    ),
    As.MU: (*_NUMBERS, ("three", "3", "2000.00", "read")),
    As.HECTARE: (*_NUMBERS, ("one", "1", "10000.00", "read")),
    As.MONEY: (*_NUMBERS, ("unit", "1.5万元", "15000", "read"), ("marks", "¥1,234.50", "1234.50", "read")),
    As.FEN: (*_NUMBERS, ("fen", "5680005", "56800.05", "read")),
    As.WAN: (*_NUMBERS, ("wan", "1.5", "15000", "read")),
    As.BOOLEAN: (
        ("maybe", "maybe", None, "bad"), ("two", "2", None, "bad"),
        ("yes", "是", True, "read"), ("zero", "0", False, "read"), ("upper", "TRUE", True, "read"),
    ),
    As.ID18: (
        ("fifteen-digits", "990101900101001", "990101199001010019", "read"),
        ("seventeen-digits", "99010119900101001", None, "bad"),
        ("small-x", "99010119900101001x", "99010119900101001X", "read"),
        ("letters", "ABC", None, "bad"),
    ),
    As.STRING: (
        ("rare", RARE, RARE, "read"), ("spaces-around", "\u3000 张三 \t", "张三", "read"),
        ("long", _LONG, _LONG, "read"), ("hostile", _HOSTILE, _HOSTILE, "read"),
    ),
}  # fmt: skip
_TYPED: tuple[Trial, ...] = (
    ("object", {"a": 1}, None, "bad"),
    ("list", [1, 2], None, "bad"),
)
"""Wrong types, where a format has types."""
_TYPED_TEXT: tuple[Trial, ...] = (
    ("fifteen-digit-number", 990101900101001, "990101900101001", "read"),
    ("huge-number", 10**400, "1" + "0" * 400, "read"),
    ("control-character", "a\x01b", None, "bad"),
    ("half-a-pair", "a\ud800", None, "bad"),
    ("yes", True, "true", "read"),
)
_TYPED_ROWS: tuple[Trial, ...] = (("bytes", b"\x00\x01", None, "bad"),)


def cases(
    agreed: Agreed,
    sample: Sample,
    fresh: Callable[[], Specimen],
    made: Callable[[str, Specimen, Expect], Case],
) -> Iterator[Case]:
    """The cases about the fields of one resource.

    Args:
        agreed: The manifest.
        sample: An answered sample of the resource.
        fresh: Opens the sample again.
        made: Makes a case of an id and a changed specimen.
    """
    plan = agreed.plans[sample.resource]
    fields = agreed.resources[sample.resource].fields
    terms = agreed.manifest.resources[sample.resource].answer
    repeated = [id_ for id_, each in fields.items() if each.repeated]
    places = shapes.mapped(agreed.manifest.connect, terms, repeated)
    taken = {shapes.names(agreed.manifest.connect, path)
             for condition in (terms.ok_when, terms.empty_when, terms.refused_when)
             for path in condition if path not in {"status", "records"}}  # fmt: skip
    for each in (*plan.head, *plan.body):
        # A field that a condition looks at is the condition's business.
        if each.get is None or places[each.id] in taken:
            continue
        aside = frozenset(id_ for id_, place in places.items() if place == places[each.id])
        if terms.record:
            # The first row is the record and its first line.
            aside |= frozenset(
                id_ for id_, other in terms.fields.items() if other.at == terms.fields[each.id].at
            )
        line = each.id in repeated
        yield from _of_field(each, terms.fields[each.id].forms, line, aside, sample, fresh, made)


def _of_field(
    plan: FieldPlan,
    forms: tuple[str, ...],
    line: bool,
    aside: frozenset[str],
    sample: Sample,
    fresh: Callable[[], Specimen],
    made: Callable[[str, Specimen, Expect], Case],
) -> Iterator[Case]:
    specimen = fresh()
    if specimen.field(plan.id, repeated=line) is None:
        return
    alone = _alone(sample.records[0], plan.id)
    for what, raw, value, how in _trials(plan, forms, specimen):
        changed = fresh()
        slot = changed.field(plan.id, repeated=line)
        if slot is None:
            return
        if what == "missing":
            slot.drop()
        else:
            slot.put(raw)
        # A record of which nothing is left is another document, and may be called one.
        outcomes = (
            {Outcome.ANSWERED, Outcome.FAILED} if alone and value is None else {Outcome.ANSWERED}
        )
        expect = Expect(
            outcomes=frozenset(outcomes), field=plan.id, value=value, bad=how == "bad",
            odd=how == "odd", aside=aside, unchanged=True,
        )  # fmt: skip
        yield made(f"field/{plan.id}/{what}", changed, expect)


def _alone(record: Expected, id_: str) -> bool:
    """Is this the only value of the record?"""
    others = [value for name, value in record.values.items() if name != id_ and value is not None]
    return not others and not any(
        value is not None for line in record.lines for value in line.values()
    )


def _trials(plan: FieldPlan, forms: tuple[str, ...], specimen: Specimen) -> Iterator[Trial]:
    yield ("null", None, None, "read")
    yield ("missing", None, None, "read")
    yield ("blank", " \u3000 ", None, "read")
    if plan.codes is not None:
        yield from _codes(plan, plan.codes)
    elif plan.rule in {As.DATE, As.DATETIME}:
        yield from _days(As(plan.rule), forms)
    else:
        yield from _BY_KIND[As(plan.rule)]
    if specimen.textual:
        return
    yield from _TYPED
    if plan.rule == As.STRING and plan.codes is None:
        yield from _TYPED_TEXT
    if specimen.reply() is not None:
        yield from _TYPED_ROWS
        if plan.rule == As.DATE:
            yield ("day-of-a-driver", date(2024, 2, 29), "2024-02-29", "read")
        if plan.rule == As.DECIMAL:
            yield ("decimal-of-a-driver", Decimal("8300.00"), "8300.00", "read")


def _codes(plan: FieldPlan, codes: frozenset[str]) -> Iterator[Trial]:
    yield ("unknown-code", "~~", "~~", "odd")
    yield ("rare", RARE, RARE, "odd")
    known = [code for code in sorted(codes) if code not in plan.alias]
    if known:
        yield ("known-code", known[0], known[0], "read")
        yield ("spaces-around", f" {known[-1]}\t", known[-1], "read")
    for number, (word, code) in enumerate(sorted(plan.alias.items())):
        if number < 3:
            yield (f"word-{number + 1}", word, code, "read")


def _days(kind: As, forms: tuple[str, ...]) -> Iterator[Trial]:
    yield ("zeros", "00000000", None, "read")
    yield ("not-a-date", "尚未登记", None, "bad")
    if kind is As.DATETIME:
        if not forms:
            yield ("moment", "2024-02-29 08:05:00", "2024-02-29T08:05:00+08:00", "read")
            yield ("utc", "2024-02-29T00:05:00Z", "2024-02-29T00:05:00+00:00", "read")
        return
    yield ("no-end", "长期", "9999-12-31", "read")
    form = (forms or DATE_FORMS)[0]
    if form.startswith(("epoch", "excel")):
        return
    precise = "%d" in form
    yield ("leap-day", _written(form, 2024), _iso(form), "read")
    if precise:
        yield ("no-such-day", _written(form, 2023), None, "bad")
    if not forms:
        yield ("chinese", "2024年1月30日", "2024-01-30", "read")
        yield ("with-a-time", "20240130000000", "2024-01-30", "read")
    yield ("another-form", "29-02-2024", None, "bad")


def _written(form: str, year: int) -> str:
    """29 February of a year, in that form."""
    parts = {"%Y": f"{year}", "%m": "02", "%d": "29", "%H": "00", "%M": "00", "%S": "00",
             "%f": "000000", "%z": "+08:00"}  # fmt: skip
    for directive, digits in parts.items():
        form = form.replace(directive, digits)
    return form


def _iso(form: str) -> str:
    if "%d" in form:
        return "2024-02-29"
    return "2024-02" if "%m" in form else "2024"
