"""Why a drawing cannot be made. No text holds a person's data beyond the character at fault."""

from __future__ import annotations

import unicodedata
from typing import ClassVar

from certificates.errors import CertificateError


class DrawingError(CertificateError):
    """Root of what can go wrong between values and pages."""

    code: ClassVar[str] = "certificates.drawing"
    origin: ClassVar[str] = "caller"


class GlyphMissing(DrawingError):
    """The typeface has no such character: nothing is issued with a box in its place."""

    code = "certificates.glyph-missing"

    def __init__(self, character: str, typeface: str) -> None:
        name = unicodedata.name(character, "?")
        shown = character if character.isprintable() else "?"
        super().__init__(
            f"字体 {typeface} 没有字符 {shown} / no glyph for U+{ord(character):04X} {name}"
        )
        self.character, self.typeface = character, typeface


class Overflow(DrawingError):
    """The text does not fit its place, even at the smallest size it may have."""

    code = "certificates.overflow"

    def __init__(self, where: str, lines: int, room: int) -> None:
        super().__init__(f"{where}: 放不下 {lines} 行 > {room} 行 / does not fit")
        self.where, self.lines, self.room = where, lines, room


class Unwritable(DrawingError):
    """Data that neither XML nor anybody's eye can hold: control characters, or an odd name."""

    code = "certificates.unwritable"

    def __init__(self, where: str) -> None:
        super().__init__(
            f"{where}: 有控制字符或名称不合规 / a control character, or a name out of order"
        )
        self.where = where


class PictureRefused(DrawingError):
    """No picture that may stand on a certificate; `why` is a stable key."""

    code = "certificates.picture-refused"

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why
