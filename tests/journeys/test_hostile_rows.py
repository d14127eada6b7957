"""Rows of a batch that are none: each costs only itself, and no outcome repeats what was sent."""

from __future__ import annotations

import json
from typing import Any

import httpx2

from tests.journeys.conftest import County
from tests.journeys.test_batch import finished
from tests.journeys.test_hostile import BASIS, CHILD, MOBILE, NUMBER, PERSON, SENT, WANT, WORD

GOOD = {"subject": PERSON}
BAD: dict[str, bytes] = {
    "not JSON": b"{" + NUMBER.encode(),
    "not UTF-8": json.dumps({"subject": PERSON}, ensure_ascii=False).encode("gb18030"),
    "no object": json.dumps(NUMBER).encode(),
    "null": b"null",
    "empty": b"{}",
    "nested without end": b"[" * 4000,
    "longer than a row": json.dumps({**GOOD, "ref": WORD * 1000}).encode(),
    "the subject twice": b'{"subject": {}, "subject": ' + json.dumps(PERSON).encode() + b"}",
    "an unknown field": json.dumps({**GOOD, NUMBER: 1}).encode(),
    "a wrong check digit": json.dumps({"subject": {**PERSON, "id": CHILD[:-1] + "3"}}).encode(),
    "a number as the case": json.dumps({**GOOD, "case": NUMBER}).encode(),
    "a child's number in the case": json.dumps({**GOOD, "case": f"A-{CHILD}"}).encode(),
    "a mobile as the case": json.dumps({**GOOD, "case": MOBILE}).encode(),
    "half a surrogate in a name": json.dumps({"subject": {**PERSON, "name": "\ud800"}}).encode(),
    "half a surrogate as its own number": json.dumps({**GOOD, "ref": "\udfff"}).encode(),
    "a NUL in a name": json.dumps({"subject": {**PERSON, "name": "\0"}}).encode(),
}


def test_a_bad_row_costs_only_itself(county: County) -> None:
    """Bad rows are told as such, in their places; good ones between them are answered; the log and
    the lines hold nothing of either.
    """
    head = {"basis": BASIS, "want": [WANT]}
    lines = [json.dumps(head).encode()]
    for bad in BAD.values():
        lines += [bad, json.dumps(GOOD).encode()]
    headers = {
        "Authorization": f"Bearer {county.hub.client.token()}",
        "Content-Type": "application/x-ndjson",
    }
    with httpx2.Client(base_url=county.hub.url, headers=headers, trust_env=False) as http:
        submitted = http.post("/v1/queries:batch", content=b"\n".join(lines))
        assert submitted.status_code == 202, submitted.text
        job = submitted.json()["id"]
        done = finished(county.hub.client.get, job)
        text = http.get(f"/v1/jobs/{job}/rows").content.decode()
    outcomes: list[dict[str, Any]] = [json.loads(line) for line in text.splitlines()]

    assert done["done"] == len(outcomes) == 2 * len(BAD)
    for name, bad, good in zip(BAD, outcomes[::2], outcomes[1::2], strict=True):
        assert (bad["outcome"], bool(bad["why"])) == ("invalid", True), name
        assert good["outcome"] == "complete", name
    said = json.dumps(outcomes[::2], ensure_ascii=False) + county.hub.lines()
    assert [word for word in SENT if word in said] == []
    assert county.hub.log.audit() == []
