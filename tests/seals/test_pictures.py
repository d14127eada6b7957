"""Uploaded pictures of seals: what may become an impression, and what is refused under which key."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, PngImagePlugin

from seals.drawing import SIGNATURE, chunk, png, svg
from seals.errors import PictureRefused
from seals.glyphs import song
from seals.impression import RED, NameSeal, RoundSeal, name_seal, round_seal
from seals.pictures import MAX_BYTES, checked_picture
from seals.proportions import Level

DRAWING = round_seal(
    RoundSeal(ring="示范市大数据管理局", level=Level.DEPARTMENT, diameter=42, code="9901010000001"),
    song(),
)
PNG, SVG = png(DRAWING), svg(DRAWING)
END = chunk(b"IEND", b"")


def refused(data: bytes, width: int = 42, height: int = 42) -> tuple[str, ...]:
    """Why the picture is refused; empty where it is not."""
    try:
        checked_picture(data, width, height)
    except PictureRefused as error:
        return error.why
    return ()


def saved(picture: Image.Image, form: str = "PNG") -> bytes:
    """The bytes of a picture."""
    out = io.BytesIO()
    picture.save(out, form)
    return out.getvalue()


def ring(
    colour: tuple[int, int, int, int] = (220, 20, 20, 255),
    size: int = 600,
    background: tuple[int, int, int, int] = (0, 0, 0, 0),
) -> Image.Image:
    """A ring with a dot in it, of 42 mm."""
    picture = Image.new("RGBA", (size, size), background)
    draw = ImageDraw.Draw(picture)
    draw.ellipse((4, 4, size - 5, size - 5), outline=colour, width=size // 24)
    draw.ellipse((size * 0.4, size * 0.4, size * 0.6, size * 0.6), fill=colour)
    return picture


@pytest.mark.parametrize(
    "data",
    [
        PNG,
        SVG,
        b"\xef\xbb\xbf<?xml version='1.0'?>" + SVG,
        saved(ring()),
        saved(ring((150, 30, 30, 255))),
    ],
    ids=["drawn", "vector", "vector with a mark", "scanned", "dark"],
)
def test_what_is_accepted(data: bytes) -> None:
    """Comes back as a PNG that a decoder opens, with its size in mm said in it, and is accepted
    again.
    """
    checked = checked_picture(data, 42, 42)

    with Image.open(io.BytesIO(checked.png)) as opened:
        told = opened.info["dpi"]
        opened.load()
    assert abs(told[0] - checked.dpi) < 1
    assert 0.05 < checked.ink < 0.4
    assert refused(checked.png) == ()


def test_a_name_seal_is_one_seal() -> None:
    """Also the smaller and the square."""
    assert refused(png(name_seal(NameSeal(name="张三"), song())), 20, 20) == ()


def test_nothing_hidden_stays() -> None:
    """Text, profiles and private chunks of the upload are gone."""
    out, hidden = io.BytesIO(), PngImagePlugin.PngInfo()
    hidden.add_text("Author", "somebody's name")
    hidden.add(b"prVt", b"private")
    ring().save(out, "PNG", pnginfo=hidden)

    checked = checked_picture(out.getvalue(), 42, 42)

    assert b"somebody" in out.getvalue()
    assert b"somebody" not in checked.png
    assert b"prVt" not in checked.png


def two() -> Image.Image:
    """Two seals side by side."""
    picture = Image.new("RGBA", (600, 600))
    one = ring(size=280)
    picture.paste(one, (5, 5))
    picture.paste(one, (310, 310))
    return picture


def half_black() -> Image.Image:
    """A signature in black ink over the seal."""
    picture = ring()
    ImageDraw.Draw(picture).line((60, 300, 540, 330), fill=(0, 0, 0, 255), width=30)
    return picture


def speck() -> Image.Image:
    """A dot on an empty sheet."""
    picture = Image.new("RGBA", (600, 600))
    ImageDraw.Draw(picture).ellipse((300, 300, 330, 330), fill=(*RED, 255))
    return picture


SHOWS: dict[str, tuple[tuple[str, ...], Callable[[], bytes]]] = {
    "coarse": (("resolution",), lambda: saved(ring(size=300))),
    "oblong": (("shape",), lambda: saved(ring().resize((600, 700)))),
    "empty": (("blank",), lambda: saved(Image.new("RGBA", (600, 600)))),
    "nearly empty": (("blank",), lambda: saved(speck())),
    "white paper": (("background",), lambda: saved(ring(background=(255, 255, 255, 255)))),
    "no transparency": (("background",), lambda: saved(ring().convert("RGB"))),
    "black": (("colour",), lambda: saved(ring((0, 0, 0, 255)))),
    "blue": (("colour",), lambda: saved(ring((30, 30, 220, 255)))),
    "orange": (("colour",), lambda: saved(ring((250, 190, 20, 255)))),
    "partly black": (("colour",), lambda: saved(half_black())),
    "two": (("several",), lambda: saved(two())),
    "everything": (("shape", "resolution", "blank"), lambda: saved(Image.new("RGBA", (60, 90)))),
}


@pytest.mark.parametrize(("why", "data"), SHOWS.values(), ids=SHOWS)
def test_what_the_picture_must_not_show(why: tuple[str, ...], data: Callable[[], bytes]) -> None:
    """All reasons together, not the first."""
    assert refused(data()) == why


def head(
    wide: int, high: int, depth: int = 8, colour: int = 6, method: int = 0, interlaced: int = 0
) -> bytes:
    """The header of a PNG."""
    return chunk(b"IHDR", struct.pack(">IIBBBBB", wide, high, depth, colour, method, 0, interlaced))


def packed(raw: bytes) -> bytes:
    """Its pixels."""
    return chunk(b"IDAT", zlib.compress(raw, 9))


HOSTILE: dict[str, tuple[str, Callable[[], bytes]]] = {
    "nothing": ("format", lambda: b""),
    "JPEG": ("format", lambda: saved(ring().convert("RGB"), "JPEG")),
    "GIF": ("format", lambda: saved(ring().convert("P"), "GIF")),
    "a program": ("format", lambda: b"MZ" + bytes(100)),
    "an OFD": ("format", lambda: b"PK\x03\x04" + bytes(100)),
    "five megabytes": ("too-large", lambda: SIGNATURE + bytes(MAX_BYTES)),
    "only its signature": ("damaged", lambda: SIGNATURE),
    "half": ("damaged", lambda: PNG[: len(PNG) // 2]),
    "no end": ("damaged", lambda: PNG[: -len(END)]),
    "a zip behind": ("bytes-behind", lambda: PNG + b"PK\x03\x04"),
    "a changed byte": ("damaged", lambda: PNG[:-200] + bytes((PNG[-200] ^ 1,)) + PNG[-199:]),
    "pixels before the header": ("damaged", lambda: SIGNATURE + packed(b"") + END),
    "no header": ("damaged", lambda: SIGNATURE + END),
    "no pixels": ("damaged", lambda: SIGNATURE + head(600, 600) + END),
    "a short header": ("damaged", lambda: SIGNATURE + chunk(b"IHDR", bytes(5)) + packed(b"") + END),
    "no width": ("too-many-pixels", lambda: SIGNATURE + head(0, 600) + packed(b"") + END),
    "a billion pixels": (
        "too-many-pixels",
        lambda: SIGNATURE + head(40_000, 40_000) + packed(bytes(10**6)) + END,
    ),
    "a bomb": ("damaged", lambda: SIGNATURE + head(100, 100) + packed(bytes(200 * 10**6)) + END),
    "too few pixels": ("damaged", lambda: SIGNATURE + head(600, 600) + packed(bytes(99)) + END),
    "odd depth": ("damaged", lambda: SIGNATURE + head(600, 600, depth=3) + packed(b"") + END),
    "odd colour": ("damaged", lambda: SIGNATURE + head(600, 600, colour=5) + packed(b"") + END),
    "odd method": ("damaged", lambda: SIGNATURE + head(600, 600, method=1) + packed(b"") + END),
    "interlaced": (
        "interlaced",
        lambda: SIGNATURE + head(600, 600, interlaced=1) + packed(b"") + END,
    ),
    "an animation": (
        "animated",
        lambda: PNG[:33] + chunk(b"acTL", bytes(8)) + PNG[33:],
    ),
    "an unknown necessary chunk": ("damaged", lambda: PNG[:33] + chunk(b"XXXX", b"") + PNG[33:]),
    "ten thousand chunks": ("damaged", lambda: PNG[:33] + chunk(b"teXt", b"") * 10_000 + PNG[33:]),
    "a length beyond the end": ("damaged", lambda: SIGNATURE + b"\xff\xff\xff\xffIHDR"),
    "an unknown filter": (
        "damaged",
        lambda: SIGNATURE + head(600, 600) + packed((b"\x09" + bytes(2400)) * 600) + END,
    ),
    "two palettes": ("damaged", lambda: PNG[:33] + chunk(b"PLTE", bytes(3)) + PNG[33:]),
    "no palette": (
        "damaged",
        lambda: SIGNATURE + head(600, 600, colour=3) + packed(bytes(601 * 600)) + END,
    ),
}


@pytest.mark.parametrize(("why", "data"), HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_picture_or_a_hostile_one(why: str, data: Callable[[], bytes]) -> None:
    """Refused at once, under its key."""
    assert refused(data()) == (why,)


@pytest.mark.parametrize("size", [(0, 42), (42, -1), (171, 42), (10**9, 10**9)])
def test_sizes_that_no_seal_has(size: tuple[int, int]) -> None:
    """Said by whoever uploads, and not believed."""
    assert refused(PNG, *size) == ("size",)


def vector(inside: str, root: str = 'viewBox="0 0 42 42"') -> bytes:
    """An SVG."""
    return f'<svg xmlns="http://www.w3.org/2000/svg" {root}>{inside}</svg>'.encode()


def crossing() -> str:
    """Forty thousand lines across the whole picture, each wide."""
    points = " ".join(f"{n * 17 % 43} {n * 29 % 41}" for n in range(40_000))
    return f'<polyline points="{points}" fill="none" stroke="#e00" stroke-width="9"/>'


RIM = '<circle cx="21" cy="21" r="20" fill="none" stroke="#e00" stroke-width="2"/>'
VECTORS: dict[str, tuple[str, bytes]] = {
    "a script": ("svg-element", vector("<script>alert(1)</script>")),
    "text": ("svg-element", vector('<text x="1" y="9">示范</text>')),
    "a picture": ("svg-element", vector('<image href="http://example.invalid/x.png"/>')),
    "a reference": ("svg-element", vector('<use href="#a"/>')),
    "a page inside": ("svg-element", vector("<foreignObject/>")),
    "a style": ("svg-element", vector("<style>*{fill:red}</style>")),
    "a filter": ("svg-element", vector("<filter/>")),
    "an svg inside": ("svg-element", vector('<svg viewBox="0 0 1 1"/>')),
    "another language": ("svg-element", b"<html xmlns='http://www.w3.org/1999/xhtml'/>"),
    "no namespace": ("svg-element", b"<svg viewBox='0 0 42 42'/>"),
    "loose words": ("svg-element", vector("<g>words</g>")),
    "an instruction": ("svg-element", vector("<?xml-stylesheet href='x.css'?>")),
    "an event": ("svg-attribute", vector('<path d="M0 0" onload="x()"/>')),
    "a link": ("svg-attribute", vector('<path d="M0 0" href="x"/>')),
    "a style attribute": ("svg-attribute", vector('<path d="M0 0" style="fill:red"/>')),
    "dashes without end": ("svg-attribute", vector('<path d="M0 0" stroke-dasharray="0.00001"/>')),
    "a class": ("svg-attribute", vector('<path d="M0 0" class="x"/>')),
    "a paint server": ("svg-value", vector('<path d="M0 0" fill="url(#a)"/>')),
    "an odd value": ("svg-value", vector('<path d="M0 0;" />')),
    "a large number": ("svg-number", vector('<circle r="1e30"/>')),
    "a long number": ("svg-number", vector(f'<circle r="{"1" * 400}"/>')),
    "a doctype": ("svg-doctype", b"<!DOCTYPE svg>" + vector(RIM)),
    "laughs": (
        "svg-doctype",
        b'<!DOCTYPE svg [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>' + vector("<g>&b;</g>"),
    ),
    "an entity without a doctype": ("svg-damaged", vector("<g>&a;</g>")),
    "another encoding": ("svg-damaged", b"<?xml version='1.0'?>" + vector(RIM)[:-3] + b"\xff\xfe"),
    "torn": ("svg-damaged", SVG[:-20]),
    "deep": ("svg-too-many", vector("<g>" * 60 + RIM + "</g>" * 60)),
    "very deep": ("svg-damaged", vector("<g>" * 60_000 + "</g>" * 60_000)),
    "many": ("svg-too-many", vector("<g/>" * 2001)),
    "many numbers": ("svg-too-many", vector('<path d="M' + "1 " * 100_001 + '"/>')),
    "lines without end": ("svg-too-costly", vector(crossing())),
    "large": ("svg-too-large", vector(" " * 600_000)),
    "no view box": ("svg-no-view-box", vector(RIM, 'width="42mm"')),
    "an empty view box": ("blank", vector(RIM, 'viewBox="0 0 0 0"')),
    "nothing painted": ("blank", vector("")),
    "all painted": ("background", vector('<rect width="42" height="42" fill="#e00"/>')),
    "black": ("colour", vector(RIM.replace("#e00", "#000"))),
    "beside the paper": ("blank", vector(RIM, 'viewBox="900 900 42 42"')),
}


@pytest.mark.parametrize(("why", "data"), VECTORS.values(), ids=VECTORS)
def test_drawings_that_are_refused(why: str, data: bytes) -> None:
    """Under their keys; nothing is fetched, run or unfolded."""
    assert refused(data) == (why,)


def test_a_plain_drawing_is_painted() -> None:
    """With groups, transforms, and comments, which paint nothing."""
    data = vector(f'<!-- a rim --><g transform="rotate(10, 21, 21)">{RIM}</g>')

    assert refused(data) == ()


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_torn_and_changed_pictures_raise_only_what_is_promised(data: st.DataObject) -> None:
    """PNG and SVG with a piece cut out, doubled or changed."""
    whole = data.draw(st.sampled_from((SMALL_PNG, SMALL_SVG)))
    begin = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(begin, len(whole)))
    put = data.draw(st.one_of(st.binary(max_size=8), st.just(whole[begin:end] * 2)))

    assert isinstance(refused(whole[:begin] + put + whole[end:], 5, 5), tuple)


@settings(max_examples=40, deadline=None)
@given(st.text(alphabet="MmLlHhVvCcSsQqTtAaZz0123456789.,-+eE ", max_size=60))
def test_odd_paths_raise_only_what_is_promised(path: str) -> None:
    """The renderer meets no path that it cannot end with."""
    drawing = vector(f'<path d="{path}" stroke="#e00" transform="scale({path[:3]})"/>')

    assert refused(drawing, 5, 5)


def test_extreme_scales_end() -> None:
    """Scales that multiply to infinity or to nothing."""
    for scale in ("100000", "0.00001", "0", "-1"):
        inside = f'<g transform="scale({scale})">' * 14 + RIM + "</g>" * 14

        assert isinstance(refused(vector(inside)), tuple)


SMALL = Image.new("RGBA", (100, 100))
ImageDraw.Draw(SMALL).ellipse((4, 4, 95, 95), outline=(*RED, 255), width=6)
SMALL_PNG, SMALL_SVG = saved(SMALL), vector(RIM)
