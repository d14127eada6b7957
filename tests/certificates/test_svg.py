"""SVG backgrounds: a plain part of SVG is drawn, everything else is refused by name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certificates.drawing.errors import PictureRefused
from certificates.drawing.marks import Colour
from certificates.drawing.svg import MAX_DEPTH, MAX_ELEMENTS, shapes

HEAD = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 50">'


def drawn(body: str, head: str = HEAD) -> tuple[object, ...]:
    """The shapes of a file with this body, on a sheet of 200 by 100 mm."""
    return shapes(f"{head}{body}</svg>".encode(), 200, 100)


def refusal(body: str) -> str:
    """Why a file with this body is refused; empty if it is not."""
    try:
        drawn(body)
    except PictureRefused as refused:
        return refused.why
    return ""


def test_shapes_are_stretched_over_the_sheet() -> None:
    """The view box fills it; strokes become as much wider."""
    (shape,) = shapes(
        f'{HEAD}<rect x="10" y="5" width="20" height="10" fill="none" stroke="#123" '
        'stroke-width="0.5"/></svg>'.encode(),
        200,
        100,
    )

    assert shape.fill is None
    assert shape.stroke == Colour(0x11, 0x22, 0x33)
    assert shape.width == pytest.approx(1.0)
    points = [point for step in shape.path for point in step.points]
    assert points == [(20, 10), (60, 10), (60, 30), (20, 30)]


@pytest.mark.parametrize(
    ("transform", "corner"),
    [
        ("translate(5 6)", (12, 14)),
        ("translate(5)", (12, 2)),
        ("scale(2)", (4, 4)),
        ("scale(2, 3)", (4, 6)),
        ("matrix(1 0 0 1 3 4)", (8, 10)),
        ("rotate(90)", (-2, 2)),
        ("rotate(180 1 1)", (2, 2)),
        ("translate(5 6) scale(2)", (14, 16)),
    ],
)
def test_transforms_apply_from_the_outside_in(transform: str, corner: tuple[float, float]) -> None:
    """To a line that begins at (1, 1), on a sheet twice as large as the view box."""
    body = f'<g transform="{transform}"><line x1="1" y1="1" x2="3" y2="3" stroke="#000"/></g>'
    (shape,) = shapes(f"{HEAD}{body}</svg>".encode(), 200, 100)

    assert shape.path[0].points[0] == pytest.approx(corner)


@pytest.mark.parametrize(
    "body",
    [
        '<path d="M1 1 L2 2 H3 V4 C1 2 3 4 5 6 S1 2 3 4 Q1 2 3 4 T5 6 A2 3 10 0 1 9 9 Z"/>',
        '<circle cx="5" cy="5" r="3"/>',
        '<ellipse cx="5" cy="5" rx="3" ry="2"/>',
        '<polygon points="1,1 2,2 3,1"/>',
        '<polyline points="1 1 2 2" stroke="#abc"/>',
        '<g><g fill="#fff"><rect width="1" height="1"/></g></g>',
    ],
)
def test_basic_shapes_are_drawn(body: str) -> None:
    """Each as one path."""
    assert len(drawn(body)) == 1


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("<script>1</script>", "element script"),
        ("<style>*{fill:red}</style>", "element style"),
        ("<text>x</text>", "element text"),
        ('<image href="https://mianti.invalid/x.png"/>', "element image"),
        ('<use href="#x"/>', "element use"),
        ("<foreignObject/>", "element foreignObject"),
        ("<animate/>", "element animate"),
        ('<linearGradient id="x"/>', "element linearGradient"),
        ('<rect width="1" height="1" onclick="x()"/>', "attribute onclick"),
        ('<rect width="1" height="1" style="fill:red"/>', "attribute style"),
        ('<rect width="1" height="1" opacity=".5"/>', "attribute opacity"),
        ('<rect width="1" height="1" fill="url(#x)"/>', "value fill"),
        ('<rect width="1" height="1" fill="red"/>', "value fill"),
        ('<rect width="1e99" height="1"/>', "value width"),
        ('<rect width="nan" height="1"/>', "value width"),
        ('<rect width="100%" height="1"/>', "value width"),
        ('<rect rx="3" width="1" height="1"/>', "attribute rx"),
        ('<path d="M 1 1 javascript:"/>', "value d"),
        ('<path d="M 1"/>', "value d"),
        ('<path d="M 1e6 0 L 1e9 1"/>', "value d"),
        ('<polygon points="1 1 2"/>', "value points"),
        ('<g transform="skewX(10)"/>', "value transform"),
        ('<g transform="scale(1e4) scale(1e4)"/>', "value transform"),
        ('<rect width="1" height="1"><animate/></rect>', "element animate"),
        ("<g>" * (MAX_DEPTH + 2) + "</g>" * (MAX_DEPTH + 2), "too-deep"),
        ("<g/>" * (MAX_ELEMENTS + 1), "too-many"),
        ("<g>" * 100_000 + "</g>" * 100_000, "xml"),
    ],
)
def test_everything_else_is_refused_by_name(body: str, why: str) -> None:
    """So that nobody wonders why something is not on the certificate."""
    with pytest.raises(PictureRefused) as raised:
        drawn(body)
    assert raised.value.why == why


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "xml"),
        (b"<html/>", "no-svg"),
        (b"<svg/>", "view-box"),
        (b'<svg viewBox="0 0 0 0"/>', "view-box"),
        (b'<svg viewBox="0 0 x 0"/>', "value viewBox"),
        (b'<!DOCTYPE svg [<!ENTITY a "b">]><svg viewBox="0 0 1 1">&a;</svg>', "doctype"),
        (b'<svg viewBox="0 0 1 1">' + b" " * (1 << 20) + b"</svg>", "too-large"),
    ],
)
def test_what_is_no_plain_svg_is_refused(data: bytes, why: str) -> None:
    """Entities and external subsets, too."""
    with pytest.raises(PictureRefused) as raised:
        shapes(data, 10, 10)
    assert raised.value.why == why


@given(st.text("MmLlHhVvCcSsQqTtAaZz0123456789.,- ", max_size=60))
def test_odd_paths_are_drawn_or_refused(told: str) -> None:
    """No error of the library comes out."""
    assert refusal(f'<path d="{told}"/>') in {"", "value d"}


@given(st.binary(max_size=200))
def test_odd_bytes_are_refused(data: bytes) -> None:
    """Behind a sound beginning, too."""
    for whole in (data, HEAD.encode() + data):
        with pytest.raises(PictureRefused):
            shapes(whole, 10, 10)
