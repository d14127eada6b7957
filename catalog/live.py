"""Live figures: what sources really answered, as the hub counted it and wrote it to a file.

They are of another kind than desk figures (`catalog.figures`): one applicant, one day, whoever was
connected. The two are shown side by side and never added up.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from catalog.figures import Goals


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveFigures:
    """What one bundle's plan came to for one applicant: counts, from which the shares follow."""

    before: int
    """Copies before the reform."""
    exempted: int
    """Kinds exempted by an answer, or by what the case itself makes."""
    merged: int
    """Kinds of departments' forms that the one form replaces."""
    left: int
    """Kinds still handed in, plus the one form."""
    fields: int
    filled: int
    """Fields that a source filled."""

    @property
    def cut(self) -> Fraction:
        """The share of copies cut."""
        return 1 - Fraction(self.left, self.before) if self.before else Fraction(0)

    @property
    def share(self) -> Fraction:
        """The share of fields filled."""
        return Fraction(self.filled, self.fields) if self.fields else Fraction(0)

    def reaches(self, goals: Goals) -> tuple[bool, bool]:
        """Are the goals of materials and of fields reached by what answered?"""
        return self.cut >= goals.material_cut, self.share >= goals.filled_share


def reached(figures: Iterable[LiveFigures], goals: Goals) -> tuple[int, int]:
    """How many bundles reach the goal of materials, and how many that of fields."""
    each = [one.reaches(goals) for one in figures]
    return sum(materials for materials, _ in each), sum(form for _, form in each)


def read_live(file: Path) -> Mapping[str, Mapping[str, LiveFigures]]:
    """County → bundle → figures, from a file such as the demo's `report.json`.

    Raises:
        ValueError: It is not such a file.
    """
    try:
        counties = json.loads(file.read_text(encoding="utf-8"))["live_figures"]
        return {
            county: {id_: _figures(row["figures"]) for id_, row in rows["bundles"].items()}
            for county, rows in counties.items()
        }
    except (OSError, KeyError, TypeError, AttributeError, RecursionError) as problem:
        raise ValueError("not a file of live figures") from problem


def _figures(row: Mapping[str, object]) -> LiveFigures:
    numbers = {name: value for name, value in row.items() if type(value) is int and value >= 0}
    if len(numbers) != len(row):
        raise ValueError("a figure is no whole number")
    return LiveFigures(**numbers)
