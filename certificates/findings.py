"""What a check says about one item: the rule that was broken, its clause, and how bad that is.

A finding never repeats the value: it may be a citizen's.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """What follows from a finding."""

    FAIL = "fail"
    """Nothing is made."""
    WARN = "warn"
    """It is made; somebody should look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong."""

    item: str
    """Id of the face item, or short name of the metadata (`CZZTDM`); empty for the whole."""
    rule: str
    """Stable key, e.g. `too-long`."""
    clause: str
    """The standard and what it is about there. Numbers of clauses are given only where the text
    itself was seen."""
    level: Level
    expected: str
    """What would be right, Chinese / English."""
