"""Pictures that may stand on a certificate: PNG and JPEG, small enough to be unpacked."""

from __future__ import annotations

import io
import zlib
from dataclasses import dataclass
from functools import lru_cache

from PIL import Image, UnidentifiedImageError

from certificates.drawing.errors import PictureRefused
from certificates.drawing.marks import Format

MAX_BYTES = 2 << 20
MAX_SIDE = 3000
"""Pixels, across and down."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What is known of a picture without its pixels."""

    format: Format
    width: int
    height: int
    grey: bool


def looked(data: bytes) -> Looked:
    """What it is; nothing is unpacked.

    Raises:
        PictureRefused: `too-large`, `no-picture`, `too-many-pixels`, `colours`: JPEG in inks.
    """
    if len(data) > MAX_BYTES:
        raise PictureRefused("too-large")
    try:
        with Image.open(io.BytesIO(data), formats=["PNG", "JPEG"]) as image:
            wide, high = image.size
            kind, mode = image.format, image.mode
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError):
        raise PictureRefused("no-picture") from None
    if max(wide, high) > MAX_SIDE:
        raise PictureRefused("too-many-pixels")
    if kind == "JPEG" and mode not in {"L", "RGB"}:
        raise PictureRefused("colours")
    return Looked(
        format=Format(str(kind).lower()), width=wide, height=high, grey=mode in {"L", "1"}
    )


@lru_cache(maxsize=64)
def samples(data: bytes) -> bytes:
    """The pixels of a picture on white paper, row by row, three bytes each, packed with zlib.

    Raises:
        PictureRefused: As for `looked`, and `damaged`.
    """
    looked(data)
    try:
        with Image.open(io.BytesIO(data), formats=["PNG", "JPEG"]) as image:
            whole = image.convert("RGBA")
    except (OSError, ValueError, SyntaxError):
        raise PictureRefused("damaged") from None
    paper = Image.new("RGBA", whole.size, (255, 255, 255, 255))
    return zlib.compress(Image.alpha_composite(paper, whole).convert("RGB").tobytes(), 6)
