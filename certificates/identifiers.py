"""Identifiers after GB/T 36904: a serial that is taken once, and the next version of a certificate.

Check characters are the catalog's. A number that was taken and not used is lost, never given
again: gaps are harmless, doubles are not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from catalog import CertificateIdentifier, new_certificate_id
from certificates.errors import IllegalAct, NumbersExhausted
from certificates.ports import Numbers

MAX_SERIAL = 64
MAX_VERSION = 999


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """How an issuing body numbers the certificates of a type (流水号)."""

    issuer: str
    """Its unified social credit identifier."""
    type_code: str
    prefix: str = ""
    """Capitals and digits in front, such as a division."""
    width: int = 8
    """Digits of the running number, which begins anew with every year."""

    def __post_init__(self) -> None:
        """Raises:
        IllegalAct: `series`: what it makes would be no serial.
        """
        fits = 4 <= self.width <= 18 and len(self.prefix) + 4 + self.width <= MAX_SERIAL
        if not fits or not re.fullmatch("[0-9A-Z]*", self.prefix):
            raise IllegalAct("series")

    def name(self, year: int) -> str:
        """What its running number is counted under."""
        return f"identifier:{self.type_code}:{self.issuer}:{self.prefix}:{year:04d}"


def reserve(numbers: Numbers, series: Series, today: date) -> CertificateIdentifier:
    """The next identifier of a series; nobody gets it again.

    Raises:
        NumbersExhausted: The year has no number left.
        InvalidCode: Issuer or type are no codes.
    """
    number = numbers.take(series.name(today.year))
    if number >= 10**series.width:
        raise NumbersExhausted(series.name(today.year))
    return new_certificate_id(
        type_code=series.type_code,
        issuer=series.issuer,
        serial=f"{series.prefix}{today.year:04d}{number:0{series.width}d}",
    )


def given(series: Series, serial: str) -> CertificateIdentifier:
    """An identifier with the issuer's own serial, e.g. the number of the paper licence. Whether it
    is free is the register's to say.

    Raises:
        IllegalAct: `serial`: capitals and digits only, and not longer than 64.
        InvalidCode: Issuer or type are no codes.
    """
    if not re.fullmatch(f"[0-9A-Z]{{1,{MAX_SERIAL}}}", serial):
        raise IllegalAct("serial")
    return new_certificate_id(type_code=series.type_code, issuer=series.issuer, serial=serial)


def succeeding(identifier: CertificateIdentifier) -> CertificateIdentifier:
    """The identifier of the same certificate after a change: one version more.

    Raises:
        NumbersExhausted: After version 999.
    """
    if identifier.version >= MAX_VERSION:
        raise NumbersExhausted("version")
    return new_certificate_id(
        type_code=identifier.type_code,
        issuer=identifier.issuer,
        serial=identifier.serial,
        version=identifier.version + 1,
    )


def same_certificate(one: CertificateIdentifier, other: CertificateIdentifier) -> bool:
    """Are they versions of one certificate?"""
    return (one.type_code, one.issuer, one.serial) == (
        other.type_code,
        other.issuer,
        other.serial,
    )
