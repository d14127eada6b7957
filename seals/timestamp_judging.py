"""What a timestamp is worth: of these bytes, by somebody who may say so, at that time.

Numbered steps of its own, followed by those of the authority's chain at the time that it states. A
certificate that was revoked for its key condemns all timestamps it ever made (RFC 3161 §4.1); that
is told by the chain.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from seals import ber
from seals.errors import InvalidKey, Malformed, UnknownAlgorithm
from seals.keys import verifying_key
from seals.report import Carried, ChainJudge, Role, TimestampAnswer
from seals.signed_data import (
    CONTENT_TYPE,
    MESSAGE_DIGEST,
    WEAK_DIGESTS,
    certificate_named,
)
from seals.timestamps import TST_INFO, TimestampInfo, TimestampToken, read_token
from seals.verdicts import Step, Verdict
from seals.x509 import X509Certificate

_P, _F, _I = Verdict.PASSED, Verdict.FAILED, Verdict.INDETERMINATE

__all__ = ["TimestampRules", "judge_timestamp"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TimestampRules:
    """What is asked of a timestamp beyond that it is right."""

    policies: frozenset[str] = frozenset()
    """OIDs of policies that are accepted; none at all accepts any."""
    accuracy: timedelta = timedelta(minutes=1)
    """The widest that is still of use; one that states none is taken at its word."""
    digests: frozenset[str] = frozenset({"sha256", "sha384", "sha512", "sm3"})


RULES = TimestampRules()


def judge_timestamp(
    token: bytes,
    over: bytes,
    carried: Carried,
    *,
    chain: ChainJudge,
    known: tuple[X509Certificate, ...] = (),
    rules: TimestampRules = RULES,
) -> TimestampAnswer:
    """Judge a token. Raises nothing for what it holds.

    Args:
        token: DER of a ContentInfo.
        over: The bytes it is to be over.
        carried: What the document has along.
        chain: Judges the authority's certificate.
        known: Certificates of authorities, for tokens that bring none.
        rules: What is asked beyond.
    """
    try:
        read = read_token(token)
        named = certificate_named(read.signed.signer)
        signer = read.signed.signed_by((*carried.x509_certs(), *known))
    except Malformed:
        return TimestampAnswer(steps=(_step("token", "unreadable"),), at=None)
    steps = [
        *_token(read.info),
        _imprint(read.info, over, rules),
        *_attributes(read),
        _policy(read.info, rules),
        _accuracy(read.info, rules),
    ]
    if signer is None:
        steps.append(_step("signer", "signer-missing"))
    else:
        steps.append(_step("signer", "signer-found"))
        bound = None if named is None else named.of(signer)
        steps.append(_step("binding", _BOUND[bound]))
        steps.append(_value(read, signer))
        along = Carried(
            certificates=(*(each.der for each in read.signed.certificates), *carried.certificates),
            lists=carried.lists,
        )
        steps += chain(signer.der, along, Role.TSA, read.info.at)
    return TimestampAnswer(
        steps=tuple(sorted(steps, key=lambda each: (each.number < FIRST, each.number, each.at))),
        at=read.info.at,
    )


_BOUND = {True: "bound", False: "bound-otherwise", None: "not-bound"}


def _token(info: TimestampInfo) -> Iterator[Step]:
    if info.version != 1:
        yield _step("token", "unknown-version")
    elif info.critical:
        yield _step("token", "critical-extension")
    else:
        yield _step("token", "readable")


def _imprint(info: TimestampInfo, over: bytes, rules: TimestampRules) -> Step:
    digest = info.imprint.digest
    if not digest:
        return _step("imprint", "digest-unknown")
    if digest in WEAK_DIGESTS or digest not in rules.digests:
        return _step("imprint", "digest-weak")
    same = hashlib.new(digest, over).digest() == info.imprint.value
    return _step("imprint", "same" if same else "other-bytes")


def _attributes(read: TimestampToken) -> Iterator[Step]:
    """RFC 5652 §5.3, §11: both must be there, once each."""
    signer = read.signed.signer
    kind = signer.attributes.get(CONTENT_TYPE, ())
    digest = signer.attributes.get(MESSAGE_DIGEST, ())
    if len(kind) != 1 or len(digest) != 1:
        yield _step("attributes", "attributes-missing")
        return
    if not signer.digest:
        yield _step("attributes", "digest-unknown")
        return
    try:
        right = ber.oid(kind[0]) == TST_INFO
    except Malformed:
        right = False
    found = hashlib.new(signer.digest, read.signed.content).digest()
    if not right:
        yield _step("attributes", "other-content-type")
    elif signer.digest in WEAK_DIGESTS:
        yield _step("attributes", "digest-weak")
    else:
        yield _step("attributes", "right" if digest[0].content == found else "other-content")


def _value(read: TimestampToken, signer: X509Certificate) -> Step:
    info = read.signed.signer
    if info.algorithm is None:
        return _step("value", "algorithm-unknown")
    if info.algorithm.weak:
        return _step("value", "algorithm-weak")
    try:
        key = verifying_key(signer.spki)
    except UnknownAlgorithm:
        return _step("value", "algorithm-unknown")
    except InvalidKey:
        return _step("value", "does-not-hold")
    holds = key.verify(info.algorithm, info.signed, info.value)
    return _step("value", "holds" if holds else "does-not-hold")


def _policy(info: TimestampInfo, rules: TimestampRules) -> Step:
    accepted = not rules.policies or info.policy in rules.policies
    return _step("policy", "accepted" if accepted else "not-accepted")


def _accuracy(info: TimestampInfo, rules: TimestampRules) -> Step:
    if info.accuracy is None:
        return _step("accuracy", "not-stated")
    return _step("accuracy", "close" if info.accuracy <= rules.accuracy else "too-wide")


def _step(key: str, reason: str) -> Step:
    number, zh, en = QUESTIONS[key]
    verdict, why_zh, why_en = ANSWERS[reason]
    return Step(
        number=number, key=key, verdict=verdict, reason=reason,
        zh=zh, en=en, why_zh=why_zh, why_en=why_en,
    )  # fmt: skip


FIRST = 31
"""The first number of a question here; those of a chain are smaller and are told after."""
QUESTIONS: Mapping[str, tuple[int, str, str]] = {
    "token": (31, "时间戳写法合乎标准", "The timestamp is as its standard says"),
    "imprint": (32, "时间戳是对这些内容作出的", "It is over these bytes"),
    "attributes": (33, "签名属性与内容相符", "Its signed attributes go with its content"),
    "signer": (34, "找得到时间戳机构的证书", "The authority's X.509 certificate is at hand"),
    "binding": (35, "指明了所用的证书", "It names the certificate it is made with"),
    "value": (36, "时间戳机构的签名有效", "The authority's signature holds"),
    "policy": (37, "时间戳策略可以接受", "Its policy is accepted"),
    "accuracy": (38, "精度足够", "It is accurate enough"),
}

ANSWERS: Mapping[str, tuple[Verdict, str, str]] = {
    "readable": (_P, "合乎标准", "as its standard says"),
    "unreadable": (_F, "时间戳无法读取", "the timestamp cannot be read"),
    "unknown-version": (_F, "版本不认识", "an unknown version"),
    "critical-extension": (_F, "含有不认识的关键扩展", "a critical extension is unknown"),
    "same": (_P, "摘要相符", "the digest is right"),
    "other-bytes": (_F, "是对别的内容作出的", "it is over something else"),
    "digest-unknown": (_I, "摘要算法不认识", "the digest algorithm is unknown"),
    "digest-weak": (_F, "摘要算法不被许可", "the digest algorithm is not allowed"),
    "right": (_P, "相符", "they do"),
    "attributes-missing": (_F, "缺少签名属性", "an attribute is missing"),
    "other-content-type": (_F, "内容类型不是时间戳", "the content type is not that of a timestamp"),
    "other-content": (_F, "摘要不是时间戳内容的", "the digest is not that of its content"),
    "signer-found": (_P, "已找到", "it is"),
    "signer-missing": (_I, "找不到", "it is not"),
    "bound": (_P, "相符", "it does"),
    "bound-otherwise": (_F, "指明的是另一张证书", "it names another certificate"),
    "not-bound": (_I, "没有指明，或摘要算法不认识", "it names none, or by an unknown digest"),
    "holds": (_P, "有效", "it holds"),
    "does-not-hold": (_F, "无效", "it does not hold"),
    "algorithm-unknown": (_I, "签名算法不认识", "the signature algorithm is unknown"),
    "algorithm-weak": (_F, "签名算法已不安全", "the signature algorithm is no longer safe"),
    "accepted": (_P, "可以接受", "accepted"),
    "not-accepted": (_F, "不在可接受之列", "not among those accepted"),
    "close": (_P, "足够", "close enough"),
    "not-stated": (_P, "没有写明", "it does not say"),
    "too-wide": (_F, "误差过大", "too wide"),
}
