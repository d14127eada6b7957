"""The incremental update that sets a signature: a field, its picture, and a gap for the value.

It is the same for every kind of signature; what fills the gap is not known here.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pyhanko.sign.fields import (
    FieldMDPAction,
    FieldMDPSpec,
    MDPPerm,
    SigFieldSpec,
    enumerate_sig_fields,
)
from pyhanko.sign.signers.cms_embedder import PdfCMSEmbedder, SigIOSetup, SigMDPSetup, SigObjSetup
from pyhanko.sign.signers.pdf_byterange import PdfSignedData

from seals.errors import SealRefused
from seals.pdf.appearance import SealWriter, Widget, boxes, drawn, stamp
from seals.pdf.model import Appearance, Intent, Placement
from seals.pdf.reading import reading

CHUNK = 1 << 20
_LOCK = FieldMDPSpec(FieldMDPAction.ALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """A document that only lacks the value of its newest signature."""

    name: str
    """Of the signature's field."""
    document: bytes = field(repr=False)
    digest: bytes
    """Over all of it but the gap."""
    gap: tuple[int, int]
    """From `<` to behind `>` of the value's hexadecimal string."""

    @property
    def byte_range(self) -> tuple[int, int, int, int]:
        """As it stands in the document."""
        start, end = self.gap
        return 0, start, end, len(self.document) - end


def written(
    document: bytes,
    placements: Sequence[Placement],
    appearance: Appearance,
    intent: Intent,
    signed: PdfSignedData,
    digest: str,
) -> Update:
    """With a signature's field, pictures and gap.

    Args:
        document: What is sealed.
        placements: The first is the field itself, the others are annotations.
        appearance: The picture.
        intent: What the signature says about later changes.
        signed: Its dictionary.
        digest: Name of the algorithm.

    Raises:
        MalformedDocument: The document cannot be read.
        SealRefused: The keys of `signing.prepare` about document, places and picture.
    """
    with reading():
        writer = SealWriter(io.BytesIO(document), strict=True)
        earlier = _allowed(writer, intent)
        if earlier and len(placements) > 1:
            raise SealRefused("several-after-first")
        places = boxes(writer, placements)
        widget = None
        if places:
            image = drawn(writer, appearance)
            widget = Widget(places[0], image)
            for place in places[1:]:
                stamp(writer, place, image)
        box: Any = places[0].box if places else None  # pyHanko says int and takes any number
        spec = SigFieldSpec(
            f"Seal{earlier + 1}",
            on_page=places[0].page if places else 0,
            box=box,
            field_mdp_spec=_LOCK if intent is Intent.CLOSING else None,
            doc_mdp_update_value=MDPPerm.NO_CHANGES if intent is Intent.CLOSING else None,
        )
        return _gapped(writer, spec, signed, digest, intent, widget)


def stamped(document: bytes, signed: PdfSignedData) -> Update:
    """With a field that is not seen, for a timestamp of the whole document (SHA-256).

    Raises:
        MalformedDocument: The document cannot be read.
    """
    with reading():
        writer = SealWriter(io.BytesIO(document), strict=True)
        count = sum(1 for _ in enumerate_sig_fields(writer.prev))
        spec = SigFieldSpec(f"Timestamp{count + 1}")
        return _gapped(writer, spec, signed, "sha256", Intent.APPROVAL, None)


def filled(document: bytes, gap: tuple[int, int], value: bytes) -> bytes:
    """With the value in its gap.

    Raises:
        SealRefused: `signature-too-long`.
    """
    start, end = gap
    told = value.hex().encode()
    free = end - start - 2
    if len(told) > free:
        raise SealRefused("signature-too-long")
    return b"".join((document[:start], b"<", told, b"0" * (free - len(told)), b">", document[end:]))


def _allowed(writer: SealWriter, intent: Intent) -> int:
    """How many signature fields there are; refuses what a reader would call a forgery later."""
    fields = list(enumerate_sig_fields(writer.prev))
    signed = [value for _, value, _ in fields if value is not None]
    if "/Perms" in writer.root:
        raise SealRefused("certified-already")
    for _, value, ref in fields:
        if value is not None and "/Lock" in ref.get_object():
            raise SealRefused("certified-already")
    if intent is Intent.CERTIFIED and signed:
        raise SealRefused("certifies-not-first")
    if intent is Intent.CLOSING and not signed:
        raise SealRefused("closes-nothing")
    return len(fields)


def _gapped(
    writer: SealWriter,
    spec: SigFieldSpec,
    signed: PdfSignedData,
    digest: str,
    intent: Intent,
    widget: Widget | None,
) -> Update:
    """Run pyHanko's embedder up to the gap."""
    steps = PdfCMSEmbedder(new_field_spec=spec).write_cms(spec.sig_field_name, writer)
    next(steps)
    closed = {
        Intent.CERTIFIED: SigMDPSetup(digest, certify=True, docmdp_perms=MDPPerm.NO_CHANGES),
        Intent.CLOSING: SigMDPSetup(digest, field_lock=_LOCK, docmdp_perms=MDPPerm.NO_CHANGES),
    }
    steps.send(SigObjSetup(signed, mdp_setup=closed.get(intent), appearance_setup=widget))
    prepared, output = steps.send(SigIOSetup(md_algorithm=digest, chunk_size=CHUNK))
    return Update(
        name=spec.sig_field_name,
        document=output.getvalue(),
        digest=prepared.document_digest,
        gap=(prepared.reserved_region_start, prepared.reserved_region_end),
    )
