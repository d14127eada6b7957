"""From an intent to a certificate in force, so that a crash anywhere is resumed or voided.

`preparing.begin` records the intent; from then on `advance` does one step at a time, each of which
ends in one transaction of the register. What a step leaves behind when it dies before its end is
bytes without a name: a sealed document leaves the house only after it was verified and recorded.
"""

from __future__ import annotations

import dataclasses

from certificates.editions import Edition
from certificates.embedding import read_data
from certificates.errors import IllegalAct, SealNotProven
from certificates.issuing import DONE, Intent, Stage, Step
from certificates.lifecycle import Certificate, Order, issued
from certificates.ports import SealOrder
from certificates.preparing import Desk, Request, begin, effective

MAX_ATTEMPTS = 3
"""Seals that did not verify; then somebody has to look."""


def advance(intent: Intent, desk: Desk) -> Intent:
    """One step on. What is recorded or void stays as it is.

    Raises:
        IllegalAct: `edition`: it was retired since; `draft`: the data are no certificate's;
            `attempts`: seals keep failing; `replaces`: what it follows ended meanwhile.
        SealNotProven: The seal does not prove itself; the intent is back before it.
        LostBytes: The store lost a draft: void it and begin again.
        RegisterConflict: Somebody else is at it.
    """
    match intent.stage:
        case Stage.INTENDED:
            return _seal(intent, desk)
        case Stage.SEALED:
            return _verify(intent, desk)
        case Stage.VERIFIED:
            return _record(intent, desk)
        case _:
            return intent


def _seal(intent: Intent, desk: Desk) -> Intent:
    if intent.attempts >= MAX_ATTEMPTS:
        raise IllegalAct("attempts")
    edition = may_be_sealed(intent, desk)
    points = desk.renderer.seal_points(edition)
    sealed = {}
    for name, digest in intent.drafts.items():
        order = SealOrder(
            document=desk.blobs.get(digest),
            format=name,
            identifier=intent.identifier,
            type_id=intent.certificate.type_id,
            unit=intent.unit,
            seal_id=intent.seal_id,
            points=points,
            account=intent.by.account,
            reason=intent.key,
        )
        sealed[name] = desk.blobs.put(desk.sealer.seal(order))
    after = intent.after(Step.SEAL, sealed=sealed)
    desk.register.advance(intent, after)
    return after


def may_be_sealed(intent: Intent, desk: Desk) -> Edition:
    """The edition it was drawn by, which is still the effective one.

    Raises:
        IllegalAct: `edition`, `draft`; see `advance`.
    """
    of = intent.certificate
    data = read_data(desk.blobs.get(of.data_digest))
    if data.provisional is not None or data.identifier != intent.identifier:
        raise IllegalAct("draft")
    edition = effective(of.type_id, desk, desk.now())
    if edition is None or edition.number != of.edition:
        raise IllegalAct("edition")
    return edition


def _verify(intent: Intent, desk: Desk) -> Intent:
    faults = [
        fault
        for name, digest in intent.sealed.items()
        for fault in desk.sealer.faults(
            desk.blobs.get(digest), name, intent.certificate.data_digest
        )
    ]
    if faults or not intent.sealed:
        attempts = intent.attempts + 1
        desk.register.advance(intent, intent.after(Step.REJECT, sealed={}, attempts=attempts))
        raise SealNotProven(", ".join(faults) or "nothing-sealed")
    after = intent.after(Step.VERIFY)
    desk.register.advance(intent, after)
    return after


def _record(intent: Intent, desk: Desk) -> Intent:
    at = desk.now()
    bare = dataclasses.replace(intent.certificate, documents=intent.sealed)
    certificate = issued(bare, intent.by, at, intent.basis)
    others: tuple[Certificate, ...] = ()
    if certificate.predecessor:
        former = desk.register.get(certificate.predecessor)
        reason = f"由 {certificate.identifier} 替代 / followed by it"
        order = Order(by=intent.by, at=at, reason=reason, basis=intent.basis)
        try:
            others = (desk.lifecycle.replace(former, order, successor=certificate),)
        except IllegalAct:
            raise IllegalAct("replaces") from None
    after = intent.after(Step.RECORD)
    desk.register.record(intent, after, certificate, *others)
    return after


def finish(intent: Intent, desk: Desk) -> Certificate:
    """Step by step to the end.

    Raises:
        IllegalAct: `void`; and whatever `advance` raises.
    """
    while intent.stage not in DONE:
        intent = advance(intent, desk)
    if intent.stage is Stage.VOID:
        raise IllegalAct("void")
    return desk.register.get(intent.identifier)


def issue(request: Request, desk: Desk) -> Certificate:
    """`begin` and `finish`; after a crash the same call goes on where it stopped.

    Raises:
        CertificateError: See `begin` and `advance`.
    """
    return finish(begin(request, desk), desk)


def void(intent: Intent, desk: Desk, reason: str) -> Intent:
    """Give up an issue that is not recorded; its identifier stays spent.

    Raises:
        IllegalAct: `stage`: recorded already, or void; `reason`.
        RegisterConflict: Somebody else is at it.
    """
    if not reason.strip():
        raise IllegalAct("reason")
    after = intent.after(Step.VOID, note=reason)
    desk.register.advance(intent, after)
    return after
