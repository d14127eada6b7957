"""Chains: each question failed on its own by a case made for it; loops, crowds and old lists."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from seals import der
from seals.algorithms import Algorithm
from seals.authority import Authority, Profile
from seals.chains import MAX_DEPTH, ChainReport, Purpose, chain
from seals.classical import ClassicalKey
from seals.keys import SM2Key
from seals.names import Subject
from seals.revocation import Reason, Revocation, RevocationList, read_list
from seals.rulings import ANSWERS, QUESTIONS
from seals.verdicts import Verdict
from seals.x509 import Extension, Flaw, X509Certificate, read_x509
from tests.seals.test_x509 import extension, forged
from tests.world import pki
from tests.world.pki import DAY, NOW

WORLD = pki.pki()
ROOT, ISSUER = WORLD.root, WORLD.issuer
MAKER = WORLD.signers[Profile.SEAL_MAKER]
ISSUING = (
    Extension("2.5.29.19", True, der.sequence(der.true())),
    Extension("2.5.29.15", True, der.named_bits(5, 6)),
)


@dataclass(frozen=True, kw_only=True)
class Case:
    """What is judged, and the one step that it must fail."""

    certificate: X509Certificate
    step: str
    reason: str
    verdict: Verdict = Verdict.FAILED
    intermediates: Sequence[X509Certificate] = tuple(WORLD.intermediates)
    anchors: Sequence[X509Certificate] = tuple(WORLD.anchors)
    lists: Sequence[RevocationList] = tuple(WORLD.lists)
    purpose: Purpose = Purpose.SIGNING
    at: datetime = NOW
    also: frozenset[str] = field(default=frozenset())
    """Other steps that cannot but fail with it."""

    def judged(self) -> ChainReport:
        return chain(
            self.certificate, self.intermediates, self.anchors, self.at,
            lists=self.lists, purpose=self.purpose,
        )  # fmt: skip


def test_a_whole_chain_passes() -> None:
    """Every signer, every question, every certificate in its order."""
    for profile, certificate in WORLD.signers.items():
        purpose = Purpose.TIMESTAMPING if profile is Profile.TSA else Purpose.SIGNING
        report = chain(certificate, WORLD.intermediates, WORLD.anchors, NOW, lists=WORLD.lists,
                       purpose=purpose)  # fmt: skip
        assert report.verdict is Verdict.PASSED, report.complaints
        assert report.complaints == ()
        assert report.path == (certificate, ISSUER.certificate, ROOT.certificate)
        assert {step.key for step in report.steps} == set(QUESTIONS)
        assert [step.number for step in report.steps] == sorted(s.number for s in report.steps)
        with pytest.raises(TypeError):
            bool(report)


def test_mixed_kinds_of_keys_make_one_chain() -> None:
    """An RSA root, a P-256 issuer, an Ed25519 issuer, an SM2 signer."""
    root = pki.root(ClassicalKey.generate(Algorithm.RSA_PSS_SHA256, 2048))
    one = pki.below(root, ClassicalKey.generate(Algorithm.ECDSA_SHA256), "一")
    two = pki.below(one, ClassicalKey.generate(Algorithm.ED25519), "二")
    signer = two.issue(pki.wanted(Profile.PERSON, SM2Key.generate()))
    report = chain(
        signer, [one.certificate, two.certificate], [root.certificate], NOW,
        lists=[pki.listed(each) for each in (root, one, two)],
    )  # fmt: skip
    assert report.verdict is Verdict.PASSED
    assert len(report.path) == 4


def _issuer_of(*extensions: Extension, above: Authority = ROOT) -> tuple[X509Certificate, SM2Key]:
    key = SM2Key.generate()
    body = forged(extensions=extension(*extensions), key=key, above=above,
                  subject=Subject(common_name="别的机构").der)  # fmt: skip
    return read_x509(body), key


def _by(issuer: X509Certificate, key: SM2Key) -> X509Certificate:
    """A signer's certificate, by a certificate that may not be fit to issue any."""
    return read_x509(forged(above=_Above(key, issuer)))  # type: ignore[arg-type]  # what `forged` uses of it


@dataclass(frozen=True)
class _Above:
    key: SM2Key
    certificate: X509Certificate


def _below(*extensions: Extension, step: str, reason: str) -> Case:
    """A good signer below an issuer with these extensions."""
    issuer, key = _issuer_of(*extensions)
    return Case(
        certificate=_by(issuer, key),
        intermediates=[issuer],
        step=step,
        reason=reason,
        lists=[*WORLD.lists],
        also=frozenset({"revocation"}),
    )


def _signer(
    *extensions: Extension, step: str, reason: str, verdict: Verdict = Verdict.FAILED,
    purpose: Purpose = Purpose.SIGNING, also: frozenset[str] = frozenset(),
) -> Case:  # fmt: skip
    """A signer below the root, with these extensions."""
    found = read_x509(forged(extensions=extension(*extensions)))
    return Case(certificate=found, step=step, reason=reason, verdict=verdict, purpose=purpose,
                also=also)  # fmt: skip


def _usage(*bits: int) -> Extension:
    return Extension("2.5.29.15", True, der.named_bits(*bits))


def _extended(*oids: str, critical: bool = True) -> Extension:
    return Extension("2.5.29.37", critical, der.sequence(*map(der.oid, oids)))


def _changed(at: int) -> X509Certificate:
    return read_x509(MAKER.der[:at] + bytes((MAKER.der[at] ^ 1,)) + MAKER.der[at + 1 :])


def _too_long() -> Case:
    root = pki.root(SM2Key.generate(), "短根", path_length=0)
    # The authority itself would refuse: another one, with its key and no limit, issues in its name.
    loose = Authority(
        key=root.key, certificate=pki.root(root.key, "短根").certificate
    )  # fmt: skip
    issuer = pki.below(loose, SM2Key.generate(), "中间")
    signer = issuer.issue(pki.wanted(Profile.PERSON, SM2Key.generate()))
    return Case(
        certificate=signer, intermediates=[issuer.certificate], anchors=[root.certificate],
        lists=[pki.listed(root), pki.listed(issuer)], step="path-length", reason="too-long",
    )  # fmt: skip


def _short_key() -> Case:
    key = _rsa(1024)
    return Case(
        certificate=read_x509(forged(spki=key)), step="algorithm", reason="key-short",
    )  # fmt: skip


def _rsa(bits: int) -> bytes:
    modulus = (1 << (bits - 1)) + 0x1234567
    key = der.sequence(der.integer(modulus), der.integer(65537))
    return der.sequence(der.sequence(der.oid("1.2.840.113549.1.1.1"), der.null()), der.bits(key))


def _unknown_algorithm() -> Case:
    known = Algorithm.SM2.identifier
    unknown = known[:-1] + bytes((known[-1] ^ 0x40,))
    return Case(
        certificate=read_x509(forged().replace(known, unknown)), step="algorithm",
        reason="algorithm-unknown", verdict=Verdict.INDETERMINATE, also=frozenset({"signature"}),
    )  # fmt: skip


def _other_curve() -> Case:
    spki = SM2Key.generate().spki
    inner = bytes.fromhex("06072a8648ce3d020106052b8104000a")
    body = bytes((0x30, len(inner))) + inner + spki[23:]
    return Case(
        certificate=read_x509(forged(spki=bytes((0x30, len(body))) + body)), step="algorithm",
        reason="algorithm-unknown", verdict=Verdict.INDETERMINATE,
    )  # fmt: skip


_I = Verdict.INDETERMINATE
_TSA = "1.3.6.1.5.5.7.3.8"
_UNANCHORED = frozenset({"revocation"})
CASES: dict[str, Callable[[], Case]] = {
    "no issuer": lambda: Case(
        certificate=MAKER, intermediates=[], step="path", reason="not-found", verdict=_I,
        also=_UNANCHORED,
    ),
    "no anchors": lambda: Case(
        certificate=MAKER, anchors=[], step="path", reason="not-found", verdict=_I,
        also=_UNANCHORED,
    ),
    "a root nobody trusts": lambda: Case(
        certificate=MAKER, intermediates=[ISSUER.certificate, ROOT.certificate], anchors=[],
        step="path", reason="root-not-trusted", verdict=_I, also=_UNANCHORED,
    ),
    "a signature changed": lambda: Case(
        certificate=_changed(len(MAKER.der) - 1), step="signature", reason="does-not-hold",
    ),
    "a serial changed": lambda: Case(
        certificate=_changed(MAKER.der.index(der.integer(MAKER.serial)) + 9), step="signature",
        reason="does-not-hold",
    ),
    "signed by a namesake": lambda: Case(
        certificate=MAKER, step="signature", reason="does-not-hold",
        intermediates=[pki.below(ROOT, SM2Key.generate()).certificate], also=_UNANCHORED,
    ),
    "not yet": lambda: Case(
        certificate=MAKER, at=NOW - 31 * DAY, step="validity", reason="not-yet",
        lists=[pki.listed(each, at=NOW - 32 * DAY) for each in (ROOT, ISSUER)],
    ),
    "expired": lambda: Case(
        certificate=MAKER, at=NOW + 301 * DAY, step="validity", reason="expired",
        lists=[pki.listed(each, at=NOW + 300 * DAY) for each in (ROOT, ISSUER)],
    ),
    "an anchor expired": lambda: Case(
        certificate=read_x509(forged(validity=der.sequence(
            der.time(NOW), der.time(NOW + 9000 * DAY)))),
        at=NOW + 8000 * DAY, step="validity", reason="expired",
        lists=[pki.listed(ROOT, at=NOW + 7999 * DAY)],
    ),
    "an issuer that is none": lambda: _below(
        _usage(5, 6), step="constraints", reason="may-not-issue"
    ),
    "an issuer that says no": lambda: _below(
        _usage(5, 6), Extension("2.5.29.19", True, der.sequence()),
        step="constraints", reason="may-not-issue",
    ),
    "a signer that issues": lambda: _below(
        ISSUING[0], _usage(0, 1), step="key-usage", reason="other-usage"
    ),
    "too many issuers": _too_long,
    "a key for encrypting": lambda: _signer(
        _usage(2, 3), step="key-usage", reason="other-usage"
    ),
    "no key usage": lambda: _signer(step="key-usage", reason="not-stated", verdict=_I),
    "a TSA that does not say so": lambda: _signer(
        _usage(0), step="extended-key-usage", reason="not-stated", purpose=Purpose.TIMESTAMPING
    ),
    "a TSA that does more": lambda: _signer(
        _usage(0), _extended(_TSA, "1.3.6.1.5.5.7.3.4"), step="extended-key-usage",
        reason="not-only-timestamping", purpose=Purpose.TIMESTAMPING,
    ),
    "a TSA that is not bound to it": lambda: _signer(
        _usage(0), _extended(_TSA, critical=False), step="extended-key-usage",
        reason="not-critical", purpose=Purpose.TIMESTAMPING,
    ),
    "a TSA that seals": lambda: _signer(
        _usage(0), _extended(_TSA), step="extended-key-usage", reason="other-usage"
    ),
    "a web server that seals": lambda: _signer(
        _usage(0), _extended("1.3.6.1.5.5.7.3.1"), step="extended-key-usage",
        reason="other-usage",
    ),
    "a signer asked to issue": lambda: Case(
        certificate=MAKER, purpose=Purpose.ISSUING, step="constraints", reason="may-not-issue",
        also=frozenset({"key-usage"}),
    ),
    "an unknown critical extension": lambda: _signer(
        _usage(0), Extension("1.2.3.4.5", True, der.null()), step="critical",
        reason="unknown-critical",
    ),
    "name constraints, which we do not judge": lambda: _below(
        *ISSUING, Extension("2.5.29.30", True, der.sequence()), step="critical",
        reason="unknown-critical",
    ),
    "a flaw": lambda: _signer(
        _usage(0), _usage(0), step="form", reason="extension-twice"
    ),
    "a short key": _short_key,
    "an unknown algorithm": _unknown_algorithm,
    "another curve": _other_curve,
    "a key off its curve": lambda: Case(
        certificate=read_x509(forged(spki=SM2Key.generate().spki[:-1] + b"\0")),
        step="algorithm", reason="key-invalid",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_each_question_fails_on_its_own(name: str) -> None:
    """The step that is meant says why, and nothing else complains but what cannot help it."""
    case = CASES[name]()
    report = case.judged()
    assert report.verdict is case.verdict, report.complaints
    complaints = {step.key: step for step in report.complaints}
    assert complaints[case.step].reason == case.reason
    assert complaints[case.step].verdict is case.verdict
    assert set(complaints) <= {case.step, *case.also}


# --- Revocation -----------------------------------------------------------------------------------


def _revoked(days: float, reason: Reason = Reason.UNSPECIFIED) -> Revocation:
    return Revocation(serial=MAKER.serial, at=NOW + timedelta(days=days), reason=reason)


def _signed_list(
    *extensions: bytes, entries: bytes = b"", by: Authority = ISSUER
) -> RevocationList:
    tbs = der.sequence(
        der.integer(1), Algorithm.SM2.identifier, by.certificate.subject.der,
        der.time(NOW - DAY), der.time(NOW + DAY), entries,
        der.explicit(0, der.sequence(*extensions)) if extensions else b"",
    )  # fmt: skip
    return read_list(der.sequence(tbs, Algorithm.SM2.identifier, der.bits(by.key.sign(tbs))))


def _critical(oid: str, value: bytes) -> bytes:
    return der.sequence(der.oid(oid), der.true(), der.octets(value))


_STRANGER = pki.below(ROOT, SM2Key.generate())
_ENTRY = der.sequence(der.integer(MAKER.serial), der.time(NOW - DAY))
LISTS: dict[str, tuple[Callable[[], list[RevocationList]], Verdict, str]] = {
    "fresh, not named": (lambda: [pki.listed(ISSUER)], Verdict.PASSED, "not-revoked"),
    "fresh, others named": (
        lambda: [pki.listed(ISSUER, Revocation(serial=MAKER.serial + 1, at=NOW - DAY))],
        Verdict.PASSED, "not-revoked",
    ),
    "none": (list, _I, "no-list"),
    "of another issuer": (lambda: [pki.listed(ROOT)], _I, "no-list"),
    "of a namesake": (lambda: [pki.listed(_STRANGER, _revoked(-1))], _I, "list-signature"),
    "stale": (lambda: [pki.listed(ISSUER, at=NOW - 30 * DAY)], _I, "list-stale"),
    "stale, named": (
        lambda: [pki.listed(ISSUER, _revoked(-31), at=NOW - 30 * DAY)], Verdict.FAILED, "revoked",
    ),
    "made later, not named": (
        lambda: [pki.listed(ISSUER, at=NOW + 100 * DAY)], Verdict.PASSED, "not-revoked",
    ),
    "made after it expired, not named": (
        lambda: [pki.listed(ISSUER, at=NOW + 400 * DAY)], _I, "list-stale",
    ),
    "revoked before": (lambda: [pki.listed(ISSUER, _revoked(-1))], Verdict.FAILED, "revoked"),
    "revoked at that very time": (
        lambda: [pki.listed(ISSUER, _revoked(0))], Verdict.FAILED, "revoked",
    ),
    "revoked afterwards": (
        lambda: [pki.listed(ISSUER, _revoked(50), at=NOW + 60 * DAY)],
        Verdict.PASSED, "key-doubted-later",
    ),
    "exchanged afterwards": (
        lambda: [pki.listed(ISSUER, _revoked(50, Reason.SUPERSEDED), at=NOW + 60 * DAY)],
        Verdict.PASSED, "revoked-later",
    ),
    "on hold": (
        lambda: [pki.listed(ISSUER, _revoked(-1, Reason.CERTIFICATE_HOLD))],
        Verdict.FAILED, "on-hold",
    ),
    "a stolen key": (
        lambda: [pki.listed(ISSUER, _revoked(-1, Reason.KEY_COMPROMISE))],
        Verdict.FAILED, "revoked-key-compromise",
    ),
    "taken off the list": (
        lambda: [pki.listed(ISSUER, _revoked(-1, Reason.REMOVE_FROM_CRL))],
        Verdict.PASSED, "not-revoked",
    ),
    "a stale one and a fresh one": (
        lambda: [pki.listed(ISSUER, at=NOW - 30 * DAY), pki.listed(ISSUER)],
        Verdict.PASSED, "not-revoked",
    ),
    "a fresh one that does not name it and one that does": (
        lambda: [pki.listed(ISSUER), pki.listed(ISSUER, _revoked(-1), number=2)],
        Verdict.FAILED, "revoked",
    ),
    "a delta": (
        lambda: [_signed_list(_critical("2.5.29.27", der.integer(1)))], _I, "list-unusable",
    ),
    "an indirect list": (
        lambda: [_signed_list(_critical("2.5.29.28", der.sequence(der.implicit(4, b"\xff"))))],
        _I, "list-unusable",
    ),
    "a list of issuers only": (
        lambda: [_signed_list(_critical("2.5.29.28", der.sequence(der.implicit(2, b"\xff"))))],
        _I, "list-unusable",
    ),
    "the same extension twice": (
        lambda: [_signed_list(*[_critical("2.5.29.20", der.integer(1))] * 2)], _I, "list-unusable",
    ),
    "an entry twice": (
        lambda: [_signed_list(entries=der.sequence(_ENTRY, _ENTRY))], Verdict.FAILED, "revoked",
    ),
    "an entry that cannot be read": (
        lambda: [_signed_list(entries=der.sequence(der.sequence(der.integer(MAKER.serial))))],
        _I, "list-unusable",
    ),
    "an entry of another issuer": (
        lambda: [_signed_list(entries=der.sequence(der.sequence(
            der.integer(MAKER.serial), der.time(NOW - DAY),
            der.sequence(_critical("2.5.29.29", der.sequence())))))],
        _I, "list-unusable",
    ),
    "a reason nobody knows": (
        lambda: [_signed_list(entries=der.sequence(der.sequence(
            der.integer(MAKER.serial), der.time(NOW - DAY),
            der.sequence(_critical("2.5.29.21", der.enumerated(99))))))],
        Verdict.FAILED, "revoked",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LISTS)
def test_what_lists_say(name: str) -> None:
    """About the judged certificate; its issuer stands on no list."""
    make, verdict, reason = LISTS[name]
    report = chain(MAKER, WORLD.intermediates, WORLD.anchors, NOW,
                   lists=[pki.listed(ROOT), *make()])  # fmt: skip
    (step,) = (each for each in report.steps if (each.key, each.at) == ("revocation", 0))
    assert (step.verdict, step.reason) == (verdict, reason)
    assert report.verdict is verdict


def test_a_revoked_issuer_takes_its_signers_along() -> None:
    """The step is the issuer's, at place 1."""
    revoked = Revocation(serial=ISSUER.certificate.serial, at=NOW - DAY)
    report = chain(MAKER, WORLD.intermediates, WORLD.anchors, NOW,
                   lists=[pki.listed(ROOT, revoked), pki.listed(ISSUER)])  # fmt: skip
    assert [(step.key, step.at, step.reason) for step in report.complaints] == [
        ("revocation", 1, "revoked")
    ]


def test_an_issuer_that_may_not_sign_lists() -> None:
    """Its list says nothing."""
    issuer, key = _issuer_of(ISSUING[0], _usage(5))
    above = _Above(key, issuer)
    report = chain(_by(issuer, key), [issuer], WORLD.anchors, NOW,
                   lists=[pki.listed(ROOT), _signed_list(by=above)])  # type: ignore[arg-type]  # as in `_by`  # fmt: skip
    assert [(step.key, step.reason) for step in report.complaints] == [
        ("revocation", "list-signer")
    ]


def test_a_signature_with_sha1_is_seen_and_not_believed() -> None:
    """It holds, and the algorithm fails."""
    key = ClassicalKey.generate(Algorithm.RSA_SHA256, 2048)
    root = pki.root(key)
    inner = Algorithm.RSA_SHA1.identifier
    tbs = read_x509(forged(above=root, inner=inner)).tbs  # type: ignore[arg-type]  # any authority
    assert isinstance(key.private, rsa.RSAPrivateKey)
    signature = key.private.sign(tbs, padding.PKCS1v15(), hashes.SHA1())  # noqa: S303  (the point)
    found = read_x509(der.sequence(tbs, inner, der.bits(signature)))
    report = chain(found, [], [root.certificate], NOW, lists=[pki.listed(root)])
    assert [(step.key, step.reason) for step in report.complaints] == [
        ("algorithm", "algorithm-weak")
    ]


@pytest.mark.parametrize("written", ["示例根", "  示例根 ", "示例　根".replace("　", "")])
@pytest.mark.parametrize("tag", [0x0C, 0x1E])
def test_an_issuers_name_may_be_written_otherwise(tag: int, written: str) -> None:
    """In another kind of string, with other blanks: the same name, and it is said."""
    content = written.encode("utf-8" if tag == 0x0C else "utf-16-be")
    country = der.set_of(der.sequence(der.oid("2.5.4.6"), der.utf8("cn")))
    name = der.set_of(der.sequence(der.oid("2.5.4.3"), der.tlv(tag, content)))
    found = read_x509(forged(issuer=der.sequence(country, name)))
    report = chain(found, [], WORLD.anchors, NOW, lists=WORLD.lists)
    assert report.verdict is Verdict.PASSED, report.complaints
    (step,) = (each for each in report.steps if each.key == "names")
    assert step.reason == "same-otherwise-written"


def test_another_name_is_another_issuer() -> None:
    """A letter more, an attribute more, another order."""
    country = der.set_of(der.sequence(der.oid("2.5.4.6"), der.printable("CN")))
    name = der.set_of(der.sequence(der.oid("2.5.4.3"), der.utf8("示例根")))
    longer = der.set_of(der.sequence(der.oid("2.5.4.3"), der.utf8("示例根。")))
    for other in ((country, longer), (country, name, name), (name, country), (name,)):
        report = chain(read_x509(forged(issuer=der.sequence(*other))), [], WORLD.anchors, NOW)
        assert report.complaints[0].reason == "not-found"


# --- Searching ------------------------------------------------------------------------------------


def test_order_doubles_and_strangers_do_not_matter() -> None:
    """The path is found among five hundred."""
    crowd = [*WORLD.signers.values(), ISSUER.certificate, ROOT.certificate] * 100
    report = chain(MAKER, crowd, [*WORLD.anchors, *WORLD.anchors], NOW, lists=WORLD.lists)
    assert report.verdict is Verdict.PASSED


def test_a_second_path_is_tried_where_the_first_ends_badly() -> None:
    """Cross-signed: an expired root and a good one both lead from the same issuer key."""
    old = pki.root(SM2Key.generate(), "旧根", not_after=NOW - DAY)
    key = SM2Key.generate()
    new = pki.below(ROOT, key, "交叉")
    cross = pki.below(old, key, "交叉", not_after=NOW - 2 * DAY)
    signer = new.issue(pki.wanted(Profile.PERSON, SM2Key.generate()))
    for between in ([new.certificate, cross.certificate], [cross.certificate, new.certificate]):
        report = chain(signer, between, [old.certificate, ROOT.certificate], NOW,
                       lists=[pki.listed(ROOT), pki.listed(new)])  # fmt: skip
        assert report.verdict is Verdict.PASSED
        assert report.path[-1] == ROOT.certificate


def test_an_anchor_is_trusted_by_name_and_key() -> None:
    """A renewed copy of it in the document changes nothing."""
    renewed = pki.root(ROOT.key, not_after=NOW + 3000 * DAY)
    report = chain(MAKER, [renewed.certificate, *WORLD.intermediates], WORLD.anchors, NOW,
                   lists=WORLD.lists)  # fmt: skip
    assert report.verdict is Verdict.PASSED
    assert report.path[-1] == ROOT.certificate


def test_the_judged_one_may_be_an_anchor() -> None:
    """Trusted in itself; its usage must still fit."""
    report = chain(ROOT.certificate, [], WORLD.anchors, NOW, purpose=Purpose.ISSUING)
    assert report.verdict is Verdict.PASSED
    assert chain(ROOT.certificate, [], WORLD.anchors, NOW).verdict is Verdict.FAILED


def test_loops_end() -> None:
    """Two that issue each other, and a hundred that do."""
    keys = [SM2Key.generate() for _ in range(8)]
    tops = [pki.root(key, f"环{n}") for n, key in enumerate(keys)]
    ring = [
        tops[n - 1].issue(pki.wanted(Profile.ISSUER, key, subject=Subject(common_name=f"环{n}")))
        for n, key in enumerate(keys)
    ]
    signer = tops[0].issue(pki.wanted(Profile.PERSON, SM2Key.generate()))
    report = chain(signer, ring, WORLD.anchors, NOW)
    assert report.verdict is Verdict.INDETERMINATE
    path = next(step for step in report.steps if step.key == "path")
    assert path.reason in {"loop", "too-deep"}
    both = [tops[0].certificate, tops[1].certificate]
    crossed = [
        tops[a].issue(pki.wanted(Profile.ISSUER, keys[b], subject=Subject(common_name=f"环{b}")))
        for a, b in ((0, 1), (1, 0))
    ]
    assert chain(signer, [*both, *crossed], [], NOW).verdict is Verdict.INDETERMINATE


def test_a_chain_may_be_deep_but_not_endless() -> None:
    """Up to the limit it passes, one more does not."""
    above, between = ROOT, []
    lists = [pki.listed(ROOT)]
    for n in range(MAX_DEPTH):
        above = pki.below(above, SM2Key.generate(), f"第{n}级")
        between.append(above.certificate)
        lists.append(pki.listed(above))
        signer = above.issue(pki.wanted(Profile.PERSON, SM2Key.generate()))
        report = chain(signer, between, WORLD.anchors, NOW, lists=lists)
        if len(between) + 2 <= MAX_DEPTH:
            assert report.verdict is Verdict.PASSED
        else:
            assert report.verdict is Verdict.INDETERMINATE
            assert report.complaints[0].reason == "too-deep"


def test_ten_thousand_namesakes_cost_a_hundred_signatures() -> None:
    """The one with the wanted key id is tried first and found; without it the search gives up."""
    one = forged(
        serial=der.integer(0x40000000), subject=ISSUER.certificate.subject.der,
        extensions=extension(*ISSUING),
    )  # fmt: skip
    mark = der.integer(0x40000000)
    crowd = [read_x509(one.replace(mark, der.integer(0x40000001 + n))) for n in range(10_000)]
    assert len({each.der for each in crowd}) == 10_000
    report = chain(MAKER, [*crowd, ISSUER.certificate], WORLD.anchors, NOW, lists=WORLD.lists)
    assert report.verdict is Verdict.PASSED
    lost = chain(MAKER, crowd, WORLD.anchors, NOW, lists=WORLD.lists)
    assert next((step.key, step.reason) for step in lost.complaints) == ("path", "too-many")
    assert lost.verdict is Verdict.INDETERMINATE


def test_the_time_has_a_zone() -> None:
    """Or nothing is judged."""
    with pytest.raises(ValueError, match="zone"):
        chain(MAKER, [], [], datetime(2026, 1, 1))  # noqa: DTZ001  (that is the point)


def test_every_answer_has_its_words() -> None:
    """In both languages, and none of them is empty."""
    for words in (*ANSWERS.values(), *((zh, en) for _, zh, en in QUESTIONS.values())):
        assert all(words)
    assert {str(flaw) for flaw in Flaw} <= set(ANSWERS)
