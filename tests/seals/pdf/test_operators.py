"""The words of content streams, one stream or several, remembered or not."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seals.errors import MalformedDocument
from seals.pdf.operators import MAX_REMEMBERED, MAX_STREAMS, operators, painting

PAGE = b"q 1 0 0 1 5 5 cm BT /F1 9 Tf (a b) Tj [(c) -3 <64>] TJ ET 1 2 3 4 re f Q"


@given(st.lists(st.integers(0, len(PAGE)), max_size=5))
def test_a_page_reads_alike_wherever_its_streams_part(cuts: list[int]) -> None:
    """Between words, within an operand and within a word: as if they were one, with a blank between."""
    ends = [0, *sorted(cuts), len(PAGE)]
    streams = [PAGE[one:other] for one, other in itertools.pairwise(ends)]

    try:
        expected = list(operators(b"\n".join(streams)))
    except MalformedDocument:
        with pytest.raises(MalformedDocument):
            list(painting(streams))
    else:
        assert list(painting(streams)) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"0 0 m 1 1 l S", ["S"]),
        (b"0 0 m 1 1 l W n", ["n"]),
        (b"0 0 9 9 re f", ["re", "f"]),
        (b"0 0 9 9 re 1 w f", ["re", "w", "f"]),
        (b"0 0 9 9 re 1 w S", ["re", "w", "S"]),
        (b"0 0 9 9 re B", ["re", "B"]),
        (b"0 0 9 9 re", ["re"]),
        (b"0 0 9 9 re S 0 0 9 9 re f", ["S", "re", "f"]),
    ],
)
def test_paths_that_are_only_stroked_are_left_out(content: bytes, expected: list[str]) -> None:
    """They cover nothing; what is filled stays, whatever stands between."""
    assert [name for name, _ in painting([content])] == expected


@pytest.mark.parametrize(
    "streams",
    [
        [b"0 0 9 9 re f "] * (MAX_STREAMS + 1),
        [b"0 0 9 9 re f " * (MAX_REMEMBERED // 13 + 1)],
    ],
    ids=["many", "long"],
)
def test_what_is_not_remembered_is_read_all_the_same(streams: list[bytes]) -> None:
    """Many streams, long ones."""
    assert list(painting(streams)) == list(operators(b"\n".join(streams)))


def test_a_changed_stream_is_read_anew() -> None:
    """One byte is another stream."""
    assert next(each[1] for each in painting([b"1 2 3 4 re f"])) == [1, 2, 3, 4]
    assert next(each[1] for each in painting([b"1 2 3 5 re f"])) == [1, 2, 3, 5]
