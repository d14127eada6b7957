"""Sealed documents with real chains: root, issuer, seal maker and signer, and their lists."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

import pytest

from seals.authority import Profile
from seals.judging import chain_judge
from seals.keys import SM2Key
from seals.levels import Mode
from seals.making import make_seal
from seals.ofd.placing import AtPlace
from seals.ofd.signing import Signer, embed, prepare
from seals.ofd.verification import Judges, verify
from seals.report import NOTHING, Report, Role
from seals.revocation import Reason, Revocation, RevocationList
from seals.seal import ListedCertificates
from seals.verdicts import Verdict
from tests.world.ofd import document
from tests.world.pki import DAY, NOW, PKI, listed, pki, root
from tests.world.seals import INFO

SIGNER, MAKER = Profile.ORGANISATION, Profile.SEAL_MAKER


def sealed(signer: Profile = SIGNER, maker: Profile = MAKER, at: datetime = NOW) -> bytes:
    """A document under a seal whose maker and signer have certificates of these profiles."""
    world = pki()
    x509_cert = world.signers[signer].der
    info = replace(
        INFO,
        signers=ListedCertificates(x509_certs=(x509_cert,)),
        created_at=NOW - DAY,
        valid_from=NOW - DAY,
        valid_until=NOW + 1000 * DAY,
    )
    seal = make_seal(info, world.keys[maker], world.signers[maker].der)
    place = (AtPlace(page=1, x=105, y=150),)
    prepared = prepare(document(), seal, place, Mode.WHOLE, Signer(x509_cert=x509_cert), at)
    return embed(prepared, world.keys[signer].sign(prepared.to_sign))


def judged(
    whole: bytes, lists: Sequence[RevocationList] | None = None, at: datetime = NOW
) -> Report:
    """What the root's believers say."""
    world = pki()
    known = world.lists if lists is None else lists
    judges = Judges(chain=chain_judge(world.anchors, world.intermediates, known))
    return verify(whole, at, judges=judges)


def revoking(world: PKI, profile: Profile) -> list[RevocationList]:
    """Fresh lists, on the issuer's of which this one stands since yesterday."""
    entry = Revocation(
        serial=world.signers[profile].serial, at=NOW - DAY, reason=Reason.KEY_COMPROMISE
    )
    return [listed(world.root), listed(world.issuer, entry)]


def test_a_whole_chain_passes() -> None:
    """Nothing is left open; the steps of both chains lie in the report."""
    report = judged(sealed())

    assert report.verdict is Verdict.PASSED
    because = [each.because for each in report.seals[0].findings if each.because]
    assert len(because) == 2
    assert all(len(steps) > 8 for steps in because)


CASES: dict[str, tuple[Verdict, set[tuple[str, str]], Callable[[], Report]]] = {
    "the signer revoked": (
        Verdict.FAILED,
        {("signer-chain", "chain-not-trusted")},
        lambda: judged(sealed(), revoking(pki(), SIGNER)),
    ),
    "the maker revoked": (
        Verdict.FAILED,
        {("maker-chain", "chain-not-trusted")},
        lambda: judged(sealed(), revoking(pki(), MAKER)),
    ),
    "no lists": (
        Verdict.INDETERMINATE,
        {("signer-chain", "chain-not-judged"), ("maker-chain", "chain-not-judged")},
        lambda: judged(sealed(), []),
    ),
    "certificates that had expired": (
        Verdict.FAILED,
        {("signer-chain", "chain-not-trusted"), ("maker-chain", "chain-not-trusted")},
        lambda: judged(sealed(at=NOW + 310 * DAY), at=NOW + 310 * DAY),
    ),
    "a signer for timestamps only": (
        Verdict.FAILED,
        {("signer-chain", "chain-not-trusted")},
        lambda: judged(sealed(signer=Profile.TSA)),
    ),
}


@pytest.mark.parametrize(("verdict", "expected", "report"), CASES.values(), ids=CASES)
def test_chains_of_seals(
    verdict: Verdict, expected: set[tuple[str, str]], report: Callable[[], Report]
) -> None:
    """At the signing time; signer and maker each by itself."""
    told = report()

    assert told.verdict is verdict
    assert {(each.step.key, each.step.reason) for each in told.complaints} == expected


def test_a_root_nobody_trusts_and_a_certificate_nobody_reads() -> None:
    """Not failed: another verifier may know better."""
    judge = chain_judge([root(SM2Key.generate(), "另一个根").certificate])
    report = verify(sealed(), NOW, judges=Judges(chain=judge))

    assert report.verdict is Verdict.INDETERMINATE
    assert judge(b"no certificate", NOTHING, Role.SIGNER, NOW) == ()
