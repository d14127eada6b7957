"""Whatever comes in over HTTP ends as a problem document that helps, or as the state of a field:
never as a 500, never with a word of the request in it, and never at the cost of the log.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import httpx2
import pytest

from hub.http.problems import Problem
from hub.model import Consumer
from hub.store import count_evidence
from tests.journeys.conftest import County
from tests.world.hub import CLIENT

NUMBER, CHILD, MOBILE = "990101199001010019", "990101201806010032", "13800138000"
NAME, WORD = "赵明示", "kanarienvogel"
CASE = "41072120261124000123"
SENT = (NUMBER, CHILD, MOBILE, NAME, WORD, CASE, "41072119900101")
"""What stands in the requests below, and in no answer and no line of the log."""
PERSON = {"kind": "person", "id_type": "citizen-id", "id": NUMBER, "name": NAME}
BASIS = {"item": "xinxiang-10-03", "case": CASE, "kind": "statutory", "ref": WORD}
WANT = "residence-permit.status.permit_no"
PLAN = "/v1/bundles/xinxiang-10:plan"


def question(**changes: Any) -> dict[str, Any]:
    """A question about one person's residence permit."""
    return {"subject": PERSON, "basis": BASIS, "want": [WANT], **changes}


def about(**changes: Any) -> dict[str, Any]:
    """The same with another subject."""
    return question(subject={**PERSON, **changes})


def because(**changes: Any) -> dict[str, Any]:
    """The same for another reason."""
    return question(basis={**BASIS, **changes})


def family(**changes: Any) -> dict[str, Any]:
    """A question for the plan of a family."""
    child = {**PERSON, "id": CHILD}
    basis = {**BASIS, "item": "xinxiang-10"}
    return {"subjects": {"applicant": PERSON, "child": child}, "basis": basis, **changes}


def text(body: Any, old: str, new: str) -> bytes:
    """The JSON of `body` with a part of the text replaced."""
    plain = json.dumps(body, ensure_ascii=False)
    assert old in plain
    return plain.replace(old, new, 1).encode()


@dataclass(frozen=True, slots=True)
class Sent:
    """A request; a `bytes` body is sent as it is."""

    body: Any = None
    path: str = "/v1/queries"
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)


def get(path: str, **headers: str) -> Sent:
    """A request without a body."""
    return Sent(path=path, method="GET", headers=headers)


def chunks() -> Iterator[bytes]:
    """Ten megabytes of which nobody says how long they are."""
    for _ in range(160):
        yield b" " * 0x10000


MALFORMED, INVALID = (400, "hub.malformed-request"), (422, "hub.invalid-request")
UNKNOWN, TOO_LARGE = (404, "catalog.unknown-entry"), (413, "hub.too-large")
OTHER_TYPE = (415, "hub.unsupported-media-type")
GBK = {"Content-Type": "application/json; charset=gb18030"}
DEEP = '{"a":' * 600 + "1" + "}" * 600

BODIES: dict[str, tuple[Sent, tuple[int, str]]] = {
    "nothing": (Sent(b""), MALFORMED),
    "not JSON": (Sent(b"{" + WORD.encode()), MALFORMED),
    "half of it": (Sent(json.dumps(question()).encode()[:-9]), MALFORMED),
    "two documents": (Sent(json.dumps(question()).encode() * 2), MALFORMED),
    "XML": (Sent(f"<x>{NUMBER}</x>".encode()), MALFORMED),
    "a mark in front": (Sent(b"\xef\xbb\xbf" + json.dumps(question()).encode()), MALFORMED),
    "UTF-16": (Sent(json.dumps(question()).encode("utf-16")), MALFORMED),
    "GB18030": (Sent(json.dumps(question(), ensure_ascii=False).encode("gb18030")), MALFORMED),
    "half a character": (Sent(text(question(), NAME, "赵").replace(b"\xb5", b"")), MALFORMED),
    "NUL in front": (Sent(b"\0" + json.dumps(question()).encode()), MALFORMED),
    "a bare NUL in a name": (Sent(text(question(), NAME, "赵\0示")), MALFORMED),
    "nested without end": (Sent(b"[" * 100_000), MALFORMED),
    "objects without end": (Sent(b'{"a":' * 100_000), MALFORMED),
    "six hundred deep": (Sent(text(question(), '"ref"', f'"{WORD}": {DEEP}, "ref"')), INVALID),
    "the same key twice": (Sent(text(question(), '"kind"', '"kind": "person", "kind"')), MALFORMED),
    "the subject twice": (Sent(text(question(), '"want"', '"subject": {}, "want"')), MALFORMED),
    "not a number": (Sent(text(question(), '"want"', '"deadline_ms": NaN, "want"')), MALFORMED),
    "a number without end": (
        Sent(text(question(), '"want"', f'"deadline_ms": {"9" * 9000}, "want"')), MALFORMED,
    ),
    "another type": (Sent(question(), headers={"Content-Type": "text/plain"}), OTHER_TYPE),
    "a form": (
        Sent(b"subject=1", headers={"Content-Type": "application/x-www-form-urlencoded"}),
        OTHER_TYPE,
    ),
    "another charset": (Sent(question(), headers=GBK), OTHER_TYPE),
    "no type": (Sent(question(), headers={"Content-Type": ""}), OTHER_TYPE),
    "ten megabytes": (Sent(b" " * (10 << 20)), TOO_LARGE),
    "ten megabytes in chunks": (Sent(chunks), TOO_LARGE),
}  # fmt: skip

FIELDS: dict[str, tuple[Sent, tuple[int, str]]] = {
    "a list": (Sent([question()]), INVALID),
    "a text": (Sent(WORD), INVALID),
    "null": (Sent(b"null"), INVALID),
    "an unknown field": (Sent(question(**{WORD: 1})), INVALID),
    "a number as a field": (Sent(question(**{NUMBER: NAME})), INVALID),
    "thirty thousand fields": (Sent(question(**{f"{WORD}{n}": 0 for n in range(35_000)})), INVALID),
    "a wrong check digit": (Sent(about(id="990101199001010018")), INVALID),
    "a date that never was": (Sent(about(id="990101197502290013")), INVALID),
    "a birth that is to come": (Sent(about(id="990101209901010019")), INVALID),
    "fifteen digits": (Sent(about(id="990101900101001")), INVALID),
    "a number as a number": (Sent(about(id=990101199001010019)), INVALID),
    "another kind of number": (Sent(about(kind="organisation")), INVALID),
    "a wrong enterprise": (
        Sent(about(kind="organisation", id_type="uscc", id="91990101MA0000015D")), INVALID,
    ),
    "an unknown kind": (Sent(about(kind=WORD)), INVALID),
    "an escaped NUL in a name": (Sent(about(name="赵\0示")), INVALID),
    "a line break in a name": (Sent(about(name=f"赵\n{WORD}")), INVALID),
    "an escape sequence in a name": (Sent(about(name="\x1b[31m赵")), INVALID),
    "half a surrogate in a name": (Sent(about(name="赵\ud800")), MALFORMED),
    "half a surrogate as a field": (Sent(question(**{"\udfff": 1})), MALFORMED),
    "a name without end": (Sent(about(name=NAME * 1000)), INVALID),
    "an empty name": (Sent(about(name=" ")), INVALID),
    "control signs in a certificate's number": (
        Sent(about(kind="object", id_type="certificate-no", id="豫\x00\x7f1")), INVALID,
    ),
    "a citizen number as the case": (Sent(because(case=NUMBER)), INVALID),
    "a child's number in the case": (Sent(because(case=f"2026/{CHILD}")), INVALID),
    "a number with dashes in the case": (Sent(because(case="990101-19900101-0019")), INVALID),
    "a mobile as the case": (Sent(because(case=MOBILE)), INVALID),
    "a number in the reference": (Sent(because(ref=f"户主 {NUMBER} 的申请")), INVALID),
    "a full-width number in the reference": (
        Sent(because(ref="９９０１０１１９９００１０１００１９")), INVALID,
    ),
    "a mobile in the reference": (Sent(because(ref=f"{NAME} {MOBILE}")), INVALID),
    "half a surrogate in the reference": (Sent(because(ref="\ud83d")), MALFORMED),
    "a NUL in the reference": (Sent(because(ref="a\0b")), INVALID),
    "a name as the case": (Sent(because(case=NAME)), INVALID),
    "a line break behind the case": (Sent(because(case=f"{CASE}\n")), INVALID),
    "an unknown basis": (Sent(because(kind=WORD)), INVALID),
    "an unknown item": (Sent(because(item=WORD)), UNKNOWN),
    "a number as the item": (Sent(because(item=NUMBER)), UNKNOWN),
    "an unknown resource": (Sent(question(want=[f"{WORD}.thing.name"])), UNKNOWN),
    "a number as a field of a resource": (
        Sent(question(want=[f"hukou.person.a{NUMBER}"])), INVALID,
    ),
    "no path": (Sent(question(want=["赵明示"])), INVALID),
    "a path twice": (Sent(question(want=[WANT, WANT])), INVALID),
    "a path with a NUL": (Sent(question(want=[f"{WANT}\0"])), INVALID),
    "two hundred and one paths": (
        Sent(question(want=[f"hukou.person.f{n}" for n in range(201)])), INVALID,
    ),
    "required and not wanted": (
        Sent(question(completeness={"required": [f"hukou.person.{WORD}"]})), INVALID,
    ),
    "a deadline of nothing": (Sent(question(deadline_ms=0)), INVALID),
    "a deadline before now": (Sent(question(deadline_ms=-1)), INVALID),
    "a deadline of a day": (Sent(question(deadline_ms=86_400_000)), INVALID),
    "a deadline beyond all numbers": (Sent(question(deadline_ms=10**400)), INVALID),
    "a deadline in words": (Sent(question(deadline_ms=WORD)), INVALID),
    "a deadline in fractions": (Sent(question(deadline_ms=2500.5)), INVALID),
    "an age in words": (Sent(question(freshness={"max_age": WORD})), INVALID),
    "an age beyond all calendars": (Sent(question(freshness={"max_age": "P99999999999D"})), INVALID),
}  # fmt: skip

PLANS: dict[str, tuple[Sent, tuple[int, str]]] = {
    "an unknown bundle": (Sent(family(), f"/v1/bundles/{WORD}:plan"), UNKNOWN),
    "a number as the bundle": (Sent(family(), f"/v1/bundles/{NUMBER}:plan"), UNKNOWN),
    "a bundle without materials": (
        Sent(family(basis={**BASIS, "item": "shenqiu-01"}), "/v1/bundles/shenqiu-01:plan"),
        (409, "hub.bundle-not-analysed"),
    ),
    "an item of another bundle": (Sent(family(basis={**BASIS, "item": "xinxiang-19"}), PLAN), UNKNOWN),
    "nobody": (Sent(family(subjects={}), PLAN), INVALID),
    "an unknown role": (Sent(family(subjects={WORD: PERSON}), PLAN), INVALID),
    "a number as a role": (Sent(family(subjects={NUMBER: PERSON}), PLAN), INVALID),
    "a name as a role": (Sent(family(subjects={NAME: PERSON}), PLAN), INVALID),
    "a number as a role with a mistake": (
        Sent(family(subjects={"child": PERSON, CHILD: {**PERSON, "id": "1"}}), PLAN), INVALID,
    ),
    "an unknown answer": (Sent(family(answers={WORD: "1"}), PLAN), INVALID),
    "a number as an answer's name": (Sent(family(answers={NUMBER: NAME}), PLAN), INVALID),
    "an answer that is an object": (Sent(family(answers={"live_address": {WORD: 1}}), PLAN), INVALID),
    "an unknown material": (Sent(family(not_needed=[WORD]), PLAN), INVALID),
    "an item the bundle has not": (Sent(family(items=[998]), PLAN), INVALID),
    "a number in the case of a plan": (
        Sent(family(basis={**BASIS, "item": "xinxiang-10", "case": NUMBER}), PLAN), INVALID,
    ),
}  # fmt: skip

KEYED = {"Idempotency-Key": "a" * 200}
ADDRESSES: dict[str, tuple[Sent, tuple[int, str]]] = {
    "nowhere": (get(f"/{WORD}"), (404, "hub.not-found")),
    "a number as an address": (get(f"/v1/people/{NUMBER}"), (404, "hub.not-found")),
    "another method": (get("/v1/queries"), (405, "hub.method-not-allowed")),
    "an unknown receipt": (get(f"/v1/receipts/rcp_{WORD}"), (404, "hub.unknown-receipt")),
    "a number as a receipt": (get(f"/v1/receipts/{NUMBER}"), (404, "hub.unknown-receipt")),
    "a receipt with a NUL": (get("/v1/receipts/rcp_%00"), (404, "hub.unknown-receipt")),
    "a receipt that is not text": (get("/v1/receipts/%ff%fe"), (404, "hub.unknown-receipt")),
    "a receipt without end": (get(f"/v1/receipts/{WORD * 10}"), INVALID),
    "an unknown kind of entry": (get(f"/v1/catalog/{WORD}"), INVALID),
    "an unknown entry": (get(f"/v1/catalog/bundles/{WORD}"), UNKNOWN),
    "out of the catalog": (get("/v1/catalog/bundles/..%2f..%2fetc%2fpasswd"), UNKNOWN),
    "a cursor of somebody else": (get("/v1/catalog/bundles?cursor=%ff"), INVALID),
    "a cursor that is not text": (get("/v1/catalog/bundles?cursor=_w"), INVALID),
    "a page of everything": (get("/v1/catalog/bundles?limit=100000"), INVALID),
    "a page of words": (get(f"/v1/catalog/bundles?limit={WORD}"), INVALID),
    "a tree before the first": (get("/v1/evidence/consistency?old=0&new=1"), INVALID),
    "a tree that is to come": (get("/v1/evidence/consistency?old=1&new=900000000"), INVALID),
    "a tree backwards": (get("/v1/evidence/consistency?old=2&new=1"), INVALID),
    "a short key": (Sent(question(), headers={"Idempotency-Key": "a"}), INVALID),
    "a long key": (Sent(question(), headers=KEYED), INVALID),
    "a key with blanks": (Sent(question(), headers={"Idempotency-Key": "a b c d e f"}), INVALID),
    "huge headers": (get("/livez", **{"X-Huge": WORD * 4000}), (431, "hub.headers-too-large")),
    "a thousand headers": (
        get("/livez", **{f"X-{n}": WORD * 3 for n in range(1000)}), (431, "hub.headers-too-large"),
    ),
}  # fmt: skip

BATCH, LINES = "/v1/queries:batch", {"Content-Type": "application/x-ndjson"}
ROW = {"subject": PERSON}


def batch(*rows: Any, **changes: Any) -> dict[str, Any]:
    """Many questions under one head."""
    return {"head": {"basis": BASIS, "want": [WANT], **changes}, "rows": list(rows) or [ROW]}


def check(**changes: Any) -> dict[str, Any]:
    """A composite check of an enterprise."""
    period = {"from": "2023-11-24", "to": "2026-11-23"}
    body = {"bundle": "xinxiang-07", "subject": PERSON, "basis": BASIS, "period": period}
    return {**body, **changes}


JOB, CHECK = f"job_{'0' * 32}", f"chk_{'0' * 32}"
ANSWER = f"/v1/checks/{CHECK}/parts/1:answer"
NUMBERED = {**BASIS, "case": NUMBER}
WORK: dict[str, tuple[Sent, tuple[int, str]]] = {
    "a number as the case of a batch": (Sent(batch(basis=NUMBERED), BATCH), INVALID),
    "a batch of an unknown item": (Sent(batch(basis={**BASIS, "item": WORD}), BATCH), UNKNOWN),
    "a batch without rows": (Sent({"head": batch()["head"], "rows": []}, BATCH), INVALID),
    "a batch with more than it may have": (Sent({**batch(), WORD: 1}, BATCH), INVALID),
    "a head with more than it may have": (Sent(batch(**{NUMBER: 1}), BATCH), INVALID),
    "a batch with a key twice": (
        Sent(text(batch(), '"rows"', '"rows": [], "rows"'), BATCH), MALFORMED,
    ),
    "a batch that is text": (Sent(batch(), BATCH, headers={"Content-Type": "text/csv"}), OTHER_TYPE),
    "lines of which the first is none": (Sent(NUMBER.encode(), BATCH, headers=LINES), INVALID),
    "lines of which the first is broken": (
        Sent(b"{" + WORD.encode(), BATCH, headers=LINES), MALFORMED,
    ),
    "no lines": (Sent(b"\n\n", BATCH, headers=LINES), INVALID),
    "a line without end": (Sent(b" " * (2 << 20), BATCH, headers=LINES), INVALID),
    "an unknown job": (get(f"/v1/jobs/{JOB}"), (404, "hub.unknown-job")),
    "a number as a job": (get(f"/v1/jobs/{NUMBER}"), INVALID),
    "an unknown verb": (Sent(path=f"/v1/jobs/{JOB}:{WORD}"), INVALID),
    "a number as the case of a check": (Sent(check(basis=NUMBERED), "/v1/checks"), INVALID),
    "a check of an unknown bundle": (Sent(check(bundle=WORD), "/v1/checks"), UNKNOWN),
    "a check backwards": (
        Sent(check(period={"from": "2026-01-02", "to": "2026-01-01"}), "/v1/checks"), INVALID,
    ),
    "a number as who answered": (
        Sent({"finding": "no_record", "records": [], "by": NUMBER}, ANSWER), INVALID,
    ),
    "a mobile as who answered": (
        Sent({"finding": "no_record", "records": [], "by": MOBILE}, ANSWER), INVALID,
    ),
}  # fmt: skip

TABLE = {**BODIES, **FIELDS, **PLANS, **ADDRESSES, **WORK}


def send(county: County, sent: Sent, token: str | None = None) -> httpx2.Response:
    """Send a request with the caller's token, or another."""
    body = sent.body() if callable(sent.body) else sent.body
    if body is not None and not isinstance(body, bytes | Iterator):
        body = json.dumps(body).encode()
    bearer = county.hub.client.token() if token is None else token
    headers = {"Authorization": f"Bearer {bearer}", "Content-Type": "application/json"}
    with httpx2.Client(trust_env=False, timeout=20) as http:
        return http.request(
            sent.method, county.hub.url + sent.path, content=body,
            headers={**headers, **sent.headers},
        )  # fmt: skip


def refused(county: County, answer: httpx2.Response, expected: tuple[int, str]) -> Problem:
    """Assert that this is a problem document that helps and repeats nothing, and the log is whole."""
    problem = Problem.model_validate_json(answer.text)
    assert (answer.status_code, problem.code) == expected, answer.text
    assert (problem.status, problem.origin) == (answer.status_code, "caller")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert problem.trace
    assert problem.trace in answer.headers.get("traceparent", problem.trace)
    assert problem.why or problem.fix
    assert len(answer.content) < 20_000
    said = answer.text + county.hub.lines()
    assert [word for word in SENT if word in said] == []
    assert county.hub.log.audit() == []
    return problem


@pytest.mark.parametrize(("sent", "expected"), TABLE.values(), ids=TABLE.keys())
def test_a_bad_request_is_a_problem_document(
    county: County, sent: Sent, expected: tuple[int, str]
) -> None:
    """Each mistake has its status and code, says where and by which rule, and repeats nothing."""
    refused(county, send(county, sent), expected)


def test_a_complaint_says_where(county: County) -> None:
    """Names of the interface are repeated; what the caller made up is told by its rank."""
    people = {"applicant": PERSON, "child": {**PERSON, "id": "1"}}
    wrong = family(subjects=people, deadline_ms=0, **{WORD: 1})
    why = refused(county, send(county, Sent(wrong, PLAN)), INVALID).why

    assert why[0].startswith("body.subjects.#2: value_error: Value error, id: length")
    assert why[1].startswith("body.deadline_ms: greater_than_equal")
    assert why[2].startswith("body.#4: ")


STRANGERS = ("expired", "foreign", "of another hub", "unsigned", "empty", "a number")


@pytest.mark.parametrize("whose", STRANGERS)
def test_a_stranger_is_told_nothing(county: County, whose: str) -> None:
    """Without a token of ours that is still good nobody is asked anything."""
    desk, caller = county.hub.context.tokens, Consumer(
        client_id=CLIENT, name="", authority="", county="xinxiang", jwks={}
    )  # fmt: skip
    tokens = {
        "expired": replace(desk, clock=lambda: desk.clock() - 3600).grant(caller),
        "foreign": replace(desk, secret=bytes(32)).grant(caller),
        "of another hub": replace(desk, issuer="https://elsewhere.example").grant(caller),
        "unsigned": "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4aW54aWFuZy1pbnRha2UifQ.",
        "empty": "..",
        "a number": NUMBER,
    }
    before = count_evidence(county.hub.context.database)
    refused(county, send(county, Sent(question()), tokens[whose]), (401, "hub.token-refused"))

    assert count_evidence(county.hub.context.database) == before


STATES: dict[str, tuple[Any, str, str]] = {
    "nobody of that number": (about(id=CHILD, name="无此人"), "not_found", "exchange.no-record"),
    "an item outside the grant": (
        because(item="xinxiang-19"), "not_granted", "access.grant-item",
    ),
    "an item of another county": (
        because(item="shenqiu-10"), "not_granted", "access.item-in-county",
    ),
    "a basis outside the grant": (
        because(kind="consent"), "not_granted", "access.grant-basis",
    ),
    "a field nobody knows": (
        question(want=["residence-permit.status.colour"]), "not_granted", "access.field-exists",
    ),
    "a resource nobody granted": (
        question(want=["vehicle.registration[].plate_no"]), "not_granted", "access.grant-exists",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("body", "state", "why"), STATES.values(), ids=STATES.keys())
def test_what_can_be_read_but_not_answered_is_a_state(
    county: County, body: dict[str, Any], state: str, why: str
) -> None:
    """The question is in order and the answer is not: each path has a state, a rule and a receipt."""
    answer = send(county, Sent(body))
    fields = answer.json()["fields"]

    assert (answer.status_code, list(fields)) == (200, body["want"])
    assert [(each["state"], each["why"]) for each in fields.values()] == [(state, why)]
    assert county.hub.client.get(f"/v1/receipts/{answer.json()['receipt']}")
    assert [word for word in SENT if word in county.hub.lines()] == []
    assert county.hub.log.audit() == []


def test_an_honest_case_number_stands_in_the_log(county: County) -> None:
    """Twenty digits that begin like a citizen number, with the right check digit even."""
    case = "41072120261124006501"
    answer = send(county, Sent(because(case=case)))
    leaf = json.loads(county.hub.client.get(f"/v1/receipts/{answer.json()['receipt']}")["leaf"])

    assert leaf["body"]["case"] == case


TRACES = {
    "of others": ("4bf92f3577b34da6a3ce929d0e0e4736", True),
    "of zeros": ("0" * 32, False),
    "a number": (f"{NUMBER:0>32}", False),
    "a child's number": (f"{CHILD:0>32}", False),
    "a number among letters": (f"{NUMBER}abcdefabcdefab", False),
    "capitals": ("4BF92F3577B34DA6A3CE929D0E0E4736", False),
    "words": (WORD, False),
}


@pytest.mark.parametrize(("trace", "kept"), TRACES.values(), ids=TRACES.keys())
def test_a_trace_is_kept_unless_it_names_a_person(county: County, trace: str, kept: bool) -> None:
    """It stands in each log line of the request."""
    said = f"00-{trace}-00f067aa0ba902b7-01"
    answer = send(county, get(f"/{WORD}", traceparent=said))

    assert (trace in answer.headers["traceparent"]) == kept
    assert (answer.json()["trace"] == trace) == kept
    assert (trace in county.hub.lines()) == kept


def test_a_key_is_stored_as_a_hash_under_our_secret(county: County) -> None:
    """Neither the idempotency key, nor a plain digest of the request, stands in the database."""
    key, body = f"{NUMBER}-{WORD}", json.dumps(question()).encode()
    answer = send(county, Sent(body, headers={"Idempotency-Key": key}))
    stored = b"".join(each.read_bytes() for each in sorted(county.files("hub.sqlite3*")))

    assert answer.status_code == 200
    assert hashlib.sha256(b"/v1/queries\0" + body).hexdigest().encode() not in stored
    assert [word for word in (NUMBER, NAME, key) if word.encode() in stored] == []
