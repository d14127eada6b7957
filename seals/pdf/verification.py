"""Judge a sealed PDF under a policy at a time.

The steps, in order (numbers in `seals.report.Question`): the container, its structure, whether it is
signed at all; then for each signature its form, the digest, what it covers and what came later, the
certificate it is bound to, its value, the chain, the time, the algorithms. Every step is taken,
whatever the one before it found; every failure is told.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from seals.errors import MalformedDocument
from seals.judging import DRIFT, NOBODY, SKEW, Judges
from seals.pdf.inspection import Facts, Kind, SignatureFacts, inspect
from seals.pdf.revisions import Later
from seals.pdf.seal_verification import seal_findings
from seals.pdf.wording import REASONS, found
from seals.report import (
    Carried,
    Finding,
    Format,
    Question,
    Report,
    Role,
    SealReport,
    TimestampAnswer,
)
from seals.seal import SM2_SM3
from seals.seal_judging import HARMLESS, judged_at, judged_timestamp
from seals.verdicts import Verdict, worst

__all__ = ["NOBODY", "POLICY", "Judges", "Policy", "judge", "verify"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What is asked of a signature beyond that it is right."""

    digests: frozenset[str] = frozenset({"sha256", "sha384", "sha512", "sm3"})
    algorithms: frozenset[str] = frozenset({
        "rsassa_pkcs1v15", "rsassa_pss", "sha256_rsa", "sha384_rsa", "sha512_rsa",
        "sha256_ecdsa", "sha384_ecdsa", "sha512_ecdsa", "ed25519",
        SM2_SM3,
    })  # fmt: skip
    harmless: frozenset[str] = HARMLESS
    """Deviations that real seals have and nothing depends on."""
    extensions: frozenset[str] = frozenset()
    """Critical extensions of electronic seals that are understood."""
    timestamp_wanted: bool = False


POLICY = Policy()


def verify(
    document: bytes, at: datetime, policy: Policy = POLICY, judges: Judges = NOBODY
) -> Report:
    """Judge a document. Raises nothing for what it holds.

    Args:
        document: Its bytes.
        at: The time that is asked about.
        policy: What is asked beyond that all is right.
        judges: Chains and timestamps.

    Raises:
        ValueError: The time has no zone.
    """
    if at.tzinfo is None:
        raise ValueError("a time without a zone")
    try:
        facts = inspect(document)
    except MalformedDocument as error:
        question = Question.CONTAINER if error.why in _CONTAINER else Question.STRUCTURE
        reason = error.why if error.why in REASONS else "unreadable"
        return Report(format=Format.PDF, at=at, findings=(found(question, reason),), seals=())
    return judge(document, facts, at, policy, judges)


def judge(
    document: bytes,
    facts: Facts,
    at: datetime,
    policy: Policy = POLICY,
    judges: Judges = NOBODY,
) -> Report:
    """Judge facts that were stated before, of this document."""
    return Report(
        format=Format.PDF,
        at=at,
        findings=tuple(_whole(facts)),
        seals=tuple(
            _seal_report(document, facts, each, at, policy, judges) for each in facts.signatures
        ),
    )


_CONTAINER = {"no-header", "too-large", "bytes-before", "bytes-behind"}


def _whole(facts: Facts) -> Iterator[Finding]:
    about = {question: [each for each in facts.problems if (each[0] in _CONTAINER) is inside]
             for question, inside in ((Question.CONTAINER, True), (Question.STRUCTURE, False))}  # fmt: skip
    for question, proper in (
        (Question.CONTAINER, "container-proper"),
        (Question.STRUCTURE, "structure-proper"),
    ):
        problems = about[question]
        yield from (found(question, why, where) for why, where in problems)
        if not problems:
            yield found(question, proper)
    yield found(Question.SIGNED, "signed" if facts.signatures else "unsigned")


def _seal_report(
    document: bytes,
    facts: Facts,
    one: SignatureFacts,
    at: datetime,
    policy: Policy,
    judges: Judges,
) -> SealReport:
    stamped = _timestamp(document, facts, one, judges)
    signed = one.seal_signature
    if signed is None:
        then = _judged_at(stamped, at)
        findings = list(_plain(facts, one, stamped, at, policy, judges))
    else:
        then = judged_at(signed, stamped, at)
        findings = [
            *_coverage(one),
            *seal_findings(one, signed, stamped, at, policy, judges, _carried(facts, one)),
        ]
    return SealReport(
        name=one.name,
        seal_number="" if signed is None else signed.seal.info.number,
        seal_name="" if signed is None else signed.seal.info.name,
        claimed_at=one.claimed_at,
        judged_at=then,
        coverage=_extent(one),
        findings=tuple(sorted(findings, key=lambda each: each.step.number)),
    )


def _plain(
    facts: Facts,
    one: SignatureFacts,
    stamped: TimestampAnswer | None,
    at: datetime,
    policy: Policy,
    judges: Judges,
) -> Iterator[Finding]:
    """A signature without an electronic seal; where its form is amiss, there may be no more."""
    yield from _form(one)
    if one.certificate:
        yield from _coverage(one)
        yield found(Question.UNCHANGED, "unchanged" if one.intact else "changed")
        yield found(Question.BINDING, _BOUND[one.bound])
        yield found(Question.VALUE, "holds" if one.holds else "does-not-hold")
        yield from _chain(facts, one, _judged_at(stamped, at), judges)
        yield from _time(one, stamped, at, policy)
        yield from _algorithms(one, policy)


_BOUND = {True: "bound", False: "bound-otherwise", None: "not-bound"}


def _form(one: SignatureFacts) -> Iterator[Finding]:
    """10."""
    for problem in one.problems:
        yield found(Question.FORM, problem, one.name)
    if not one.problems:
        yield found(Question.FORM, "form-proper")


def _extent(one: SignatureFacts) -> str:
    if one.problems:
        return "unclear"
    if not one.covers_revision or one.later is Later.CHANGES:
        return "gaps"
    return "whole" if one.later is Later.NOTHING else "all-effective"


def _coverage(one: SignatureFacts) -> Iterator[Finding]:
    """12."""
    question = Question.COVERAGE
    if not one.covers_revision:
        yield found(question, "gaps", one.name)
    elif one.closed and (one.later is Later.CHANGES or one.visible_later):
        yield found(question, "certified-changed", one.name)
    elif one.later is Later.CHANGES:
        yield found(question, "changed-later", one.name)
    else:
        yield found(question, "whole" if one.later is Later.NOTHING else "later-seals")


def _chain(
    facts: Facts, one: SignatureFacts, judged_at: datetime, judges: Judges
) -> Iterator[Finding]:
    """18. A document's timestamp is judged whole, as a timestamp."""
    question = Question.SIGNER_CHAIN
    if one.kind is Kind.TIMESTAMP:
        return
    if judges.chain is None:
        yield found(question, "no-judge")
        return
    steps = judges.chain(one.certificate, _carried(facts, one), Role.SIGNER, judged_at)
    yield found(question, _TRUST[worst(step.verdict for step in steps)], because=steps)


def _carried(facts: Facts, one: SignatureFacts) -> Carried:
    """What the signature and the document's security store bring along."""
    return Carried(certificates=(*one.others, *facts.certificates), lists=facts.lists)


_TRUST = {
    Verdict.PASSED: "trusted",
    Verdict.FAILED: "not-trusted",
    Verdict.INDETERMINATE: "unclear",
}


def _timestamp(
    document: bytes, facts: Facts, one: SignatureFacts, judges: Judges
) -> TimestampAnswer | None:
    if one.seal_signature is not None:
        return judged_timestamp(one.seal_signature, judges, _carried(facts, one))
    token, over = one.token, one.value
    if one.kind is Kind.TIMESTAMP and one.byte_range and one.message:
        start, before, behind, rest = one.byte_range
        token, over = one.message, document[start:before] + document[behind : behind + rest]
    if not token or judges.timestamp is None:
        return None
    return judges.timestamp(token, over, _carried(facts, one))


def _judged_at(stamped: TimestampAnswer | None, at: datetime) -> datetime:
    """When it was sealed, if somebody else vouches for it; or else the time that is asked about."""
    if stamped is None or stamped.at is None:
        return at
    trusted = worst(step.verdict for step in stamped.steps) is Verdict.PASSED
    return stamped.at if trusted else at


def _time(
    one: SignatureFacts, stamped: TimestampAnswer | None, at: datetime, policy: Policy
) -> Iterator[Finding]:
    """20."""
    question, claimed = Question.TIME, one.claimed_at
    if claimed is not None and claimed.tzinfo is None:
        claimed = None
    if claimed is not None and claimed > at + SKEW:
        yield found(question, "time-ahead", one.name)
        return
    if not one.token and one.kind is Kind.SEAL:
        yield found(question, "timestamp-wanted" if policy.timestamp_wanted else "claimed-only")
        return
    if stamped is None:
        yield found(question, "no-judge")
        return
    verdict = worst(step.verdict for step in stamped.steps)
    if verdict is not Verdict.PASSED or stamped.at is None:
        bad = verdict is Verdict.FAILED
        yield found(question, "timestamp-bad" if bad else "timestamp-unclear", one.name,
                    stamped.steps)  # fmt: skip
    elif stamped.at > at + SKEW:
        yield found(question, "time-ahead", one.name, stamped.steps)
    elif claimed is not None and not -SKEW <= stamped.at - claimed <= DRIFT:
        yield found(question, "time-differs", one.name, stamped.steps)
    else:
        yield found(question, "timestamped", because=stamped.steps)


def _algorithms(one: SignatureFacts, policy: Policy) -> Iterator[Finding]:
    """21."""
    used = ((one.digest, policy.digests), (one.algorithm, policy.algorithms))
    bad = [name for name, allowed in used if name not in allowed]
    yield from (found(Question.ALGORITHMS, "not-allowed", name) for name in bad)
    if not bad:
        yield found(Question.ALGORITHMS, "allowed")
