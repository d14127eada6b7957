"""The questions that are asked of each X.509 certificate in a path, and every answer there is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache

from seals.algorithms import Algorithm, by_identifier
from seals.errors import InvalidKey, Malformed, UnknownAlgorithm
from seals.keys import verifying_key
from seals.revocation import Reason, Revocation, RevocationList
from seals.verdicts import Step, Verdict
from seals.x509 import (
    ANY_USAGE,
    AUTHORITY_KEY_ID,
    BASIC_CONSTRAINTS,
    EXTENDED_KEY_USAGE,
    KEY_USAGE,
    SUBJECT_KEY_ID,
    TIME_STAMPING,
    KeyUsage,
    X509Certificate,
)

_P, _F, _I = Verdict.PASSED, Verdict.FAILED, Verdict.INDETERMINATE
KEY_DOUBTED_LATER = "key-doubted-later"
"""Passed at a time that is proven; whoever only claims a time may have had the key after all."""


class Purpose(StrEnum):
    """What a certificate is to be good for."""

    SIGNING = "signing"
    """Documents and seals."""
    TIMESTAMPING = "timestamping"
    ISSUING = "issuing"
    """Other certificates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One certificate at its place in a path."""

    certificate: X509Certificate
    place: int
    issuer: X509Certificate | None
    anchor: bool
    below: int
    """Issuers between it and the judged one that are not self-issued."""
    signature: Verdict


def path_step(ending: str, place: int) -> Step:
    """Whether the path reaches an anchor."""
    return _step("path", ending, _P if ending == "anchored" else _I, place)


def steps(
    link: Link, at: datetime, lists: Sequence[RevocationList], purpose: Purpose
) -> Iterator[Step]:
    """All questions that make sense at this place."""
    place = link.place
    yield _form(link)
    if link.issuer is not None:
        same = link.issuer.subject.der == link.certificate.issuer.der
        yield _step("names", "same" if same else "same-otherwise-written", _P, place)
        reason = {_P: "holds", _F: "does-not-hold", _I: "algorithm-unknown"}[link.signature]
        yield _step("signature", reason, link.signature, place)
    yield _algorithm(link)
    yield _validity(link, at)
    if place or purpose is Purpose.ISSUING:
        yield _issuing(link)
        yield _path_length(link)
    yield _key_usage(link, purpose)
    if not place:
        yield _extended(link, purpose)
    if not link.anchor:
        unknown = link.certificate.critical - _UNDERSTOOD
        yield _step("critical", "unknown-critical" if unknown else "all-understood",
                    _F if unknown else _P, place)  # fmt: skip
        yield _revocation(link, at, lists, purpose)


def _form(link: Link) -> Step:
    cert = link.certificate
    for flaw in sorted(cert.flaws):
        return _step("form", flaw, _F, link.place)
    return _step("form", "odd" if cert.oddities else "proper", _P, link.place)


def _algorithm(link: Link) -> Step:
    """Of its signature, unless it is trusted without one, and of its own key."""
    try:
        algorithm = None if link.anchor else by_identifier(link.certificate.algorithm)
        key = verifying_key(link.certificate.spki)
    except UnknownAlgorithm:
        return _step("algorithm", "algorithm-unknown", _I, link.place)
    except (InvalidKey, Malformed):
        return _step("algorithm", "key-invalid", _F, link.place)
    if key.short:
        return _step("algorithm", "key-short", _F, link.place)
    if isinstance(algorithm, Algorithm) and algorithm.weak:
        return _step("algorithm", "algorithm-weak", _F, link.place)
    return _step("algorithm", "strong", _P, link.place)


def _validity(link: Link, at: datetime) -> Step:
    cert = link.certificate
    if at < cert.not_before:
        return _step("validity", "not-yet", _F, link.place)
    if at > cert.not_after:
        return _step("validity", "expired", _F, link.place)
    return _step("validity", "in-time", _P, link.place)


def _issuing(link: Link) -> Step:
    constraints = link.certificate.basic_constraints
    if constraints is None and link.anchor:
        return _step("constraints", "anchor-says-nothing", _P, link.place)
    may = constraints is not None and constraints.ca
    return _step("constraints", "may-issue" if may else "may-not-issue", _P if may else _F,
                 link.place)  # fmt: skip


def _path_length(link: Link) -> Step:
    constraints = link.certificate.basic_constraints
    allowed = None if constraints is None else constraints.path_length
    if allowed is None:
        return _step("path-length", "no-limit", _P, link.place)
    kept = link.below <= allowed
    return _step("path-length", "within" if kept else "too-long", _P if kept else _F, link.place)


def _key_usage(link: Link, purpose: Purpose) -> Step:
    usage = link.certificate.key_usage
    if usage is None:
        return _step("key-usage", "not-stated", _P if link.anchor and link.place else _I,
                     link.place)  # fmt: skip
    issues = link.place or purpose is Purpose.ISSUING
    wanted = (
        {KeyUsage.KEY_CERT_SIGN}
        if issues
        else {KeyUsage.DIGITAL_SIGNATURE, KeyUsage.NON_REPUDIATION}
    )
    fits = bool(usage & wanted)
    return _step("key-usage", "fits" if fits else "other-usage", _P if fits else _F, link.place)


def _extended(link: Link, purpose: Purpose) -> Step:
    """RFC 3161 §2.3 for a TSA: this purpose, no other, and critical."""
    cert, key = link.certificate, "extended-key-usage"
    stated = cert.extended_key_usage
    if purpose is Purpose.TIMESTAMPING:
        if stated is None:
            return _step(key, "not-stated", _F, link.place)
        if stated != {TIME_STAMPING}:
            return _step(key, "not-only-timestamping", _F, link.place)
        if EXTENDED_KEY_USAGE not in cert.critical:
            return _step(key, "not-critical", _F, link.place)
        return _step(key, "fits", _P, link.place)
    if stated is None:
        return _step(key, "not-stated", _P, link.place)
    other = stated <= _OTHER_PURPOSES and ANY_USAGE not in stated
    return _step(key, "other-usage" if other else "fits", _F if other else _P, link.place)


def _revocation(
    link: Link, at: datetime, lists: Sequence[RevocationList], purpose: Purpose
) -> Step:
    """A trustworthy list that names it decides, however old; that it is not named is worth
    something only in a list that is fresh at the time or was made later, before it expired.
    """
    reason, verdict = "no-list", _I
    for each in lists:
        if link.issuer is None or not each.issuer.same(link.issuer.subject):
            continue
        found, judged = _told(each, link, link.issuer, at, purpose)
        if judged is _F:
            return _step("revocation", found, _F, link.place)
        if verdict is not _P:
            reason, verdict = found, judged
    return _step("revocation", reason, verdict, link.place)


def _told(
    given: RevocationList, link: Link, issuer: X509Certificate, at: datetime, purpose: Purpose
) -> tuple[str, Verdict]:
    """What one list of the issuer says."""
    stamps = purpose is Purpose.TIMESTAMPING and not link.place
    try:
        doubt = _doubt(given, issuer)
        entry = None if doubt else given.revocation(link.certificate.serial)
    except UnknownAlgorithm:
        return "algorithm-unknown", _I
    except (InvalidKey, Malformed):
        return "list-unusable", _I
    if doubt or (entry is not None and not entry.understood):
        return doubt or "list-unusable", _I
    if entry is not None and entry.reason is Reason.REMOVE_FROM_CRL:
        entry = None
    if entry is not None and (entry.at <= at or (stamps and entry.reason not in _KEPT_ITS_KEY)):
        return _revoked(entry), _F
    if not _conclusive(given, link.certificate, at):
        return "list-stale", _I
    if entry is None:
        return "not-revoked", _P
    return ("revoked-later" if entry.reason in _KEPT_ITS_KEY else KEY_DOUBTED_LATER), _P


def _doubt(given: RevocationList, issuer: X509Certificate) -> str:
    """Why a list is not believed; empty where it is."""
    if not given.usable:
        return "list-unusable"
    if not _list_signed(given, issuer.spki):
        return "list-signature"
    if issuer.key_usage is not None and KeyUsage.CRL_SIGN not in issuer.key_usage:
        return "list-signer"
    return ""


@lru_cache(maxsize=16)
def _list_signed(given: RevocationList, spki: bytes) -> bool:
    algorithm = by_identifier(given.algorithm)
    key = verifying_key(spki)
    return not algorithm.weak and key.verify(algorithm, given.tbs, given.signature)


def _conclusive(given: RevocationList, cert: X509Certificate, at: datetime) -> bool:
    if given.this_update > at:
        return given.this_update <= cert.not_after
    return given.next_update is not None and at <= given.next_update


def _revoked(entry: Revocation) -> str:
    match entry.reason:
        case Reason.CERTIFICATE_HOLD:
            return "on-hold"
        case Reason.KEY_COMPROMISE | Reason.CA_COMPROMISE | Reason.AA_COMPROMISE:
            return "revoked-key-compromise"
    return "revoked"


@lru_cache(maxsize=2048)
def _step(key: str, reason: str, verdict: Verdict, place: int) -> Step:
    """One of the few hundred that there are."""
    number, zh, en = QUESTIONS[key]
    why_zh, why_en = ANSWERS[reason]
    return Step(
        number=number,
        key=key,
        verdict=verdict,
        reason=str(reason),
        zh=zh,
        en=en,
        why_zh=why_zh,
        why_en=why_en,
        at=place,
    )


# Understood here, or without any say in what is asked (names and policies: nothing is demanded).
_UNDERSTOOD = frozenset({
    BASIC_CONSTRAINTS, KEY_USAGE, EXTENDED_KEY_USAGE, SUBJECT_KEY_ID, AUTHORITY_KEY_ID,
    "2.5.29.17", "2.5.29.18", "2.5.29.32",
})  # fmt: skip
# TLS servers, OCSP responders, time-stamping: a certificate for these alone seals no document.
_OTHER_PURPOSES = frozenset({"1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.9", TIME_STAMPING})
# RFC 3161 §4.1: a certificate revoked for any other reason voids all timestamps it ever made, for
# whoever has its key can date them at will.
_KEPT_ITS_KEY = frozenset({
    Reason.AFFILIATION_CHANGED, Reason.SUPERSEDED, Reason.CESSATION_OF_OPERATION,
})  # fmt: skip

QUESTIONS: Mapping[str, tuple[int, str, str]] = {
    "form": (1, "写法没有两可之处", "It is written so that it means one thing"),
    "path": (2, "通到可信的根证书", "It leads to a trust anchor"),
    "names": (3, "签发者名称与上级主体一致", "Its issuer's name is the subject above it"),
    "signature": (4, "上级的签名有效", "The issuer's signature holds"),
    "algorithm": (5, "算法与密钥强度可用", "Algorithm and key are known and strong enough"),
    "validity": (6, "在有效期内", "The time is within its validity"),
    "constraints": (7, "上级有权签发（基本约束）", "It may issue (basic constraints)"),
    "path-length": (8, "层数未超限", "The path is not longer than it allows"),
    "key-usage": (9, "密钥用途相符", "Its key usage fits"),
    "extended-key-usage": (10, "扩展密钥用途相符", "Its extended key usage fits"),
    "critical": (11, "关键扩展都能理解", "All its critical extensions are understood"),
    "revocation": (12, "未被吊销", "It is not revoked"),
}

ANSWERS: Mapping[str, tuple[str, str]] = {
    "proper": ("合乎规范", "as the standard has it"),
    "odd": ("有常见的不规范写法，不影响判断", "with oddities of the field that change nothing"),
    "algorithms-differ": ("内外两处签名算法不同", "the two signature algorithms differ"),
    "extension-twice": ("同一扩展出现两次", "an extension stands there twice"),
    "extension-unreadable": ("扩展内容读不懂", "an extension cannot be read"),
    "extensions-in-version-1": ("旧版本不应有扩展", "extensions in a version without any"),
    "unknown-version": ("版本不认识", "an unknown version"),
    "no-issuer": ("没有签发者", "no issuer is named"),
    "anchored": ("找到可信的根", "an anchor was found"),
    "not-found": ("找不到上级证书", "its issuer was not found"),
    "root-not-trusted": ("自签名，但不在可信之列", "self-signed and not among the trusted"),
    "loop": ("互相签发，没有尽头", "they issue each other in a loop"),
    "too-deep": ("层数过多", "the path is too deep"),
    "too-many": ("同名上级过多，未查完", "too many of that name to try them all"),
    "same": ("一致", "the same"),
    "same-otherwise-written": ("一致，写法不同", "the same, written otherwise"),
    "holds": ("有效", "it holds"),
    "does-not-hold": ("无效", "it does not hold"),
    "algorithm-unknown": ("算法或密钥类型不认识", "an unknown algorithm or kind of key"),
    "algorithm-weak": ("算法已不安全", "the algorithm is no longer safe"),
    "key-invalid": ("公钥无效", "the public key is none"),
    "key-short": ("密钥过短", "the key is too short"),
    "strong": ("可用", "known and strong enough"),
    "in-time": ("在有效期内", "within its validity"),
    "not-yet": ("尚未生效", "not yet valid"),
    "expired": ("已过期", "expired"),
    "may-issue": ("有权签发", "it may issue"),
    "may-not-issue": ("无权签发", "it may not issue"),
    "anchor-says-nothing": ("根证书未写，按可信处理", "the anchor does not say; it is trusted"),
    "no-limit": ("没有限制", "no limit"),
    "within": ("未超限", "within the limit"),
    "too-long": ("超限", "longer than allowed"),
    "not-stated": ("证书没有写", "it does not say"),
    "fits": ("相符", "it fits"),
    "other-usage": ("用途不符", "it is for something else"),
    "not-only-timestamping": ("不是专用于时间戳", "not for time-stamping alone"),
    "not-critical": ("时间戳用途未标为关键", "time-stamping is not marked critical"),
    "all-understood": ("都能理解", "all are understood"),
    "unknown-critical": ("有不认识的关键扩展", "a critical extension is unknown"),
    "no-list": ("没有它的吊销列表", "there is no list for it"),
    "list-unusable": ("吊销列表读不懂或不完整", "the list cannot be used"),
    "list-signature": ("吊销列表的签名无效", "the list's signature does not hold"),
    "list-signer": ("上级无权签发吊销列表", "its issuer may not sign lists"),
    "list-stale": ("吊销列表不在当时有效", "the list was not fresh at that time"),
    "not-revoked": ("未被吊销", "not revoked"),
    "revoked-later": ("当时未被吊销，后来吊销", "not revoked then, but later"),
    KEY_DOUBTED_LATER: (
        "当时未被吊销，后来吊销，密钥可能已在他人手中",
        "not revoked then, but later, and its key may be in other hands",
    ),
    "revoked": ("已吊销", "revoked"),
    "revoked-key-compromise": ("因密钥泄露吊销", "revoked, for a key was compromised"),
    "on-hold": ("已暂停使用", "on hold"),
}
