"""Chains of hubs: three in a row, hubs in a circle, and answers that are closed, typed or renamed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from hub.client import HubClient
from hub.onboarding import new_client_key
from hub.serving import bind
from tests.journeys.test_batch import finished, lines, outcomes, person, send
from tests.journeys.test_deferred import until
from tests.journeys.test_peers_trust import PERMIT, PERMITS, RESOURCE, Permits, question
from tests.journeys.test_plan import by_id, plan
from tests.world.department import listening
from tests.world.desk import admitted, ledger
from tests.world.hub import RunningHub, county_with, grant, running_hub
from tests.world.peers import (
    admitted_below,
    granted_below,
    lower_hub,
    manifest,
    pinned_key,
)

NUMBER = "990101199001010019"
LEDGER_FIELDS = "fields: [permit_no, gender, endorsed_until, residence_address]"


def field_of(hub: RunningHub, **more: Any) -> dict[str, Any]:
    """What a hub says of the permit."""
    return dict(hub.client.post("/v1/queries", question(**more))["fields"][PERMIT])


def below(
    stack: ExitStack,
    upper: RunningHub,
    folder: Path,
    *,
    client: str = "lower-hub",
    ask: str = "",
    more: dict[str, Any] | None = None,
    **settings: object,
) -> RunningHub:
    """One more hub, below `upper`."""
    folder.mkdir()
    key = admitted_below(upper, folder, [granted_below(RESOURCE, client)], client)
    return stack.enter_context(
        lower_hub(
            folder / "hub",
            manifest(upper.url, [RESOURCE], client=client, ask=ask, **(more or {})),
            upper_url=upper.url,
            key_file=key,
            pinned=pinned_key(upper),
            grants=[grant(RESOURCE)],
            **settings,
        )
    )


def top(stack: ExitStack, folder: Path, text: str = PERMITS, **settings: object) -> RunningHub:
    """The hub that has the department."""
    url = stack.enter_context(listening(Permits))
    return stack.enter_context(
        running_hub(
            folder,
            county_with(folder / "counties", {"residence-permit": text}),
            environment={"PERMIT_URL": url},
            grants=[grant(RESOURCE)],
            **settings,
        )
    )


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Hubs that end with the test, the last one first."""
    with ExitStack() as opened:
        yield opened


def test_three_hubs_in_a_row(stack: ExitStack, tmp_path: Path) -> None:
    """The value and the department come down, with the way they came; each receipt names the one
    above it; the highest log knows the way the question went.
    """
    high = top(stack, tmp_path / "high")
    middle = below(stack, high, tmp_path / "middle")
    low = below(stack, middle, tmp_path / "low")
    field = field_of(low)

    assert (field["state"], field["value"]) == ("ok", "J1")
    assert field["provenance"]["authority"] == "xinxiang/县公安局"
    assert field["provenance"]["as_of"] == "2026-11-20T00:00:00+00:00"
    assert field["provenance"]["via"] == [middle.log.origin, high.log.origin]
    between_them = json.loads(middle.log.receipt(field["provenance"]["upper_receipt"]).leaf)["body"]
    recorded = between_them["fields"][f"{RESOURCE}[].permit_no"]
    assert recorded["upper"]["proven"] is True
    highest = json.loads(high.log.receipt(recorded["upper"]["receipt"]).leaf)["body"]
    assert highest["via"] == [low.log.origin, middle.log.origin]


def test_too_many_hops_are_refused_by_whoever_counts_them(stack: ExitStack, tmp_path: Path) -> None:
    """The highest goes along with one hub before it, and not with two."""
    high = top(stack, tmp_path / "high", max_hops=1)
    middle = below(stack, high, tmp_path / "middle")
    low = below(stack, middle, tmp_path / "low")
    Permits.asked.clear()

    assert field_of(middle)["state"] == "ok"
    asked = len(Permits.asked)
    field = field_of(low)
    assert (field["state"], field["why"]) == ("source_error", "hub.too-many-hops")
    assert len(Permits.asked) == asked


def test_hubs_in_a_circle_do_not_hang(stack: ExitStack, tmp_path: Path) -> None:
    """Two hubs, each the source of the other: the question that comes back is refused at once, and
    its key comes all the way down, whichever was asked first.
    """
    listener = bind("127.0.0.1", 0)
    ahead = f"http://127.0.0.1:{listener.getsockname()[1]}"
    new_client_key(tmp_path / "lower-hub.jwk")
    one = stack.enter_context(
        lower_hub(
            tmp_path / "one",
            manifest(ahead, [RESOURCE]),
            upper_url=ahead,
            key_file=tmp_path / "lower-hub.jwk",
            # Its key is not known yet. Nothing has to be proven: nobody will have an answer.
            pinned={"origin": ahead.partition("://")[2], "key": f"{'A' * 43}="},
            grants=[grant(RESOURCE)],
        )
    )
    other = below(stack, one, tmp_path / "around", client="other-hub", listener=listener)
    admitted_below(other, tmp_path, [granted_below(RESOURCE)])

    assert other.url == ahead
    for hub in (one, other):
        field = field_of(hub)
        assert (field["state"], field["why"]) == ("source_error", "hub.loop")


def test_the_door_knows_its_own_name(stack: ExitStack, tmp_path: Path) -> None:
    """A question that has passed this hub is a conflict; so is one that has passed too many; a trail
    that is none, or holds a number, is no request.
    """
    hub = top(stack, tmp_path / "hub")
    trails = {
        (hub.log.origin,): (409, "hub.loop"),
        ("a.example", hub.log.origin, "b.example"): (409, "hub.loop"),
        ("a", "b", "c", "d"): (409, "hub.too-many-hops"),
        ("",): (422, "hub.invalid-request"),
        ("a b",): (422, "hub.invalid-request"),
        (f"host-{NUMBER}",): (422, "hub.invalid-request"),
        tuple(f"h{n}" for n in range(17)): (422, "hub.invalid-request"),
    }
    for trail, refused in trails.items():
        with pytest.raises(httpx2.HTTPStatusError) as error:
            hub.client.post("/v1/queries", question(via=list(trail)))
        said = error.value.response.json()
        assert (error.value.response.status_code, said["code"]) == refused
        assert NUMBER not in error.value.response.text
    assert field_of(hub, via=["a.example", "b.example:8600", "c"])["state"] == "ok"


def test_a_closed_department_upstairs_says_when_it_opens(stack: ExitStack, tmp_path: Path) -> None:
    """*Source closed* passes with its time."""
    closed = PERMITS.replace(
        "resources:", "closed: [{from: 2026-01-01T00:00, to: 2099-01-01T08:00}]\nresources:"
    )
    high = top(stack, tmp_path / "high", closed)
    field = field_of(below(stack, high, tmp_path / "low"))

    assert field["state"] == "source_closed"
    assert field["reopens_at"] == "2099-01-01T00:00:00+00:00"
    assert field["why"] == "hub.rest.source-closed"


@dataclass(frozen=True, slots=True)
class Upstairs:
    """A lower hub, and the clerk of a department that only the upper one knows."""

    low: RunningHub
    clerk: HubClient

    def asked(self, case: str) -> dict[str, Any]:
        """A question that waits for the clerk."""
        basis = {"item": "xinxiang-10-03", "case": case, "kind": "statutory"}
        return self.low.client.post("/v1/queries", question(basis=basis))

    def answer(self, case: str, body: dict[str, Any]) -> None:
        """The clerk answers."""
        (task,) = [t for t in self.clerk.get("/v1/tasks")["tasks"] if t["case"] == case]
        assert [each["id"] for each in task["fields"]] == ["permit_no"]
        self.clerk.post(f"/v1/tasks/{task['id']}:answer", {"by": "A01", **body})

    def so_far(self, answer: dict[str, Any]) -> dict[str, Any]:
        """The answer under its address, as it stands."""
        return self.low.client.get(urlsplit(answer["status_url"]).path)


def upstairs(stack: ExitStack, folder: Path, **terms: str) -> Upstairs:
    """A paper ledger above."""
    high = stack.enter_context(
        running_hub(
            folder / "high",
            county_with(folder / "high" / "counties", {"permit-ledger": ledger(**terms)}),
            grants=[grant(RESOURCE)],
        )
    )
    clerk = admitted(high, folder, "police", "县公安局")
    stack.callback(clerk.close)
    return Upstairs(below(stack, high, folder / "low", ask=LEDGER_FIELDS), clerk)


TYPED: dict[str, tuple[dict[str, Any], str, Any]] = {
    "found": ({"found": True, "values": {"permit_no": "J7"}}, "manual", "J7"),
    "not found": ({"found": False}, "not_found", None),
}


@pytest.mark.parametrize(("typed", "state", "value"), TYPED.values(), ids=TYPED.keys())
def test_a_clerk_upstairs_is_waited_for(
    stack: ExitStack, tmp_path: Path, typed: dict[str, Any], state: str, value: Any
) -> None:
    """*Deferred* with an address of our own; when the clerk of the upper hub has answered, the
    answer becomes whole here, proven, with who typed it; asked again it is there at once.
    """
    place = upstairs(stack, tmp_path)
    first = place.asked("CASE-1")
    field = first["fields"][PERMIT]
    assert (field["state"], field["why"]) == ("deferred", "hub.manual.waiting-for-a-clerk")
    assert place.so_far(first)["outcome"] == "deferred"
    place.answer("CASE-1", typed)

    whole = place.so_far(first)
    late = whole["fields"][PERMIT]
    assert whole["outcome"] == "complete"
    assert (late["state"], late.get("value")) == (state, value)
    assert late["provenance"]["entered_by"] == "A01"
    assert len(whole["receipts"]) == 2
    leaf = json.loads(place.low.client.get(f"/v1/receipts/{whole['receipts'][1]}")["leaf"])
    assert leaf["body"]["fields"][PERMIT]["upper"]["proven"] is True
    assert place.asked("CASE-1")["fields"][PERMIT]["state"] == state


def test_a_task_that_lapses_upstairs_lapses_here(stack: ExitStack, tmp_path: Path) -> None:
    """Its time over, the answer here is whole without it and without anybody looking, and no second
    task was made.
    """
    place = upstairs(stack, tmp_path, due="2s")
    first = place.asked("CASE-2")
    assert first["outcome"] == "deferred"

    book = place.low.context.deferrals.book

    def whole() -> bool:
        kept = book.find(first["id"], datetime.now(UTC))
        return kept is not None and kept.done

    assert until(whole)
    late = place.so_far(first)["fields"][PERMIT]
    assert (late["state"], late["why"]) == ("timed_out", "manual.lapsed")
    assert place.clerk.get("/v1/tasks")["tasks"] == []


def test_a_stale_answer_stays_stale(stack: ExitStack, tmp_path: Path) -> None:
    """The department fails, and the upper hub has an old answer: *stale* here as there, proven, with
    the time of the old one.
    """
    kept = PERMITS.replace("resources:", "cache: { max_age: 1h, stale_if_error: 1d }\nresources:")
    high = top(stack, tmp_path / "high", kept)
    low = below(stack, high, tmp_path / "low")
    wish = {"max_age": "PT0.000001S", "stale_if_error": "PT1H"}
    first = field_of(low, freshness=wish)
    Permits.broken = True
    stack.callback(setattr, Permits, "broken", False)
    field = field_of(low, freshness=wish)

    assert (field["state"], field["value"]) == ("stale", "J1")
    assert field["why"] == "hub.rest.status-500"
    assert field["provenance"]["freshness"] == "stale"
    assert field["provenance"]["retrieved_at"] == first["provenance"]["retrieved_at"]


def test_names_may_differ(stack: ExitStack, tmp_path: Path) -> None:
    """A field that is called otherwise up there comes under our name; two from one is refused."""
    high = top(stack, tmp_path / "high")
    low = below(
        stack, high, tmp_path / "low", ask="fields: [permit_no], renames: { permit_no: name }"
    )

    assert field_of(low)["value"] == "赵明示"


def test_consent_and_item_pass(stack: ExitStack, tmp_path: Path) -> None:
    """The upper hub decides by the basis as it is and under its own name for the item, and its log
    holds both.
    """
    high = top(stack, tmp_path / "high")
    both = frozenset({"statutory", "consent"})
    folder = tmp_path / "low"
    folder.mkdir()
    items = frozenset({"xinxiang-19"})
    key = admitted_below(high, folder, [granted_below(RESOURCE, basis_kinds=both, items=items)])
    low = stack.enter_context(
        lower_hub(
            folder / "hub",
            manifest(high.url, [RESOURCE], more="  items: { xinxiang-10-03: xinxiang-19 }"),
            upper_url=high.url,
            key_file=key,
            pinned=pinned_key(high),
            grants=[grant(RESOURCE, basis_kinds=both)],
        )
    )
    basis = {"item": "xinxiang-10-03", "case": "C-2", "kind": "consent", "ref": "同意书1号"}
    field = field_of(low, basis=basis)

    assert field["value"] == "J1"
    above = json.loads(high.log.receipt(field["provenance"]["upper_receipt"]).leaf)["body"]
    assert (above["item"], above["case"]) == ("xinxiang-19", "C-2")
    assert above["basis"] == {"kind": "consent", "ref": "同意书1号"}
    other = {**basis, "item": "xinxiang-10-02"}
    refused = field_of(low, basis=other)
    assert (refused["state"], refused["why"]) == ("not_granted", "hub.access.grant-item")


def test_a_batch_goes_up_row_by_row(stack: ExitStack, tmp_path: Path) -> None:
    """Each row of a batch is a query of the upper hub, and proven like any other."""
    high = top(stack, tmp_path / "high")
    low = below(stack, high, tmp_path / "low")
    rows = [person(1), person(2), {"ref": "x"}]
    job = send(low, lines(*rows)).json()["id"]
    finished(low.client.get, job)
    found = outcomes(low.url, low.client.token(), job)

    assert [row["outcome"] for row in found] == ["complete", "complete", "invalid"]
    for row in found[:2]:
        field = row["fields"][PERMIT]
        assert field["value"] == "J1"
        above = json.loads(high.log.receipt(field["provenance"]["upper_receipt"]).leaf)["body"]
        assert above["case"] == "BATCH-1"


def test_a_plan_judges_a_permit_by_what_may_be_seen(stack: ExitStack, tmp_path: Path) -> None:
    """A plan asks upstairs for the end of the permit as well; where that is not granted there, the
    permit exempts nothing.
    """
    high = top(stack, tmp_path / "high")
    low = below(stack, high, tmp_path / "low")
    permit = by_id(plan(low).json()["materials"])["residence-permit"]
    assert permit["state"] == "exempted"
    assert permit["by"][0]["provenance"]["via"] == [high.log.origin]

    folder = tmp_path / "blind"
    folder.mkdir()
    fields = frozenset({"permit_no", "residence_address", "registered_since"})
    key = admitted_below(high, folder, [granted_below(RESOURCE, "blind", fields=fields)], "blind")
    blind = stack.enter_context(
        lower_hub(
            folder / "hub",
            manifest(high.url, [RESOURCE], client="blind"),
            upper_url=high.url,
            key_file=key,
            pinned=pinned_key(high),
            grants=[grant(RESOURCE)],
        )
    )
    permit = by_id(plan(blind).json()["materials"])["residence-permit"]
    assert (permit["state"], permit["reason"]) == ("asked", "conflict")
