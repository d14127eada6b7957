"""Joins the certificate centre of a hub."""

from __future__ import annotations

import secrets

from catalog import Catalog
from certificates.loading import load
from certificates.model import Tier
from certificates.ports import Now, SealOrder
from certificates.preparing import Desk
from certificates.register import (
    MemoryBlobs,
    MemoryCopies,
    MemoryNumbers,
    MemoryPresentations,
    MemoryRegister,
)
from certificates.rendering import Renderer
from certificates.typelist import SuperiorList, TypeList
from hub.certificates.centre import CertificateCentre
from seals.errors import KeyUnavailable


class NoSealer:
    """Where no sealing key is configured: nothing is sealed, nothing is proven."""

    def seal(self, order: SealOrder) -> bytes:  # noqa: ARG002  (the port's signature)
        """Raises:
        KeyUnavailable: `no-key`.
        """
        raise KeyUnavailable("no-key")

    def faults(
        self,
        document: bytes,  # noqa: ARG002  (the port's signature)
        format_: str,  # noqa: ARG002  (as above)
        data_digest: str,  # noqa: ARG002  (as above)
    ) -> tuple[str, ...]:
        """See the port."""
        return ("no-key",)


def joined_centre(catalog: Catalog, now: Now) -> CertificateCentre:
    """The centre of a hub."""
    blobs = MemoryBlobs()
    desk = Desk(
        register=MemoryRegister(),
        blobs=blobs,
        numbers=MemoryNumbers(),
        sealer=NoSealer(),
        renderer=Renderer(stored=blobs.get),
        tables=catalog.code_tables,
        place=TypeList(place="", tier=Tier.CITY, superior=SuperiorList(name="", codes={}), held={}),
        editions=lambda _: None,
        now=now,
        salts=secrets.token_bytes,
    )
    return CertificateCentre(
        definitions=load(catalog),
        desk=desk,
        copies=MemoryCopies(),
        presentations=MemoryPresentations(now),
        bound=lambda _unit, _type: None,
        rights=lambda _client: (),
        token_bytes=secrets.token_bytes,
    )
