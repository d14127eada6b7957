"""All departments, each on its own port or with its own folder, and with its switch."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from adapters.sandbox import keys
from adapters.sandbox.dropping import Office
from adapters.sandbox.faults import Fault, Switch
from adapters.sandbox.gateway import SECRET_SECONDS
from adapters.sandbox.population import Population
from adapters.sandbox.premises import (
    BUILDS,
    EXPORTS,
    Credentials,
    Premises,
    can_have,
    environment,
    folder_of,
)
from adapters.sandbox.serving import Listener

ON_SOCKETS = tuple(BUILDS)
"""In the order of their ports."""
DROPPING = tuple(EXPORTS)
"""Those that can only be read, at night's end, in a folder."""
NAMES = (*ON_SOCKETS, *DROPPING)


class UnknownDepartment(LookupError):
    """There is no such department; says which there are."""

    def __init__(self) -> None:
        super().__init__(f"department is one of {', '.join(NAMES)}")


class FaultNotThere(ValueError):
    """A department cannot have that fault."""

    def __init__(self, name: str, fault: Fault) -> None:
        super().__init__(f"{fault} means nothing at {name}")


@dataclass(frozen=True, slots=True)
class _Served:
    """A department on a port."""

    switch: Switch
    listener: Listener

    async def open(self) -> None:
        await self.listener.open()

    async def shut(self) -> None:
        await self.listener.shut()

    def release(self) -> None:
        self.listener.release()

    async def turn(self, fault: Fault | None, ms: int) -> None:
        before = self.switch.fault
        self.switch.turn(fault, ms)
        if fault is Fault.REFUSE or Fault.EXPIRED_CERTIFICATE in {before, fault}:
            await self.listener.shut()
        if fault is not Fault.REFUSE:
            await self.listener.open()


_Department = _Served | Office


class Departments:
    """All departments. Used on the sandbox's loop only."""

    def __init__(
        self, population: Population, *, ports_from: int = 0, delay_ms: int = 0,
        secret_seconds: float = SECRET_SECONDS,
    ) -> None:  # fmt: skip
        """Args:
        population: Whom they know about.
        ports_from: The first of as many ports in a row; 0 for any free ones.
        delay_ms: Added to every answer of every department.
        secret_seconds: How long the gateway's request secret lives.
        """
        self._folder = tempfile.TemporaryDirectory(prefix="mianti-sandbox-")
        folder = Path(self._folder.name)
        self._premises = Premises(
            population=population,
            credentials=Credentials(),
            papers=keys.papers(folder),
            folder=folder / "drops",
            secret_seconds=secret_seconds,
        )
        self._all: dict[str, _Department] = {}
        try:
            for at, (name, build) in enumerate(BUILDS.items()):
                switch = Switch(delay_ms=delay_ms)
                port = ports_from + at if ports_from else 0
                listener = Listener(build(self._premises, switch), port)
                self._all[name] = _Served(switch, listener)
        except OSError:
            self.release()
            raise
        for name, export in EXPORTS.items():
            self._all[name] = Office(population, export, folder_of(self._premises, name))

    async def open(self) -> None:
        """Start listening, and drop the first night's files."""
        for each in self._all.values():
            await each.open()

    async def close(self) -> None:
        """End all connections and give the ports back."""
        for each in self._all.values():
            each.switch.turn(None)
        await asyncio.gather(*(each.shut() for each in self._all.values()))
        self.release()

    def release(self) -> None:
        """Give back what does not need the loop; nothing listens any more, or never did."""
        for each in self._all.values():
            each.release()
        self._folder.cleanup()

    async def turn(self, name: str, fault: Fault | None, ms: int = 0) -> None:
        """Switch a department to `fault`, or to none.

        Raises:
            UnknownDepartment: There is no such department.
            FaultNotThere: It cannot have that fault.
        """
        department = self._one(name)
        if fault is not None and not can_have(name, fault):
            raise FaultNotThere(name, fault)
        await department.turn(fault, ms)

    async def clear(self) -> None:
        """All departments work again."""
        for each in self._all.values():
            await each.turn(None, 0)

    def delay(self, name: str, ms: int) -> None:
        """Let every answer of a department take that much longer; files take no time to answer.

        Raises:
            UnknownDepartment: There is no such department.
        """
        self._one(name).switch.delay_ms = ms

    def state(self) -> Mapping[str, str | None]:
        """Department → fault now."""
        return {name: each.switch.fault for name, each in self._all.items()}

    @property
    def environment(self) -> Mapping[str, str]:
        """What the manifests of the counties need, by the names they use."""
        served = {name: each for name, each in self._all.items() if isinstance(each, _Served)}
        ports = {name: each.listener.port for name, each in served.items()}
        return environment(self._premises, ports)

    def _one(self, name: str) -> _Department:
        try:
            return self._all[name]
        except KeyError:
            raise UnknownDepartment from None
