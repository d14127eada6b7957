"""What a signature covers of a document's revisions, and what came after: by pyHanko's analysis.

pyHanko looks only at signatures whose value is CMS. What it says of revisions does not depend on
the value, so one of any other encoding is handed to it without.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import DiffResult, ModificationLevel
from pyhanko.sign.fields import MDPPerm
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko.sign.validation.status import SignatureCoverageLevel

from seals.pdf.rules import POLICY


class Later(StrEnum):
    """What came after the revision that a signature covers."""

    NOTHING = "nothing"
    SEALS = "seals"
    """Seals, timestamps, material for judging."""
    CHANGES = "changes"


class ForeignSignature(EmbeddedPdfSignature):
    """A signature whose value pyHanko cannot read; what it says of revisions, it says of this, too."""

    def __init__(
        self, reader: PdfFileReader, sig_field: Any, fq_name: str, contents: bytes
    ) -> None:
        # Not the parent's, which reads CMS. What is set is what its look at revisions wants.
        self.reader = reader
        self.fq_name = fq_name
        self.sig_field = sig_field.get_object()
        reference = self.sig_field.raw_get("/V")
        self.sig_object = reference.get_object()
        self.byte_range = self.sig_object.raw_get("/ByteRange")
        self.pkcs7_content = contents
        self.signed_revision = reader.xrefs.get_last_change(reference.reference)
        self.coverage = None
        self.diff_result = None
        self._docmdp, self._docmdp_queried = None, False
        self._fieldmdp, self._fieldmdp_queried = None, False


def compared(signed: EmbeddedPdfSignature) -> None:
    """Let pyHanko look; the functions below say what it saw."""
    looked: Any = signed  # pyHanko's types say that there is nothing to see before it looked
    looked.coverage = looked.evaluate_signature_coverage()
    looked.diff_result = looked.evaluate_modifications(POLICY)


def covers(document: bytes, signed: EmbeddedPdfSignature, byte_range: tuple[int, ...]) -> bool:
    """All of its revision; and if no revision follows, no byte does, but for the last line's end."""
    level: Any = signed.coverage
    if level < SignatureCoverageLevel.ENTIRE_REVISION:
        return False
    last = signed.signed_revision == signed.reader.xrefs.total_revisions - 1
    return not (last and document[byte_range[2] + byte_range[3] :].strip(b"\r\n"))


def later(signed: EmbeddedPdfSignature) -> Later:
    """What came after."""
    level: Any = signed.coverage
    if level is SignatureCoverageLevel.ENTIRE_FILE:
        return Later.NOTHING
    return Later.SEALS if isinstance(signed.diff_result, DiffResult) else Later.CHANGES


def closes(signed: EmbeddedPdfSignature) -> bool:
    """Does it say that nothing may change?"""
    return signed.docmdp_level is MDPPerm.NO_CHANGES


def visible_later(signed: EmbeddedPdfSignature) -> bool:
    """Did anything come after that is more than a timestamp and material for judging?"""
    found: Any = signed.diff_result
    return (
        isinstance(found, DiffResult) and found.modification_level > ModificationLevel.LTA_UPDATES
    )
