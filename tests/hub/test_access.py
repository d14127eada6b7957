"""Access decisions: deny by default, say which rule refused, and what would change it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.model import (
    DataResource,
    Field,
    FieldType,
    Sensitivity,
    Sharing,
    SharingTerms,
    SubjectKind,
)
from hub.access import Purpose, Rule, decide
from hub.model import Basis, BasisKind, Consumer, Grant

NOW = datetime(2026, 11, 24, tzinfo=UTC)
FIELDS = ("name", "address", "state")
RESOURCE = DataResource(
    id="hukou.person",
    name="户籍人员基本信息",
    name_en="Registered resident",
    provider="县公安局",
    subject_kind=SubjectKind.PERSON,
    many=False,
    keys=(),
    sharing=SharingTerms(kind=Sharing.CONDITIONAL),
    update_frequency="realtime",
    no_record="",
    quirks=(),
    interface={},
    fields={
        name: Field(id=name, label=name, type=FieldType.STRING, sensitivity=Sensitivity.PERSONAL)
        for name in FIELDS
    },
)
CONSUMER = Consumer(client_id="c", name="c", authority="x/教体局", county="x", jwks={})
BASIS = Basis(item="x-10-01", case="1", kind=BasisKind.STATUTORY)
PURPOSE = Purpose(ids=frozenset({"x-10-01", "x-10"}), name="入学", county="x")
GOOD = Grant(
    id="g",
    consumer="c",
    provider="县公安局",
    county="x",
    resource="hukou.person",
    fields=frozenset({"name", "address"}),
    items=frozenset({"x-10"}),
    legal_basis="文号",
    basis_kinds=frozenset({"statutory", "consent"}),
    valid_from=NOW - timedelta(days=1),
    valid_to=NOW + timedelta(days=1),
)


def decided(*grants: Grant, fields: tuple[str, ...] = ("name",), **changes: Any) -> Any:
    """Decide with everything as above but for the changes."""
    values = {
        "consumer": CONSUMER,
        "basis": BASIS,
        "purpose": PURPOSE,
        "resource": RESOURCE,
        "now": NOW,
        **changes,
    }
    return decide(fields=fields, grants=grants, **values)


def test_a_fitting_grant_allows_its_fields_and_no_other() -> None:
    """Minimisation is per field."""
    decision = decided(GOOD, fields=("name", "state", "colour"))

    assert decision.allowed == {"name": "g"}
    assert decision.refused["state"].rule is Rule.GRANT_FIELD
    assert "hukou.person.state" in decision.refused["state"].fix
    assert decision.refused["colour"].rule is Rule.FIELD_EXISTS


REFUSALS: dict[str, tuple[tuple[Grant, ...], dict[str, Any], Rule]] = {
    "no grant at all": ((), {}, Rule.GRANT_EXISTS),
    "another consumer's grant": ((replace(GOOD, consumer="d"),), {}, Rule.GRANT_EXISTS),
    "for another resource": ((replace(GOOD, resource="r.s"),), {}, Rule.GRANT_EXISTS),
    "suspended": ((replace(GOOD, active=False),), {}, Rule.GRANT_ACTIVE),
    "not yet": ((replace(GOOD, valid_from=NOW + timedelta(1)),), {}, Rule.GRANT_STARTED),
    "ended this very moment": ((replace(GOOD, valid_to=NOW),), {}, Rule.GRANT_NOT_ENDED),
    "for another item": ((replace(GOOD, items=frozenset({"x-11"})),), {}, Rule.GRANT_ITEM),
    "another basis": (
        (replace(GOOD, basis_kinds=frozenset({"consent"})),), {}, Rule.GRANT_BASIS
    ),
    "a suspended caller": ((GOOD,), {"consumer": replace(CONSUMER, active=False)}, Rule.CONSUMER_ACTIVE),
    "another county's caller": (
        (GOOD,), {"consumer": replace(CONSUMER, county="y")}, Rule.ITEM_IN_COUNTY
    ),
    "withheld by law": (
        (GOOD,),
        {"resource": replace(RESOURCE, sharing=SharingTerms(kind=Sharing.WITHHELD))},
        Rule.SHARING_TERMS,
    ),
    "consent without its reference": (
        (GOOD,), {"basis": replace(BASIS, kind=BasisKind.CONSENT)}, Rule.CONSENT_REFERENCE
    ),
}  # fmt: skip


@pytest.mark.parametrize(("grants", "changes", "rule"), REFUSALS.values(), ids=REFUSALS.keys())
def test_each_rule_refuses_by_name(
    grants: tuple[Grant, ...], changes: dict[str, Any], rule: Rule
) -> None:
    """The refusal names the rule and offers a way on."""
    decision = decided(*grants, **changes)

    assert decision.allowed == {}
    assert decision.refused["name"].rule is rule
    assert decision.refused["name"].fix


def test_the_nearest_grant_is_named() -> None:
    """Of several grants that fail, the one that fails last tells what to do."""
    ended = replace(GOOD, id="ended", valid_to=NOW)
    narrow = replace(GOOD, id="narrow", fields=frozenset({"address"}))
    refusal = decided(ended, narrow).refused["name"]

    assert (refusal.grant, refusal.rule) == ("narrow", Rule.GRANT_FIELD)


grants_strategy = st.builds(
    Grant,
    id=st.text("abc", min_size=1, max_size=3),
    consumer=st.sampled_from(["c", "d"]),
    provider=st.just("p"),
    county=st.just("x"),
    resource=st.sampled_from(["hukou.person", "r.s"]),
    fields=st.frozensets(st.sampled_from([*FIELDS, "*"])),
    items=st.frozensets(st.sampled_from(["x-10", "x-10-01", "x-11"])),
    legal_basis=st.just("l"),
    basis_kinds=st.frozensets(st.sampled_from(["statutory", "consent"])),
    valid_from=st.sampled_from([NOW - timedelta(1), NOW + timedelta(1)]),
    valid_to=st.sampled_from([NOW - timedelta(1), NOW + timedelta(1)]),
    active=st.booleans(),
)


@given(
    st.lists(grants_strategy, max_size=5), grants_strategy, st.frozensets(st.sampled_from(FIELDS))
)
def test_more_grants_never_allow_less_and_never_more_than_asked(
    held: list[Grant], more: Grant, fields: frozenset[str]
) -> None:
    """The decision is monotone, total, and never grows the question."""
    before = decided(*held, fields=tuple(fields))
    after = decided(*held, more, fields=tuple(fields))

    assert set(before.allowed) <= set(after.allowed) <= fields
    assert set(after.allowed) | set(after.refused) == fields
    assert not set(after.allowed) & set(after.refused)


@given(st.lists(grants_strategy, max_size=4))
def test_doing_what_the_fix_says_opens_the_door(held: list[Grant]) -> None:
    """Whatever was refused: the nearest grant, mended in the named point and those after, allows."""
    refusal = decided(*held).refused.get("name")
    if refusal is None or refusal.grant is None:
        return
    mended = replace(GOOD, id="mended", fields=frozenset({"name"}), items=frozenset({"x-10-01"}))

    assert decided(*held, mended).allowed["name"]
