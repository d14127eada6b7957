"""From a request to a recorded intent: compose, check, reserve, render; and drafts that never are.

Nothing is reserved before everything that can be refused was refused. Whatever the intent names is
in the store before it is recorded. One key is one certificate, however often it is asked.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from catalog import CertificateIdentifier, CodeTable, certificate_id
from certificates import disclosure, identifiers
from certificates.digests import sm3
from certificates.editions import Binding, Edition, Editions
from certificates.embedding import CertificateData, Provisional
from certificates.errors import (
    FaceRefused,
    HandOverRefused,
    IdentifierTaken,
    IllegalAct,
    KeyReused,
)
from certificates.face import Given, compare, compose
from certificates.identifiers import Series
from certificates.issuing import Intent
from certificates.lifecycle import (
    ENDED,
    Certificate,
    Lifecycle,
    local_day,
)
from certificates.lints import Case, failed, lint
from certificates.metadata import metadata
from certificates.model import Actor, Definition, Face, HolderKind
from certificates.particulars import Particulars, Stated, particulars
from certificates.ports import Blobs, Now, Numbers, Register, Renderer, Sealer
from certificates.typelist import TypeList

MAX_KEY = 200
TRIES = 20
"""Spent identifiers that are passed over."""


class Following(StrEnum):
    """How a certificate follows the one it replaces."""

    VERSION = "version"
    """变更、延续: the same certificate, one version more (GB/T 36904)."""
    AFRESH = "afresh"
    """换发、补发: another certificate with a serial of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What somebody asks to be issued."""

    key: str
    """Case number, or batch and row: the same key is the same certificate."""
    definition: Definition
    binding: Binding
    series: Series
    values: Mapping[str, Given] = field(repr=False)
    stated: Stated
    by: Actor
    basis: str
    """The legal basis of the decision."""
    recorded: Mapping[str, Given] | None = field(default=None, repr=False)
    """What the intake recorded; None: there was no intake (stock)."""
    serial: str | None = None
    """The issuer's own; None: the next of the series."""
    replaces: str = ""
    """Identifier of the certificate it follows."""
    following: Following = Following.VERSION


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What issuing needs from outside."""

    register: Register
    blobs: Blobs
    numbers: Numbers
    sealer: Sealer
    renderer: Renderer
    tables: Mapping[str, CodeTable]
    place: TypeList
    """What the place has claimed and supplemented; a certificate's type code is the list's."""
    editions: Callable[[str], Editions | None]
    """All editions of a type."""
    now: Now
    salts: Callable[[int], bytes]
    """Unpredictable bytes."""
    lifecycle: Lifecycle = field(default_factory=Lifecycle)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A document under commitment or with gaps: for the eye alone. It has no identifier, so no
    register knows it; it is another type than what `advance` seals; its data say what it is.
    """

    data: CertificateData
    documents: Mapping[str, bytes]


WATERMARKS = {
    Provisional.COMMITMENT: "告知承诺 草稿 未签章 不作为证照使用",
    Provisional.GAPS: "容缺受理 模拟审批 草稿 未签章 不作为证照使用",
}
"""Painted across every page of a draft."""


def begin(request: Request, desk: Desk) -> Intent:
    """Everything up to the recorded intent; again with the same key, the intent that is there.

    Raises:
        FaceRefused: With all findings; nothing was reserved.
        HandOverRefused: The face differs from what the intake recorded; nothing was reserved.
        IllegalAct: `not-held`: the place has no such type; `edition`: no effective one, or of other
            items; `binding`, `key`, `basis`; `serial`: a person's number in an identifier, which
            stands in every log; `replaces`: what it follows has ended or is another's.
        KeyReused: The key stands for another request.
        IdentifierTaken: The serial that was given is another certificate's.
    """
    at = desk.now()
    _check(request, desk)
    face, of = _composed(request, desk, at)
    asked = _request_digest(request, face, of)
    kept = desk.register.intent(request.key)
    if kept is not None:
        if kept.request_digest != asked:
            raise KeyReused(request.key)
        return kept
    edition = _edition(request.definition, desk, at)
    former = _former(request, desk, at)
    for identifier in _identifiers(request, former, desk, at):
        data = _data(request, edition, identifier, face, of)
        _lint(request, identifier, data, of, at)
        intent = _intent(request, asked, edition, data, of, desk, at)
        try:
            return desk.register.intend(intent)
        except IdentifierTaken:
            continue
    raise IdentifierTaken(request.key)


def _lint(
    request: Request,
    identifier: CertificateIdentifier,
    data: CertificateData,
    of: Particulars,
    at: datetime,
) -> None:
    case = Case(
        definition=request.definition,
        type_code=request.series.type_code,
        identifier=identifier,
        face=data.face,
        particulars=of,
        metadata=data.metadata,
        today=local_day(at),
    )
    if wrong := failed(lint(case)):
        raise FaceRefused(wrong)


def _check(request: Request, desk: Desk) -> None:
    held = desk.place.held.get(request.definition.id)
    if held is None:
        raise IllegalAct("not-held")
    if not request.key or len(request.key) > MAX_KEY:
        raise IllegalAct("key")
    if not request.basis.strip():
        raise IllegalAct("basis")
    issuer = request.stated.authority.code
    bound = (request.binding.type_id, request.series.type_code, request.series.issuer)
    if bound != (request.definition.id, held.code, issuer):
        raise IllegalAct("binding")
    for holder in request.stated.holders:
        person = holder.kind not in {HolderKind.USCC, HolderKind.OTHER_ORGANISATION}
        if person and holder.code and holder.code in (request.serial or ""):
            raise IllegalAct("serial")


def _composed(request: Request, desk: Desk, at: datetime) -> tuple[Face, Particulars]:
    today = local_day(at)
    edition = effective(request.definition.id, desk, at)
    dotted = edition.dotted if edition else frozenset()
    face = compose(request.definition, request.values, desk.tables, today=today, dotted=dotted)
    of = particulars(request.definition, face, request.stated, today=today)
    if request.recorded is not None:
        beside = compare(face, request.recorded)
        if not beside.agrees:
            raise HandOverRefused((*beside.differing, *beside.unknown) or ("nothing-compared",))
    return face, of


def _edition(definition: Definition, desk: Desk, at: datetime) -> Edition:
    edition = effective(definition.id, desk, at)
    if edition is None or not edition.fits(definition):
        raise IllegalAct("edition")
    return edition


def effective(type_id: str, desk: Desk, at: datetime) -> Edition | None:
    """The edition to issue on; None where there is none."""
    editions = desk.editions(type_id)
    return editions.effective(at) if editions else None


def _former(request: Request, desk: Desk, at: datetime) -> Certificate | None:
    """The certificate that is to be replaced."""
    if not request.replaces:
        return None
    former = desk.register.get(request.replaces)
    same = (former.type_id, former.issuer) == (request.definition.id, request.series.issuer)
    if not same or former.decided(local_day(at)) in ENDED:
        raise IllegalAct("replaces")
    return former


def _identifiers(
    request: Request, former: Certificate | None, desk: Desk, at: datetime
) -> Iterator[CertificateIdentifier]:
    """The identifiers to try, best first. One may be spent on an issue that was voided, or be taken
    by a serial that somebody gave; a serial that is given now has no other.
    """
    if former is not None and request.following is Following.VERSION:
        latest = certificate_id(former.identifier)
        for _ in range(TRIES):
            latest = identifiers.succeeding(latest)
            yield latest
    elif request.serial is not None:
        yield identifiers.given(request.series, request.serial)
    else:
        for _ in range(TRIES):
            yield identifiers.reserve(desk.numbers, request.series, local_day(at))


def _data(
    request: Request,
    edition: Edition,
    identifier: CertificateIdentifier,
    face: Face,
    of: Particulars,
) -> CertificateData:
    return CertificateData(
        type_id=request.definition.id,
        edition=edition.number,
        metadata=metadata(request.definition, identifier, of, face),
        face=face,
    )


def _intent(
    request: Request,
    asked: str,
    edition: Edition,
    data: CertificateData,
    of: Particulars,
    desk: Desk,
    at: datetime,
) -> Intent:
    """Everything is kept by digest before the intent names it."""
    sealed, openings = disclosure.committed(disclosure.openings(data, desk.salts))
    blind = desk.salts(disclosure.SALT_BYTES).hex()
    data = dataclasses.replace(data, commitments=sealed, blind=blind)
    drafts = {
        name: desk.blobs.put(made) for name, made in desk.renderer.documents(edition, data).items()
    }
    certificate = Certificate(
        identifier=data.identifier,
        type_id=request.definition.id,
        edition=edition.number,
        number=of.number,
        issuer=request.series.issuer,
        holders=of.holders,
        issued_on=of.issued_on,
        valid_from=of.valid_from,
        valid_to=of.valid_to,
        data_digest=desk.blobs.put(bytes(data)),
        openings_digest=desk.blobs.put(openings),
        documents={},
        history=(),
        predecessor=request.replaces,
    )
    return Intent(
        key=request.key,
        request_digest=asked,
        certificate=certificate,
        unit=request.binding.unit,
        seal_id=request.binding.seal_id,
        by=request.by,
        basis=request.basis,
        drafts=drafts,
        created_at=at,
    )


def _request_digest(request: Request, face: Face, of: Particulars) -> str:
    """Names what was asked, so that a second call with the key can be told from another request."""
    holders = [[holder.name, holder.code, holder.kind] for holder in of.holders]
    days = [day.isoformat() for day in (of.issued_on, of.valid_from, of.valid_to)]
    asked = [
        request.definition.id,
        [[entry.id, entry.values] for entry in face.items],
        holders,
        days,
        [of.number, of.authority.name, of.authority.code],
        [request.binding.unit, request.binding.seal_id, request.series.type_code],
        [request.serial, request.replaces, request.following, request.basis],
    ]
    return sm3(json.dumps(asked, ensure_ascii=False, separators=(",", ":")).encode())


def draft(request: Request, desk: Desk, why: Provisional) -> Draft:
    """A watermarked document before the decision is made. Nothing is reserved, nothing kept.

    Raises:
        FaceRefused: With all findings.
        IllegalAct: `edition`.
    """
    at = desk.now()
    face, of = _composed(request, desk, at)
    edition = _edition(request.definition, desk, at)
    blank = identifiers.given(request.series, "0")
    data = _data(request, edition, blank, face, of)
    named = {name: value for name, value in data.metadata.items() if name != "ZZBS"}
    data = dataclasses.replace(data, metadata=named, provisional=why)
    return Draft(data=data, documents=desk.renderer.documents(edition, data))
