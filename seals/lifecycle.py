"""The life of a seal (国办发〔2025〕33号): what each act demands, and what it leaves behind.

Pure: a seal goes in, a seal with one more entry in its history comes out. Departments collect
impressions and apply; the bureau, and nobody else, makes and files; a second person approves; who
made a seal never uses it. Whether a seal may sign now is answered by `seals.using`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from seals.errors import IllegalAct
from seals.registered import (
    APPROVAL_NAME,
    ENDED,
    ON_FILE,
    TABLE,
    Act,
    Actor,
    Entry,
    Limits,
    RegisteredSeal,
    SealKind,
    State,
)

_BY_BUREAU = frozenset({Act.MAKE, Act.FILE})
_BY_OWNER = frozenset({Act.COLLECT, Act.APPLY, Act.GRANT})
_REASONED = frozenset(
    {Act.REJECT, Act.LIMIT, Act.SUSPEND, Act.RESUME, Act.REPLACE, Act.REVOKE, Act.DESTROY}
)
MAX_REASON = 500


def collect(
    *,
    seal_id: str,
    organisation: str,
    kind: SealKind,
    name: str,
    picture_digest: str,
    by: Actor,
    at: datetime,
    serial: str = "",
    succeeds: str = "",
) -> RegisteredSeal:
    """An impression is taken (印模采集) by the organisation whose seal it is.

    Raises:
        IllegalAct: `not-the-owner`, `name`, `serial`, `time`, `picture`.
    """
    if not name or not name.isprintable():
        raise IllegalAct("name")
    if kind is SealKind.APPROVAL and not APPROVAL_NAME.fullmatch(name):
        raise IllegalAct("name")
    if (kind is SealKind.STATION) is not bool(serial):
        raise IllegalAct("serial")
    if not picture_digest:
        raise IllegalAct("picture")
    if by.organisation != organisation:
        raise IllegalAct("not-the-owner")
    if at.tzinfo is None:
        raise IllegalAct("time")
    entry = Entry(act=Act.COLLECT, by=by, at=at, reason="", after=State.COLLECTED)
    return RegisteredSeal(
        id=seal_id,
        organisation=organisation,
        kind=kind,
        name=name,
        serial=serial,
        picture_digest=picture_digest,
        succeeds=succeeds,
        history=(entry,),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifecycle:
    """The acts after collecting, under one bureau."""

    bureau: str
    """The organisation that makes and files all seals (政务服务和大数据管理局)."""

    def apply(
        self, seal: RegisteredSeal, by: Actor, at: datetime, others: Iterable[RegisteredSeal]
    ) -> RegisteredSeal:
        """The organisation asks for its seal to be made.

        Args:
            seal: As collected.
            by: Of the organisation.
            at: Now.
            others: The organisation's seals.

        Raises:
            IllegalAct: `has-one`: another seal of that kind, name and number lives; or see `_moved`.
        """
        if has_rival(seal, others):
            raise IllegalAct("has-one")
        return self._moved(seal, Act.APPLY, by, at, "")

    def approve(self, seal: RegisteredSeal, by: Actor, at: datetime) -> RegisteredSeal:
        """A second person agrees.

        Raises:
            IllegalAct: `same-person`, or see `_moved`.
        """
        if by.account in _last(seal, Act.APPLY) | seal.by(Act.COLLECT):
            raise IllegalAct("same-person")
        return self._moved(seal, Act.APPROVE, by, at, "")

    def reject(self, seal: RegisteredSeal, by: Actor, at: datetime, reason: str) -> RegisteredSeal:
        """A second person sends it back; it may be applied for again.

        Raises:
            IllegalAct: `same-person`, or see `_moved`.
        """
        if by.account in _last(seal, Act.APPLY):
            raise IllegalAct("same-person")
        return self._moved(seal, Act.REJECT, by, at, reason)

    def make(
        self,
        seal: RegisteredSeal,
        by: Actor,
        at: datetime,
        *,
        number: str,
        seal_digest: str,
        valid_until: datetime,
    ) -> RegisteredSeal:
        """The bureau has made it.

        Raises:
            IllegalAct: `same-person`: the maker applied for it; `number`; `validity`; or see
                `_moved`.
        """
        if by.account in seal.by(Act.APPLY) | seal.by(Act.COLLECT):
            raise IllegalAct("same-person")
        if not number or not seal_digest:
            raise IllegalAct("number")
        if valid_until.tzinfo is None or valid_until <= at:
            raise IllegalAct("validity")
        return dataclasses.replace(
            self._moved(seal, Act.MAKE, by, at, ""),
            number=number,
            seal_digest=seal_digest,
            valid_until=valid_until,
        )

    def file(self, seal: RegisteredSeal, by: Actor, at: datetime, filing: str) -> RegisteredSeal:
        """The bureau has filed it (备案) under the number `filing`.

        Raises:
            IllegalAct: `filing`, or see `_moved`.
        """
        if not filing:
            raise IllegalAct("filing")
        return dataclasses.replace(self._moved(seal, Act.FILE, by, at, ""), filing=filing)

    def grant(self, seal: RegisteredSeal, by: Actor, at: datetime, user: str) -> RegisteredSeal:
        """An account may use it from now on. Only the owner's people say so, and not of themselves.

        Raises:
            IllegalAct: `maker-is-no-user`, `same-person`, `user`, or see `_moved`.
        """
        if user == by.account:
            raise IllegalAct("same-person")
        if user in seal.by(Act.MAKE):
            raise IllegalAct("maker-is-no-user")
        if not user or user in seal.users:
            raise IllegalAct("user")
        moved = self._moved(seal, Act.GRANT, by, at, "")
        return dataclasses.replace(moved, users=seal.users | {user})

    def withdraw(self, seal: RegisteredSeal, by: Actor, at: datetime, user: str) -> RegisteredSeal:
        """An account may no longer use it.

        Raises:
            IllegalAct: `user`, or see `_moved`.
        """
        if user not in seal.users:
            raise IllegalAct("user")
        moved = self._moved(seal, Act.WITHDRAW, by, at, "")
        return dataclasses.replace(moved, users=seal.users - {user})

    def limit(
        self, seal: RegisteredSeal, by: Actor, at: datetime, limits: Limits, reason: str
    ) -> RegisteredSeal:
        """It may be used within other limits from now on.

        Raises:
            IllegalAct: `limits`, or see `_moved`.
        """
        if limits.per_day < 0 or limits.opens > limits.closes:
            raise IllegalAct("limits")
        return dataclasses.replace(self._moved(seal, Act.LIMIT, by, at, reason), limits=limits)

    def suspend(self, seal: RegisteredSeal, by: Actor, at: datetime, reason: str) -> RegisteredSeal:
        """It may not be used until it is resumed.

        Raises:
            IllegalAct: See `_moved`.
        """
        return self._moved(seal, Act.SUSPEND, by, at, reason)

    def resume(self, seal: RegisteredSeal, by: Actor, at: datetime, reason: str) -> RegisteredSeal:
        """It may be used again, by someone else's word than the one who suspended it.

        Raises:
            IllegalAct: `same-person`, or see `_moved`.
        """
        if by.account in _last(seal, Act.SUSPEND):
            raise IllegalAct("same-person")
        return self._moved(seal, Act.RESUME, by, at, reason)

    def replace(
        self, seal: RegisteredSeal, by: Actor, at: datetime, reason: str, successor: RegisteredSeal
    ) -> RegisteredSeal:
        """Another seal, made to succeed it and on file already, takes its place.

        Raises:
            IllegalAct: `successor`, or see `_moved`.
        """
        fits = successor.succeeds == seal.id and successor.state in ON_FILE
        same = (successor.organisation, successor.kind) == (seal.organisation, seal.kind)
        if not (fits and same):
            raise IllegalAct("successor")
        moved = self._moved(seal, Act.REPLACE, by, at, reason)
        return dataclasses.replace(moved, successor=successor.id, users=frozenset())

    def revoke(self, seal: RegisteredSeal, by: Actor, at: datetime, reason: str) -> RegisteredSeal:
        """It ends: renamed or dissolved organisation, lost key, or by order. What it sealed before
        stays sealed.

        Raises:
            IllegalAct: See `_moved`.
        """
        moved = self._moved(seal, Act.REVOKE, by, at, reason)
        return dataclasses.replace(moved, users=frozenset())

    def destroy(self, seal: RegisteredSeal, by: Actor, at: datetime, reason: str) -> RegisteredSeal:
        """Key and impression are gone; the record stays.

        Raises:
            IllegalAct: See `_moved`.
        """
        return self._moved(seal, Act.DESTROY, by, at, reason)

    def _moved(
        self, seal: RegisteredSeal, act: Act, by: Actor, at: datetime, reason: str
    ) -> RegisteredSeal:
        """One step through the table.

        Raises:
            IllegalAct: `state`: not in this state; `not-the-bureau`; `not-the-owner`; `reason`;
                `time`: without zone, or before the last entry.
        """
        after = TABLE.get((seal.state, act))
        if after is None:
            raise IllegalAct("state")
        if act in _BY_BUREAU and by.organisation != self.bureau:
            raise IllegalAct("not-the-bureau")
        allowed = {seal.organisation} if act in _BY_OWNER else {seal.organisation, self.bureau}
        if act not in _BY_BUREAU and by.organisation not in allowed:
            raise IllegalAct("not-the-owner")
        if not by.account or len(reason) > MAX_REASON or (act in _REASONED and not reason.strip()):
            raise IllegalAct("reason")
        if at.tzinfo is None or at < seal.history[-1].at:
            raise IllegalAct("time")
        entry = Entry(act=act, by=by, at=at, reason=reason, after=after)
        return dataclasses.replace(seal, history=(*seal.history, entry))


def _last(seal: RegisteredSeal, act: Act) -> frozenset[str]:
    """Who did this last."""
    for entry in reversed(seal.history):
        if entry.act is act:
            return frozenset({entry.by.account})
    return frozenset()


def has_rival(seal: RegisteredSeal, others: Iterable[RegisteredSeal]) -> bool:
    """Is there another that would be the same seal to whoever looks at a document?"""
    return any(_rivals(seal, other) for other in others)


def _rivals(seal: RegisteredSeal, other: RegisteredSeal) -> bool:
    if other.id in {seal.id, seal.succeeds} or other.state in ENDED | {State.COLLECTED}:
        return False
    one_of_a_kind = seal.kind in {SealKind.ORGANISATION, SealKind.APPROVAL}
    same = (other.organisation, other.kind) == (seal.organisation, seal.kind)
    return same and (one_of_a_kind or (other.name, other.serial) == (seal.name, seal.serial))
