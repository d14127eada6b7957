"""What is written as DER is read back, and is as short as it can be."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seals import ber, der
from seals.errors import Malformed


@given(st.integers(-(2**300), 2**300))
def test_integers_come_back(value: int) -> None:
    """Without a byte too many."""
    found = ber.whole(der.integer(value))
    assert ber.number(found) == value
    assert not ber.padded(found)
    assert found.canonical


@given(st.tuples(st.integers(0, 1), st.integers(0, 39)), st.lists(st.integers(0, 2**70)))
def test_object_identifiers_come_back(first: tuple[int, int], rest: list[int]) -> None:
    """Up to the length that is read."""
    dotted = ".".join(map(str, (*first, *rest)))
    found = ber.whole(der.oid(dotted))
    if len(found.content) <= 64:
        assert ber.oid(found) == dotted
    else:
        with pytest.raises(Malformed):
            ber.oid(found)


@given(st.frozensets(st.integers(0, 40)))
def test_named_bits_come_back(numbers: frozenset[int]) -> None:
    """And end with a one."""
    found = ber.whole(der.named_bits(*numbers))
    assert ber.named_bits(found) == numbers
    if numbers:
        assert found.content[-1] >> found.content[0] & 1


@given(st.datetimes(datetime(1951, 1, 1), datetime(9990, 1, 1)), st.integers(-14, 14))  # noqa: DTZ001  (the zone is drawn beside)
def test_times_come_back(naive: datetime, hours: int) -> None:
    """In UTC and whole seconds, in the form that the year wants."""
    at = naive.replace(tzinfo=timezone(timedelta(hours=hours)))
    for write in (der.time, der.generalized_time):
        assert ber.moment(ber.whole(write(at))) == at.astimezone(UTC).replace(microsecond=0)
    early = at.astimezone(UTC).year < 2050
    assert der.time(at)[0] == (der.UTC_TIME if early else der.TIME)


@given(st.binary(max_size=70_000), st.integers(0, 3))
def test_values_come_back(content: bytes, depth: int) -> None:
    """At any length, inside one another, with what stands behind refused."""
    written = der.octets(content)
    for _ in range(depth):
        written = der.sequence(written)
    found = ber.whole(written)
    for _ in range(depth):
        assert found.canonical
        (found,) = ber.sequence(found, 1, 1)
    assert found.content == content
    with pytest.raises(Malformed):
        ber.whole(written + b"\0")


WRONG: dict[str, Callable[[], object]] = {
    "an OID of one arc": lambda: der.oid("1"),
    "an OID of letters": lambda: der.oid("1.a"),
    "a first arc of three": lambda: der.oid("3.1"),
    "a second arc of forty": lambda: der.oid("1.40"),
    "a negative arc": lambda: der.oid("1.2.-3"),
    "a time without a zone": lambda: der.time(datetime(2026, 1, 1)),  # noqa: DTZ001  (that is the point)
    "Chinese in PrintableString": lambda: der.printable("章"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_written(name: str) -> None:
    """It is refused, not written wrongly."""
    with pytest.raises(ValueError):  # noqa: PT011  (of Python or ours; what matters is that it stops)
        WRONG[name]()
