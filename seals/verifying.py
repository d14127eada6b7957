"""Judge a document, whichever kind it is: told by its bytes, never by its name."""

from __future__ import annotations

from datetime import datetime

from seals.errors import MalformedDocument
from seals.judging import NOBODY, Judges
from seals.ofd import verification as ofd
from seals.pdf import verification as pdf
from seals.policies import USUAL, Policies
from seals.report import Format, Report

_LOOKED_AT = 1024
"""Bytes in which readers look for a PDF's header: what stands before it is told by the verdict."""


def format_of(document: bytes) -> Format:
    """What kind of document it is.

    Raises:
        MalformedDocument: `no-document`: neither OFD nor PDF.
    """
    if document.startswith(b"%PDF-"):
        return Format.PDF
    if document.startswith(b"PK"):
        return Format.OFD
    if b"%PDF-" in document[:_LOOKED_AT]:
        return Format.PDF
    if b"PK\x03\x04" in document[:_LOOKED_AT]:
        return Format.OFD
    raise MalformedDocument("no-document")


def verify(
    document: bytes, at: datetime, policies: Policies = USUAL, judges: Judges = NOBODY
) -> Report:
    """Judge a document. Raises nothing for what it holds, once it is known what it is.

    Args:
        document: Its bytes.
        at: The time that is asked about.
        policies: What is asked beyond that all is right.
        judges: Chains and timestamps.

    Raises:
        MalformedDocument: `no-document`: neither OFD nor PDF.
        ValueError: The time has no zone.
    """
    if format_of(document) is Format.PDF:
        return pdf.verify(document, at, policies.pdf, judges)
    return ofd.verify(document, at, policies.ofd, judges)
