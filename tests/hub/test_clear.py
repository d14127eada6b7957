"""What may stand in the log in clear: numbers of persons are found, honest case numbers pass."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.http.clear import number_of_a_person

TODAY = date(2026, 11, 24)

PERSONS: dict[str, tuple[str, str]] = {
    "bare": ("990101199001010019", "citizen-number"),
    "of a child": ("990101201806010032", "citizen-number"),
    "ending with x": ("99010119900101102x", "citizen-number"),
    "the first generation": ("990101900101001", "citizen-number"),
    "in front of a date": ("990101199001010019-20261124", "citizen-number"),
    "behind a year": ("2026-990101199001010019", "citizen-number"),
    "a child's behind a word": ("case/990101201806010032.1", "citizen-number"),
    "glued to a serial": ("99010119900101001901", "citizen-number"),
    "glued behind a serial": ("01990101199001010019", "citizen-number"),
    "in words": ("户主990101199001010019的申请", "citizen-number"),
    "between letters": ("A990101199001010019B", "citizen-number"),
    "with blanks": ("990101 19900101 0019", "citizen-number"),
    "with dashes": ("990101-19900101-0019", "citizen-number"),
    "one by one": ("9 9 0 1 0 1 1 9 9 0 0 1 0 1 0 0 1 9", "citizen-number"),
    "with a soft hyphen": ("990101\u00ad19900101\u200b0019", "citizen-number"),
    "full width": ("９９０１０１１９９００１０１００１９", "citizen-number"),
    "full width with X": ("９９０１０１１９９００１０１１０２Ｘ", "citizen-number"),
    "Arabic digits": ("٩٩٠١٠١١٩٩٠٠١٠١٠٠١٩", "citizen-number"),
    "a mobile": ("13800138000", "mobile-number"),
    "a mobile in words": ("电话13800138000，下午", "mobile-number"),
    "a mobile in threes and fours": ("138 0013-8000", "mobile-number"),
    "a mobile with +86": ("+86 13800138000", "mobile-number"),
    "a mobile with 0086": ("008613800138000", "mobile-number"),
    "a mobile in full width": ("１３８００１３８０００", "mobile-number"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "kind"), PERSONS.values(), ids=PERSONS.keys())
def test_numbers_of_persons_are_found(text: str, kind: str) -> None:
    """However they are written, and whatever stands around them."""
    assert number_of_a_person(text, today=TODAY) == kind


HONEST = {
    "a case of a division and a day": "41072120261124000123",
    "the same with dashes": "410721-20261124-006501",
    "one whose beginning has the right check digit": "41072120261124006501",
    "a case of some years ago": "41072120180601000301",
    "a wrong check digit": "990101199001010018",
    "a date that never was": "990101197502290013",
    "a birth that is to come": "990101205001010012",
    "eighteen digits of a moment": "202611241030451234",
    "fifteen digits of a moment": "202611241030451",
    "no such province": "000101199001010019",
    "a reference in law": "新政文〔2024〕62号",
    "a register's number": "豫(2024)新乡县不动产权第0001234号",
    "a land line": "0373-5086123",
    "twelve digits": "138001380001",
    "a number of an organisation": "11990000000000107Q",
    "a UUID": "0192f0c1-7e6a-7cc2-9d0f-5a3b1c2d4e5f",
    "nothing": "",
}


@pytest.mark.parametrize("text", HONEST.values(), ids=HONEST.keys())
def test_honest_texts_pass(text: str) -> None:
    """Long rows of digits are usual in case numbers; only what validates is refused."""
    assert number_of_a_person(text, today=TODAY) is None


@given(before=st.text(max_size=20), after=st.text(max_size=20))
def test_no_text_around_a_number_hides_it(before: str, after: str) -> None:
    """Whatever stands before and after, the number of somebody grown up is found."""
    assert number_of_a_person(f"{before}990101199001010019{after}", today=TODAY) is not None


@given(st.text(max_size=200))
def test_any_text_can_be_judged(text: str) -> None:
    """No text makes it fail."""
    assert number_of_a_person(text, today=TODAY) in {None, "citizen-number", "mobile-number"}
