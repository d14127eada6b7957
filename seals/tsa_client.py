"""Ask a timestamp authority over HTTP (RFC 3161 §3.4), and see that the answer is to what was asked.

Whether the authority is one to be believed is judged where the timestamp is; here it is only seen
that the answer is about this digest, this nonce and this policy, and that its signature holds.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

from seals.errors import Malformed, TimestampUnavailable, Unreachable
from seals.posting import Address, Answer
from seals.timestamps import (
    MAX_TOKEN,
    Failure,
    Imprint,
    Status,
    TimestampRequest,
    TimestampToken,
    read_response,
    read_token,
)

ASKED, ANSWERED = "application/timestamp-query", "application/timestamp-reply"


@dataclass(frozen=True, slots=True, kw_only=True)
class TSAService:
    """Where an authority is, and how it is asked."""

    url: str
    policy: str = ""
    """OID of the policy that is wanted; empty for any."""
    deadline: float = 5.0
    """Seconds."""
    ca_file: Path | None = None
    """Who vouches for the service's TLS; the system's authorities where it is not said."""


class TSAClient:
    """A `TimestampAuthority` behind HTTP. Each question has a nonce of its own."""

    def __init__(self, service: TSAService) -> None:
        """Nothing is asked yet.

        Raises:
            TimestampUnavailable: `tsa-url`, `tsa-without-tls`, `tsa-authorities-unreadable`.
        """
        try:
            self._address = Address(service.url, service.ca_file)
        except Unreachable as error:
            raise TimestampUnavailable(f"tsa-{error}") from None
        self._service = service

    def __repr__(self) -> str:
        return "TSAClient()"

    def token(self, digest: bytes, algorithm: str) -> bytes:
        """See `TimestampAuthority`.

        Raises:
            TimestampUnavailable: `tsa-too-slow`, `tsa-unreachable`, `tsa-answers-nonsense`,
                `tsa-refuses` with the reason behind a colon, `tsa-waiting`, or how the answer is
                not to what was asked: `other-digest`, `other-nonce`, `other-policy`,
                `signature-does-not-hold`.
        """
        asked = TimestampRequest(
            imprint=Imprint(digest=algorithm, value=digest),
            nonce=secrets.randbits(63) | 1 << 63,
            policy=self._service.policy,
        )
        try:
            answer = self._address.post(
                asked.der,
                {"Content-Type": ASKED, "Accept": ANSWERED},
                deadline=self._service.deadline,
                most=MAX_TOKEN,
            )
        except Unreachable as error:
            raise TimestampUnavailable(f"tsa-{error}") from None
        token = _token(answer)
        complaint = _complaint(token, asked)
        if complaint:
            raise TimestampUnavailable(complaint)
        return token.der


def _token(answer: Answer) -> TimestampToken:
    if answer.status != 200 or answer.kind != ANSWERED:
        raise TimestampUnavailable("tsa-answers-nonsense")
    try:
        response = read_response(answer.body)
        if response.status == Status.WAITING:
            raise TimestampUnavailable("tsa-waiting")
        if not response.granted:
            raise TimestampUnavailable(f"tsa-refuses: {_why(response.failures)}")
        return read_token(response.token)
    except Malformed:
        raise TimestampUnavailable("tsa-answers-nonsense") from None


def _why(failures: frozenset[int]) -> str:
    known = [each.key for each in Failure if each in failures]
    return ", ".join(known) or "no reason given"


def _complaint(token: TimestampToken, asked: TimestampRequest) -> str:
    """How the answer is not to what was asked; empty where it is."""
    info = token.info
    if info.imprint != asked.imprint:
        return "other-digest"
    if info.nonce != asked.nonce:
        return "other-nonce"
    if asked.policy not in {"", info.policy}:
        return "other-policy"
    return "" if _holds(token) else "signature-does-not-hold"


def _holds(token: TimestampToken) -> bool:
    """Is this very content signed with the key of the certificate that came along?"""
    certificate = token.signed.signed_by()
    return (
        certificate is not None
        and token.signed.attributes_hold()
        and token.signed.value_holds(certificate)
    )
