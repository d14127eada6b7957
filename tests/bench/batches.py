"""Batches over a source of the kind `files`, with grants and evidence per row."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx2

from adapters.sandbox.people import citizen_number
from adapters.sandbox.places import HERE
from catalog.loading import COUNTIES
from hub.client import HubClient
from tests.bench.processes import Rows, hub

SMALL, LARGE = 10_000, 100_000
LONGEST = 360.0
"""Seconds that the large batch may take before it is cut to what fits."""
NAME = "赵明示"
FILE = "jzz_20261123.csv"
MANIFEST = """
source: residence-permit
name: 流动人口夜间下发文件
authority: 县公安局
kind: files
connect:
  folder: ${BENCH_FOLDER}
  format: csv
  charset: gb18030
  control: { name: "{stem}.ctl", count: rows, digest: sm3 }
  as_of: { where: name, form: "%Y%m%d" }
resources:
  residence-permit.status:
    ask:
      file: "jzz_*.csv"
      columns: [证号, 姓名, 身份证号, 地址, 发证日期]
      key: { 身份证号: { is: keys.id_number, as: id18 }, 姓名: optional.name }
    answer:
      records: rows
      empty_when: { records: none }
      fields:
        permit_no: { at: '"证号"' }
        name: { at: '"姓名"' }
        residence_address: { at: '"地址"' }
        issue_date: { at: '"发证日期"', form: "%Y%m%d" }
"""


@dataclass(frozen=True, slots=True)
class Figures:
    """What a batch took."""

    rows: int
    seconds: float
    peak_mb: float
    """Of the process since it started."""


def numbers() -> Iterator[str]:
    """Citizen numbers of nobody."""
    day = date(1950, 1, 1)
    while True:
        for order in range(1, 11):
            yield citizen_number(HERE.code, day, order, "1")
        day += timedelta(days=1)


def county(folder: Path) -> Path:
    """The counties' folder, in which one county has this source and no other."""
    counties = folder / "counties"
    shutil.copytree(COUNTIES, counties)
    sources = counties / "xinxiang" / "sources"
    shutil.rmtree(sources)
    sources.mkdir()
    (sources / "residence-permit.yaml").write_text(MANIFEST, encoding="utf-8")
    return counties


def dropped(folder: Path, count: int) -> Path:
    """A drop of that many rows."""
    folder.mkdir()
    lines = ["证号,姓名,身份证号,地址,发证日期"]
    lines += [
        f"J{order},{NAME},{number},演示省样例市示范县样例路{order}号,20240101"
        for order, number in zip(range(count), numbers(), strict=False)
    ]
    table = "".join(f"{line}\r\n" for line in lines).encode("gb18030")
    (folder / FILE).write_bytes(table)
    digest = hashlib.new("sm3", table).hexdigest()
    (folder / FILE).with_suffix(".ctl").write_text(f"rows={count}\nsm3={digest}\n")
    return folder


def peak_mb(pid: int) -> float:
    """The most resident memory a process ever had, in MB."""
    text = Path(f"/proc/{pid}/status").read_text()
    return int(text.partition("VmHWM:")[2].split()[0]) / 1024


def _batch(count: int) -> Iterator[bytes]:
    head = {
        "basis": {"item": "xinxiang-10", "case": "BENCH-4", "kind": "statutory"},
        "want": ["residence-permit.status.permit_no", "residence-permit.status.residence_address"],
    }
    yield json.dumps(head).encode() + b"\n"
    for _, number in zip(range(count), numbers(), strict=False):
        subject = {"kind": "person", "id_type": "citizen-id", "id": number, "name": NAME}
        yield json.dumps({"subject": subject}).encode() + b"\n"


def _run(url: str, client: HubClient, pid: int, count: int) -> Figures:
    """Run a batch, and see that every row was answered."""
    began = time.monotonic()
    outcomes = _outcomes(url, client, count)
    seconds = time.monotonic() - began
    if outcomes != {"complete": count}:
        raise RuntimeError(str(outcomes))
    return Figures(count, seconds, peak_mb(pid))


def _outcomes(url: str, client: HubClient, count: int) -> dict[str, int]:
    """Submit a batch and wait for its end."""
    with httpx2.Client(base_url=url, trust_env=False, timeout=120) as http:

        def bearer() -> dict[str, str]:
            return {"Authorization": f"Bearer {client.token()}"}

        taken = http.post(
            "/v1/queries:batch", content=_batch(count),
            headers={**bearer(), "Content-Type": "application/x-ndjson"},
        )  # fmt: skip
        taken.raise_for_status()
        while True:
            job: dict[str, Any] = http.get(taken.headers["Location"], headers=bearer()).json()
            if job["state"] != "running":
                outcomes: dict[str, int] = job["outcomes"]
                return outcomes
            time.sleep(0.5)


def bench_batches(folder: Path, rows: Rows) -> dict[str, float]:
    """10⁴ rows and then 10⁵ through one hub, its index of 10⁵ rows built before."""
    home = folder / "four"
    home.mkdir()
    environment = {
        "BENCH_FOLDER": str(dropped(home / "drop", LARGE)),
        "MIANTI_COUNTIES_DIR": str(county(home)), "MIANTI_COUNTIES": "xinxiang",
    }  # fmt: skip
    with hub(home / "hub", environment) as (url, client, pid, _):
        while _outcomes(url, client, 100) != {"complete": 100}:
            time.sleep(1)  # the drop is still being taken in
        small = _run(url, client, pid, SMALL)
        fitting = int(small.rows / small.seconds * LONGEST) // SMALL * SMALL
        large = _run(url, client, pid, max(2 * SMALL, min(LARGE, fitting)))
    rate, growth = large.rows / large.seconds, large.peak_mb - small.peak_mb
    rows += [
        (f"batch of {large.rows:,} over files, rows a second", f"{rate:.0f}", "≥ 300"),
        (f"  of {small.rows:,}", f"{small.rows / small.seconds:.0f}", ""),
        (f"  peak memory of the hub, {small.rows:,} / {large.rows:,}, MB",
         f"{small.peak_mb:.0f} / {large.peak_mb:.0f}", "flat"),
    ]  # fmt: skip
    return {"rows": large.rows, "rows_per_second": rate, "peak_mb": large.peak_mb,
            "small_rows_per_second": small.rows / small.seconds, "small_peak_mb": small.peak_mb,
            "growth_mb": growth}  # fmt: skip
