"""The profile of sRGB (IEC 61966-2-1) as ICC 4.2 asks for it: what our colours mean, for PDF/A.

Made of the published numbers, so that no file with a licence of its own has to come along.
"""

from __future__ import annotations

import struct
from functools import cache

_D50 = (0.9642, 1.0, 0.8249)
_PRIMARIES = {
    b"rXYZ": (0.43607, 0.22249, 0.01392),
    b"gXYZ": (0.38515, 0.71687, 0.09708),
    b"bXYZ": (0.14307, 0.06061, 0.71410),
}
"""Red, green and blue, adapted to D50."""
_TO_D50 = (1.04788, 0.02292, -0.05022, 0.02959, 0.99048, -0.01707, -0.00925, 0.01508, 0.75168)
"""From the white of sRGB, D65, after Bradford."""
_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)


@cache
def srgb() -> bytes:
    """The profile, always the same bytes."""
    curve = b"para" + bytes(4) + struct.pack(">HH", 3, 0) + _fixed(*_CURVE)
    tags = {
        b"desc": _text("sRGB IEC61966-2.1"),
        b"cprt": _text("No copyright, use freely"),
        b"wtpt": _xyz(_D50),
        b"chad": b"sf32" + bytes(4) + _fixed(*_TO_D50),
        **{tag: _xyz(point) for tag, point in _PRIMARIES.items()},
        b"rTRC": curve,
        b"gTRC": curve,
        b"bTRC": curve,
    }
    at = 128 + 4 + 12 * len(tags)
    table, bodies, places = [], [], dict[bytes, int]()
    for tag, body in tags.items():
        if body not in places:
            places[body] = at
            bodies.append(body)
            at += len(body)
        table.append(struct.pack(">4sII", tag, places[body], len(body)))
    head = struct.pack(
        ">I4sI4s4s4s6H4s4sIIIQI12s4s44s",
        at, bytes(4), 0x04200000, b"mntr", b"RGB ", b"XYZ ", 2024, 1, 1, 0, 0, 0, b"acsp",
        bytes(4), 0, 0, 0, 0, 0, _fixed(*_D50), bytes(4), bytes(44),
    )  # fmt: skip
    return b"".join((head, struct.pack(">I", len(tags)), *table, *bodies))


def _fixed(*values: float) -> bytes:
    return struct.pack(f">{len(values)}i", *(round(value * 65536) for value in values))


def _xyz(point: tuple[float, float, float]) -> bytes:
    return b"XYZ " + bytes(4) + _fixed(*point)


def _text(told: str) -> bytes:
    encoded = told.encode("utf-16-be")
    record = struct.pack(">II2s2sII", 1, 12, b"en", b"US", len(encoded), 28)
    return b"mluc" + bytes(4) + record + encoded + b"\x00" * (-len(encoded) % 4)
