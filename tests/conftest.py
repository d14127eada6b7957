"""Fixtures everybody knows."""

from __future__ import annotations

import pytest

pytest_plugins = [
    "tests.world.services",
    "tests.world.chromium",
    "tests.world.hsm",
    "tests.world.poppler",
]


@pytest.fixture
def anyio_backend() -> str:
    """We run on asyncio only."""
    return "asyncio"
