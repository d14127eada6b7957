"""A certificate centre in one process, over the desk of `tests.world.certificates`."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import date

from certificates.editions import Binding
from certificates.identifiers import Series
from certificates.preparing import Desk
from certificates.register import MemoryCopies, MemoryPresentations
from hub.certificates.centre import Bound, CertificateCentre
from hub.certificates.rights import EVERY_TYPE, CertificateRight, Right
from tests.world.certificates import OFFICE, Clock, definitions, desk, type_codes


def bound(unit: str, type_id: str) -> Bound | None:
    """The demonstration office issues everything under `seal-1`."""
    if unit != OFFICE.code or type_id not in definitions():
        return None
    return Bound(
        binding=Binding(unit=unit, type_id=type_id, seal_id="seal-1", series="main"),
        series=Series(issuer=unit, type_code=type_codes()[type_id]),
    )


def every_right(consumer: str) -> Sequence[CertificateRight]:
    """Anybody may do everything for the demonstration office."""
    return tuple(
        CertificateRight(
            id=f"crt_{right}",
            consumer=consumer,
            right=right,
            unit=OFFICE.code,
            type_id=EVERY_TYPE,
            until=date(2027, 12, 31),
        )
        for right in Right
    )


def centre(clock: Clock | None = None, at: Desk | None = None) -> CertificateCentre:
    """Everything in this process; give a desk to have other ports."""
    time = clock or Clock()
    counter = itertools.count()
    return CertificateCentre(
        definitions=definitions(),
        desk=at or desk(clock=time),
        copies=MemoryCopies(),
        presentations=MemoryPresentations(time),
        bound=bound,
        rights=every_right,
        token_bytes=lambda size: next(counter).to_bytes(size),
    )
