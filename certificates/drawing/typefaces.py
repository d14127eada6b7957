"""Characters of a typeface as TrueType outlines; one that it lacks is an error, never a box.

The faces that come with the project are CFF, whose curves are cubic; OFD readers want TrueType. Each
character is converted when it is first asked for, to within a thousandth of an em, and kept: a
process soon knows all that its certificates use, and nothing has to be built or stored beforehand.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pylopdf_fonts_zh_cn
from fontTools.pens.cu2quPen import Cu2QuPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont

from certificates.drawing.errors import GlyphMissing
from certificates.drawing.marks import Lettering

IDEOGRAPHIC_SPACE = "\u3000"
_TOLERANCE = 1.0
"""Of the conversion, in units of the em, of which there are a thousand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Glyph:
    """One character, in units of the em."""

    advance: int
    outline: bytes
    """An entry of the table `glyf`; empty for a space."""
    bounds: tuple[int, int, int, int]
    """Left, bottom, right, top of what is painted."""
    points: int
    contours: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """What a typeface says of itself."""

    family: str
    postscript: str
    em: int
    ascent: int
    descent: int
    """Below the baseline, negative."""
    capital: int


class Typeface:
    """The characters of one font file."""

    def __init__(self, file: Path, *, serif: bool) -> None:
        """Args:
        file: TrueType or OpenType.
        serif: Whether it has serifs; PDF wants it told.
        """
        font = TTFont(io.BytesIO(file.read_bytes()), lazy=True)
        names = font["name"]
        self.serif = serif
        self.metrics = Metrics(
            family=names.getDebugName(1),
            postscript=names.getDebugName(6),
            em=int(font["head"].unitsPerEm),
            ascent=font["OS/2"].sTypoAscender,
            descent=font["OS/2"].sTypoDescender,
            capital=font["OS/2"].sCapHeight,
        )
        self._names: Mapping[int, str] = font.getBestCmap()
        self._glyphs: Any = font.getGlyphSet()
        self._blank = font.getGlyphOrder()[0]
        self._known: dict[str, Glyph] = {}
        self._lock = threading.Lock()

    def has(self, character: str) -> bool:
        """Can it be painted, and seen? A mark that only steers what is around it cannot."""
        seen = character.isprintable() or character == IDEOGRAPHIC_SPACE
        return seen and ord(character) in self._names

    def glyph(self, character: str) -> Glyph:
        """One character.

        Raises:
            GlyphMissing: The typeface has none.
        """
        known = self._known.get(character)
        if known is None:
            if not self.has(character):
                raise GlyphMissing(character, self.metrics.family)
            known = self._known[character] = self._converted(self._names[ord(character)])
        return known

    @property
    def blank(self) -> Glyph:
        """What a font shows for a glyph that it lacks. It must be there, and is never painted."""
        known = self._known.get("")
        if known is None:
            known = self._known[""] = self._converted(self._blank)
        return known

    def _converted(self, name: str) -> Glyph:
        pen = TTGlyphPen(None)
        with self._lock:  # the font is unpacked as it is needed
            source = self._glyphs[name]
            source.draw(Cu2QuPen(pen, _TOLERANCE, reverse_direction=True))
            advance = round(source.width)
        glyph = pen.glyph()
        if glyph.numberOfContours == 0:
            return Glyph(advance=advance, outline=b"", bounds=(0, 0, 0, 0), points=0, contours=0)
        outline = glyph.compile(None)
        return Glyph(
            advance=advance,
            outline=outline + b"\x00" * (-len(outline) % 4),
            bounds=(glyph.xMin, glyph.yMin, glyph.xMax, glyph.yMax),
            points=len(glyph.coordinates),
            contours=glyph.numberOfContours,
        )


@cache
def typeface(lettering: Lettering) -> Typeface:
    """The face for a lettering: Noto Serif SC or Noto Sans SC (SIL Open Font License 1.1)."""
    if lettering is Lettering.SONG:
        return Typeface(pylopdf_fonts_zh_cn.serif_path(), serif=True)
    return Typeface(pylopdf_fonts_zh_cn.sans_path(), serif=False)
