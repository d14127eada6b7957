"""What a query costs as the evidence log behind it grows."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

from hub.database import migrate, open_database
from hub.evidence import EvidenceKind, EvidenceLog, EvidenceRecord
from hub.ids import new_id
from hub.store import StoredDataKeys
from hub.vault import Vault
from tests.bench.processes import Rows, Target, hub, latency, one, persona, request, sandbox

ROUNDS = 3


def bench_log(folder: Path, rows: Rows) -> dict[str, float]:
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
