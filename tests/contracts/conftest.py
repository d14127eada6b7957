"""Contracts run on the same databases as the hub's own tests."""

from __future__ import annotations

from tests.hub.conftest import database

__all__ = ["database"]
