"""What is handed to sealing a PDF, and what comes back in between."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from seals.levels import Intent, Level
from seals.pdf.cms import SignerTemplate

__all__ = [
    "MM",
    "Appearance",
    "Intent",
    "Level",
    "Placement",
    "Prepared",
    "Revocation",
    "Signatory",
]

MM = 72 / 25.4
"""Points in a millimetre."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where a picture stands: millimetres from the page's upper left corner, as it is seen."""

    page: int
    """From 1; the last one is also -1."""
    x: float
    y: float
    width: float
    height: float
    part: tuple[float, float] = (0.0, 1.0)
    """What is shown of the picture from left to right: all, or one slice of a cross-page seal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Appearance:
    """What is seen."""

    png: bytes = field(repr=False)
    """With transparency, or the page below is covered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signatory:
    """Who seals: X.509 certificates in DER, the signer's first. Never the key."""

    chain: tuple[bytes, ...] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A document with a gap, and the bytes that fill it once they are signed."""

    to_sign: bytes = field(repr=False)
    """The signed attributes of CMS: what the key signs, as a message."""
    document: bytes = field(repr=False)
    gap: tuple[int, int]
    """From `<` to behind `>` of the signature's hexadecimal string."""
    template: SignerTemplate = field(repr=False)
    level: Level
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """What was gathered beforehand for judging later: all in DER."""

    certificates: tuple[bytes, ...] = field(default=(), repr=False)
    lists: tuple[bytes, ...] = field(default=(), repr=False)
    answers: tuple[bytes, ...] = field(default=(), repr=False)
    """OCSP responses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """How the signature dictionary calls itself. GM/T 0112-2021 has names of its own, which we have
    not seen; whoever knows what their readers expect writes that. We read any.
    """

    filter: str = "MIANTI.SES"
    """The handler that is preferred (`/Filter`)."""
    subfilter: str = "GBT.38540.ses.detached"
    """The encoding of the value (`/SubFilter`); some vendors write `GM.sm2seal`."""


PROFILE = Profile()


def property_info(name: str, byte_range: tuple[int, ...]) -> str:
    """What an electronic seal says it protects (`propertyInfo`): the field and its byte range."""
    return f"pdf:{name}[{' '.join(map(str, byte_range))}]"
