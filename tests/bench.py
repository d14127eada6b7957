"""`make bench`: speed as ratios in one run, with memory and how cost grows.

Everything runs on this machine at the same time as whatever else it does: read the ratios, not the
absolutes. The hub, the bare proxy and the sandbox are processes of their own; the load comes from
plain asyncio sockets, so that no client library is measured. Writes `var/bench/results.json`.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx2
from rich.console import Console
from rich.table import Table

from adapters import Reason, SourceCall, connect
from catalog.loading import load
from hub.client import HubClient
from hub.database import migrate, open_database
from hub.evidence import EvidenceKind, EvidenceLog, EvidenceRecord
from hub.ids import new_id
from hub.store import StoredDataKeys
from hub.vault import Vault

SECONDS, ROUNDS, CONNECTIONS = 3.0, 3, 16

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


@dataclass(frozen=True, slots=True)
class Target:
    """A request, ready to be written to a socket."""

    port: int
    raw: bytes


def request(url: str, path: str, body: Mapping[str, Any] | None, **headers: str) -> Target:
    """The bytes of a request."""
    port = int(url.rpartition(":")[2])
    data = b"" if body is None else json.dumps(body).encode()
    lines = [f"{'GET' if body is None else 'POST'} {path} HTTP/1.1", "Host: localhost"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    lines += ["Content-Type: application/json", f"Content-Length: {len(data)}", "", ""]
    return Target(port, "\r\n".join(lines).encode() + data)


async def _one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, raw: bytes) -> bytes:
    writer.write(raw)
    head = await reader.readuntil(b"\r\n\r\n")
    status, _, rest = head.partition(b"\r\n")
    if b" 200 " not in status:
        raise RuntimeError(status.decode())
    length = next(
        int(line.split(b":")[1])
        for line in rest.split(b"\r\n")
        if line.lower().startswith(b"content-length")
    )
    return await reader.readexactly(length)


async def _throughput(target: Target) -> float:
    done, until = 0, time.monotonic() + SECONDS

    async def work() -> None:
        nonlocal done
        reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
        while time.monotonic() < until:
            await _one(reader, writer, target.raw)
            done += 1
        writer.close()

    began = time.monotonic()
    await asyncio.gather(*(work() for _ in range(CONNECTIONS)))
    return done / (time.monotonic() - began)


async def _latencies(target: Target, count: int) -> list[float]:
    reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
    out = []
    for _ in range(count):
        began = time.perf_counter()
        await _one(reader, writer, target.raw)
        out.append((time.perf_counter() - began) * 1000)
    writer.close()
    return out


def throughput(target: Target) -> float:
    """Requests a second over 16 connections."""
    return asyncio.run(_throughput(target))


def latency(target: Target, count: int = 300) -> float:
    """Median milliseconds, one request at a time."""
    return statistics.median(asyncio.run(_latencies(target, count)))


def free_port() -> int:
    """A port nobody has right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def process(*command: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A child process that is ended at the end."""
    child = subprocess.Popen(
        [sys.executable, *command],
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield child
    finally:
        child.terminate()
        child.wait(15)


def wait_for(url: str) -> None:
    """Until it answers."""
    for _ in range(2000):
        try:
            httpx2.get(url, trust_env=False, timeout=1)
        except httpx2.TransportError:
            time.sleep(0.01)
        else:
            return
    raise RuntimeError(f"{url} does not answer")


@contextmanager
def sandbox(folder: Path, delay_ms: int) -> Iterator[dict[str, str]]:
    """The simulated departments."""
    path = folder / new_id("environment")
    with process(
        "-m", "adapters.sandbox", "--environment-file", str(path), "--delay-ms", str(delay_ms)
    ):
        while not path.exists():
            time.sleep(0.02)
        yield dict(line.split("=", 1) for line in path.read_text().splitlines())


@contextmanager
def hub(
    folder: Path, environment: Mapping[str, str]
) -> Iterator[tuple[str, HubClient, int, float]]:
    """A hub: address, client, process id, seconds from start to ready."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    settings = {"MIANTI_DATA_DIR": str(folder), "MIANTI_PORT": str(port), "MIANTI_PUBLIC_URL": url}
    began = time.monotonic()
    with process("-m", "hub", "serve", "--admit-intake", **environment, **settings) as child:
        wait_for(f"{url}/readyz")
        ready = time.monotonic() - began
        client = HubClient(url, "xinxiang-intake", folder / "clients" / "xinxiang-intake.jwk")
        yield url, client, child.pid, ready
        client.close()


def resident_mb(pid: int) -> float:
    """Resident memory of a process, in MB."""
    text = Path(f"/proc/{pid}/status").read_text()
    return int(text.partition("VmRSS:")[2].split()[0]) / 1024


def persona(control: str, name: str) -> dict[str, Any]:
    """The subjects of a persona, as the API wants them."""
    people = httpx2.get(f"{control}/personas", trust_env=False).json()
    subjects = next(p["subjects"] for p in people if p["id"] == name)
    return {
        role: {"kind": s["kind"], "id_type": "citizen-id", "id": s["number"], "name": s["name"]}
        for role, s in subjects.items()
    }


def signed_headers(environment: Mapping[str, str], path: str) -> dict[str, str]:
    """What the residence permits want to see of a caller; good for five minutes."""
    key_id, moment = environment["RESIDENCE_PERMIT_KEY_ID"], str(int(time.time() * 1000))
    text = f"{key_id}{moment}GET{path}".encode()
    sign = hmac.digest(environment["RESIDENCE_PERMIT_KEY"].encode(), text, "sha256").hex()
    return {"X-Key-Id": key_id, "X-Timestamp": moment, "X-Sign": sign}


def bench_single(folder: Path, rows: list[tuple[str, str, str]]) -> dict[str, float]:
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


def bench_plan(folder: Path, rows: list[tuple[str, str, str]]) -> dict[str, float]:
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
        hung = max(asyncio.run(_latencies(plan, 3)))
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


def bench_log(folder: Path, rows: list[tuple[str, str, str]]) -> dict[str, float]:
    """What a query costs with 10³, 10⁵ and 10⁶ entries in the log behind it."""
    out: dict[str, float] = {}
    home = folder / "three"
    with sandbox(folder, 0) as environment:
        subject = persona(environment["SANDBOX_CONTROL_URL"], "from-elsewhere")["applicant"]
        for target in (1_000, 100_000, 1_000_000):
            _fill_log(home, target)
            with hub(home, environment) as (url, client, _, _):
                body = {
                    "subject": subject,
                    "basis": {"item": "xinxiang-10", "case": "BENCH-3", "kind": "statutory"},
                    "want": ["residence-permit.status.permit_no"],
                }
                bearer = f"Bearer {client.token()}"
                query = request(url, "/v1/queries", body, Authorization=bearer)
                latency(query, 100)
                out[f"query_{target}"] = min(latency(query, 200) for _ in range(ROUNDS))
                answer = json.loads(asyncio.run(_answer(query)))
                receipt = request(
                    url, f"/v1/receipts/{answer['receipt']}", None, Authorization=bearer
                )
                out[f"receipt_{target}"] = min(latency(receipt, 100) for _ in range(ROUNDS))
    for target in (1_000, 100_000, 1_000_000):
        first, now = out["query_1000"], out[f"query_{target}"]
        cells = f"{now:.2f} ({now / first:.2f} ×) / {out[f'receipt_{target}']:.2f}"
        rows.append((f"log of {target:,}: query / receipt, best median ms", cells, "flat, 10 %"))
    return out


async def _answer(target: Target) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
    try:
        return await _one(reader, writer, target.raw)
    finally:
        writer.close()


def _fill_log(home: Path, size: int) -> None:
    """Let the log of the hub at `home` have that many entries."""
    home.mkdir(exist_ok=True)
    database = open_database(f"sqlite:///{home / 'hub.sqlite3'}")
    migrate(database)
    log = EvidenceLog(database, Vault.at(home / "keys", StoredDataKeys(database)), "bench")

    def record() -> EvidenceRecord:
        return EvidenceRecord(
            kind=EvidenceKind.ANSWERED, id=new_id("rcp"), at=datetime.now(UTC), body={"n": 1},
            subjects=(("citizen-id", f"990101{new_id('x')[-12:]}"),), private={"salt": "00"},
        )  # fmt: skip

    have = log.submit([record()]).result() + 1
    while have < size:
        step = min(5_000, size - have)
        have = log.submit([record() for _ in range(step)]).result() + step
    log.close()
    database.close()


def main() -> None:
    """Run, print, write."""
    from tests.bench_batches import bench_batches  # noqa: PLC0415 -- it uses the processes above

    rows: list[tuple[str, str, str]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        results = {
            "single": bench_single(folder, rows),
            "plan": bench_plan(folder, rows),
            "log": bench_log(folder, rows),
            "batches": bench_batches(folder, rows),
        }
    table = Table("measure", "figure", "goal", title="make bench")
    for row in rows:
        table.add_row(*row)
    Console().print(table)
    out = Path("var/bench")
    out.mkdir(parents=True, exist_ok=True)
    (out / "results.json").write_text(json.dumps(results, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
