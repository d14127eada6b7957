"""Is a record in force today?"""

from __future__ import annotations

from datetime import date

from adapters.model import Record
from catalog.model import Standing


def in_force(record: Record, standing: Standing | None, today: date) -> bool:
    """An unknown end or state does not speak against a record; one that was there and could not be
    read, or that another hub did not let us see, does.
    """
    if standing is None:
        return True
    if unseen(record, standing):
        return False
    end = record.values.get(standing.until) if standing.until else None
    if isinstance(end, str) and end and end < today.isoformat():
        return False
    return all(
        record.values.get(name) in {None, *allowed} for name, allowed in standing.states.items()
    )


def unseen(record: Record, standing: Standing) -> bool:
    """Is what would tell there, and not to be had?"""
    return any(name in record.bad for name in standing.fields)
