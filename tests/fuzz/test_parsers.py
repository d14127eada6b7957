"""The harness itself, shortly: real files are read, broken ones are refused or read."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seals.errors import DocumentRefused, SealError, SealRefused
from tests.fuzz.mutation import broken
from tests.fuzz.parsers import PARSERS, Parser, Passed, fed


@pytest.mark.parametrize("name", PARSERS)
def test_real_files_are_read(name: str) -> None:
    """Each seed goes through: a harness that refuses everything finds nothing."""
    parser, refused = PARSERS[name], 0
    for seed in parser.seeds():
        try:
            parser.read(seed)
        except (DocumentRefused, SealRefused):  # a seal may not be set on what was closed
            refused += 1

    assert not refused or name.startswith("ofd-")


@pytest.mark.parametrize("name", PARSERS)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_broken_files_break_no_parser(name: str, data: st.DataObject) -> None:
    """Nothing but its own errors comes out, in words fit for a log; nothing changed is believed."""
    parser = PARSERS[name]

    assert fed(parser, data.draw(broken(parser.seeds()))).isprintable()


def test_what_may_not_be_raised_is_found() -> None:
    """Another error than its own, and a document that passes although it should not."""

    def fails(data: bytes) -> None:
        raise (KeyError if data else Passed)("x")

    parser = Parser(read=fails, seeds=list, refuses=(SealError,))
    for data, expected in ((b"x", KeyError), (b"", Passed)):
        with pytest.raises(expected):
            fed(parser, data)
