"""What can go wrong in the life of a certificate. No text here repeats a value of a face."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from catalog import Complaint
from certificates.findings import Finding


class CertificateError(Exception):
    """Root of this room's errors."""

    code: ClassVar[str] = "certificates.error"
    origin: ClassVar[str] = "hub"
    retryable: ClassVar[bool] = False


class InvalidDefinitions(CertificateError):
    """The files do not define the types. Nothing was loaded; all complaints are here."""

    code = "certificates.invalid-definitions"

    def __init__(self, complaints: Iterable[Complaint]) -> None:
        self.complaints = tuple(complaints)
        super().__init__("\n".join(str(c) for c in self.complaints))


class FaceRefused(CertificateError, ValueError):
    """Values that do not make a face, or a certificate that may not be made. All findings are
    here: item, rule and clause.
    """

    code = "certificates.face-refused"
    origin = "caller"

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = tuple(findings)
        super().__init__(", ".join(f"{f.item}: {f.rule}" for f in self.findings))


class HandOverRefused(CertificateError, ValueError):
    """The face differs from what the intake recorded; the items are named."""

    code = "certificates.hand-over-refused"
    origin = "caller"

    def __init__(self, items: Iterable[str]) -> None:
        self.items = tuple(items)
        super().__init__(", ".join(self.items))


class MalformedData(CertificateError, ValueError):
    """Bytes that are not the data of a certificate, a status list, a token. `why` is a stable key."""

    code = "certificates.malformed-data"
    origin = "caller"

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class IllegalAct(CertificateError, ValueError):
    """An act that a state, its actor or its data does not allow. `why` is a stable key."""

    code = "certificates.illegal-act"
    origin = "caller"

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class IdentifierTaken(CertificateError, ValueError):
    """The identifier is another certificate's, whatever became of that one."""

    code = "certificates.identifier-taken"
    origin = "caller"


class NumbersExhausted(CertificateError, RuntimeError):
    """A series, a list or the versions of a certificate have no number left."""

    code = "certificates.numbers-exhausted"


class KeyReused(CertificateError, ValueError):
    """The same request key with other content."""

    code = "certificates.key-reused"
    origin = "caller"


class UnknownCertificate(CertificateError, LookupError):
    """No certificate, no intent under that name."""

    code = "certificates.unknown"
    origin = "caller"


class RegisterConflict(CertificateError, RuntimeError):
    """Somebody else acted in between: read it again."""

    code = "certificates.conflict"
    retryable = True


class LostBytes(CertificateError, LookupError):
    """The store does not have, or no longer has unchanged, the bytes of a digest."""

    code = "certificates.lost-bytes"


class SealNotProven(CertificateError, RuntimeError):
    """What the sealer gave back does not verify, or is not what was to be sealed. Nothing leaves."""

    code = "certificates.seal-not-proven"

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class ListNotTrusted(CertificateError, ValueError):
    """A status list that may not be relied on. `why` is a stable key."""

    code = "certificates.list-not-trusted"
    origin = "caller"

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class PresentationRefused(CertificateError, ValueError):
    """A token that shows nothing: unknown, spent, late or for somebody else; outside it is all one."""

    code = "certificates.presentation-refused"
    origin = "caller"

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why
