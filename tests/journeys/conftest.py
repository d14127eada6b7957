"""The whole of it: a hub over both counties' real lists and manifests, on a running sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from adapters.sandbox import Sandbox, sandbox
from tests.world.hub import COUNTIES, RunningHub, grant, running_hub

GRANTED = (
    "hukou.person",
    "hukou.household",
    "realestate.ownership",
    "social-insurance.payment-history",
    "immunization.record",
    "residence-permit.status",
)


@dataclass(frozen=True, slots=True)
class County:
    """A hub and the departments it asks."""

    hub: RunningHub
    departments: Sandbox
    folder: Path

    def secrets(self) -> set[str]:
        """What must never be seen in a log line: all numbers and names there are, and all keys."""
        everybody = self.departments.population
        people = {each.name for each in everybody.people if len(each.name) > 2}
        personas = (s for p in everybody.personas.values() for s in p.subjects.values())
        keys = {
            value
            for name, value in self.departments.environment.items()
            if name.endswith(("KEY", "TOKEN", "DSN"))
        }
        return {*everybody.by_number, *people, *(each.number for each in personas), *keys}

    def files(self, pattern: str) -> list[Path]:
        """What the hub keeps on disk."""
        return list(self.folder.rglob(pattern))


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> Iterator[County]:
    """A county in which the intake system may ask about 教育入学; a request has two seconds to come."""
    folder = tmp_path_factory.mktemp("county")
    with (
        sandbox(people=100) as departments,
        running_hub(
            folder,
            COUNTIES,
            environment=departments.environment,
            grants=[grant(resource) for resource in GRANTED],
            receive_seconds=2,
        ) as hub,
    ):
        yield County(hub, departments, folder)
