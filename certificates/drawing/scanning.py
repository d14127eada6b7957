"""Read the codes in a picture: a photograph or a scan of paper that somebody hands in."""

from __future__ import annotations

import io
from dataclasses import dataclass, field

import zxingcpp
from PIL import Image, UnidentifiedImageError

from certificates.drawing.errors import PictureRefused

MAX_BYTES = 12 << 20
MAX_SIDE = 10_000
MAX_PIXELS = 50_000_000
"""A page at 600 dpi, or what a telephone's camera takes."""
MAX_CODES = 16
_HARMS = (
    UnidentifiedImageError,
    OSError,
    SyntaxError,
    ValueError,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)
"""What Pillow raises for a picture that is none."""
_QR = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenCode:
    """A QR code that was read whole."""

    text: str = field(repr=False)
    x: int
    """Of its upper left corner as it stands in the picture, in pixels."""
    y: int
    level: str
    """Of error correction: L, M, Q or H."""


def codes(data: bytes) -> tuple[SeenCode, ...]:
    """The QR codes in a picture, from the top; none where there is none. What is no text is no code.

    Args:
        data: PNG or JPEG.

    Raises:
        PictureRefused: `too-large`, `no-picture`, `too-many-pixels`, `damaged`, `too-many-codes`.
    """
    found = zxingcpp.read_barcodes(_grey(data), formats=_QR, text_mode=zxingcpp.TextMode.Plain)
    seen = sorted(
        (
            SeenCode(
                text=each.text,
                x=each.position.top_left.x,
                y=each.position.top_left.y,
                level=each.ec_level,
            )
            for each in found
            if each.valid and each.content_type is zxingcpp.ContentType.Text
        ),
        key=lambda code: (code.y, code.x),
    )
    if len(seen) > MAX_CODES:
        raise PictureRefused("too-many-codes")
    return tuple(seen)


def _grey(data: bytes) -> Image.Image:
    """The picture on white paper, in grey. Its size is known before anything is unpacked."""
    if len(data) > MAX_BYTES:
        raise PictureRefused("too-large")
    try:
        with Image.open(io.BytesIO(data), formats=["PNG", "JPEG"]) as image:
            _bounded(*image.size)
            return _opaque(image)
    except UnidentifiedImageError:
        raise PictureRefused("no-picture") from None
    except _HARMS:
        raise PictureRefused("damaged") from None


def _bounded(wide: int, high: int) -> None:
    if max(wide, high) > MAX_SIDE or wide * high > MAX_PIXELS:
        raise PictureRefused("too-many-pixels")


def _opaque(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image.convert("L")
    whole = image.convert("LA")
    paper = Image.new("LA", whole.size, (255, 255))
    paper.alpha_composite(whole)
    return paper.convert("L")
