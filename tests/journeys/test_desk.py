"""A question no system answers goes to a clerk, and comes back as `manual`. Over HTTP, both databases."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from hub.client import HubClient
from tests.hub.conftest import server_database
from tests.world.desk import admitted, ledger
from tests.world.hub import CLIENT, RunningHub, county_with, grant, running_hub

NUMBERS = [
    "990101199001010019",
    "990101199001010027",
    "990101201806010032",
    "990101201806010040",
]
WANT = ["residence-permit.status.permit_no", "residence-permit.status.gender"]
GRANTED = frozenset({"permit_no", "gender", "endorsed_until", "residence_address"})


@dataclass(frozen=True, slots=True)
class Desk:
    """A hub, and callers of two departments."""

    hub: RunningHub
    clerk: HubClient
    stranger: HubClient
    folder: Path

    def ask(self, number: str, case: str, want: list[str] = WANT, **more: Any) -> dict[str, Any]:
        """A query of the intake system."""
        return self.hub.client.post("/v1/queries", question(number, case, want, **more))

    def task(self, case: str) -> dict[str, Any]:
        """The task that waits for a case."""
        (found,) = [t for t in self.clerk.get("/v1/tasks")["tasks"] if t["case"] == case]
        return dict(found)


def question(number: str, case: str, want: list[str] = WANT, **more: Any) -> dict[str, Any]:
    """A question about a residence permit."""
    return {
        "subject": {"kind": "person", "id_type": "citizen-id", "id": number, "name": "赵明示"},
        "basis": {"item": "xinxiang-10-03", "case": case, "kind": "statutory"},
        "want": want,
        **more,
    }


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def desk(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Desk]:
    """A paper ledger with four eyes, and an archive without."""
    folder = tmp_path_factory.mktemp("desk")
    more = {"database_url": server_database(request)} if request.param == "postgresql" else {}
    counties = county_with(folder / "counties", {"permit-ledger": ledger(second_pair="true")})
    grants = [grant("residence-permit.status", fields=GRANTED)]
    with running_hub(folder, counties, grants=grants, **more) as hub:
        clerk = admitted(hub, folder, "police", "县公安局")
        stranger = admitted(hub, folder, "tax", "县税务局")
        yield Desk(hub, clerk, stranger, folder)
        clerk.close()
        stranger.close()


def refusal(client: HubClient, path: str, body: dict[str, Any]) -> tuple[int, str, list[str]]:
    """How a POST is refused."""
    with pytest.raises(httpx2.HTTPStatusError) as refused:
        client.post(path, body)
    problem = refused.value.response.json()
    return refused.value.response.status_code, problem["code"], problem["why"]


def kinds(desk: Desk, number: str, case: str) -> list[str]:
    """What the log holds about a person and a case or its tasks, in order."""
    ids = desk.hub.log.find_by_subject("citizen-id", number)
    leaves = [json.loads(desk.hub.log.receipt(each).leaf) for each in ids]
    tasks = {
        leaf["body"]["task"]
        for leaf in leaves
        if leaf["kind"] == "task_placed" and leaf["body"]["case"] == case
    }
    return [
        leaf["kind"]
        for leaf in leaves
        if leaf["body"].get("case") == case or leaf["body"].get("task") in tasks
    ]


def test_the_whole_way_with_four_eyes(desk: Desk) -> None:
    """Deferred with a task of exactly the fields asked; typed, confirmed by another, then manual;
    the label of a code counts as the code; every step stands in the log.
    """
    number, case = NUMBERS[0], "CASE-WHOLE"
    first = desk.ask(number, case)
    task = desk.task(case)
    typed = {"permit_no": "J-7", "gender": "男性"}
    path = f"/v1/tasks/{task['id']}"
    half = desk.clerk.post(f"{path}:answer", {"by": "A01", "found": True, "values": typed})
    still = desk.ask(number, case)
    own = refusal(desk.clerk, f"{path}:confirm", {"by": "a01"})
    whole = desk.clerk.post(f"{path}:confirm", {"by": "A02"})
    last = desk.ask(number, case)

    assert first["outcome"] == still["outcome"] == "deferred"
    assert {f["state"] for f in first["fields"].values()} == {"deferred"}
    assert [f["id"] for f in task["fields"]] == ["permit_no", "gender"]
    assert task["keys"] == {"id_number": number, "name": "赵明示"}
    assert (half["state"], half["typed"]) == ("to_confirm", {"permit_no": "J-7", "gender": "1"})
    assert own == (403, "hub.not-your-task", ["four-eyes"])
    assert whole["state"] == "answered"
    assert last["outcome"] == "complete"
    assert [f["state"] for f in last["fields"].values()] == ["manual", "manual"]
    assert [f["value"] for f in last["fields"].values()] == ["J-7", "1"]
    assert last["fields"][WANT[0]]["provenance"]["entered_by"] == "A01+A02"
    # The two queries that were deferred are made whole when the second clerk agrees.
    assert kinds(desk, number, case) == [
        "asked", "task_placed", "answered", "task_answered", "asked", "answered",
        "task_answered", "asked", "answered", "asked", "answered", "asked", "answered",
    ]  # fmt: skip


def test_rejected_is_looked_up_again(desk: Desk) -> None:
    """What the second clerk does not agree with is forgotten; the answer of the next try counts."""
    number, case = NUMBERS[1], "CASE-REJECT"
    desk.ask(number, case)
    path = f"/v1/tasks/{desk.task(case)['id']}"
    wrong = {"by": "A01", "found": True, "values": {"permit_no": "J-X", "gender": "1"}}
    desk.clerk.post(f"{path}:answer", wrong)
    back = desk.clerk.post(f"{path}:reject", {"by": "A02"})
    desk.clerk.post(f"{path}:answer", {"by": "A03", "found": False})
    desk.clerk.post(f"{path}:confirm", {"by": "A01"})
    last = desk.ask(number, case)

    assert (back["state"], back["typed"], back["answered_by"]) == ("open", None, None)
    assert {f["state"] for f in last["fields"].values()} == {"not_found"}
    assert last["outcome"] == "complete"


TYPOS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "no such day": ({"found": True, "values": {"endorsed_until": "2026-02-30"}}, ["endorsed_until: date"]),
    "no such code": ({"found": True, "values": {"gender": "男的", "permit_no": "J"}}, ["gender: code"]),
    "two at once": (
        {"found": True, "values": {"gender": "9x", "endorsed_until": "soon"}},
        ["endorsed_until: date", "gender: code"],
    ),
    "a field nobody asked": ({"found": True, "values": {"issuer": "局"}}, ["field-not-asked"]),
    "nothing": ({"found": True, "values": {}}, ["*: nothing-typed"]),
    "none, with values": ({"found": False, "values": {"permit_no": "J"}}, ["not-found-with-values"]),
}  # fmt: skip


@pytest.mark.parametrize(("typed", "why"), TYPOS.values(), ids=TYPOS.keys())
def test_a_typo_is_told_to_the_clerk(desk: Desk, typed: dict[str, Any], why: list[str]) -> None:
    """By field and rule; nothing is kept, and the task goes on waiting."""
    case = "CASE-TYPO"
    want = [*WANT, "residence-permit.status.endorsed_until"]
    desk.ask(NUMBERS[2], case, want)
    task = desk.task(case)
    refused = refusal(desk.clerk, f"/v1/tasks/{task['id']}:answer", {"by": "A01", **typed})

    assert refused == (422, "hub.answer-refused", why)
    assert desk.task(case)["state"] == "open"


def test_a_task_is_its_departments_own(desk: Desk) -> None:
    """To another department, and to the one that asked, it does not exist; no citizen number passes
    as a clerk's id.
    """
    number, case = NUMBERS[3], "CASE-OWN"
    desk.ask(number, case)
    path = f"/v1/tasks/{desk.task(case)['id']}:answer"
    body = {"by": "A01", "found": False}

    assert desk.stranger.get("/v1/tasks") == {"tasks": []}
    assert desk.stranger.get("/v1/tasks/counts") == {"counts": []}
    for other in (desk.stranger, desk.hub.client):
        assert refusal(other, path, body)[:2] == (404, "hub.unknown-task")
    assert refusal(desk.clerk, path, {**body, "by": NUMBERS[0]})[:2] == (422, "hub.invalid-request")
    assert refusal(desk.clerk, path.replace("answer", "confirm"), {"by": "A02"}) == (
        409, "hub.task-over", ["open"],
    )  # fmt: skip


def test_the_same_question_of_a_case_is_one_task(desk: Desk) -> None:
    """Asked ten times at once, one clerk looks once; another case is another task."""
    number, case = NUMBERS[0], "CASE-ONCE"
    callers = [threading.Thread(target=desk.ask, args=(number, case)) for _ in range(4)]
    for each in callers:
        each.start()
    for each in callers:
        each.join()
    desk.ask(number, "CASE-OTHER")
    cases = [t["case"] for t in desk.clerk.get("/v1/tasks")["tasks"]]

    assert (cases.count(case), cases.count("CASE-OTHER")) == (1, 1)


def test_of_two_answers_the_first_counts(desk: Desk) -> None:
    """Two clerks at once: one is told that somebody was first."""
    number, case = NUMBERS[1], "CASE-RACE"
    desk.ask(number, case)
    path = f"/v1/tasks/{desk.task(case)['id']}:answer"
    ends: list[int] = []

    def type_it(by: str) -> None:
        with httpx2.Client(trust_env=False, timeout=20) as http:
            answer = http.post(
                desk.hub.url + path,
                json={"by": by, "found": False},
                headers={"Authorization": f"Bearer {desk.clerk.token()}"},
            )
        ends.append(answer.status_code)

    desk.clerk.token()
    clerks = [threading.Thread(target=type_it, args=(f"B{n}",)) for n in range(4)]
    for each in clerks:
        each.start()
    for each in clerks:
        each.join()

    assert sorted(ends) == [200, 409, 409, 409]


def test_what_is_typed_by_hand_is_counted(desk: Desk) -> None:
    """By month, source, resource and state; the figure that is to become zero."""
    desk.ask(NUMBERS[0], "CASE-COUNT")
    rows = desk.clerk.get("/v1/tasks/counts")["counts"]
    waiting = len([t for t in desk.clerk.get("/v1/tasks")["tasks"] if t["state"] == "open"])
    (open_,) = [row for row in rows if row["state"] == "open"]

    assert open_ == {
        "month": f"{datetime.now(UTC):%Y-%m}",
        "source": "xinxiang/permit-ledger",
        "resource": "residence-permit.status",
        "state": "open",
        "tasks": waiting,
    }


def test_at_rest_and_in_log_lines_nothing_is_personal(desk: Desk) -> None:
    """Neither number nor name nor what was typed, in any row of the table or line of the log."""
    case, permit = "CASE-REST", "J-20261124-77"
    desk.ask(NUMBERS[3], case)
    body = {"by": "A01", "found": True, "values": {"permit_no": permit, "gender": "2"}}
    desk.clerk.post(f"/v1/tasks/{desk.task(case)['id']}:answer", body)
    with desk.hub.context.database.reading() as connection:
        rows = connection.exec_driver_sql("SELECT * FROM hub_task").all()
    stored = b"|".join(
        bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()
        for row in rows
        for value in row
    )
    text = desk.hub.lines()

    assert rows
    for secret in (*NUMBERS, "赵明示", permit):
        assert secret.encode() not in stored
        assert secret not in text


def test_from_a_terminal(desk: Desk) -> None:
    """`mianti desk list`, `answer`, `reject` and `confirm`: a typo ends with its rule and exit code 1,
    and so does confirming what one has typed oneself.
    """
    number, case = NUMBERS[2], "CASE-CLI"
    desk.ask(number, case)
    task = desk.task(case)["id"]
    who = ["--client", "police", "--key", str(desk.folder / "police.jwk"), "--url", desk.hub.url]

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "hub", "desk", *words, *who]
        wide = {**os.environ, "COLUMNS": "200"}
        return subprocess.run(
            command, env=wide, capture_output=True, text=True, check=False, timeout=60
        )

    listed = run("list")
    typo = run("answer", task, "--by", "C1", "gender=x", "permit_no=J-8")
    done = run("answer", task, "--by", "C1", "gender=女性", "permit_no=J-8")

    assert (listed.returncode, task[:12] in listed.stdout.replace("\n", "")) == (0, True)
    assert (typo.returncode, "gender: code" in typo.stderr) == (1, True)
    assert (done.returncode, "待复核" in done.stdout) == (0, True)

    shown = run("list")
    back = run("reject", task, "--by", "C2")
    again = run("answer", task, "--by", "C1", "gender=女性", "permit_no=J-9")
    alone = run("confirm", task, "--by", "C1")
    confirmed = run("confirm", task, "--by", "C2")

    assert "J-8" in shown.stdout
    assert [each.returncode for each in (back, again, alone, confirmed)] == [0, 0, 1, 0]
    answer = desk.ask(number, case)["fields"]["residence-permit.status.permit_no"]
    assert (answer["state"], answer["value"]) == ("manual", "J-9")


def test_a_call_may_wait_a_short_while(tmp_path: Path) -> None:
    """A clerk who is quick answers the call itself; without four eyes one is enough."""
    counties = county_with(tmp_path / "counties", {"permit-ledger": ledger(wait="1500ms")})
    grants = [grant("residence-permit.status", fields=GRANTED)]
    with running_hub(tmp_path, counties, grants=grants) as hub:
        clerk = admitted(hub, tmp_path, "police", "县公安局")

        def quick() -> None:
            until = time.monotonic() + 10
            while time.monotonic() < until:
                for task in clerk.get("/v1/tasks")["tasks"]:
                    body = {"by": "A1", "found": True, "values": {"permit_no": "J-9"}}
                    clerk.post(f"/v1/tasks/{task['id']}:answer", body)
                    return
                time.sleep(0.02)

        helper = threading.Thread(target=quick)
        helper.start()
        answer = hub.client.post(
            "/v1/queries", question(NUMBERS[0], "CASE-QUICK", WANT[:1], deadline_ms=5000)
        )
        helper.join()
        clerk.close()

    field = answer["fields"][WANT[0]]
    assert (answer["outcome"], field["state"], field["value"]) == ("complete", "manual", "J-9")
    assert field["provenance"]["entered_by"] == "A1"


def test_a_task_lapses_and_the_next_question_is_a_new_one(tmp_path: Path) -> None:
    """After its time nobody can answer it; it is counted as lapsed."""
    counties = county_with(tmp_path / "counties", {"permit-ledger": ledger(due="5s")})
    grants = [grant("residence-permit.status", fields=GRANTED)]
    with (
        running_hub(tmp_path, counties, grants=grants) as hub,
        closing(admitted(hub, tmp_path, "police", "县公安局")) as clerk,
    ):
        body = question(NUMBERS[0], "CASE-LATE")
        hub.client.post("/v1/queries", body)
        (task,) = clerk.get("/v1/tasks")["tasks"]
        time.sleep(5.1)
        late = refusal(clerk, f"/v1/tasks/{task['id']}:answer", {"by": "A1", "found": False})
        counts = clerk.get("/v1/tasks/counts")["counts"]
        hub.client.post("/v1/queries", body)
        (again,) = clerk.get("/v1/tasks")["tasks"]

    assert late == (409, "hub.task-over", ["lapsed"])
    assert [(row["state"], row["tasks"]) for row in counts] == [("lapsed", 1)]
    assert again["id"] != task["id"]
    assert CLIENT not in json.dumps(again)
