"""What may stand in clear: texts that go into the evidence log as they came, and into log lines.

A case number or a reference in law must be readable there for ever; the number of a person must
not. Only what validates as one is refused, because honest case numbers are long rows of digits too.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from datetime import date

from catalog.codes import birth_date, citizen_id, citizen_id_from_15
from catalog.errors import InvalidCode

_PROVINCE = re.compile("1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3]|91|99")
"""How a division begins (GB/T 2260); 91 for residents from abroad, 99 for our invented people."""

_GROWN_YEARS = 16
"""Inside longer rows a birth date counts only when it is older: 41072120261124000123 is a case of a
division and a day, and one in eleven of its kind has the right check digit by chance."""

_ROW = re.compile(r"[0-9](?:[\W_]{0,3}[0-9])*(?:[\W_]{0,3}X(?![0-9A-Z]))?")
"""Digits with at most three signs between them that are neither letters nor digits."""
_GROUP = re.compile(r"[0-9]+(?:X(?![0-9A-Z]))?")
_WINDOW = re.compile(
    r"(?=([1-9][0-9]{5}(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[0-9]{3}[0-9X]))"
)
"""Each place in a row where a citizen number could begin; the check of all others would be dear."""
_MOBILE = re.compile(
    r"(?<![0-9])(?:(?:00)?86[\W_]{0,3})?1[3-9][0-9][\W_]{0,3}[0-9]{4}[\W_]{0,3}[0-9]{4}(?![0-9])"
)


def number_of_a_person(text: str, *, today: date) -> str | None:
    """What kind of number of a person stands anywhere in `text`: `citizen-number`, `mobile-number`,
    or None. Blanks, dashes and full-width signs do not hide it.
    """
    plain = _plain(text)
    for row in _ROW.findall(plain):
        if any(_is_citizen(each, today) for each in _alone(row)):
            return "citizen-number"
        if any(_is_grown_citizen(each, today) for each in _inside(row)):
            return "citizen-number"
    return "mobile-number" if _MOBILE.search(plain) else None


def _plain(text: str) -> str:
    """Compatible forms as one, letters capital, digits of every script as 0 to 9."""
    upper = unicodedata.normalize("NFKC", text).upper()
    return "".join(str(unicodedata.digit(c)) if c.isdigit() else c for c in upper)


def _alone(row: str) -> Iterator[str]:
    """The numbers a row may be meant as: its groups, and all of it; with or without the X."""
    for each in (*_GROUP.findall(row), re.sub(r"[\W_]", "", row)):
        yield each
        yield each.rstrip("X")


def _inside(row: str) -> Iterator[str]:
    return (each[1] for each in _WINDOW.finditer(re.sub(r"[\W_]", "", row)))


def _is_citizen(number: str, today: date) -> bool:
    return _birth_in(number, today) is not None


def _is_grown_citizen(number: str, today: date) -> bool:
    born = _birth_in(number, today)
    return born is not None and born.year + _GROWN_YEARS <= today.year


def _birth_in(number: str, today: date) -> date | None:
    """The birth date, if this is a citizen number; nobody alive was born before 1900."""
    read = {15: citizen_id_from_15, 18: citizen_id}.get(len(number))
    if read is None or not _PROVINCE.match(number):
        return None
    try:
        born = birth_date(read(number, today=today))
    except InvalidCode:
        return None
    return born if born.year >= 1900 else None
