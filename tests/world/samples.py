"""Files made by others, where they lie beside the project: they are not part of it."""

from __future__ import annotations

from pathlib import Path

import pytest

SAMPLES = Path(__file__).parents[3] / "shared" / "samples" / "ofd"


def sample(name: str) -> bytes:
    """One of them; the test is skipped where they do not lie beside the project."""
    path = SAMPLES / name
    if not path.is_file():
        pytest.skip(f"no {name} beside the project")
    return path.read_bytes()
