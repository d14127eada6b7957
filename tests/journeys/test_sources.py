"""How sources are spared, and how that is told over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import httpx2
import pytest

from adapters.closing import CHINA
from tests.adapters.dialects import SOAP, WSDL
from tests.world.department import Department, listening
from tests.world.hub import RunningHub, county_with, grant, running_hub

NUMBER = "990101199001010019"
TOMORROW = (datetime.now(UTC) + timedelta(days=1)).replace(microsecond=0)
KEPT = """
source: residence-permit
name: 流动人口服务管理系统
authority: 县公安局
kind: rest
connect: {base_url: "${DEPARTMENT_URL}", timeout: 1s}
breaker: {failures: 1000}
cache: {max_age: 1h, stale_if_error: 1d}
resources:
  residence-permit.status:
    ask: {method: GET, path: /permits, query: {id: keys.id_number}}
    answer: {ok_when: {code: "0"}, records: data, fields: {permit_no: {at: no}}}
"""
CLOSED = f"""
source: realestate
name: 不动产登记信息平台
authority: 县不动产登记和交易中心
kind: rest
connect: {{base_url: "${{DEPARTMENT_URL}}", timeout: 1s}}
closed: [{{from: 2020-01-01T00:00, to: "{TOMORROW.isoformat()}", reason: 迁移}}]
resources:
  realestate.ownership:
    ask: {{method: GET, path: /homes, query: {{id: keys.id_number}}}}
    answer: {{records: data, fields: {{certificate_no: {{at: no}}}}}}
"""


class Told(Department):
    """Answers, unless it is broken."""

    broken: ClassVar[bool] = False
    asked: ClassVar[list[str]] = []

    def answer(self) -> None:
        """A permit."""
        Told.asked.append(self.path)
        self.say({"code": "9" if Told.broken else "0", "data": [{"no": "J1"}]})


@pytest.fixture
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    """A hub with a source whose answers may be used again and one that is closed."""
    folder = tmp_path_factory.mktemp("sources")
    Told.broken, Told.asked = False, []
    with (
        listening(Told) as url,
        running_hub(
            folder,
            county_with(folder / "counties", {"residence-permit": KEPT, "realestate": CLOSED}),
            environment={"DEPARTMENT_URL": url},
            grants=[grant("residence-permit.status"), grant("realestate.ownership")],
        ) as running,
    ):
        yield running


def ask(hub: RunningHub, *want: str, **changes: Any) -> dict[str, Any]:
    """One query."""
    return hub.client.post(
        "/v1/queries",
        {
            "subject": {"kind": "person", "id_type": "citizen-id", "id": NUMBER},
            "basis": {"item": "xinxiang-10-03", "case": "CASE-1", "kind": "statutory"},
            "want": list(want),
            **changes,
        },
    )


PERMIT = "residence-permit.status.permit_no"


def test_a_kept_answer_is_labelled_and_has_its_own_receipt(hub: RunningHub) -> None:
    """The department is asked once; the log says that the second answer was a kept one."""
    first, again = ask(hub, PERMIT), ask(hub, PERMIT)
    fresh = [a["fields"][PERMIT]["provenance"]["freshness"] for a in (first, again)]
    assert (fresh, len(Told.asked)) == (["live", "cached"], 1)
    leaf = json.loads(hub.client.get(f"/v1/receipts/{again['receipt']}")["leaf"])
    assert leaf["body"]["fields"][PERMIT]["freshness"] == "cached"


def test_a_stale_answer_is_never_shown_as_fresh(hub: RunningHub) -> None:
    """The caller asked for it, the state says stale, and why says what was wrong."""
    ask(hub, PERMIT)
    Told.broken = True
    wish = {"max_age": "PT0.001S", "stale_if_error": "PT1H"}
    field = ask(hub, PERMIT, freshness=wish)["fields"][PERMIT]
    assert (field["state"], field["value"]) == ("stale", "J1")
    assert field["provenance"]["freshness"] == "stale"
    assert field["why"] == "rest.not-ok-9"
    without = ask(hub, PERMIT, freshness={"max_age": "PT0.001S"})["fields"][PERMIT]
    assert (without["state"], "value" in without) == ("source_error", False)


def test_a_closed_source_says_when_it_opens_and_is_not_asked(hub: RunningHub) -> None:
    """A state of its own: nobody is at fault, and it is known until when."""
    field = ask(hub, "realestate.ownership[].certificate_no")["fields"]
    (closed,) = field.values()
    assert (closed["state"], closed["why"]) == ("source_closed", "rest.source-closed")
    assert datetime.fromisoformat(closed["reopens_at"]) == TOMORROW
    assert f"{TOMORROW.astimezone(CHINA):%Y-%m-%d %H:%M} 恢复" in closed["fix"]
    assert Told.asked == []


def test_the_status_comes_from_real_traffic(hub: RunningHub) -> None:
    """Counts, states, latencies and the calendar, for the caller's own county."""
    ask(hub, PERMIT)
    ask(hub, PERMIT, "realestate.ownership[].certificate_no")
    Told.broken = True
    ask(hub, PERMIT, freshness={"max_age": "PT0.001S"})
    found = {source["source"]: source for source in hub.client.get("/v1/sources")["sources"]}

    permits, homes = found["residence-permit"], found["realestate"]
    assert permits["outcomes"] == {"answered": 1, "cached": 1, "failed": 1}
    assert permits["field_states"] == {"ok": 2, "source_error": 1}
    assert permits["field_states_since_start"] == permits["field_states"]
    assert permits["last_failure"] == "rest.not-ok-9"
    assert permits["latency_ms"]["p50"] is not None
    assert (homes["closed_until"], homes["closed_because"]) == (TOMORROW.isoformat(), "迁移")
    assert homes["outcomes"] == {"closed": 1}
    assert hub.client.get("/v1/sources/xinxiang/realestate")["resources"] == [
        "realestate.ownership"
    ]


def test_the_status_is_for_callers_and_unknown_sources_are_unknown(hub: RunningHub) -> None:
    """No token, no status; another county's sources do not exist for this caller."""
    with httpx2.Client(trust_env=False) as http:
        bare = http.get(f"{hub.url}/v1/sources")
        bearer = {"Authorization": f"Bearer {hub.client.token()}"}
        others = [
            http.get(f"{hub.url}/v1/sources/{place}", headers=bearer)
            for place in ("xinxiang/nobody", "shenqiu/realestate", "nowhere/realestate")
        ]
    assert bare.status_code == 401
    assert {(a.status_code, a.json()["code"]) for a in others} == {(404, "catalog.unknown-entry")}


def test_what_a_source_cannot_be_asked_is_no_fault_of_it(tmp_path: Path) -> None:
    """Something in the question that XML cannot hold: *not applicable*, with its reason. The department
    is not contacted, and nobody is sent to it because of its system.
    """
    Told.asked = []
    manifest = SOAP.replace("${URL}", "${DEPARTMENT_URL}").replace(
        "        XM: optional.name\n", ""
    )
    manifest = manifest.replace("reason.case", "reason.legal_basis")
    counties = county_with(tmp_path / "counties", {"hukou": manifest})
    (counties / "xinxiang" / "sources" / "hukou.wsdl").write_text(WSDL, encoding="utf-8")
    want = "hukou.household.household_no"
    with (
        listening(Told) as url,
        running_hub(
            tmp_path, counties, environment={"DEPARTMENT_URL": url},
            grants=[grant("hukou.household")],
        ) as hub,
    ):  # fmt: skip
        basis = {"item": "xinxiang-10", "case": "CASE-1", "kind": "statutory"}
        answer = ask(hub, want, basis={**basis, "ref": "新政文\uffff62号"})
        asked = [*Told.asked]
        other = ask(hub, want, basis={**basis, "ref": "新政文62号"})
        (source,) = hub.client.get("/v1/sources")["sources"]
        lines = hub.lines()

    field = answer["fields"][want]
    assert (field["state"], field["why"]) == ("not_applicable", "soap.unaskable")
    assert "value" not in field
    assert "对方枢纽" not in field["fix"]
    assert (answer["outcome"], asked) == ("complete", [])
    assert other["fields"][want]["state"] == "source_error"  # it was asked, and speaks no SOAP
    assert source["outcomes"] == {"failed": 1, "not_asked": 1}
    assert NUMBER not in lines
