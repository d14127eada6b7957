"""A department asks the hub over HTTP, and the hub asks a source over HTTP. Nothing is patched."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from typing import Any, ClassVar

import httpx2
import pytest

from hub.client import client_assertion
from hub.receipts import Verdict, verify_receipt, with_values
from hub.tokens import ASSERTION_TYPE
from tests.world.department import Department, listening
from tests.world.hub import CLIENT, RunningHub, county_with, grant, running_hub

KNOWN, UNKNOWN, BROKEN, SLOW = (
    "990101199001010019",
    "990101199001010027",
    "990101201806010032",
    "990101201806010040",
)
MANIFEST = """
source: residence-permit
name: 流动人口服务管理系统
authority: 县公安局
kind: rest
connect: {base_url: "${PERMIT_URL}", timeout: 400ms}
resources:
  residence-permit.status:
    ask: {method: GET, path: /permits, query: {id: keys.id_number, why: reason.item_name, case: reason.case}}
    answer:
      ok_when: {code: "0"}
      empty_when: {data: []}
      records: data
      fields:
        permit_no: {at: no}
        name: {at: name}
        residence_address: {at: address}
        endorsed_until: {at: until, as: date, form: "%Y%m%d"}
        issuer: {at: issuer}
"""


class Permits(Department):
    """A department's system with a mind of its own."""

    asked: ClassVar[list[str]] = []
    gate: ClassVar[threading.Event] = threading.Event()

    def answer(self) -> None:
        """Answer by number."""
        Permits.asked.append(self.path)
        row = {
            "no": "J1",
            "name": "赵明示",
            "address": "示例路8号",
            "until": "20991231",
            "issuer": "",
        }
        answer: Any = {"code": "0", "data": [row]}
        if UNKNOWN in self.path:
            answer = {"code": "0", "data": []}
        elif BROKEN in self.path:
            answer = {"code": "500", "message": "数据库错误"}
        elif SLOW in self.path:
            Permits.gate.wait(5)
        self.say(answer)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    """A hub with one connected source and three grants: good, ended, and for another item."""
    folder = tmp_path_factory.mktemp("hub")
    fields = frozenset({"permit_no", "name", "residence_address", "endorsed_until", "issuer"})
    grants = [
        grant("residence-permit.status", fields=fields),
        grant("realestate.ownership", items=frozenset({"xinxiang-19"})),
        grant("hukou.household"),
    ]
    with (
        listening(Permits) as url,
        running_hub(
            folder,
            county_with(folder / "counties", {"residence-permit": MANIFEST}),
            environment={"PERMIT_URL": url},
            grants=grants,
        ) as running,
    ):
        yield running
    Permits.gate.set()


def question(number: str = KNOWN, **changes: Any) -> dict[str, Any]:
    """A question about one person's residence permit."""
    return {
        "subject": {"kind": "person", "id_type": "citizen-id", "id": number},
        "basis": {"item": "xinxiang-10-03", "case": "41072120261124000123", "kind": "statutory"},
        "want": ["residence-permit.status.permit_no"],
        **changes,
    }


def post(hub: RunningHub, body: Any, path: str = "/v1/queries", **headers: str) -> httpx2.Response:
    """POST with the caller's token."""
    with httpx2.Client(trust_env=False, timeout=20) as http:
        return http.post(
            hub.url + path,
            content=body if isinstance(body, bytes) else json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {hub.client.token()}",
                "Content-Type": "application/json",
                **headers,
            },
        )


def test_every_wanted_field_comes_back_once_with_state_and_provenance(hub: RunningHub) -> None:
    """Values, an empty value, all values, whole records, and what was not granted."""
    want = [
        "residence-permit.status.permit_no",
        "residence-permit.status.endorsed_until",
        "residence-permit.status.issuer",
        "residence-permit.status[].name",
        "residence-permit.status[]",
        "residence-permit.status.gender",
        "hukou.household.head_name",
        "hukou.person.name",
        "realestate.ownership.location",
    ]
    answer = post(hub, question(want=want)).json()
    fields = answer["fields"]

    assert list(fields) == want
    assert answer["outcome"] == "partial"
    assert fields[want[0]]["value"] == "J1"
    assert fields[want[0]]["provenance"]["authority"] == "xinxiang/县公安局"
    assert fields[want[0]]["provenance"]["record_hash"].partition(":")[0] == "sm3"
    assert fields[want[1]]["value"] == "2099-12-31"
    assert (fields[want[2]]["state"], fields[want[2]]["why"]) == (
        "not_found",
        "exchange.value-missing",
    )
    assert fields[want[3]]["value"] == ["赵明示"]
    assert fields[want[4]]["value"][0]["residence_address"] == "示例路8号"
    assert (fields[want[5]]["state"], fields[want[5]]["why"]) == (
        "not_granted",
        "access.grant-field",
    )
    assert (fields[want[6]]["state"], fields[want[6]]["why"]) == (
        "not_applicable",
        "exchange.no-source",
    )
    assert (fields[want[7]]["state"], fields[want[7]]["why"]) == (
        "not_granted",
        "access.grant-exists",
    )
    assert (fields[want[8]]["state"], fields[want[8]]["why"]) == (
        "not_granted",
        "access.grant-item",
    )
    assert "xinxiang-19" in fields[want[8]]["fix"]


STATES = {
    "no such record": (UNKNOWN, "not_found"),
    "an error inside HTTP 200": (BROKEN, "source_error"),
    "no answer in time": (SLOW, "timed_out"),
}


@pytest.mark.parametrize(("number", "state"), STATES.values(), ids=STATES.keys())
def test_kinds_of_empty_stay_apart(hub: RunningHub, number: str, state: str) -> None:
    """Whatever the source does, the field says which it was, and holds no value."""
    field = post(hub, question(number)).json()["fields"]["residence-permit.status.permit_no"]

    assert field["state"] == state
    assert "value" not in field


def test_a_receipt_proves_the_answer_without_the_hub(hub: RunningHub) -> None:
    """Inclusion, signature and the value itself; another value, or another key, does not pass."""
    path = "residence-permit.status.permit_no"
    answer = post(hub, question()).json()
    document = hub.client.get(f"/v1/receipts/{answer['receipt']}")
    key = base64.b64decode(hub.client.get("/v1/evidence/key")["key"])

    def verdict(value: str, trusted: bytes | None) -> Verdict:
        shown = with_values(document, {path: value})
        return verify_receipt(json.dumps(shown).encode(), trusted_key=trusted).verdict

    assert verdict("J1", key) is Verdict.PASSED
    assert verdict("J2", key) is Verdict.FAILED
    assert verdict("J1", bytes(32)) is Verdict.FAILED
    assert verdict("J1", None) is Verdict.INDETERMINATE


def test_no_byte_of_a_receipt_can_be_changed(hub: RunningHub) -> None:
    """Flip any bit-pattern of any byte: it never passes, and never crashes."""
    path = "residence-permit.status.permit_no"
    answer = post(hub, question()).json()
    document = hub.client.get(f"/v1/receipts/{answer['receipt']}")
    key = base64.b64decode(hub.client.get("/v1/evidence/key")["key"])
    text = json.dumps(with_values(document, {path: "J1"}), separators=(",", ":")).encode()
    assert verify_receipt(text, trusted_key=key).verdict is Verdict.PASSED
    for place in range(len(text)):
        changed = bytearray(text)
        changed[place] ^= 0x01
        report = verify_receipt(bytes(changed), trusted_key=key)

        assert report.verdict is Verdict.FAILED, (place, bytes(changed[place - 20 : place + 20]))
    for length in range(0, len(text), 7):
        assert verify_receipt(text[:length], trusted_key=key).verdict is Verdict.FAILED


def test_the_log_holds_asked_before_answered_and_nothing_personal(hub: RunningHub) -> None:
    """Each question leaves two lines; neither the number nor the value is in them."""
    answer = post(hub, question()).json()
    hub.client.get(f"/v1/receipts/{answer['receipt']}")
    ids = hub.log.find_by_subject("citizen-id", KNOWN)
    leaves = [json.loads(hub.log.receipt(each).leaf) for each in ids]
    mine = [leaf for leaf in leaves if leaf["body"]["query"] == answer["id"]]

    assert [leaf["kind"] for leaf in mine] == ["asked", "answered"]
    assert mine[0]["body"]["calls"][0]["resource"] == "residence-permit.status"
    assert KNOWN not in json.dumps(mine)
    assert "J1" not in json.dumps(mine)


def test_a_refusal_asks_nobody_and_is_logged(hub: RunningHub) -> None:
    """With nothing granted the source hears nothing, and the receipt says refused."""
    before = len(Permits.asked)
    answer = post(hub, question(want=["hukou.person.name"])).json()
    leaf = json.loads(hub.client.get(f"/v1/receipts/{answer['receipt']}")["leaf"])

    assert answer["outcome"] == "refused"
    assert leaf["kind"] == "refused"
    assert len(Permits.asked) == before


def test_explain_touches_no_source(hub: RunningHub) -> None:
    """The plan and the decisions, and the department hears nothing of it."""
    before = len(Permits.asked)
    body = question(want=["residence-permit.status.permit_no", "hukou.person.name"])
    answer = post(hub, body, "/v1/queries:explain").json()

    assert answer["outcome"] == "would-ask"
    assert answer["calls"][0]["source"] == "residence-permit"
    assert answer["fields"]["hukou.person.name"]["why"] == "access.grant-exists"
    assert len(Permits.asked) == before


def test_the_same_key_gives_the_same_answer_once(hub: RunningHub) -> None:
    """A repeat is answered from memory; another body under the same key is refused."""
    first = post(hub, question(), **{"Idempotency-Key": "case-1-try-1"})
    asked = len(Permits.asked)
    again = post(hub, question(), **{"Idempotency-Key": "case-1-try-1"})
    other = post(hub, question(UNKNOWN), **{"Idempotency-Key": "case-1-try-1"})

    assert again.json() == first.json()
    assert again.headers["Idempotent-Replay"] == "true"
    assert len(Permits.asked) == asked
    assert (other.status_code, other.json()["code"]) == (409, "hub.duplicate-request")


PERSON = {"kind": "person", "id_type": "citizen-id", "id": KNOWN}
BAD: dict[str, tuple[Any, int, str]] = {
    "not JSON": (b"{", 400, "hub.malformed-request"),
    "not UTF-8": ('{"a":"县"}'.encode("gb18030"), 400, "hub.malformed-request"),
    "nested too deep": (b"[" * 100_000, 400, "hub.malformed-request"),
    "a list": (b"[]", 422, "hub.invalid-request"),
    "an unknown field": (question(extra=1), 422, "hub.invalid-request"),
    "a wrong check digit": (question("990101199001010018"), 422, "hub.invalid-request"),
    "a date that never was": (question("990101197502290013"), 422, "hub.invalid-request"),
    "an enterprise by a citizen number": (
        question(subject={**PERSON, "kind": "organisation"}), 422, "hub.invalid-request"
    ),
    "no path at all": (question(want=[]), 422, "hub.invalid-request"),
    "the same path twice": (
        question(want=["hukou.person.name"] * 2), 422, "hub.invalid-request"
    ),
    "a path that is none": (question(want=["hukou"]), 422, "hub.invalid-request"),
    "a predicate over a text": (
        question(want=["hukou.person.name == '赵明示'"]), 422, "hub.invalid-request"
    ),
    "a predicate of nothing known": (
        question(want=["person.height >= 180"]), 404, "catalog.unknown-entry"
    ),
    "an unknown resource": (question(want=["no.such.thing"]), 404, "catalog.unknown-entry"),
    "an unknown item": (
        question(basis={"item": "nowhere-1", "case": "1", "kind": "statutory"}),
        404, "catalog.unknown-entry",
    ),
    "a deadline of nothing": (question(deadline_ms=0), 422, "hub.invalid-request"),
    "a deadline of a day": (question(deadline_ms=86_400_000), 422, "hub.invalid-request"),
    "a deadline in words": (question(deadline_ms="2500"), 422, "hub.invalid-request"),
    "a required path that is not wanted": (
        question(completeness={"required": ["hukou.person.name"]}), 422, "hub.invalid-request"
    ),
    "a negative age": (question(freshness={"max_age": "-P1D"}), 422, "hub.invalid-request"),
    "ten megabytes": (b"x" * (10 << 20), 413, "hub.too-large"),
}  # fmt: skip


@pytest.mark.parametrize(("body", "status", "code"), BAD.values(), ids=BAD.keys())
def test_bad_input_is_a_problem_document(
    hub: RunningHub, body: Any, status: int, code: str
) -> None:
    """Each mistake has its status and code, says whose it is, and repeats no number."""
    answer = post(hub, body)
    problem = answer.json()

    assert (answer.status_code, problem["code"]) == (status, code)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert problem["origin"] == "caller"
    assert problem["trace"] in answer.headers["traceparent"]
    assert "9901011" not in answer.text


def test_a_field_that_does_not_exist_says_so(hub: RunningHub) -> None:
    """An unknown field of a known resource is a field state, not a failed request."""
    field = post(hub, question(want=["residence-permit.status.colour"])).json()["fields"]

    assert field["residence-permit.status.colour"]["why"] == "access.field-exists"


def test_a_receipt_is_the_callers_own(hub: RunningHub) -> None:
    """No token, no receipt; an unknown one does not exist."""
    with httpx2.Client(trust_env=False) as http:
        bare = http.get(f"{hub.url}/v1/receipts/rcp_x")
        unknown = http.get(
            f"{hub.url}/v1/receipts/rcp_x",
            headers={"Authorization": f"Bearer {hub.client.token()}"},
        )

    assert (bare.status_code, bare.json()["code"]) == (401, "hub.token-refused")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "hub.unknown-receipt")


def token_request(hub: RunningHub, assertion: str, **changes: str) -> httpx2.Response:
    """Ask for a token."""
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": assertion,
        **changes,
    }
    with httpx2.Client(trust_env=False) as http:
        return http.post(f"{hub.url}/oauth2/token", data=form)


def test_an_assertion_is_good_once(hub: RunningHub) -> None:
    """The same `jti` again is a replay."""
    assertion = client_assertion(CLIENT, hub.client.key_file, f"{hub.url}/oauth2/token")
    first, again = token_request(hub, assertion), token_request(hub, assertion)

    assert first.status_code == 200
    assert again.status_code == 401
    assert again.json()["error_description"] == "assertion-replayed"


def test_assertions_that_are_refused(hub: RunningHub) -> None:
    """For another audience, from an unknown client, damaged, empty, or by another grant type."""
    mine = client_assertion(CLIENT, hub.client.key_file, hub.url)
    head, payload, signature = mine.split(".")
    refused = {
        "audience": client_assertion(CLIENT, hub.client.key_file, "https://elsewhere.example"),
        "unknown-client": client_assertion("nobody", hub.client.key_file, hub.url),
        "signature": f"{head}.{payload}.{signature[::-1]}",
        "malformed": "a.b.c",
        "too-long": "x" * 9000,
    }
    for why, assertion in refused.items():
        answer = token_request(hub, assertion)

        assert answer.status_code == 401, why
        assert why in answer.json()["error_description"]
    assert token_request(hub, mine, grant_type="password").status_code == 400
    assert token_request(hub, "").status_code == 400


TOKENS = {"none": None, "damaged": "x", "foreign": "eyJhbGciOiJub25lIn0.e30.", "long": "x" * 9000}


@pytest.mark.parametrize("token", TOKENS.values(), ids=TOKENS.keys())
def test_tokens_that_are_refused(hub: RunningHub, token: str | None) -> None:
    """Without a token of ours nothing is answered."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with httpx2.Client(trust_env=False) as http:
        answer = http.post(f"{hub.url}/v1/queries", json=question(), headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (401, "hub.token-refused")


def test_health_tells_the_truth(hub: RunningHub) -> None:
    """Ready means that database, log, keys and catalog were looked at."""
    with httpx2.Client(trust_env=False) as http:
        assert http.get(f"{hub.url}/livez").json() == {"status": "live"}
        ready = http.get(f"{hub.url}/readyz").json()

    assert ready["ready"] is True
    assert set(ready["checks"]) == {"database", "evidence", "keys", "catalog"}
    assert set(ready["sources"]) == {"xinxiang/residence-permit"}


def test_the_catalog_can_be_paged_through(hub: RunningHub) -> None:
    """Every bundle comes once, whatever the page size; an entry comes whole."""
    seen: list[str] = []
    cursor = ""
    with httpx2.Client(trust_env=False, base_url=hub.url) as http:
        while True:
            page = http.get(
                "/v1/catalog/bundles", params={"limit": 8, **({"cursor": cursor} if cursor else {})}
            )
            seen += [entry["id"] for entry in page.json()["entries"]]
            cursor = page.json()["next"]
            if cursor is None:
                break
        bundle = http.get("/v1/catalog/bundles/xinxiang-10").json()
        missing = http.get("/v1/catalog/bundles/xinxiang-99")

    assert len(seen) == len(set(seen)) == 21
    assert bundle["desk_figures"]["copies"] == 29
    assert missing.status_code == 404
