"""What can go wrong between a PDF and a seal on it. Each text is a short stable key."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from seals.errors import SealError

if TYPE_CHECKING:
    from seals.pdf.findings import Finding
    from seals.pdf.verification import Report


class UnreadablePDF(SealError, ValueError):
    """Bytes that are no PDF, or one that cannot be read without guessing."""

    code = "seals.unreadable-pdf"
    origin = "caller"


class SealingFailed(SealError, RuntimeError):
    """No seal was put on the document."""

    code = "seals.sealing-failed"


class NotSealable(SealingFailed):
    """Preflight found what must not be sealed; all of it is in `findings`."""

    code = "seals.not-sealable"
    origin = "caller"

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        super().__init__(", ".join(sorted({finding.key for finding in findings})))
        self.findings = findings


class SealedWrongly(SealingFailed):
    """Our own result does not pass our own verification: it does not leave."""

    code = "seals.sealed-wrongly"

    def __init__(self, report: Report) -> None:
        super().__init__(", ".join(sorted({step.reason for step in report.complaints})))
        self.report = report


@contextmanager
def reading(why: str = "unreadable") -> Iterator[None]:
    """pyHanko meets hostile bytes here. It answers with its own errors, and with whatever Python
    raises when a name is where a number should be: all of that is an unreadable document.

    Raises:
        UnreadablePDF: Anything went wrong.
    """
    try:
        yield
    except SealError:
        raise
    except MemoryError:
        raise
    except Exception as problem:  # noqa: BLE001 - hostile bytes raise anything in the library
        raise UnreadablePDF(why) from problem
