"""A source whose document is in order and whose values are not: each is a value or a state, the
answer can be read by everybody, and the receipt proves it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest

from hub.receipts import Verdict, verify_receipt, with_values
from tests.world.department import Department, listening
from tests.world.hub import RunningHub, county_with, grant, running_hub

NUMBER, OTHER = "990101199001010019", "990101201806010032"
MANIFEST = """
source: residence-permit
name: 流动人口服务管理系统
authority: 县公安局
kind: rest
connect: {base_url: "${PERMIT_URL}", timeout: 5s}
resources:
  residence-permit.status:
    ask: {method: GET, path: /permits, query: {id: keys.id_number}}
    answer:
      ok_when: {code: "0"}
      empty_when: {data: []}
      records: data
      fields:
        permit_no: {at: no}
        residence_address: {at: address}
        endorsed_until: {at: until, as: date, form: "%Y%m%d"}
"""
NO, ADDRESS, UNTIL = (
    f"residence-permit.status.{name}"
    for name in ("permit_no", "residence_address", "endorsed_until")
)
ROW = {"no": "J1", "address": "示例路8号", "until": "20991231"}


class Told(Department):
    """Says what a test told it to."""

    said: ClassVar[bytes] = b""

    def answer(self) -> None:
        """Say it."""
        self.say(self.said)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    """A hub with one source; its breaker stays closed, for every second answer is good."""
    folder = tmp_path_factory.mktemp("odd")
    with (
        listening(Told) as url,
        running_hub(
            folder,
            county_with(folder / "counties", {"residence-permit": MANIFEST}),
            environment={"PERMIT_URL": url},
            grants=[grant("residence-permit.status")],
        ) as running,
    ):
        yield running


def ask(hub: RunningHub, said: bytes) -> dict[str, Any]:
    """What the hub answers when the department says that."""
    Told.said = said
    subject = {"kind": "person", "id_type": "citizen-id", "id": NUMBER}
    basis = {"item": "xinxiang-10", "case": "C-1", "kind": "statutory"}
    body = {
        "subject": subject,
        "basis": basis,
        "want": [NO, ADDRESS, UNTIL, "residence-permit.status[]"],
    }
    return hub.client.post("/v1/queries", body)


def row(**changes: Any) -> bytes:
    """A document with one record."""
    return json.dumps({"code": "0", "data": [{**ROW, **changes}]}).encode()


CASES: dict[str, tuple[bytes, dict[str, str]]] = {
    "all in order": (row(), {NO: "ok", ADDRESS: "ok", UNTIL: "ok"}),
    "half a surrogate": (row(no="J\ud800"), {NO: "source_error"}),
    "a NUL": (row(no="J\0"), {NO: "source_error"}),
    "an escape sequence": (row(no="\x1b[31mJ"), {NO: "source_error"}),
    "a number for a text": (row(no=12), {NO: "ok"}),
    "a list for a text": (row(no=["J1"]), {NO: "source_error"}),
    "an object for a text": (row(no={"a": 1}), {NO: "source_error"}),
    "nothing for a text": (row(no=None), {NO: "not_found", ADDRESS: "ok"}),
    "an empty text": (row(no=""), {NO: "not_found", ADDRESS: "ok"}),
    "a date that never was": (row(until="20990231"), {UNTIL: "source_error", NO: "ok"}),
    "a date in words": (row(until=OTHER), {UNTIL: "source_error", NO: "ok"}),
    "a text without end": (row(address="路" * 300_000), {NO: "source_error"}),
    "a hundred thousand blanks": (row(address=" " * 100_000), {NO: "ok"}),
    "a sign beyond the first plane": (row(address="𠮷田"), {ADDRESS: "ok"}),
    "a script that runs from right to left": (row(address="\u202e号8路"), {NO: "ok"}),
    "a number beyond all numbers": (b'{"code":"0","data":[{"no":' + b"9" * 5000 + b"}]}", {}),
    "infinity": (b'{"code":"0","data":[{"no":Infinity}]}', {NO: "source_error"}),
    "a record that is none": (b'{"code":"0","data":[null]}', {}),
    "records that are none": (b'{"code":"0","data":"none"}', {NO: "source_error"}),
    "four thousand records": (
        json.dumps({"code": "0", "data": [{**ROW, "no": f"J{n}"} for n in range(4000)]}).encode(),
        {},
    ),
    "somebody else's error": (
        json.dumps({"code": "1", "message": f"{NUMBER} 无权限"}).encode(), {NO: "source_error"},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("said", "states"), CASES.values(), ids=CASES.keys())
def test_odd_values_are_values_or_states(
    hub: RunningHub, said: bytes, states: dict[str, str]
) -> None:
    """Each path once, a receipt that holds, nothing of it in a log line; and the next one is fine."""
    answer = ask(hub, said)
    fields = answer["fields"]

    assert len(fields) == 4
    assert {path: fields[path]["state"] for path in states} == states
    assert all(("value" in each) == (each["state"] == "ok") for each in fields.values())
    values = {path: each["value"] for path, each in fields.items() if "value" in each}
    unread = {p.rpartition(".")[2] for p in fields if fields[p]["state"] == "source_error"}
    whole = fields["residence-permit.status[]"].get("value", [])
    empty = {name for record in whole for name, value in record.items() if value is None}
    assert unread.isdisjoint(empty), "what could not be read would look like nothing"
    document = hub.client.get(f"/v1/receipts/{answer['receipt']}")
    shown = json.dumps(with_values(document, values)).encode()
    key = base64.b64decode(hub.client.get("/v1/evidence/key")["key"])
    assert verify_receipt(shown, trusted_key=key).verdict is Verdict.PASSED
    assert [word for word in (NUMBER, OTHER, "示例路", "无权限") if word in hub.lines()] == []
    assert hub.log.audit() == []
    assert ask(hub, row())["fields"][NO]["value"] == "J1"
