"""Programs that come from Debian, for tests: installed once for all workers, if we may."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

INSTALL_SECONDS = 600


def missing(program: str, *packages: str) -> str:
    """Why a program is not there, after trying to install it; empty when it is."""
    with _alone():
        if shutil.which(program):
            return ""
        if os.geteuid() != 0 or not shutil.which("apt-get"):
            return (
                f"no {program}: not installed, and we may not install it (needs root and apt-get)"
            )
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (
            ["update", "-qq"],
            ["install", "-y", "-qq", "--no-install-recommends", *packages],
        ):
            done = subprocess.run(
                ["apt-get", *command], env=environment, capture_output=True,
                check=False, timeout=INSTALL_SECONDS,
            )  # fmt: skip
            if done.returncode:
                return f"no {program}: apt-get {command[0]} failed"
        return "" if shutil.which(program) else f"no {program} after apt-get install"


@contextmanager
def _alone() -> Iterator[None]:
    """One worker at a time."""
    with (Path(tempfile.gettempdir()) / "mianti-debian.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
