"""Yes-or-no questions: how they are read, what fits, and what they come to."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import InvalidPath
from catalog.loading import load
from catalog.model import Derive, FieldType
from catalog.predicates import fits, holds, is_predicate, parse_predicate, whole_years

READ: dict[str, tuple[str, str, object]] = {
    "person.age >= 18": ("person.age", ">=", Decimal(18)),
    "social-insurance.months_paid>=24": ("social-insurance.months_paid", ">=", Decimal(24)),
    "realestate.count == 0": ("realestate.count", "==", Decimal(0)),
    "hukou.person.birth_date < 2008-09-01": (
        "hukou.person.birth_date", "<", date(2008, 9, 1),
    ),
    "hukou.person.name == '赵明示'": ("hukou.person.name", "==", "赵明示"),
    "tax.compliance.has_arrears == false": ("tax.compliance.has_arrears", "==", False),
    "housing-fund.account.balance > -1.50": ("housing-fund.account.balance", ">", Decimal("-1.5")),
}  # fmt: skip


@pytest.mark.parametrize("text", READ)
def test_a_predicate_is_read(text: str) -> None:
    """Quantity, operator and literal; told again as it was asked."""
    found = parse_predicate(text)
    assert (found.quantity, found.operator, found.literal) == READ[text]
    assert str(found) == text
    assert is_predicate(text)


@pytest.mark.parametrize(
    "text",
    [
        "person.age >=", ">= 18", "person.age", "age >= 18", "person.age => 18", "person.age >= x",
        "person.age >= 1e9", "person.age >= 18 and person.age <= 30", "person.age >= 'x'",
        "a.b == 'it''s'", "a.b == 'x\ny'", "a.b >= true", "a.b == 2026-13-01", "a.b > " + "9" * 99,
        "a.b.c.d == 1", "a.b == now()", "a.b == ${HOME}",
    ],
)  # fmt: skip
def test_anything_else_is_none(text: str) -> None:
    """No arithmetic, no functions, no conjunction: one quantity, one sign, one literal."""
    with pytest.raises(InvalidPath):
        parse_predicate(text)


@given(st.text(max_size=80))
def test_no_text_makes_the_reader_stumble(text: str) -> None:
    """A predicate, or a complaint."""
    try:
        found = parse_predicate(text)
    except InvalidPath:
        return
    assert found.text == text


HOLDS = [
    ("a.b >= 18", "18", True),
    ("a.b >= 18", 17, False),
    ("a.b == 24.0", "24", True),
    ("a.b != 24", "24.5", True),
    ("a.b < 2008-09-01", "2008-08-31", True),
    ("a.b < 2008-09-01", "2008-09-01T00:00:00", False),
    ("a.b == '01'", "01", True),
    ("a.b == true", True, True),
    ("a.b == true", "true", None),
    ("a.b >= 18", "eighteen", None),
    ("a.b >= 18", True, None),
    ("a.b >= 18", None, None),
    ("a.b < 2008-09-01", "unknown", None),
    ("a.b == 'x'", 1, None),
]


@pytest.mark.parametrize(("text", "value", "verdict"), HOLDS)
def test_what_it_comes_to(text: str, value: object, verdict: bool | None) -> None:
    """What cannot be compared is neither yes nor no."""
    assert holds(parse_predicate(text), value) is verdict


@pytest.mark.parametrize(
    ("born", "today", "years"),
    [
        ("2008-11-24", date(2026, 11, 24), 18),
        ("2008-11-25", date(2026, 11, 24), 17),
        ("2008-02-29", date(2026, 2, 28), 17),
        ("2008-02-29", date(2026, 3, 1), 18),
        ("2026-11-24", date(2026, 11, 24), 0),
        ("long ago", date(2026, 11, 24), None),
    ],
)
def test_whole_years(born: str, today: date, years: int | None) -> None:
    """周岁: on the birthday, and for those of 29 February on 1 March."""
    assert whole_years(born, today) == years


def test_a_literal_has_to_be_of_the_quantitys_kind() -> None:
    """Numbers for numbers, dates for dates, numbers for ages and counts."""
    assert fits(Derive.YEARS, FieldType.DATE, Decimal(18))
    assert not fits(Derive.YEARS, FieldType.DATE, date(2008, 1, 1))
    assert fits(Derive.VALUE, FieldType.DATE, date(2008, 1, 1))
    assert not fits(Derive.VALUE, FieldType.DATE, Decimal(18))
    assert fits(Derive.VALUE, FieldType.CODE, "01")
    assert not fits(Derive.VALUE, FieldType.BOOLEAN, "true")
    assert not fits(Derive.COUNT, None, "0")


def test_the_catalogs_quantities_are_of_its_resources() -> None:
    """Those of the issue are among them."""
    catalog = load()
    assert {"person.age", "social-insurance.months_paid", "realestate.count"} <= set(
        catalog.quantities
    )
    for quantity in catalog.quantities.values():
        resource = catalog.resources[quantity.resource]
        assert quantity.field is None or quantity.field in resource.fields
