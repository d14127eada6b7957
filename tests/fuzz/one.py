"""One parser in a process of its own, for so many seconds: `python -m tests.fuzz.one NAME SECONDS`.

With atheris, guided by coverage, where it is installed; otherwise hypothesis mutates the real
files. Says which on its first line; ends with 0 where nothing was found, and otherwise leaves the
bytes in `var/fuzz`.
"""

from __future__ import annotations

import faulthandler
import importlib.util
import resource
import shutil
import sys
import time
from pathlib import Path

FOUND = Path("var/fuzz")
SLOW = 30
"""Seconds that nothing may take."""
MEMORY = 3 << 30
BATCH = 100


def main(name: str, seconds: int) -> None:
    """Work until the time is over."""
    FOUND.mkdir(parents=True, exist_ok=True)
    if importlib.util.find_spec("atheris") is None:
        print("hypothesis (atheris 没有安装 / is not installed)", flush=True)  # noqa: T201 - a tool
        _hypothesis(name, seconds)
    else:
        print("atheris", flush=True)  # noqa: T201 - as above
        _atheris(name, seconds)


def _atheris(name: str, seconds: int) -> None:
    """Ends the process by itself, with 77 where something was found."""
    import atheris  # noqa: PLC0415 - an extra that need not be there

    with atheris.instrument_imports(include=["seals"]):
        from tests.fuzz.parsers import PARSERS, fed  # noqa: PLC0415 - instrumented as it is read

    parser = PARSERS[name]
    corpus = FOUND / f"corpus-{name}"
    shutil.rmtree(corpus, ignore_errors=True)  # keys are new in each process, and so are the files
    corpus.mkdir()
    for at, seed in enumerate(parser.seeds()):
        (corpus / f"seed-{at}").write_bytes(seed)
    flags = [f"-max_total_time={seconds}", f"-timeout={SLOW}", f"-rss_limit_mb={MEMORY >> 20}",
             f"-artifact_prefix={FOUND}/{name}-", "-max_len=200000", "-print_final_stats=1", "-verbosity=0"]  # fmt: skip

    def once(data: bytes) -> None:
        fed(parser, data)

    atheris.Setup([sys.argv[0], *flags, str(corpus)], once)
    atheris.Fuzz()


def _hypothesis(name: str, seconds: int) -> None:
    """Batch after batch, each with other dice."""
    from hypothesis import HealthCheck, given, seed, settings  # noqa: PLC0415 - not with atheris

    from tests.fuzz.mutation import broken  # noqa: PLC0415 - not with atheris
    from tests.fuzz.parsers import PARSERS, fed  # noqa: PLC0415 - not with atheris

    parser = PARSERS[name]
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    last = FOUND / f"{name}-last"
    until, count = time.monotonic() + seconds, 0

    def batch(data: bytes) -> None:
        last.write_bytes(data)
        faulthandler.dump_traceback_later(SLOW, exit=True)
        fed(parser, data)
        faulthandler.cancel_dump_traceback_later()

    relaxed = settings(
        max_examples=BATCH, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    begun = int(time.time())
    while time.monotonic() < until:
        seed(begun + count)(relaxed(given(broken(parser.seeds()))(batch)))()
        count += 1
    last.unlink(missing_ok=True)
    print(f"{count * BATCH} examples", flush=True)  # noqa: T201 - as above


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
