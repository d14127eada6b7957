"""Reminders of what runs out (到期提示): digests, not a storm."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from certificates.lifecycle import Certificate, Status
from certificates.model import FOREVER


@dataclass(frozen=True, slots=True, kw_only=True)
class Reminder:
    """One message to one holder about everything of theirs that runs out (到期提示)."""

    holder: str = field(repr=False)
    """The holder's number."""
    threshold: int
    """Days: the nearest threshold that a certificate of the message has reached."""
    certificates: tuple[tuple[str, date], ...]
    """(identifier, last day), soonest first."""


THRESHOLDS = (90, 30, 7)


def reminders(
    certificates: Iterable[Certificate],
    reminded: Mapping[str, int],
    today: date,
    thresholds: tuple[int, ...] = THRESHOLDS,
) -> tuple[Reminder, ...]:
    """What to tell whom today: one message a holder, and nobody twice for one threshold.

    Args:
        certificates: Those that may be due.
        reminded: Identifier → the smallest threshold its holder was already told of.
        today: Beijing day.
        thresholds: Days before the end.
    """
    due: dict[str, list[tuple[date, str, int]]] = {}
    for certificate in certificates:
        if certificate.status_on(today) not in {Status.IN_FORCE, Status.SUSPENDED}:
            continue
        left = (certificate.valid_to - today).days
        reached = [days for days in thresholds if left <= days]
        if certificate.valid_to == FOREVER or not reached:
            continue
        if min(reached) < reminded.get(certificate.identifier, max(thresholds) + 1):
            line = (certificate.valid_to, certificate.identifier, min(reached))
            for holder in certificate.holders:
                due.setdefault(holder.code, []).append(line)
    return tuple(
        Reminder(
            holder=holder,
            threshold=min(threshold for _, _, threshold in lines),
            certificates=tuple((identifier, day) for day, identifier, _ in sorted(lines)),
        )
        for holder, lines in sorted(due.items())
    )
