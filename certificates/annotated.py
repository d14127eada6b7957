"""What an annotated copy is: for whom, what for, how long; its identifier and what it is worth."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from certificates.lifecycle import Order

_COPY = re.compile(r"(?P<parent>.+)-C(?P<number>[0-9]{4})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """For whom, what for and how long."""

    recipient: str
    purpose: str
    """JZJZZSY."""
    creator: str
    """JZJZZZ, the office or the holder's name as the law has it."""
    expires_at: datetime
    """JZJYXQJZSJ."""
    hidden: frozenset[str] = frozenset()
    """Face items that the recipient does not see, or `CZZTDM`. Hiding a name
    hides the number, too, where the face does not show it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnotatedCopy:
    """A copy that was made."""

    identifier: str
    """The certificate's, `-C` and four digits."""
    parent: str
    annotation: Annotation
    made_at: datetime
    data_digest: str
    documents: Mapping[str, str]
    """Format → digest of the sealed bytes."""
    revoked: Order | None = None


class CopyStatus(StrEnum):
    """What a copy is worth."""

    IN_FORCE = "in-force"
    EXPIRED = "expired"
    REVOKED = "revoked"
    """This copy alone."""
    PARENT_NOT_IN_FORCE = "parent-not-in-force"


def parent_of(identifier: str) -> tuple[str, int] | None:
    """(certificate, number of the copy); None where it is no copy's identifier."""
    parts = _COPY.fullmatch(identifier)
    return (parts["parent"], int(parts["number"])) if parts else None
