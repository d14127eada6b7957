"""Yes or no over HTTP: the value is in no answer, no receipt and no log."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx2
import pytest

from hub.receipts import Verdict, verify_receipt
from tests.world.hub import RunningHub, county_with, grant, running_hub

GROWN, CHILD, NOBODY, DOWN = (
    "990101199001010019",
    "990101201806010032",
    "990101199001010027",
    "990101201806010040",
)
PERSON = """
source: hukou
name: 人口信息
authority: 县公安局
kind: rest
connect: {base_url: "${DEPARTMENT_URL}", timeout: 1s}
breaker: {failures: 1000}
resources:
  hukou.person:
    ask: {method: GET, path: /person, query: {id: keys.id_number}}
    answer:
      ok_when: {code: "0"}
      empty_when: {data: []}
      records: data
      fields: {birth_date: {at: born, form: "%Y%m%d"}, name: {at: name}}
"""
HOMES = """
source: realestate
name: 不动产
authority: 县不动产登记和交易中心
kind: rest
connect: {base_url: "${DEPARTMENT_URL}", timeout: 1s}
breaker: {failures: 1000}
resources:
  realestate.ownership:
    ask: {method: GET, path: /homes, query: {id: keys.id_number}}
    answer: {ok_when: {code: "0"}, empty_when: {data: []}, records: data, fields: {certificate_no: {at: no}}}
"""


class Department(BaseHTTPRequestHandler):
    """Births and homes."""

    def do_GET(self) -> None:
        """Answer by number."""
        rows: list[Any] = []
        if self.path.startswith("/person") and NOBODY not in self.path:
            rows = [{"born": "20180601" if CHILD in self.path else "19900101", "name": "赵明示"}]
        elif self.path.startswith("/homes") and GROWN in self.path:
            rows = [{"no": "演1"}, {"no": "演2"}]
        body = json.dumps({"code": "9" if DOWN in self.path else "0", "data": rows}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    """A caller that may ask whether somebody is old enough, and not when they were born."""
    folder = tmp_path_factory.mktemp("predicates")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Department)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with running_hub(
        folder,
        county_with(folder / "counties", {"hukou": PERSON, "realestate": HOMES}),
        environment={"DEPARTMENT_URL": f"http://127.0.0.1:{server.server_port}"},
        grants=[
            grant("hukou.person", fields=frozenset({"birth_date?", "name"})),
            grant("realestate.ownership"),
        ],
        predicate_thresholds=2,
    ) as running:
        yield running
    server.shutdown()
    server.server_close()


def ask(hub: RunningHub, number: str, *want: str, path: str = "/v1/queries") -> dict[str, Any]:
    """One query about one person."""
    subject = {"kind": "person", "id_type": "citizen-id", "id": number, "name": "赵明示"}
    basis = {"item": "xinxiang-10-03", "case": "CASE-1", "kind": "statutory"}
    return hub.client.post(path, {"subject": subject, "basis": basis, "want": list(want)})


def test_old_enough_is_answered_without_the_birth_date(hub: RunningHub) -> None:
    """With provenance and a receipt; the date is in neither, and the log is whole."""
    answer = ask(hub, GROWN, "person.age >= 18", "hukou.person.name")
    field = answer["fields"]["person.age >= 18"]
    assert (field["state"], field["value"]) == ("ok", True)
    assert field["provenance"]["source"] == "hukou"
    assert set(answer["fields"]) == {"person.age >= 18", "hukou.person.name"}
    receipt = hub.client.get(f"/v1/receipts/{answer['receipt']}")
    report = verify_receipt(json.dumps(receipt).encode(), trusted_key=hub.context.vault.public_key)
    assert report.verdict is Verdict.PASSED
    told = json.loads(receipt["leaf"])["body"]["fields"]
    assert set(told) == set(answer["fields"]) == set(receipt["salts"])
    assert "1990" not in json.dumps(answer) + receipt["leaf"]
    assert hub.log.audit() == []


def test_no_is_an_answer_too(hub: RunningHub) -> None:
    """And what follows from whole years is worked out on the day of the question."""
    answer = ask(hub, CHILD, "person.age >= 18")
    assert answer["fields"]["person.age >= 18"]["value"] is False
    years = datetime.now(UTC).year - 2018
    exact = ask(hub, CHILD, f"person.age <= {years}")
    assert exact["fields"][f"person.age <= {years}"]["value"] is True


def test_nobody_and_no_answer_are_never_no(hub: RunningHub) -> None:
    """Three kinds of empty stay apart; only a count takes `no record` for nought."""
    nobody = ask(hub, NOBODY, "person.age >= 18", "realestate.count == 0")["fields"]
    assert nobody["person.age >= 18"]["state"] == "not_found"
    assert nobody["realestate.count == 0"]["value"] is True
    down = ask(hub, DOWN, "person.age >= 18", "realestate.count == 0")["fields"]
    assert {field["state"] for field in down.values()} == {"source_error"}
    assert all("value" not in field for field in down.values())


def test_how_many_homes(hub: RunningHub) -> None:
    """Two are two."""
    fields = ask(hub, GROWN, "realestate.count == 2", "realestate.count >= 3")["fields"]
    assert [field["value"] for field in fields.values()] == [True, False]


def test_the_lesser_grant_gives_no_value(hub: RunningHub) -> None:
    """`birth_date?` lets ask about the date, and does not give it."""
    field = ask(hub, GROWN, "hukou.person.birth_date")["fields"]["hukou.person.birth_date"]
    assert (field["state"], field["why"]) == ("not_granted", "access.grant-field")
    explained = ask(
        hub, GROWN, "person.age >= 18", "hukou.person.gender == '1'", path="/v1/queries:explain"
    )["fields"]
    assert explained["person.age >= 18"]["state"] == "granted"
    assert explained["hukou.person.gender == '1'"]["state"] == "not_granted"


def test_a_value_is_not_narrowed_down(hub: RunningHub) -> None:
    """Two thresholds are answered; the third is not, the first two are as often as one likes."""
    number = "99010119900101006X"
    for text in ("person.age >= 30", "person.age >= 40", "person.age>=30"):
        assert ask(hub, number, text)["fields"][text]["state"] == "ok"
    third = ask(hub, number, "person.age >= 36")["fields"]["person.age >= 36"]
    assert (third["state"], third["why"]) == ("not_granted", "access.predicate-narrowing")
    assert ask(hub, number, "person.age >= 30")["fields"]["person.age >= 30"]["state"] == "ok"
    other = ask(hub, CHILD.replace("0032", "0059"), "person.age >= 36")["fields"]
    assert other["person.age >= 36"]["state"] == "ok"


WRONG = {
    "no such quantity": ("person.height >= 180", 404),
    "no such field": ("hukou.person.height >= 180", 404),
    "another kind of literal": ("person.age >= 2008-01-01", 404),
    "no predicate": ("person.age >= eighteen", 422),
    "a number of a person": ("hukou.person.id_number == '990101199001010019'", 422),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_question_is_refused(hub: RunningHub, name: str) -> None:
    """With a problem document."""
    text, status = WRONG[name]
    with pytest.raises(httpx2.HTTPStatusError) as caught:
        ask(hub, GROWN, text)
    assert caught.value.response.status_code == status
