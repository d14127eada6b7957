"""Chains of certificates that replaced one another."""

from __future__ import annotations

from collections.abc import Mapping

from certificates.errors import IllegalAct, UnknownCertificate
from certificates.lifecycle import Certificate


def chain(certificates: Mapping[str, Certificate], identifier: str) -> tuple[Certificate, ...]:
    """The certificate with all that it replaced and all that replaced it, oldest first.

    Raises:
        UnknownCertificate: There is none, or one of the chain is missing.
        IllegalAct: `loop`: the chain bites its tail; the register is broken.
    """
    start = _in(certificates, identifier)
    before = _walk(certificates, start, "predecessor")
    after = _walk(certificates, start, "successor")
    return (*reversed(before), start, *after)


def _in(certificates: Mapping[str, Certificate], identifier: str) -> Certificate:
    try:
        return certificates[identifier]
    except KeyError:
        raise UnknownCertificate from None


def _walk(
    certificates: Mapping[str, Certificate], start: Certificate, towards: str
) -> list[Certificate]:
    found: list[Certificate] = []
    seen, here = {start.identifier}, start
    while following := str(getattr(here, towards)):
        if following in seen:
            raise IllegalAct("loop")
        seen.add(following)
        here = _in(certificates, following)
        found.append(here)
    return found
