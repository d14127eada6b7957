"""Fixtures everybody knows."""

from __future__ import annotations

import pytest


@pytest.fixture
def anyio_backend() -> str:
    """We run on asyncio only."""
    return "asyncio"
