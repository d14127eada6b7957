"""Telling the superior platform (汇聚): what is due today, and whether both sides hold the same.

Pure. Whoever sends keeps what was sent and when; a certificate's state is told by its digest, so a
change that was not told is found even when nobody remembers it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from certificates.digests import sm3
from certificates.lifecycle import Certificate, local_day


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One state of one certificate that the superior has to know."""

    identifier: str
    state_digest: str
    arose_on: date
    """The Beijing day: it is due the same day (数据产生当天)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What was sent and acknowledged."""

    state_digest: str
    at: datetime


def state_digest(certificate: Certificate) -> str:
    """Names a certificate with everything that has happened to it."""
    told = [
        certificate.identifier,
        certificate.data_digest,
        *(f"{kind}={digest}" for kind, digest in sorted(certificate.documents.items())),
        *(f"{e.act} {e.at.isoformat()} {e.since} {e.until}" for e in certificate.history),
    ]
    return sm3("\n".join(told).encode())


def outgoing(certificate: Certificate) -> Outgoing:
    """What is to be told of a certificate as it is now."""
    return Outgoing(
        identifier=certificate.identifier,
        state_digest=state_digest(certificate),
        arose_on=local_day(certificate.history[-1].at),
    )


def due(certificates: Iterable[Certificate], sent: Mapping[str, Sent]) -> tuple[Outgoing, ...]:
    """What was not sent in its present state, oldest first."""
    every = (outgoing(certificate) for certificate in certificates)
    open_ = [
        one
        for one in every
        if one.identifier not in sent or sent[one.identifier].state_digest != one.state_digest
    ]
    return tuple(sorted(open_, key=lambda one: (one.arose_on, one.identifier)))


def overdue(open_: Iterable[Outgoing], today: date) -> tuple[Outgoing, ...]:
    """What should have been told on an earlier day."""
    return tuple(one for one in open_ if one.arose_on < today)


def same_day(told: Iterable[tuple[Outgoing, datetime]]) -> float | None:
    """G-48: the share that was told on the day it arose; None where nothing was to be told."""
    days = [local_day(at) == one.arose_on for one, at in told]
    return sum(days) / len(days) if days else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """Both sides beside each other (对账)."""

    missing: tuple[str, ...]
    """Here, not there: send."""
    unknown: tuple[str, ...]
    """There, not here: ask."""
    differing: tuple[str, ...]
    """On both sides, in different states: send again."""

    @property
    def agrees(self) -> bool:
        """Do both sides hold the same?"""
        return not (self.missing or self.unknown or self.differing)


def reconcile(ours: Mapping[str, str], theirs: Mapping[str, str]) -> Reconciliation:
    """Compare identifier → state digest of both sides."""
    return Reconciliation(
        missing=tuple(sorted(ours.keys() - theirs.keys())),
        unknown=tuple(sorted(theirs.keys() - ours.keys())),
        differing=tuple(sorted(k for k in ours.keys() & theirs.keys() if ours[k] != theirs[k])),
    )
