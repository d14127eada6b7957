"""Whom does a changed source break? The join of changed places, mapped fields and grants. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from adapters.drifting import Change
from hub.model import Grant


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """One change, and what it takes from whom."""

    county: str
    change: Change
    fields: tuple[str, ...]
    """Full paths of the fields that come from the changed place."""
    consumers: tuple[str, ...]
    """Callers that may ask for one of them now; empty: nobody is harmed yet."""
    grants: tuple[str, ...]
    """The grants by which they may."""


def broken(
    changes: Iterable[tuple[str, Change]], grants: Iterable[Grant], *, now: datetime
) -> tuple[Broken, ...]:
    """What each change breaks, those that break most first.

    Args:
        changes: County id and change; changes that break nothing are there too.
        grants: All grants; those not in force do not count.
        now: UTC.
    """
    in_force = [g for g in grants if g.active and g.valid_from <= now < g.valid_to]
    found = [_broken(county, change, in_force) for county, change in changes]
    return tuple(
        sorted(
            found,
            key=lambda b: (-len(b.consumers), not b.change.breaks, b.county, b.change.source,
                           b.change.resource, b.change.place),
        )
    )  # fmt: skip


def _broken(county: str, change: Change, grants: Iterable[Grant]) -> Broken:
    lost = frozenset(change.fields) if change.breaks else frozenset()
    touched = [
        grant
        for grant in grants
        if grant.county == county
        and grant.resource == change.resource
        and lost
        and ("*" in grant.fields or lost & grant.reaches)
    ]
    return Broken(
        county=county,
        change=change,
        fields=tuple(f"{change.resource}.{id_}" for id_ in change.fields),
        consumers=tuple(sorted({grant.consumer for grant in touched})),
        grants=tuple(sorted(grant.id for grant in touched)),
    )
