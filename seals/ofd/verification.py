"""Judge a sealed OFD under a policy at a time.

The steps, in order (numbers in `seals.report.Question`): the container, its structure, whether it is
signed at all; then for each signature its form, the protected parts, coverage, the binding to this
document, the signer's value, the signer's place in the seal, the maker's value, the seal's
validity, both chains, the time, the algorithms and the placement. Every step is taken, whatever the
one before it found; every failure is told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from seals.errors import MalformedDocument
from seals.judging import NOBODY, Judges
from seals.ofd.coverage import Extent, GapKind
from seals.ofd.inspection import Facts, ReferenceFacts, SealFile, SignatureFacts, inspect
from seals.ofd.names import resolved
from seals.ofd.signatures import SEAL_TYPE, Description, Stamp
from seals.ofd.wording import amiss, found, refused
from seals.report import Finding, Format, Question, Report, SealReport
from seals.seal import SM2_SM3, Seal, SealSignature
from seals.seal_judging import (
    HARMLESS,
    judged_algorithms,
    judged_at,
    judged_form,
    judged_seal,
    judged_timestamp,
)

__all__ = ["NOBODY", "POLICY", "Judges", "Policy", "judge", "verify"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What is asked of a signature beyond that it is right."""

    extents: frozenset[Extent] = frozenset({Extent.WHOLE, Extent.ALL_EFFECTIVE})
    digests: frozenset[str] = frozenset({"sm3", "sha256"})
    algorithms: frozenset[str] = frozenset({SM2_SM3})
    harmless: frozenset[str] = HARMLESS
    """Deviations that real seals have and nothing depends on."""
    extensions: frozenset[str] = frozenset()
    """Critical extensions that are understood."""
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
        first = refused(error.why, error.where)
        return Report(format=Format.OFD, at=at, findings=(first,), seals=())
    return judge(facts, at, policy, judges)


def judge(facts: Facts, at: datetime, policy: Policy = POLICY, judges: Judges = NOBODY) -> Report:
    """Judge facts that were stated before."""
    return Report(
        format=Format.OFD,
        at=at,
        findings=tuple(_whole(facts)),
        seals=tuple(_seal_report(facts, each, at, policy, judges) for each in facts.signatures),
    )


def _whole(facts: Facts) -> Iterator[Finding]:
    yield found(Question.CONTAINER, "container-proper")
    for problem in facts.problems:
        yield amiss(problem.why, problem.where)
    if not facts.problems:
        yield found(Question.STRUCTURE, "structure-proper")
    yield found(Question.SIGNED, "signed" if facts.signatures else "unsigned")


def _seal_report(
    facts: Facts, one: SignatureFacts, at: datetime, policy: Policy, judges: Judges
) -> SealReport:
    signed = one.seal_signature
    stamped = None if signed is None else judged_timestamp(signed, judges)
    findings = [
        *_form(one, policy),
        *_unchanged(one),
        *_coverage(one, policy),
        *_algorithms(one, policy),
    ]
    if signed is None:
        plain = one.value and one.type != SEAL_TYPE
        findings.append(found(Question.VALUE, "no-certificate" if plain else "not-reached"))
    else:
        findings += [
            *_binding(one, signed),
            *judged_seal(signed, stamped, at, policy, judges),
            *_placement(facts, one.description, signed.seal),
        ]
    return SealReport(
        name=one.id,
        seal_number="" if signed is None else signed.seal.info.number,
        seal_name="" if signed is None else signed.seal.info.name,
        claimed_at=None if signed is None else signed.claimed_at,
        judged_at=judged_at(signed, stamped, at),
        coverage=one.coverage.extent.value,
        findings=tuple(sorted(findings, key=lambda each: each.step.number)),
    )


def _form(one: SignatureFacts, policy: Policy) -> Iterator[Finding]:
    """10."""
    question, signed = Question.FORM, one.seal_signature
    if one.description is None:
        yield found(question, "description-unreadable", one.part)
    elif not one.value:
        yield found(question, "no-value", one.part)
    elif signed is None:
        yield found(question, "value-unreadable" if one.type == SEAL_TYPE else "plain-signature",
                    one.part)  # fmt: skip
    elif one.type != SEAL_TYPE:
        yield found(question, "type-disagrees", one.part)
    if signed is not None:
        yield from judged_form(signed, policy)


def _unchanged(one: SignatureFacts) -> Iterator[Finding]:
    """11."""
    question = Question.UNCHANGED
    if one.description is None:
        yield found(question, "description-unreadable", one.part)
        return
    if not one.references:
        yield found(question, "no-references", one.part)
        return
    counted = Counter(each.part for each in one.references)
    complaints = [
        found(question, "reference-twice", part) for part, count in counted.items() if count > 1
    ]
    if one.description.digest is None:
        complaints.append(found(question, "digest-unknown", one.description.check_method))
    else:
        complaints += filter(None, map(_changed, one.references))
    yield from complaints or [found(question, "unchanged")]


def _changed(reference: ReferenceFacts) -> Finding | None:
    if not reference.expected:
        return found(Question.UNCHANGED, "digest-unreadable", reference.part)
    if reference.found is None:
        return found(Question.UNCHANGED, "part-missing", reference.part)
    if reference.found != reference.expected:
        return found(Question.UNCHANGED, "changed", reference.part)
    return None


_GAPS = {
    GapKind.NOT_COVERED: "not-covered",
    GapKind.SMUGGLED: "smuggled",
    GapKind.EXTERNAL: "leads-outside",
}


def _coverage(one: SignatureFacts, policy: Policy) -> Iterator[Finding]:
    """12."""
    question, extent = Question.COVERAGE, one.coverage.extent
    for gap in one.coverage.gaps:
        yield found(question, _GAPS[gap.kind], gap.part)
    if extent is Extent.UNCLEAR:
        yield found(question, "unclear")
    elif extent is not Extent.GAPS:
        yield found(question, extent.value if extent in policy.extents else "whole-wanted")


def _binding(one: SignatureFacts, signed: SealSignature) -> Iterator[Finding]:
    """13: `dataHash` is over the bytes of `Signature.xml`, `propertyInfo` is its path."""
    question, complaints = Question.BINDING, []
    if not one.digest or signed.digest != one.digest:
        complaints.append(found(question, "other-document", one.part))
    try:
        place = resolved(signed.property_info, "/")
    except MalformedDocument:
        place = ""
    if place != one.part:
        complaints.append(found(question, "other-place", one.part))
    if one.seal_file is SealFile.DIFFERS:
        where = "" if one.description is None else one.description.seal
        complaints.append(found(question, "seal-file-differs", where))
    yield from complaints or [found(question, "bound")]


def _algorithms(one: SignatureFacts, policy: Policy) -> Iterator[Finding]:
    """21."""
    question, signed, told = Question.ALGORITHMS, one.seal_signature, one.description
    complaints = []
    if told is not None and told.digest is not None and told.digest not in policy.digests:
        complaints.append(found(question, "digest-weak", told.check_method))
    if signed is not None:
        complaints += judged_algorithms(signed, policy)
        dotted = told is not None and told.method.replace(".", "").isdigit()
        if told is not None and dotted and told.method != signed.algorithm:
            complaints.append(found(question, "method-disagrees", told.method))
    yield from complaints or [found(question, "algorithms-allowed")]


def _placement(facts: Facts, description: Description | None, seal: Seal) -> Iterator[Finding]:
    """22."""
    question = Question.PLACEMENT
    stamps = () if description is None else description.stamps
    if not stamps:
        yield found(question, "not-shown")
        return
    reasons = dict.fromkeys((_placed(facts, each, seal), each.page_id) for each in stamps)
    complaints = [each for each in reasons if each[0] != "placed"]
    for reason, page_id in complaints:
        yield found(question, reason, page_id)
    if not complaints:
        yield found(question, "placed")


def _placed(facts: Facts, stamp: Stamp, seal: Seal) -> str:
    here = [each for each in facts.pages if each.id == stamp.page_id]
    if not here:
        return "no-such-page"
    if len(here) > 1:
        return "page-ambiguous"
    if stamp.boundary is None:
        return "no-boundary"
    x, y, width, height = stamp.boundary
    if stamp.clip is not None:
        x, y, width, height = x + stamp.clip[0], y + stamp.clip[1], *stamp.clip[2:]
    if x >= here[0].width or y >= here[0].height or x + width <= 0 or y + height <= 0:
        return "off-page"
    picture = seal.info.picture
    told = stamp.boundary[2:]
    near = abs(told[0] - picture.width) <= 1 and abs(told[1] - picture.height) <= 1
    return "placed" if near else "other-size"
