"""Judge a proof of some items: numbered steps, all of them taken, none that raises for what it holds."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from certificates import disclosure
from certificates.disclosure import Opening
from certificates.drawing.ofd import COMMITMENTS_PART
from certificates.errors import MalformedData
from certificates.proof import Proof, read_proof
from seals.errors import MalformedDocument, MalformedSeal
from seals.judging import NOBODY, Judges
from seals.ofd.markup import parsed
from seals.ofd.names import resolved
from seals.ofd.signatures import Description, read_description
from seals.ofd.verification import POLICY, Policy
from seals.report import Finding
from seals.seal import SealSignature
from seals.seal_judging import judged_algorithms, judged_form, judged_seal, judged_timestamp
from seals.seal_reading import read_seal_signature
from seals.verdicts import Step, Verdict, answered, worst


class Question(IntEnum):
    """What is asked, in the order it is asked; the numbers are stable."""

    FORM = 1
    SEAL = 2
    BINDING = 3
    COVERED = 4
    OPENINGS = 5
    PAINTED = 6
    """Of a masked document alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofReport:
    """What a proof is worth."""

    at: datetime
    findings: tuple[Finding, ...]
    proof: Proof | None
    """None where it cannot be read."""

    @property
    def verdict(self) -> Verdict:
        """The worst of the findings."""
        return worst(each.verdict for each in self.findings)

    @property
    def believed(self) -> tuple[Opening, ...]:
        """What may be relied on: nothing unless all passed."""
        passed = self.proof is not None and self.verdict is Verdict.PASSED
        return self.proof.openings if self.proof is not None and passed else ()


def check(
    content: bytes, at: datetime, judges: Judges = NOBODY, policy: Policy = POLICY
) -> ProofReport:
    """Judge a proof. Raises nothing for what it holds.

    Args:
        content: As somebody shows it.
        at: The time that is asked about.
        judges: Chains and timestamps.
        policy: What is asked of the seal beyond that it is right.

    Raises:
        ValueError: The time has no zone.
    """
    if at.tzinfo is None:
        raise ValueError("a time without a zone")
    try:
        proof = read_proof(content)
    except MalformedData as wrong:
        reason = wrong.why if wrong.why in REASONS else "shape"
        first = found(Question.FORM, reason)
        rest = (found(each, "not-reached") for each in list(Question)[1:5])
        return ProofReport(at=at, findings=(first, *rest), proof=None)
    return ProofReport(at=at, findings=tuple(_judged(proof, at, judges, policy)), proof=proof)


def _judged(proof: Proof, at: datetime, judges: Judges, policy: Policy) -> Iterator[Finding]:
    yield found(Question.FORM, "form-proper")
    try:
        signed = read_seal_signature(proof.value)
    except MalformedSeal:
        yield found(Question.SEAL, "no-seal")
        yield found(Question.BINDING, "not-reached")
    else:
        yield _sealed(signed, at, judges, policy)
        yield found(Question.BINDING, _bound(proof, signed))
    yield found(Question.COVERED, _covered(proof))
    wrong = disclosure.faults(frozenset(proof.commitments.sealed), proof.openings)
    for fault in wrong or ("opened",):
        yield found(Question.OPENINGS, fault)


_SEALS = {
    Verdict.PASSED: "seal-right",
    Verdict.FAILED: "seal-wrong",
    Verdict.INDETERMINATE: "seal-not-judged",
}


def _sealed(signed: SealSignature, at: datetime, judges: Judges, policy: Policy) -> Finding:
    """2: signer, maker, chains, validity, time and algorithms, as of any seal on an OFD."""
    stamped = judged_timestamp(signed, judges)
    steps = [
        each.step
        for each in (
            *judged_form(signed, policy),
            *judged_seal(signed, stamped, at, policy, judges),
            *judged_algorithms(signed, policy),
        )
    ]
    return found(Question.SEAL, _SEALS[worst(each.verdict for each in steps)], steps)


def _bound(proof: Proof, signed: SealSignature) -> str:
    """3: is this the description that was signed, at its place?"""
    if signed.digest != hashlib.new("sm3", proof.description).digest():
        return "other-description"
    try:
        place = resolved(signed.property_info, "/")
    except MalformedDocument:
        return "other-place"
    return "bound" if place == proof.place else "other-place"


def _covered(proof: Proof) -> str:
    """4: does the description list these commitments, once?"""
    try:
        description = _description(proof)
    except MalformedDocument:
        return "description-unreadable"
    if description.digest != "sm3":
        return "digest-weak"
    listed = [each for each in description.references if each.part == COMMITMENTS_PART]
    if len(listed) != 1:
        return "not-covered" if not listed else "covered-twice"
    digest = hashlib.new("sm3", bytes(proof.commitments)).digest()
    return "covered" if listed[0].expected == digest else "other-commitments"


def _description(proof: Proof) -> Description:
    root = parsed(proof.description, proof.place)
    return read_description(root, proof.place, (COMMITMENTS_PART,))


def found(question: Question, reason: str, because: Iterable[Step] = ()) -> Finding:
    """An answer with one of the reasons below."""
    step = answered(question, QUESTIONS[question], reason, REASONS[reason])
    return Finding(step=step, because=tuple(because))


QUESTIONS: Mapping[Question, tuple[str, str]] = {
    Question.FORM: ("是否为选择性披露凭据？", "Is it a proof of some items?"),
    Question.SEAL: ("原证照的签章是否可信？", "Is the certificate's seal to be believed?"),
    Question.BINDING: ("签名描述是否为所签的那一份？", "Is this the description that was signed?"),
    Question.COVERED: ("承诺清单是否在签章保护之内？", "Does the seal cover these commitments?"),
    Question.OPENINGS: ("所示各项是否与承诺相符？", "Do the shown items open commitments?"),
    Question.PAINTED: ("版面是否只画了所示各项？", "Does the page show these items and no others?"),
}

_P, _F, _I = Verdict.PASSED, Verdict.FAILED, Verdict.INDETERMINATE
REASONS: Mapping[str, tuple[Verdict, str, str]] = {
    "not-reached": (_I, "前一步未通过，无从判断", "not judged, for an earlier step did not pass"),
    # 1 form
    "form-proper": (_P, "格式正确", "well-formed"),
    "too-large": (_F, "内容过大", "too large"),
    "not-json": (_F, "不是 JSON", "no JSON"),
    "form": (_F, "不是本系统的披露凭据，或版本不同", "another kind or version"),
    "shape": (_F, "内容结构不符", "not made up as it should be"),
    "not-canonical": (_F, "不是唯一写法", "not in its one form"),
    "no-proof": (_F, "文件里没有披露凭据", "the document carries no proof"),
    # 2 seal
    "seal-right": (_P, "签章可信", "the seal is right"),
    "seal-wrong": (_F, "签章不可信", "the seal is not to be believed"),
    "seal-not-judged": (_I, "依据不足，签章无法判定", "not enough is at hand to judge the seal by"),
    "no-seal": (_F, "签名值不是电子签章数据", "the value is no seal signature"),
    # 3 binding
    "bound": (_P, "即所签的那一份", "it is the one that was signed"),
    "other-description": (_F, "签名描述被换过", "another description was signed"),
    "other-place": (_F, "签名描述的位置不符", "it was signed for another place"),
    # 4 covered
    "covered": (_P, "受签章保护且未变", "covered and unchanged"),
    "description-unreadable": (_F, "签名描述无法读取", "the description cannot be read"),
    "digest-weak": (_F, "摘要算法不是 SM3", "another digest than SM3"),
    "not-covered": (_F, "签章没有保护承诺清单", "the seal covers no commitments"),
    "covered-twice": (_F, "承诺清单列了两次", "the commitments are listed twice"),
    "other-commitments": (_F, "承诺清单被换过", "other commitments were sealed"),
    # 5 openings
    "opened": (_P, "各项与承诺相符", "every item opens a commitment"),
    "nothing": (_F, "没有示出任何项", "nothing is shown"),
    "not-committed": (_F, "有的项不在承诺之内", "an item was not committed to"),
    "item-twice": (_F, "同一项示出两次", "an item is shown twice"),
    "salt": (_F, "盐值长度不符", "a salt of another length"),
    # 6 painted
    "painted": (_P, "版面与所示各项逐字节相符", "the page is, byte for byte, what these items make"),
    "painted-otherwise": (_F, "版面与所示各项不符", "the page says something else"),
    "type-unknown": (_I, "没有这种证照的目录，版面无法核对", "the type is not at hand, so the page cannot be checked"),
}  # fmt: skip
"""Reason → what it comes to, and in words."""
