"""Run the whole sandbox in a thread, or as a process of its own.

One event loop in one thread serves all departments; the handle given out is for other threads.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, TypeVar

import uvloop

from adapters.sandbox import control
from adapters.sandbox.county import SEED
from adapters.sandbox.departments import ON_SOCKETS, Departments
from adapters.sandbox.faults import Fault
from adapters.sandbox.gateway import SECRET_SECONDS
from adapters.sandbox.population import PEOPLE, Population
from adapters.sandbox.serving import LOOPBACK, HTTPConnections, Listener

T = TypeVar("T")


class Sandbox:
    """A running sandbox, for other threads."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, population: Population, departments: Departments,
        control_port: int,
    ) -> None:  # fmt: skip
        self._loop, self._departments = loop, departments
        self.population = population
        self.control_url = f"http://{LOOPBACK}:{control_port}"

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables that the manifests of the counties name."""
        return self._departments.environment

    def fault(self, department: str, fault: Fault | str, ms: int = 0) -> None:
        """Let something go wrong in a department, until it is cleared.

        Args:
            department: One of `departments.NAMES`.
            fault: One of `Fault`.
            ms: Of `slow`: how late.

        Raises:
            UnknownDepartment: There is no such department.
            ValueError: There is no such fault, or the department cannot have it.
        """
        self._run(self._departments.turn(department, Fault(fault), ms))

    def clear(self) -> None:
        """Let all departments work again."""
        self._run(self._departments.clear())

    def delay(self, department: str, ms: int) -> None:
        """Let every answer of a department take that much longer.

        Raises:
            UnknownDepartment: There is no such department.
        """

        async def delay() -> None:
            self._departments.delay(department, ms)

        self._run(delay())

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


@contextmanager
def sandbox(
    *,
    people: int = PEOPLE,
    seed: str = SEED,
    today: date | None = None,
    ports_from: int = 0,
    delay_ms: int = 0,
    secret_seconds: float = SECRET_SECONDS,
) -> Iterator[Sandbox]:
    """A sandbox that runs while the block does.

    Args:
        people: At least so many.
        seed: Another seed is another county with the same named cases.
        today: The day everything hangs on; this day in UTC where it is not given.
        ports_from: The first of as many ports in a row as there are departments, and one more; 0 for any free ones.
        delay_ms: Added to every answer of every department.
        secret_seconds: How long the gateway's request secret lives.

    Raises:
        OSError: A port is taken.
    """
    population = Population(today=today or datetime.now(UTC).date(), seed=seed, people=people)
    with _loop() as loop:

        async def started() -> tuple[Departments, Listener]:
            departments = Departments(
                population, ports_from=ports_from, delay_ms=delay_ms, secret_seconds=secret_seconds
            )
            service = HTTPConnections(control.app(population, departments))
            try:
                listener = Listener(service, ports_from + len(ON_SOCKETS) if ports_from else 0)
            except OSError:
                departments.release()
                raise
            await departments.open()
            await listener.open()
            return departments, listener

        async def stopped() -> None:
            await listener.close()
            await departments.close()

        departments, listener = asyncio.run_coroutine_threadsafe(started(), loop).result()
        try:
            yield Sandbox(loop, population, departments, listener.port)
        finally:
            asyncio.run_coroutine_threadsafe(stopped(), loop).result()


@contextmanager
def _loop() -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop that runs in a thread, and is closed there: the caller may have its own."""
    loop = uvloop.new_event_loop()

    def run() -> None:
        loop.run_forever()
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()

    thread = threading.Thread(target=run, name="sandbox", daemon=True)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


def write_environment(path: Path, environment: Mapping[str, str]) -> None:
    """Write `NAME=value` lines, whole or not at all, readable by us only: they hold keys."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.writelines(f"{name}={value}\n" for name, value in environment.items())
        draft.replace(path)
    except BaseException:
        with suppress(OSError):
            draft.unlink()
        raise
