"""The Sealer: register, key and document in the right order, for OFD and PDF alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from seals import judging
from seals.algorithms import Algorithm
from seals.authority import Profile
from seals.classical import ClassicalKey
from seals.errors import (
    DocumentRefused,
    KeyUnavailable,
    MalformedDocument,
    RegisterDamaged,
    SealingFailed,
    SealRefused,
    UnknownSeal,
)
from seals.judging import NOBODY, Judges
from seals.keys import SM2Key
from seals.levels import Level
from seals.lifecycle import Lifecycle, collect
from seals.making import make_seal
from seals.ofd.verification import verify as verify_ofd
from seals.pdf import Revocation
from seals.pdf import verify as verify_pdf
from seals.ports import SealRegister, SigningKey
from seals.register import MemoryRegister
from seals.registered import Actor, Limits, SealKind
from seals.report import Format, Question, Report
from seals.seal import ListedCertificates
from seals.sealing import AcrossPages, AtKeyword, AtPlace, Order, Sealer
from seals.tsa import TSA
from seals.tsa_client import TSAClient, TSAService
from seals.tsa_serving import listening
from seals.using import Freeze
from seals.verdicts import Verdict
from seals.verifying import format_of
from tests.world import pki
from tests.world.ofd import document
from tests.world.pages import Draft
from tests.world.sealed import appearance, judges
from tests.world.seals import INFO, MAKER_CERT, MAKER_KEY, SIGNER_CERT, SIGNER_KEY, x509_cert
from tests.world.signers import Party, authority, revocation_list, root, signer, timestamper

NOW = datetime.now(UTC).replace(microsecond=0)
CLERK, HEAD = (Actor(account=each, organisation="office") for each in ("clerk", "head"))
MAKER = Actor(account="maker", organisation="bureau")
LIFE = Lifecycle(bureau="bureau")
SM2 = replace(SIGNER_KEY, chain=(SIGNER_CERT,))
ORDER = Order(
    seal_id="one", account="officer", reason="case", placements=(AtPlace(page=1, x=105, y=150),)
)


def classical(party: Party) -> SigningKey:
    """The party's key as ours."""
    key = ClassicalKey.of(party.key, Algorithm.ECDSA_SHA256)
    return replace(key, chain=party.chain)


@dataclass(slots=True)
class Watched:
    """A key that remembers what was logged when it was asked, and may fail."""

    key: SigningKey
    register: SealRegister
    logged: list[int] = field(default_factory=list)
    before: Callable[[], None] = lambda: None

    @property
    def algorithm(self) -> Algorithm:
        return self.key.algorithm

    @property
    def spki(self) -> bytes:
        return self.key.spki

    @property
    def chain(self) -> tuple[bytes, ...]:
        return self.key.chain

    def sign(self, message: bytes) -> bytes:
        self.logged.append(len(list(self.register.uses("one"))))
        self.before()
        return self.key.sign(message)

    def sign_digest(self, digest: bytes) -> bytes:
        return self.key.sign_digest(digest)


@dataclass(slots=True)
class Borrowed(Watched):
    """A key that hides behind another's certificates."""

    certificates: tuple[bytes, ...] = ()

    @property
    def chain(self) -> tuple[bytes, ...]:
        return self.certificates


@pytest.fixture
def register() -> MemoryRegister:
    """One seal in use, made for an SM2 signer and a P-256 one."""
    made = MemoryRegister()
    info = replace(
        INFO,
        signers=ListedCertificates(x509_certs=(SIGNER_CERT, signer().chain[0])),
        valid_from=NOW - timedelta(days=1),
        valid_until=NOW + timedelta(days=30),
        picture=replace(INFO.picture, data=appearance().png),
    )
    digest = made.keep(make_seal(info, MAKER_KEY, MAKER_CERT).der)
    at = NOW - timedelta(hours=1)
    seal = collect(
        seal_id="one", organisation="office", kind=SealKind.BUSINESS, name=INFO.name,
        picture_digest=made.keep(appearance().png), by=CLERK, at=at,
    )  # fmt: skip
    made.put(seal)
    for step in (
        lambda it: LIFE.apply(it, CLERK, at, ()),
        lambda it: LIFE.approve(it, HEAD, at),
        lambda it: LIFE.make(
            it, MAKER, at, number=info.number, seal_digest=digest, valid_until=info.valid_until
        ),
        lambda it: LIFE.file(it, MAKER, at, "备"),
        lambda it: LIFE.grant(it, HEAD, at, "officer"),
    ):
        seal = step(seal)
        made.put(seal)
    return made


def sealer(register: SealRegister, key: SigningKey, **changes: object) -> Sealer:
    """Now, with that key."""
    parts: dict[str, object] = {"register": register, "key": key, "now": lambda: datetime.now(UTC)}
    return Sealer(**(parts | changes))  # type: ignore[arg-type]  # a test names what it changes


@dataclass(frozen=True, slots=True)
class Way:
    """A document and a key that go together."""

    kind: Format
    whole: bytes
    key: Callable[[], SigningKey]

    def judged(self, made: bytes, by: Judges = NOBODY) -> Report:
        """What our verifier says of the result."""
        verify = verify_ofd if self.kind is Format.OFD else verify_pdf
        return verify(made, datetime.now(UTC), judges=by)


OFD = Way(Format.OFD, document(), lambda: SM2)
NATIONAL = Way(Format.PDF, Draft().pdf(), lambda: SM2)
PADES = Way(Format.PDF, Draft().pdf(), lambda: classical(signer()))
EVERY_WAY = pytest.mark.parametrize(
    "way", [OFD, NATIONAL, PADES], ids=["ofd", "national-pdf", "pades"]
)


@EVERY_WAY
def test_the_use_is_logged_before_there_is_a_signature(register: MemoryRegister, way: Way) -> None:
    """When the key is asked, once, the log has the use; the result verifies."""
    watched = Watched(way.key(), register)
    made = sealer(register, watched).sealed(way.whole, ORDER)

    assert watched.logged == [1]
    assert format_of(made) is way.kind
    report = way.judged(made)
    assert len(report.seals) == 1
    assert report.verdict is not Verdict.FAILED


@EVERY_WAY
def test_a_refused_wish_reaches_no_key(register: MemoryRegister, way: Way) -> None:
    """Nor a limit that was used up after the document was looked through."""
    watched = Watched(way.key(), register)
    with pytest.raises(SealRefused, match="not-granted"):
        sealer(register, watched).sealed(way.whole, replace(ORDER, account="stranger"))
    register.put(LIFE.limit(register.get("one"), HEAD, NOW, Limits(per_day=1), "x"))
    assert sealer(register, watched).sealed(way.whole, ORDER)
    with pytest.raises(SealRefused, match="per-day"):
        sealer(register, watched).sealed(way.whole, ORDER)
    register.freeze(Freeze(organisations=frozenset({"office"}), by="duty", at=NOW, reason="x"))
    with pytest.raises(SealRefused, match="frozen"):
        sealer(register, watched).sealed(way.whole, ORDER)

    assert len(watched.logged) == 1
    assert [against for _, against in register.uses("one")] == [
        ("not-granted",), (), ("per-day",), ("frozen", "per-day"),
    ]  # fmt: skip


def test_a_refused_wish_is_logged_though_the_document_is_no_good(register: MemoryRegister) -> None:
    """The register is asked first; the other way round nothing is counted."""
    bad = document({"/Doc_0/left.bin": b"?"})
    with pytest.raises(SealRefused):
        sealer(register, SM2).sealed(bad, replace(ORDER, reason=""))
    with pytest.raises(DocumentRefused, match="unreferenced"):
        sealer(register, SM2).sealed(bad, ORDER)

    assert [against for _, against in register.uses("one")] == [("reason",)]


@EVERY_WAY
def test_a_key_that_fails_lets_nothing_out(register: MemoryRegister, way: Way) -> None:
    """It is away: the use is counted, for nobody knows what it signed. It signs with another key:
    what was made does not verify.
    """

    def away() -> None:
        raise KeyUnavailable("device-refuses")

    with pytest.raises(KeyUnavailable):
        sealer(register, Watched(way.key(), register, before=away)).sealed(way.whole, ORDER)
    honest = way.key()
    national = honest.algorithm is Algorithm.SM2
    other = SM2Key.generate() if national else ClassicalKey.generate(Algorithm.ECDSA_SHA256)
    with pytest.raises(SealingFailed):
        sealer(register, Borrowed(other, register, certificates=honest.chain)).sealed(
            way.whole, ORDER
        )
    assert len([1 for _, against in register.uses("one") if not against]) == 2


def test_whoever_judges_must_be_content(register: MemoryRegister) -> None:
    """With judges who know that the signer was revoked nothing leaves; with others it does."""
    key = PADES.key()
    assert sealer(register, key, judges=judges()).sealed(PADES.whole, ORDER)
    with pytest.raises(SealingFailed, match="not-trusted"):
        sealer(register, key, judges=judges((signer(),))).sealed(PADES.whole, ORDER)


def test_what_a_pdf_keeps_for_later(register: MemoryRegister) -> None:
    """A timestamp; lists; a last timestamp over them: the result passes with nothing else at hand."""
    lists = Revocation(certificates=root().chain, lists=(revocation_list(),))
    with authority(timestamper()) as stamps:
        by = sealer(register, PADES.key(), timestamps=stamps, revocation=lists, judges=judges())
        for level in (Level.T, Level.LT, Level.LTA):
            made = by.sealed(PADES.whole, replace(ORDER, level=level))
            report = PADES.judged(made, judges())
            assert report.verdict is Verdict.PASSED, report.complaints


@pytest.mark.parametrize("way", [OFD, NATIONAL], ids=["ofd", "national-pdf"])
def test_a_national_seal_takes_a_timestamp(register: MemoryRegister, way: Way) -> None:
    """SM3 over the signature value, by an authority that signs with SM2; whoever trusts it believes
    the time.
    """
    world, key = pki.pki(), SM2Key.generate()
    made = world.issuer.issue(pki.wanted(Profile.TSA, key, not_after=NOW + timedelta(days=9)))
    with listening(TSA(key=replace(key, chain=(made.der,)))) as url:
        by = sealer(register, way.key(), timestamps=TSAClient(TSAService(url=url)))
        stamped = by.sealed(way.whole, replace(ORDER, level=Level.T))
    lists = [pki.listed(each, at=NOW, days=9) for each in (world.root, world.issuer)]
    report = way.judged(stamped, judging.judges(world.anchors, world.intermediates, lists))
    times = [
        each.step.reason for each in report.all_findings() if each.step.number == Question.TIME
    ]
    assert times in (["timestamp-right"], ["timestamped"])


@pytest.mark.parametrize("level", [Level.LT, Level.LTA])
def test_a_national_seal_is_kept_for_later(register: MemoryRegister, level: Level) -> None:
    """Lists of revoked ones, and a timestamp over all of it: the whole still stands, and what was
    kept is there for whoever judges.
    """
    world, key = pki.pki(), SM2Key.generate()
    made = world.issuer.issue(pki.wanted(Profile.TSA, key, not_after=NOW + timedelta(days=9)))
    lists = [pki.listed(each, at=NOW, days=9) for each in (world.root, world.issuer)]
    kept = Revocation(
        certificates=tuple(each.der for each in world.intermediates),
        lists=tuple(each.der for each in lists),
    )
    with listening(TSA(key=replace(key, chain=(made.der,)))) as url:
        stamps = TSAClient(TSAService(url=url))
        by = sealer(register, NATIONAL.key(), timestamps=stamps, revocation=kept)
        archived = by.sealed(NATIONAL.whole, replace(ORDER, level=level))
    report = NATIONAL.judged(archived, judging.judges(world.anchors))

    assert len(report.seals) == (2 if level is Level.LTA else 1)
    assert {each.step.reason for each in report.complaints} <= {"chain-not-judged"}
    with pytest.raises(SealRefused, match="revocation-missing"):
        sealer(register, NATIONAL.key(), timestamps=stamps).sealed(
            NATIONAL.whole, replace(ORDER, level=level)
        )


@EVERY_WAY
def test_places_of_every_kind(register: MemoryRegister, way: Way) -> None:
    """At a place and over a keyword."""
    word = "（盖章）" if way.kind is Format.OFD else "演示证照"
    wishes = (AtKeyword(keyword=word), AtPlace(page=1, x=60, y=200))
    made = sealer(register, way.key()).sealed(way.whole, replace(ORDER, placements=wishes))
    assert way.judged(made).verdict is not Verdict.FAILED


REFUSED: dict[str, tuple[Way, dict[str, object], str]] = {
    "nowhere": (OFD, {"placements": ()}, "no-placement"),
    "nowhere in a PDF": (PADES, {"placements": ()}, "no-placement"),
    "nowhere in a PDF with SM2": (NATIONAL, {"placements": ()}, "no-placement"),
    "across one page": (PADES, {"placements": (AcrossPages(),)}, "one-page"),
    "no such word": (NATIONAL, {"placements": (AtKeyword(keyword="查无"),)}, "keyword-not-found"),
    "no timestamps": (PADES, {"level": Level.T}, "timestamps-missing"),
    "no timestamps in an OFD": (OFD, {"level": Level.T}, "timestamps-missing"),
    "no lists for an OFD": (OFD, {"level": Level.LT}, "level-not-for-seal"),
    "no lists for SM2": (NATIONAL, {"level": Level.LTA}, "timestamps-missing"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_is_refused_uncounted(register: MemoryRegister, case: str) -> None:
    """Before the register is asked to count."""
    way, changes, key = REFUSED[case]
    with pytest.raises(SealRefused, match=key):
        sealer(register, way.key()).sealed(way.whole, replace(ORDER, **changes))  # type: ignore[arg-type]  # a table of changes
    assert list(register.uses("one")) == []


def test_a_key_that_does_not_fit_is_refused_uncounted(register: MemoryRegister) -> None:
    """Of the other format, without a certificate, or not in the seal's list."""
    other = SM2Key.generate()
    stranger = replace(other, chain=(x509_cert(other, "x"),))
    for way, key, why in (
        (OFD, PADES.key(), "key-algorithm"),
        (OFD, SIGNER_KEY, "no-certificate"),
        (NATIONAL, SIGNER_KEY, "no-certificate"),
        (OFD, stranger, "signer-not-listed"),
        (NATIONAL, stranger, "signer-not-listed"),
        (PADES, classical(signer("p256-other")), "signer-not-listed"),
    ):
        with pytest.raises(SealRefused, match=why):
            sealer(register, key).sealed(way.whole, ORDER)
    assert list(register.uses("one")) == []


def test_unknown_seals_and_damaged_ones(register: MemoryRegister) -> None:
    """No such seal; its bytes are gone; they are those of another, or of none."""
    with pytest.raises(UnknownSeal):
        sealer(register, SM2).sealed(document(), replace(ORDER, seal_id="none"))
    kept = register.get("one")
    another = make_seal(replace(INFO, number="7"), MAKER_KEY, MAKER_CERT).der
    for digest, error in (
        ("sm3:00", UnknownSeal),
        (register.keep(another), RegisterDamaged),
        (register.keep(b"no seal"), RegisterDamaged),
    ):
        changed = MemoryRegister()
        for data in (another, b"no seal"):
            changed.keep(data)
        for end in range(1, len(kept.history) + 1):
            changed.put(replace(kept, seal_digest=digest, history=kept.history[:end]))
        with pytest.raises(error):
            sealer(changed, SM2).sealed(document(), ORDER)


@pytest.mark.parametrize(
    "data", [b"", b"%PD", b"P", b"MZ", b"\x00" * 2000 + b"%PDF-1.7", b" " * 1020 + b"%PDF-1.7"]
)
def test_what_is_no_document_is_unreadable(register: MemoryRegister, data: bytes) -> None:
    """Told by its first bytes."""
    with pytest.raises(MalformedDocument, match="no-document"):
        sealer(register, SM2).sealed(data, ORDER)


@pytest.mark.parametrize("data", [b"PK", b"PK\x03\x04" + b"x" * 50, b"%PDF-1.7\n", b"x%PDF-1.7"])
def test_half_a_document_is_refused_in_our_words(register: MemoryRegister, data: bytes) -> None:
    """No library's exception, and nothing is counted."""
    key = SM2 if data.startswith(b"PK") else classical(signer())
    with pytest.raises((MalformedDocument, DocumentRefused)):
        sealer(register, key).sealed(data, ORDER)
    assert list(register.uses("one")) == []
