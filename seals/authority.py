"""An authority that issues X.509 certificates and lists of revoked ones (GB/T 20518, RFC 5280).

For the bureau's own seal maker, for sandboxes and tests; a licensed authority's certificates are
used in the same way and come from elsewhere. Every result is checked with the authority's own key
before it leaves.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from seals import ber, der
from seals.errors import InvalidKey, KeyUnavailable, NotIssuable, UnknownAlgorithm
from seals.keys import verifying_key
from seals.names import Subject
from seals.ports import SigningKey
from seals.revocation import (
    CRL_NUMBER,
    MAX_REVOKED,
    REASON_CODE,
    Reason,
    Revocation,
)
from seals.x509 import (
    AUTHORITY_KEY_ID,
    BASIC_CONSTRAINTS,
    EXTENDED_KEY_USAGE,
    KEY_USAGE,
    SUBJECT_KEY_ID,
    TIME_STAMPING,
    Extension,
    KeyUsage,
    X509Certificate,
    read_x509,
)


class Profile(StrEnum):
    """What a certificate is made for."""

    ROOT = "root"
    ISSUER = "issuer"
    """Issues below a root."""
    SEAL_MAKER = "seal-maker"
    """制章机构: signs seals."""
    ORGANISATION = "organisation"
    """Signs with an organisation's seals."""
    PERSON = "person"
    TSA = "tsa"
    """Signs timestamps."""

    @property
    def issues(self) -> bool:
        """Does its holder issue certificates?"""
        return self in {Profile.ROOT, Profile.ISSUER}


_SIGNS = (KeyUsage.DIGITAL_SIGNATURE, KeyUsage.NON_REPUDIATION)
_ISSUES = (KeyUsage.KEY_CERT_SIGN, KeyUsage.CRL_SIGN)
_USAGE: Mapping[Profile, tuple[KeyUsage, ...]] = {
    profile: _ISSUES if profile.issues else _SIGNS for profile in Profile
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to stand in a certificate."""

    profile: Profile
    subject: Subject
    spki: bytes = field(repr=False)
    not_before: datetime
    not_after: datetime
    path_length: int | None = None
    """How many issuers may stand below, for one that issues."""
    extensions: tuple[Extension, ...] = ()
    """More of them, such as the national identifiers that a place wants."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """A key, and the certificate by which it issues."""

    key: SigningKey = field(repr=False)
    certificate: X509Certificate

    def __post_init__(self) -> None:
        """Raises:
        NotIssuable: The certificate is of another key, or its holder may not issue.
        """
        if self.certificate.spki != self.key.spki:
            raise NotIssuable("other-key")
        constraints, usage = self.certificate.basic_constraints, self.certificate.key_usage
        if constraints is None or not constraints.ca:
            raise NotIssuable("may-not-issue")
        if usage is None or not usage >= set(_ISSUES):
            raise NotIssuable("may-not-issue")

    @classmethod
    def root(
        cls,
        key: SigningKey,
        subject: Subject,
        *,
        not_before: datetime,
        not_after: datetime,
        path_length: int | None = None,
    ) -> Authority:
        """A new root, signed by itself.

        Raises:
            NotIssuable: The times are in the wrong order.
            KeyUnavailable: The key does not sign.
        """
        wanted = Wanted(
            profile=Profile.ROOT,
            subject=subject,
            spki=key.spki,
            not_before=not_before,
            not_after=not_after,
            path_length=path_length,
        )
        name = subject.der
        return cls(key=key, certificate=_made(wanted, key, name, _key_id(key.spki)))

    def issue(self, wanted: Wanted) -> X509Certificate:
        """A new certificate, with a serial number nobody can guess.

        Raises:
            NotIssuable: Its time is not within ours, its key is short or unknown, it would issue
                where we may not let it, or it lacks an organisation that its profile needs.
            KeyUnavailable: The key does not sign.
        """
        own = self.certificate
        if not own.not_before <= wanted.not_before <= wanted.not_after <= own.not_after:
            raise NotIssuable("not-within-ours")
        if wanted.profile is Profile.ROOT:
            raise NotIssuable("a-root-signs-itself")
        limit = None if own.basic_constraints is None else own.basic_constraints.path_length
        # One that says nothing is still held by our own limit.
        if wanted.profile.issues and limit is not None and limit <= (wanted.path_length or 0):
            raise NotIssuable("path-length")
        return _made(wanted, self.key, own.subject.der, own.subject_key_id)

    def list_revoked(
        self,
        revoked: Sequence[Revocation],
        *,
        this_update: datetime,
        next_update: datetime,
        number: int,
    ) -> bytes:
        """A list (CRL v2) in DER. `number` grows from one list to the next.

        Raises:
            NotIssuable: Times in the wrong order, a serial number twice, or too many.
            KeyUnavailable: The key does not sign.
        """
        serials = {each.serial for each in revoked}
        if not this_update < next_update or number < 0:
            raise NotIssuable("times")
        if len(serials) != len(revoked) or len(revoked) > MAX_REVOKED:
            raise NotIssuable("serials")
        entries = [_entry(each) for each in sorted(revoked, key=lambda each: each.serial)]
        extensions = (
            *_authority_id(self.certificate.subject_key_id),
            Extension(CRL_NUMBER, critical=False, value=der.integer(number)),
        )
        return _signed(
            self.key,
            der.integer(1),
            self.key.algorithm.identifier,
            self.certificate.subject.der,
            der.time(this_update),
            der.time(next_update),
            # RFC 5280 §5.1.2.6: where nothing is revoked, the list of them must be absent.
            der.sequence(*entries) if entries else b"",
            der.explicit(0, der.sequence(*map(_written, extensions))),
        )


def _made(
    wanted: Wanted, key: SigningKey, issuer: bytes, issuer_id: bytes | None
) -> X509Certificate:
    if not wanted.not_before < wanted.not_after:
        raise NotIssuable("times")
    if wanted.profile is Profile.ORGANISATION and not wanted.subject.organisation:
        raise NotIssuable("organisation")
    try:
        if verifying_key(wanted.spki).short:
            raise NotIssuable("key-short")
    except (InvalidKey, UnknownAlgorithm):
        raise NotIssuable("key-unknown") from None
    made = _signed(
        key,
        der.explicit(0, der.integer(2)),
        der.integer(new_serial()),
        key.algorithm.identifier,
        issuer,
        der.sequence(der.time(wanted.not_before), der.time(wanted.not_after)),
        wanted.subject.der,
        wanted.spki,
        der.explicit(3, der.sequence(*map(_written, _extensions(wanted, issuer_id)))),
    )
    return read_x509(made)


def _signed(key: SigningKey, *parts: bytes) -> bytes:
    """What is signed, how, and the signature; checked before it leaves."""
    tbs = der.sequence(*parts)
    signature = key.sign(tbs)
    if not verifying_key(key.spki).verify(key.algorithm, tbs, signature):
        raise KeyUnavailable("signature-does-not-hold")
    return der.sequence(tbs, key.algorithm.identifier, der.bits(signature))


def _extensions(wanted: Wanted, issuer_id: bytes | None) -> tuple[Extension, ...]:
    profile = wanted.profile
    constraints = b""
    if profile.issues:
        length = wanted.path_length
        constraints = der.true() + (b"" if length is None else der.integer(length))
    found = [
        Extension(BASIC_CONSTRAINTS, critical=True, value=der.tlv(der.SEQUENCE, constraints)),
        Extension(KEY_USAGE, critical=True, value=der.named_bits(*_USAGE[profile])),
        Extension(SUBJECT_KEY_ID, critical=False, value=der.octets(_key_id(wanted.spki))),
        *_authority_id(issuer_id),
    ]
    if profile is Profile.TSA:
        usage = der.sequence(der.oid(TIME_STAMPING))
        found.append(Extension(EXTENDED_KEY_USAGE, critical=True, value=usage))
    known = {each.oid for each in found}
    if len({each.oid for each in wanted.extensions} - known) != len(wanted.extensions):
        raise NotIssuable("extension-twice")
    return (*found, *wanted.extensions)


def _authority_id(key_id: bytes | None) -> tuple[Extension, ...]:
    if key_id is None:
        return ()
    value = der.sequence(der.implicit(0, key_id))
    return (Extension(AUTHORITY_KEY_ID, critical=False, value=value),)


def _written(extension: Extension) -> bytes:
    critical = der.true() if extension.critical else b""
    return der.sequence(der.oid(extension.oid), critical, der.octets(extension.value))


def _entry(revoked: Revocation) -> bytes:
    reason = b""
    # RFC 5280 §5.3.1: "unspecified" is said by saying nothing.
    if revoked.reason is not Reason.UNSPECIFIED:
        value = der.enumerated(revoked.reason)
        reason = der.sequence(_written(Extension(REASON_CODE, critical=False, value=value)))
    return der.sequence(der.integer(revoked.serial), der.time(revoked.at), reason)


def _key_id(spki: bytes) -> bytes:
    """RFC 7093 §2, method 1: 160 bits of SHA-256 over the key's bits."""
    _, key = ber.sequence(ber.whole(spki), 2, 2)
    return hashlib.sha256(ber.bits(key)).digest()[:20]


def new_serial() -> int:
    """A positive serial number of 127 bits."""
    return secrets.randbits(126) | 1 << 126
