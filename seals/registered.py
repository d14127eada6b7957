"""A seal in the register: its kind, its state, its history; and the table of what may happen to it."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime, time
from enum import StrEnum


class SealKind(StrEnum):
    """What a seal is for."""

    ORGANISATION = "organisation"
    """法定名称章."""
    INNER = "inner"
    """Of an inner organ or a branch (内设机构、分支机构章)."""
    BUSINESS = "business"
    """业务专用章."""
    CERTIFICATE_TYPE = "certificate-type"
    """For the certificates of certain types alone."""
    APPROVAL = "approval"
    """审批服务专用章, one for each township."""
    STATION = "station"
    """Of a service station; one name, told apart by numbers."""
    PERSONAL = "personal"
    """个人名章, of a legal representative or an officer."""


APPROVAL_NAME = re.compile(r"(.{2,}(?:人民政府|街道办事处|管理委员会))(审批服务专用章)")
"""How a township's approval seal is named: its office, then what the seal is for."""


class State(StrEnum):
    """Where a seal is in its life. Expiry is no state: it is computed."""

    COLLECTED = "collected"
    APPLIED = "applied"
    APPROVED = "approved"
    MADE = "made"
    FILED = "filed"
    IN_USE = "in-use"
    SUSPENDED = "suspended"
    REPLACED = "replaced"
    REVOKED = "revoked"
    DESTROYED = "destroyed"


ON_FILE = frozenset({State.FILED, State.IN_USE, State.SUSPENDED})
ENDED = frozenset({State.REPLACED, State.REVOKED, State.DESTROYED})


class Act(StrEnum):
    """What is done to a seal."""

    COLLECT = "collect"
    APPLY = "apply"
    APPROVE = "approve"
    REJECT = "reject"
    MAKE = "make"
    FILE = "file"
    GRANT = "grant"
    WITHDRAW = "withdraw"
    LIMIT = "limit"
    SUSPEND = "suspend"
    RESUME = "resume"
    REPLACE = "replace"
    REVOKE = "revoke"
    DESTROY = "destroy"


TABLE: dict[tuple[State, Act], State] = {
    (State.COLLECTED, Act.APPLY): State.APPLIED,
    (State.APPLIED, Act.REJECT): State.COLLECTED,
    (State.APPLIED, Act.APPROVE): State.APPROVED,
    (State.APPROVED, Act.MAKE): State.MADE,
    (State.MADE, Act.FILE): State.FILED,
    (State.FILED, Act.GRANT): State.IN_USE,
    (State.IN_USE, Act.GRANT): State.IN_USE,
    (State.IN_USE, Act.WITHDRAW): State.IN_USE,
    **{(state, Act.LIMIT): state for state in ON_FILE},
    (State.FILED, Act.SUSPEND): State.SUSPENDED,
    (State.IN_USE, Act.SUSPEND): State.SUSPENDED,
    (State.SUSPENDED, Act.RESUME): State.IN_USE,
    **{(state, Act.REPLACE): State.REPLACED for state in ON_FILE},
    **{(state, Act.REVOKE): State.REVOKED for state in ON_FILE},
    **{
        (state, Act.DESTROY): State.DESTROYED
        for state in (
            State.COLLECTED,
            State.APPLIED,
            State.APPROVED,
            State.MADE,
            State.REPLACED,
            State.REVOKED,
        )
    },
}
"""Everything that may happen. A seal on file is revoked or replaced before it is destroyed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who acts: an account, and the organisation it acts for. Never a citizen."""

    account: str
    organisation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One act of a seal's history."""

    act: Act
    by: Actor
    at: datetime
    reason: str
    after: State


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Within what a seal may be used."""

    opens: time = time.min
    closes: time = time.max
    """Beijing time, both included."""
    per_day: int = 0
    """Nought for no limit."""
    certificate_types: frozenset[str] = frozenset()
    """Empty for any, and for documents that are no certificates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredSeal:
    """A seal in the register, from its collected impression to its end."""

    id: str
    organisation: str
    """The one organisation of the tree that it is bound to; never changes."""
    kind: SealKind
    name: str
    serial: str = ""
    """Of a numbered station seal."""
    picture_digest: str
    """Of the collected impression."""
    succeeds: str = ""
    """The seal that this one is made to replace."""
    number: str = ""
    """`esID`, once made."""
    seal_digest: str = ""
    """Of the seal's bytes, once made."""
    valid_until: datetime | None = None
    """None until made."""
    filing: str = ""
    """Number of the filing (备案), once filed."""
    users: frozenset[str] = frozenset()
    """Accounts it is granted to."""
    limits: Limits = Limits()
    successor: str = ""
    """The seal that replaced it."""
    history: tuple[Entry, ...]

    @property
    def state(self) -> State:
        """Where it is now."""
        return self.history[-1].after

    def by(self, act: Act) -> frozenset[str]:
        """The accounts that did this to it."""
        return frozenset(entry.by.account for entry in self.history if entry.act is act)

    def at(self, day: datetime) -> State | None:
        """Its state at that time; None before its impression was collected."""
        known = [entry.after for entry in self.history if entry.at <= day]
        return known[-1] if known else None


def content_digest(data: bytes) -> str:
    """How pictures, finished seals and documents are named in the register: `sm3:` and digits."""
    return f"sm3:{hashlib.new('sm3', data).hexdigest()}"
