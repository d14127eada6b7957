"""A clerk of the departments that have no interface: looks a person up on paper and types it in.

Stands for the desk of the hub where there is none (`adapters.ports.Desk`). The clerk types exactly
the fields that were asked, as canonical values, and types nothing while told to be away.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from adapters.ports import DeskAnswer, DeskTask
from adapters.sandbox.population import Population, Subject
from adapters.sandbox.truth import truth

CLERK = "990101-clerk-1"


class Clerk:
    """One clerk for all of them. Used on one event loop."""

    def __init__(self, population: Population, now: Callable[[], datetime]) -> None:
        """Args:
        population: Whose papers are in the cabinet.
        now: UTC.
        """
        self._population, self._now = population, now
        self._tasks: dict[str, DeskTask] = {}
        self.away = False
        """True: tasks stay where they are."""

    async def place(self, task: DeskTask) -> str:
        """As `Desk.place`."""
        ticket = f"T-{task.call.call_id}"
        self._tasks.setdefault(ticket, task)
        return ticket

    async def answer(self, ticket: str) -> DeskAnswer | None:
        """As `Desk.answer`."""
        task = self._tasks.get(ticket)
        if task is None or self.away or self._now() >= task.due:
            return None
        number = str(task.call.keys.get("id_number", ""))
        subject = Subject(kind="person", number=number, name="")
        records = truth(self._population, subject)[task.call.resource]
        values = dict(records[0].values) if records else {}
        wanted = {name: value for name, value in values.items()
                  if not task.fields or name in task.fields}  # fmt: skip
        return DeskAnswer(
            values=wanted,
            found=bool(records),
            by=CLERK,
            at=self._now(),
            confirmed_by="990101-clerk-2" if task.second_pair else None,
        )
