"""Real files, broken as files break and as attackers break them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hypothesis import strategies as st

WORDS = (
    b"<!DOCTYPE a>", b"<!ENTITY b 'c'>", b"&b;", b"<a>", b"</a>", b"<![CDATA[", b"\x00", b"..", b"/",
    b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06", b"\x30\x80", b"\x30\x84\xff\xff\xff\xff", b"\x02\x00",
    b"\xff" * 4, b"obj<<", b"/ByteRange", b"endstream", b"-----BEGIN ", b"IDAT", b"NaN", b"1e999",
    b"-1", b"99999999999",
)  # fmt: skip
"""What parsers look for."""


@st.composite
def broken(draw: Callable[..., int], seeds: Sequence[bytes]) -> bytes:
    """One of the files after a few blows: bits flipped, bytes set, pieces cut, doubled, moved, taken
    from another file, the end cut off, words put in.
    """
    data = bytearray(seeds[draw(st.integers(0, len(seeds) - 1))])
    for _ in range(draw(st.integers(1, 5))):
        at = draw(st.integers(0, max(len(data) - 1, 0)))
        size = draw(st.sampled_from((1, 2, 4, 16, 64, 1024)))
        match draw(st.integers(0, 7)):
            case 0 if data:
                data[at] ^= 1 << draw(st.integers(0, 7))
            case 1 if data:
                data[at] = draw(st.integers(0, 255))
            case 2:
                del data[at : at + size]
            case 3:
                data[at:at] = data[at : at + size]
            case 4:
                begin = draw(st.integers(0, max(len(data) - 1, 0)))
                data[at : at + size] = data[begin : begin + size]
            case 5:
                other = seeds[draw(st.integers(0, len(seeds) - 1))]
                begin = draw(st.integers(0, max(len(other) - 1, 0)))
                data[at : at + size] = other[begin : begin + size]
            case 6:
                data[at:at] = WORDS[draw(st.integers(0, len(WORDS) - 1))]
            case _:
                del data[at:]
    return bytes(data)
