"""A small timestamp authority (RFC 3161, GB/T 20520): a request in, a response out.

For sandboxes, tests and a bureau's own use behind its walls; it states the machine's time and keeps
no log. What it makes with SM2 is over SM3, in the identifiers of PKCS #7, which all readers know.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from seals.authority import new_serial
from seals.errors import KeyUnavailable, Malformed, NotIssuable, SealError
from seals.ports import SigningKey
from seals.signed_data import WEAK_DIGESTS, written
from seals.timestamps import (
    TST_INFO,
    Failure,
    Status,
    TimestampInfo,
    TimestampRequest,
    TimestampResponse,
    read_request,
    read_token,
)
from seals.x509 import EXTENDED_KEY_USAGE, TIME_STAMPING, X509Certificate, read_x509

POLICY = "1.3.6.1.4.1.99999.1.1"
"""Of a private enterprise number that nobody has: an authority in earnest states its own."""


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class TSA:
    """A key, its certificate, and what is stamped under which policy."""

    key: SigningKey = field(repr=False)
    """The first certificate of its chain is for time-stamping and nothing else."""
    policy: str = POLICY
    digests: frozenset[str] = frozenset({"sm3", "sha256", "sha384", "sha512"})
    accuracy: timedelta = timedelta(seconds=1)
    clock: Callable[[], datetime] = field(default=_now, repr=False)

    def __post_init__(self) -> None:
        """Raises:
        NotIssuable: `no-certificate`, `other-key`, or `not-for-timestamps`: no one would believe
            what it stamps.
        """
        if not self.key.chain:
            raise NotIssuable("no-certificate")
        own = self._certificate
        if own.spki != self.key.spki:
            raise NotIssuable("other-key")
        if (
            own.extended_key_usage != frozenset({TIME_STAMPING})
            or EXTENDED_KEY_USAGE not in own.critical
        ):
            raise NotIssuable("not-for-timestamps")

    @property
    def _certificate(self) -> X509Certificate:
        return read_x509(self.key.chain[0])

    def stamp(self, request: bytes) -> bytes:
        """A `TimeStampResp` in DER, whatever was asked: what may not be stamped is refused in it."""
        try:
            asked = read_request(request)
        except Malformed:
            return _refusal(Failure.BAD_DATA_FORMAT)
        failure = self._failure(asked)
        if failure is not None:
            return _refusal(failure)
        at = self.clock()
        own = self._certificate
        if not own.not_before <= at <= own.not_after:
            return _refusal(Failure.TIME_NOT_AVAILABLE)
        try:
            token = self._token(asked, at)
        except SealError:
            return _refusal(Failure.SYSTEM_FAILURE)
        return TimestampResponse(status=Status.GRANTED, token=token).der

    def _failure(self, asked: TimestampRequest) -> Failure | None:
        digest = asked.imprint.digest
        if asked.version != 1:
            return Failure.BAD_REQUEST
        if digest not in self.digests - WEAK_DIGESTS:
            return Failure.BAD_ALGORITHM
        if len(asked.imprint.value) != hashlib.new(digest).digest_size:
            return Failure.BAD_DATA_FORMAT
        if asked.policy not in {"", self.policy}:
            return Failure.UNACCEPTED_POLICY
        return Failure.UNACCEPTED_EXTENSION if asked.extensions else None

    def _token(self, asked: TimestampRequest, at: datetime) -> bytes:
        info = TimestampInfo(
            version=1,
            policy=self.policy,
            imprint=asked.imprint,
            # 126 random bits: unique without a memory, after a restart and beside a twin.
            serial=new_serial(),
            at=at,
            accuracy=self.accuracy,
            ordering=False,
            nonce=asked.nonce,
        )
        token = written(TST_INFO, info.der, self.key, self._along(asked))
        # A device may answer with anything: nothing leaves that does not hold.
        if not read_token(token).signed.value_holds(self._certificate):
            raise KeyUnavailable("signature-does-not-hold")
        return token

    def _along(self, asked: TimestampRequest) -> tuple[bytes, ...]:
        """The chain without its root, where it is wanted (RFC 3161 §2.4.1)."""
        if not asked.certificates_wanted:
            return ()
        first, *above = self.key.chain
        return (first, *(each for each in above if not read_x509(each).self_issued))


def _refusal(failure: Failure) -> bytes:
    return TimestampResponse(status=Status.REJECTION, failures=frozenset({failure})).der
