"""Check a paper code without a network: five numbered steps, all of them taken, none that raises.

What it needs was fetched before: the keys of those who sign, and status lists. What is not at hand
leaves a step indeterminate; only a code of which every step passed is believed. Nothing is unpacked
and nothing is shown that no known signer signed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import IntEnum

from certificates.errors import MalformedData
from certificates.lifecycle import local_day
from certificates.paper.envelope import FORM, Form, opened, unpacked
from certificates.paper.facts import PaperFacts, read_facts
from certificates.ports import Verify
from certificates.statuslist import ReadList, Told
from seals.verdicts import Step, Verdict, answered, worst


class Question(IntEnum):
    """What is asked, in the order it is asked; the numbers are stable."""

    FORM = 1
    SIGNATURE = 2
    SIGNER = 3
    DAYS = 4
    STATUS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Entitled:
    """A trusted X.509 certificate that lets a key sign for units."""

    issuers: frozenset[str]
    """Unified codes of the units."""
    valid_from: date
    valid_to: date
    """What was printed on these days and between them is believed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownSigner:
    """Somebody whose paper codes are believed."""

    name: str
    """Under which `Verify` knows the key."""
    entitled: tuple[Entitled, ...]
    """One for each certificate of the key: it may have been renewed."""
    lists_by: str
    """Who signs the status lists of its certificates."""


Signers = Callable[[bytes], KnownSigner | None]
"""kid → whose it is; None where it is nobody's that is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperReport:
    """What a paper code is worth at a time."""

    at: datetime
    steps: tuple[Step, ...]
    facts: PaperFacts | None
    """None unless a known signer signed them."""
    signer: str
    snapshot_age: timedelta | None
    """How old the status list is that was asked; None where none was."""

    @property
    def verdict(self) -> Verdict:
        """The worst of the steps."""
        return worst(step.verdict for step in self.steps)


def check(
    text: str,
    at: datetime,
    *,
    verify: Verify,
    signers: Signers,
    lists: Mapping[str, ReadList],
    form: Form = FORM,
) -> PaperReport:
    """Check the text of a code. Raises nothing for what it holds.

    Args:
        text: As a camera read it.
        at: Now, aware.
        verify: Knows the signers' keys.
        signers: Knows whose a kid is.
        lists: The status lists at hand, by id.
        form: What makers have agreed on.

    Raises:
        ValueError: The time has no zone.
    """
    if at.tzinfo is None:
        raise ValueError("a time without a zone")
    try:
        envelope = opened(text, form)
    except MalformedData as wrong:
        return _report(at, _Answers(form=wrong.why))
    signer = signers(envelope.kid)
    if signer is None:
        return _report(at, _Answers(signature="no-key", signer="unknown"))
    if not verify(signer.name, envelope.message, envelope.signature):
        return _report(at, _Answers(signature="value-wrong", signer="not-reached"), signer)
    try:
        facts = read_facts(unpacked(envelope.payload))
    except MalformedData as wrong:
        return _report(at, _Answers(form=wrong.why, signature="value-right"), signer)
    status, age = _status(facts, signer, lists, at)
    answers = _Answers(
        signature="value-right",
        signer=_entitled(facts, signer),
        days=_days(facts, local_day(at)),
        status=status,
    )
    return _report(at, answers, signer, facts, age)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answers:
    """For each question the reason."""

    form: str = "form-proper"
    signature: str = "not-reached"
    signer: str = "not-reached"
    days: str = "not-reached"
    status: str = "not-reached"


def _entitled(facts: PaperFacts, signer: KnownSigner) -> str:
    """3: may it sign for this unit, and could it when the paper was printed?"""
    ours = [each for each in signer.entitled if facts.identifier.issuer in each.issuers]
    if not ours:
        return "other-unit"
    in_time = any(each.valid_from <= facts.printed_on <= each.valid_to for each in ours)
    return "known" if in_time else "out-of-time"


def _days(facts: PaperFacts, today: date) -> str:
    """4: what the certificate's own days say."""
    if facts.printed_on > today:
        return "printed-ahead"
    if today < facts.valid_from:
        return "not-yet"
    return "expired" if today > facts.valid_to else "in-validity"


_TOLD = {
    Told.IN_FORCE: "in-force",
    Told.ENDED: "ended",
    Told.SUSPENDED: "suspended",
    Told.REPLACED: "replaced",
}


def _status(
    facts: PaperFacts, signer: KnownSigner, lists: Mapping[str, ReadList], at: datetime
) -> tuple[str, timedelta | None]:
    """5: what a list at hand tells, and how old it is."""
    if facts.status is None:
        return "no-place", None
    found = lists.get(facts.status.list_id)
    if found is None:
        return "no-list", None
    if found.issuer != signer.lists_by or found.statuses.list_id != facts.status.list_id:
        return "other-list", None
    told = found.status(facts.status.place, at)
    return ("list-stale" if told is None else _TOLD[told]), at - found.issued


def _report(
    at: datetime,
    answers: _Answers,
    signer: KnownSigner | None = None,
    facts: PaperFacts | None = None,
    age: timedelta | None = None,
) -> PaperReport:
    reasons = (answers.form, answers.signature, answers.signer, answers.days, answers.status)
    steps = tuple(
        _step(question, reason, age if question is Question.STATUS else None)
        for question, reason in zip(Question, reasons, strict=True)
    )
    name = "" if signer is None else signer.name
    return PaperReport(at=at, steps=steps, facts=facts, signer=name, snapshot_age=age)


def _step(question: Question, reason: str, age: timedelta | None) -> Step:
    verdict, why_zh, why_en = REASONS[reason]
    if age is not None:
        hours = int(age.total_seconds() // 3600)
        why_zh, why_en = (
            f"{why_zh}（状态表制于 {hours} 小时前）",
            f"{why_en} (list made {hours} h ago)",
        )
    return answered(question, QUESTIONS[question], reason, (verdict, why_zh, why_en))


QUESTIONS: Mapping[Question, tuple[str, str]] = {
    Question.FORM: ("是否为纸面核验码？", "Is it a paper code?"),
    Question.SIGNATURE: ("签名值是否正确？", "Is the signature right?"),
    Question.SIGNER: ("签名者是否有权签发？", "May the signer sign for the issuing unit?"),
    Question.DAYS: ("是否在有效期内？", "Is the certificate within its validity?"),
    Question.STATUS: ("证照状态是否有效？", "Is the certificate in force?"),
}

_P, _F, _I = Verdict.PASSED, Verdict.FAILED, Verdict.INDETERMINATE
REASONS: Mapping[str, tuple[Verdict, str, str]] = {
    "not-reached": (_I, "前一步未通过，无从判断", "not judged, for an earlier step did not pass"),
    # 1 form
    "form-proper": (_P, "格式正确", "well-formed"),
    "too-large": (_F, "内容过长", "too long"),
    "prefix": (_F, "不是本系统的纸面核验码，或版本不同", "another kind or version of code"),
    "base45": (_F, "base45 编码错误", "no proper base45"),
    "cbor": (_F, "CBOR 编码错误", "no proper CBOR"),
    "not-plain": (_F, "含有不允许的 CBOR 类型", "it holds CBOR that is not allowed"),
    "not-canonical": (_F, "不是唯一写法的 CBOR", "not in the one form of CBOR"),
    "shape": (_F, "内容结构不符", "not made up as it should be"),
    "algorithm": (_F, "签名算法不是约定的 SM2", "another algorithm than SM2"),
    "not-deflate": (_F, "压缩数据错误", "not properly packed"),
    # 2 signature
    "value-right": (_P, "签名值正确", "the signature is right"),
    "value-wrong": (_F, "签名值错误：内容被改动或系伪造", "wrong: changed or forged"),
    "no-key": (_I, "没有签名者的公钥", "the signer's key is not at hand"),
    # 3 signer
    "known": (_P, "签名者可信，且为颁发机构所用", "the issuing unit's own signer"),
    "unknown": (_I, "不认识的签名者", "the signer is not known"),
    "other-unit": (_F, "签名者无权代该颁发机构签名", "it may not sign for this unit"),
    "out-of-time": (
        _F,
        "打印日不在签名者证书有效期内",
        "printed outside of its certificate's days",
    ),
    # 4 days
    "in-validity": (_P, "在有效期内", "within its validity"),
    "not-yet": (_F, "尚未生效", "not valid yet"),
    "expired": (_F, "已过有效期", "expired"),
    "printed-ahead": (_F, "打印日晚于今天", "printed on a day to come"),
    # 5 status
    "in-force": (_P, "状态表未见终止或暂停", "the list tells of no end and no suspension"),
    "ended": (_F, "证照已终止", "the certificate has ended"),
    "suspended": (_F, "证照暂停", "the certificate is suspended"),
    "replaced": (_F, "证照已换发", "there is a newer certificate"),
    "no-place": (_I, "码中没有状态表位置", "the code names no place on a status list"),
    "no-list": (_I, "手头没有这份状态表", "the status list is not at hand"),
    "other-list": (
        _I,
        "状态表不是该签名者的机构所发",
        "the list is not from the one that should issue it",
    ),
    "list-stale": (
        _I,
        "状态表尚未生效、已过期或没有该位置",
        "the list is not of this time, or has no such place",
    ),
}
"""Reason → what it comes to, and in words."""
