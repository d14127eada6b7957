"""What a query costs as the evidence log behind it grows."""

from __future__ import annotations

import asyncio
import json
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from hub.database import migrate, open_database
from hub.evidence import EvidenceKind, EvidenceLog, EvidenceRecord
from hub.ids import new_id
from hub.store import StoredDataKeys
from hub.vault import Vault
from tests.bench.processes import Rows, Target, hub, latency, one, persona, request, sandbox

SIZES = (1_000, 100_000, 1_000_000)
ROUNDS = 8


def bench_log(folder: Path, rows: Rows) -> dict[str, float]:
    """What a query costs with 10³, 10⁵ and 10⁶ entries in the log behind it: three hubs, asked in
    turns, so that what else the machine does falls on all of them.
    """
    seen: dict[tuple[str, int], list[float]] = {}
    with sandbox(folder, 0) as environment, ExitStack() as hubs:
        subject = persona(environment["SANDBOX_CONTROL_URL"], "from-elsewhere")["applicant"]
        body = {
            "subject": subject,
            "basis": {"item": "xinxiang-10", "case": "BENCH-3", "kind": "statutory"},
            "want": ["residence-permit.status.permit_no"],
        }
        targets: dict[tuple[str, int], Target] = {}
        for size in SIZES:
            home = folder / f"log-{size}"
            _fill_log(home, size)
            url, client, _, _ = hubs.enter_context(hub(home, environment))
            bearer = f"Bearer {client.token()}"
            query = request(url, "/v1/queries", body, Authorization=bearer)
            latency(query, 200)
            answer = json.loads(asyncio.run(_answer(query)))
            receipt = request(url, f"/v1/receipts/{answer['receipt']}", None, Authorization=bearer)
            targets |= {("query", size): query, ("receipt", size): receipt}
        for _ in range(ROUNDS):
            for measure, target in targets.items():
                seen.setdefault(measure, []).append(latency(target, 100))
    best = {measure: min(medians) for measure, medians in seen.items()}
    for size in SIZES:
        now, first = best["query", size], best["query", SIZES[0]]
        cells = f"{now:.2f} ({now / first:.2f} ×) / {best['receipt', size]:.2f}"
        rows.append((f"log of {size:,}: query / receipt, best median ms", cells, "flat, 10 %"))
    return {f"{name}_{size}": found for (name, size), found in best.items()}


async def _answer(target: Target) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
    try:
        return await one(reader, writer, target.raw)
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
