"""Sealing and judging an OFD of one page of 50 KB beside `openssl speed sm2`, and one of a thousand
pages and 100 MB in a process of its own, whose memory is told.

The page is the one the Java reference was measured with: A4, twenty lines, pictures, eight
references, no font inside; here the document has 50 KB before it is sealed.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.bench.processes import Rows

ROUNDS = 5
SMALL, LARGE = 100, 1_000
"""Pages; each bears 100 KB."""


def bench_ofd(folder: Path, rows: Rows) -> dict[str, float]:
    """The best of the medians of rounds in which our process and OpenSSL's take turns on one core,
    for whatever else the machine does only adds to them; seconds are the processor's.
    """
    core = sorted(os.sched_getaffinity(0))[:1]
    ours: list[dict[str, float]] = []
    theirs: list[tuple[float, float]] = []
    for _ in range(ROUNDS):
        ours.append(_child(core, "speed"))
        if shutil.which("openssl"):
            said = _pinned(core, ["openssl", "speed", "-seconds", "1", "sm2"])
            told = said.splitlines()[-1].split()[-2:]
            theirs.append((1 / float(told[0]), 1 / float(told[1])))
    found = {name: min(each[name] for each in ours) for name in ours[0]}
    sign, verified = (
        (min(column) for column in zip(*theirs, strict=True))
        if theirs
        else (found["sm2_sign"], found["sm2_verify"])
    )
    _tell(rows, found, sign, verified)
    sizes = {pages: _large(core, folder, pages) for pages in (SMALL, LARGE)}
    _tell_large(rows, sizes)
    rates = {f"{name}_per_second": 1 / found[name] for name in ("seal", *_VERIFIED)}
    return rates | {
        "seal_of_openssl": (sign + verified) / found["seal"],
        "new_parties_of_openssl": 4 * verified / found["new_parties"],
        "memory_times_size": sizes[LARGE]["peak"] / sizes[LARGE]["size"],
        "seal_linear": _per_byte(sizes, "seal"),
        "verify_linear": _per_byte(sizes, "verify"),
    }


_VERIFIED = {
    "known": ("verify: parties known (warm), 1 SM2", 1, "–"),
    "new_parties": ("verify: signer, maker and seal never seen (cold), 4 SM2", 4, "≥ 800"),
    "forgotten": ("verify: nothing remembered, lists and issuer too, 7 SM2", 7, "–"),
}
"""How much of it is SM2: the signer's value, the maker's value, both certificates, the issuer's
certificate and two lists."""


def _tell(rows: Rows, found: dict[str, float], sign: float, verified: float) -> None:
    """Rates, and what part of the time the least of SM2 and SM3 makes up that each needs."""
    hashed = found["sm3"]
    works = {
        "seal": ("seal: prepare, sign, embed and verify, 50 KB", sign + verified, "≥ 400"),
        **{name: (said, count * verified, goal) for name, (said, count, goal) in _VERIFIED.items()},
    }
    for name, (said, curve, goal) in works.items():
        spent = found[name]
        cells = f"{1 / spent:,.0f} (SM2 {curve / spent:.0%}, SM3 {hashed / spent:.0%})"
        rows.append((f"OFD {said}, a second", cells, goal))
    rows.append(
        ("  openssl speed sm2, a second: sign / verify", f"{1 / sign:,.0f} / {1 / verified:,.0f}",
         "")
    )  # fmt: skip


def _tell_large(rows: Rows, sizes: dict[int, dict[str, float]]) -> None:
    large = sizes[LARGE]
    megabytes = large["size"] / 1e6
    rows += [
        (f"OFD of {LARGE:,} pages, {megabytes:.0f} MB: seal / verify, s",
         f"{large['seal']:.2f} / {large['verify']:.2f}", ""),
        ("  seconds a byte against a tenth of it: seal / verify",
         f"{_per_byte(sizes, 'seal'):.2f} × / {_per_byte(sizes, 'verify'):.2f} ×", "≈ 1"),
        ("  peak memory of the process ÷ size", f"{large['peak'] / large['size']:.2f} ×", "< 3"),
    ]  # fmt: skip


def _per_byte(sizes: dict[int, dict[str, float]], motion: str) -> float:
    small, large = (sizes[pages][motion] / sizes[pages]["size"] for pages in (SMALL, LARGE))
    return large / small


def _large(core: list[int], folder: Path, pages: int) -> dict[str, float]:
    """Sealed and judged in a process that does nothing else; written by another."""
    path = folder / f"pages-{pages}.ofd"
    _child(core, "write", str(pages), str(path))
    return _child(core, "large", str(path))


def _child(core: list[int], *arguments: str) -> dict[str, float]:
    said = _pinned(core, [sys.executable, "-m", "tests.bench.sealing", *arguments])
    found: dict[str, float] = json.loads(said)
    return found


def _pinned(core: list[int], command: list[str]) -> str:
    pinned = ["taskset", "-c", ",".join(map(str, core)), *command]
    return subprocess.run(pinned, capture_output=True, check=True, text=True).stdout
