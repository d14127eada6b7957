"""Pages as PNG, painted by PDFium from the very PDF that would be issued."""

from __future__ import annotations

import io
import threading

import pypdfium2
from PIL import Image

_DPI = 150
PDFIUM = threading.Lock()
"""PDFium does one thing at a time."""


def pages(document: bytes, dpi: float = _DPI) -> tuple[Image.Image, ...]:
    """Each page of a PDF of ours, with the seals on it."""
    with PDFIUM:
        opened = pypdfium2.PdfDocument(document)
        opened.init_forms()  # a seal is the appearance of a signature field
        try:
            return tuple(page.render(scale=dpi / 72).to_pil().convert("RGB") for page in opened)
        finally:
            opened.close()


def png(document: bytes, dpi: float = _DPI) -> bytes:
    """All pages below one another, on grey where they are more than one."""
    painted = pages(document, dpi)
    out = io.BytesIO()
    _stacked(painted).save(out, "PNG")
    return out.getvalue()


def _stacked(painted: tuple[Image.Image, ...]) -> Image.Image:
    if len(painted) == 1:
        return painted[0]
    gap = max(8, painted[0].width // 60)
    wide = max(each.width for each in painted) + 2 * gap
    high = sum(each.height + gap for each in painted) + gap
    whole = Image.new("RGB", (wide, high), (150, 150, 150))
    at = gap
    for each in painted:
        whole.paste(each, (gap, at))
        at += each.height + gap
    return whole
