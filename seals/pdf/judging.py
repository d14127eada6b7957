"""Chains and timestamps of PDFs, judged by pyHanko's validator with what is given, never fetched."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from asn1crypto import cms, crl, x509
from pyhanko.sign.validation.generic_cms import extract_certs_for_validation, validate_sig_integrity
from pyhanko_certvalidator import CertificateValidator, ValidationContext
from pyhanko_certvalidator.errors import (
    CRLValidationIndeterminateError,
    DisallowedAlgorithmError,
    ExpiredError,
    InsufficientRevinfoError,
    InvalidCertificateError,
    NotYetValidError,
    PathBuildingError,
    PathValidationError,
    RevokedError,
)

from seals.errors import MalformedDocument
from seals.pdf.reading import reading, settled
from seals.report import Role, TimestampAnswer
from seals.verdicts import Step, Verdict

_P, _F, _I = Verdict.PASSED, Verdict.FAILED, Verdict.INDETERMINATE
_ANSWERS: tuple[tuple[type[Exception], Verdict, str, str, str], ...] = (
    (RevokedError, _F, "revoked", "已吊销", "revoked"),
    (ExpiredError, _F, "expired", "已过期", "expired"),
    (NotYetValidError, _F, "not-yet", "尚未生效", "not yet valid"),
    (DisallowedAlgorithmError, _F, "algorithm-weak", "算法不允许", "an algorithm that may not be"),
    (CRLValidationIndeterminateError, _I, "list-unusable", "吊销列表不可用", "a list is no use"),
    (InsufficientRevinfoError, _I, "no-list", "没有它的吊销列表", "there is no list for it"),
    (InvalidCertificateError, _F, "other-usage", "用途不符", "it is for something else"),
    (PathBuildingError, _I, "not-found", "通不到可信的根", "no path to an anchor was found"),
    (PathValidationError, _F, "path-invalid", "证书路径无效", "the path is not valid"),
)
_QUESTION = ("证书当时是否可信？", "Was the X.509 certificate to be trusted at the time?")
_IMPRINT = ("时间戳是否针对本文件？", "Is the timestamp of these bytes?")
_VALUE = ("时间戳的签名是否有效？", "Does the timestamp's signature hold?")


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenTrust:
    """Anchors, other certificates and lists of revoked ones, all in DER and gathered beforehand."""

    anchors: tuple[bytes, ...] = field(repr=False)
    lists: tuple[bytes, ...] = field(default=(), repr=False)
    others: tuple[bytes, ...] = field(default=(), repr=False)

    def chain(
        self, certificate: bytes, others: Sequence[bytes], role: Role, at: datetime
    ) -> tuple[Step, ...]:
        """Is it good for sealing at that time? The port `seals.pdf.ports.ChainJudge`."""
        del role  # PDF knows one only
        return (self._step(certificate, others, at, timestamps=False),)

    def timestamp(self, token: bytes, over: bytes) -> TimestampAnswer:
        """Is the token of these bytes, and from somebody who may say so? The port
        `seals.report.TimestampJudge`.
        """
        try:
            with reading("timestamp-unreadable"):
                return self._timestamp(token, over)
        except MalformedDocument as error:
            step = _told(1, "imprint", _F, error.why, _IMPRINT,
                         ("时间戳无法读取", "the timestamp cannot be read"))  # fmt: skip
            return TimestampAnswer(steps=(step,), at=None)

    def _timestamp(self, token: bytes, over: bytes) -> TimestampAnswer:
        signed = cms.ContentInfo.load(token)["content"]
        content = signed["encap_content_info"]["content"]
        info = content.parsed
        imprint = info["message_imprint"]
        named = imprint["hash_algorithm"]["algorithm"].native
        same = (
            named in {"sha256", "sha384", "sha512"}
            and hashlib.new(named, over).digest() == imprint["hashed_message"].native
        )
        certificates = extract_certs_for_validation(signed)
        signer = signed["signer_infos"][0]
        digest = hashlib.new(signer["digest_algorithm"]["algorithm"].native, bytes(content))
        intact, holds = validate_sig_integrity(
            signer, certificates.signer_cert, "tst_info", digest.digest()
        )
        at: datetime = info["gen_time"].native
        right = intact and holds
        return TimestampAnswer(
            steps=(
                _told(1, "imprint", _P if same else _F, "same" if same else "other-bytes",
                      _IMPRINT, ("是", "yes") if same else ("不是", "no")),
                _told(2, "value", _P if right else _F, "holds" if right else "does-not-hold",
                      _VALUE, ("有效", "it holds") if right else ("无效", "it does not hold")),
                self._step(
                    certificates.signer_cert.dump(),
                    [each.dump() for each in certificates.other_certs],
                    at,
                    timestamps=True,
                ),
            ),
            at=at,
        )  # fmt: skip

    def _step(
        self, certificate: bytes, others: Sequence[bytes], at: datetime, *, timestamps: bool
    ) -> Step:
        try:
            with reading("certificate-unreadable"):
                return self._judged(certificate, others, at, timestamps=timestamps)
        except MalformedDocument as error:
            return _told(3, "chain", _F, error.why, _QUESTION,
                         ("证书无法读取", "a certificate cannot be read"))  # fmt: skip

    def _judged(
        self, certificate: bytes, others: Sequence[bytes], at: datetime, *, timestamps: bool
    ) -> Step:
        context = ValidationContext(
            trust_roots=[x509.Certificate.load(each) for each in self.anchors],
            other_certs=[x509.Certificate.load(each) for each in (*self.others, *others)],
            crls=[crl.CertificateList.load(each) for each in self.lists],
            moment=at,
            allow_fetching=False,
            revocation_mode="require",
            # A list made after the time in question says more about it than one made before.
            retroactive_revinfo=True,
        )
        judged = CertificateValidator(
            x509.Certificate.load(certificate), validation_context=context
        )
        usage = {"digital_signature"}
        extended = {"time_stamping"} if timestamps else None
        try:
            settled(
                judged.async_validate_usage(
                    usage, extended_key_usage=extended, extended_optional=not timestamps
                )
            )
        except tuple(each[0] for each in _ANSWERS) as problem:
            for kind, verdict, reason, zh, en in _ANSWERS:
                if isinstance(problem, kind):
                    return _told(3, "chain", verdict, reason, _QUESTION, (zh, en))
        return _told(3, "chain", _P, "trusted", _QUESTION, ("可信", "trusted"))


def _told(
    number: int,
    key: str,
    verdict: Verdict,
    reason: str,
    question: tuple[str, str],
    why: tuple[str, str],
) -> Step:
    return Step(
        number=number,
        key=key,
        verdict=verdict,
        reason=reason,
        zh=question[0],
        en=question[1],
        why_zh=why[0],
        why_en=why[1],
    )
