"""Numbers on a face that prove themselves. What national identifiers there are is the catalog's."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date

from stdnum.iso7064 import mod_11_10

from catalog import InvalidCode, citizen_id, real_estate_unit, uscc
from certificates.model import CheckKind

_FOOD = "food business licence number"
_BIRTH = "birth certificate number"


def checked(kind: CheckKind, text: str, *, today: date) -> str:
    """The number in its one true form.

    Raises:
        InvalidCode: With the rule that was broken; the number is not repeated.
    """
    return _BY_KIND[kind](text, today)


def food_licence(text: str) -> str:
    """`JY`, business form, six digits of the division, six of the serial, check digit (MOD 11,10).

    Raises:
        InvalidCode: Rule `form` or `check-digit`.
    """
    if not re.fullmatch("JY[1-3][0-9]{13}", text):
        raise InvalidCode(_FOOD, "form", "JY and 14 digits, the first of them 1, 2 or 3")
    if mod_11_10.calc_check_digit(text[2:-1]) != text[-1]:
        raise InvalidCode(_FOOD, "check-digit", "the check digit of ISO 7064 MOD 11,10")
    return text


def birth_certificate_no(text: str) -> str:
    """A letter and nine digits.

    Raises:
        InvalidCode: Rule `form`.
    """
    if not re.fullmatch("[A-Z][0-9]{9}", text):
        raise InvalidCode(_BIRTH, "form", "a capital and nine digits")
    return text


_BY_KIND: Mapping[CheckKind, Callable[[str, date], str]] = {
    CheckKind.CITIZEN_ID: lambda text, today: citizen_id(text, today=today),
    CheckKind.USCC: lambda text, _: uscc(text),
    CheckKind.REAL_ESTATE_UNIT: lambda text, _: real_estate_unit(text),
    CheckKind.FOOD_LICENCE: lambda text, _: food_licence(text),
    CheckKind.BIRTH_CERTIFICATE_NO: lambda text, _: birth_certificate_no(text),
}
