"""`make fuzz`: each parser in turn for so many seconds, all of them or those that are named."""

from __future__ import annotations

import subprocess
import sys

from tests.fuzz.one import FOUND, SLOW
from tests.fuzz.parsers import PARSERS

SECONDS = 60


def main(seconds: int, names: list[str]) -> int:
    """How many were broken."""
    found = 0
    for name in names or PARSERS:
        command = [sys.executable, "-m", "tests.fuzz.one", name, str(seconds)]
        try:
            ran = subprocess.run(
                command, capture_output=True, text=True, errors="replace", check=False,
                timeout=seconds + 4 * SLOW,
            )  # fmt: skip
            code, told, why = ran.returncode, ran.stdout, ran.stderr
        except subprocess.TimeoutExpired as error:
            code, told, why = -1, "", f"没有停下 / did not end: {error.stderr!r:.2000}"
        by = told.partition("\n")[0]
        told_by_libfuzzer = [
            each.split()[-1] for each in why.splitlines() if "executed_units" in each
        ]
        count = (told_by_libfuzzer or told.split()[-2:-1] or ["0"])[0]
        verdict = "有 / FOUND" if code else "无 / nothing"
        sys.stdout.write(f"{name}: {verdict} · {by} · {count}\n")
        sys.stdout.flush()
        if code:
            found += 1
            sys.stderr.write(told[-3000:] + why[-3000:])
    if found:
        sys.stderr.write(f"输入在 {FOUND} / the inputs are there\n")
    return found


if __name__ == "__main__":
    chosen = sys.argv[1:]
    given = int(chosen.pop(0)) if chosen and chosen[0].isdigit() else SECONDS
    sys.exit(min(main(given, chosen), 1))
