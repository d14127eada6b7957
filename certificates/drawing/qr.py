"""A QR code (GB/T 18284, ISO/IEC 18004) as one stroked path: a bar for each stretch of dark modules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

import zxingcpp

from certificates.drawing.lines import Box
from certificates.drawing.marks import BLACK, Shape
from seals.drawing import Step

QUIET = 4
"""Modules of clear paper that a reader wants around it."""


def qr(told: str, box: Box) -> Shape:
    """The code of a text, with its quiet zone, in the middle of a box; error correction M.

    Raises:
        ValueError: Nothing to tell, or more than a code can hold.
    """
    rows = _modules(told)
    side = min(box.width, box.height)
    module = side / (len(rows) + 2 * QUIET)
    left = box.x + (box.width - side) / 2 + QUIET * module
    top = box.y + (box.height - side) / 2 + QUIET * module
    path: list[Step] = []
    for at, row in enumerate(rows):
        middle = top + (at + 0.5) * module
        for begin, end in _dark(row):
            path.append(Step("M", ((left + begin * module, middle),)))
            path.append(Step("L", ((left + end * module, middle),)))
    # A hair wider than a module, so that no painter leaves light between two rows.
    return Shape(path=tuple(path), stroke=BLACK, width=module * 1.01)


@lru_cache(maxsize=64)
def _modules(told: str) -> tuple[bytes, ...]:
    """Rows of modules, nought where dark."""
    try:
        made = zxingcpp.create_barcode(told, zxingcpp.BarcodeFormat.QRCode, ec_level="M")
    except ValueError:
        raise ValueError("too long for a QR code") from None
    image = made.to_image(scale=1, add_quiet_zones=False)
    painted = memoryview(image)  # type: ignore[arg-type]  # it is a buffer; its stub does not say so
    return tuple(bytes(row) for row in painted.tolist())


def _dark(row: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Stretches of dark modules."""
    begin = None
    for at, module in enumerate((*row, 255)):
        if not module and begin is None:
            begin = at
        elif module and begin is not None:
            yield begin, at
            begin = None
