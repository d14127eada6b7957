"""What failing leaves behind: a breaker that rests, and log lines that say nothing personal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from adapters.sandbox import Fault
from tests.journeys.conftest import County
from tests.journeys.test_faults import WANT, ask, fields_of
from tests.world.hub import hub_process


@pytest.fixture(autouse=True)
def repaired(county: County) -> Iterator[None]:
    """Every department works again afterwards."""
    yield
    county.departments.clear()


def test_a_department_that_keeps_failing_is_left_alone_for_a_while(county: County) -> None:
    """After some failures it is not asked any more; the others are."""
    county.departments.fault("residence-permit", Fault.STATUS_500)
    states = []
    for _ in range(7):
        fields = fields_of(ask(county, "residence-permit"), "residence-permit")
        states += [state for state, *_ in fields.values()]

    assert states[0] == "source_error"
    assert states[-1] == "breaker_open"
    assert {state for state, *_ in fields_of(ask(county, "hukou"), "hukou").values()} == {"ok"}


def test_the_process_says_nothing_personal(county: County, tmp_path: Path) -> None:
    """The hub as it is run: good questions, bad ones, faults and noise; then every byte it wrote to
    standard error is searched for all numbers, names and keys there are.
    """
    with hub_process(tmp_path, county.departments.environment) as (client, stderr):
        token = client.token()
        for persona in ("complete", "from-elsewhere", "rare-character", "unknown"):
            for role, subject in county.departments.population.personas[persona].subjects.items():
                person = {
                    "kind": "person", "id_type": "citizen-id",
                    "id": subject.number, "name": subject.name,
                }  # fmt: skip
                basis = {"item": "xinxiang-10", "case": f"C-{role}", "kind": "statutory"}
                question = {"subject": person, "basis": basis, "want": WANT}
                client.post("/v1/queries", question)
                for wrong in (
                    {**question, "want": [subject.number]},
                    {**question, subject.number: subject.name},
                    {**question, "basis": {**basis, "case": subject.number}},
                ):
                    refused = _post(client.url, token, wrong)
                    assert refused.status_code == 422
        county.departments.fault("hukou", Fault.WRONG_ENCODING)
        county.departments.fault("realestate", Fault.STATUS_500)
        county.departments.fault("social-insurance", Fault.GARBAGE)
        client.post("/v1/queries", question)
        _post(client.url, f"{token}{subject.number}", question)
        httpx2.get(f"{client.url}/v1/receipts/{subject.number}", trust_env=False)
        httpx2.get(f"{client.url}/v1/catalog/bundles/{subject.number}", trust_env=False)
    written = stderr.read_text(encoding="utf-8")

    assert [
        each for each in (*county.secrets(), token, "private", "Traceback") if each in written
    ] == []
    lines = [json.loads(line) for line in written.splitlines()]
    assert {"started", "request", "problem"} <= {line["event"] for line in lines}


def _post(url: str, token: str, body: Any) -> httpx2.Response:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx2.post(f"{url}/v1/queries", json=body, headers=headers, trust_env=False)
