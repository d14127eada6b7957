"""May this seal sign now, and whose seals are on file? Pure answers over registered seals."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone

from seals.errors import SealRefused
from seals.registered import ON_FILE, RegisteredSeal, SealKind, State

BEIJING = timezone(timedelta(hours=8), "Asia/Shanghai")
"""One zone, no summer time."""


def local_day(at: datetime) -> date:
    """The Beijing day that uses are counted by."""
    return at.astimezone(BEIJING).date()


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """One wish to set a seal on something; logged before any signature value is released."""

    seal_id: str
    account: str
    at: datetime
    digest: str
    """Of the document."""
    reason: str
    """Why, as the matter's number or a short key."""
    certificate_type: str = ""
    """Empty for a document that is no certificate."""

    def __post_init__(self) -> None:
        """A wish at no certain time cannot be judged.

        Raises:
            SealRefused: `time`.
        """
        if self.at.tzinfo is None:
            raise SealRefused("time")


@dataclass(frozen=True, slots=True, kw_only=True)
class Freeze:
    """The switch that stops sealing, everywhere or for some organisations."""

    organisations: frozenset[str]
    """Empty for all."""
    by: str
    at: datetime
    reason: str

    def stops(self, seal: RegisteredSeal) -> bool:
        """Is this seal frozen?"""
        return not self.organisations or seal.organisation in self.organisations


_STOPPED = {
    State.COLLECTED: "unfiled",
    State.APPLIED: "unfiled",
    State.APPROVED: "unfiled",
    State.MADE: "unfiled",
    State.SUSPENDED: "suspended",
    State.REPLACED: "ended",
    State.REVOKED: "ended",
    State.DESTROYED: "ended",
}
"""A seal that is filed and granted to nobody is stopped by `not-granted`."""


def why_not(
    seal: RegisteredSeal, use: Use, used_today: int, freezes: Iterable[Freeze]
) -> tuple[str, ...]:
    """Every reason why this use is not allowed; empty where it is.

    Args:
        seal: As the register has it.
        use: What is wished.
        used_today: How often it has been used on the local day of `use.at`.
        freezes: Those in force.

    Returns:
        Stable keys: `frozen`, `unfiled`, `suspended`, `ended`, `expired`, `not-granted`, `hours`,
        `per-day`, `certificate-type`, `reason`.
    """
    return tuple(_reasons(seal, use, used_today, freezes))


def _reasons(
    seal: RegisteredSeal, use: Use, used_today: int, freezes: Iterable[Freeze]
) -> Iterator[str]:
    if any(freeze.stops(seal) for freeze in freezes):
        yield "frozen"
    if seal.state in _STOPPED:
        yield _STOPPED[seal.state]
    if seal.valid_until is not None and use.at > seal.valid_until:
        yield "expired"
    if use.account not in seal.users:
        yield "not-granted"
    limits = seal.limits
    if not limits.opens <= use.at.astimezone(BEIJING).time() <= limits.closes:
        yield "hours"
    if limits.per_day and used_today >= limits.per_day:
        yield "per-day"
    if not _fits(seal, use):
        yield "certificate-type"
    if not use.reason.strip():
        yield "reason"


def _fits(seal: RegisteredSeal, use: Use) -> bool:
    """A seal for certificate types signs nothing until its types are listed."""
    types = seal.limits.certificate_types
    if not types:
        return seal.kind is not SealKind.CERTIFICATE_TYPE
    return use.certificate_type in types


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """印章备案部门覆盖率: organisations with a filed seal by organisations that must have one."""

    required: int
    covered: int
    missing: tuple[str, ...]
    """Organisations that must have a seal on file and have none."""
    unmatched: tuple[str, ...]
    """Seals on file whose organisation is not in the tree: a fault to settle, counted nowhere."""

    @property
    def share(self) -> float | None:
        """0 to 1; None where nobody must have one."""
        return self.covered / self.required if self.required else None


def coverage(
    seals: Iterable[RegisteredSeal],
    required: AbstractSet[str],
    tree: AbstractSet[str],
    at: datetime,
) -> Coverage:
    """Whose seals are on file at `at`.

    Args:
        seals: All of them.
        required: Organisations that must have one.
        tree: All organisations.
        at: Seals that have expired by then do not count.
    """
    filed, unmatched = set(), []
    for seal in seals:
        in_time = seal.valid_until is None or at <= seal.valid_until
        if seal.at(at) not in ON_FILE or not in_time:
            continue
        if seal.organisation in tree:
            filed.add(seal.organisation)
        else:
            unmatched.append(seal.id)
    return Coverage(
        required=len(required),
        covered=len(required & filed),
        missing=tuple(sorted(required - filed)),
        unmatched=tuple(sorted(unmatched)),
    )
