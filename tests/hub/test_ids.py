"""Identifiers: their form, their order, and that none comes twice."""

from __future__ import annotations

import re
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

from hub.ids import new_id

FORM = re.compile(r"rcp_[0-9a-f]{12}7[0-9a-f]{3}[89ab][0-9a-f]{15}")


def test_form_is_prefix_and_uuid7() -> None:
    """The part after the prefix is a UUID of version 7 and the RFC's variant."""
    made = new_id("rcp")
    number = uuid.UUID(made.removeprefix("rcp_"))

    assert FORM.fullmatch(made)
    assert number.variant == uuid.RFC_4122
    assert number.version == 7


def test_first_48_bits_are_the_milliseconds() -> None:
    """An id tells when it was made."""
    before = time.time_ns() // 1_000_000
    told = int(new_id("rcp").removeprefix("rcp_")[:12], 16)

    # Ids made faster than the clock's grain borrow from the time ahead, a millisecond in 4,096.
    assert before <= told <= time.time_ns() // 1_000_000 + 1000


def test_ids_rise_and_never_repeat() -> None:
    """Made as fast as can be, ids are in order."""
    made = [new_id("qry") for _ in range(20_000)]

    assert made == sorted(made)
    assert len(set(made)) == len(made)


def test_threads_never_share_an_id() -> None:
    """Eight threads at once make different ids."""
    with ThreadPoolExecutor(8) as pool:
        made = [
            each
            for part in pool.map(lambda _: [new_id("x") for _ in range(500)], range(8))
            for each in part
        ]

    assert len(set(made)) == 4000
