"""Judge the chains of a sealed document with what was gathered beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from seals.chains import Purpose, chain
from seals.errors import Malformed
from seals.report import ChainJudge, Role
from seals.revocation import RevocationList
from seals.verdicts import Step
from seals.x509 import X509Certificate, read_x509


def chain_judge(
    anchors: Sequence[X509Certificate],
    intermediates: Sequence[X509Certificate] = (),
    lists: Sequence[RevocationList] = (),
) -> ChainJudge:
    """Whoever trusts these anchors, for signers and makers of seals alike.

    Args:
        anchors: Those that are trusted.
        intermediates: Whatever leads to them; a seal carries none along.
        lists: Lists of revoked certificates.
    """

    def judge(x509_cert: bytes, role: Role, at: datetime) -> tuple[Step, ...]:
        del role  # both sign, and nothing tells their certificates apart
        try:
            certificate = read_x509(x509_cert)
        except Malformed:
            return ()
        purpose = Purpose.SIGNING
        return chain(certificate, intermediates, anchors, at, lists=lists, purpose=purpose).steps

    return judge
