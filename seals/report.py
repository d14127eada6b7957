"""What a verification answers, for OFD and PDF alike: numbered questions, each with every answer.

A report judges a document at a time. Questions about the document as a whole stand in
`Report.findings`, those about one seal signature in its `SealReport`; a question that has several
answers (three parts changed) has a finding for each. What was judged elsewhere, a chain or a
timestamp, lies in `Finding.because` with its own numbering. This module judges nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import TypeVar

from seals.errors import Malformed
from seals.revocation import RevocationList, read_list
from seals.verdicts import Step, Verdict, answered, worst
from seals.x509 import X509Certificate, read_x509

__all__ = [
    "JUDGED_ELSEWHERE",
    "NOTHING",
    "QUESTIONS",
    "Carried",
    "ChainJudge",
    "Finding",
    "Format",
    "Judged",
    "Question",
    "Report",
    "Role",
    "SealReport",
    "TimestampAnswer",
    "TimestampJudge",
    "Words",
    "answer",
]

Words = tuple[str, str]
"""The same in Chinese and in English."""


class Format(StrEnum):
    """What kind of document was judged."""

    OFD = "OFD"
    PDF = "PDF"


class Question(IntEnum):
    """What is asked, in the order it is asked; the numbers are stable."""

    CONTAINER = 1
    STRUCTURE = 2
    SIGNED = 3
    FORM = 10
    UNCHANGED = 11
    COVERAGE = 12
    BINDING = 13
    VALUE = 14
    LISTED = 15
    MAKER = 16
    VALIDITY = 17
    SIGNER_CHAIN = 18
    MAKER_CHAIN = 19
    TIME = 20
    ALGORITHMS = 21
    PLACEMENT = 22

    @property
    def key(self) -> str:
        """Stable name, as it stands in JSON."""
        return self.name.lower().replace("_", "-")


JUDGED_ELSEWHERE = frozenset({Question.SIGNER_CHAIN, Question.MAKER_CHAIN, Question.TIME})
"""What may stay open when a seal is set: nobody need be at hand who judges chains."""

QUESTIONS: Mapping[Question, Words] = {
    Question.CONTAINER: ("文件容器是否完好？", "Is the container well-formed?"),
    Question.STRUCTURE: ("文档结构能否读全？", "Can all of the document's structure be read?"),
    Question.SIGNED: ("文档是否签过章？", "Does the document bear a signature?"),
    Question.FORM: ("签章是否合乎标准？", "Is the seal signature as its standard says?"),
    Question.UNCHANGED: ("所保护的内容是否未变？", "Is what was signed unchanged?"),
    Question.COVERAGE: (
        "保护是否覆盖全部内容？",
        "Is everything covered that can be seen or read?",
    ),
    Question.BINDING: ("签章是否属于本文档？", "Does the seal signature belong to this document?"),
    Question.VALUE: ("签章人的签名值是否正确？", "Is the signer's signature value right?"),
    Question.LISTED: ("签章人是否有权用此印章？", "Does the seal list the signer?"),
    Question.MAKER: ("印章是否由制章人签发且未变？", "Is the seal as its maker signed it?"),
    Question.VALIDITY: ("签章时印章是否在有效期内？", "Was the seal in force at the signing time?"),
    Question.SIGNER_CHAIN: ("签章人证书是否可信？", "Is the signer's X.509 certificate trusted?"),
    Question.MAKER_CHAIN: (
        "制章人证书是否可信？",
        "Is the seal maker's X.509 certificate trusted?",
    ),
    Question.TIME: ("签章时间是否可信？", "Is the signing time to be believed?"),
    Question.ALGORITHMS: ("所用算法是否允许？", "Are the algorithms allowed?"),
    Question.PLACEMENT: ("印章位置是否明确？", "Is it clear where the seal stands?"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One answer to one question."""

    step: Step
    where: str = ""
    """What it is about: a part of the document, a field; empty where it is about the whole."""
    because: tuple[Step, ...] = ()
    """The steps of a chain or timestamp that were judged for it."""

    @property
    def verdict(self) -> Verdict:
        """That of its step."""
        return self.step.verdict


class Judged:
    """What has findings."""

    __slots__ = ()

    def all_findings(self) -> Iterator[Finding]:
        """Every finding, in order."""
        raise NotImplementedError

    @property
    def verdict(self) -> Verdict:
        """The worst of them; with none, indeterminate."""
        return worst(each.verdict for each in self.all_findings())

    @property
    def complaints(self) -> tuple[Finding, ...]:
        """What did not pass, all of it."""
        return tuple(each for each in self.all_findings() if each.verdict is not Verdict.PASSED)

    def __bool__(self) -> bool:
        """A report is not a boolean: indeterminate is neither."""
        raise TypeError("ask for .verdict")


@dataclass(frozen=True, slots=True, kw_only=True)
class SealReport(Judged):
    """The judgement of one seal signature."""

    name: str
    """Its id in the document; in a PDF the field."""
    seal_number: str
    """`esID`; empty for a signature without a seal."""
    seal_name: str
    claimed_at: datetime | None
    judged_at: datetime
    """The time at which seal and chains were judged."""
    coverage: str
    """`whole`, `all-effective`, `gaps` or `unclear`."""
    findings: tuple[Finding, ...]

    def all_findings(self) -> Iterator[Finding]:
        """Every finding, in order."""
        yield from self.findings


@dataclass(frozen=True, slots=True, kw_only=True)
class Report(Judged):
    """The judgement of a document: never better than the worst of its seal signatures."""

    format: Format
    at: datetime
    """When it was asked."""
    findings: tuple[Finding, ...]
    """About the document as a whole."""
    seals: tuple[SealReport, ...]

    def all_findings(self) -> Iterator[Finding]:
        """Every finding, in order."""
        yield from self.findings
        for seal in self.seals:
            yield from seal.findings


def answer(
    question: Question,
    verdict: Verdict,
    reason: str,
    words: Words,
    where: str = "",
    because: Iterable[Step] = (),
) -> Finding:
    """A finding under one of the questions.

    Args:
        question: What was asked.
        verdict: How it was answered.
        reason: Stable key.
        words: The reason in Chinese and English.
        where: What it is about.
        because: Steps that were judged elsewhere.
    """
    step = answered(question, QUESTIONS[question], reason, (verdict, *words))
    return Finding(step=step, where=where, because=tuple(because))


# --- what is judged elsewhere -----------------------------------------------------------------


class Role(StrEnum):
    """What an X.509 certificate was used for in a document."""

    SIGNER = "signer"
    MAKER = "maker"
    TSA = "tsa"
    """Signed a timestamp."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """What a document has along to be judged with; none of it is trusted for being there."""

    certificates: tuple[bytes, ...] = field(default=(), repr=False)
    """X.509 certificates in DER, or what was in their place."""
    lists: tuple[bytes, ...] = field(default=(), repr=False)
    """Lists of revoked certificates, likewise."""

    def x509_certs(self) -> tuple[X509Certificate, ...]:
        """The certificates that can be read."""
        return tuple(_readable(read_x509, self.certificates))

    def revocation_lists(self) -> tuple[RevocationList, ...]:
        """The lists that can be read."""
        return tuple(_readable(read_list, self.lists))


NOTHING = Carried()
_T = TypeVar("_T")


def _readable(read: Callable[[bytes], _T], found: Iterable[bytes]) -> Iterator[_T]:
    for each in found:
        try:
            yield read(each)
        except Malformed:
            continue


ChainJudge = Callable[[bytes, Carried, Role, datetime], tuple[Step, ...]]
"""DER of an X.509 certificate, what the document has along, the certificate's role and a time → the
steps of its chain. Never raises for what any of it holds; no steps at all mean that it could not be
judged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimestampAnswer:
    """What a timestamp is worth."""

    steps: tuple[Step, ...]
    at: datetime | None
    """The time it vouches for; None where it vouches for none."""


TimestampJudge = Callable[[bytes, bytes, Carried], TimestampAnswer]
"""An RFC 3161 token, the bytes it is to be over, and what the document has along → its worth."""
