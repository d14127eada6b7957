"""A seal's picture as PDF paints it: colours and transparency apart, both compressed once."""

from __future__ import annotations

import io
import zlib
from dataclasses import dataclass, field
from functools import lru_cache

from PIL import Image, UnidentifiedImageError

from seals.errors import SealRefused

MAX_BYTES = 4 * 1024 * 1024
MAX_SIDE = 4096


@dataclass(frozen=True, slots=True)
class Picture:
    """Pixels, compressed."""

    width: int
    height: int
    colours: bytes = field(repr=False)
    """RGB, Flate."""
    opacity: bytes = field(repr=False)
    """Grey, Flate: 0 lets the page through."""


@lru_cache(maxsize=64)
def picture(png: bytes) -> Picture:
    """Read a PNG.

    Raises:
        SealRefused: `picture-too-large` or `picture-unreadable`.
    """
    if len(png) > MAX_BYTES:
        raise SealRefused("picture-too-large")
    try:
        with Image.open(io.BytesIO(png), formats=("PNG",)) as opened:
            if max(opened.size) > MAX_SIDE:
                raise SealRefused("picture-too-large")
            pixels = opened.convert("RGBA")
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as problem:
        raise SealRefused("picture-unreadable") from problem
    opacity = pixels.getchannel("A").tobytes()
    return Picture(
        width=pixels.width,
        height=pixels.height,
        colours=zlib.compress(pixels.convert("RGB").tobytes(), 9),
        opacity=zlib.compress(opacity, 9),
    )
