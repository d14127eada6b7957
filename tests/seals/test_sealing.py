"""The Sealer: register, key and document in the right order, for OFD and PDF alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from seals.algorithms import Algorithm
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
from seals.judging import Judges
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
from seals.report import Format, Question
from seals.seal import ListedCertificates
from seals.sealing import AcrossPages, AtKeyword, AtPlace, Order, Sealer, format_of
from seals.using import Freeze
from seals.verdicts import Verdict
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
    parts: dict[str, object] = {"register": register, "key": key, "now": lambda: NOW}
    return Sealer(**(parts | changes))  # type: ignore[arg-type]  # a test names what it changes


DOCUMENTS: dict[Format, tuple[bytes, Callable[[], SigningKey]]] = {
    Format.OFD: (document(), lambda: SM2),
    Format.PDF: (Draft().pdf(), lambda: classical(signer())),
}


@pytest.mark.parametrize("kind", Format)
def test_the_use_is_logged_before_there_is_a_signature(
    register: MemoryRegister, kind: Format
) -> None:
    """When the key is asked, once, the log has the use; the result verifies."""
    whole, key = DOCUMENTS[kind]
    watched = Watched(key(), register)
    made = sealer(register, watched).sealed(whole, ORDER)

    assert watched.logged == [1]
    assert format_of(made) is kind
    report = (verify_ofd if kind is Format.OFD else verify_pdf)(made, NOW)
    assert len(report.seals) == 1
    assert report.verdict is not Verdict.FAILED


@pytest.mark.parametrize("kind", Format)
def test_a_refused_wish_reaches_no_key(register: MemoryRegister, kind: Format) -> None:
    """Nor a limit that was used up after the document was looked through."""
    whole, key = DOCUMENTS[kind]
    watched = Watched(key(), register)
    with pytest.raises(SealRefused, match="not-granted"):
        sealer(register, watched).sealed(whole, replace(ORDER, account="stranger"))
    register.put(LIFE.limit(register.get("one"), HEAD, NOW, Limits(per_day=1), "x"))
    assert sealer(register, watched).sealed(whole, ORDER)
    with pytest.raises(SealRefused, match="per-day"):
        sealer(register, watched).sealed(whole, ORDER)
    register.freeze(Freeze(organisations=frozenset({"office"}), by="duty", at=NOW, reason="x"))
    with pytest.raises(SealRefused, match="frozen"):
        sealer(register, watched).sealed(whole, ORDER)

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


@pytest.mark.parametrize("kind", Format)
def test_a_key_that_fails_lets_nothing_out(register: MemoryRegister, kind: Format) -> None:
    """It is away: the use is counted, for nobody knows what it signed. It signs with another key:
    what was made does not verify.
    """
    whole, key = DOCUMENTS[kind]

    def away() -> None:
        raise KeyUnavailable("device-refuses")

    with pytest.raises(KeyUnavailable):
        sealer(register, Watched(key(), register, before=away)).sealed(whole, ORDER)
    other = SM2Key.generate() if kind is Format.OFD else ClassicalKey.generate(
        Algorithm.ECDSA_SHA256
    )  # fmt: skip
    watched = Watched(other, register)
    honest = key()

    class Swapped(Watched):
        @property
        def chain(self) -> tuple[bytes, ...]:
            return honest.chain

    with pytest.raises(SealingFailed):
        sealer(register, Swapped(other, register)).sealed(whole, ORDER)
    assert len([1 for _, against in register.uses("one") if not against]) == 2
    del watched


def test_whoever_judges_must_be_content(register: MemoryRegister) -> None:
    """With judges who do not trust the signer nothing leaves; with those who do it does."""
    pdf = DOCUMENTS[Format.PDF][0]
    key = classical(signer())
    assert sealer(register, key, judges=judges()).sealed(pdf, ORDER)
    with pytest.raises(SealingFailed, match="not-trusted"):
        sealer(register, key, judges=judges((signer(),))).sealed(pdf, ORDER)
    assert Judges().chain is None


def test_what_is_kept_for_later(register: MemoryRegister) -> None:
    """A timestamp in both; a PDF takes lists and a last timestamp along; the TSA is only asked for
    after the register.
    """
    lists = Revocation(certificates=root().chain, lists=(revocation_list(),))
    with authority(timestamper()) as stamps:
        key = classical(signer())
        for level in (Level.T, Level.LT, Level.LTA):
            by = sealer(register, key, timestamps=stamps, revocation=lists, judges=judges())
            made = by.sealed(DOCUMENTS[Format.PDF][0], replace(ORDER, level=level))
            report = verify_pdf(made, datetime.now(UTC), judges=judges())
            assert report.verdict is Verdict.PASSED, report.complaints
        ofd = sealer(register, SM2, timestamps=stamps)
        stamped = ofd.sealed(DOCUMENTS[Format.OFD][0], replace(ORDER, level=Level.T))
    report = verify_ofd(stamped, datetime.now(UTC))
    told = {each.step.reason for each in report.complaints if each.step.number == Question.TIME}
    assert told == {"timestamp-not-judged"}


def test_places_of_every_kind(register: MemoryRegister) -> None:
    """Keywords and edges in an OFD."""
    wishes = (AtKeyword(keyword="（盖章）"), AcrossPages(), AtPlace(page=2, x=60, y=60))
    made = sealer(register, SM2).sealed(document(), replace(ORDER, placements=wishes))
    assert verify_ofd(made, NOW).verdict is not Verdict.FAILED


REFUSED: dict[str, tuple[Format, dict[str, object], str]] = {
    "nowhere": (Format.OFD, {"placements": ()}, "no-placement"),
    "nowhere in a PDF": (Format.PDF, {"placements": ()}, "no-placement"),
    "no timestamps": (Format.PDF, {"level": Level.T}, "timestamps-missing"),
    "no lists": (Format.OFD, {"level": Level.LT}, "level-not-for-ofd"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_is_refused_uncounted(register: MemoryRegister, case: str) -> None:
    """Before the register is asked to count."""
    kind, changes, key = REFUSED[case]
    whole, signing = DOCUMENTS[kind]
    with pytest.raises(SealRefused, match=key):
        sealer(register, signing()).sealed(whole, replace(ORDER, **changes))  # type: ignore[arg-type]  # a table of changes
    assert list(register.uses("one")) == []


def test_a_key_that_does_not_fit_is_refused_uncounted(register: MemoryRegister) -> None:
    """Of the other format, without a certificate, or not in the seal's list."""
    other = SM2Key.generate()
    for kind, key, why in (
        (Format.OFD, classical(signer()), "key-algorithm"),
        (Format.PDF, SM2, "key-algorithm"),
        (Format.OFD, SIGNER_KEY, "no-certificate"),
        (Format.OFD, replace(other, chain=(x509_cert(other, "x"),)), "signer-not-listed"),
        (Format.PDF, classical(signer("p256-other")), "signer-not-listed"),
    ):
        with pytest.raises(SealRefused, match=why):
            sealer(register, key).sealed(DOCUMENTS[kind][0], ORDER)
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
    with pytest.raises(MalformedDocument, match="format"):
        sealer(register, SM2).sealed(data, ORDER)


@pytest.mark.parametrize("data", [b"PK", b"PK\x03\x04" + b"x" * 50, b"%PDF-1.7\n", b"x%PDF-1.7"])
def test_half_a_document_is_refused_in_our_words(register: MemoryRegister, data: bytes) -> None:
    """No library's exception, and nothing is counted."""
    key = SM2 if data.startswith(b"PK") else classical(signer())
    with pytest.raises((MalformedDocument, DocumentRefused)):
        sealer(register, key).sealed(data, ORDER)
    assert list(register.uses("one")) == []
