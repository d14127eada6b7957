"""Where a seal's picture stands on a page, and how pyHanko is told to paint it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.generic import pdf_name
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.signers.cms_embedder import SigAppearanceSetup

from seals.errors import SealRefused
from seals.pdf.model import MM, Appearance, Placement
from seals.pdf.pages import edges, inherited
from seals.pdf.picture import picture

_PRINTED_LOCKED = 4 | 64 | 128 | 512
"""Printed, read only, locked, its contents too (ISO 32000-2 table 167)."""


class SealWriter(IncrementalPdfFileWriter):
    """pyHanko's writer of incremental updates, which leaves alone what a document says of itself:
    a seal changes neither its date nor its producer.
    """

    def _update_meta(self) -> None:
        """Nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A placement in the page's own points."""

    page: int
    box: tuple[float, float, float, float]
    part: tuple[float, float]
    page_ref: generic.Reference


def boxes(writer: SealWriter, placements: Sequence[Placement]) -> list[Place]:
    """Translate placements; a picture stands on its page, whole.

    Raises:
        SealRefused: `no-page`, `outside-page` or `page-rotated`.
    """
    count = int(writer.root["/Pages"]["/Count"]) if placements else 0
    return [_place(writer, each, count) for each in placements]


def _place(writer: SealWriter, placement: Placement, count: int) -> Place:
    if not (1 <= placement.page <= count or placement.page == -1):
        raise SealRefused("no-page")
    index = count - 1 if placement.page == -1 else placement.page - 1
    reference, _ = writer.find_page_for_modification(index)
    page = reference.get_object()
    if int(inherited(page, "/Rotate") or 0) % 360:
        raise SealRefused("page-rotated")
    left, low, right, top = edges(page)
    box = (
        round(left + placement.x * MM, 2),
        round(top - (placement.y + placement.height) * MM, 2),
        round(left + (placement.x + placement.width) * MM, 2),
        round(top - placement.y * MM, 2),
    )
    whole = left - 1 <= box[0] < box[2] <= right + 1 and low - 1 <= box[1] < box[3] <= top + 1
    if not whole:
        raise SealRefused("outside-page")
    return Place(page=index, box=box, part=placement.part, page_ref=reference.reference)


class Widget(SigAppearanceSetup):
    """The picture as the appearance of a signature's field, without a stamp style of pyHanko."""

    def __init__(self, place: Place, image: generic.IndirectObject) -> None:
        object.__setattr__(self, "place", place)
        object.__setattr__(self, "image", image)

    place: Place
    image: generic.IndirectObject

    def apply(self, sig_annot: generic.DictionaryObject, writer: SealWriter) -> None:
        """What the embedder calls."""
        sig_annot["/AP"] = _painted(writer, self.place, self.image)
        writer.update_container(sig_annot)


def stamp(writer: SealWriter, place: Place, image: generic.IndirectObject) -> None:
    """The picture as an annotation, to be covered by the signature that follows."""
    page = generic.IndirectObject(place.page_ref.idnum, place.page_ref.generation, writer)
    reference = writer.add_object(
        generic.DictionaryObject(
            {
                pdf_name("/Type"): pdf_name("/Annot"),
                pdf_name("/Subtype"): pdf_name("/Stamp"),
                pdf_name("/Rect"): _numbers(*place.box),
                pdf_name("/F"): generic.NumberObject(_PRINTED_LOCKED),
                pdf_name("/P"): page,
                pdf_name("/AP"): _painted(writer, place, image),
            }
        )
    )
    writer.register_annotation(page, reference)


def _painted(
    writer: SealWriter, place: Place, image: generic.IndirectObject
) -> generic.DictionaryObject:
    """A form as large as what is shown; what of the picture reaches beyond it is cut off."""
    x1, y1, x2, y2 = place.box
    width, height = round(x2 - x1, 2), round(y2 - y1, 2)
    begin, end = place.part
    whole = round(width / (end - begin), 2)
    shift = round(-begin * whole, 2)
    form = generic.StreamObject(
        {
            pdf_name("/Type"): pdf_name("/XObject"),
            pdf_name("/Subtype"): pdf_name("/Form"),
            pdf_name("/BBox"): _numbers(0, 0, width, height),
            pdf_name("/Resources"): generic.DictionaryObject(
                {pdf_name("/XObject"): generic.DictionaryObject({pdf_name("/Seal"): image})}
            ),
        },
        stream_data=f"q {whole} 0 0 {height} {shift} 0 cm /Seal Do Q".encode(),
    )
    return generic.DictionaryObject({pdf_name("/N"): writer.add_object(form)})


def drawn(writer: SealWriter, appearance: Appearance) -> generic.IndirectObject:
    """The picture as an object, however often it is shown.

    Raises:
        SealRefused: What is said of the picture.
    """
    made = picture(appearance.png)
    opacity = writer.add_object(_pixels(made.width, made.height, "/DeviceGray", made.opacity))
    colours = _pixels(made.width, made.height, "/DeviceRGB", made.colours)
    colours["/SMask"] = opacity
    return writer.add_object(colours)


def _pixels(width: int, height: int, space: str, compressed: bytes) -> generic.StreamObject:
    return generic.StreamObject(
        {
            pdf_name("/Type"): pdf_name("/XObject"),
            pdf_name("/Subtype"): pdf_name("/Image"),
            pdf_name("/Width"): generic.NumberObject(width),
            pdf_name("/Height"): generic.NumberObject(height),
            pdf_name("/ColorSpace"): pdf_name(space),
            pdf_name("/BitsPerComponent"): generic.NumberObject(8),
            pdf_name("/Filter"): pdf_name("/FlateDecode"),
        },
        encoded_data=compressed,
    )


def _numbers(*values: float) -> generic.ArrayObject:
    return generic.ArrayObject(generic.FloatObject(value) for value in values)
