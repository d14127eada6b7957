"""Text in its box: where lines break, how small they become, where they stand."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certificates.drawing.errors import GlyphMissing, Overflow
from certificates.drawing.lines import NOT_FIRST, NOT_LAST, Align, Box, Stand, Style, laid

PLAIN = Style(size=4, floor=4, leading=1.25)
CHINESE = st.text("示范县买提·，。（）《》“”；：、 Aa1-", min_size=1, max_size=80)


def lines(text: str, ems: float, style: Style = PLAIN) -> list[str]:
    """The lines of a text in so wide a box, which is high enough."""
    return [each.text for each in laid(text, Box(0, 0, ems * style.size, 999), style)]


@pytest.mark.parametrize(
    ("text", "ems", "expected"),
    [
        ("示范县示例局", 4, ["示范县示", "例局"]),
        ("示范县示，例局", 4, ["示范县", "示，例局"]),
        ("示范（县）示例", 3, ["示范", "（县）", "示例"]),
        ("示范县（示例）", 4, ["示范县", "（示例）"]),
        ("买买提·阿卜杜", 3, ["买买", "提·阿", "卜杜"]),
        ("甲 Beijing Demo", 6, ["甲 Beijing ", "Demo"]),
        ("Incomprehensibilities", 5, ["Incompre", "hensibilit", "ies"]),
        ("甲\n乙", 9, ["甲", "乙"]),
        ("经营范围：91990101MA0000015C。", 12, ["经营范围：", "91990101MA0000015C。"]),
        ("代码91990101MA0000015C。", 10.5, ["代码", "91990101MA0000015", "C。"]),
        ("一", 1, ["一"]),
    ],
    ids=[
        "between-characters", "comma-not-first", "pair-kept", "opening-not-last", "middle-dot",
        "words", "word-too-long", "line-end", "code-kept", "mark-not-alone", "one",
    ],
)  # fmt: skip
def test_lines_break_where_they_may(text: str, ems: float, expected: list[str]) -> None:
    """Between Chinese characters and Latin words; marks stay with what they belong to."""
    assert lines(text, ems) == expected


@given(CHINESE, st.floats(3, 30))
def test_nothing_is_lost_and_no_line_begins_wrong(text: str, ems: float) -> None:
    """The lines together are the text; none begins with a closing mark unless a line is too short
    for the marks themselves.
    """
    found = lines(text, ems)

    assert "".join(found) == text
    for before, after in pairwise(found):
        joined = after[0] in NOT_FIRST or before[-1] in NOT_LAST
        if joined:  # a row of marks that no line has room for
            stuck = before.rstrip() + after
            assert sum(each in NOT_FIRST | NOT_LAST | {" "} for each in stuck) >= 2


@given(CHINESE, st.floats(8, 60), st.floats(3, 40))
def test_what_is_laid_stays_in_its_box(text: str, width: float, height: float) -> None:
    """Or it is refused: never anything beside the box."""
    style = Style(size=5, floor=1, leading=1.2)
    try:
        marks = laid(text, Box(10, 20, width, height), style)
    except Overflow:
        return
    for mark in marks:
        assert mark.x >= 10 - 0.01
        assert mark.x + mark.width <= 10 + width + 0.02
        assert mark.y - 0.88 * mark.size >= 20 - 0.02
        assert mark.y + 0.12 * mark.size <= 20 + height + 0.02


def test_a_long_text_becomes_smaller_and_stops_at_the_floor() -> None:
    """As much smaller as it must, no smaller than it may; then it overflows, with item and lines."""
    style = Style(size=6, floor=3)
    box = Box(0, 0, 60, 6.5)

    (mark,) = laid("示范县示例街道样例路", box, style)
    assert mark.size == 6
    (mark,) = laid("示范县示例街道样例路一号楼二", box, style)
    assert 3 <= mark.size < 5
    with pytest.raises(Overflow, match=r"address.*2.*1") as raised:
        laid("示" * 21, box, style, item="address")
    assert raised.value.code == "certificates.overflow"


@pytest.mark.parametrize(
    ("align", "begins", "ends"),
    [(Align.LEFT, 10, 18), (Align.CENTRE, 26, 34), (Align.RIGHT, 42, 50), (Align.SPREAD, 10, 50)],
)
def test_lines_stand_as_they_are_told(align: Align, begins: float, ends: float) -> None:
    """Left, in the middle, right, or spread from edge to edge."""
    (mark,) = laid("名称", Box(10, 0, 40, 8), Style(size=4, floor=4, align=align))

    assert mark.x == begins
    assert mark.x + mark.width == ends
    assert mark.x + mark.offsets[1] == ends - 4


@pytest.mark.parametrize(
    ("stand", "baseline"), [(Stand.TOP, 3.52), (Stand.MIDDLE, 11.52), (Stand.BOTTOM, 19.52)]
)
def test_text_stands_in_the_height_of_its_box(stand: Stand, baseline: float) -> None:
    """The baseline is 0.88 em below the top of the characters' square."""
    (mark,) = laid("名", Box(0, 0, 40, 20), Style(size=4, floor=4, stand=stand))

    assert mark.y == pytest.approx(baseline)


def test_spacing_stands_between_characters_and_not_behind() -> None:
    """Three characters have two gaps."""
    (mark,) = laid("许可证", Box(0, 0, 99, 9), Style(size=4, floor=4, spacing=0.5))

    assert mark.offsets == (0, 6, 12)
    assert mark.width == 16


@pytest.mark.parametrize(
    ("character", "named"),
    [
        ("𠮷", "U+20BB7"),
        ("\u200b", "U+200B"),
        ("\u202e", "U+202E"),
        ("\x00", "U+0000"),
        ("\ufe0f", "U+FE0F"),
        ("😀", "U+1F600"),
        ("\t", "U+0009"),
        ("\ue000", "U+E000"),
    ],
)
def test_a_character_that_cannot_be_seen_stops_and_is_named(character: str, named: str) -> None:
    """Neither a box nor nothing in its place, and no reordering of what is around it."""
    with pytest.raises(GlyphMissing) as raised:
        laid(f"赵{character}示", Box(0, 0, 99, 9), PLAIN)

    assert named in str(raised.value)
    assert raised.value.character == character
    assert "赵" not in str(raised.value)
