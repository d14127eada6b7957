"""Run all parts, print the table, write `var/bench/results.json`.

Everything runs on this machine at the same time as whatever else it does: read the ratios, not the
absolutes. Names on the command line run those parts only.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from rich.console import Console

from catalog.tables import plain_table
from tests.bench.batches import bench_batches
from tests.bench.keys import bench_keys
from tests.bench.log import bench_log
from tests.bench.mapping import bench_mapping
from tests.bench.ofd import bench_ofd
from tests.bench.pdf import bench_pdf
from tests.bench.population import bench_population
from tests.bench.processes import Rows
from tests.bench.queries import bench_plan, bench_single
from tests.bench.sources import bench_sources

PARTS: Mapping[str, Callable[[Path, Rows], Mapping[str, float]]] = {
    "single": bench_single,
    "plan": bench_plan,
    "log": bench_log,
    "mapping": bench_mapping,
    "sources": bench_sources,
    "batches": bench_batches,
    "population": bench_population,
    "keys": bench_keys,
    "ofd": bench_ofd,
    "pdf": bench_pdf,
}


def main(names: list[str]) -> None:
    """Run, print, write."""
    rows: Rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        results = {part: PARTS[part](folder, rows) for part in names or PARTS}
    table = plain_table("测量 measure", "结果 figure", "目标 goal", title="make bench")
    for row in rows:
        table.add_row(*row)
    Console().print(table)
    out = Path("var/bench")
    out.mkdir(parents=True, exist_ok=True)
    (out / "results.json").write_text(json.dumps(results, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
