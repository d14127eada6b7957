"""Outlines of characters out of one font file. A character that it lacks is an error, never a box."""

from __future__ import annotations

import io
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path as FilePath
from typing import Any

import pylopdf_fonts_zh_cn
from fontTools.pens.basePen import BasePen
from fontTools.ttLib import TTFont

from seals.drawing import Path, Step
from seals.errors import GlyphMissing


@dataclass(frozen=True, slots=True, kw_only=True)
class Glyph:
    """A character's outline in ems; y runs up from the baseline."""

    path: Path
    advance: float
    left: float
    right: float
    bottom: float
    top: float
    """Bounds of what is painted; all nought for a space."""


class Face:
    """The characters of one font file."""

    def __init__(self, file: FilePath) -> None:
        """Args:
        file: TrueType or OpenType.
        """
        font = TTFont(io.BytesIO(file.read_bytes()), lazy=True)
        self._names: Mapping[int, str] = font.getBestCmap()
        self._glyphs: Any = font.getGlyphSet()
        self._em: int = font["head"].unitsPerEm
        self._lock = threading.Lock()
        self.glyph = lru_cache(maxsize=4096)(self._glyph)

    def knows(self, character: str) -> bool:
        """Has the face an outline for it?"""
        return ord(character) in self._names

    def _glyph(self, character: str) -> Glyph:
        """The outline of one character.

        Raises:
            GlyphMissing: The face has none.
        """
        name = self._names.get(ord(character))
        if name is None:
            raise GlyphMissing(character)
        pen = _Steps(self._glyphs, 1 / self._em)
        with self._lock:  # the font is unpacked as it is needed
            outline = self._glyphs[name]
            outline.draw(pen)
        across = [x for step in pen.steps for x, _ in step.points] or [0.0]
        up = [y for step in pen.steps for _, y in step.points] or [0.0]
        return Glyph(
            path=tuple(pen.steps),
            advance=outline.width / self._em,
            left=min(across),
            right=max(across),
            bottom=min(up),
            top=max(up),
        )


class _Steps(BasePen):  # type: ignore[misc]  # fontTools has no types
    """Takes what a font draws, in ems; quadratic curves become cubic ones."""

    def __init__(self, glyphs: Any, scale: float) -> None:
        super().__init__(glyphs)
        self.steps: list[Step] = []
        self._scale = scale

    def _moveTo(self, pt: tuple[float, float]) -> None:  # noqa: N802  the library's name
        self._add("M", pt)

    def _lineTo(self, pt: tuple[float, float]) -> None:  # noqa: N802
        self._add("L", pt)

    def _curveToOne(self, *points: tuple[float, float]) -> None:  # noqa: N802
        self._add("C", *points)

    def _closePath(self) -> None:  # noqa: N802
        self._add("Z")

    def _endPath(self) -> None:  # noqa: N802
        self._add("Z")

    def _add(self, op: str, *points: tuple[float, float]) -> None:
        self.steps.append(Step(op, tuple((x * self._scale, y * self._scale) for x, y in points)))


@cache
def song() -> Face:
    """The Song-like face that comes with the project: Noto Serif SC (SIL Open Font License 1.1)."""
    return Face(pylopdf_fonts_zh_cn.serif_path())
