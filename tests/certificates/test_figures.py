"""Figures, stock rows and what the superior platform is told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certificates.editions import Conformance, Editions
from certificates.errors import FaceRefused
from certificates.face import Given
from certificates.figures import (
    Collected,
    Held,
    Month,
    collected,
    growth,
    per_head,
    standardised,
    taken,
    used,
)
from certificates.issuance import issue
from certificates.lifecycle import Lifecycle, Order
from certificates.stock import fitted, heads, summary
from certificates.upward import Sent, due, outgoing, overdue, reconcile, same_day, state_digest
from tests.world.certificates import (
    BUREAU,
    CLERK,
    LINE,
    NOW,
    OFFICE,
    TODAY,
    catalog,
    city,
    definitions,
    desk,
    province,
    published,
    request,
    values,
)

PLACE = replace(
    province(),
    held={t: province().held[t] for t in ("business-licence", "passport", "food-business-licence")},
)


def test_a_type_is_standardised_by_an_edition_and_a_bound_seal() -> None:
    """Not without the edition, not without the seal, not by no standard at all."""
    by_none = Editions(type_id="passport", owner=LINE).draft(
        province(),
        definitions()["passport"],
        template_digest="sm3:00",
        conformance=Conformance.NONE,
        by=BUREAU,
        at=NOW,
    )
    by_none = by_none.publish(1, definitions()["passport"], faults=(), by=BUREAU, at=NOW)
    editions = {"business-licence": published("business-licence"), "passport": by_none}
    bindings = [
        one.bind(province(), unit=OFFICE.code, seal_id="s", series="m")
        for one in (published("business-licence"), by_none, published("food-business-licence"))
    ]

    found = standardised(PLACE, editions, bindings, NOW)
    assert found.standardised == ("business-licence",)
    assert found.missing == ("food-business-licence", "passport")
    assert found.share == pytest.approx(1 / 3)
    assert standardised(PLACE, editions, [], NOW).share == 0
    assert standardised(PLACE, editions, bindings, NOW - timedelta(days=999)).share == 0
    assert standardised(PLACE, editions, bindings, NOW, owner="other").share is None


def test_face_data_and_files_are_counted_apart_and_once() -> None:
    """The same certificate sent twice is one, with its file if it ever came with one."""
    found = collected(
        [
            Held(identifier="1", holder_of_record="a", has_file=False),
            Held(identifier="1", holder_of_record="a", has_file=True),
            Held(identifier="2", holder_of_record="a", has_file=False),
            Held(identifier="1", holder_of_record="b", has_file=False),
        ]
    )

    assert found == {"a": Collected(faces=2, files=1), "b": Collected(faces=1, files=0)}
    assert sum(found.values(), Collected(faces=0, files=0)) == Collected(faces=3, files=1)


JANUARY, DECEMBER = Month(year=2026, month=1), Month(year=2025, month=12)


def test_growth_is_this_month_end_less_the_last() -> None:
    """Across the year, also below nought, and None where a snapshot is missing."""
    snapshots = taken({}, DECEMBER, {"a": Collected(faces=100, files=1)})
    snapshots = taken(snapshots, JANUARY, {"a": Collected(faces=90, files=9)})

    assert growth(snapshots, "a", JANUARY) == -10
    assert growth(snapshots, "a", DECEMBER) is None
    assert growth(snapshots, "b", JANUARY) is None
    assert Month.of(date(2026, 1, 31)).before == DECEMBER


def test_a_snapshot_is_never_taken_again() -> None:
    """Later corrections show in later months."""
    first = taken({}, DECEMBER, {"a": Collected(faces=100, files=1)})
    again = taken(first, DECEMBER, {"a": Collected(faces=5, files=5), "b": Collected(faces=1, files=0)})  # fmt: skip

    assert again["a", DECEMBER] == Collected(faces=100, files=1)
    assert again["b", DECEMBER] == Collected(faces=1, files=0)


@pytest.mark.parametrize(
    ("population", "expected"),
    [({2025: 200}, 0.5), ({2026: 200}, None), ({2025: 0}, None), ({}, None)],
)
def test_volume_per_head_is_by_the_year_before(
    population: Mapping[int, int], expected: float | None
) -> None:
    """上一年常住人口."""
    assert per_head(Collected(faces=100, files=0), population, 2026) == expected


def test_the_share_of_types_in_use() -> None:
    """Types of other places do not count; no types, no share."""
    assert used(PLACE, ["passport", "passport", "other"]) == pytest.approx(1 / 3)
    assert used(city(), ["passport"]) is None


FOOD = definitions()["food-business-licence"]


def rows() -> Iterator[dict[str, Given]]:
    """Good, wrong twice over, good under the first's number."""
    yield values("food-business-licence")
    yield values("food-business-licence", uscc="1", issue_date="2025年")
    yield values("food-business-licence", operator_name="别家")


def test_stock_is_reported_row_by_row() -> None:
    """What fits goes on; what does not is named by row, item and rule; a number stands once."""
    report = list(fitted(FOOD, rows(), catalog().code_tables, today=TODAY))

    assert [row.face is not None for row in report] == [True, False, False]
    assert [{(f.item, f.rule) for f in row.findings} for row in report[1:]] == [
        {("uscc", "length"), ("issue_date", "not-a-date")},
        {("licence_no", "number-twice")},
    ]
    found = summary(report)
    assert (found.rows, found.fitting) == (3, 1)
    assert found.share == pytest.approx(1 / 3)
    assert found.faults["uscc", "length"] == 1
    assert summary([]).share is None


def test_rows_are_taken_one_by_one() -> None:
    """The next is not asked for before the last was reported: a table may have no end."""
    asked = []

    def endless() -> Iterator[dict[str, Given]]:
        while True:
            asked.append(1)
            yield {}

    report = fitted(FOOD, endless(), catalog().code_tables, today=TODAY)
    next(report)
    next(report)
    assert len(asked) == 2


HEADS = {item.label: item.id for item in FOOD.type.items.values()}


def test_columns_are_known_by_label_id_or_initials() -> None:
    """Any of the three."""
    mixed = {**HEADS}
    del mixed["经营者名称"], mixed["统一社会信用代码"]
    mixed |= {"operator_name": "operator_name", "KZ_TYSHXYDM": "uscc"}
    assert heads(FOOD, HEADS) == HEADS
    assert heads(FOOD, mixed) == mixed


@pytest.mark.parametrize(
    ("columns", "rule"),
    [
        ((*HEADS, "备注栏"), "unknown-column"),
        ((*HEADS, "uscc"), "column-twice"),
        ([c for c in HEADS if c != "发证日期"], "column-missing"),
        ((), "column-missing"),
    ],
)
def test_columns_that_do_not_fit_are_refused_at_once(columns: list[str], rule: str) -> None:
    """Before a million rows are."""
    with pytest.raises(FaceRefused) as refused:
        heads(FOOD, columns)
    assert {finding.rule for finding in refused.value.findings} == {rule}


OFFICE_DESK = desk()
MADE = issue(request(), OFFICE_DESK)
SUSPENDED = Lifecycle().suspend(
    MADE, Order(by=CLERK, at=NOW + timedelta(days=1), reason="核查", basis="条例")
)


def test_what_was_not_told_in_its_present_state_is_due() -> None:
    """A change makes it due again; what was told stays told."""
    sent = {MADE.identifier: Sent(state_digest=state_digest(MADE), at=NOW)}

    assert due([MADE], {}) == (outgoing(MADE),)
    assert due([MADE], sent) == ()
    assert due([SUSPENDED], sent) == (outgoing(SUSPENDED),)
    assert overdue(due([SUSPENDED], sent), TODAY + timedelta(days=1)) == ()
    assert overdue(due([SUSPENDED], sent), TODAY + timedelta(days=2)) == (outgoing(SUSPENDED),)


def test_the_share_that_was_told_on_its_day() -> None:
    """By Beijing days; of nothing, none."""
    late = datetime(2026, 11, 24, 16, 0, tzinfo=NOW.tzinfo)

    assert same_day([(outgoing(MADE), NOW), (outgoing(MADE), late)]) == pytest.approx(0.5)
    assert same_day([]) is None


_SIDE = st.dictionaries(st.sampled_from("abcdef"), st.sampled_from(["sm3:0", "sm3:1"]))


@given(_SIDE, _SIDE)
def test_reconciliation_finds_every_difference_once(
    ours: dict[str, str], theirs: dict[str, str]
) -> None:
    """Doing what it says makes both sides the same."""
    found = reconcile(ours, theirs)
    named = [*found.missing, *found.unknown, *found.differing]

    assert len(named) == len(set(named))
    mended = {k: v for k, v in theirs.items() if k not in found.unknown}
    mended |= {k: ours[k] for k in (*found.missing, *found.differing)}
    assert mended == ours
    assert found.agrees == (ours == theirs)
