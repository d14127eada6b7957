"""One query and one plan through the hub, beside the direct call and a bare proxy."""

from __future__ import annotations

import asyncio
import hmac
import json
import os
import statistics
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx2

from adapters import Reason, SourceCall, connect
from catalog.loading import load
from tests.bench.processes import (
    Rows,
    free_port,
    hub,
    latencies,
    latency,
    persona,
    process,
    request,
    resident_mb,
    sandbox,
    throughput,
    wait_for,
)

ROUNDS = 3

PROXY = """
import json
import os
import sys
import httpx2
from fastapi import FastAPI, Request
from fastapi.responses import Response
import uvicorn

app = FastAPI()
client = httpx2.AsyncClient(trust_env=False)
TARGET, HEADERS = os.environ["TARGET"], json.loads(os.environ["HEADERS"])

@app.post("/proxy")
async def proxy(request: Request) -> Response:
    body = await request.json()
    answer = await client.get(TARGET, params=body, headers=HEADERS)
    return Response(answer.content, media_type="application/json")

uvicorn.run(app, port=int(sys.argv[1]), log_level="warning", access_log=False)
"""


def signed_headers(environment: Mapping[str, str], path: str) -> dict[str, str]:
    """What the residence permits want to see of a caller; good for five minutes."""
    key_id, moment = environment["RESIDENCE_PERMIT_KEY_ID"], str(int(time.time() * 1000))
    text = f"{key_id}{moment}GET{path}".encode()
    sign = hmac.digest(environment["RESIDENCE_PERMIT_KEY"].encode(), text, "sha256").hex()
    return {"X-Key-Id": key_id, "X-Timestamp": moment, "X-Sign": sign}


def bench_single(folder: Path, rows: Rows) -> dict[str, float]:
    """One source through the hub, beside a bare FastAPI + httpx2 proxy to the same source."""
    with (
        sandbox(folder, 0) as environment,
        hub(folder / "one", environment) as (url, client, pid, ready),
    ):
        subject = persona(environment["SANDBOX_CONTROL_URL"], "from-elsewhere")["applicant"]
        body = {
            "subject": subject,
            "basis": {"item": "xinxiang-10", "case": "BENCH-1", "kind": "statutory"},
            "want": [
                "residence-permit.status.permit_no",
                "residence-permit.status.residence_address",
            ],
        }
        through_hub = request(url, "/v1/queries", body, Authorization=f"Bearer {client.token()}")
        # The proxy and the direct call put the same question to the same department.
        department, path = environment["RESIDENCE_PERMIT_URL"], "/api/v2/jzz"
        asked = {"gmsfhm": subject["id"], "xm": subject["name"], "sy": "bench", "bjbh": "BENCH-1"}
        signed = signed_headers(environment, path)
        direct = request(department, f"{path}?{urlencode(asked)}", None, **signed)
        port = free_port()
        with process("-c", PROXY, str(port), TARGET=department + path, HEADERS=json.dumps(signed)):
            through_proxy = request(f"http://127.0.0.1:{port}", "/proxy", asked)
            wait_for(f"http://127.0.0.1:{port}/docs")
            for warm in (direct, through_proxy, through_hub):
                latency(warm, 50)
            figures = {
                "hub_rps": [throughput(through_hub) for _ in range(1)],
                "proxy_rps": [throughput(through_proxy) for _ in range(1)],
            }
            for _ in range(ROUNDS - 1):
                figures["proxy_rps"].append(throughput(through_proxy))
                figures["hub_rps"].append(throughput(through_hub))
            ms = {name: latency(t) for name, t in
                  (("direct", direct), ("proxy", through_proxy), ("hub", through_hub))}  # fmt: skip
        rss = resident_mb(pid)
    hub_rps, proxy_rps = (statistics.median(figures[k]) for k in ("hub_rps", "proxy_rps"))
    rows += [
        ("query, hub ÷ bare proxy, throughput", f"{hub_rps / proxy_rps:.2f}", "≥ 0.50"),
        ("  hub / proxy, requests a second", f"{hub_rps:.0f} / {proxy_rps:.0f}", ""),
        (
            "query, median: direct / proxy / hub, ms",
            " / ".join(f"{v:.2f}" for v in ms.values()),
            "",
        ),
        ("  added by the hub over the direct call, ms", f"{ms['hub'] - ms['direct']:.2f}", "≤ 6"),
        ("resident memory of the serving process, MB", f"{rss:.0f}", "≤ 200"),
        ("start to ready, s", f"{ready:.2f}", "≤ 3"),
    ]
    return {"ratio": hub_rps / proxy_rps, "hub_rps": hub_rps, "proxy_rps": proxy_rps,
            **{f"{k}_ms": v for k, v in ms.items()}, "rss_mb": rss, "ready_s": ready}  # fmt: skip


def bench_plan(folder: Path, rows: Rows) -> dict[str, float]:
    """Five departments of 50 ms each, beside the slowest of them asked alone; then one that hangs."""
    with (
        sandbox(folder, 50) as environment,
        hub(folder / "two", environment) as (url, client, _, _),
    ):
        control = environment["SANDBOX_CONTROL_URL"]
        subjects = persona(control, "complete")
        basis = {"item": "xinxiang-10", "case": "BENCH-2", "kind": "statutory"}
        bearer = f"Bearer {client.token()}"
        body = {"subjects": subjects, "basis": basis, "deadline_ms": 1000}
        plan = request(url, "/v1/bundles/xinxiang-10:plan", body, Authorization=bearer)
        slowest = asyncio.run(_slowest(environment, subjects["applicant"]))
        latency(plan, 5)
        whole = latency(plan, 60)
        httpx2.post(
            f"{control}/faults",
            json={"department": "realestate", "fault": "hang"},
            trust_env=False,
        )
        hung = max(asyncio.run(latencies(plan, 3)))
        httpx2.delete(f"{control}/faults", trust_env=False)
    rows += [
        ("plan, five sources of 50 ms, three subjects, median ms", f"{whole:.1f}", ""),
        ("  over the slowest source asked alone, ms", f"{whole - slowest:.1f}", "≤ 15"),
        ("plan, one source hung, deadline 1000 ms, worst ms", f"{hung:.0f}", "≤ 1000"),
    ]
    return {"plan_ms": whole, "slowest_ms": slowest, "hung_ms": hung}


async def _slowest(environment: Mapping[str, str], subject: Mapping[str, Any]) -> float:
    """The slowest source's median, asked through its adapter and nothing else."""
    counties = Path("deploy/counties")
    county = connect(
        counties / "xinxiang",
        county="xinxiang",
        catalog=load(counties, only=frozenset({"xinxiang"})),
        environment={**os.environ, **environment},
        now=lambda: datetime.now(UTC),
    )
    asked = {
        "hukou": "hukou.household",
        "realestate": "realestate.ownership",
        "social-insurance": "social-insurance.payment-history",
        "immunization": "immunization.record",
        "residence-permit": "residence-permit.status",
    }
    medians = []
    for source, resource in asked.items():
        times = []
        for number in range(12):
            call = SourceCall(
                resource=resource,
                keys={"id_number": subject["id"], "name": subject["name"]},
                fields=(),
                reason=Reason(consumer="bench", item="bench", item_name="bench", case="BENCH-2"),
                call_id=f"bench-{number}",
            )
            times.append((await county.sources[source].answer(call, within=5)).elapsed_ms)
        medians.append(statistics.median(times[2:]))
    await county.aclose()
    return max(medians)
