"""PDF: seal in two motions, look before sealing, state facts, judge. See the room's README."""

from seals.pdf.inspection import inspect
from seals.pdf.model import (
    Appearance,
    Intent,
    Level,
    Placement,
    Prepared,
    Revocation,
    Signatory,
)
from seals.pdf.preflight import reasons
from seals.pdf.sealing import sealed
from seals.pdf.signing import embed, prepare, timestamped
from seals.pdf.verification import Judges, Policy, verify

__all__ = [
    "Appearance",
    "Intent",
    "Judges",
    "Level",
    "Placement",
    "Policy",
    "Prepared",
    "Revocation",
    "Signatory",
    "embed",
    "inspect",
    "prepare",
    "reasons",
    "sealed",
    "timestamped",
    "verify",
]
