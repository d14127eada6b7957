"""poppler's command line, which looks at PDFs independently of us."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.world.debian import missing
from tests.world.services import without

Poppler = Callable[..., str]


@pytest.fixture(scope="session")
def poppler() -> Poppler:
    """Run one of its programs and say what it prints."""
    if problem := missing("pdfsig", "poppler-utils"):
        without(problem)

    def run(program: str, *arguments: str | Path) -> str:
        done = subprocess.run(
            [program, *map(str, arguments)], capture_output=True, check=False, timeout=60
        )
        return (done.stdout + done.stderr).decode("utf-8", "replace")

    return run
