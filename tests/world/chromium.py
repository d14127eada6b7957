"""A real Chromium for tests of pages, from Debian: no wheel carries one.

Where it is not there it is installed, once for all workers, if we may (root, apt); otherwise the
test says what it skipped and why, and where CI runs that is a failure.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.world.debian import missing
from tests.world.services import without

PROGRAM, PACKAGES = "chromium", ("chromium", "fonts-noto-cjk")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A headless Chromium, for one module: while it runs, its event loop is this thread's."""
    if problem := missing(PROGRAM, *PACKAGES):
        without(problem)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which(PROGRAM), args=["--no-sandbox"]
        )
        yield browser
        browser.close()
