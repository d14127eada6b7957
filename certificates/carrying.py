"""The data that a document carries, read back from its own bytes, whoever made it."""

from __future__ import annotations

from certificates.drawing.ofd import FACE_PART
from certificates.drawing.xmp import FACE
from certificates.errors import MalformedData
from seals.errors import MalformedDocument
from seals.ofd.markup import parsed
from seals.ofd.package import OFDPackage


def carried(document: bytes, format_: str) -> bytes:
    """The data that a document of ours carries; what they say, `embedding.read_data` reads.

    Args:
        document: Sealed or not.
        format_: `ofd` or `pdf`.

    Raises:
        MalformedData: `document`: it cannot be opened; `no-data`: it carries none.
    """
    try:
        return _in_ofd(document) if format_ == "ofd" else _in_pdf(document)
    except MalformedDocument:
        raise MalformedData("document") from None


def _in_ofd(document: bytes) -> bytes:
    package = OFDPackage.open(document)
    if FACE_PART not in package.parts:
        raise MalformedData("no-data")
    return package.read(FACE_PART)


def _in_pdf(document: bytes) -> bytes:
    from seals.pdf.reading import packet  # noqa: PLC0415  (imports the PDF library)

    told = packet(document)
    if not told:
        raise MalformedData("no-data")
    found = [each.text or "" for each in parsed(told, "XMP").iter(f"{{{FACE}}}face")]
    if len(found) != 1:
        raise MalformedData("no-data")
    return found[0].encode()
