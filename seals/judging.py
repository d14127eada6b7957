"""Who judges what lies outside of a document, OFD and PDF alike: chains and timestamps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from seals.chains import Purpose, chain
from seals.errors import Malformed
from seals.report import Carried, ChainJudge, Role, TimestampAnswer, TimestampJudge
from seals.revocation import RevocationList
from seals.timestamp_judging import RULES, TimestampRules, judge_timestamp
from seals.verdicts import Step
from seals.x509 import X509Certificate, read_x509

SKEW = timedelta(minutes=5)
"""How far clocks may differ."""
DRIFT = timedelta(hours=1)
"""How long after the claimed time a timestamp may be taken."""

PURPOSES: Mapping[Role, Purpose] = {
    Role.SIGNER: Purpose.SIGNING,
    # Both sign, and nothing tells their certificates apart.
    Role.MAKER: Purpose.SIGNING,
    Role.TSA: Purpose.TIMESTAMPING,
}
"""What a certificate must be good for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judges:
    """Who judges what lies outside of the document; whoever is missing leaves it indeterminate."""

    chain: ChainJudge | None = None
    timestamp: TimestampJudge | None = None


NOBODY = Judges()


def chain_judge(
    anchors: Sequence[X509Certificate],
    intermediates: Sequence[X509Certificate] = (),
    lists: Sequence[RevocationList] = (),
) -> ChainJudge:
    """Whoever trusts these anchors, for signers, makers of seals and timestamps alike.

    Args:
        anchors: Those that are trusted.
        intermediates: Whatever leads to them; a seal carries none along.
        lists: Lists of revoked certificates.
    """

    def judge(x509_cert: bytes, carried: Carried, role: Role, at: datetime) -> tuple[Step, ...]:
        try:
            certificate = read_x509(x509_cert)
        except Malformed:
            return ()
        return chain(
            certificate,
            (*intermediates, *carried.x509_certs()),
            anchors,
            at,
            lists=(*lists, *carried.revocation_lists()),
            purpose=PURPOSES[role],
        ).steps

    return judge


def timestamp_judge(
    chains: ChainJudge,
    known: Sequence[X509Certificate] = (),
    rules: TimestampRules = RULES,
) -> TimestampJudge:
    """Whoever judges timestamps by the chains of those who made them.

    Args:
        chains: Judges them, at the time that each timestamp states.
        known: Certificates of authorities, for timestamps that bring none.
        rules: What else is asked.
    """

    def judge(token: bytes, over: bytes, carried: Carried) -> TimestampAnswer:
        return judge_timestamp(token, over, carried, chain=chains, known=tuple(known), rules=rules)

    return judge


def judges(
    anchors: Sequence[X509Certificate],
    intermediates: Sequence[X509Certificate] = (),
    lists: Sequence[RevocationList] = (),
) -> Judges:
    """Both, by the same anchors."""
    chains = chain_judge(anchors, intermediates, lists)
    return Judges(chain=chains, timestamp=timestamp_judge(chains, intermediates))
