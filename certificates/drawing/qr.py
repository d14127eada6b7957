"""QR codes (GB/T 18284, ISO/IEC 18004)."""

from __future__ import annotations

import re
from functools import lru_cache

import zxingcpp

from certificates.drawing.lines import Box
from certificates.drawing.marks import Modules

_DARK = re.compile(rb"\x00+")
"""Dark modules are nought."""
QUIET = 4
"""Modules of clear paper that a reader wants around it."""


def qr(told: str, box: Box) -> Modules:
    """The code of a text, with its quiet zone, in the middle of a box; error correction M.

    Raises:
        ValueError: Nothing to tell, or more than a code can hold.
    """
    rows = _modules(told)
    side = min(box.width, box.height)
    module = side / (len(rows) + 2 * QUIET)
    return Modules(
        x=round(box.x + (box.width - side) / 2 + QUIET * module, 3),
        y=round(box.y + (box.height - side) / 2 + QUIET * module, 3),
        module=round(module, 4),
        rows=rows,
    )


@lru_cache(maxsize=64)
def _modules(told: str) -> tuple[tuple[tuple[int, int], ...], ...]:
    try:
        made = zxingcpp.create_barcode(told, zxingcpp.BarcodeFormat.QRCode, ec_level="M")
    except ValueError:
        raise ValueError("too long for a QR code") from None
    image = made.to_image(scale=1, add_quiet_zones=False)
    painted = memoryview(image)  # type: ignore[arg-type]  # it is a buffer; its stub does not say so
    wide = painted.shape[1] if painted.shape else 0
    cells = painted.tobytes()
    return tuple(
        tuple(found.span() for found in _DARK.finditer(cells[at : at + wide]))
        for at in range(0, len(cells), wide)
    )
