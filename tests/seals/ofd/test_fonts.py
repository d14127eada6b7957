"""Text that shows something else than it says, and text that is cut away: neither is sealed."""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping

import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont
from hypothesis import given, settings
from hypothesis import strategies as st

from seals.errors import DocumentRefused
from seals.faces import MAX_CHARACTERS, read_face
from seals.ofd.inspection import inspect
from tests.world.ofd import document, page, sealed
from tests.world.pages import face

FIRST, FONT = "/Doc_0/Pages/Page_0/Content.xml", "/Doc_0/Res/font.otf"
SAID = "金额17"
LETTERS = sorted(SAID)


def font(names: Mapping[str, str] | None = None) -> bytes:
    """A font of these characters, the names of their glyphs as usual or as they are told."""
    called = {letter: f"uni{ord(letter):04X}" for letter in LETTERS} | dict(names or {})
    builder = FontBuilder(1000, isTTF=True)
    order = [".notdef", *dict.fromkeys(called.values())]
    builder.setupGlyphOrder(order)
    builder.setupCharacterMap({ord(letter): name for letter, name in called.items()})
    builder.setupGlyf({name: TTGlyphPen(None).glyph() for name in order})
    builder.setupHorizontalMetrics(dict.fromkeys(order, (1000, 0)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Demo", "styleName": "Regular"})
    builder.setupOS2(sTypoAscender=800)
    builder.setupPost()
    out = io.BytesIO()
    made: TTFont = builder.font
    made.save(out)
    return out.getvalue()


def test_glyphs_are_numbered_alike_with_names_and_without() -> None:
    """A font that names no glyphs is read as the same font that does."""
    named_, bare = font(), TTFont(io.BytesIO(font()))
    bare["post"].formatType = 3.0
    out = io.BytesIO()
    bare.save(out)

    one, other = read_face(named_), read_face(out.getvalue())
    assert one == other
    assert one.shows(SAID, numbers(SAID))
    assert not one.shows(SAID, numbers(SAID)[::-1])
    assert not one.shows(SAID, numbers(SAID)[1:])


def text(before: str = "", said: str = SAID) -> bytes:
    """A page with a line of this text, something before its `TextCode`."""
    return page(
        '<ofd:TextObject ID="20" Boundary="20 40 120 6" Font="3" Size="5">'
        f'{before}<ofd:TextCode X="0" Y="5" DeltaX="g {len(said)} 5">{said}</ofd:TextCode>'
        "</ofd:TextObject>"
    )


def glyphs(*numbers: int, at: int = 0, count: int | None = None) -> str:
    """A `CGTransform`."""
    told = len(numbers) if count is None else count
    return (
        f'<ofd:CGTransform CodePosition="{at}" CodeCount="{told}" GlyphCount="{len(numbers)}">'
        f"<ofd:Glyphs>{' '.join(map(str, numbers))}</ofd:Glyphs></ofd:CGTransform>"
    )


def clip(path: str, attributes: str = 'Boundary="0 0 120 6"', more: str = "") -> str:
    """A clip."""
    return (
        f"<ofd:Clips><ofd:Clip><ofd:Area><ofd:Path {attributes}><ofd:AbbreviatedData>{path}"
        f"</ofd:AbbreviatedData></ofd:Path>{more}</ofd:Area></ofd:Clip></ofd:Clips>"
    )


def numbers(said: str) -> list[int]:
    """The glyphs of a text."""
    return [1 + LETTERS.index(letter) for letter in said]


def why(changes: Mapping[str, bytes]) -> set[str]:
    """Why a document is not sealed; nothing where it is."""
    try:
        return set() if inspect(sealed(document(changes))).signatures else {"?"}
    except DocumentRefused as refused:
        return {key for key, _ in refused.why}


WHOLE = "M 0 0 L 120 0 L 120 6 L 0 6 C"
CASES: dict[str, tuple[set[str], dict[str, bytes]]] = {
    "a font and its text": (set(), {FONT: font(), FIRST: text()}),
    "glyphs by number, as the font has them": (
        set(), {FONT: font(), FIRST: text(glyphs(*numbers(SAID)))}),
    "7 shown for 1": (
        {"font-lies"}, {FONT: font(), FIRST: text(glyphs(*numbers("金额77")))}),
    "one glyph of four": (
        {"font-lies"}, {FONT: font(), FIRST: text(glyphs(*numbers("7"), at=2))}),
    "two glyphs for one character, neither of them its own": (
        {"font-lies"}, {FONT: font(), FIRST: text(glyphs(*numbers("77"), at=2, count=1))}),
    "a glyph for which the font has no character": (
        set(), {FONT: font(), FIRST: text(glyphs(0, at=2))}),
    "1 drawn with the glyph named seven": (
        {"font-lies"}, {FONT: font({"1": "seven"}), FIRST: text()}),
    "Han drawn with another's glyph": (
        {"font-lies"}, {FONT: font({"金": "uni94F6"}), FIRST: text()}),
    "a lying glyph that is not used": (
        set(), {FONT: font({"1": "seven"}), FIRST: text(said="金额")}),
    "names that say nothing": (
        set(), {FONT: font({"1": "glyph00001", "7": "cid7"}), FIRST: text()}),
    "glyphs of a font that is none": (
        {"font-unknown"}, {FONT: b"no font", FIRST: text(glyphs(1))}),
    "glyphs of a font that is not there": (
        {"font-unknown"}, {FIRST: text(glyphs(1)).replace(b'Font="3"', b'Font="99"')}),
    "a clip around all of it": (set(), {FIRST: text(clip(WHOLE))}),
    "a clip told otherwise": (
        set(), {FIRST: text(clip("S 0 0 M 0 0 L 0 6 L 120 6 L 120 0 C"))}),
    "a clip that cuts the last character": (
        {"clipped"}, {FIRST: text(clip("M 0 0 L 14 0 L 14 6 L 0 6 C"))}),
    "a clip somewhere else": ({"clipped"}, {FIRST: text(clip(WHOLE, 'Boundary="0 50 120 6"'))}),
    "a triangle": ({"clipped"}, {FIRST: text(clip("M 0 0 L 120 0 L 120 6 C"))}),
    "a turned rectangle": (
        {"clipped"}, {FIRST: text(clip(WHOLE, 'Boundary="0 0 120 6" CTM="0 1 -1 0 0 0"'))}),
    "nothing as a clip": (
        {"clipped"},
        {FIRST: text("<ofd:Clips><ofd:Clip/></ofd:Clips>")}),
}  # fmt: skip


@pytest.mark.parametrize(("expected", "changes"), CASES.values(), ids=CASES)
def test_what_is_shown_is_what_is_said(expected: set[str], changes: dict[str, bytes]) -> None:
    """Refused under its key, and nothing is refused that can be seen to be honest."""
    assert why(changes) == expected


def test_a_font_that_claims_every_number() -> None:
    """Four thousand million characters in 28 bytes: refused before anybody counts them."""
    whole = face()
    with TTFont(io.BytesIO(whole)) as opened:
        old = opened.reader["cmap"]
    hostile = struct.pack(">2H2HI", 0, 1, 3, 10, 12)
    hostile += struct.pack(">2H3I3I", 12, 0, 28, 0, 1, 0, 0xFFFFFFFF, 1)
    assert len(hostile) <= len(old)
    with pytest.raises(ValueError, match="no font"):
        read_face(whole.replace(old, hostile.ljust(len(old), b"\x00")))
    assert read_face(whole).characters


REAL = font()


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(REAL) - 1), st.binary(min_size=1, max_size=8))
def test_torn_fonts_are_no_fonts(at: int, put: bytes) -> None:
    """Or are read within bounds; no error but the one that is promised comes out."""
    try:
        found = read_face(REAL[:at] + put + REAL[at + len(put) :])
    except ValueError:
        return

    assert sum(map(len, found.characters.values())) <= MAX_CHARACTERS
    assert found.misnamed <= frozenset().union(*found.characters.values())
