"""Issuing: every type, refusals before anything is reserved, and a crash at every point."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from catalog import certificate_id
from certificates.annotated import Annotation
from certificates.copies import make
from certificates.digests import sm3
from certificates.disclosure import read_openings
from certificates.editions import Conformance, Edition
from certificates.embedding import CertificateData, Provisional, read_data
from certificates.errors import (
    CertificateError,
    FaceRefused,
    HandOverRefused,
    IdentifierTaken,
    IllegalAct,
    KeyReused,
    LostBytes,
    SealNotProven,
    UnknownCertificate,
)
from certificates.issuance import advance, finish, issue, void
from certificates.issuing import STEPS, Stage, Step
from certificates.lifecycle import Status
from certificates.model import Face
from certificates.ports import SealOrder
from certificates.preparing import Desk, Following, Request, begin, draft
from certificates.register import MemoryBlobs, MemoryNumbers, MemoryRegister
from tests.world.certificates import (
    BUREAU,
    CLERK,
    TODAY,
    Clock,
    RealSealer,
    Undrawn,
    definitions,
    desk,
    published,
    request,
    stated,
    values,
)


@pytest.mark.parametrize("type_id", definitions())
def test_every_type_is_issued_sealed_and_recorded(type_id: str) -> None:
    """Its documents prove themselves, its data say what was asked, it counts today or has ended by
    its own days.
    """
    office, sealer = desk(), RealSealer()
    office = replace(office, sealer=sealer)

    certificate = issue(request(type_id), office)

    assert office.register.get(certificate.identifier) == certificate
    assert certificate_id(certificate.identifier).version == 1
    assert certificate.status_on(TODAY) in {Status.IN_FORCE, Status.EXPIRED}
    assert set(certificate.documents) == {"ofd", "pdf"}
    for name, digest in certificate.documents.items():
        document = office.blobs.get(digest)
        assert sealer.faults(document, name, certificate.data_digest) == ()
    data = read_data(office.blobs.get(certificate.data_digest))
    assert data.identifier == certificate.identifier
    openings = read_openings(office.blobs.get(certificate.openings_digest))
    assert tuple(sorted(o.commitment for o in openings)) == data.commitments


REFUSED: dict[str, tuple[Request, type[CertificateError], str]] = {
    "missing item": (
        request(values=values("business-licence", scope=""), stated=stated("business-licence")),
        FaceRefused,
        "scope: missing",
    ),
    "other holder": (
        request(
            stated=stated("business-licence", values("business-licence", name="别的公司")),
            values=values("business-licence"),
        ),
        FaceRefused,
        "CZZT: differs",
    ),
    "intake differs": (
        request(recorded={"name": "别的公司", "uscc": "91990101MA0000015C"}),
        HandOverRefused,
        "name",
    ),
    "intake empty": (request(recorded={}), HandOverRefused, "nothing-compared"),
    "intake of other items": (request(recorded={"nmae": "x"}), HandOverRefused, "nmae"),
    "no key": (request(key=""), IllegalAct, "key"),
    "no basis": (request(basis=" "), IllegalAct, "basis"),
    "binding of another type": (
        replace(request(), binding=request("drainage-licence").binding),
        IllegalAct,
        "binding",
    ),
    "type code of another": (
        request(series=replace(request().series, type_code="11990000000000107Q999")),
        IllegalAct,
        "binding",
    ),
    "serial that is none": (request(serial="第1号"), IllegalAct, "serial"),
    "follows nothing": (request(replaces="1.2"), UnknownCertificate, "^$"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_reserves_nothing(name: str) -> None:
    """No identifier, no bytes, no intent, and the item is named."""
    wish, error, said = REFUSED[name]
    numbers, blobs = MemoryNumbers(), MemoryBlobs()
    office = desk(numbers=numbers, blobs=blobs)

    with pytest.raises(error, match=said):
        begin(wish, office)

    assert numbers.take(wish.series.name(TODAY.year)) == 1
    assert not list(office.register.unfinished(TODAY_LATER))


TODAY_LATER = Clock().at + timedelta(days=1)


def test_only_an_effective_edition_with_the_same_items_is_issued_on() -> None:
    """None, and one of a directory that has changed since, are refused."""
    of = definitions()["business-licence"]
    fewer = {key: item for key, item in of.type.items.items() if key != "copy_kind"}
    changed = replace(of, type=replace(of.type, items=fewer))

    with pytest.raises(IllegalAct, match="edition"):
        begin(request(), replace(desk(), editions=lambda _type: None))
    asked = values("business-licence")
    del asked["copy_kind"]
    with pytest.raises(IllegalAct, match="edition"):
        begin(request(definition=changed, values=asked), desk())


def test_a_type_retired_on_the_way_is_not_sealed() -> None:
    """The intent stays and can be voided."""
    office = desk()
    intent = begin(request(), office)
    later = replace(office, editions=lambda _type: None)

    with pytest.raises(IllegalAct, match="edition"):
        finish(intent, later)
    assert office.sealer.sealed == []  # type: ignore[attr-defined]  # the real sealer of this world
    assert void(intent, later, "类型停用").stage is Stage.VOID


def test_another_edition_that_comes_on_the_way_stops_the_former_one() -> None:
    """What was drawn by the former is not sealed; what was issued on it is still copied."""
    office = desk()
    done, open_ = issue(request(), office), begin(request(key="case-2"), office)
    of = definitions()["business-licence"]
    former = published("business-licence")
    both = former.draft(
        office.place,
        of,
        template_digest="sm3:22",
        conformance=Conformance.NATIONAL,
        by=BUREAU,
        at=office.now(),
    )
    later = replace(
        office,
        editions=lambda _: both.publish(2, of, faults=(), by=BUREAU, at=office.now()),
    )

    with pytest.raises(IllegalAct, match="edition"):
        finish(open_, later)
    assert issue(request(key="case-3"), later).edition == 2
    annotation = Annotation(
        recipient="银行", purpose="开户", creator="窗口", expires_at=later.now() + timedelta(days=1)
    )
    assert make(of, done, annotation, request().binding, later, CLERK).parent == done.identifier


def test_one_key_is_one_certificate() -> None:
    """Asked again it is the same; asked for something else it is refused."""
    office = desk()
    first = issue(request(), office)

    assert issue(request(), office) == first
    other = values("business-licence", scope="其他")
    with pytest.raises(KeyReused):
        issue(request(values=other), office)
    assert len(office.sealer.sealed) == 2  # type: ignore[attr-defined]  # the real sealer of this world


def test_a_given_serial_is_used_once() -> None:
    """The paper's number cannot be two certificates; the running numbers pass it over."""
    office = desk()
    issue(request(serial="202600000001"), office)

    with pytest.raises(IdentifierTaken):
        issue(request(key="case-2", serial="202600000001"), office)
    third = issue(request(key="case-3"), office)
    assert certificate_id(third.identifier).serial == "202600000002"


def test_identifiers_differ_under_many_hands() -> None:
    """Forty cases and forty repetitions of one at once: forty-one certificates."""
    office = desk()

    def work(number: int) -> str:
        key = f"case-{number}" if number < 40 else "same"
        return issue(request(key=key), office).identifier

    def steady(number: int) -> str:
        while True:
            try:
                return work(number)
            except CertificateError as error:
                if not error.retryable:
                    raise

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(steady, range(80)))

    assert len(set(made)) == 41
    assert len(set(made[40:])) == 1


def test_a_change_makes_the_next_version_and_ends_the_former() -> None:
    """In one transaction; a void version is passed over; what has ended is not replaced again."""
    office = desk()
    first = issue(request(), office)
    given_up = begin(request(key="change-1", replaces=first.identifier), office)
    void(given_up, office, "申请人撤回")

    second = issue(request(key="change-2", replaces=first.identifier), office)

    assert certificate_id(given_up.identifier).version == 2
    assert certificate_id(second.identifier).version == 3
    former = office.register.get(first.identifier)
    assert former.status_on(TODAY) is Status.REPLACED
    assert former.successor == second.identifier
    with pytest.raises(IllegalAct, match="replaces"):
        begin(request(key="change-3", replaces=first.identifier), office)


def test_of_two_changes_on_their_way_one_is_recorded() -> None:
    """The other finds what it follows ended, and nothing of it counts."""
    office = desk()
    first = issue(request(), office)
    wishes = [
        request(key=f"change-{n}", replaces=first.identifier, following=Following.AFRESH)
        for n in (1, 2)
    ]
    intents = [begin(wish, office) for wish in wishes]
    finish(intents[0], office)

    with pytest.raises(IllegalAct, match="replaces"):
        finish(intents[1], office)
    with pytest.raises(UnknownCertificate):
        office.register.get(intents[1].identifier)


@dataclass
class Crash(Exception):
    """The process is gone."""


class Crashing:
    """A port that dies at the n-th call of all, before or after it had its effect."""

    def __init__(self, port: object, fuse: Fuse) -> None:
        self._port, self._fuse = port, fuse

    def __getattr__(self, name: str) -> Callable[..., object]:
        method = getattr(self._port, name)

        def call(*args: object, **more: object) -> object:
            before = self._fuse.burn()
            if before == "before":
                raise Crash
            result = method(*args, **more)
            if before == "after":
                raise Crash
            return result

        return call


@dataclass
class Fuse:
    """Counts calls over all ports down to a crash."""

    left: int
    when: str

    def burn(self) -> str:
        """Whether and when this call dies."""
        self.left -= 1
        return self.when if self.left == 0 else ""


def calls_of_one_issue() -> int:
    """How many calls of ports an issue makes."""
    fuse = Fuse(left=0, when="never")
    issue(request(), crashing(desk(), fuse))
    return -fuse.left


def crashing(office: Desk, fuse: Fuse) -> Desk:
    """The desk with the fuse in every port."""
    parts = ("register", "blobs", "numbers", "sealer")
    return replace(office, **{part: Crashing(getattr(office, part), fuse) for part in parts})  # type: ignore[arg-type]  # ports by duck


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("end", ["resume", "repeat", "void"])
def test_a_crash_at_any_call_is_resumed_repeated_or_voided(when: str, end: str) -> None:
    """Whichever call dies: afterwards there is exactly one certificate whose sealed documents
    prove themselves, or none at all; and the next case has another identifier.
    """
    points = calls_of_one_issue()
    assert points > 10
    for point in range(1, points + 1):
        office = desk()
        with pytest.raises(Crash):
            issue(request(), crashing(office, Fuse(left=point, when=when)))

        unfinished = list(office.register.unfinished(TODAY_LATER))
        assert len(unfinished) <= 1
        if end == "void" and unfinished:
            void(unfinished[0], office, "崩溃后作废")
        elif end == "resume" and unfinished:
            finish(unfinished[0], office)
        else:
            issue(request(), office)

        made = list(office.register.of_holder("91990101MA0000015C"))
        assert len(made) == (0 if end == "void" and unfinished else 1)
        for certificate in made:
            for name, digest in certificate.documents.items():
                document = office.blobs.get(digest)
                assert office.sealer.faults(document, name, certificate.data_digest) == ()
        assert not list(office.register.unfinished(TODAY_LATER))
        spent = office.register.intent("case-1")
        assert spent is not None
        assert issue(request(key="next"), office).identifier != spent.identifier
        recorded = {sm3(order.document) for order in office.sealer.sealed}  # type: ignore[attr-defined]  # the real sealer
        assert recorded <= {*spent.drafts.values(), *drafts_of(office, "next")}


def drafts_of(office: Desk, key: str) -> set[str]:
    """Digests of what an intent meant to be sealed: nothing else ever is."""
    intent = office.register.intent(key)
    assert intent is not None
    return set(intent.drafts.values())


class Faulty(RealSealer):
    """Gives bytes that do not verify, the first so many times."""

    def __init__(self, bad: int) -> None:
        super().__init__()
        self.bad = bad

    def seal(self, order: SealOrder) -> bytes:
        """A flipped bit."""
        made = bytearray(super().seal(order))
        self.bad -= 1
        made[3] ^= self.bad >= 0
        return bytes(made)


def test_a_seal_that_does_not_verify_never_leaves() -> None:
    """It is tried again, three times; then somebody has to look."""
    office = desk(sealer=Faulty(bad=2))
    intent = begin(request(), office)
    with pytest.raises(SealNotProven, match="signature"):
        finish(intent, office)
    with pytest.raises(UnknownCertificate):
        office.register.get(intent.identifier)
    assert issue(request(), office).documents

    hopeless = desk(sealer=Faulty(bad=100))
    for _ in range(3):
        with pytest.raises(SealNotProven):
            issue(request(), hopeless)
    with pytest.raises(IllegalAct, match="attempts"):
        issue(request(), hopeless)


def test_lost_or_changed_drafts_are_not_sealed() -> None:
    """A store that forgets, or that bites, stops the issue; the identifier stays spent."""
    blobs = MemoryBlobs()
    office = desk(blobs=blobs)
    intent = begin(request(), office)
    kept = dict(blobs._kept)
    for digest in (intent.certificate.data_digest, *intent.drafts.values()):
        blobs._kept = kept | {digest: b"something else"}
        with pytest.raises(LostBytes):
            advance(intent, office)
        blobs._kept = {key: value for key, value in kept.items() if key != digest}
        with pytest.raises(LostBytes):
            advance(intent, office)
    blobs._kept = kept
    assert finish(intent, office).identifier == intent.identifier


@pytest.mark.parametrize("why", Provisional)
def test_a_draft_before_the_decision_is_never_sealed(why: Provisional) -> None:
    """It has no identifier and no place in the register; an intent forged over its bytes is
    refused, and so is one over another certificate's.
    """
    office = desk()
    made = draft(request(), office, why)

    assert made.data.provisional is why
    assert made.data.identifier == ""
    assert read_data(made.documents["ofd"].split(b"\n", 1)[1]) == made.data
    assert not list(office.register.unfinished(TODAY_LATER))
    assert office.numbers.take(request().series.name(TODAY.year)) == 1

    intent = begin(request(), office)
    for forged in (made.data, replace(made.data, provisional=None), other(intent.identifier)):
        digest = office.blobs.put(bytes(forged))
        bare = replace(intent.certificate, data_digest=digest)
        with pytest.raises(IllegalAct, match="draft"):
            advance(replace(intent, certificate=bare), office)
    assert office.sealer.sealed == []  # type: ignore[attr-defined]  # the real sealer of this world


def other(identifier: str) -> CertificateData:
    """Data of another identifier."""
    face = Face(type_id="business-licence", items=())
    metadata = {"ZZBS": identifier[:-1] + ("0" if identifier[-1] != "0" else "1")}
    return CertificateData(type_id="business-licence", edition=1, metadata=metadata, face=face)


def test_the_stages_leave_only_by_the_table() -> None:
    """Every pair of stage and step either is in the table or is refused."""
    intent = begin(request(), desk())
    for stage in Stage:
        for step in Step:
            here = replace(intent, stage=stage)
            if (stage, step) in STEPS:
                assert here.after(step).stage is STEPS[stage, step]
            else:
                with pytest.raises(IllegalAct, match="stage"):
                    here.after(step)


def test_nothing_in_an_intent_shows_a_person() -> None:
    """Neither its repr nor a certificate's holds a name or a number of the holder."""
    office = desk()
    intent = begin(request("resident-id-card"), office)
    certificate = finish(intent, office)

    for shown in (repr(intent), repr(certificate)):
        assert "赵明示" not in shown
        assert "990101199001010019" not in shown


def test_the_renderer_is_asked_for_what_is_embedded() -> None:
    """What the documents carry is what the digest names, for each identifier that is tried."""
    asked: list[CertificateData] = []

    class Watching(Undrawn):
        """Remembers what it was asked for."""

        def documents(self, edition: Edition, data: CertificateData) -> Mapping[str, bytes]:  # noqa: ARG002
            """See the port."""
            asked.append(data)
            return {"ofd": bytes(data)}

    office = replace(desk(register=MemoryRegister()), renderer=Watching())
    intent = begin(request(), office)

    assert [data.digest for data in asked] == [intent.certificate.data_digest]
    assert intent.drafts == {"ofd": intent.certificate.data_digest}
