"""What is seen of an electronic seal: where its pictures stand, and whether they are the seal's own.

In an OFD a reader paints the picture out of the seal. In a PDF the signature brings an appearance
along, which could show anything; so what it paints is compared with what the seal holds.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.reader import PdfFileReader

from seals.errors import PictureRefused, SealRefused
from seals.pdf.model import MM
from seals.pdf.pages import Page, edges, pages
from seals.pdf.picture import Picture, picture
from seals.pdf.reading import entry
from seals.pictures import walked
from seals.seal import Seal

MAX_SHOWN = 2_000
_HIDDEN = 1 | 2 | 32
"""Invisible, hidden, not viewed (ISO 32000-2 table 167)."""
_FORM = re.compile(rb"q (\d+(?:\.\d+)?) 0 0 (\d+(?:\.\d+)?) (-?\d+(?:\.\d+)?) 0 cm /Seal Do Q")
_FORM_KEYS = {"/Type", "/Subtype", "/BBox", "/Resources", "/Length"}
_IMAGE_KEYS = {
    "/Type", "/Subtype", "/Width", "/Height", "/ColorSpace", "/BitsPerComponent", "/Filter",
    "/Length",
}  # fmt: skip
_NEAR = 0.5
"""Points."""
_STRETCHED = 0.02
"""How far the picture may be from its own shape."""


class Look(StrEnum):
    """What a picture shows."""

    SAME = "same"
    """The seal's own, whole or a slice of it."""
    OTHER = "other"
    """Laid out as ours, with another picture in it."""
    UNKNOWN = "unknown"
    """Laid out otherwise: what it shows was not compared."""
    HIDDEN = "hidden"
    """It has a place, and is not to be seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownFacts:
    """One picture."""

    page: int
    """From 1; 0 where it stands on none."""
    width: float
    """Millimetres."""
    height: float
    inside: bool
    """Some of it lies on the page."""
    look: Look


def shown(reader: PdfFileReader, field: Any, revision: int, seal: Seal) -> tuple[ShownFacts, ...]:
    """The field's own picture and the stamps that came with the signature.

    Args:
        reader: The document.
        field: Reference of the signature's field.
        revision: Of the signature.
        seal: Whose picture is to be seen.
    """
    own = {each.reference for each in _widgets(field)}
    found: list[ShownFacts] = []
    for number, page in enumerate(pages(reader), 1):
        for reference, held in _annotations(page):
            if reference in own or _came_along(reader, reference, held, revision):
                own.discard(reference)
                found += _facts(number, page, held, seal)
        if len(found) > MAX_SHOWN:
            break
    for each in own:
        found += _facts(0, None, reader.get_object(each), seal)
    return tuple(found)


def _widgets(field: Any) -> Iterator[Any]:
    held = field.get_object()
    if "/Kids" in held:
        yield from held["/Kids"]
    else:
        yield field


def _annotations(page: Page) -> Iterator[tuple[Any, Any]]:
    listed = entry(page[0], "/Annots", ())
    for at in range(len(listed)):
        raw = listed.raw_get(at)
        if isinstance(raw, generic.IndirectObject):
            yield raw.reference, raw.get_object()


def _came_along(reader: PdfFileReader, reference: Any, held: Any, revision: int) -> bool:
    if entry(held, "/Subtype", "") != "/Stamp":
        return False
    return bool(reader.xrefs.get_last_change(reference) == revision)


def _facts(number: int, page: Page | None, held: Any, seal: Seal) -> Iterator[ShownFacts]:
    """Nothing for a field without an area: it is not to be seen."""
    x1, y1, x2, y2 = (float(each) for each in held["/Rect"])
    left, right, low, top = min(x1, x2), max(x1, x2), min(y1, y2), max(y1, y2)
    if left == right or low == top:
        return
    inside, unit = False, 1.0
    if page is not None:
        unit = float(entry(page[0], "/UserUnit", 1))  # ISO 32000-2 §8.3.2.3: points in a unit
        edge = edges(page[1])
        inside = left < edge[2] and right > edge[0] and low < edge[3] and top > edge[1]
    yield ShownFacts(
        page=number,
        width=(right - left) * unit / MM,
        height=(top - low) * unit / MM,
        inside=inside,
        look=_look(held, (right - left, top - low), seal),
    )


def _look(held: Any, size: tuple[float, float], seal: Seal) -> Look:
    if int(entry(held, "/F", 0)) & _HIDDEN or "/OC" in held:
        return Look.HIDDEN
    painted = entry(entry(held, "/AP", {}), "/N", None)
    if painted is None:
        return Look.HIDDEN
    image = _image(painted, size, seal.info.picture.width / seal.info.picture.height)
    if image is None:
        return Look.UNKNOWN
    wanted = _wanted(seal.info.picture.data)
    if wanted is None:
        return Look.UNKNOWN
    sides = (int(image["/Width"]), int(image["/Height"]))
    mask = image["/SMask"]
    same = (
        sides == (wanted.width, wanted.height)
        and sides == (int(mask["/Width"]), int(mask["/Height"]))
        and _pixels(image, wanted.colours)
        and _pixels(mask, wanted.opacity)
    )
    return Look.SAME if same else Look.OTHER


def _image(form: Any, size: tuple[float, float], shape: float) -> Any:
    """The one image of a form that is written as we write it: scaled to the field's height, moved to
    the left for a slice, cut off at the field's edges.
    """
    if not isinstance(form, generic.StreamObject) or form.keys() - _FORM_KEYS:
        return None
    told = _FORM.fullmatch(form.encoded_data)
    if told is None:
        return None
    whole, height, shift = (float(each) for each in told.groups())
    x, y, width, high = (float(each) for each in form["/BBox"])
    near = max(abs(x), abs(y), abs(width - size[0]), abs(high - size[1]), abs(height - high))
    if near > _NEAR or not -_NEAR <= -shift <= whole - width + _NEAR:
        return None
    if abs(whole - height * shape) > whole * _STRETCHED:
        return None
    image = form["/Resources"]["/XObject"]["/Seal"]
    mask = entry(image, "/SMask", None)
    plain = mask is not None and _plain(image, "/DeviceRGB") and _plain(mask, "/DeviceGray")
    return image if plain else None


def _plain(image: Mapping[str, Any], space: str) -> bool:
    """Nothing in it paints its pixels otherwise than they are."""
    return (
        isinstance(image, generic.StreamObject)
        and not image.keys() - _IMAGE_KEYS - {"/SMask"}
        and image.keys() >= _IMAGE_KEYS - {"/Type", "/Length"}
        and image["/Subtype"] == "/Image"
        and image["/ColorSpace"] == space
        and image["/BitsPerComponent"] == 8
        and image["/Filter"] == "/FlateDecode"
    )


def _pixels(image: Any, compressed: bytes) -> bool:
    """Does it unpack to the same? It is unpacked no further than that."""
    if image.encoded_data == compressed:
        return True
    pixels = zlib.decompress(compressed)
    try:
        return zlib.decompressobj().decompress(image.encoded_data, len(pixels) + 1) == pixels
    except zlib.error:
        return False


@lru_cache(maxsize=64)
def _wanted(png: bytes) -> Picture | None:
    """The pixels of a seal's picture; None where it is none that may be decoded."""
    try:
        return picture(walked(png))
    except (PictureRefused, SealRefused):
        return None
