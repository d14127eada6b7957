"""A hub asks the hub above it, which asks the departments: what passes, and what is not believed.

All hubs run on sockets with databases and keys of their own.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from adapters.sandbox import Fault
from hub.receipts import Verdict, verify_receipt
from tests.journeys.conftest import GRANTED, County
from tests.world.hub import RunningHub, grant
from tests.world.peers import (
    SOURCE,
    admitted_below,
    between,
    granted_below,
    lower_hub,
    manifest,
    pinned_key,
)

TAKEN = (
    "hukou.person",
    "hukou.household",
    "realestate.ownership",
    "immunization.record",
    "residence-permit.status",
)
NARROW = ("name", "hukou_address")


@dataclass(frozen=True, slots=True)
class Pair:
    """A county's hub that asks the one above it."""

    lower: RunningHub
    upper: County
    asked: list[tuple[str, bytes]]
    """What passed between them."""

    def both(self, want: list[str], persona: str, role: str, **more: Any) -> tuple[Any, Any]:
        """The answers of the lower and of the upper hub to the same question."""
        subject = self.upper.departments.population.personas[persona].subjects[role]
        body = {
            "subject": {
                "kind": "person",
                "id_type": "citizen-id",
                "id": subject.number,
                "name": subject.name,
            },
            "basis": {"item": "xinxiang-10", "case": "C-1", "kind": "statutory"},
            "want": want,
            "deadline_ms": 8_000,
            **more,
        }
        return (
            self.lower.client.post("/v1/queries", body),
            self.upper.hub.client.post("/v1/queries", body),
        )


@pytest.fixture(scope="module")
def pair(county: County, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """The upper hub grants two fields of `hukou.person`, three resources, and no residence permits."""
    folder = tmp_path_factory.mktemp("lower")
    granted = [
        granted_below("hukou.person", fields=frozenset(NARROW)),
        *(granted_below(resource) for resource in TAKEN[1:-1]),
    ]
    key = admitted_below(county.hub, folder, granted)
    with (
        between(county.hub.url) as middle,
        lower_hub(
            folder,
            manifest(county.hub.url, TAKEN),
            upper_url=middle.url,
            key_file=key,
            pinned=pinned_key(county.hub),
            grants=[grant(resource) for resource in GRANTED],
        ) as lower,
    ):
        yield Pair(lower, county, middle.asked)


@pytest.fixture(autouse=True)
def repaired(county: County) -> Iterator[None]:
    """Every department works again afterwards."""
    yield
    county.departments.clear()


SAME = {
    "one value": (["hukou.person.name", "hukou.person.hukou_address"], "complete", "applicant"),
    "lines of one record": (
        ["hukou.household[]", "hukou.household[].member_name", "hukou.household.household_no"],
        "complete",
        "applicant",
    ),
    "records": (
        ["realestate.ownership[]", "realestate.ownership[].area", "realestate.ownership.location"],
        "complete",
        "applicant",
    ),
    "doses": (["immunization.record[]", "immunization.record[].vaccine"], "complete", "child"),
    "a name with rare characters": (["hukou.person.name"], "rare-character", "applicant"),
    "nobody": (["hukou.person.name", "hukou.person[].name"], "unknown", "applicant"),
    "no file": (["immunization.record[]", "immunization.record.birth_date"], "no-record", "child"),
}


@pytest.mark.parametrize(("want", "persona", "role"), SAME.values(), ids=SAME.keys())
def test_the_lower_hub_says_what_the_upper_one_says(
    pair: Pair, want: list[str], persona: str, role: str
) -> None:
    """Every path has the same state and value, down to the lines of a record; *no record* too."""
    lower, upper = pair.both(want, persona, role)

    assert list(lower["fields"]) == want
    for path in want:
        mine, theirs = lower["fields"][path], upper["fields"][path]
        assert (mine["state"], mine.get("value")) == (theirs["state"], theirs.get("value")), path
        assert mine.get("odd") == theirs.get("odd")
    assert lower["outcome"] == upper["outcome"]


def test_provenance_and_receipt_travel(pair: Pair) -> None:
    """Whose data, as of when, through which hub; our receipt names the upper one's, which is in the
    upper log and proves the same record; both verify by themselves.
    """
    want = ["immunization.record.child_name"]
    fresh = {"max_age": "PT0.000001S"}
    lower, upper = pair.both(want, "complete", "child", freshness=fresh)
    mine = lower["fields"][want[0]]["provenance"]
    theirs = upper["fields"][want[0]]["provenance"]
    origin = pair.upper.hub.log.origin

    assert (mine["authority"], mine["as_of"]) == (theirs["authority"], theirs["as_of"])
    assert (mine["source"], mine["freshness"]) == (SOURCE, "live")
    assert mine["via"] == [origin]
    document = pair.lower.client.get(f"/v1/receipts/{lower['receipt']}")
    key = base64.b64decode(pinned_key(pair.lower)["key"])
    report = verify_receipt(json.dumps(document).encode(), trusted_key=key)
    assert report.verdict is Verdict.PASSED
    recorded = report.facts["body"]["fields"][want[0]]
    leaf = pair.upper.hub.log.receipt(mine["upper_receipt"]).leaf
    assert recorded["via"] == [origin]
    assert recorded["upper"] == {
        "receipt": mine["upper_receipt"],
        "hash": f"sha256:{hashlib.sha256(leaf.encode()).hexdigest()}",
        "proven": True,
    }
    body = json.loads(leaf)["body"]
    assert (body["consumer"], body["via"]) == ("lower-hub", [pair.lower.log.origin])
    assert body["case"] == "C-1"


def test_what_the_upper_hub_had_kept_is_not_called_live(pair: Pair) -> None:
    """A kept answer is labelled here as there, and says when the source was really asked."""
    want = ["immunization.record.child_name"]
    pair.both(want, "complete", "child")
    lower, upper = pair.both(want, "complete", "child")
    mine, theirs = (each["fields"][want[0]]["provenance"] for each in (lower, upper))

    assert mine["freshness"] == theirs["freshness"] == "cached"
    assert mine["retrieved_at"] == theirs["retrieved_at"]


def test_a_denial_upstairs_is_never_an_empty_value(pair: Pair) -> None:
    """A field and a resource that the upper hub did not grant are `not_granted`, by its own rule; in
    a whole record the field is not there at all.
    """
    want = [
        "hukou.person.name",
        "hukou.person.gender",
        "hukou.person[]",
        "hukou.person.gender == '1'",
        "residence-permit.status.permit_no",
    ]
    lower, _ = pair.both(want, "complete", "applicant")
    fields = lower["fields"]

    assert fields[want[0]]["state"] == "ok"
    for path in (want[1], want[3]):
        denied = fields[path]
        assert (denied["state"], denied["why"]) == ("not_granted", "hub.access.grant-field")
        assert "对方枢纽" in denied["fix"]
        assert "value" not in denied
    assert set(fields[want[2]]["value"][0]) == set(NARROW)
    permit = fields[want[4]]
    assert (permit["state"], permit["why"]) == ("not_granted", "hub.access.grant-exists")
    assert lower["outcome"] == "partial"


def test_nothing_is_asked_that_was_not_asked_here(pair: Pair) -> None:
    """The upper hub hears of one field where one was wanted, and gives no other."""
    before = len(pair.asked)
    pair.both(["realestate.ownership.area"], "complete", "applicant")
    bodies = [json.loads(b) for path, b in pair.asked[before:] if path == "/v1/queries"]

    assert [body["only"] for body in bodies] == [{"realestate.ownership": ["area"]}]
    assert bodies[0]["want"] == ["realestate.ownership[]", "realestate.ownership[].area"]
    assert bodies[0]["deadline_ms"] < 8_000


FAULTS = {
    Fault.HANG: ("timed_out", 900),
    Fault.GARBAGE: ("source_error", 8_000),
    Fault.STATUS_500: ("source_error", 8_000),
    Fault.REDIRECT: ("source_error", 8_000),
    Fault.REFUSE: ("source_error", 8_000),
}


@pytest.mark.parametrize(("fault", "state", "deadline"), [(f, *v) for f, v in FAULTS.items()])
def test_a_department_that_fails_upstairs_costs_its_own_fields(
    pair: Pair, fault: Fault, state: str, deadline: int
) -> None:
    """The state is the one the upper hub tells, the other resource is answered, and the breaker of
    the upper hub stays closed: it works.
    """
    pair.upper.departments.fault("realestate", fault)
    want = ["realestate.ownership[].area", "immunization.record.child_name"]
    for _ in range(6):
        lower, _upper = pair.both(want, "complete", "child", deadline_ms=deadline)
        assert lower["fields"][want[0]]["state"] in {state, "breaker_open"}
        assert lower["fields"][want[0]]["why"].startswith("hub.")
        assert lower["fields"][want[1]]["state"] == "ok"
    assert pair.lower.context.sources["xinxiang", SOURCE].breaker == "closed"


def test_no_number_is_in_a_log_line_or_an_address(pair: Pair) -> None:
    """After all of this: neither hub has logged a number, a name or a key, and no path held one."""
    pair.both(["hukou.person.name"], "complete", "applicant")
    lines = pair.lower.lines() + pair.upper.hub.lines() + "".join(path for path, _ in pair.asked)

    assert [secret for secret in pair.upper.secrets() if secret in lines] == []
    assert {path.partition("rcp_")[0] for path, _ in pair.asked} == {
        "/oauth2/token",
        "/v1/queries",
        "/v1/receipts/",
    }


def test_both_logs_are_whole(pair: Pair) -> None:
    """An audit of either finds nothing."""
    pair.both(["hukou.person.name"], "complete", "applicant")

    assert pair.lower.log.audit() == []
    assert pair.upper.hub.log.audit() == []
