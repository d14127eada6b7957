"""Changed places, mapped fields and grants: who loses what."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from adapters.drifting import Change, ChangeKind
from hub.app import now
from hub.drift import broken
from tests.world.hub import grant

RESOURCE = "hukou.person"


def change(**parts: Any) -> Change:
    """The name is gone from the population register."""
    values: dict[str, Any] = {
        "source": "hukou", "resource": RESOURCE, "kind": ChangeKind.GONE, "place": "Row/XM",
        "fields": ("name", "former_name"), "detail": "", "at": "2026-11-24T08:00:00+00:00",
    }  # fmt: skip
    return Change(**{**values, **parts})


PAST, COMING = now() - timedelta(days=10), now() + timedelta(days=10)
WHO: dict[str, tuple[dict[str, Any], dict[str, Any], tuple[str, ...]]] = {
    "by the field": ({"fields": frozenset({"name"})}, {}, ("school",)),
    "by all fields": ({"fields": frozenset({"*"})}, {}, ("school",)),
    "by the second of the fields": ({"fields": frozenset({"former_name", "x"})}, {}, ("school",)),
    "by the right to judge the field": ({"fields": frozenset({"predicate:name"})}, {}, ("school",)),
    "another field": ({"fields": frozenset({"gender"})}, {}, ()),
    "another resource": ({}, {"resource": "hukou.household"}, ()),
    "another county": ({"county": "shenqiu"}, {}, ()),
    "withdrawn": ({"active": False}, {}, ()),
    "ended": ({"valid_from": PAST, "valid_to": PAST}, {}, ()),
    "not begun": ({"valid_from": COMING, "valid_to": COMING}, {}, ()),
    "a new field": ({}, {"kind": ChangeKind.NEW, "fields": ()}, ()),
    "another type that can be read": ({}, {"kind": ChangeKind.TYPE}, ()),
    "values that cannot be read": ({}, {"kind": ChangeKind.UNREADABLE}, ("school",)),
    "a code nobody knows": ({}, {"kind": ChangeKind.CODE}, ("school",)),
    "a place that nothing is mapped from": ({}, {"fields": ()}, ()),
}


@pytest.mark.parametrize("name", WHO)
def test_who_is_broken(name: str) -> None:
    """A grant in force, for that county, resource and field, and a change that takes something."""
    granted, changed, consumers = WHO[name]
    grants = [grant(RESOURCE, consumer="school", **granted)]
    (found,) = broken([("xinxiang", change(**changed))], grants, now=now())
    assert found.consumers == consumers
    assert found.grants == tuple(each.id for each in grants if consumers)


def test_the_report_names_fields_and_puts_the_worst_first() -> None:
    """Two consumers before one, one before none; each consumer once."""
    grants = [
        grant(RESOURCE, id="a", consumer="school"),
        grant(RESOURCE, id="b", consumer="school"),
        grant(RESOURCE, id="c", consumer="intake", fields=frozenset({"name"})),
    ]
    changes = [
        ("xinxiang", change(kind=ChangeKind.NEW, fields=(), place="Row/X")),
        ("xinxiang", change(fields=("gender",), place="Row/XB")),
        ("xinxiang", change()),
    ]
    found = broken(changes, grants, now=now())
    assert [each.consumers for each in found] == [("intake", "school"), ("school",), ()]
    assert found[0].fields == ("hukou.person.name", "hukou.person.former_name")
    assert found[0].grants == ("a", "b", "c")
