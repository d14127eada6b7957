"""The life of a certificate as one table of status × act, and its status on any day.

Pure: a certificate goes in, one with one more entry in its history comes out. Days are Beijing
days. *Not yet* and *expired* follow from the validity and need no act; a suspension ends by itself
where it was given a last day. An extension (延续、签注) is the next version, by `replace`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from catalog import InvalidCode, parse_certificate_id
from certificates.errors import IllegalAct
from certificates.metadata import BEIJING
from certificates.model import Actor, Holder

MAX_REASON = 500


class Status(StrEnum):
    """What a certificate is worth on a day."""

    NOT_YET = "not-yet"
    """Issued; its first day is still to come."""
    IN_FORCE = "in-force"
    SUSPENDED = "suspended"
    """暂停."""
    EXPIRED = "expired"
    """到期失效."""
    REPLACED = "replaced"
    """换发, 变更, 延续: its successor counts."""
    CANCELLED = "cancelled"
    """注销: ended in order."""
    REVOKED = "revoked"
    """吊销: taken as a penalty."""
    WITHDRAWN = "withdrawn"
    """撤销: should not have been issued."""


ENDED = frozenset({Status.REPLACED, Status.CANCELLED, Status.REVOKED, Status.WITHDRAWN})
"""Ended by an act."""


class Act(StrEnum):
    """What is done to a certificate."""

    ISSUE = "issue"
    SUSPEND = "suspend"
    RESUME = "resume"
    REPLACE = "replace"
    CANCEL = "cancel"
    REVOKE = "revoke"
    WITHDRAW = "withdraw"
    REINSTATE = "reinstate"
    """The ending act was itself annulled, e.g. by a court."""


_ALIVE = (Status.NOT_YET, Status.IN_FORCE, Status.SUSPENDED, Status.EXPIRED)

TABLE: Mapping[tuple[Status, Act], Status] = {
    (Status.NOT_YET, Act.SUSPEND): Status.SUSPENDED,
    (Status.IN_FORCE, Act.SUSPEND): Status.SUSPENDED,
    (Status.SUSPENDED, Act.RESUME): Status.IN_FORCE,
    **{(status, Act.REPLACE): Status.REPLACED for status in _ALIVE},
    **{(status, Act.CANCEL): Status.CANCELLED for status in _ALIVE},
    **{(status, Act.REVOKE): Status.REVOKED for status in _ALIVE},
    **{(status, Act.WITHDRAW): Status.WITHDRAWN for status in _ALIVE},
    **{
        (status, Act.REINSTATE): Status.IN_FORCE
        for status in (Status.CANCELLED, Status.REVOKED, Status.WITHDRAWN)
    },
}
"""Everything that may happen after the issue. What was replaced stays replaced."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One act of a certificate's history."""

    act: Act
    by: Actor
    at: datetime
    """When it was recorded."""
    since: date
    """The first day it holds."""
    until: date | None
    """The last day of a suspension; None: until it is resumed."""
    reason: str
    basis: str
    """The legal basis: law and article, or the decision's number."""
    after: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A certificate in the register. Faces and documents are kept by their digests."""

    identifier: str
    type_id: str
    edition: int
    number: str = field(repr=False)
    """证照编号; on some types the holder's own number."""
    issuer: str
    """The issuing body's unified social credit identifier."""
    holders: tuple[Holder, ...] = field(repr=False)
    issued_on: date
    valid_from: date
    valid_to: date
    data_digest: str
    """Of the embedded data."""
    documents: Mapping[str, str]
    """Format (`ofd`, `pdf`) → digest of the sealed bytes; empty while only face data are here."""
    history: tuple[Entry, ...]
    openings_digest: str = ""
    """Of the salts for selective disclosure; they belong to the holder."""
    predecessor: str = ""
    successor: str = ""
    list_index: int | None = None
    """Its place in the status list; None: on no list."""

    def status_on(self, day: date, *, known_at: datetime | None = None) -> Status | None:
        """What it is worth on a day.

        Args:
            day: The Beijing day asked about.
            known_at: Only what was recorded by then is looked at: what a verifier of that time was
                told. None: all that is known today, later acts with earlier effect included.

        Returns:
            None before it was issued, or before it was known.
        """
        known = [e for e in self.history if known_at is None or e.at <= known_at]
        if not known or day < known[0].since:
            return None
        decided = Status.IN_FORCE
        for entry in known:
            if entry.since <= day and not (entry.until is not None and entry.until < day):
                decided = entry.after
        return self._timed(decided, day)

    def decided(self, day: date) -> Status:
        """Where the next act starts from: like `status_on`, suspensions to come included."""
        last = self.history[-1]
        lapsed = last.until is not None and last.until < day
        return self._timed(Status.IN_FORCE if lapsed else last.after, day)

    def _timed(self, decided: Status, day: date) -> Status:
        if decided in ENDED:
            return decided
        if day > self.valid_to:
            return Status.EXPIRED
        if decided is Status.IN_FORCE and day < self.valid_from:
            return Status.NOT_YET
        return decided


def local_day(at: datetime) -> date:
    """The Beijing day of a time."""
    return at.astimezone(BEIJING).date()


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Who does something to a certificate, when, and by what right."""

    by: Actor
    at: datetime
    reason: str
    basis: str
    since: date | None = None
    """The first day it holds; None: the day of `at`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifecycle:
    """The acts. Only the issuing body acts, or one of its superiors."""

    superiors: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Issuing body → bodies that may act in its place."""

    def suspend(
        self, certificate: Certificate, order: Order, *, until: date | None = None
    ) -> Certificate:
        """It does not count from `order.since`, which may lie ahead, to `until`.

        Raises:
            IllegalAct: `until`: before it begins; or see `_moved`.
        """
        since = order.since or local_day(order.at)
        if until is not None and until < since:
            raise IllegalAct("until")
        return self._moved(certificate, Act.SUSPEND, order, until=until)

    def resume(self, certificate: Certificate, order: Order) -> Certificate:
        """It counts again. A suspension that has not begun is called off.

        Raises:
            IllegalAct: See `_moved`.
        """
        return self._moved(certificate, Act.RESUME, order)

    def replace(
        self, certificate: Certificate, order: Order, *, successor: Certificate
    ) -> Certificate:
        """Another certificate of the type, made to follow this one, counts from now on.

        Raises:
            IllegalAct: `successor`; or see `_moved`.
        """
        follows = successor.predecessor == certificate.identifier
        if not follows or successor.type_id != certificate.type_id:
            raise IllegalAct("successor")
        if successor.identifier == certificate.identifier or successor.history[-1].after in ENDED:
            raise IllegalAct("successor")
        moved = self._moved(certificate, Act.REPLACE, order)
        return dataclasses.replace(moved, successor=successor.identifier)

    def cancel(self, certificate: Certificate, order: Order) -> Certificate:
        """It ends in order: at the holder's wish, by death or dissolution, by a faulty issue.

        Raises:
            IllegalAct: See `_moved`.
        """
        return self._moved(certificate, Act.CANCEL, order)

    def revoke(self, certificate: Certificate, order: Order) -> Certificate:
        """It is taken as a penalty.

        Raises:
            IllegalAct: See `_moved`.
        """
        return self._moved(certificate, Act.REVOKE, order)

    def withdraw(self, certificate: Certificate, order: Order) -> Certificate:
        """It should not have been issued; `order.since` may go back to the day of issue.

        Raises:
            IllegalAct: See `_moved`.
        """
        return self._moved(certificate, Act.WITHDRAW, order)

    def reinstate(self, certificate: Certificate, order: Order) -> Certificate:
        """The act that ended it was annulled: it counts from `order.since` again.

        Raises:
            IllegalAct: See `_moved`.
        """
        return self._moved(certificate, Act.REINSTATE, order)

    def _moved(
        self, certificate: Certificate, act: Act, order: Order, *, until: date | None = None
    ) -> Certificate:
        """One step through the table.

        Raises:
            IllegalAct: `not-the-issuer`; `reason`, `basis`: none, or too long; `time`: without
                zone, or before the last entry; `since`: ahead of the day of the act, or before the
                issue, or (a withdrawal apart) before the last act that holds already; `state`.
        """
        organisation = order.by.organisation
        above = self.superiors.get(certificate.issuer, frozenset())
        if not order.by.account or organisation not in {certificate.issuer, *above}:
            raise IllegalAct("not-the-issuer")
        for key, text in (("reason", order.reason), ("basis", order.basis)):
            if not text.strip() or len(text) > MAX_REASON:
                raise IllegalAct(key)
        if order.at.tzinfo is None or order.at < certificate.history[-1].at:
            raise IllegalAct("time")
        since = order.since or local_day(order.at)
        if not self._may_begin(certificate, act, since, local_day(order.at)):
            raise IllegalAct("since")
        after = TABLE.get((certificate.decided(local_day(order.at)), act))
        if after is None:
            raise IllegalAct("state")
        entry = Entry(
            act=act,
            by=order.by,
            at=order.at,
            since=since,
            until=until,
            reason=order.reason,
            basis=order.basis,
            after=after,
        )
        return dataclasses.replace(certificate, history=(*certificate.history, entry))

    def _may_begin(self, certificate: Certificate, act: Act, since: date, today: date) -> bool:
        """Only a suspension begins later; only a withdrawal reaches behind what already held."""
        first = certificate.history[0].since
        if since < first or (since > today and act is not Act.SUSPEND):
            return False
        if act is Act.WITHDRAW:
            return True
        return all(entry.since <= since or entry.since > today for entry in certificate.history)


def issued(certificate: Certificate, by: Actor, at: datetime, basis: str) -> Certificate:
    """The certificate with the first entry of its history.

    Raises:
        IllegalAct: `state`: it has one already; `time`; `identifier`; `validity`.
    """
    if certificate.history:
        raise IllegalAct("state")
    if at.tzinfo is None:
        raise IllegalAct("time")
    if certificate.valid_to < certificate.valid_from:
        raise IllegalAct("validity")
    try:
        parse_certificate_id(certificate.identifier)
    except InvalidCode:
        raise IllegalAct("identifier") from None
    entry = Entry(
        act=Act.ISSUE,
        by=by,
        at=at,
        since=certificate.issued_on,
        until=None,
        reason="",
        basis=basis,
        after=Status.IN_FORCE,
    )
    return dataclasses.replace(certificate, history=(entry,))
