"""A running sandbox, the counties' catalog, and the day on which everything happens."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest

from adapters.sandbox import Population, Sandbox, sandbox
from catalog import loading
from catalog.model import Catalog

TODAY = date(2026, 11, 24)


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    """Everything the product knows, both counties included."""
    return loading.load()


@pytest.fixture(scope="session")
def population() -> Population:
    """The usual five hundred people."""
    return Population(today=TODAY)


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    """A sandbox of this module's own, on the invented day."""
    with sandbox(today=TODAY) as started:
        yield started


@pytest.fixture
def working(running: Sandbox) -> Iterator[Sandbox]:
    """The same, with every fault cleared afterwards."""
    yield running
    running.clear()
