"""Who may do what with certificates: a caller, for a unit, on a type. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Right(StrEnum):
    """What a caller may do with certificates of a unit."""

    ISSUE = "issue"
    """Have certificates issued, one or many."""
    CHANGE = "change"
    """Suspend, resume, revoke, cancel, replace."""
    READ = "read"
    """Look up certificates and fetch their documents."""
    COPY = "copy"
    """Have annotated copies (加注件) made, and revoke them."""
    PRESENT = "present"
    """Make presentation tokens (亮证)."""


EVERY_TYPE = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateRight:
    """One right of one caller. Its end is mandatory, like a grant's."""

    id: str
    consumer: str
    """Client id."""
    right: Right
    unit: str
    """The unit (统一社会信用代码) for which the caller acts."""
    type_id: str
    """Of the certificate type; `*` for all."""
    until: date
    """The last day on which it holds, in Beijing."""


def allowed(
    rights: Iterable[CertificateRight], right: Right, unit: str, type_id: str, on: date
) -> bool:
    """Does one of them allow this?"""
    return any(
        each.right is right
        and each.unit == unit
        and each.type_id in {EVERY_TYPE, type_id}
        and on <= each.until
        for each in rights
    )
