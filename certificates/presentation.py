"""Presentation (亮证): a token that shows one certificate once, to one audience, within five minutes.

The token is nothing but a random number; what it stands for is kept under its digest, so whoever
reads the store can present nothing. Redeeming spends it whatever comes of it. There are three legal
modes: the holder, a delegate with the holder's authorisation, and an official on duty.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from certificates.digests import sm3
from certificates.errors import IllegalAct, PresentationRefused
from certificates.lifecycle import Certificate, Status, local_day
from certificates.ports import Presentations

LASTS = timedelta(minutes=5)
TOKEN_BYTES = 32
MAX_REASON = 200


class Mode(StrEnum):
    """By what right a certificate is shown."""

    HOLDER = "holder"
    DELEGATE = "delegate"
    """委托授权."""
    DUTY = "duty"
    """依职能."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ByHolder:
    """The holder shows it."""

    holder: str = field(repr=False)
    """Number of the person or body that is signed in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ByDelegate:
    """Somebody whom the holder has authorised shows it."""

    delegate: str = field(repr=False)
    """Number of whoever is signed in."""
    authorisation: Authorisation


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorisation:
    """What a holder allows another to show."""

    id: str
    holder: str = field(repr=False)
    delegate: str = field(repr=False)
    certificates: frozenset[str]
    since: datetime
    until: datetime
    withdrawn_at: datetime | None = None

    def covers(self, certificate: Certificate, at: datetime) -> bool:
        """Does it allow this certificate to be shown at that time?"""
        withdrawn = self.withdrawn_at is not None and self.withdrawn_at <= at
        return (
            certificate.identifier in self.certificates
            and self.since <= at < self.until
            and not withdrawn
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ByDuty:
    """An official looks, because the matter in hand allows it."""

    organisation: str
    account: str
    item: str
    """The service item that is being handled."""
    reason: str
    allowed: Mapping[str, frozenset[str]]
    """Service item → certificate types its officials may look at; from the catalogue."""


Right = ByHolder | ByDelegate | ByDuty


@dataclass(frozen=True, slots=True, kw_only=True)
class Presentation:
    """What a token stands for. It holds nobody's number."""

    identifier: str
    mode: Mode
    audience: str
    """Whoever may redeem it: an organisation, a checkpoint, a device."""
    items: tuple[str, ...]
    """Face items that are shown; empty for all."""
    reference: str
    """The authorisation's id, or account and service item on duty; empty for the holder."""
    issued_at: datetime
    expires_at: datetime


def present(
    certificate: Certificate,
    right: Right,
    *,
    audience: str,
    items: tuple[str, ...] = (),
    at: datetime,
    presentations: Presentations,
    token_bytes: Callable[[int], bytes],
) -> str:
    """A token for one audience.

    Args:
        certificate: As the register has it.
        right: By what right.
        audience: Who may redeem it.
        items: Face items to show; none for all.
        at: Now.
        presentations: Where it is kept.
        token_bytes: Gives so many unpredictable bytes, e.g. `secrets.token_bytes`.

    Returns:
        The token's text, for a QR code.

    Raises:
        IllegalAct: `status`: the certificate is not in force; `not-the-holder`,
            `not-authorised`, `not-on-duty`, `reason`, `audience`, `time`.
    """
    if at.tzinfo is None:
        raise IllegalAct("time")
    if not audience:
        raise IllegalAct("audience")
    if certificate.status_on(local_day(at)) is not Status.IN_FORCE:
        raise IllegalAct("status")
    mode, reference = _judged(certificate, right, audience, at)
    presentation = Presentation(
        identifier=certificate.identifier,
        mode=mode,
        audience=audience,
        items=items,
        reference=reference,
        issued_at=at,
        expires_at=at + LASTS,
    )
    token = base64.urlsafe_b64encode(token_bytes(TOKEN_BYTES)).rstrip(b"=").decode()
    presentations.put(_key(token), _written(presentation), presentation.expires_at)
    return token


def _judged(
    certificate: Certificate, right: Right, audience: str, at: datetime
) -> tuple[Mode, str]:
    """The mode and what it refers to, where the right is one."""
    holders = {holder.code for holder in certificate.holders}
    match right:
        case ByHolder():
            if right.holder not in holders:
                raise IllegalAct("not-the-holder")
            return Mode.HOLDER, ""
        case ByDelegate():
            given = right.authorisation
            known = given.holder in holders and given.delegate == right.delegate
            if not known or not given.covers(certificate, at):
                raise IllegalAct("not-authorised")
            return Mode.DELEGATE, given.id
        case ByDuty():
            if not right.reason.strip() or len(right.reason) > MAX_REASON:
                raise IllegalAct("reason")
            allowed = right.allowed.get(right.item, frozenset())
            own = right.organisation == audience and bool(right.account)
            if certificate.type_id not in allowed or not own:
                raise IllegalAct("not-on-duty")
            return Mode.DUTY, f"{right.account} {right.item}"


def redeem(
    token: str, *, audience: str, at: datetime, presentations: Presentations
) -> Presentation:
    """What the token stands for, once. It is spent even where it is refused.

    The certificate's status is not in it: whoever redeems looks it up now.

    Raises:
        PresentationRefused: `unknown`: never was, or spent; `late`; `audience`.
    """
    kept = presentations.take(_key(token))
    if kept is None:
        raise PresentationRefused("unknown")
    presentation = _read(kept)
    if not presentation.issued_at <= at < presentation.expires_at:
        raise PresentationRefused("late")
    if presentation.audience != audience:
        raise PresentationRefused("audience")
    return presentation


def _key(token: str) -> str:
    return sm3(token.encode("utf-8", "surrogatepass"))


def _written(presentation: Presentation) -> bytes:
    row = [
        presentation.identifier,
        presentation.mode,
        presentation.audience,
        presentation.items,
        presentation.reference,
        presentation.issued_at.astimezone(UTC).isoformat(),
        presentation.expires_at.astimezone(UTC).isoformat(),
    ]
    return json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode()


def _read(kept: bytes) -> Presentation:
    """Our own words: the port gives back what was put."""
    identifier, mode, audience, items, reference, issued, expires = json.loads(kept)
    return Presentation(
        identifier=identifier,
        mode=Mode(mode),
        audience=audience,
        items=tuple(items),
        reference=reference,
        issued_at=datetime.fromisoformat(issued),
        expires_at=datetime.fromisoformat(expires),
    )
