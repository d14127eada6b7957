"""A department submits many queries at once, over HTTP, and comes back for the outcomes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from hub.client import HubClient
from hub.receipts import Verdict, verify_receipt
from hub.serving import bind
from tests.world.department import Department, listening
from tests.world.hub import CLIENT, RunningHub, county_with, grant, running_hub

MANIFEST = """
source: residence-permit
name: 流动人口服务管理系统
authority: 县公安局
kind: rest
connect: {base_url: "${PERMIT_URL}", timeout: 2s}
resources:
  residence-permit.status:
    ask: {method: GET, path: /permits, query: {id: keys.id_number}}
    answer:
      empty_when: {data: []}
      records: data
      fields: {permit_no: {at: no}}
"""
HEAD = {
    "basis": {"item": "xinxiang-10-03", "case": "BATCH-1", "kind": "statutory"},
    "want": ["residence-permit.status.permit_no"],
}
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def number(serial: int) -> str:
    """A synthetic citizen number with its check digit (GB 11643)."""
    body = f"990101{19700101 + serial % 9}{serial % 1000:03d}"
    total = sum(int(digit) * weight for digit, weight in zip(body, WEIGHTS, strict=True))
    return body + "10X98765432"[total % 11]


class Permits(Department):
    """Everybody has a permit, but those whose number ends in 1."""

    def answer(self) -> None:
        """Answer by number."""
        asked = self.path.rpartition("=")[2]
        rows = [] if asked.endswith("1") else [{"no": f"J{asked[-4:]}"}]
        self.say({"data": rows})


@pytest.fixture(scope="module")
def department() -> Iterator[str]:
    """The department's address."""
    with listening(Permits) as url:
        yield url


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory, department: str) -> Iterator[RunningHub]:
    """A hub with one source and a grant for it."""
    folder = tmp_path_factory.mktemp("hub")
    counties = county_with(folder / "counties", {"residence-permit": MANIFEST})
    with running_hub(
        folder,
        counties,
        environment={"PERMIT_URL": department},
        grants=[grant("residence-permit.status")],
        max_batch_bytes=1 << 20,
    ) as running:
        yield running


def person(serial: int, **more: Any) -> dict[str, Any]:
    """A row."""
    subject = {"kind": "person", "id_type": "citizen-id", "id": number(serial)}
    return {"ref": f"r{serial}", "subject": subject, **more}


def lines(*rows: Any, head: Any = HEAD) -> bytes:
    """JSON lines."""
    return b"".join(json.dumps(row).encode() + b"\n" for row in (head, *rows))


def send(
    hub: RunningHub, body: Any, kind: str = "application/x-ndjson", **headers: str
) -> httpx2.Response:
    """POST a batch."""
    sent = {"Authorization": f"Bearer {hub.client.token()}", "Content-Type": kind, **headers}
    with httpx2.Client(trust_env=False, timeout=30) as http:
        return http.post(f"{hub.url}/v1/queries:batch", content=body, headers=sent)


def finished(get: Callable[[str], dict[str, Any]], job: str, seconds: float = 60) -> dict[str, Any]:
    """The job once it is over."""
    until = time.monotonic() + seconds
    while (found := get(f"/v1/jobs/{job}"))["state"] not in {"done", "cancelled"}:
        assert time.monotonic() < until, found
        time.sleep(0.05)
    return found


def outcomes(url: str, token: str, job: str, after: int = 0) -> list[dict[str, Any]]:
    """The rows' outcomes."""
    with httpx2.Client(trust_env=False, timeout=30) as http:
        answer = http.get(
            f"{url}/v1/jobs/{job}/rows?after={after}", headers={"Authorization": f"Bearer {token}"}
        )
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


def test_each_row_has_its_own_outcome_and_receipt(hub: RunningHub) -> None:
    """What is wrong with a row costs that row; each other one is a query with its evidence."""
    wrong = person(3)
    wrong["subject"]["id"] = "990101197001010000"
    rows = [person(1), "no object", wrong, person(2, case="CASE-OF-ITS-OWN"), {"ref": "x"}]
    accepted = send(hub, lines(*rows))
    assert accepted.status_code == 202, accepted.text
    job = accepted.json()["id"]

    ended = finished(hub.client.get, job)
    found = outcomes(hub.url, hub.client.token(), job)

    assert [row["row"] for row in found] == [1, 2, 3, 4, 5]
    assert [row["outcome"] for row in found] == [
        "complete", "invalid", "invalid", "complete", "invalid",
    ]  # fmt: skip
    assert ended["outcomes"] == {"complete": 2, "invalid": 3}
    assert found[0]["ref"] == "r1"
    assert "990101197001010000" not in json.dumps(found[2])
    field = found[3]["fields"]["residence-permit.status.permit_no"]
    assert (field["state"], field["value"]) == ("ok", f"J{number(2)[-4:]}")
    receipt = hub.client.get(f"/v1/receipts/{found[3]['receipt']}")
    assert json.loads(receipt["leaf"])["body"]["case"] == "CASE-OF-ITS-OWN"
    report = verify_receipt(json.dumps(receipt).encode(), trusted_key=hub.context.vault.public_key)
    assert report.verdict is Verdict.PASSED
    assert hub.log.audit() == []


def test_json_is_welcome_too_and_outcomes_can_be_fetched_from_any_row(hub: RunningHub) -> None:
    """Whoever was cut off while reading goes on where it was."""
    rows = [person(serial) for serial in range(250)]
    accepted = send(hub, json.dumps({"head": HEAD, "rows": rows}), "application/json")
    job = accepted.json()["id"]
    assert finished(hub.client.get, job)["done"] == 250
    assert [r["row"] for r in outcomes(hub.url, hub.client.token(), job, 248)] == [249, 250]
    assert len(outcomes(hub.url, hub.client.token(), job)) == 250


def test_the_grant_is_checked_row_by_row_as_it_stands(hub: RunningHub) -> None:
    """Rows for an item that the grant does not cover are refused, each with a receipt."""
    head = {**HEAD, "want": ["residence-permit.status.permit_no", "hukou.person.name"]}
    job = send(hub, lines(person(4), head=head)).json()["id"]
    finished(hub.client.get, job)
    (row,) = outcomes(hub.url, hub.client.token(), job)
    assert row["fields"]["hukou.person.name"]["state"] == "not_granted"
    assert row["outcome"] == "partial"


def test_the_same_key_is_the_same_job(hub: RunningHub) -> None:
    """Sent again: the same job; another request under the key: refused."""
    key = {"Idempotency-Key": "batch-key-0001"}
    first = send(hub, lines(person(5)), **key)
    again = send(hub, lines(person(5)), **key)
    other = send(hub, lines(person(6)), **key)
    assert first.json()["id"] == again.json()["id"]
    assert again.headers["idempotent-replay"] == "true"
    assert (other.status_code, other.json()["code"]) == (409, "hub.duplicate-request")


REFUSED: dict[str, tuple[Any, str, int, str]] = {
    "no rows": (lines(), "application/x-ndjson", 422, "hub.invalid-request"),
    "nothing": (b"", "application/x-ndjson", 422, "hub.invalid-request"),
    "head is no head": (lines(person(1), head={"x": 1}), "application/x-ndjson", 422,
                        "hub.invalid-request"),
    "head is garbage": (b"\xff\xfe\n{}\n", "application/x-ndjson", 400, "hub.malformed-request"),
    "unknown item": (lines(person(1), head={**HEAD, "basis": {**HEAD["basis"], "item": "nowhere"}}),  # type: ignore[dict-item]
                     "application/x-ndjson", 404, "catalog.unknown-entry"),
    "a want that is no path": (
        lines(person(1), head={**HEAD, "want": ["not a path"]}), "application/x-ndjson", 422,
        "hub.invalid-request",
    ),
    "not JSON": (b"{", "application/json", 400, "hub.malformed-request"),
    "deep JSON": (b"[" * 100_000, "application/json", 400, "hub.malformed-request"),
    "other keys": (b'{"head":{},"rows":[],"x":1}', "application/json", 422, "hub.invalid-request"),
    "CSV": (b"a,b", "text/csv", 415, "hub.unsupported-media-type"),
    "too large": (lines(*[person(1)] * 12_000), "application/x-ndjson", 413, "hub.too-large"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_batch_is_refused_whole(hub: RunningHub, name: str) -> None:
    """A problem document, and nothing is left of it."""
    body, kind, status, code = REFUSED[name]
    answer = send(hub, body, kind)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    with hub.context.database.reading() as connection:
        left = connection.exec_driver_sql("SELECT count(*) FROM hub_job WHERE state='receiving'")
        assert left.scalar_one() == 0


def test_a_foreign_or_unknown_job_does_not_exist(hub: RunningHub) -> None:
    """Nobody learns of another's job, and nobody steers it."""
    unknown = f"job_{'0' * 32}"
    with httpx2.Client(trust_env=False) as http:
        bearer = {"Authorization": f"Bearer {hub.client.token()}"}
        answers = [
            http.get(f"{hub.url}/v1/jobs/{unknown}", headers=bearer),
            http.get(f"{hub.url}/v1/jobs/{unknown}/rows", headers=bearer),
            http.post(f"{hub.url}/v1/jobs/{unknown}:cancel", headers=bearer),
        ]
        without = http.get(f"{hub.url}/v1/jobs/{unknown}")
    assert {(a.status_code, a.json()["code"]) for a in answers} == {(404, "hub.unknown-job")}
    assert without.status_code == 401


def test_killed_at_any_moment_every_row_has_one_outcome(tmp_path: Path, department: str) -> None:
    """`kill -9` in the middle, several times: the job goes on, and the log is whole."""
    counties = county_with(tmp_path / "counties", {"residence-permit": MANIFEST})
    with running_hub(
        tmp_path, counties, environment={"PERMIT_URL": department},
        grants=[grant("residence-permit.status")],
    ) as prepared:  # fmt: skip
        assert prepared.url
    rows, job, port = 600, "", _free_port()
    for round_ in range(4):
        with _process(tmp_path, counties, department, port) as (process, client):
            if not job:
                body = lines(*(person(serial) for serial in range(rows)))
                job = _submit(client, body)
            if round_ < 3:
                _wait_for_progress(client, job, 100 * (round_ + 1))
                process.send_signal(signal.SIGKILL)
                process.wait()
            else:
                ended = finished(client.get, job)
                found = outcomes(client.url, client.token(), job)
    assert ended["outcomes"] == {"complete": rows}
    assert [row["row"] for row in found] == list(range(1, rows + 1))
    assert len({row["receipt"] for row in found}) == rows
    with running_hub(tmp_path, counties, environment={"PERMIT_URL": department}) as after:
        assert after.log.audit() == []
        assert all(after.log.receipt(row["receipt"]).size for row in found[::97])


def _free_port() -> int:
    with bind("127.0.0.1", 0) as probe:
        port: int = probe.getsockname()[1]
    return port


class _process:  # noqa: N801  (reads as a verb at its one use)
    """The hub as a process that can be killed."""

    def __init__(self, folder: Path, counties: Path, department: str, port: int) -> None:
        url = f"http://127.0.0.1:{port}"
        environment = {
            **os.environ,
            "PERMIT_URL": department,
            "MIANTI_DATA_DIR": str(folder / "hub"),
            "MIANTI_COUNTIES_DIR": str(counties),
            "MIANTI_PORT": str(port),
            "MIANTI_PUBLIC_URL": url,
            "MIANTI_BATCH_LEASE_SECONDS": "1",
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "hub", "serve"], env=environment, stderr=subprocess.DEVNULL
        )
        self.client = HubClient(url, CLIENT, folder / "client.jwk")

    def __enter__(self) -> tuple[subprocess.Popen[bytes], HubClient]:
        until = time.monotonic() + 30
        while True:
            try:
                httpx2.get(f"{self.client.url}/livez", trust_env=False, timeout=2)
            except httpx2.TransportError:
                assert time.monotonic() < until
                time.sleep(0.05)
            else:
                return self.process, self.client

    def __exit__(self, *_: object) -> None:
        self.client.close()
        self.process.kill()
        self.process.wait()


def _submit(client: HubClient, body: bytes) -> str:
    sent = {
        "Authorization": f"Bearer {client.token()}",
        "Content-Type": "application/x-ndjson",
    }
    with httpx2.Client(trust_env=False, timeout=30) as http:
        answer = http.post(f"{client.url}/v1/queries:batch", content=body, headers=sent)
    assert answer.status_code == 202, answer.text
    job: str = answer.json()["id"]
    return job


def _wait_for_progress(client: HubClient, job: str, rows: int) -> None:
    until = time.monotonic() + 30
    while client.get(f"/v1/jobs/{job}")["done"] < rows:
        assert time.monotonic() < until
        time.sleep(0.01)
