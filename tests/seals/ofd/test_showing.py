"""A picture of a page with its seals: what stands where, and nothing that breaks on odd input."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from seals.drawing import Drawing, Shape, png, polygon
from seals.errors import MalformedDocument
from seals.glyphs import song
from seals.levels import Mode
from seals.making import make_seal
from seals.ofd.placing import AcrossPages, AtPlace, Placement
from seals.ofd.showing import shown
from seals.ofd.signing import Signer, embed, prepare
from tests.world import decisions
from tests.world.ofd import document, page, parts
from tests.world.seals import INFO, MAKER_CERT, MAKER_KEY, NOW, SIGNER_CERT, SIGNER_KEY

DPI = 100
MM = DPI / 25.4
BLOCK = png(
    Drawing(
        width=42, height=42, colour=(230, 0, 18),
        shapes=(Shape(path=polygon((1, 1), (41, 1), (41, 41), (1, 41)), filled=True, stroke=0),),
    ),
    100,
)  # fmt: skip
"""A seal that is a red square."""


def sealed(plain: bytes, *places: Placement) -> bytes:
    """Under the square."""
    info = replace(
        INFO, picture=replace(INFO.picture, data=BLOCK), valid_until=NOW + timedelta(days=9)
    )
    seal = make_seal(info, MAKER_KEY, MAKER_CERT)
    prepared = prepare(plain, seal, places, Mode.CONTINUE, Signer(x509_cert=SIGNER_CERT), NOW)
    return embed(prepared, SIGNER_KEY.sign(prepared.to_sign))


def picture(whole: bytes, number: int = 1) -> Image.Image:
    """The page, in colours."""
    return Image.open(io.BytesIO(shown(whole, song(), number, DPI))).convert("RGB")


def at(image: Image.Image, x: float, y: float) -> object:
    """The colour at a place in millimetres."""
    return image.getpixel((round(x * MM), round(y * MM)))


def dark(image: Image.Image, x: float, y: float, width: float, height: float) -> int:
    """How many pixels of a box are darker than grey."""
    box = tuple(round(each * MM) for each in (x, y, x + width, y + height))
    return sum(image.crop(box).convert("L").histogram()[:128])  # type: ignore[arg-type]  # four numbers


def test_a_page_is_painted_as_its_objects_say() -> None:
    """Text where it stands, a filled path in its colour, white elsewhere; twice the same bytes."""
    whole = decisions.ofd()
    image = picture(whole)

    assert image.size == (round(210 * MM), round(297 * MM))
    assert at(image, 100, 71.5) == (230, 0, 18)
    assert at(image, 5, 5) == (255, 255, 255)
    assert dark(image, 55, 85, 100, 8) > 500
    assert dark(image, 28, 245, 150, 40) == 0
    assert shown(whole, song(), 1, DPI) == shown(whole, song(), 1, DPI)


def test_a_seal_stands_on_its_page_alone() -> None:
    """Its middle at the place, its own size, and the other pages as they were."""
    whole = sealed(document(), AtPlace(page=2, x=105, y=150))
    second = picture(whole, 2)

    assert at(second, 105, 150) == (230, 0, 18)
    assert at(second, 105 - 19, 150 - 19) == (230, 0, 18)
    assert at(second, 105 - 22, 150) == (255, 255, 255)
    assert at(picture(whole, 1), 105, 150) == (255, 255, 255)


def test_a_cross_page_seal_shows_its_slices() -> None:
    """A third on each of three pages, at the right edge."""
    whole = sealed(document(), AcrossPages(y=150))
    for number in (1, 2, 3):
        image = picture(whole, number)
        assert at(image, 209 if number < 3 else 208, 150) == (230, 0, 18)
        assert at(image, 210 - 15, 150) == (255, 255, 255)


ODD: dict[str, str] = {
    "no objects": "",
    "an object without a place": '<ofd:TextObject ID="1"><ofd:TextCode>甲</ofd:TextCode></ofd:TextObject>',
    "no size": '<ofd:TextObject ID="1" Boundary="0 0 9 9"><ofd:TextCode>甲</ofd:TextCode></ofd:TextObject>',
    "a colour that is none": (
        '<ofd:TextObject ID="1" Boundary="0 0 9 9" Size="4"><ofd:FillColor Value="red"/>'
        "<ofd:TextCode>甲</ofd:TextCode></ofd:TextObject>"
    ),
    "a colour beyond": (
        '<ofd:TextObject ID="1" Boundary="0 0 9 9" Size="4"><ofd:FillColor Value="999 -5 1"/>'
        "<ofd:TextCode>甲</ofd:TextCode></ofd:TextObject>"
    ),
    "a character that the face lacks": (
        '<ofd:TextObject ID="1" Boundary="0 0 9 9" Size="4"><ofd:TextCode X="1" Y="4">\U000f0000甲'
        "</ofd:TextCode></ofd:TextObject>"
    ),
    "markup in a text": (
        '<ofd:TextObject ID="1" Boundary="0 0 9 9" Size="4"><ofd:TextCode>&lt;svg&gt;&amp;"'
        "</ofd:TextCode></ofd:TextObject>"
    ),
    "half a path": (
        '<ofd:PathObject ID="1" Boundary="0 0 9 9"><ofd:AbbreviatedData>M 0 0 L 9</ofd:AbbreviatedData>'
        "</ofd:PathObject>"
    ),
    "another curve": (
        '<ofd:PathObject ID="1" Boundary="0 0 9 9"><ofd:AbbreviatedData>M 0 0 A 1 1 0 0 0 9 9 C'
        "</ofd:AbbreviatedData></ofd:PathObject>"
    ),
    "a curve": (
        '<ofd:PathObject ID="1" Boundary="0 0 9 9"><ofd:AbbreviatedData>M 0 0 B 0 9 9 9 9 0 C'
        "</ofd:AbbreviatedData></ofd:PathObject>"
    ),
}


@pytest.mark.parametrize("case", ODD)
def test_odd_objects_break_nothing(case: str) -> None:
    """They are painted as far as they make sense."""
    whole = document({"/Doc_0/Pages/Page_0/Content.xml": page(ODD[case])})
    assert picture(whole).size == (round(210 * MM), round(297 * MM))


@settings(max_examples=40, deadline=None)
@given(
    path=st.text("MLBCSQ 0123456789.-e", max_size=60),
    steps=st.text("g 0123456789.-", max_size=30),
    colour=st.text("0123456789 .-", max_size=12),
)
def test_whatever_an_object_says_is_painted_or_left_out(path: str, steps: str, colour: str) -> None:
    """Nothing raises but our own refusals."""
    fill = f'<ofd:FillColor Value="{colour}"/>'
    objects = (
        (
            f'<ofd:PathObject ID="1" Boundary="9 9 9 9">{fill}<ofd:AbbreviatedData>{path}'
            "</ofd:AbbreviatedData></ofd:PathObject>"
        ),
        (
            f'<ofd:TextObject ID="2" Boundary="9 9 9 9" Size="4">{fill}<ofd:TextCode X="{steps}" Y="4"'
            f' DeltaX="{steps}">甲乙丙</ofd:TextCode></ofd:TextObject>'
        ),
    )
    whole = document({"/Doc_0/Pages/Page_0/Content.xml": page(*objects)}, pages=1)
    with Image.open(io.BytesIO(shown(whole, song(), 1, 20))) as painted:
        assert painted.size == (round(210 / 25.4 * 20), round(297 / 25.4 * 20))


HUGE = "<ofd:PhysicalBox>0 0 210 297</ofd:PhysicalBox>"
REFUSED: dict[str, tuple[dict[str, bytes], int, str]] = {
    "a page that is not there": ({}, 4, "no-such-page"),
    "page nought": ({}, 0, "no-such-page"),
    "paper of ten metres": (
        {
            "/Doc_0/Document.xml": parts()["/Doc_0/Document.xml"].replace(
                HUGE.encode(), HUGE.replace("210 297", "9999 9999").encode()
            )
        },
        1,
        "too-large",
    ),
    "too much": (
        {
            "/Doc_0/Pages/Page_0/Content.xml": page(
                '<ofd:TextObject ID="1" Boundary="0 0 9 9" Size="4"><ofd:TextCode>'
                f"{'甲' * 20_001}</ofd:TextCode></ofd:TextObject>"
            )
        },
        1,
        "objects",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_shown_is_refused(case: str) -> None:
    """In our own words."""
    changes, number, why = REFUSED[case]
    with pytest.raises(MalformedDocument, match=why):
        shown(document(changes), song(), number, DPI)


def test_a_picture_that_is_none_is_left_out() -> None:
    """A seal with a broken picture leaves the page as it is."""
    seal = make_seal(
        replace(INFO, picture=replace(INFO.picture, data=b"\x89PNG\r\n\x1a\nbroken")),
        MAKER_KEY, MAKER_CERT,
    )  # fmt: skip
    prepared = prepare(
        document(), seal, [AtPlace(page=1, x=105, y=150)], Mode.CONTINUE,
        Signer(x509_cert=SIGNER_CERT), NOW,
    )  # fmt: skip
    whole = embed(prepared, SIGNER_KEY.sign(prepared.to_sign))
    assert at(picture(whole), 105, 150) == (255, 255, 255)


def test_the_demos_documents_are_what_is_generated() -> None:
    """`python -m tests.world.decisions` writes them."""
    assert (decisions.FOLDER / "decision.ofd").read_bytes() == decisions.ofd()
    assert (decisions.FOLDER / "decision.pdf").read_bytes() == decisions.pdf()
