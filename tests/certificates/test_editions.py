"""Types of a place and editions of their templates: who may do what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from certificates.editions import TABLE, Conformance, EditionAct, Editions, EditionState
from certificates.errors import IllegalAct, InvalidDefinitions
from certificates.lists import DEMONSTRATION, read_list
from certificates.model import Actor, Tier
from certificates.typelist import Mode, Origin, TypeList, is_type_code
from tests.world.certificates import (
    BUREAU,
    CLERK,
    LINE,
    NOW,
    city,
    definitions,
    province,
    type_codes,
)

FOOD, BOARD, PASSPORT = "food-business-licence", "signboard-permit", "passport"
ABOVE_PLACE = "11990000000000107Q777"


def claim(place: TypeList, type_id: str, owner: str = LINE) -> TypeList:
    """Claimed by the bureau."""
    definition = definitions()[type_id]
    return place.claim(definition, owner=owner, by=BUREAU, at=NOW, mode=Mode.SYSTEM)


def supplement(place: TypeList, type_id: str, code: str, owner: str = LINE) -> TypeList:
    """Supplemented by the bureau."""
    definition = definitions()[type_id]
    return place.supplement(definition, code, owner=owner, by=BUREAU, at=NOW, mode=Mode.BATCH)


def test_claimed_and_supplemented_types_are_counted_apart() -> None:
    """G-04: the sum of both; what nobody claimed stays visible."""
    place = supplement(claim(claim(city(), FOOD), PASSPORT, "other"), BOARD, type_codes()[BOARD])

    counts = place.counts()
    assert (counts.claimed, counts.supplemented, counts.total) == (2, 1, 3)
    assert place.counts(LINE).total == 2
    assert place.held[FOOD].origin is Origin.CLAIMED
    assert place.held[FOOD].code == type_codes()[FOOD]
    assert len(place.unclaimed) == 68 - 2 - 2
    assert FOOD not in place.unclaimed
    whole = province().counts()
    assert (whole.claimed, whole.supplemented) == (66, 2)


LIST = DEMONSTRATION.read_text(encoding="utf-8")
BROKEN = {
    "code twice": ("11990000000000107Q002", "11990000000000107Q001", {"duplicate-id"}),
    "name twice": ("居民户口簿", "居民身份证", {"duplicate-id"}),
    "code of no body": ("11990000000000107Q002", "11990000000000107X002", {"type-code"}),
    "code 000": ("11990000000000107Q002", "11990000000000107Q000", {"type-code"}),
    "code too short": ("11990000000000107Q002", "11990000000000107Q02", {"ill-formed"}),
    "code without quotes": ("'11100000MB03271699022'", "1110000099922", {"not-text"}),
    "another code than the known one": (
        "11100000MB03271699022",
        "11100000MB03271699023",
        {"code-differs"},
    ),
    "no types": (LIST[LIST.index("\ntypes:") :], "\ntypes: []", {"empty"}),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_list_is_refused_with_its_lines(name: str, tmp_path: Path) -> None:
    """All at once, before anything is claimed."""
    old, new, rules = BROKEN[name]
    assert old in LIST
    path = tmp_path / "list.yaml"
    path.write_text(LIST.replace(old, new, 1), encoding="utf-8")

    with pytest.raises(InvalidDefinitions) as refused:
        read_list(path, definitions())
    assert {c.rule for c in refused.value.complaints} == rules
    assert all(c.line and c.file == "list.yaml" for c in refused.value.complaints)


def test_a_list_is_matched_by_name(tmp_path: Path) -> None:
    """However its brackets are written; what no type answers to is kept and shown."""
    path = tmp_path / "list.yaml"
    other = LIST.replace("（零售）", "(零售) ").replace("name: 居民身份证", "name: 居民身分证")
    path.write_text(other, encoding="utf-8")

    found = read_list(path, definitions())
    assert "drug-retail-licence" in found.codes
    assert "resident-id-card" not in found.codes
    assert found.unmatched == ("居民身分证",)
    assert len(found.codes) == 65


HOME = "realestate-certificate"
REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "claimed twice": (lambda: claim(claim(city(), FOOD), FOOD), "held-already"),
    "not on the list": (lambda: claim(city(), BOARD), "not-listed"),
    "supplemented though listed": (lambda: supplement(city(), FOOD, ABOVE_PLACE), "listed"),
    "code of a listed type": (lambda: supplement(city(), BOARD, type_codes()[FOOD]), "listed"),
    "no code": (lambda: supplement(city(), BOARD, "001"), "code"),
    "code of no body": (lambda: supplement(city(), BOARD, "11990000000000107X001"), "code"),
    "code of another local type": (
        lambda: supplement(
            supplement(city(), BOARD, ABOVE_PLACE), "seal-filing-proof", ABOVE_PLACE
        ),
        "code-taken",
    ),
    "no owner": (lambda: claim(city(), FOOD, ""), "owner"),
    "code other than the known one": (
        lambda: claim(
            replace(city(), superior=replace(city().superior, codes={HOME: ABOVE_PLACE})), HOME
        ),
        "code-differs",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_claim_that_does_not_fit_is_refused(name: str) -> None:
    """With a stable key."""
    act, why = REFUSED[name]
    with pytest.raises(IllegalAct) as refused:
        act()
    assert refused.value.why == why


def test_type_codes() -> None:
    """18 characters of a body that can be one, and three digits from 001."""
    assert all(is_type_code(code) for code in type_codes().values())
    for code in ("11990000000000107Q000", "11990000000000107Q01", "11990000000000107q001", ""):
        assert not is_type_code(code)


def drafted(editions: Editions | None = None, type_id: str = FOOD) -> Editions:
    """One more draft of the line of business."""
    return (editions or Editions(type_id=type_id, owner=LINE)).draft(
        province(),
        definitions()[type_id],
        template_digest="sm3:00",
        conformance=Conformance.ENGINEERING,
        by=BUREAU,
        at=NOW,
    )


def publish(editions: Editions, number: int, hours: float = 0, *faults: str) -> Editions:
    """Published by its owner."""
    at = NOW + timedelta(hours=hours)
    food = definitions()[FOOD]
    return editions.publish(number, food, faults=faults, by=BUREAU, at=at)


def test_one_edition_is_effective_in_the_whole_city() -> None:
    """A published one retires the former by the same act; each time has had its own."""
    editions = publish(drafted(publish(drafted(), 1)), 2, hours=2)

    before, after = (editions.effective(NOW + timedelta(hours=hours)) for hours in (1, 3))
    assert before is not None
    assert after is not None
    assert (before.number, after.number) == (1, 2)
    assert editions.editions[0].state is EditionState.RETIRED
    assert editions.editions[0].history[-1].by == BUREAU
    assert editions.effective(NOW - timedelta(hours=1)) is None
    ended = editions.retire(2, by=BUREAU, at=NOW + timedelta(hours=4), reason="停用")
    assert ended.effective(NOW + timedelta(hours=5)) is None


FEWER = replace(
    definitions()[FOOD],
    type=replace(
        definitions()[FOOD].type,
        items={k: v for k, v in definitions()[FOOD].type.items.items() if k != "complaint_phone"},
    ),
)
OWNED: dict[str, tuple[Callable[[], object], str]] = {
    "drafted by a lower unit": (lambda: Editions(type_id=FOOD, owner=LINE).draft(province(), definitions()[FOOD], template_digest="sm3:00", conformance=Conformance.NATIONAL, by=CLERK, at=NOW), "not-the-owner"),
    "drafted by another line": (lambda: Editions(type_id=FOOD, owner="other").draft(province(), definitions()[FOOD], template_digest="sm3:00", conformance=Conformance.NATIONAL, by=Actor(account="x", organisation="other"), at=NOW), "not-the-owner"),
    "drafted without a template": (lambda: Editions(type_id=FOOD, owner=LINE).draft(province(), definitions()[FOOD], template_digest="", conformance=Conformance.NATIONAL, by=BUREAU, at=NOW), "template"),
    "drafted for a type not held": (lambda: Editions(type_id=FOOD, owner=LINE).draft(city(), definitions()[FOOD], template_digest="sm3:00", conformance=Conformance.NATIONAL, by=BUREAU, at=NOW), "not-held"),
    "drafted in a city for a type issued above": (lambda: Editions(type_id=PASSPORT, owner=LINE).draft(claim(city(), PASSPORT), definitions()[PASSPORT], template_digest="sm3:00", conformance=Conformance.NATIONAL, by=BUREAU, at=NOW), "issued-above"),
    "published by a lower unit": (lambda: drafted().publish(1, definitions()[FOOD], faults=(), by=CLERK, at=NOW), "not-the-owner"),
    "published though the sample fails": (lambda: publish(drafted(), 1, 0, "overflow"), "sample-fails"),
    "published after the items changed": (lambda: drafted().publish(1, FEWER, faults=(), by=BUREAU, at=NOW), "directory-changed"),
    "published twice": (lambda: publish(publish(drafted(), 1), 1), "state"),
    "published again after its end": (lambda: publish(publish(drafted(), 1).retire(1, by=BUREAU, at=NOW, reason="停用"), 1), "state"),
    "published before it was drafted": (lambda: publish(drafted(), 1, -1), "time"),
    "an edition that is none": (lambda: publish(drafted(), 2), "unknown-edition"),
    "retired by a lower unit": (lambda: publish(drafted(), 1).retire(1, by=CLERK, at=NOW, reason="停用"), "not-the-owner"),
    "retired for nothing": (lambda: publish(drafted(), 1).retire(1, by=BUREAU, at=NOW, reason=" "), "reason"),
    "bound before anything is published": (lambda: drafted().bind(province(), unit="u", seal_id="s", series="m"), "not-published"),
    "bound without a seal": (lambda: publish(drafted(), 1).bind(province(), unit="u", seal_id="", series="m"), "binding"),
    "bound where the type is not held": (lambda: publish(drafted(), 1).bind(city(), unit="u", seal_id="s", series="m"), "not-held"),
}  # fmt: skip


@pytest.mark.parametrize("name", OWNED)
def test_only_the_line_of_business_edits(name: str) -> None:
    """And only what passed its samples is published; lower units bind, no more."""
    act, why = OWNED[name]
    with pytest.raises(IllegalAct) as refused:
        act()
    assert refused.value.why == why


def test_lower_units_bind_their_seal_and_series() -> None:
    """Each its own, under the one edition."""
    binding = publish(drafted(), 1).bind(
        province(), unit=CLERK.organisation, seal_id="s1", series="m"
    )

    assert (binding.unit, binding.seal_id) == (CLERK.organisation, "s1")


def test_what_is_issued_above_has_a_template_above() -> None:
    """The province may make one; a city may not."""
    assert province().may_have_template(definitions()[PASSPORT])
    for tier in (Tier.CITY, Tier.COUNTY, Tier.TOWNSHIP):
        assert not replace(city(), tier=tier).may_have_template(definitions()[PASSPORT])
        assert replace(city(), tier=tier).may_have_template(definitions()[FOOD])


def test_the_table_of_editions_is_all_there_is() -> None:
    """A draft is published or given up, what is published is retired, and that is the end."""
    reached = {after for _, after in TABLE.items()}
    assert reached == {EditionState.PUBLISHED, EditionState.RETIRED}
    assert not any((EditionState.RETIRED, act) in TABLE for act in EditionAct)
