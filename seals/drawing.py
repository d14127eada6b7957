"""A drawing in millimetres: filled and stroked paths of one colour, as SVG and as PNG.

It is the same list that a page writer paints into OFD or PDF. Text is in it as outlines, so that
it looks alike wherever it is opened, with or without fonts.
"""

from __future__ import annotations

import io
import math
import struct
import zlib
from dataclasses import dataclass
from typing import NamedTuple

import resvg_py
from PIL import Image

PRINT_DPI = 600
MAX_SIDE = 4000
"""Pixels; at 600 dpi that is 169 mm."""


class Step(NamedTuple):
    """One step of a path: `M` move, `L` line, `C` cubic curve, `Z` close, and its points."""

    op: str
    points: tuple[tuple[float, float], ...]


Path = tuple[Step, ...]


class Placing(NamedTuple):
    """An affine map: x' = a·x + c·y + e, y' = b·x + d·y + f."""

    a: float
    b: float
    c: float
    d: float
    e: float
    f: float

    def __call__(self, path: Path) -> Path:
        """The path, placed."""
        a, b, c, d, e, f = self
        return tuple(
            Step(op, tuple((a * x + c * y + e, b * x + d * y + f) for x, y in points))
            for op, points in path
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One path and how it is painted: filled (non-zero winding), stroked, or both."""

    path: Path
    filled: bool
    stroke: float
    """Width of the line in mm; nought for none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """Shapes on a transparent rectangle; y runs down."""

    width: float
    """Millimetres."""
    height: float
    """Millimetres."""
    colour: tuple[int, int, int]
    shapes: tuple[Shape, ...]


def star(x: float, y: float, radius: float) -> Path:
    """A regular five-pointed star, one point up."""
    inner = radius * math.sin(math.pi / 10) / math.sin(3 * math.pi / 10)
    corners = []
    for corner in range(10):
        angle = corner * math.pi / 5
        away = inner if corner % 2 else radius
        corners.append((x + away * math.sin(angle), y - away * math.cos(angle)))
    return polygon(*corners)


def polygon(*corners: tuple[float, float]) -> Path:
    """A closed path of straight lines."""
    first, *rest = corners
    return Step("M", (first,)), *(Step("L", (corner,)) for corner in rest), Step("Z", ())


def ellipse(x: float, y: float, across: float, down: float) -> Path:
    """An ellipse of these half axes, as four curves."""
    k = 4 / 3 * math.tan(math.pi / 8)
    kx, ky = across * k, down * k
    top, right = (x, y - down), (x + across, y)
    bottom, left = (x, y + down), (x - across, y)
    return (
        Step("M", (top,)),
        Step("C", ((x + kx, y - down), (x + across, y - ky), right)),
        Step("C", ((x + across, y + ky), (x + kx, y + down), bottom)),
        Step("C", ((x - kx, y + down), (x - across, y + ky), left)),
        Step("C", ((x - across, y - ky), (x - kx, y - down), top)),
        Step("Z", ()),
    )


def svg(drawing: Drawing) -> bytes:
    """The drawing as SVG 1.1, the same bytes each time."""
    return _sized(drawing, f"{_number(drawing.width)}mm", f"{_number(drawing.height)}mm")


def png(drawing: Drawing, dpi: int = PRINT_DPI) -> bytes:
    """The drawing as PNG: one colour in 256 degrees of transparency, the same bytes each time.

    Raises:
        ValueError: More than `MAX_SIDE` pixels across or down.
    """
    wide = round(drawing.width / 25.4 * dpi)
    high = round(drawing.height / 25.4 * dpi)
    if not (0 < wide <= MAX_SIDE and 0 < high <= MAX_SIDE):
        raise ValueError("too many pixels")
    source = _sized(drawing, str(wide), str(high)).decode()
    data = resvg_py.svg_to_bytes(svg_string=source, dpi=96, skip_system_fonts=True)
    with Image.open(io.BytesIO(bytes(data)), formats=["PNG"]) as painted:
        alpha = painted.convert("RGBA").getchannel("A")
    return _palette_png(alpha, drawing.colour, dpi)


def chunk(kind: bytes, data: bytes) -> bytes:
    """A chunk of a PNG file."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


SIGNATURE = b"\x89PNG\r\n\x1a\n"


def density(dpi: int) -> bytes:
    """The chunk that says how large a PNG is meant to be."""
    a_metre = round(dpi / 0.0254)
    return chunk(b"pHYs", struct.pack(">IIB", a_metre, a_metre, 1))


def _palette_png(alpha: Image.Image, colour: tuple[int, int, int], dpi: int) -> bytes:
    """Each pixel's index is its opacity."""
    wide, high = alpha.size
    levels = alpha.tobytes()
    rows = b"".join(b"\x00" + levels[at : at + wide] for at in range(0, len(levels), wide))
    return b"".join((
        SIGNATURE,
        chunk(b"IHDR", struct.pack(">IIBBBBB", wide, high, 8, 3, 0, 0, 0)),
        chunk(b"PLTE", bytes(colour) * 256),
        chunk(b"tRNS", bytes(range(256))),
        density(dpi),
        chunk(b"IDAT", zlib.compress(rows, 9)),
        chunk(b"IEND", b""),
    ))  # fmt: skip


def _sized(drawing: Drawing, wide: str, high: str) -> bytes:
    colour = "#{:02x}{:02x}{:02x}".format(*drawing.colour)
    paths = "".join(_painted(shape, colour) for shape in drawing.shapes)
    box = f"0 0 {_number(drawing.width)} {_number(drawing.height)}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide}" height="{high}"'
        f' viewBox="{box}"><g fill="none" stroke-linejoin="round">{paths}</g></svg>\n'
    ).encode()


def _painted(shape: Shape, colour: str) -> str:
    fill = f' fill="{colour}"' if shape.filled else ""
    stroke = f' stroke="{colour}" stroke-width="{_number(shape.stroke)}"' if shape.stroke else ""
    return f'<path{fill}{stroke} d="{path_data(shape.path)}"/>'


def path_data(path: Path) -> str:
    """The path as SVG and PDF-like writers want it: letters and numbers."""
    return "".join(
        step.op + " ".join(f"{_number(x)} {_number(y)}" for x, y in step.points) for step in path
    )


def _number(value: float) -> str:
    """To a thousandth of a millimetre, and never `-0`."""
    return f"{round(value, 3) + 0.0:.3f}".rstrip("0").rstrip(".")
