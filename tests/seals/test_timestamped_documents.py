"""OFD and PDF with timestamps of our authority, asked for over HTTP, judged by one and the same judge."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from asn1crypto import x509
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext

from seals.algorithms import Algorithm
from seals.authority import Profile
from seals.classical import ClassicalKey
from seals.errors import TimestampUnavailable
from seals.judging import NOBODY, Judges
from seals.levels import Mode
from seals.making import make_seal
from seals.ofd import verification as ofd
from seals.ofd.placing import AtPlace
from seals.ofd.signing import Prepared, Signer, embed, prepare
from seals.pdf import Level, Revocation, Signatory, timestamped
from seals.pdf import embed as embed_pdf
from seals.pdf import prepare as prepare_pdf
from seals.policies import Policies
from seals.ports import TimestampAuthority
from seals.report import Report
from seals.revocation import Reason, RevocationList
from seals.revocation import Revocation as Revoked
from seals.seal import ListedCertificates
from seals.timestamps import Imprint, TimestampRequest
from seals.trust import Listed, Service, Standing, TrustStore
from seals.tsa import TSA
from seals.verdicts import Verdict
from seals.verifying import verify
from tests.world.ofd import document
from tests.world.pages import Draft
from tests.world.pki import DAY, NOW, listed, pki, root, wanted
from tests.world.sealed import PLACE, appearance
from tests.world.seals import INFO
from tests.world.stamps import client, stamped, tsa

WORLD = pki()
LISTS = tuple(WORLD.lists)


def store(*entries: Listed, lists: tuple[RevocationList, ...] = LISTS) -> TrustStore:
    """The usual root, and these beside it."""
    anchor = TrustStore.of(WORLD.anchors, WORLD.intermediates, lists)
    return replace(anchor, listed=(*anchor.listed, *entries))


def of_tsa(standing: Standing = Standing.TRUSTED, **dates: datetime) -> Listed:
    """The usual timestamp authority on a list."""
    since = dates.pop("since", NOW - 30 * DAY)
    certificate = WORLD.signers[Profile.TSA]
    return Listed(
        service=Service.TSA, certificate=certificate, since=since, standing=standing,
        zh="示例时间戳", **dates,
    )  # fmt: skip


def prepared() -> Prepared:
    """A decision under a seal, ready to be signed."""
    signer = WORLD.signers[Profile.ORGANISATION].der
    info = replace(
        INFO,
        signers=ListedCertificates(x509_certs=(signer,)),
        created_at=NOW - DAY,
        valid_from=NOW - DAY,
        valid_until=NOW + 1000 * DAY,
    )
    maker = WORLD.keys[Profile.SEAL_MAKER], WORLD.signers[Profile.SEAL_MAKER].der
    place = (AtPlace(page=1, x=105, y=150),)
    return prepare(
        document(), make_seal(info, *maker), place, Mode.WHOLE, Signer(x509_cert=signer), NOW
    )


READY = prepared()
VALUE = WORLD.keys[Profile.ORGANISATION].sign(READY.to_sign)
DIGEST = hashlib.new("sm3", VALUE).digest()


def with_token(token: bytes) -> bytes:
    """The sealed decision with this timestamp, unseen by any judge."""
    return embed(READY, VALUE, token)


def judged(whole: bytes, trust: TrustStore | None = None, at: datetime = NOW + DAY) -> Report:
    """By whom trusts the root, a day later."""
    return verify(whole, at, judges=(store() if trust is None else trust).judges())


def said(report: Report) -> set[tuple[str, str]]:
    """What did not pass: the question, and the steps behind it that did not."""
    return {
        (each.step.key, step.reason)
        for each in report.complaints
        for step in each.because or (each.step,)
        if step.verdict is not Verdict.PASSED
    }


@pytest.fixture(scope="module")
def authority() -> Iterator[TimestampAuthority]:
    """The SM2 authority on a socket."""
    with client(tsa(at=NOW + timedelta(minutes=1))) as ask:
        yield ask


def test_an_ofd_with_a_timestamp(authority: TimestampAuthority) -> None:
    """SM2 and SM3, over the signature value: all passes, and its time is the one judged at."""
    whole = embed(READY, VALUE, authority.token(DIGEST, "sm3"), judges=store().judges())
    report = judged(whole, store(of_tsa()))

    assert report.verdict is Verdict.PASSED
    assert report.seals[0].judged_at == NOW + timedelta(minutes=1)
    assert report.seals[0].claimed_at == NOW


def test_a_timestamp_outlives_the_certificate_of_the_signer(authority: TimestampAuthority) -> None:
    """Two years later the signer's and the authority's certificates have ended; it was in time."""
    later = tuple(listed(each, at=NOW + 5 * DAY) for each in (WORLD.root, WORLD.issuer))
    whole = with_token(authority.token(DIGEST, "sm3"))

    assert judged(whole, store(lists=later), NOW + 700 * DAY).verdict is Verdict.PASSED


def revoking(profile: Profile, reason: Reason, day: int) -> tuple[RevocationList, ...]:
    """Lists of the day after tomorrow, on which somebody stands."""
    entry = Revoked(serial=WORLD.signers[profile].serial, at=NOW + day * DAY, reason=reason)
    return listed(WORLD.root), listed(WORLD.issuer, entry, at=NOW + 2 * DAY)


CASES: dict[str, tuple[Verdict, set[tuple[str, str]], Callable[[], Report]]] = {
    "over another value": (
        Verdict.FAILED, {("time", "other-bytes")},
        lambda: judged(with_token(stamped(tsa(), bytes(32), "sm3")))),
    "the token of another document": (
        Verdict.FAILED, {("time", "other-bytes")},
        lambda: judged(with_token(stamped(tsa(), hashlib.new("sm3", b"other").digest(), "sm3")))),
    "no token at all": (
        Verdict.FAILED, {("time", "unreadable")}, lambda: judged(with_token(b"token"))),
    "a suspended authority": (
        Verdict.FAILED, {("time", "suspended")},
        lambda: judged(with_token(stamped(tsa(), DIGEST, "sm3")),
                       store(of_tsa(Standing.SUSPENDED)))),
    "an authority withdrawn": (
        Verdict.FAILED, {("time", "withdrawn")},
        lambda: judged(with_token(stamped(tsa(), DIGEST, "sm3")),
                       store(of_tsa(Standing.WITHDRAWN)))),
    "an authority not trusted yet at that time": (
        Verdict.FAILED, {("time", "not-yet-trusted")},
        lambda: judged(with_token(stamped(tsa(), DIGEST, "sm3")), store(of_tsa(since=NOW + DAY)))),
    "an authority not on the list": (
        Verdict.FAILED, {("time", "not-listed")},
        lambda: judged(with_token(stamped(tsa(Algorithm.ECDSA_SHA256), DIGEST, "sm3")),
                       store(of_tsa()))),
    "a chain to nowhere": (
        Verdict.INDETERMINATE, {("time", "not-found"), ("time", "no-list")},
        lambda: judged(with_token(stamped(stranger(), DIGEST, "sm3")))),
    "the authority's key was stolen later": (
        Verdict.FAILED, {("time", "revoked-key-compromise")},
        lambda: judged(with_token(stamped(tsa(), DIGEST, "sm3")),
                       store(lists=revoking(Profile.TSA, Reason.KEY_COMPROMISE, 1)), NOW + 3 * DAY)),
    "stamped long after it is said to be signed": (
        Verdict.FAILED, {("time", "times-disagree")},
        lambda: judged(with_token(stamped(tsa(at=NOW + DAY), DIGEST, "sm3")))),
    "stamped before it was signed": (
        Verdict.FAILED, {("time", "times-disagree")},
        lambda: judged(with_token(stamped(tsa(at=NOW - DAY), DIGEST, "sm3")))),
    "stamped tomorrow": (
        Verdict.FAILED, {("time", "stamped-in-the-future"), ("time", "times-disagree")},
        lambda: judged(with_token(stamped(tsa(at=NOW + 2 * DAY), DIGEST, "sm3")))),
    "an authority whose certificate had ended": (
        Verdict.FAILED, {("time", "expired")}, lambda: judged(with_token(after_its_end()))),
}  # fmt: skip


def stranger() -> TSA:
    """An authority under a root of its own."""
    key = ClassicalKey.generate(Algorithm.ECDSA_SHA256)
    top = root(ClassicalKey.generate(Algorithm.ECDSA_SHA256), "别的根")
    return TSA(
        key=replace(key, chain=(top.issue(wanted(Profile.TSA, key)).der,)), clock=lambda: NOW
    )


def after_its_end() -> bytes:
    """By an authority that does not look at its own certificate."""
    by = tsa(not_before=NOW - 29 * DAY, not_after=NOW - DAY)
    return by._token(TimestampRequest(imprint=Imprint(digest="sm3", value=DIGEST)), NOW)


@pytest.mark.parametrize(("verdict", "expected", "report"), CASES.values(), ids=CASES)
def test_timestamps_of_ofd_that_are_worth_nothing(
    verdict: Verdict, expected: set[tuple[str, str]], report: Callable[[], Report]
) -> None:
    """Told under the question of time, and nowhere else."""
    told = report()

    assert (told.verdict, said(told)) == (verdict, expected)


def test_a_signer_revoked_before_the_timestamp_and_after() -> None:
    """What was sealed in time stays sealed."""
    whole = with_token(stamped(tsa(), DIGEST, "sm3"))
    after = store(lists=revoking(Profile.ORGANISATION, Reason.KEY_COMPROMISE, 1))
    before = store(lists=revoking(Profile.ORGANISATION, Reason.KEY_COMPROMISE, -1))

    assert judged(whole, after, NOW + 3 * DAY).verdict is Verdict.PASSED
    assert said(judged(whole, before, NOW + 3 * DAY)) == {
        ("signer-chain", "revoked-key-compromise")
    }


def test_without_anybody_to_judge_it_stays_open() -> None:
    """Indeterminate, not passed; a wanted timestamp is there all the same."""
    whole = with_token(stamped(tsa(), DIGEST, "sm3"))
    policies = Policies(ofd=ofd.Policy(timestamp_wanted=True))
    report = verify(whole, NOW + DAY, policies, NOBODY)

    assert ("time", "timestamp-not-judged") in {
        (each.step.key, each.step.reason) for each in report.complaints
    }
    assert report.verdict is Verdict.INDETERMINATE


# --- PDF --------------------------------------------------------------------------------------

TOP = root(ClassicalKey.generate(Algorithm.ECDSA_SHA256), "示例国际根")
PDF_LIST = listed(TOP)


def party(profile: Profile, algorithm: Algorithm) -> ClassicalKey:
    """Somebody below that root."""
    key = ClassicalKey.generate(algorithm)
    own = TOP.issue(wanted(profile, key))
    return replace(key, chain=(own.der, TOP.certificate.der))


SEALER = party(Profile.ORGANISATION, Algorithm.ECDSA_SHA256)
STAMPER = party(Profile.TSA, Algorithm.RSA_SHA256)
PDF_TSA = TSA(key=STAMPER, clock=lambda: NOW + timedelta(minutes=1))


def pdf_judges(*lists: RevocationList) -> Judges:
    """By whom trusts that root."""
    return TrustStore.of([TOP.certificate], lists=lists).judges()


def pdf(level: Level, ask: TimestampAuthority) -> bytes:
    """A page under a seal of that level."""
    who = Signatory(chain=SEALER.chain)
    ready = prepare_pdf(Draft().pdf(), [PLACE], appearance(), who, NOW, level=level)
    kept = Revocation(certificates=(*SEALER.chain, *STAMPER.chain), lists=(PDF_LIST.der,))
    return embed_pdf(ready, SEALER.sign(ready.to_sign), timestamps=ask, revocation=kept)


@pytest.fixture(scope="module")
def pdf_authority() -> Iterator[TimestampAuthority]:
    """The RSA authority on a socket."""
    with client(PDF_TSA) as ask:
        yield ask


@pytest.mark.parametrize("level", [Level.T, Level.LT, Level.LTA])
def test_a_pdf_of_each_level(level: Level, pdf_authority: TimestampAuthority) -> None:
    """By our judge and by pyHanko; the lists that it carries are enough from B-LT on."""
    whole = pdf(level, pdf_authority)
    given = () if level in {Level.LT, Level.LTA} else (PDF_LIST,)
    report = verify(whole, NOW + DAY, judges=pdf_judges(*given))

    assert said(report) == set()
    assert {each.judged_at for each in report.seals} == {NOW + timedelta(minutes=1)}
    assert len(report.seals) == (2 if level is Level.LTA else 1)
    context = ValidationContext(
        trust_roots=[x509.Certificate.load(TOP.certificate.der)],
        crls=[PDF_LIST.der], moment=NOW + DAY, allow_fetching=False,
    )  # fmt: skip
    theirs = PdfFileReader(io.BytesIO(whole)).embedded_signatures[0]
    status = validate_pdf_signature(theirs, context, ts_validation_context=context)
    assert status.bottom_line, status.pretty_print_details()
    assert status.timestamp_validity is not None


def test_a_pdf_without_lists_stays_open(pdf_authority: TimestampAuthority) -> None:
    """B-T carries none: neither chain can be judged to its end."""
    report = verify(pdf(Level.T, pdf_authority), NOW + DAY, judges=pdf_judges())

    assert report.verdict is Verdict.INDETERMINATE
    assert said(report) == {("signer-chain", "no-list"), ("time", "no-list")}


def test_a_list_in_the_document_revokes(pdf_authority: TimestampAuthority) -> None:
    """What a document carries is believed against it, too, where its issuer signed it."""
    own = x509.Certificate.load(SEALER.chain[0]).serial_number
    entry = Revoked(serial=own, at=NOW - DAY, reason=Reason.SUPERSEDED)
    who = Signatory(chain=SEALER.chain)
    ready = prepare_pdf(Draft().pdf(), [PLACE], appearance(), who, NOW, level=Level.LT)
    kept = Revocation(certificates=SEALER.chain, lists=(listed(TOP, entry).der,))
    whole = embed_pdf(ready, SEALER.sign(ready.to_sign), timestamps=pdf_authority, revocation=kept)

    assert ("signer-chain", "revoked") in said(
        verify(whole, NOW + DAY, judges=pdf_judges(PDF_LIST))
    )


def test_the_timestamp_of_another_pdf(pdf_authority: TimestampAuthority) -> None:
    """A client that is handed another's token; ours would not take it."""

    class Stale:
        def token(self, digest: bytes, algorithm: str) -> bytes:
            return pdf_authority.token(bytes(len(digest)), algorithm)

    report = verify(pdf(Level.T, Stale()), NOW + DAY, judges=pdf_judges(PDF_LIST))

    assert said(report) == {("time", "other-bytes")}


def test_a_document_timestamp_again_and_again(pdf_authority: TimestampAuthority) -> None:
    """Each over all that was there; a flipped byte fails every one of them."""
    whole = timestamped(pdf(Level.LTA, pdf_authority), pdf_authority)
    report = verify(whole, NOW + DAY, judges=pdf_judges())
    broken = verify(whole.replace(b"/Type /Page ", b"/Type /Pagf ", 1), NOW + DAY,
                    judges=pdf_judges())  # fmt: skip

    assert (len(report.seals), said(report)) == (3, set())
    assert [each.verdict for each in broken.seals] == [Verdict.FAILED] * 3


def test_an_authority_that_is_gone_leaves_nothing_behind() -> None:
    """No timestamp, no seal."""
    with client(PDF_TSA) as ask:
        pass
    with pytest.raises(TimestampUnavailable, match="tsa-unreachable"):
        pdf(Level.T, ask)
