"""Certificates under the seals of the register: `certificates.ports.Sealer` over `seals.sealing`."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping

from certificates.carrying import carried
from certificates.digests import sm3
from certificates.errors import MalformedData
from certificates.ports import SealOrder
from seals.errors import KeyUnavailable
from seals.levels import Intent, Mode
from seals.placing import AtPlace
from seals.sealing import Order, Sealer

REMEMBERED = 4096
"""Documents of which this process still knows that their sealer proved them."""


class RegisteredSealer:
    """Seals with keys of the house, as far as the register of seals allows. Threads may share it."""

    def __init__(self, sealers: Mapping[str, Sealer]) -> None:
        """Args:
        sealers: By format; a format without one cannot be sealed here.
        """
        self._sealers = sealers
        self._proven: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()

    def seal(self, order: SealOrder) -> bytes:
        """See the port. A certificate is finished: nothing may be added to it.

        Raises:
            SealError: See `seals.sealing.Sealer.sealed`; `KeyUnavailable` where no key is set up.
        """
        wanted = Order(
            seal_id=order.seal_id,
            account=order.account,
            reason=order.reason,
            placements=tuple(AtPlace(page=at.page, x=at.x, y=at.y) for at in order.points),
            certificate_type=order.type_id,
            mode=Mode.WHOLE,
            intent=Intent.CERTIFIED,
        )
        sealed = self._sealer(order.format).sealed(order.document, wanted)
        self._remember(sm3(sealed))
        return sealed

    def faults(self, document: bytes, format_: str, data_digest: str) -> tuple[str, ...]:
        """See the port. What this process has just sealed was proven as it was made; anything else,
        a document that another process left, is judged anew.
        """
        try:
            data = carried(document, format_)
        except MalformedData as wrong:
            return (wrong.why,)
        if sm3(data) != data_digest:
            return ("data",)
        if self._knows(sm3(document)):
            return ()
        return self._sealer(format_).faults(document)

    def _sealer(self, format_: str) -> Sealer:
        sealer = self._sealers.get(format_)
        if sealer is None:
            raise KeyUnavailable("no-key")
        return sealer

    def _remember(self, digest: str) -> None:
        with self._lock:
            self._proven[digest] = None
            if len(self._proven) > REMEMBERED:
                self._proven.popitem(last=False)

    def _knows(self, digest: str) -> bool:
        with self._lock:
            return digest in self._proven
