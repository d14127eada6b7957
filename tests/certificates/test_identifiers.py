"""Identifiers: built by GB/T 36904, one more version with each change, none twice."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from catalog import InvalidCode, certificate_id, new_certificate_id, parse_certificate_id
from certificates.errors import IllegalAct, NumbersExhausted
from certificates.identifiers import Series, given, reserve, same_certificate, succeeding
from certificates.register import MemoryNumbers
from tests.world.certificates import OFFICE, TODAY

TYPE = "11990000000000107Q001"
SERIES = Series(issuer=OFFICE.code, type_code=TYPE)


def test_an_identifier_is_root_type_issuer_serial_version_and_check() -> None:
    """And every part can be read back."""
    identifier = reserve(MemoryNumbers(), SERIES, TODAY)

    assert str(identifier).startswith(f"1.2.156.3005.2.{TYPE}.{OFFICE.code}.202600000001.001.")
    assert certificate_id(str(identifier)) == identifier


def test_serials_run_by_year_type_issuer_and_prefix() -> None:
    """A new year begins at one, another prefix has numbers of its own."""
    numbers = MemoryNumbers()
    two = Series(issuer=OFFICE.code, type_code=TYPE, prefix="990101", width=4)

    made = [reserve(numbers, s, d).serial for s, d in ((SERIES, TODAY), (SERIES, TODAY), (two, TODAY), (SERIES, date(2027, 1, 1)))]  # fmt: skip
    assert made == ["202600000001", "202600000002", "99010120260001", "202700000001"]


def test_a_series_that_is_full_says_so() -> None:
    """Nothing longer is made, nothing begins anew."""
    numbers = MemoryNumbers()
    short = Series(issuer=OFFICE.code, type_code=TYPE, width=4)
    for _ in range(9999):
        numbers.take(short.name(2026))

    with pytest.raises(NumbersExhausted):
        reserve(numbers, short, TODAY)


@pytest.mark.parametrize(
    ("prefix", "width"), [("", 3), ("", 19), ("a", 8), ("演", 8), ("1.2", 8), ("1" * 60, 8)]
)
def test_a_series_that_makes_no_serials_is_refused(prefix: str, width: int) -> None:
    """Capitals and digits, 64 at most."""
    with pytest.raises(IllegalAct, match="series"):
        Series(issuer=OFFICE.code, type_code=TYPE, prefix=prefix, width=width)


@pytest.mark.parametrize("serial", ["", "第1号", "a1", "1.2", "1" * 65, "1\n", "１"])
def test_a_given_serial_is_capitals_and_digits(serial: str) -> None:
    """Else it is refused before anything is made of it."""
    with pytest.raises(IllegalAct, match="serial"):
        given(SERIES, serial)


def test_each_change_is_one_version_more() -> None:
    """Up to 999; the check character goes with it."""
    first = given(SERIES, "JY19901010000015")
    second = succeeding(first)

    assert (second.version, second.serial) == (2, first.serial)
    assert second.check_ok
    assert same_certificate(first, second)
    assert not same_certificate(first, given(SERIES, "JY29901010000018"))
    last = new_certificate_id(type_code=TYPE, issuer=OFFICE.code, serial="A", version=999)
    with pytest.raises(NumbersExhausted):
        succeeding(last)


@drawn(st.from_regex("[0-9A-Z]{1,64}", fullmatch=True), st.integers(0, 100), st.characters())
def test_no_single_wrong_character_passes(serial: str, at: int, other: str) -> None:
    """MOD 37,36 finds every single substitution in what it covers."""
    text = str(given(SERIES, serial))
    begins = len("1.2.156.3005.2.")
    place = begins + at % (len(text) - begins)
    if text[place] in {".", other} or not (
        other.isascii() and (other.isdigit() or other.isupper())
    ):
        return
    try:
        wrong = parse_certificate_id(text[:place] + other + text[place + 1 :])
    except InvalidCode:
        return
    assert not wrong.check_ok
