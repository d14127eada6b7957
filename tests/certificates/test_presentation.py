"""Presentation: one token, one audience, five minutes, and three rights to show."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certificates.errors import IllegalAct, PresentationRefused
from certificates.issuance import issue
from certificates.lifecycle import Certificate, Lifecycle, Order
from certificates.presentation import (
    LASTS,
    Authorisation,
    ByDelegate,
    ByDuty,
    ByHolder,
    Mode,
    Presentation,
    Right,
    present,
    redeem,
)
from certificates.register import MemoryPresentations
from tests.world.certificates import CLERK, NOW, PERSON, Clock, desk, request

CARD = issue(request("resident-id-card"), desk())
OTHER = "990101199001010027"
AUTHORISED = Authorisation(
    id="auth-1",
    holder=PERSON.code,
    delegate=OTHER,
    certificates=frozenset({CARD.identifier}),
    since=NOW,
    until=NOW + timedelta(days=1),
)
ALLOWED = {"xinxiang-10-01": frozenset({"resident-id-card"})}
DUTY = ByDuty(
    organisation="checkpoint",
    account="officer",
    item="xinxiang-10-01",
    reason="入学核验",
    allowed=ALLOWED,
)
HOLDER = ByHolder(holder=PERSON.code)
DELEGATE = ByDelegate(delegate=OTHER, authorisation=AUTHORISED)


@dataclass
class Desk:
    """A store, a clock and unpredictable bytes."""

    clock: Clock = field(default_factory=Clock)
    counter: itertools.count[int] = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        self.kept = MemoryPresentations(self.clock)

    def show(
        self, right: Right, certificate: Certificate = CARD, audience: str = "checkpoint"
    ) -> str:
        """A token."""
        return present(
            certificate,
            right,
            audience=audience,
            items=("name", "portrait"),
            at=self.clock(),
            presentations=self.kept,
            token_bytes=lambda size: next(self.counter).to_bytes(size),
        )

    def redeem(self, token: str, audience: str = "checkpoint") -> Presentation:
        """What it stands for."""
        return redeem(token, audience=audience, at=self.clock(), presentations=self.kept)


RIGHTS: dict[Mode, tuple[Right, str]] = {
    Mode.HOLDER: (HOLDER, ""),
    Mode.DELEGATE: (DELEGATE, "auth-1"),
    Mode.DUTY: (DUTY, "officer xinxiang-10-01"),
}


@pytest.mark.parametrize("mode", Mode)
def test_each_right_shows_once(mode: Mode) -> None:
    """The audience learns which certificate, by what right and which items; then it is spent."""
    office = Desk()
    right, reference = RIGHTS[mode]
    token = office.show(right)

    shown = office.redeem(token)
    assert (shown.identifier, shown.mode, shown.reference) == (CARD.identifier, mode, reference)
    assert shown.items == ("name", "portrait")
    assert shown.expires_at - shown.issued_at == timedelta(minutes=5)
    with pytest.raises(PresentationRefused, match="unknown"):
        office.redeem(token)


def test_five_minutes_and_no_longer() -> None:
    """The last second counts, the end does not."""
    office = Desk()
    token, late = office.show(HOLDER), office.show(HOLDER)
    office.clock.at = NOW + LASTS - timedelta(seconds=1)
    assert office.redeem(token).mode is Mode.HOLDER
    office.clock.at = NOW + LASTS
    with pytest.raises(PresentationRefused, match="late"):
        office.redeem(late)


def test_the_wrong_audience_sees_nothing_and_spends_it() -> None:
    """Whoever caught a token cannot use it, and the right one learns that it is gone."""
    office = Desk()
    token = office.show(HOLDER)

    with pytest.raises(PresentationRefused, match="audience"):
        office.redeem(token, "somebody")
    with pytest.raises(PresentationRefused, match="unknown"):
        office.redeem(token)


def test_neither_token_nor_store_tell_anything() -> None:
    """The token is a number; under its digest the store holds nobody's name or number."""
    office = Desk()
    token = office.show(DELEGATE)
    (key,), ((content, _),) = office.kept._kept.keys(), office.kept._kept.values()

    assert len(token) == 43
    assert token not in key
    for secret in (token, PERSON.code, OTHER, PERSON.name):
        assert secret.encode() not in content
        assert secret not in repr(DELEGATE)


LIFE = Lifecycle()
ORDER = Order(by=CLERK, at=NOW, reason="核查", basis="条例")
REFUSED: dict[str, tuple[Callable[[Desk], object], str]] = {
    "not the holder": (lambda d: d.show(ByHolder(holder=OTHER)), "not-the-holder"),
    "authorised by no holder": (lambda d: d.show(replace(DELEGATE, authorisation=replace(AUTHORISED, holder=OTHER))), "not-authorised"),
    "authorised for another": (lambda d: d.show(replace(DELEGATE, delegate=PERSON.code)), "not-authorised"),
    "authorised for another certificate": (lambda d: d.show(replace(DELEGATE, authorisation=replace(AUTHORISED, certificates=frozenset()))), "not-authorised"),
    "authorisation is over": (lambda d: d.show(replace(DELEGATE, authorisation=replace(AUTHORISED, until=NOW))), "not-authorised"),
    "authorisation is to come": (lambda d: d.show(replace(DELEGATE, authorisation=replace(AUTHORISED, since=NOW + LASTS))), "not-authorised"),
    "authorisation was withdrawn": (lambda d: d.show(replace(DELEGATE, authorisation=replace(AUTHORISED, withdrawn_at=NOW))), "not-authorised"),
    "duty of another item": (lambda d: d.show(replace(DUTY, item="xinxiang-01-01")), "not-on-duty"),
    "duty of another type": (lambda d: d.show(replace(DUTY, allowed={DUTY.item: frozenset({"passport"})})), "not-on-duty"),
    "duty without reason": (lambda d: d.show(replace(DUTY, reason=" ")), "reason"),
    "duty for another office": (lambda d: d.show(DUTY, audience="elsewhere"), "not-on-duty"),
    "duty of nobody": (lambda d: d.show(replace(DUTY, account="")), "not-on-duty"),
    "for nobody": (lambda d: d.show(HOLDER, audience=""), "audience"),
    "suspended": (lambda d: d.show(HOLDER, LIFE.suspend(CARD, ORDER)), "status"),
    "revoked": (lambda d: d.show(HOLDER, LIFE.revoke(CARD, ORDER)), "status"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_without_right_nothing_is_shown(name: str) -> None:
    """And nothing is kept."""
    act, why = REFUSED[name]
    office = Desk()
    with pytest.raises(IllegalAct) as refused:
        act(office)
    assert refused.value.why == why
    assert office.kept._kept == {}


@given(st.text(max_size=100) | st.sampled_from(["\ud800", "A" * 43, "../../etc/passwd"]))
def test_any_text_is_no_token(token: str) -> None:
    """Refused like a spent one, whatever it holds."""
    with pytest.raises(PresentationRefused, match="unknown"):
        Desk().redeem(token)


def test_what_nobody_took_is_dropped() -> None:
    """The store does not grow with tokens that were never shown."""
    office = Desk()
    for _ in range(50):
        office.show(HOLDER)
        office.clock.pass_(minutes=1)
    assert len(office.kept._kept) <= 6
