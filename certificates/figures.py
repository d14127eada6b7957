"""The figures of the reform documents: types, standardised share, collected certificates, growth.

Pure: what is counted comes in, numbers come out. A share of nothing is None, never nought or one.
Month-end counts are snapshots and stay as they were, whatever is corrected later.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from certificates.editions import Binding, Conformance, Editions
from certificates.typelist import TypeList


@dataclass(frozen=True, slots=True, kw_only=True)
class Standardised:
    """证照标准化率 (G-06, G-07): standardised types by all types of the place."""

    types: int
    standardised: tuple[str, ...]
    missing: tuple[str, ...]
    """What still has to be done, by type."""

    @property
    def share(self) -> float | None:
        """0 to 1; None where there are no types."""
        return len(self.standardised) / self.types if self.types else None


def standardised(
    place: TypeList,
    editions: Mapping[str, Editions],
    bindings: Iterable[Binding],
    at: datetime,
    owner: str | None = None,
) -> Standardised:
    """A type counts when an edition by the engineering, national or provincial standard is in
    effect and at least one unit has bound a seal to it (C-13).

    Args:
        place: The list whose types are counted.
        editions: By type.
        bindings: Of all units.
        at: When.
        owner: Only the types of this line of business; None for all.
    """
    bound = {binding.type_id for binding in bindings}
    types = sorted(h.type_id for h in place.held.values() if owner in {None, h.owner})
    done = tuple(t for t in types if t in bound and _conforms(editions.get(t), at))
    missing = tuple(type_id for type_id in types if type_id not in done)
    return Standardised(types=len(types), standardised=done, missing=missing)


def _conforms(editions: Editions | None, at: datetime) -> bool:
    edition = editions.effective(at) if editions else None
    return edition is not None and edition.conformance is not Conformance.NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """What one department or county has collected (归集量, G-08): data and files counted apart,
    since face data may come before the file (C-15).
    """

    faces: int
    files: int

    def __add__(self, other: Collected) -> Collected:
        return Collected(faces=self.faces + other.faces, files=self.files + other.files)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One certificate as far as it is here."""

    identifier: str
    holder_of_record: str
    """The department or county that collected it."""
    has_file: bool


def collected(certificates: Iterable[Held]) -> Mapping[str, Collected]:
    """By department or county. A certificate that was sent twice counts once, with its file if
    either time it came with one.
    """
    files: dict[tuple[str, str], bool] = {}
    for held in certificates:
        place = (held.holder_of_record, held.identifier)
        files[place] = files.get(place, False) or held.has_file
    found: dict[str, Collected] = {}
    for (of, _), has_file in files.items():
        one = Collected(faces=1, files=int(has_file))
        found[of] = found.get(of, Collected(faces=0, files=0)) + one
    return found


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Month:
    """A calendar month in Beijing."""

    year: int
    month: int

    @classmethod
    def of(cls, day: date) -> Month:
        """The month of a day."""
        return cls(year=day.year, month=day.month)

    @property
    def before(self) -> Month:
        """The month before."""
        if self.month == 1:
            return Month(year=self.year - 1, month=12)
        return Month(year=self.year, month=self.month - 1)


Snapshots = Mapping[tuple[str, Month], Collected]
"""(department or county, month) → what was counted at the end of that month."""


def taken(snapshots: Snapshots, month: Month, counted: Mapping[str, Collected]) -> Snapshots:
    """The snapshots with another month. One that was taken is never taken again: later corrections
    show in later months.
    """
    new = {(of, month): count for of, count in counted.items()}
    return {**new, **snapshots}


def growth(snapshots: Snapshots, of: str, month: Month) -> int | None:
    """照面数据月度增量 (G-10, G-11): face data at this month's end less those at the last one's;
    None where a snapshot is missing.
    """
    now, then = snapshots.get((of, month)), snapshots.get((of, month.before))
    return None if now is None or then is None else now.faces - then.faces


def per_head(count: Collected, population: Mapping[int, int], year: int) -> float | None:
    """人均证照量 (G-09): certificates by the resident population of the year before; None where that
    is not known.
    """
    people = population.get(year - 1, 0)
    return count.faces / people if people > 0 else None


def used(place: TypeList, issued: Iterable[str]) -> float | None:
    """The share of types of which at least one certificate was issued (after G-20)."""
    if not place.held:
        return None
    return len(place.held.keys() & set(issued)) / len(place.held)
