"""What many sources cost together, and what a faulty one costs the others."""

from __future__ import annotations

import asyncio
import json
import shutil
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2

from adapters.sandbox.people import citizen_number
from adapters.sandbox.places import HERE
from catalog.loading import COUNTIES, load
from catalog.model import Catalog
from hub.client import HubClient
from hub.database import migrate, open_database
from hub.evidence import EvidenceLog
from hub.model import Consumer, Grant
from hub.onboarding import apply_grants, new_client_key, register_consumer
from hub.store import StoredDataKeys
from hub.vault import Vault
from tests.bench.processes import (
    Rows,
    Target,
    free_port,
    hub,
    latencies,
    latency,
    one,
    process,
    request,
    wait_for,
)

SOURCES, HUNG, DEADLINE_MS, DELAY_MS = 14, 3, 1000, 50.0
ROUNDS, SHARE = 5, 4
CLIENT = "xinxiang-intake"
MANIFEST = """
source: bench-{number}
name: 测速 {number}
authority: 县公安局
kind: rest
connect: {{base_url: "${{BENCH_URL}}", timeout: 5s}}
resources:
  {resource}:
    ask: {{method: GET, path: /{number}, query: {{id: keys.id_number}}}}
    answer:
      records: data
      empty_when: {{data: []}}
      fields: {{{field}: {{at: v}}}}
"""


def _asked(catalog: Catalog) -> list[tuple[str, str]]:
    """Resources about a person, asked by number alone, each with a text that is in no code table."""
    found = [
        (resource.id, text)
        for resource in catalog.resources.values()
        if {key.id for key in resource.keys if key.required} == {"id_number"}
        and (text := next((f.id for f in resource.fields.values()
                           if str(f.type) == "string" and not f.repeated), None))
    ]  # fmt: skip
    return found[:SOURCES]


def _county(folder: Path, asked: Sequence[tuple[str, str]]) -> Path:
    counties = folder / "counties"
    shutil.copytree(COUNTIES / "xinxiang" / "catalog", counties / "xinxiang" / "catalog")
    sources = counties / "xinxiang" / "sources"
    sources.mkdir()
    for number, (resource, field) in enumerate(asked):
        text = MANIFEST.format(number=number, resource=resource, field=field)
        (sources / f"bench-{number}.yaml").write_text(text, encoding="utf-8")
    return counties


def _admitted(home: Path, asked: Sequence[tuple[str, str]], now: datetime) -> None:
    """A caller with a grant for each resource, in the database of the hub that is to start."""
    (home / "clients").mkdir(parents=True)
    database = open_database(f"sqlite:///{home / 'hub.sqlite3'}")
    migrate(database)
    log = EvidenceLog(database, Vault.at(home / "keys", StoredDataKeys(database)), "bench")
    jwks = new_client_key(home / "clients" / f"{CLIENT}.jwk")
    caller = Consumer(
        client_id=CLIENT, name="测速", authority="xinxiang/县教体局", county="xinxiang", jwks=jwks
    )
    register_consumer(database, log, caller, lambda: now)
    grants = [
        Grant(
            id=f"g-{resource}", consumer=CLIENT, provider="县公安局", county="xinxiang",
            resource=resource, fields=frozenset({"*"}), items=frozenset({"xinxiang-10"}),
            legal_basis="测速", basis_kinds=frozenset({"statutory"}),
            valid_from=now - timedelta(days=1), valid_to=now + timedelta(days=1),
        )
        for resource, _ in asked
    ]  # fmt: skip
    apply_grants(database, log, grants, lambda: now)
    log.close()
    database.close()


def _query(url: str, client: HubClient, asked: Sequence[tuple[str, str]]) -> Target:
    number = citizen_number(HERE.code, datetime(1990, 1, 1, tzinfo=UTC).date(), 1, "1")
    body: dict[str, Any] = {
        "subject": {"kind": "person", "id_type": "citizen-id", "id": number},
        "basis": {"item": "xinxiang-10", "case": "BENCH-5", "kind": "statutory"},
        "want": [f"{resource}.{field}" for resource, field in asked],
        "deadline_ms": DEADLINE_MS,
    }
    return request(url, "/v1/queries", body, Authorization=f"Bearer {client.token()}")


@contextmanager
def _running(folder: Path) -> Iterator[tuple[str, str, HubClient, list[tuple[str, str]]]]:
    """A hub over the departments: their address, its address, a caller, and what may be asked."""
    asked = _asked(load(COUNTIES, only=frozenset({"xinxiang"})))
    home, port = folder / "sources", free_port()
    home.mkdir()
    _admitted(home, asked, datetime.now(UTC))
    department = f"http://127.0.0.1:{port}"
    environment = {"BENCH_URL": department, "MIANTI_COUNTIES_DIR": str(_county(folder, asked))}
    with process("-m", "tests.bench.department", str(port)):
        wait_for(f"{department}/faults")
        with hub(home, environment, admit=False) as (url, client, _, _):
            yield department, url, client, asked


def bench_sources(folder: Path, rows: Rows) -> dict[str, float]:
    """Fourteen at once; three of them hung; and one at fault beside the others."""
    with _running(folder) as (department, url, client, asked):
        everything = _query(url, client, asked)
        for each in asked:
            _answered(_query(url, client, [each]))
        whole = latency(everything, 100)
        _post(f"{department}/faults?hang=" + ",".join(map(str, range(HUNG))))
        hung = max(asyncio.run(latencies(everything, 2)))
        _post(f"{department}/faults")
        time.sleep(1)
        others = [_query(url, client, [each]) for each in asked[1:]]
        faulty = _query(url, client, asked[:1])
        ratios = [_harm(department, others, faulty) for _ in range(ROUNDS)]
    ratio = statistics.median(ratios)
    rows += [
        ("14 sources of 50 ms at once, over 50 ms, median ms", f"{whole - DELAY_MS:.1f}", "≤ 25"),
        ("  three of them hung, over the deadline of 1000 ms, worst ms",
         f"{hung - DEADLINE_MS:.1f}", "≤ 25"),
        ("  one at fault: p99 of the others ÷ without", f"{ratio:.2f}", "≤ 1.10"),
    ]  # fmt: skip
    return {"fan_out_ms": whole, "hung_ms": hung, "p99_ratio": ratio}


def _answered(target: Target) -> None:
    """The sources are all there, or nothing measured means anything."""
    port = target.port
    answer = asyncio.run(_body(port, target.raw))
    if answer["outcome"] != "complete":
        raise RuntimeError(str({path: each["state"] for path, each in answer["fields"].items()}))


async def _body(port: int, raw: bytes) -> Mapping[str, Any]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answer: Mapping[str, Any] = json.loads(await one(reader, writer, raw))
    writer.close()
    return answer


def _post(url: str) -> None:
    httpx2.post(url, trust_env=False)


def _harm(department: str, others: Sequence[Target], faulty: Target) -> float:
    """p99 of the others while one source answers garbage, over the same while it is well."""
    well = asyncio.run(_p99(others, faulty))
    _post(f"{department}/faults?wrong=0")
    ill = asyncio.run(_p99(others, faulty))
    _post(f"{department}/faults")
    return ill / well


async def _p99(others: Sequence[Target], beside: Target) -> float:
    """The others are asked by four callers in turn, the one beside them by a fifth, who asks no
    more often when answers come sooner.
    """
    stop = asyncio.Event()

    async def pester() -> None:
        while not stop.is_set():
            asked = asyncio.create_task(latencies(beside, 1))
            await asyncio.sleep(DELAY_MS / 1000)
            await asked

    pestering = asyncio.create_task(pester())
    parts = await asyncio.gather(*(_in_turn(others, start) for start in range(SHARE)))
    stop.set()
    await pestering
    times = sorted(each for part in parts for each in part)
    return times[int(len(times) * 0.99)]


async def _in_turn(targets: Sequence[Target], start: int) -> list[float]:
    times: list[float] = []
    for at in range(75):
        times += await latencies(targets[(start + at) % len(targets)], 1)
    return times
