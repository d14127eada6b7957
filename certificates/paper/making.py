"""From the data of a certificate to the text of its paper code.

All items are told where the code is no larger than `Room` allows; pictures never are. Where they do not
fit, the number, the holders, the issuing authority and the days come first (they are always told), then
the others in the order of the face, each where it still fits. What stands on paper alone is named in
the code, so that nobody takes it for signed. Nothing is told that the face does not show, but for the
authority: a holder's number that is not on the face is not on paper, either.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from catalog import certificate_id
from certificates.embedding import CertificateData
from certificates.errors import IllegalAct
from certificates.model import Definition, ItemType
from certificates.paper.envelope import (
    FORM,
    KID_BYTES,
    SIGNATURE_BYTES,
    Form,
    closed,
    packed,
    to_sign,
)
from certificates.paper.facts import PaperFacts, StatusPlace

CHARACTERS = 600
"""What a QR code of version 15 holds in alphanumeric mode with error correction M (GB/T 18284)."""
MOST = 1451
"""The same of version 25: what cannot be left out may need it, and no printer's code is larger."""


class PaperSigner(Protocol):
    """Signs paper codes: the key of the seal of the issuing unit."""

    @property
    def kid(self) -> bytes:
        """The first eight bytes of the SM3 of its SubjectPublicKeyInfo."""
        ...

    def sign(self, message: bytes) -> bytes:
        """64 bytes: r ‖ s of SM2 with SM3."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperCode:
    """A code that was made."""

    text: str
    """For the QR code: digits, capitals and the marks of its alphanumeric mode."""
    facts: PaperFacts


def paper_code(
    definition: Definition,
    data: CertificateData,
    signer: PaperSigner,
    *,
    printed_on: date,
    status: StatusPlace | None = None,
    form: Form = FORM,
) -> PaperCode:
    """The paper code of a certificate.

    Args:
        definition: Of the type, as it was for the data's edition.
        data: Of the certificate.
        signer: Of the issuing unit.
        printed_on: The Beijing day of printing.
        status: Where a status list tells of the certificate.
        form: What readers expect.

    Raises:
        IllegalAct: `data`: of another type, of a draft or of an annotated copy, which has a life of
            its own; `too-long`: what must be told does not fit; `signature`: no signature of 64
            bytes, or no kid of eight.
    """
    facts = chosen(definition, data, printed_on=printed_on, status=status, form=form)
    if len(signer.kid) != KID_BYTES:
        raise IllegalAct("signature")
    payload = packed(bytes(facts))
    signature = signer.sign(to_sign(payload, signer.kid, form))
    if len(signature) != SIGNATURE_BYTES:
        raise IllegalAct("signature")
    return PaperCode(text=closed(payload, signer.kid, signature, form), facts=facts)


def chosen(
    definition: Definition,
    data: CertificateData,
    *,
    printed_on: date,
    status: StatusPlace | None = None,
    form: Form = FORM,
) -> PaperFacts:
    """What is told of a certificate; see `paper_code`, also for what is raised."""
    items = tuple(definition.type.items)
    shown = tuple(entry.id for entry in data.face.items)
    if (
        data.provisional is not None
        or data.parent
        or (definition.id, items) != (data.type_id, shown)
    ):
        raise IllegalAct("data")
    filled = {
        at: entry.values
        for at, entry in enumerate(data.face.items)
        if entry.values and entry.type is not ItemType.PICTURE
    }
    needed = essential(definition)
    told = {at: lines for at, lines in filled.items() if items[at] in needed}
    bare = _facts(definition, data, printed_on, status)
    if _size(whole := _telling(bare, data, filled), form) <= CHARACTERS:
        return whole
    facts = _telling(bare, data, told)
    if _size(facts, form) > MOST:
        raise IllegalAct("too-long")
    for at, lines in filled.items():
        more = _telling(bare, data, {**told, at: lines})
        if at not in told and _size(more, form) <= CHARACTERS:
            told, facts = {**told, at: lines}, more
    return facts


def essential(definition: Definition) -> frozenset[str]:
    """Items that are always told: number, holders, issuing authority, days."""
    named = (
        definition.number,
        definition.authority,
        definition.issued_on,
        definition.valid_from,
        definition.validity.item,
        *(item for place in definition.holders for item in (place.name, place.code)),
    )
    return frozenset(item for item in named if item)


def _telling(
    bare: PaperFacts, data: CertificateData, told: Mapping[int, tuple[str, ...]]
) -> PaperFacts:
    filled = (at for at, entry in enumerate(data.face.items) if entry.values)
    return dataclasses.replace(
        bare,
        items=dict(sorted(told.items())),
        left_out=tuple(at for at in filled if at not in told),
    )


def _facts(
    definition: Definition, data: CertificateData, printed_on: date, status: StatusPlace | None
) -> PaperFacts:
    of = data.metadata
    days = (date.fromisoformat(of[name]) for name in ("ZZBFRQ", "ZZYXQQSRQ", "ZZYXQJZRQ"))
    issued_on, valid_from, valid_to = days
    return PaperFacts(
        type_id=data.type_id,
        edition=data.edition,
        identifier=certificate_id(data.identifier),
        items={},
        left_out=(),
        authority="" if _filled(data, definition.authority) else of["ZZBFJG"],
        status=status,
        issued_on=issued_on,
        valid_from=valid_from,
        valid_to=valid_to,
        printed_on=printed_on,
    )


def _filled(data: CertificateData, item: str | None) -> bool:
    return item is not None and bool(data.face.get(item).values)


def _size(facts: PaperFacts, form: Form) -> int:
    """Characters of the code; how it is signed does not change them."""
    blank = closed(packed(bytes(facts)), bytes(KID_BYTES), bytes(SIGNATURE_BYTES), form)
    return len(blank)
