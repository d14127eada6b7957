"""Pictures of seals that somebody uploads: looked through before they may become impressions.

A PNG is walked chunk by chunk before any decoder sees it; an SVG may hold plain shapes only and is
painted here. What comes back is rebuilt: nothing that the upload carried besides its pixels stays.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image, ImageChops

from seals.drawing import MAX_SIDE, PRINT_DPI, SIGNATURE, chunk, density
from seals.errors import PictureRefused
from seals.seal import Picture
from seals.vectors import painted, plain_svg

MAX_BYTES = 4 * 1024 * 1024
MAX_CHUNKS = 4096
MIN_DPI = 300
MAX_MM = 170
SHAPE_TOLERANCE = 0.03
_PALETTE = 3
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_DEPTHS = {0: {1, 2, 4, 8, 16}, 2: {8, 16}, 3: {1, 2, 4, 8}, 4: {8, 16}, 6: {8, 16}}

MIN_INK, MAX_INK = 0.015, 0.6
"""Share of the pixels that are painted: less is blank, more is a background left standing."""
MIN_RED = 0.95
"""Share of the paint that is red."""
_SMALL = 96
"""Pixels across, where separate seals are looked for."""
_APART = 0.06
"""Share of all paint that has to lie apart to be a seal of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedPicture:
    """A picture that may become an impression."""

    png: bytes
    width: int
    """Millimetres."""
    height: int
    """Millimetres."""
    dpi: int
    ink: float
    """Share of the pixels that are painted."""


def checked_picture(data: bytes, width: int, height: int) -> CheckedPicture:
    """Look through an uploaded PNG or SVG of a seal that is `width` by `height` mm.

    Raises:
        PictureRefused: At once for what is no picture or a hostile one: `size`, `too-large`,
            `format`, `damaged`, `bytes-behind`, `animated`, `interlaced`, `too-many-pixels`, and
            for SVG what `plain_svg` says. All of these together for what it shows: `shape`,
            `resolution`, `blank`, `background`, `colour`, `several`.
    """
    if not (0 < width <= MAX_MM and 0 < height <= MAX_MM):
        raise PictureRefused("size")
    if len(data) > MAX_BYTES:
        raise PictureRefused("too-large")
    if data.startswith(SIGNATURE):
        clean = walked(data)
        with Image.open(io.BytesIO(clean), formats=["PNG"]) as opened:
            picture = _decoded(opened)
    elif data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        picture = _painted(data, width, height)
        clean = b""
    else:
        raise PictureRefused("format")
    dpi = round(picture.width / width * 25.4)
    ink = _share(_paint(picture))
    why = [*_measured(picture, width, height, dpi), *_shown(picture, ink)]
    if why:
        raise PictureRefused(*why)
    if not clean:
        clean = _encoded(picture)
    at = len(SIGNATURE) + 25
    finished = clean[:at] + density(dpi) + clean[at:]
    return CheckedPicture(png=finished, width=width, height=height, dpi=dpi, ink=ink)


def kept_picture(png: bytes) -> Picture:
    """A picture that was drawn or checked here before, as a seal carries it: its size in mm is what
    it says of its own density.

    Raises:
        PictureRefused: `damaged`: it was not made here.
    """
    at = png.find(b"pHYs")
    if not png.startswith(SIGNATURE) or at < 0 or len(png) < at + 13:
        raise PictureRefused("damaged")
    pixels = struct.unpack(">II", png[16:24])
    metre = struct.unpack(">II", png[at + 4 : at + 12])
    if not all(metre):
        raise PictureRefused("damaged")
    width, height = (round(1000 * p / m) for p, m in zip(pixels, metre, strict=True))
    return Picture(type="PNG", data=png, width=width, height=height)


# --- bytes ------------------------------------------------------------------------------------

_END = chunk(b"IEND", b"")


def walked(data: bytes) -> bytes:
    """The PNG of the chunks that make its pixels; everything else is left out. A decoder may see it:
    it unpacks to as many bytes as it says.

    Raises:
        PictureRefused: `damaged`, `bytes-behind`, `animated`, `interlaced`, `too-many-pixels`.
    """
    kept: dict[bytes, bytes] = {}
    packed: list[bytes] = []
    head = b""
    for kind, body in _chunks(data):
        if kind == b"IHDR":
            head = body
        elif not head:
            raise PictureRefused("damaged")
        elif kind == b"IDAT":
            packed.append(body)
        elif kind == b"acTL":
            raise PictureRefused("animated")
        elif kind in {b"PLTE", b"tRNS"}:
            if kind in kept or not 0 < len(body) <= 768:
                raise PictureRefused("damaged")
            kept[kind] = chunk(kind, body)
        elif kind[:1].isupper() and kind != b"IEND":
            raise PictureRefused("damaged")
    _unpacked(_pixel_bytes(head), packed)
    if head[9] == _PALETTE and b"PLTE" not in kept:
        raise PictureRefused("damaged")
    colours = [kept[kind] for kind in (b"PLTE", b"tRNS") if kind in kept]
    parts = (SIGNATURE, chunk(b"IHDR", head), *colours, chunk(b"IDAT", b"".join(packed)), _END)
    return b"".join(parts)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Kind and body of each chunk up to IEND, which ends the file."""
    at = len(SIGNATURE)
    for _ in range(MAX_CHUNKS):
        size = int.from_bytes(data[at : at + 4])
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        end = at + 12 + size
        if len(kind) < 4 or end > len(data):
            raise PictureRefused("damaged")
        if int.from_bytes(data[end - 4 : end]) != zlib.crc32(kind + body):
            raise PictureRefused("damaged")
        yield kind, body
        at = end
        if kind == b"IEND":
            if at != len(data):
                raise PictureRefused("bytes-behind")
            return
    raise PictureRefused("damaged")


def _pixel_bytes(head: bytes) -> int:
    """How many bytes the pixels of this header unpack to."""
    if len(head) != 13:
        raise PictureRefused("damaged")
    wide, high = struct.unpack(">II", head[:8])
    depth, colour, method, filters, interlaced = head[8:]
    if depth not in _DEPTHS.get(colour, set()) or method or filters:
        raise PictureRefused("damaged")
    if not (0 < wide <= MAX_SIDE and 0 < high <= MAX_SIDE):
        raise PictureRefused("too-many-pixels")
    if interlaced:
        raise PictureRefused("interlaced")
    return int(high) * (1 + (int(wide) * _CHANNELS[colour] * depth + 7) // 8)


def _unpacked(expected: int, packed: list[bytes]) -> None:
    """Unpack as much as the header promises and not a byte more."""
    stream, found = zlib.decompressobj(), 0
    try:
        for part in packed:
            rest = part
            while rest:
                out = stream.decompress(rest, 1 << 16)
                found += len(out)
                if found > expected:
                    raise PictureRefused("damaged")
                rest = stream.unconsumed_tail
                if not out and rest:
                    raise PictureRefused("damaged")
    except zlib.error:
        raise PictureRefused("damaged") from None
    if found != expected or not stream.eof or stream.unused_data:
        raise PictureRefused("damaged")


def _decoded(opened: Image.Image) -> Image.Image:
    try:
        return opened.convert("RGBA")
    except (OSError, ValueError, SyntaxError):
        raise PictureRefused("damaged") from None


def _painted(data: bytes, width: int, height: int) -> Image.Image:
    """A plain SVG, painted at print resolution."""
    wide, high = (round(side / 25.4 * PRINT_DPI) for side in (width, height))
    return painted(plain_svg(data, wide, high))


def _encoded(picture: Image.Image) -> bytes:
    wide, high = picture.size
    raw, stride = picture.tobytes(), wide * 4
    rows = b"".join(b"\x00" + raw[at : at + stride] for at in range(0, len(raw), stride))
    head = struct.pack(">IIBBBBB", wide, high, 8, 6, 0, 0, 0)
    parts = (SIGNATURE, chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(rows, 9)), _END)
    return b"".join(parts)


# --- what it shows ----------------------------------------------------------------------------


def _measured(picture: Image.Image, width: int, height: int, dpi: int) -> Iterator[str]:
    across, down = picture.width / width, picture.height / height
    if abs(across / down - 1) > SHAPE_TOLERANCE:
        yield "shape"
    if dpi < MIN_DPI:
        yield "resolution"


def _shown(picture: Image.Image, ink: float) -> Iterator[str]:
    if ink < MIN_INK:
        yield "blank"
        return
    if ink > MAX_INK:
        yield "background"
        return
    paint = _paint(picture)
    red, green, blue, _ = picture.split()
    above = ImageChops.subtract(red, ImageChops.lighter(green, blue))
    is_red = above.point([255 if level >= 70 else 0 for level in range(256)])
    if _share(ImageChops.multiply(is_red, paint)) < MIN_RED * ink:
        yield "colour"
    if _apart(paint) > _APART:
        yield "several"


def _paint(picture: Image.Image) -> Image.Image:
    """White where the picture is more opaque than not."""
    return picture.getchannel("A").point([255 if level >= 128 else 0 for level in range(256)])


def _share(mask: Image.Image) -> float:
    return mask.histogram()[255] / (mask.width * mask.height)


def _apart(paint: Image.Image) -> float:
    """The share of the paint that lies outside the box around the largest connected piece.

    Looked at from afar, where the strokes of one character run together; a seal's rim holds all
    that is inside it.
    """
    scale = _SMALL / max(paint.size)
    size = (max(round(paint.width * scale), 1), max(round(paint.height * scale), 1))
    small = paint.resize(size, Image.Resampling.BOX)
    filled = {place for place, level in enumerate(small.tobytes()) if level > 24}
    pieces = list(_pieces(filled, size[0]))
    if not pieces:
        return 0
    boxes = [_box(piece, size[0]) for piece in pieces]
    left, top, right, bottom = max(boxes, key=lambda box: (box[2] - box[0]) * (box[3] - box[1]))
    outside = sum(
        len(piece)
        for piece, box in zip(pieces, boxes, strict=True)
        if box[2] < left or box[0] > right or box[3] < top or box[1] > bottom
    )
    return outside / len(filled)


def _pieces(filled: set[int], wide: int) -> Iterator[list[int]]:
    """Connected pieces; a gap of two small pixels still connects."""
    left = set(filled)
    while left:
        piece = [left.pop()]
        for place in piece:
            x = place % wide
            for down in (-2, -1, 0, 1, 2):
                for across in (-2, -1, 0, 1, 2):
                    near = place + down * wide + across
                    if 0 <= x + across < wide and near in left:
                        left.remove(near)
                        piece.append(near)
        yield piece


def _box(piece: list[int], wide: int) -> tuple[int, int, int, int]:
    across = [place % wide for place in piece]
    return min(across), min(piece) // wide, max(across), max(piece) // wide
