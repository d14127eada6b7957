"""A desk where certificates are really drawn and really sealed: shipped templates, SM2 seals of the
demo's bureau in OFD, PAdES in PDF.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache

from certificates.digests import sm3
from certificates.editions import Binding, Conformance, Editions
from certificates.face import Given
from certificates.preparing import Desk, Request
from certificates.register import MemoryBlobs
from certificates.rendering import Renderer
from certificates.templates.keeping import kept
from certificates.templates.samples import portrait
from hub.certificates.sealing import RegisteredSealer
from hub.demo.bureau import BUREAU as SEAL_BUREAU
from hub.demo.bureau import OFFICER, Bureau, Planned
from seals.judging import Judges
from seals.register import MemoryRegister as MemorySeals
from seals.registered import SealKind
from seals.revocation import read_list
from seals.sealing import Sealer
from seals.terminal import now
from seals.trust import TrustStore
from seals.x509 import read_x509
from tests.world import certificates as world
from tests.world.drawings import planned


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """A bureau with its seals."""

    bureau: Bureau
    seals: MemorySeals
    judges: Judges


@cache
def house() -> House:
    """One for all tests of a process: making seals takes long."""
    bureau, seals = Bureau.founded(), MemorySeals()
    types: dict[int, set[str]] = {}
    for type_id in world.definitions():
        types.setdefault(room(type_id), set()).add(type_id)
    for number, diameter in enumerate(sorted(types), 1):
        plan = Planned(
            id=seal_id(diameter),
            kind=SealKind.CERTIFICATE_TYPE,
            organisation=SEAL_BUREAU,
            name=f"证照专用章（{number}）",
            ring=SEAL_BUREAU,
            lower=("证照专用章",),
            diameter=diameter,
            certificate_types=frozenset(types[diameter]),
        )
        bureau.brought_to_use(seals, plan, number)
    trust = bureau.trust()
    store = TrustStore.of((read_x509(trust["root.cer"]),), lists=(read_list(trust["root.crl"]),))
    return House(bureau=bureau, seals=seals, judges=store.judges())


def room(type_id: str) -> int:
    """Millimetres that a type's template has for the seal."""
    ((place),) = [each for page in planned(type_id).pages for each in page.seals]
    return int(place.diameter)


def seal_id(diameter: int) -> str:
    """Of the seal of that size."""
    return f"certificates-{diameter}"


def sealer(*formats: str) -> RegisteredSealer:
    """SM2 in OFD, P-256 in PDF."""
    of = house()
    keys = {"ofd": of.bureau.sm2, "pdf": of.bureau.p256}
    return RegisteredSealer(
        {
            each: Sealer(register=of.seals, key=keys[each], now=now, judges=of.judges)
            for each in formats or ("ofd", "pdf")
        }
    )


@cache
def published(type_id: str) -> Editions:
    """One edition of a type with its shipped template."""
    definition, at = world.definitions()[type_id], world.NOW - timedelta(days=365)
    template = planned(type_id)
    drafted = Editions(type_id=type_id, owner=world.LINE).draft(
        world.province(),
        definition,
        template_digest=sm3(kept(template)),
        dotted=template.dotted,
        conformance=Conformance.NATIONAL,
        by=world.BUREAU,
        at=at,
    )
    return drafted.publish(1, definition, faults=(), by=world.BUREAU, at=at)


def desk(*formats: str) -> Desk:
    """Everything real but the stores, which are in this process."""
    blobs = MemoryBlobs()
    for type_id in world.definitions():
        blobs.put(kept(planned(type_id)))
    for wide in (False, True):
        blobs.put(portrait(wide=wide))
    return replace(
        world.desk(blobs=blobs, sealer=sealer(*formats)),
        renderer=Renderer(stored=blobs.get, formats=formats or ("ofd", "pdf")),
        editions=published,
    )


def request(type_id: str, key: str = "case-1", **changes: object) -> Request:
    """A request to issue the sample of a type, with a portrait of nobody."""
    given: Mapping[str, Given] = {
        item.id: sm3(portrait(wide=item.label == "双人合影"))
        for item in world.definitions()[type_id].type.items.values()
        if item.max_length == 0
    }
    binding = Binding(
        unit=world.OFFICE.code, type_id=type_id, seal_id=seal_id(room(type_id)), series="main"
    )
    by = replace(world.CLERK, account=OFFICER)
    wanted = {"values": world.values(type_id, **given), "binding": binding, "by": by} | changes
    return world.request(type_id, key, **wanted)
