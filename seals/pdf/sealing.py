"""Both motions in one go, with a look before and a judgement after: nothing unverified leaves."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from seals.errors import DocumentRefused, SealingFailed
from seals.pdf.model import Appearance, Intent, Level, Placement, Revocation, Signatory
from seals.pdf.ports import SigningKey
from seals.pdf.preflight import reasons
from seals.pdf.signing import embed, prepare
from seals.pdf.verification import NOBODY, POLICY, Judges, Policy, verify
from seals.ports import TimestampAuthority
from seals.report import JUDGED_ELSEWHERE
from seals.verdicts import Verdict

# Without anybody to judge trust these stay open, and are not what sealing is to prove.


def sealed(
    document: bytes,
    placements: Sequence[Placement],
    appearance: Appearance,
    key: SigningKey,
    at: datetime,
    *,
    level: Level = Level.B,
    intent: Intent = Intent.APPROVAL,
    timestamps: TimestampAuthority | None = None,
    revocation: Revocation | None = None,
    policy: Policy = POLICY,
    judges: Judges = NOBODY,
) -> bytes:
    """Seal a document.

    Raises:
        DocumentRefused: What preflight found, all of it.
        SealRefused: What was asked cannot be done with this document, picture or signer.
        SealingFailed: What was made does not verify.
    """
    found = reasons(document)
    if found:
        raise DocumentRefused(*found)
    signatory = Signatory(chain=key.chain)
    prepared = prepare(document, placements, appearance, signatory, at, level=level, intent=intent)
    made = embed(prepared, key.sign(prepared.to_sign), timestamps=timestamps, revocation=revocation)
    return proven(made, at, policy, judges)


def proven(made: bytes, at: datetime, policy: Policy = POLICY, judges: Judges = NOBODY) -> bytes:
    """What was just made, if it verifies.

    Raises:
        SealingFailed: It does not.
    """
    report = verify(made, at, policy, judges)
    bad = [
        each.step.reason
        for each in report.complaints
        if each.verdict is Verdict.FAILED or each.step.number not in JUDGED_ELSEWHERE
    ]
    if bad:
        raise SealingFailed(", ".join(bad))
    return made
