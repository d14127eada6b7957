"""Judge what is the same of an electronic seal in every kind of document: the seal signature itself.

Questions 10 and 14 to 21 of `seals.report.Question`, after GM/T 0031-2014 §6 and GB/T 38540-2020.
What a document has to say of its own, and where the seal stands in it, is for its room.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Protocol

from seals.judging import DRIFT, SKEW, Judges
from seals.report import NOTHING, Carried, Finding, Question, Role, TimestampAnswer, answer
from seals.rulings import KEY_DOUBTED_LATER
from seals.seal import Edition, Seal, SealSignature, SignatureState
from seals.verdicts import Step, Verdict, worst

_P, _F, _I = Verdict.PASSED, Verdict.FAILED, Verdict.INDETERMINATE

REASONS: Mapping[str, tuple[Verdict, str, str]] = {
    # 10 form
    "form-proper": (_P, "合乎标准", "as the standard says"),
    "deviates": (_F, "编码不合标准", "not encoded as the standard says"),
    "deviates-harmlessly": (
        _P,
        "编码与标准略有出入，不影响判断",
        "encoded a little otherwise, harmlessly",
    ),
    "critical-extension": (
        _F,
        "含有不认识的关键扩展",
        "it holds a critical extension that is unknown",
    ),
    # 14 value, 15 listed, 16 maker
    "value-right": (_P, "签名值正确", "the value is right"),
    "value-wrong": (_F, "签名值错误", "the value is wrong"),
    "value-malformed": (_F, "签名值格式错误", "the value is malformed"),
    "key-unreadable": (_I, "证书公钥无法读取", "the certificate's key cannot be read"),
    "algorithm-unknown": (_I, "签名算法不认识", "the signature algorithm is unknown"),
    "listed": (_P, "印章列有该签章人", "the seal lists the signer"),
    "not-listed": (_F, "印章未列该签章人", "the seal does not list the signer"),
    "seal-genuine": (_P, "印章与制章人签发时一致", "the seal is as its maker signed it"),
    "seal-forged": (_F, "制章人的签名值错误", "the maker's signature is wrong"),
    "seal-value-malformed": (_F, "制章人的签名值格式错误", "the maker's signature is malformed"),
    "seal-timestamp-not-judged": (
        _I,
        "印章自带时间戳，标准没有说它盖在什么之上，无法判断",
        "the seal has a timestamp of its own, and what it is over no standard says",
    ),
    # 17 validity
    "in-force": (_P, "签章时印章有效", "the seal was in force"),
    "seal-not-valid-yet": (_F, "签章时印章尚未生效", "the seal was not in force yet"),
    "seal-expired": (_F, "签章时印章已经过期", "the seal had expired"),
    # 18, 19 chains
    "chain-trusted": (_P, "证书链可信", "the chain is trusted"),
    "chain-not-trusted": (_F, "证书链不可信", "the chain is not trusted"),
    "chain-not-judged": (
        _I,
        "依据不足，证书链无法判定",
        "not enough is at hand to judge the chain by",
    ),
    "revoked-since": (
        _I,
        "证书后来被吊销，而签章在此之前只是签章人自称",
        "revoked since, and that it was sealed before is the signer's word alone",
    ),
    # 20 time
    "timestamp-right": (_P, "时间戳可信", "the timestamp is trusted"),
    "timestamp-wrong": (_F, "时间戳无效", "the timestamp is wrong"),
    "timestamp-not-judged": (_I, "时间戳无法判断", "the timestamp cannot be judged"),
    "timestamp-inside": (
        _I,
        "时间戳在所签内容之内，标准没有说它盖在什么之上，无法判断",
        "the timestamp is within what is signed, and what it is over no standard says",
    ),
    "time-claimed": (
        _P,
        "时间由签章人自称，策略许可",
        "the signer says so, which the policy accepts",
    ),
    "timestamp-wanted": (_F, "策略要求时间戳", "the policy wants a timestamp"),
    "no-time": (
        _I,
        "没有签章时间，按核验时间判断",
        "no time is told; judged by the time of asking",
    ),
    "in-the-future": (_F, "签章时间晚于核验时间", "the signing time lies in the future"),
    "stamped-in-the-future": (
        _F,
        "时间戳晚于核验时间",
        "the timestamp lies in the future",
    ),
    "times-disagree": (_F, "时间戳与自称时间不符", "timestamp and claimed time disagree"),
    # 21 algorithms
    "algorithms-allowed": (_P, "算法均在许可之列", "all algorithms are allowed"),
    "digest-weak": (_F, "摘要算法不被许可", "the digest algorithm is not allowed"),
    "algorithm-not-allowed": (_F, "签名算法不被许可", "the signature algorithm is not allowed"),
    # 22 placement
    "placed": (_P, "位置明确", "it is clear"),
    "not-shown": (_P, "签章不显示印章图形", "no picture is shown"),
    "other-size": (_P, "显示尺寸与印章尺寸不同", "shown in another size than the seal's"),
    "no-such-page": (_F, "所在页不存在", "the page does not exist"),
    "off-page": (_F, "印章落在页面之外", "it lies off the page"),
}


class SealRules(Protocol):
    """What a policy says of electronic seals."""

    @property
    def algorithms(self) -> frozenset[str]:
        """OIDs of signature algorithms that are allowed."""
        ...

    @property
    def harmless(self) -> frozenset[str]:
        """Deviations that real seals have and nothing depends on."""
        ...

    @property
    def extensions(self) -> frozenset[str]:
        """Critical extensions that are understood."""
        ...

    @property
    def timestamp_wanted(self) -> bool:
        """A signer's word for the time is not enough."""
        ...


HARMLESS = frozenset({"default-written", "time-form"})


def found(
    question: Question, reason: str, where: str = "", because: Iterable[Step] = ()
) -> Finding:
    """An answer with one of the reasons above."""
    verdict, zh, en = REASONS[reason]
    return answer(question, verdict, reason, (zh, en), where, because)


def judged_form(signed: SealSignature, rules: SealRules) -> Iterator[Finding]:
    """10: encoding and extensions."""
    question = Question.FORM
    harmful = [each for each in signed.deviations if each.why not in rules.harmless]
    for each in harmful:
        yield found(question, "deviates", each.where)
    unknown = [
        each for each in signed.extensions if each.critical and each.oid not in rules.extensions
    ]
    if unknown:
        yield found(question, "critical-extension", unknown[0].oid)
    if not harmful and not unknown:
        yield found(question, "deviates-harmlessly" if signed.deviations else "form-proper")


def judged_seal(
    signed: SealSignature,
    stamped: TimestampAnswer | None,
    at: datetime,
    rules: SealRules,
    judges: Judges,
    carried: Carried = NOTHING,
) -> Iterator[Finding]:
    """14 to 20: the signer's value, the signer's place in the seal, the maker's value, the seal's
    validity, both chains and the time.

    Args:
        signed: What is judged.
        stamped: What its timestamp is worth; see `judged_timestamp`.
        at: The time that is asked about.
        rules: What the policy says.
        judges: Chains and timestamps.
        carried: What the document has along for them.
    """
    then = judged_at(signed, stamped, at)
    yield from _value(signed)
    yield from _maker(signed.seal, rules)
    yield from _validity(signed.seal, then)
    for question, x509_cert, role in (
        (Question.SIGNER_CHAIN, signed.x509_cert, Role.SIGNER),
        (Question.MAKER_CHAIN, signed.seal.x509_cert, Role.MAKER),
    ):
        told = _chain(question, x509_cert, role, then, judges, carried)
        yield told if _proven(stamped) else _doubted(question, told)
    yield from _time(signed, stamped, at, rules)


def judged_timestamp(
    signed: SealSignature, judges: Judges, carried: Carried = NOTHING
) -> TimestampAnswer | None:
    """What the timestamp is worth, over the signer's value; None where none could be judged. One of
    2014 stands within what is signed, and its standard does not say what it is over.
    """
    inside = signed.edition is Edition.GMT0031_2014
    if not signed.timestamp or inside or judges.timestamp is None:
        return None
    return judges.timestamp(signed.timestamp, signed.value, carried)


def judged_at(
    signed: SealSignature | None, stamped: TimestampAnswer | None, at: datetime
) -> datetime:
    """A trusted timestamp before the signer's claim, and that before the time of asking."""
    if stamped is not None and stamped.at is not None and _proven(stamped):
        return stamped.at
    if signed is not None and signed.claimed_at is not None:
        return signed.claimed_at
    return at


def judged_algorithms(signed: SealSignature, rules: SealRules) -> list[Finding]:
    """21: what is not allowed of the signatures of signer and maker; nothing where all is."""
    used = {signed.algorithm, signed.seal.algorithm}
    return [
        found(Question.ALGORITHMS, "algorithm-not-allowed", each)
        for each in sorted(used - rules.algorithms)
    ]


_VALUES = {
    SignatureState.MATCHES: "value-right",
    SignatureState.DIFFERS: "value-wrong",
    SignatureState.UNREADABLE_VALUE: "value-malformed",
    SignatureState.UNREADABLE_KEY: "key-unreadable",
    SignatureState.OTHER_ALGORITHM: "algorithm-unknown",
}
_SEAL_VALUES = _VALUES | {
    SignatureState.MATCHES: "seal-genuine",
    SignatureState.DIFFERS: "seal-forged",
    SignatureState.UNREADABLE_VALUE: "seal-value-malformed",
}


def _value(signed: SealSignature) -> Iterator[Finding]:
    """14 and 15."""
    yield found(Question.VALUE, _VALUES[signed.signer_signature()])
    yield found(Question.LISTED, "listed" if signed.signer_listed() else "not-listed")


def _maker(seal: Seal, rules: SealRules) -> Iterator[Finding]:
    """16."""
    yield found(Question.MAKER, _SEAL_VALUES[seal.maker_signature()])
    for each in seal.info.extensions:
        if each.critical and each.oid not in rules.extensions:
            yield found(Question.MAKER, "critical-extension", each.oid)
    if seal.timestamp:
        yield found(Question.MAKER, "seal-timestamp-not-judged")


def _validity(seal: Seal, then: datetime) -> Iterator[Finding]:
    """17."""
    if then < seal.info.valid_from:
        yield found(Question.VALIDITY, "seal-not-valid-yet")
    elif then > seal.info.valid_until:
        yield found(Question.VALIDITY, "seal-expired")
    else:
        yield found(Question.VALIDITY, "in-force")


_CHAINS = {
    Verdict.PASSED: "chain-trusted",
    Verdict.FAILED: "chain-not-trusted",
    Verdict.INDETERMINATE: "chain-not-judged",
}


def _chain(
    question: Question,
    x509_cert: bytes,
    role: Role,
    then: datetime,
    judges: Judges,
    carried: Carried,
) -> Finding:
    """18 and 19."""
    steps = () if judges.chain is None else judges.chain(x509_cert, carried, role, then)
    return found(question, _CHAINS[worst(each.verdict for each in steps)], role.value, steps)


def _doubted(question: Question, told: Finding) -> Finding:
    """Whoever has a key that was revoked can write any time: a claimed one is no proof that the
    seal was set before.
    """
    later = any(each.reason == KEY_DOUBTED_LATER for each in told.because)
    if told.verdict is not Verdict.PASSED or not later:
        return told
    return found(question, "revoked-since", told.where, told.because)


def _proven(stamped: TimestampAnswer | None) -> bool:
    return stamped is not None and worst(each.verdict for each in stamped.steps) is Verdict.PASSED


_TIMESTAMPS = {
    Verdict.PASSED: "timestamp-right",
    Verdict.FAILED: "timestamp-wrong",
    Verdict.INDETERMINATE: "timestamp-not-judged",
}


def _time(
    signed: SealSignature, stamped: TimestampAnswer | None, at: datetime, rules: SealRules
) -> Iterator[Finding]:
    """20."""
    question, claimed = Question.TIME, signed.claimed_at
    if claimed is not None and claimed > at + SKEW:
        yield found(question, "in-the-future")
    if signed.timestamp and signed.edition is Edition.GMT0031_2014:
        yield found(question, "timestamp-inside")
    elif signed.timestamp:
        steps = () if stamped is None else stamped.steps
        yield found(question, _TIMESTAMPS[worst(each.verdict for each in steps)], "", steps)
        told = None if stamped is None else stamped.at
        if told is not None and told > at + SKEW:
            yield found(question, "stamped-in-the-future")
        if told is not None and claimed is not None and not -SKEW <= told - claimed <= DRIFT:
            yield found(question, "times-disagree")
    elif rules.timestamp_wanted:
        yield found(question, "timestamp-wanted")
    else:
        yield found(question, "no-time" if claimed is None else "time-claimed")
