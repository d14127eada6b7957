"""A real Chromium for tests of pages, from Debian: no wheel carries one.

Where it is not there it is installed, once for all workers, if we may (root, apt); otherwise the
test says what it skipped and why, and where CI runs that is a failure.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.world.services import without

PROGRAM, PACKAGES = "chromium", ("chromium", "fonts-noto-cjk")
INSTALL_SECONDS = 600


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A headless Chromium, for one module: while it runs, its event loop is this thread's."""
    if problem := _missing():
        without(problem)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which(PROGRAM), args=["--no-sandbox"]
        )
        yield browser
        browser.close()


def _missing() -> str:
    """Why there is no Chromium, after trying to install it; empty when there is one."""
    with _alone():
        if shutil.which(PROGRAM):
            return ""
        if os.geteuid() != 0 or not shutil.which("apt-get"):
            return "no Chromium: not installed, and we may not install it (needs root and apt-get)"
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends"]):
            packages = PACKAGES if command[0] == "install" else ()
            done = subprocess.run(
                ["apt-get", *command, *packages], env=environment, capture_output=True,
                check=False, timeout=INSTALL_SECONDS,
            )  # fmt: skip
            if done.returncode:
                return f"no Chromium: apt-get {command[0]} failed"
        return "" if shutil.which(PROGRAM) else "no Chromium after apt-get install"


@contextmanager
def _alone() -> Iterator[None]:
    """One worker at a time."""
    with (Path(tempfile.gettempdir()) / "mianti-chromium.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
