"""Certificates of the invented province: its list of types, its offices, and a desk to issue at
whose seals are real SM2 signatures and whose documents are nothing but their data.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache

from stdnum.iso7064 import mod_11_2

from catalog import Catalog, load
from certificates.digests import sm3
from certificates.editions import Binding, Conformance, Edition, Editions
from certificates.embedding import CertificateData
from certificates.face import Given, sample
from certificates.identifiers import Series
from certificates.lists import DEMONSTRATION, read_list
from certificates.loading import load as load_definitions
from certificates.model import (
    FOREVER,
    Actor,
    Definition,
    End,
    Holder,
    HolderKind,
    Office,
    Tier,
)
from certificates.particulars import Stated
from certificates.ports import Blobs, Numbers, Register, Sealer, SealOrder, SealPoint
from certificates.preparing import Desk, Request
from certificates.register import MemoryBlobs, MemoryNumbers, MemoryRegister
from certificates.typelist import Mode, SuperiorList, TypeList
from seals.keys import verifying_key
from tests.world.seals import SIGNER_KEY

NOW = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)
TODAY = date(2026, 11, 24)
DEFINER = "11990000000000107Q"
OFFICE = Office(name="演示市演示局", code="119900000000002032")
PERSON = Holder(name="赵明示", code="990101199001010019", kind=HolderKind.CITIZEN_ID)
FIRM = Holder(name="示范商贸有限公司", code="91990101MA0000015C", kind=HolderKind.USCC)
LINE, MODE = "line-of-business", Mode.SYSTEM
CLERK = Actor(account="clerk", organisation=OFFICE.code)
BUREAU = Actor(account="bureau", organisation=LINE)
LOCAL = ("signboard-permit", "seal-filing-proof")
"""Types that the province does not list; the city supplements them."""


@cache
def catalog() -> Catalog:
    """The real one."""
    return load()


@cache
def definitions() -> Mapping[str, Definition]:
    """The 68 types."""
    return load_definitions(catalog())


@cache
def superior() -> SuperiorList:
    """The invented province's."""
    return read_list(DEMONSTRATION, definitions())


@cache
def type_codes() -> Mapping[str, str]:
    """A code for every type: the list's, and two of the city's own."""
    own = {type_id: f"{DEFINER}{number}" for number, type_id in enumerate(LOCAL, start=901)}
    return {**superior().codes, **own}


def city() -> TypeList:
    """A city's list with nothing claimed yet."""
    return TypeList(place="演示市", tier=Tier.CITY, superior=superior(), held={})


@cache
def province() -> TypeList:
    """A province's list that holds every type, so that each may have a template."""
    place = replace(city(), tier=Tier.PROVINCIAL)
    for type_id, definition in definitions().items():
        if type_id in LOCAL:
            code = type_codes()[type_id]
            place = place.supplement(definition, code, owner=LINE, by=BUREAU, at=NOW, mode=MODE)
        else:
            place = place.claim(definition, owner=LINE, by=BUREAU, at=NOW, mode=MODE)
    return place


@cache
def published(type_id: str) -> Editions:
    """One edition of a type, in effect since a year."""
    definition, at = definitions()[type_id], NOW - timedelta(days=365)
    drafted = Editions(type_id=type_id, owner=LINE).draft(
        province(),
        definition,
        template_digest=sm3(type_id.encode()),
        conformance=Conformance.NATIONAL,
        by=BUREAU,
        at=at,
    )
    return drafted.publish(1, definition, faults=(), by=BUREAU, at=at)


def values(type_id: str, **changes: Given) -> dict[str, Given]:
    """The sample of a type, with changes."""
    return sample(definitions()[type_id]) | changes


def holder(name: str, code: str) -> Holder:
    """A holder; invented citizens live in division 99."""
    citizen = len(code) == 18 and code.startswith("990101")
    return Holder(name=name, code=code, kind=HolderKind.CITIZEN_ID if citizen else HolderKind.USCC)


def _somebody(shown: Mapping[str, Given]) -> Holder:
    """A person who was born when the face says, and of that sex."""
    born = str(shown.get("birth_date") or "1990-01-01").replace("-", "")
    number = f"990101{born}{'002' if shown.get('gender') == '2' else '001'}"
    return replace(PERSON, code=number + mod_11_2.calc_check_digit(number))


def stated(type_id: str, given: Mapping[str, Given] | None = None) -> Stated:
    """What is said beside the face, so that it agrees with these values."""
    definition = definitions()[type_id]
    shown = values(type_id) if given is None else given
    stranger = _somebody(shown) if definition.type.holder_kind == "person" else FIRM

    def text(item: str | None, otherwise: str) -> str:
        return str(shown.get(item) or otherwise) if item else otherwise

    holders = tuple(
        holder(text(place.name, stranger.name), text(place.code, stranger.code))
        for place in definition.holders
    )
    return Stated(
        holders=holders,
        authority=Office(name=text(definition.authority, OFFICE.name), code=OFFICE.code),
        issued_on=None if definition.issued_on else date(2025, 7, 1),
        valid_to=FOREVER if definition.validity.end is End.GIVEN else None,
    )


def request(type_id: str = "business-licence", key: str = "case-1", **changes: object) -> Request:
    """A request to issue the sample of a type."""
    wanted: dict[str, object] = {
        "definition": definitions()[type_id],
        "binding": Binding(unit=OFFICE.code, type_id=type_id, seal_id="seal-1", series="main"),
        "series": Series(issuer=OFFICE.code, type_code=type_codes()[type_id]),
        "values": values(type_id),
        "by": CLERK,
        "basis": "行政许可法第三十八条",
    }
    wanted |= changes
    wanted.setdefault("stated", stated(type_id, wanted["values"]))  # type: ignore[arg-type]  # values of ours
    return Request(key=key, **wanted)  # type: ignore[arg-type]  # a table of values


@dataclass(frozen=True)
class Undrawn:
    """Two documents that hold their data, and nothing to look at."""

    def documents(self, edition: Edition, data: CertificateData) -> Mapping[str, bytes]:
        """See the port."""
        head = f"{edition.type_id} {edition.number}\n".encode()
        return {"ofd": b"OFD " + head + bytes(data), "pdf": b"PDF " + head + bytes(data)}

    def seal_points(self, edition: Edition) -> tuple[SealPoint, ...]:  # noqa: ARG002  (the port's)
        """See the port."""
        return (SealPoint(page=1, x=150, y=220, diameter=42),)


_MARK = b"\n-- sealed --\n"


@dataclass
class RealSealer:
    """Seals with SM2 and a number that makes every seal another; remembers what it sealed."""

    sealed: list[SealOrder] = field(default_factory=list)
    nonce: itertools.count[int] = field(default_factory=itertools.count)

    def seal(self, order: SealOrder) -> bytes:
        """See the port."""
        self.sealed.append(order)
        body = order.document + _MARK + b"%d" % next(self.nonce) + b"\n"
        return body + SIGNER_KEY.sign(body)

    def faults(self, document: bytes, format_: str, data_digest: str) -> tuple[str, ...]:
        """See the port."""
        whole, mark, rest = document.partition(_MARK)
        number, _, signature = rest.partition(b"\n")
        body = whole + mark + number + b"\n"
        key = verifying_key(SIGNER_KEY.spki)
        if not mark or not key.verify(SIGNER_KEY.algorithm, body, signature):
            return ("signature",)
        data = whole.split(b"\n", 1)[-1]
        return (
            () if sm3(data) == data_digest and whole[:3].lower() == format_.encode() else ("data",)
        )


@dataclass
class Clock:
    """Time that only a test moves."""

    at: datetime = NOW

    def __call__(self) -> datetime:
        """Now."""
        return self.at

    def pass_(self, **parts: float) -> None:
        """Let time pass."""
        self.at += timedelta(**parts)


def salts() -> Callable[[int], bytes]:
    """Salts that are another each time, and the same in each run."""
    counter = itertools.count()
    return lambda size: next(counter).to_bytes(size)


def desk(  # every part may be another
    *,
    register: Register | None = None,
    blobs: Blobs | None = None,
    numbers: Numbers | None = None,
    sealer: Sealer | None = None,
    clock: Clock | None = None,
) -> Desk:
    """A desk with everything in this process."""
    return Desk(
        register=register or MemoryRegister(),
        blobs=blobs or MemoryBlobs(),
        numbers=numbers or MemoryNumbers(),
        sealer=sealer or RealSealer(),
        renderer=Undrawn(),
        tables=catalog().code_tables,
        place=province(),
        editions=published,
        now=clock or Clock(),
        salts=salts(),
    )
