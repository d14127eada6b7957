"""A composite check from application to delivery, over HTTP, with departments of every kind."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import httpx2
import pytest

from hub.client import HubClient
from hub.receipts import Verdict, verify_receipt
from tests.world.department import Department, listening
from tests.world.desk import admitted
from tests.world.hub import RunningHub, county_with, grant, running_hub

CLEAN, FINED = "91990101MA0000015C", "91990101MA00000237"

CREDIT = """
source: credit
name: 市信用信息平台
authority: 县发改委
kind: rest
connect: {base_url: "${DEPARTMENT_URL}", timeout: 8s}
breaker: {failures: 1000}
resources:
  credit.compliance:
    ask: {method: GET, path: /credit, query: {uscc: keys.uscc}}
    answer:
      ok_when: {code: "1"}
      empty_when: {rows: []}
      records: "@"
      lines: rows
      fields:
        report_no: {at: no}
        penalty_decision_no: {at: wsh}
        penalty_date: {at: rq, form: "%Y/%m/%d"}
        listed_on: {at: lr, form: "%Y/%m/%d"}
"""
FUND = """
source: fund
name: 住房公积金系统
authority: 新乡市住房公积金管理中心新乡县管理部
kind: rest
connect: {base_url: "${DEPARTMENT_URL}", timeout: 8s}
breaker: {failures: 1000}
resources:
  housing-fund.employer:
    ask: {method: GET, path: /fund, query: {uscc: keys.uscc}}
    answer:
      ok_when: {code: "1"}
      empty_when: {rows: []}
      records: rows
      fields: {employer_account_no: {at: no}}
"""
INSURANCE = """
source: insurance
name: 社保经办纸质台账
authority: 县人社局
kind: manual
connect: {timeout: 1s}
resources:
  social-insurance.employer:
    ask: {keys: [keys.uscc], due: 3d}
    answer:
      records: rows
      empty_when: {records: none}
      fields: {employer_no: {at: employer_no}, state: {at: state}}
"""


class Departments(Department):
    """Credit and housing fund."""

    broken: ClassVar[set[str]] = set()

    def answer(self) -> None:
        """Answer by path and number."""
        body: Any = {"code": "1", "no": "X1", "rows": []}
        if self.path.startswith("/fund"):
            body["rows"] = [{"no": "F1"}]
        elif FINED in self.path:
            body["rows"] = [
                {"wsh": "示市监处罚〔2020〕1号", "rq": "2020/05/01"},
                {"wsh": "示市监处罚〔2025〕2号", "rq": "2025/05/01"},
            ]
        if self.path.partition("?")[0] in Departments.broken:
            body = {"code": "500"}
        self.say(body)


@dataclass(frozen=True, slots=True)
class World:
    """A hub and its callers: who asks, the police, who leads, and who has a paper ledger."""

    hub: RunningHub
    police: HubClient
    lead: HubClient
    insurer: HubClient


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Two connected departments and one with a clerk; all others have no system."""
    folder = tmp_path_factory.mktemp("checks")
    items = frozenset({"xinxiang-06", "xinxiang-07"})
    with (
        listening(Departments) as url,
        running_hub(
            folder,
            county_with(
                folder / "counties", {"credit": CREDIT, "fund": FUND, "insurance": INSURANCE}
            ),
            environment={"DEPARTMENT_URL": url},
            grants=[
                grant("credit.compliance", items=items),
                grant("housing-fund.employer", items=items),
                grant("social-insurance.employer", items=items),
            ],
        ) as hub,
    ):
        police = admitted(hub, folder, "police", "县公安局")
        lead = admitted(hub, folder, "lead", "县行政审批和政务信息管理局")
        insurer = admitted(hub, folder, "insurer", "县人社局")
        yield World(hub, police, lead, insurer)
        for each in (police, lead, insurer):
            each.close()


@pytest.fixture(autouse=True)
def _mended() -> Iterator[None]:
    yield
    Departments.broken.clear()


def application(uscc: str = CLEAN, bundle: str = "xinxiang-07", **changes: Any) -> dict[str, Any]:
    """What an applicant hands in."""
    return {
        "bundle": bundle,
        "subject": {"kind": "organisation", "id_type": "uscc", "id": uscc, "name": "示例公司"},
        "basis": {"item": bundle, "case": "CHECK-1", "kind": "statutory"},
        "period": {"from": "2023-01-01", "to": "2025-12-31"},
        "deadline_ms": 9000,  # nothing hangs here: a loaded machine may take its time
        **changes,
    }


def post(client: HubClient, path: str, body: Any = None) -> httpx2.Response:
    """POST, whatever comes of it."""
    with httpx2.Client(trust_env=False, timeout=20) as http:
        return http.post(
            client.url + path,
            json={} if body is None else body,
            headers={"Authorization": f"Bearer {client.token()}"},
        )


def parts(check: dict[str, Any]) -> dict[int, dict[str, Any]]:
    """Parts by number."""
    return {part["part"]: part for part in check["parts"]}


def test_who_can_be_asked_answers_at_once_and_the_others_are_assigned(world: World) -> None:
    """Received and assigned in one call; what is open says why; nobody is late yet."""
    answer = post(world.hub.client, "/v1/checks", application())
    assert answer.status_code == 201, answer.text
    check = answer.json()
    found = parts(check)

    assert len(found) == 9
    assert (found[8]["state"], found[8]["finding"]) == ("answered", "record")
    assert found[8]["statements"][0]["records"][0]["employer_account_no"] == "F1"
    assert (found[2]["state"], found[2]["open_because"]) == ("assigned", "no_source")
    assert check["state"] == "gathering"
    assert check["missing"] == [2, 3, 4, 5, 6, 7, 9, 10]
    assert check["late"] == []


def test_no_record_from_to_is_an_answer_of_its_own(world: World) -> None:
    """All seventeen parts of the listing check are there; of those the credit platform answers each
    says so for the period, in words.
    """
    check = post(world.hub.client, "/v1/checks", application(bundle="xinxiang-06")).json()
    first = parts(check)[2]

    assert [*parts(check)] == [*range(2, 19)]
    assert parts(check)[11]["finding"] == "record"
    assert {parts(check)[n]["finding"] for n in range(2, 19)} == {"no_record", "record", None}

    assert first["finding"] == "no_record"
    assert first["statements"][0]["sentence"].startswith("2023年1月1日至2025年12月31日期间，")
    assert "no record from 2023-01-01 to 2025-12-31" in first["statements"][0]["sentence"]
    assert first["statements"][0]["receipt"].startswith("rcp_")


@pytest.mark.parametrize(
    ("first", "last", "finding", "decisions"),
    [
        ("2023-01-01", "2025-12-31", "record", ["示市监处罚〔2025〕2号"]),
        ("2019-01-01", "2025-12-31", "record", ["示市监处罚〔2020〕1号", "示市监处罚〔2025〕2号"]),
        ("2025-05-01", "2025-05-01", "record", ["示市监处罚〔2025〕2号"]),
        ("2021-01-01", "2024-12-31", "no_record", []),
    ],
)
def test_only_what_happened_in_the_period_is_told(
    world: World, first: str, last: str, finding: str, decisions: list[str]
) -> None:
    """A penalty before the period is none of the asker's business, and makes no record."""
    body = application(FINED, "xinxiang-06", period={"from": first, "to": last}, items=[2])
    (part,) = post(world.hub.client, "/v1/checks", body).json()["parts"]
    told = [
        line["penalty_decision_no"]
        for record in part["statements"][0]["records"]
        for line in record["lines"]
    ]
    assert (part["finding"], told) == (finding, decisions)


def test_what_was_not_asked_is_not_denied(world: World) -> None:
    """Of a part with several registers, those that nobody is connected for are named beside the
    finding; one that this number cannot be looked up in is none of them.
    """
    check = post(world.hub.client, "/v1/checks", application(bundle="xinxiang-06")).json()
    found = parts(check)

    assert (found[2]["finding"], found[2]["unasked"]) == ("no_record", [])
    assert (found[3]["finding"], found[3]["unasked"]) == ("no_record", ["realestate.ownership"])
    bankrupt = parts(post(world.hub.client, "/v1/checks", application(items=[3])).json())
    assert bankrupt[3]["unasked"] == [
        "realestate.ownership"
    ]  # and no mortgages: not by this number


def test_a_part_with_a_clerk_waits_and_is_gathered(world: World) -> None:
    """It is not called a source that is down; when the clerk has answered, the check is gathered."""
    body = application(items=[4], basis={"item": "xinxiang-07", "case": "W-1", "kind": "statutory"})
    check = post(world.hub.client, "/v1/checks", body).json()
    (part,) = check["parts"]
    (task,) = [t for t in world.insurer.get("/v1/tasks")["tasks"] if t["case"] == "W-1"]
    world.insurer.post(f"/v1/tasks/{task['id']}:answer", {"by": "R01", "found": False})
    after = post(world.hub.client, f"/v1/checks/{check['id']}:gather").json()

    assert (part["state"], part["open_because"]) == ("assigned", "waiting")
    assert (after["state"], after["parts"][0]["finding"]) == ("gathered", "no_record")
    assert after["parts"][0]["open_because"] is None


def test_from_assignment_to_one_delivered_result(world: World) -> None:
    """A department answers by hand, the rest is knowingly left out, and one receipt covers all."""
    check = post(world.hub.client, "/v1/checks", application(items=[2, 8, 10])).json()
    path = f"/v1/checks/{check['id']}"
    waiting = world.police.get("/v1/checks/assigned")["parts"]
    mine = next(part for part in waiting if part["check"] == check["id"])
    assert (mine["part"], mine["subject"]["id"]) == (2, CLEAN)

    refused = post(world.hub.client, f"{path}:deliver")
    assert (refused.status_code, refused.json()["code"]) == (409, "hub.check-incomplete")
    assert any("县公安局" in why for why in refused.json()["why"])

    by_hand = {"finding": "no_record", "by": "J0017"}
    answered = post(world.police, f"{path}/parts/2:answer", by_hand)
    assert answered.status_code == 200, answered.text
    assert parts(answered.json())[2]["statements"][0]["by"] == "J0017"
    again = post(world.police, f"{path}/parts/2:answer", by_hand)
    assert (again.status_code, again.json()["code"]) == (403, "hub.not-your-part")

    delivered = post(world.lead, f"{path}:deliver", {"without": [10]})
    assert delivered.status_code == 200, delivered.text
    result = delivered.json()
    assert (result["state"], result["missing"]) == ("delivered", [10])
    receipt = world.hub.client.get(f"/v1/receipts/{result['receipt']}")
    report = verify_receipt(
        json.dumps(receipt).encode(), trusted_key=world.hub.context.vault.public_key
    )
    assert report.verdict is Verdict.PASSED
    told = {p["part"]: p["finding"] for p in json.loads(receipt["leaf"])["body"]["parts"]}
    assert told == {2: "no_record", 8: "record", 10: "missing"}
    over = post(world.hub.client, f"{path}:withdraw")
    assert (over.status_code, over.json()["code"]) == (409, "hub.check-over")
    assert world.hub.log.audit() == []


def test_a_department_that_was_down_is_asked_again(world: World) -> None:
    """The part stays open with its reason, and closes when the department is back."""
    Departments.broken.add("/fund")
    check = post(world.hub.client, "/v1/checks", application(items=[8])).json()
    assert check["parts"][0]["open_because"] == "source_down"
    Departments.broken.clear()
    gathered = post(world.hub.client, f"/v1/checks/{check['id']}:gather").json()
    assert (gathered["state"], gathered["parts"][0]["finding"]) == ("gathered", "record")


def test_late_departments_are_named(world: World) -> None:
    """Once its time is over, whoever has not answered stands on the list."""
    due = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
    check = post(world.hub.client, "/v1/checks", application(items=[10], due_at=due)).json()
    assert check["late"] == []
    until = datetime.fromisoformat(check["due_at"])
    while datetime.now(UTC) <= until:
        time.sleep(0.05)
    later = world.hub.client.get(f"/v1/checks/{check['id']}")
    assert later["late"] == ["xinxiang/新乡海关"]
    assert later["parts"][0]["late"] is True


def test_nobody_answers_for_another_or_sees_what_is_not_theirs(world: World) -> None:
    """A department sees checks it has a part in; it answers its own part and leads nothing."""
    only_customs = post(world.hub.client, "/v1/checks", application(items=[10])).json()
    path = f"/v1/checks/{only_customs['id']}"
    answers = {
        "see": httpx2.get(
            world.police.url + path,
            headers={"Authorization": f"Bearer {world.police.token()}"},
            trust_env=False,
        ),
        "answer": post(
            world.police, f"{path}/parts/10:answer", {"finding": "no_record", "by": "1"}
        ),
        "deliver": post(world.police, f"{path}:deliver", {"without": [10]}),
        "withdraw": post(world.police, f"{path}:withdraw"),
    }
    assert {name: a.status_code for name, a in answers.items()} == dict.fromkeys(answers, 404)
    wrong = post(world.lead, f"{path}/parts/10:answer", {"finding": "no_record", "by": "1"})
    assert (wrong.status_code, wrong.json()["code"]) == (403, "hub.not-your-part")


WRONG: dict[str, tuple[dict[str, Any], int]] = {
    "period backwards": (application(period={"from": "2025-01-02", "to": "2025-01-01"}), 422),
    "no checks in the bundle": (application(bundle="xinxiang-05"), 422),
    "an item that is no check": (application(items=[1]), 422),
    "basis of another bundle": (
        application(basis={"item": "xinxiang-10", "case": "C-1", "kind": "statutory"}), 422
    ),
    "due yesterday": (application(due_at="2020-01-01T00:00:00+08:00"), 422),
    "due without an offset": (application(due_at="2030-01-01T00:00:00"), 422),
    "unknown bundle": (application(bundle="nowhere-01"), 404),
    "wrong check digit": (application("91990101MA0000015D"), 422),
    "unknown key": (application(extra=1), 422),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_application_is_refused(world: World, name: str) -> None:
    """With a problem document that repeats nothing of it."""
    body, status = WRONG[name]
    answer = post(world.hub.client, "/v1/checks", body)
    assert answer.status_code == status, answer.text
    assert answer.json()["origin"] == "caller"
    assert "91990101MA" not in answer.text
