"""The sandbox's control socket."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2


def personas(control: str) -> dict[str, dict[str, Any]]:
    """The sandbox's named cases by id."""
    found = httpx2.get(f"{control}/personas", trust_env=False).json()
    return {persona["id"]: persona for persona in found}


@contextmanager
def fault(control: str, department: str) -> Iterator[None]:
    """A department hangs while the block runs; an empty name: none does."""
    if not department:
        yield
        return
    order = {"department": department, "fault": "hang"}
    httpx2.post(f"{control}/faults", json=order, trust_env=False).raise_for_status()
    try:
        yield
    finally:
        httpx2.delete(f"{control}/faults", trust_env=False).raise_for_status()
