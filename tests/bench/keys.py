"""SM2 against `openssl speed sm2` on one core in the same run, in two threads, and what judging a
chain costs.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

from tests.bench.processes import Rows

ROUNDS, SECONDS = 5, 1
SCRIPT = """
import sys, threading, time
from seals.keys import SM2Key, verifying_key

key = SM2Key.generate()
public, message = verifying_key(key.spki), bytes(range(36))
signature = key.sign(message)

def worked(work, seconds, done):
    until, count = time.perf_counter() + seconds, 0
    while time.perf_counter() < until:
        for _ in range(20):
            work()
        count += 20
    done.append(count)

def rates(work, threads, seconds):
    done, clock, cpu = [], time.perf_counter(), time.process_time()
    running = [threading.Thread(target=worked, args=(work, seconds, done)) for _ in range(threads)]
    for thread in running: thread.start()
    for thread in running: thread.join()
    wall, spent = time.perf_counter() - clock, time.process_time() - cpu
    return sum(done) / wall, sum(done) / spent

for work in (lambda: key.sign(message), lambda: public.verify(key.algorithm, message, signature)):
    rates(work, 1, 0.2)
    print(*rates(work, int(sys.argv[1]), float(sys.argv[2])))
"""
CHAINS = """
import time
from seals import chains, rulings, x509
from seals.authority import Profile
from tests.world.pki import NOW, pki

world = pki()
maker, between = world.signers[Profile.SEAL_MAKER].der, world.issuer.certificate.der
lists = world.lists

def judged():
    found = [x509.read_x509(each) for each in (maker, between)]
    return chains.chain(found[0], found[1:], world.anchors, NOW, lists=lists)

def rate(forget):
    began = time.perf_counter()
    for _ in range(100):
        if forget:
            for each in (x509._read_x509, chains.signed_by, rulings._list_signed):
                each.cache_clear()
        assert judged().verdict == "passed"
    return 100 / (time.perf_counter() - began)

print(rate(False), rate(True), rate(False))
"""


def bench_keys(_folder: Path, rows: Rows) -> dict[str, float]:
    """Medians of rounds in which ours and OpenSSL's own take turns on one core.

    A second is one of the processor's: so `openssl speed` counts, and so the figures stand whatever
    else the machine does.
    """
    cores = sorted(os.sched_getaffinity(0))
    ours: list[tuple[float, float]] = []
    theirs: list[tuple[float, float]] = []
    for _ in range(ROUNDS):
        (_, sign), (_, verify) = _ours(1, cores[:1])
        ours.append((sign, verify))
        if shutil.which("openssl"):
            theirs.append(_openssl(cores[:1]))
    out: dict[str, float] = {}
    for at, verb in enumerate(("sign", "verify")):
        mine = out[f"sm2_{verb}_per_second"] = statistics.median(pair[at] for pair in ours)
        cells = f"{mine:,.0f}"
        if theirs:
            own = statistics.median(pair[at] for pair in theirs)
            out[f"sm2_{verb}_of_openssl"] = mine / own
            cells += f" ({mine / own:.2f} × openssl speed)"
        rows.append((f"SM2 {verb} a second, one core", cells, "≥ 0.9 ×"))
    if len(cores) > 1:
        out |= _threads(cores[:2], rows)
    said = subprocess.run(
        [sys.executable, "-c", CHAINS], capture_output=True, check=True, text=True
    ).stdout.split()
    out["chain_warm_per_second"], out["chain_cold_per_second"] = float(said[2]), float(said[1])
    rows.append(
        ("chains of three with lists judged a second, warm / cold",
         f"{float(said[2]):,.0f} / {float(said[1]):,.0f}", "–"),
    )  # fmt: skip
    return out


def _threads(cores: list[int], rows: Rows) -> dict[str, float]:
    """One thread, two threads and two processes take turns on the same two cores, by the clock.

    What two processes gain is what the machine has to give at that moment.
    """
    out: dict[str, float] = {}
    pairs = [(_ours(1, cores), _ours(2, cores), _two_processes(cores)) for _ in range(ROUNDS)]
    for at, verb in enumerate(("sign", "verify")):
        gain = out[f"sm2_{verb}_two_threads"] = statistics.median(
            two[at][0] / one[at][0] for one, two, _ in pairs
        )
        ceiling = out[f"sm2_{verb}_two_processes"] = statistics.median(
            apart[at] / one[at][0] for one, _, apart in pairs
        )
        cells = f"{gain:.2f} × (two processes: {ceiling:.2f} ×)"
        rows.append((f"  {verb}: two threads against one", cells, "≥ 1.7 ×"))
    return out


def _ours(threads: int, cores: list[int]) -> tuple[tuple[float, float], tuple[float, float]]:
    """Signing and verifying: a second of the clock, and one of the processor."""
    return _read(_pinned([sys.executable, "-c", SCRIPT, str(threads), str(SECONDS)], cores))


def _two_processes(cores: list[int]) -> tuple[float, float]:
    command = _command([sys.executable, "-c", SCRIPT, "1", str(SECONDS)], cores)
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    one, other = (_read(process.communicate()[0]) for process in running)
    return one[0][0] + other[0][0], one[1][0] + other[1][0]


def _read(said: str) -> tuple[tuple[float, float], tuple[float, float]]:
    sign, sign_cpu, verify, verify_cpu = map(float, said.split())
    return (sign, sign_cpu), (verify, verify_cpu)


def _openssl(cores: list[int]) -> tuple[float, float]:
    said = _pinned(["openssl", "speed", "-seconds", str(SECONDS), "sm2"], cores)
    sign, verify = said.splitlines()[-1].split()[-2:]
    return float(sign), float(verify)


def _pinned(command: list[str], cores: list[int]) -> str:
    return subprocess.run(
        _command(command, cores), capture_output=True, check=True, text=True
    ).stdout


def _command(command: list[str], cores: list[int]) -> list[str]:
    return ["taskset", "-c", ",".join(map(str, cores)), *command]
