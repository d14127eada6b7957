"""How fast, and in how much memory, the sandbox invents a million people."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.bench.processes import Rows

PEOPLE = 1_000_000
SCRIPT = """
import sys, time
from datetime import date
from adapters.sandbox.county import County
from pathlib import Path

def peak():
    return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) / 1024

began, early = time.monotonic(), 0.0
for count, _ in enumerate(County(today=date(2026, 11, 24)).stream(int(sys.argv[1])), start=1):
    if count == 50_000:
        early = peak()
print(count, time.monotonic() - began, early, peak())
"""


def bench_population(_folder: Path, rows: Rows) -> dict[str, float]:
    """Stream them in a process of its own, and see that it does not grow."""
    said = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(PEOPLE)], capture_output=True, check=True, text=True
    ).stdout.split()
    people, seconds, early, late = (float(each) for each in said)
    rows += [
        (f"population of {people:,.0f}, people a second", f"{people / seconds:,.0f}", "≥ 20,000"),
        ("  peak memory after 50,000 and at the end, MB", f"{early:.0f} / {late:.0f}", "constant"),
    ]
    return {"people_per_second": people / seconds, "early_mb": early, "late_mb": late}
