"""Seal pictures as they are drawn: sizes by the rule, room for every character, the same bytes."""

from __future__ import annotations

import hashlib
import io
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import pylopdf_fonts_zh_cn
import pytest
from PIL import Image

from seals.drawing import Drawing, Shape, png, svg
from seals.errors import GlyphMissing, SealRefused
from seals.glyphs import Face, song
from seals.impression import (
    RED,
    NameSeal,
    OvalSeal,
    RoundSeal,
    approval_seal,
    name_seal,
    oval_seal,
    round_seal,
)
from seals.impression import picture as picture_of
from seals.pictures import checked_picture
from seals.proportions import SIZES, Centre, Level

CODE = "9901010000001"
NAME = "示范省示范市示例自治县人力资源和社会保障局劳动就业管理服务中心"[:30]
DEPARTMENT = Level.DEPARTMENT


def drawn(ring: str, lower: tuple[str, ...] = (), code: str = "") -> Drawing:
    """A department's seal of 42 mm."""
    seal = RoundSeal(ring=ring, level=DEPARTMENT, diameter=42, lower=lower, code=code)
    return round_seal(seal, song())


def points(shape: Shape) -> list[tuple[float, float]]:
    """All points of a shape."""
    return [point for step in shape.path for point in step.points]


def middle(shape: Shape) -> tuple[float, float]:
    """The middle of a shape's points."""
    across, down = zip(*points(shape), strict=True)
    return sum(across) / len(across), sum(down) / len(down)


def picture(drawing: Drawing, dpi: int = 600) -> Image.Image:
    """The drawing's PNG, decoded."""
    return Image.open(io.BytesIO(png(drawing, dpi))).convert("RGBA")


@pytest.mark.parametrize("count", range(6, 31))
@pytest.mark.parametrize("lower", [(), ("审批服务专用章",), ("行政审批专用章", "（1）")])
@pytest.mark.parametrize("code", ["", CODE])
def test_every_length_fits(count: int, lower: tuple[str, ...], code: str) -> None:
    """No character leaves the rim, touches the star or stands on another's place; the ring runs
    clockwise and is level on both sides.
    """
    drawing = drawn(NAME[:count], lower, code)
    rim, *rest = drawing.shapes
    ring, star = rest[:count], rest[count]
    inside = 21 - rim.stroke
    star_radius = max(math.dist((21, 21), point) for point in points(star))
    for shape in rest:
        assert max(math.dist((21, 21), point) for point in points(shape)) < inside
    for shape in ring:
        assert min(math.dist((21, 21), point) for point in points(shape)) > star_radius + 1
    angles = [math.atan2(x - 21, 21 - y) for x, y in map(middle, ring)]
    assert all(two - one > math.radians(7) for one, two in pairwise(angles))
    assert abs(angles[0] + angles[-1]) < math.radians(12)


@pytest.mark.parametrize("count", [6, 13, 20, 30])
def test_no_two_shapes_touch(count: int) -> None:
    """Painted one by one, no pixel is painted twice: characters, star, lower text, code and rim
    keep apart.
    """
    drawing = drawn(NAME[:count], ("审批服务专用章", "（1）"), CODE)
    painted = 0
    for shape in drawing.shapes:
        one = Drawing(width=42, height=42, colour=RED, shapes=(shape,))
        alpha = picture(one, 200).getchannel("A").point([0] * 160 + [1] * 96)
        mask = int.from_bytes(alpha.tobytes())
        assert mask
        assert painted & mask == 0
        painted |= mask


def test_the_picture_is_red_on_nothing_at_print_resolution() -> None:
    """600 dpi, transparent corners, one red in all degrees of opacity; and passes our own check."""
    data = png(drawn("示范市大数据管理局", (), CODE))
    with Image.open(io.BytesIO(data)) as opened:
        dpi, size = opened.info["dpi"], opened.size
        shown = opened.convert("RGBA")

    assert size == (992, 992)
    assert [round(each) for each in dpi] == [600, 600]
    assert shown.getpixel((0, 0)) == (*RED, 0)
    assert shown.getpixel((496, 496)) == (*RED, 255)
    assert {colour[:3] for _, colour in shown.getcolors(70000) or []} == {RED}
    assert checked_picture(data, 42, 42).dpi == 600


def test_the_same_seal_is_the_same_bytes() -> None:
    """Drawn twice, SVG and PNG alike; another name is another picture."""
    one, two = (drawn("示范市大数据管理局", ("登记专用章",), CODE) for _ in range(2))

    assert svg(one) == svg(two)
    assert png(one) == png(two)
    assert svg(one) != svg(drawn("示范市大数据管理处", ("登记专用章",), CODE))


def test_the_vector_of_a_seal() -> None:
    """The bytes of one SVG, so that a change of proportions is a decision. It was looked at."""
    digest = hashlib.sha256(svg(drawn("示范市大数据管理局", ("登记专用章",), CODE))).hexdigest()

    assert digest == "93772c55b8abc2bf17013f1a5295344ba4a0b0d2ce1d764cd6701673e6a44d53"


def test_the_svg_needs_no_fonts_and_refers_to_nothing() -> None:
    """Paths alone, in millimetres."""
    text = svg(drawn("示范市大数据管理局")).decode()

    assert 'width="42mm"' in text
    assert "<text" not in text
    assert "href" not in text
    assert "url" not in text


@pytest.mark.parametrize("level", [each for each in Level if SIZES[each].centre is Centre.STAR])
def test_diameters_follow_the_rule(level: Level) -> None:
    """What the level says without being asked; larger is refused, smaller only where the rule says
    at most.
    """
    rule = SIZES[level]
    seal = RoundSeal(ring="示范市演示局分局", level=level)

    assert round_seal(seal, song()).width == rule.diameter
    for diameter in (rule.diameter + 1, 15, -1, float("nan")):
        with pytest.raises(SealRefused, match="diameter"):
            round_seal(RoundSeal(ring=seal.ring, level=level, diameter=diameter), song())
    smaller = RoundSeal(ring=seal.ring, level=level, diameter=40)
    if rule.at_most:
        assert round_seal(smaller, song()).height == 40
    else:
        with pytest.raises(SealRefused, match="diameter"):
            round_seal(smaller, song())


def test_the_state_emblem_is_not_drawn() -> None:
    """A county's government uploads its impression."""
    for seal in (
        RoundSeal(ring="示范市演示县人民政府", level=Level.COUNTY),
        RoundSeal(ring="示范市演示局分局", level=DEPARTMENT, centre=Centre.EMBLEM),
    ):
        with pytest.raises(SealRefused, match="emblem-not-drawn"):
            round_seal(seal, song())


def of(ring: str = "示范市演示局", lower: tuple[str, ...] = (), code: str = "") -> RoundSeal:
    """A department's seal."""
    return RoundSeal(ring=ring, level=DEPARTMENT, lower=lower, code=code)


WORDS: dict[str, tuple[str, RoundSeal]] = {
    "five": ("ring-length", of("示范演示局")),
    "thirty-one": ("ring-length", of("示" * 31)),
    "nothing": ("ring-length", of("")),
    "a megabyte": ("ring-length", of("示" * 10**6)),
    "right to left": ("ring-characters", of("示范市\u202e演示局")),
    "a line break": ("ring-characters", of("示范市\n演示局")),
    "NUL": ("ring-characters", of("示范市\x00演示局")),
    "markup": ("ring-characters", of("<script>演示")),
    "three lines": ("lower-length", of(lower=("一", "二", "三"))),
    "an empty line": ("lower-length", of(lower=("",))),
    "a long line": ("lower-length", of(lower=("专" * 15,))),
    "small letters": ("code", of(code="abc")),
    "a long code": ("code", of(code="1" * 19)),
    "a code in Chinese": ("code", of(code="九九")),
    "other digits": ("code", of(code="٠١٢")),
}


@pytest.mark.parametrize(("why", "seal"), WORDS.values(), ids=WORDS)
def test_words_that_are_not_drawn(why: str, seal: RoundSeal) -> None:
    """Each under its key."""
    with pytest.raises(SealRefused) as refused:
        round_seal(seal, song())

    assert refused.value.why == why


def test_a_missing_character_is_named_and_never_a_box() -> None:
    """The character goes with the error."""
    with pytest.raises(GlyphMissing) as missing:
        drawn("示范市\U0003106c演示局")

    assert missing.value.character == "\U0003106c"


def test_the_middle_may_stay_open() -> None:
    """The lower text then stands in the middle."""
    words = {"ring": "示范市演示局分局", "level": DEPARTMENT, "lower": ("合同专用章",)}
    with_star = round_seal(RoundSeal(**words), song())
    without = round_seal(RoundSeal(**words, centre=Centre.OPEN), song())

    assert len(without.shapes) == len(with_star.shapes) - 1
    assert middle(without.shapes[-1])[1] < middle(with_star.shapes[-1])[1] - 5


def test_many_threads_draw_one_seal_alike() -> None:
    """The face is shared, its file read by whoever comes first."""
    face = Face(pylopdf_fonts_zh_cn.serif_path())
    seal = RoundSeal(ring=NAME, level=DEPARTMENT, lower=("审批服务专用章",), code=CODE)
    with ThreadPoolExecutor(8) as pool:
        drawn_by_all = set(pool.map(lambda _: svg(round_seal(seal, face)), range(16)))

    assert drawn_by_all == {svg(round_seal(seal, song()))}


def test_a_townships_approval_seal_is_split_where_the_office_ends() -> None:
    """The office around, what it is for below; 42 mm as for a township."""
    seal = approval_seal("示范市演示县示例镇人民政府审批服务专用章", CODE)

    assert (seal.ring, seal.lower) == ("示范市演示县示例镇人民政府", ("审批服务专用章",))
    assert picture_of(round_seal(seal, song())).width == 42
    for name in ("示例镇人民政府", "审批服务专用章", "示例镇财政所审批服务专用章"):
        with pytest.raises(SealRefused, match="name"):
            approval_seal(name)


def test_a_station_seal() -> None:
    """Oval, with its number in it; everything inside the rim."""
    seal = OvalSeal(
        ring="示范市演示县示例镇示例村政务服务站", middle="审批服务专用章", number="编号：01"
    )
    drawing = oval_seal(seal, song())

    assert (drawing.width, drawing.height) == (45, 30)
    assert len(drawing.shapes) == 1 + 17 + 7 + 5
    rim = drawing.shapes[0].stroke
    for shape in drawing.shapes[1:]:
        for x, y in points(shape):
            assert ((x - 22.5) / (22.5 - rim)) ** 2 + ((y - 15) / (15 - rim)) ** 2 < 1


OVALS: dict[str, tuple[str, OvalSeal]] = {
    "short": ("ring-length", OvalSeal(ring="服务站", middle="专用章", number="1")),
    "no number": ("lower-length", OvalSeal(ring="示例社区服务站", middle="专用章", number="")),
    "upright": (
        "diameter",
        OvalSeal(ring="示例社区服务站", middle="专用章", number="1", width=30, height=45),
    ),
    "flat": (
        "diameter",
        OvalSeal(ring="示例社区服务站", middle="专用章", number="1", height=5),
    ),
    "vast": (
        "diameter",
        OvalSeal(ring="示例社区服务站", middle="专用章", number="1", width=1e9, height=1e9),
    ),
}


@pytest.mark.parametrize(("why", "seal"), OVALS.values(), ids=OVALS)
def test_ovals_that_are_not_drawn(why: str, seal: OvalSeal) -> None:
    """Each under its key."""
    with pytest.raises(SealRefused) as refused:
        oval_seal(seal, song())

    assert refused.value.why == why


@pytest.mark.parametrize(
    ("name", "places"), [("张三", 4), ("李四五", 4), ("欧阳三四", 4), ("演示人姓名", 6)]
)
def test_a_name_seal(name: str, places: int) -> None:
    """Filled with 印 or 之印; the first character stands top right."""
    drawing = name_seal(NameSeal(name=name), song())
    characters = drawing.shapes[1:]

    assert len(characters) == places
    x, y = middle(characters[0])
    assert x > 10 > y
    for shape in characters:
        assert all(1 < across < 19 and 1 < down < 19 for across, down in points(shape))


def test_name_seals_that_are_not_drawn() -> None:
    """Too short, too long, too large."""
    cases: list[tuple[str, Callable[[], NameSeal]]] = [
        ("name-length", lambda: NameSeal(name="张")),
        ("name-length", lambda: NameSeal(name="张" * 7)),
        ("name-characters", lambda: NameSeal(name="张\u200b三")),
        ("diameter", lambda: NameSeal(name="张三", side=100)),
    ]
    for why, seal in cases:
        with pytest.raises(SealRefused) as refused:
            name_seal(seal(), song())

        assert refused.value.why == why


def test_no_picture_is_larger_than_can_be_used() -> None:
    """The resolution is bounded."""
    with pytest.raises(ValueError, match="too many pixels"):
        png(drawn("示范市大数据管理局"), 10_000)


def test_the_face_may_be_shared() -> None:
    """Its licence lies beside it."""
    folder = Path(pylopdf_fonts_zh_cn.__file__).parents[1]
    licences = [path.read_text("utf-8") for path in folder.glob("pylopdf_fonts*/licenses/*")]

    assert any("SIL OPEN FONT LICENSE Version 1.1" in text for text in licences)
