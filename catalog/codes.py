"""Identifiers with their check digits, each after its standard.

Every function takes what a person or a system wrote, tidies what may be tidied (blanks around,
full-width signs, a small x), and gives the identifier in its one true form or raises `InvalidCode`
with the rule that was broken. The identifier itself never stands in an error.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from stdnum.cn import uscc as stdnum_uscc
from stdnum.iso7064 import mod_11_2, mod_37_36

from catalog.errors import InvalidCode

_CITIZEN = "citizen identity number"
_USCC = "unified social credit identifier"
_CERTIFICATE = "certificate identifier"
_UNIT = "real-estate unit number"

_CAPITALS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_WIDE = "０１２３４５６７８９ＡＢＣＤＥＦＧＨＩＪＫＬＭＮＯＰＱＲＳＴＵＶＷＸＹＺ"
_NARROW = str.maketrans(
    f"{_WIDE}{_WIDE[10:].lower()}{_CAPITALS.lower()}",
    f"0123456789{_CAPITALS}{_CAPITALS}{_CAPITALS}",
)


def _tidy(text: str) -> str:
    """Without blanks around, signs half-width, letters capital."""
    return text.strip().translate(_NARROW)


def citizen_id(text: str, *, today: date) -> str:
    """The 18 characters of a citizen identity number (GB 11643-1999), checked.

    The division is not looked up: old codes stay in numbers for life, and 99xxxx is the invented
    one of this project. The birth date must exist and not lie after `today`.

    Raises:
        InvalidCode: rule `length`, `characters`, `birth-date` or `check-digit`.
    """
    number = _tidy(text)
    if len(number) != 18:
        raise InvalidCode(_CITIZEN, "length", "18 characters")
    if not re.fullmatch(r"[0-9]{17}[0-9X]", number):
        raise InvalidCode(_CITIZEN, "characters", "17 digits and a digit or X")
    if _birth(number) > today:
        raise InvalidCode(_CITIZEN, "birth-date", "a date of birth that is not in the future")
    if mod_11_2.calc_check_digit(number[:17]) != number[17]:
        raise InvalidCode(_CITIZEN, "check-digit", "the check digit of ISO 7064 MOD 11-2")
    return number


def citizen_id_from_15(text: str, *, today: date) -> str:
    """The 18 characters for a number of the first generation (15 digits, no check digit).

    Raises:
        InvalidCode: rule `length`, `characters` or `birth-date`.
    """
    number = _tidy(text)
    if len(number) != 15:
        raise InvalidCode(_CITIZEN, "length", "15 characters")
    if not re.fullmatch(r"[0-9]{15}", number):
        raise InvalidCode(_CITIZEN, "characters", "15 digits")
    long = f"{number[:6]}19{number[6:]}"
    return citizen_id(long + mod_11_2.calc_check_digit(long), today=today)


def birth_date(number: str) -> date:
    """The birth date in a number that `citizen_id` gave."""
    return _birth(number)


def sex(number: str) -> str:
    """The sex in a number that `citizen_id` gave, as code of GB/T 2261.1: 1 male, 2 female."""
    return "1" if int(number[16]) % 2 else "2"


def _birth(number: str) -> date:
    try:
        return date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        raise InvalidCode(_CITIZEN, "birth-date", "a date of birth that exists") from None


def uscc(text: str) -> str:
    """The 18 characters of a unified social credit identifier (GB 32100-2015), checked.

    The organisation code inside is not part of the rule, because some old bodies have one that
    breaks GB 11714; see `organisation_code_ok`.

    Raises:
        InvalidCode: rule `length`, `characters` or `check-digit`.
    """
    number = _tidy(text)
    if len(number) != 18:
        raise InvalidCode(_USCC, "length", "18 characters")
    if not re.fullmatch(r"[1-9ANY][0-9A-HJ-NPQRTUWXY][0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}", number):
        raise InvalidCode(_USCC, "characters", "class, six digits and no letter of I O S V Z")
    if stdnum_uscc.calc_check_digit(number) != number[17]:
        raise InvalidCode(_USCC, "check-digit", "the check character of GB 32100 (mod 31)")
    return number


def organisation_code_ok(number: str) -> bool:
    """Does the organisation code inside a unified identifier pass GB 11714? Else only warn."""
    base, check = number[8:16], number[16]
    weights = (3, 7, 9, 10, 5, 8, 4, 2)
    rest = 11 - sum(int(c, 36) * w for c, w in zip(base, weights, strict=True)) % 11
    return check == {10: "X", 11: "0"}.get(rest, str(rest))


CERTIFICATE_ROOT = "1.2.156.3005.2"
"""The object identifier under which all certificate identifiers stand (GB/T 36904)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateIdentifier:
    """The parts of an electronic certificate's identifier (GB/T 36904-2018)."""

    type_code: str
    """Unified code of the body that defines the type, and its three-digit serial."""
    issuer: str
    """Unified code of the issuing body; in legacy data a six-digit division code."""
    serial: str
    """Given by the issuer: digits and capitals."""
    version: int
    """From 1; one more with each change of the same certificate."""
    check: str

    @property
    def check_ok(self) -> bool:
        """Is the check character right? A wrong one received from outside is only a warning."""
        return self.check == mod_37_36.calc_check_digit(self._body)

    @property
    def legacy_issuer(self) -> bool:
        """Is the issuer named by its division only?"""
        return len(self.issuer) == 6

    @property
    def _body(self) -> str:
        return f"{self.type_code}{self.issuer}{self.serial}{self.version:03d}"

    def __str__(self) -> str:
        parts = (self.type_code, self.issuer, self.serial, f"{self.version:03d}", self.check)
        return ".".join((CERTIFICATE_ROOT, *parts))


_CERTIFICATE_FORM = re.compile(
    r"(?P<type>[0-9A-Z]{18}[0-9]{3})\.(?P<issuer>[0-9A-Z]{18}|[0-9]{6})"
    r"\.(?P<serial>[0-9A-Z]{1,64})\.(?P<version>[0-9]{3})\.(?P<check>[0-9A-Z])"
)


def parse_certificate_id(text: str) -> CertificateIdentifier:
    """The parts of an identifier that came from outside; its check character is only told.

    Raises:
        InvalidCode: rule `root` or `form`.
    """
    rest = text.strip().removeprefix(f"{CERTIFICATE_ROOT}.")
    if rest == text.strip():
        raise InvalidCode(_CERTIFICATE, "root", f"{CERTIFICATE_ROOT} in front")
    parts = _CERTIFICATE_FORM.fullmatch(rest)
    if parts is None:
        expected = "type (21) . issuer (18) . serial . version (3) . check (1), capitals"
        raise InvalidCode(_CERTIFICATE, "form", expected)
    return CertificateIdentifier(
        type_code=parts["type"],
        issuer=parts["issuer"],
        serial=parts["serial"],
        version=int(parts["version"]),
        check=parts["check"],
    )


def certificate_id(text: str) -> CertificateIdentifier:
    """The parts of an identifier that we made or that somebody typed: everything must be right.

    Raises:
        InvalidCode: rule `root`, `form`, `version` or `check-character`.
    """
    identifier = parse_certificate_id(text)
    if identifier.version == 0:
        raise InvalidCode(_CERTIFICATE, "version", "a version from 001")
    if not identifier.check_ok:
        expected = "the check character of ISO 7064 MOD 37,36"
        raise InvalidCode(_CERTIFICATE, "check-character", expected)
    return identifier


def new_certificate_id(
    *, type_code: str, issuer: str, serial: str, version: int = 1
) -> CertificateIdentifier:
    """A new identifier of our own, with its check character.

    Raises:
        InvalidCode: rule `form` or `version`, or a rule of `uscc` for one of the two bodies.
    """
    if not 1 <= version <= 999:
        raise InvalidCode(_CERTIFICATE, "version", "a version from 1 to 999")
    for office in (type_code[:18], issuer):
        if uscc(office) != office:
            raise InvalidCode(_USCC, "characters", "capitals and digits without blanks")
    body = (type_code, issuer, serial, f"{version:03d}")
    if not re.fullmatch("[0-9A-Z]+", "".join(body)):
        raise InvalidCode(_CERTIFICATE, "form", "capitals and digits in every part")
    check = mod_37_36.calc_check_digit("".join(body))
    return parse_certificate_id(".".join((CERTIFICATE_ROOT, *body, check)))


_UNIT_FORM = re.compile(r"[0-9]{12}[GJZ][ABSXCDEFHGWY][0-9]{5}([FLQ][0-9]{8}|W0{8})")


def real_estate_unit(text: str) -> str:
    """The 28 characters of a real-estate unit number (不动产单元号), which has no check digit.

    It is also printed in groups, so blanks inside are dropped.

    Raises:
        InvalidCode: rule `length` or `characters`.
    """
    number = _tidy("".join(text.split()))
    if len(number) != 28:
        raise InvalidCode(_UNIT, "length", "28 characters")
    if not _UNIT_FORM.fullmatch(number):
        expected = "12 digits, two letters, 5 digits, F L Q or W and 8 digits (after W zeros)"
        raise InvalidCode(_UNIT, "characters", expected)
    return number
