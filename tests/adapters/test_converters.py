"""Converters: canonical values, no value, and what cannot be read."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.converters import As, Form, Unreadable, converter

READ: dict[str, tuple[As, Any, Any]] = {
    "text is trimmed": (As.STRING, " 赵明示\u3000", "赵明示"),
    "blank is no value": (As.STRING, " \u3000 ", None),
    "number as text": (As.STRING, 7, "7"),
    "big number as text": (As.STRING, 10**30, "1" + "0" * 30),
    "decimal as text": (As.STRING, Decimal("98.50"), "98.50"),
    "yes as text": (As.STRING, True, "true"),
    "nothing": (As.STRING, None, None),
    "ISO date": (As.DATE, "2018-06-01", "2018-06-01"),
    "compact date": (As.DATE, "20180601", "2018-06-01"),
    "slashes, one digit": (As.DATE, "2025/1/5", "2025-01-05"),
    "date with midnight": (As.DATE, "1990-01-01 00:00:00", "1990-01-01"),
    "number for a date": (As.DATE, 20180601, "2018-06-01"),
    "date of zeros": (As.DATE, "00000000", None),
    "date of zeros with dashes": (As.DATE, "0000-00-00", None),
    "date of a driver": (As.DATE, date(2018, 6, 1), "2018-06-01"),
    "datetime of a driver": (As.DATE, datetime(2018, 6, 1, 23, tzinfo=UTC), "2018-06-01"),
    "leap day": (As.DATE, "20240229", "2024-02-29"),
    "moment": (As.DATETIME, "2025-03-12 08:30:00", "2025-03-12T08:30:00+08:00"),
    "moment with offset": (As.DATETIME, "2025-03-12T08:30:00Z", "2025-03-12T08:30:00+00:00"),
    "moment with fraction": (
        As.DATETIME, "2025-03-12T08:30:00.5+09:30", "2025-03-12T08:30:00.500000+09:30",
    ),
    "integer": (As.INTEGER, "24", 24),
    "integer with zeros": (As.INTEGER, "0024", 24),
    "integer as a float": (As.INTEGER, Decimal("24.0"), 24),
    "negative": (As.INTEGER, "-3", -3),
    "no integer": (As.INTEGER, "", None),
    "decimal keeps its digits": (As.DECIMAL, "+098.50", "98.50"),
    "decimal from a number": (As.DECIMAL, Decimal("5.2E+3"), "5200"),
    "decimal from a float": (As.DECIMAL, 0.1, "0.1"),
    "decimal without a head": (As.DECIMAL, ".5", "0.5"),
    "yes": (As.BOOLEAN, "是", True),
    "no": (As.BOOLEAN, "0", False),
    "true": (As.BOOLEAN, True, True),
    "15 digits become 18": (As.ID18, "990101900101001", "990101199001010019"),
    "small x": (As.ID18, "99010119900101001x", "99010119900101001X"),
    "fen become yuan": (As.FEN, "5680005", "56800.05"),
    "few fen": (As.FEN, "-7", "-0.07"),
    "no fen": (As.FEN, 0, "0.00"),
    "area with unit": (As.AREA, "1,098.50㎡", "1098.50"),
    "area with words": (As.AREA, "98.5 平方米", "98.5"),
    "area in hectares, by its unit": (As.AREA, "1.25公顷", "12500.00"),
    "area in 亩, by its unit": (As.AREA, "3 亩", "2000.00"),
    "area in 亩": (As.MU, "1.5", "1000.00"),
    "area in 亩, rounded to the hundredth": (As.MU, 1, "666.67"),
    "area in hectares": (As.HECTARE, Decimal("0.0001"), "1.00"),
    "no area": (As.MU, "", None),
    "a unit and no number": (As.AREA, "㎡", None),
    "money with its unit": (As.MONEY, "¥1,234.50元", "1234.50"),
    "money in 万元, by its unit": (As.MONEY, "12.5万元", "125000"),
    "money in 亿元, by its unit": (As.MONEY, "0.5 亿元", "50000000"),
    "money without a unit": (As.MONEY, "88.00", "88.00"),
    "money in 万元": (As.WAN, "50.123456", "501234.56"),
    "thirty digits of 万元 lose none": (As.WAN, "1234567890123456789012345.12345", "12345678901234567890123451234.5"),
    "a day with a time nobody asked for": (As.DATE, "20240130000000", "2024-01-30"),
    "a day in Chinese": (As.DATE, "2024年1月30日", "2024-01-30"),
    "a day with points": (As.DATE, "2024.01.30", "2024-01-30"),
    "a day with an offset": (As.DATE, "2024-01-30T00:00:00+08:00", "2024-01-30"),
    "no end": (As.DATE, "长期", "9999-12-31"),
    "no end, as a day": (As.DATE, "99991231", "9999-12-31"),
    "a moment in Chinese": (As.DATETIME, "2024年1月30日 08:05:00", "2024-01-30T08:05:00+08:00"),
}  # fmt: skip


@pytest.mark.parametrize("name", READ)
def test_values_become_canonical(name: str) -> None:
    """The same fact reads the same, however a department writes it."""
    kind, raw, expected = READ[name]
    found = converter(kind)(raw)
    assert found == expected
    assert type(found) is type(expected)


UNREADABLE: dict[str, tuple[As, Any]] = {
    "NUL in text": (As.STRING, "a\x00b"),
    "half a surrogate pair": (As.STRING, "a\ud800"),
    "object for text": (As.STRING, {"a": 1}),
    "list for text": (As.STRING, ["a"]),
    "bytes for text": (As.STRING, b"a"),
    "no such day": (As.DATE, "2023-02-29"),
    "month 13": (As.DATE, "20181301"),
    "seven digits": (As.DATE, "2018061"),
    "year and month only": (As.DATE, "2018-06"),
    "words": (As.DATE, "尚未登记"),
    "a year of the Republic": (As.DATE, "民国七十五年一月三十日"),
    "a unit nobody knows": (As.AREA, "12顷"),
    "money in words": (As.MONEY, "伍万元"),
    "a long way to the unit": (As.MONEY, "1" + " " * 200_000 + "x元"),
    "rest behind": (As.DATE, "2018-06-01x"),
    "hour 25": (As.DATETIME, "2025-03-12 25:30:00"),
    "offset of days": (As.DATETIME, "2025-03-12T08:30:00+99:00"),
    "decimal for an integer": (As.INTEGER, "2.5"),
    "truth for an integer": (As.INTEGER, True),
    "words for an integer": (As.INTEGER, "三"),
    "huge integer": (As.INTEGER, "9" * 40),
    "NaN": (As.DECIMAL, "NaN"),
    "NaN of a driver": (As.DECIMAL, Decimal("NaN")),
    "infinite float": (As.DECIMAL, float("inf")),
    "exponent": (As.DECIMAL, "1e5"),
    "page of zeros": (As.DECIMAL, Decimal("1E+999999")),
    "comma": (As.DECIMAL, "1,5"),
    "perhaps": (As.BOOLEAN, "也许"),
    "two": (As.BOOLEAN, 2),
    "masked number": (As.ID18, "9901**********0019"),
    "17 digits": (As.ID18, "99010119900101001"),
    "half a fen": (As.FEN, "1.5"),
    "area of nothing": (As.AREA, "㎡ 大"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_cannot_be_read_is_never_empty(name: str) -> None:
    """Something is there, so it is not “no value”."""
    kind, raw = UNREADABLE[name]
    with pytest.raises(Unreadable) as caught:
        converter(kind)(raw)
    assert str(caught.value) == ""


FORMS: dict[str, tuple[tuple[str, ...], str, str]] = {
    "Chinese": (("%Y年%m月%d日",), "2018年6月1日", "2018-06-01"),
    "month only": (("%Y%m",), "201807", "2018-07"),
    "year only": (("%Y",), "2018", "2018"),
    "the first that fits": (("%Y-%m-%d", "%Y-%m"), "2018-07", "2018-07"),
    "day first": (("%d.%m.%Y",), "1.6.2018", "2018-06-01"),
    "epoch milliseconds": (("epoch-ms",), "1735689600000", "2025-01-01"),
    "epoch late in the evening UTC": (("epoch-s",), "1735664400", "2025-01-01"),
    "a spreadsheet's day": (("excel",), 45321, "2024-01-30"),
    "a spreadsheet's day with its time": (("%Y-%m-%d", "excel"), Decimal("45321.75"), "2024-01-30"),
    "a spreadsheet's first sound day": (("excel",), "61", "1900-03-01"),
}


@pytest.mark.parametrize("name", FORMS)
def test_forms(name: str) -> None:
    """A form says how a date is written; the result is no more precise than it."""
    forms, raw, expected = FORMS[name]
    assert converter(As.DATE, forms)(raw) == expected


@pytest.mark.parametrize("form", ["%d", "%Y%Y", "%Q", "%m-%d", "%", "%Y-%d", "yyyy-MM-dd"])
def test_forms_that_are_none(form: str) -> None:
    """A form names a year, and each part once, in directives we know."""
    with pytest.raises(ValueError, match="%"):
        Form(form)


@given(
    st.sampled_from(As),
    st.one_of(st.text(), st.integers(), st.floats(), st.decimals(), st.booleans(), st.binary(),
              st.datetimes(), st.dates(), st.lists(st.integers())),
)  # fmt: skip
def test_no_value_breaks_a_converter(kind: As, raw: Any) -> None:
    """Any value is read, empty or unreadable; nothing else comes out."""
    try:
        found = converter(kind)(raw)
    except Unreadable:
        return
    assert found is None or isinstance(found, str | int | bool)
