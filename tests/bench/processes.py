"""What is measured and what loads it: processes of their own, and plain asyncio sockets, so that no
client library is measured.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from hub.client import HubClient
from hub.ids import new_id
from hub.processes import free_address

SECONDS, CONNECTIONS = 3.0, 16
Rows = list[tuple[str, str, str]]
"""Measure, figure, goal."""


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


async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, raw: bytes) -> bytes:
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
            await one(reader, writer, target.raw)
            done += 1
        writer.close()

    began = time.monotonic()
    await asyncio.gather(*(work() for _ in range(CONNECTIONS)))
    return done / (time.monotonic() - began)


async def latencies(target: Target, count: int) -> list[float]:
    reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
    out = []
    for _ in range(count):
        began = time.perf_counter()
        await one(reader, writer, target.raw)
        out.append((time.perf_counter() - began) * 1000)
    writer.close()
    return out


def throughput(target: Target) -> float:
    """Requests a second over 16 connections."""
    return asyncio.run(_throughput(target))


def latency(target: Target, count: int = 300) -> float:
    """Median milliseconds, one request at a time."""
    return statistics.median(asyncio.run(latencies(target, count)))


def free_port() -> int:
    """A port nobody has right now."""
    return int(free_address().rpartition(":")[2])


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
    folder: Path, environment: Mapping[str, str], *, admit: bool = True
) -> Iterator[tuple[str, HubClient, int, float]]:
    """A hub: address, client, process id, seconds from start to ready. `admit`: with the example
    grants; else with those that are in its database.
    """
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    settings = {"MIANTI_DATA_DIR": str(folder), "MIANTI_PORT": str(port), "MIANTI_PUBLIC_URL": url}
    began = time.monotonic()
    admitting = ["--admit-intake"] if admit else []
    with process("-m", "hub", "serve", *admitting, **environment, **settings) as child:
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
