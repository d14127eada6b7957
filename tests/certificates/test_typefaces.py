"""The fonts that documents carry: few characters, true to them, and always the same bytes."""

from __future__ import annotations

import io

import pylopdf_fonts_zh_cn
import pytest
from fontTools.pens.boundsPen import BoundsPen
from fontTools.ttLib import TTFont
from PIL import Image, ImageDraw, ImageFont

from certificates.drawing.colour_profile import srgb
from certificates.drawing.errors import GlyphMissing
from certificates.drawing.marks import Lettering
from certificates.drawing.subsets import subset

FILES = {
    Lettering.SONG: pylopdf_fonts_zh_cn.serif_path,
    Lettering.HEI: pylopdf_fonts_zh_cn.sans_path,
}
TEXT = "".join(sorted(set("中华人民共和国营业执照·（）《》 Aa09𫖯𬭎龘㛃")))


@pytest.mark.parametrize("lettering", Lettering)
def test_a_subset_is_a_whole_font_of_just_its_characters(lettering: Lettering) -> None:
    """Every table can be read; each character leads to its own glyph, rare ones, too."""
    made = subset(lettering, TEXT)
    font = TTFont(io.BytesIO(made.data), checkChecksums=2)

    for table in set(font.keys()) - {"GlyphOrder"}:
        assert font[table] is not None
    assert "CFF " not in font
    assert {chr(code): font.getGlyphID(name) for code, name in font.getBestCmap().items()} == dict(
        made.glyphs
    )
    assert font["maxp"].numGlyphs == len(TEXT) + 1
    assert "Open Font License" in font["name"].getDebugName(13)


def measured(font: TTFont, character: str) -> tuple[float, ...]:
    """What a character paints, and how far it goes."""
    glyphs = font.getGlyphSet()
    name = font.getBestCmap()[ord(character)]
    pen = BoundsPen(glyphs)
    glyphs[name].draw(pen)
    return (*(pen.bounds or (0, 0, 0, 0)), glyphs[name].width)


@pytest.mark.parametrize("lettering", Lettering)
def test_converted_outlines_are_those_of_the_face(lettering: Lettering) -> None:
    """TrueType curves cover what the CFF curves did, to within two thousandths of an em."""
    source = TTFont(FILES[lettering](), lazy=True)
    made = TTFont(io.BytesIO(subset(lettering, TEXT).data))
    for character in TEXT:
        ours, theirs = (measured(font, character) for font in (made, source))
        assert all(abs(one - other) <= 2 for one, other in zip(ours, theirs, strict=True))


def test_another_painter_draws_the_subset_as_it_draws_the_face() -> None:
    """FreeType sees no difference beyond the grey of an edge."""

    def painted(font: ImageFont.FreeTypeFont) -> Image.Image:
        image = Image.new("L", (2600, 360), 255)
        ImageDraw.Draw(image).text((10, 290), "营业执照龘𬭎A", font=font, fill=0, anchor="ls")
        return image

    text = "".join(sorted("营业执照龘𬭎A"))
    ours = painted(ImageFont.truetype(io.BytesIO(subset(Lettering.SONG, text).data), 250))
    theirs = painted(ImageFont.truetype(str(pylopdf_fonts_zh_cn.serif_path()), 250))
    pairs = zip(ours.tobytes(), theirs.tobytes(), strict=True)
    different = sum(abs(one - other) > 128 for one, other in pairs)
    inked = sum(each < 128 for each in theirs.tobytes())

    assert inked > 50_000
    assert different < inked / 40  # the grey of edges, which hints move by less than a pixel


def test_the_same_characters_give_the_same_bytes() -> None:
    """Whether they were remembered or made anew."""
    first = subset(Lettering.SONG, TEXT).data
    subset.cache_clear()

    assert subset(Lettering.SONG, TEXT).data == first


def test_a_missing_character_stops_the_subset() -> None:
    """There is no box to put in its place."""
    with pytest.raises(GlyphMissing, match=r"U\+20BB7"):
        subset(Lettering.SONG, "𠮷")


def test_the_colour_profile_is_srgb() -> None:
    """Colours go through it as through the profile that a colour library makes."""
    from PIL import ImageCms  # noqa: PLC0415 - only this test needs a colour library

    ours = ImageCms.ImageCmsProfile(io.BytesIO(srgb()))
    for source, target in ((ours, ImageCms.createProfile("sRGB")), (ImageCms.createProfile("sRGB"), ours)):  # fmt: skip
        through = ImageCms.buildTransform(source, target, "RGB", "RGB")
        for colour in ((0, 0, 0), (255, 255, 255), (200, 30, 90), (17, 130, 244)):
            seen = ImageCms.applyTransform(Image.new("RGB", (1, 1), colour), through)
            assert seen is not None
            pixel = seen.getpixel((0, 0))
            assert isinstance(pixel, tuple)
            assert all(abs(one - other) <= 1 for one, other in zip(pixel, colour, strict=True))
