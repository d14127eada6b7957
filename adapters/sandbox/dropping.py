"""Departments that nobody can ask: at night they drop what they know into a folder.

An `Export` is one department's own way of writing, an `Office` the department itself with its
switch. What was dropped last is tidied away when the next drop is whole, so that a night on which
something went wrong leaves nothing better behind for whoever looks into the folder for the first
time.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from adapters.sandbox.faults import BOMB, GARBAGE, Fault, Switch
from adapters.sandbox.population import Population

CHINA = ZoneInfo("Asia/Shanghai")
STALE = timedelta(days=10)
"""How old the data is that `maintenance` leaves."""
HUGE = 2 * 1024**3
"""Bytes of a file nobody wants to read; nothing but holes behind its beginning."""

Row = Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """What one data file says."""

    stem: str
    """The beginning of its name."""
    head: tuple[str, ...]
    rows: Sequence[Row]
    age: timedelta = timedelta()
    """How much older its data is than the night."""

    @property
    def estranged(self) -> Table:
        """The same under another head."""
        return Table(
            stem=self.stem,
            head=tuple(f"COL{number}" for number, _ in enumerate(self.head, 1)),
            rows=self.rows,
            age=self.age,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What goes with a data file has to tell."""

    name: str
    body: bytes
    rows: int
    at: datetime
    """In China's time."""

    def digest(self, algorithm: str) -> str:
        """In hex."""
        return hashlib.new(algorithm, self.body, usedforsecurity=False).hexdigest()


_Tables = Callable[[Population], Sequence[Table]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """What a department drops, and how it writes it."""

    ending: str
    first: _Tables
    """The first night's tables."""
    again: _Tables
    """Those of a night after something went wrong: everything, from the beginning."""
    written: Callable[[Table], bytes]
    beside: Callable[[Told], Mapping[str, bytes]]
    """Name → body of what goes with a data file; the last one says that all is there."""
    charset: str | None = "gb18030"
    """None: it has none of its own."""
    xml: bool = False

    def can_have(self, fault: Fault) -> bool:
        """Does that fault mean anything to a folder of such files?"""
        match fault:
            case Fault.WRONG_ENCODING:
                return self.charset is not None
            case Fault.XML_BOMB:
                return self.xml
        return fault in _MEANT

    def spoilt(self, table: Table, fault: Fault | None) -> tuple[bytes, bytes, int]:
        """What lies there, what the file beside it speaks of, and of how many rows."""
        whole, count = self.written(table), len(table.rows)
        match fault:
            case Fault.HALF_BODY:
                return whole[: len(whole) // 2], whole, count
            case Fault.GARBAGE:
                return GARBAGE, GARBAGE, count
            case Fault.WRONG_SCHEMA:
                strange = self.written(table.estranged)
                return strange, strange, count
            case Fault.ERROR_200:
                return whole, whole + b"\n", count + 1
            case Fault.WRONG_ENCODING if self.charset is not None:
                strange = whole.decode(self.charset).encode("utf-16")
                return strange, strange, count
            case Fault.XML_BOMB:
                return BOMB, BOMB, count
        return whole, whole, count


_MEANT = frozenset({
    Fault.SLOW, Fault.HANG, Fault.HALF_BODY, Fault.GARBAGE, Fault.WRONG_SCHEMA, Fault.ERROR_200,
    Fault.HUGE, Fault.MAINTENANCE,
})  # fmt: skip


class Office:
    """One department that drops files. Used on the sandbox's loop only."""

    def __init__(self, population: Population, export: Export, folder: Path) -> None:
        """Args:
        population: Whom it knows about.
        export: How it writes.
        folder: Where it drops; made here.
        """
        self.switch = Switch()
        self._population, self._export, self._folder = population, export, folder
        self._lying: list[Path] = []
        """The files of the last drop, as they were written."""
        self._last = datetime.fromtimestamp(0, UTC)
        self._late: asyncio.TimerHandle | None = None
        folder.mkdir(parents=True, mode=0o700)

    async def open(self) -> None:
        """The first night."""
        self._put(self._export.first(self._population))

    async def turn(self, fault: Fault | None, ms: int) -> None:
        """A night on which `fault` happens; or, after one, a night on which all goes well."""
        before = self.switch.fault
        self.switch.turn(fault, ms)
        if fault is None and before is None:
            return
        self._wait_no_longer()
        if fault is Fault.HANG:
            self._tidied(self._lying)
            return
        self._put(self._export.again(self._population))

    async def shut(self) -> None:
        """Write nothing any more."""
        self._wait_no_longer()

    def release(self) -> None:
        """Nothing is held beside files."""

    def _put(self, tables: Sequence[Table]) -> None:
        """Drop these tables; what lay there goes when the new drop is whole."""
        night, before = self._night(), self._lying
        drops = [self._files(table, night - table.age) for table in tables]
        self._lying = [*before, *(path for drop in drops for path, _ in drop)]
        for drop in drops:
            for path, body in drop[:-1]:
                path.write_bytes(body)
            if self.switch.fault is Fault.HUGE:
                os.truncate(drop[0][0], HUGE)

        def whole() -> None:
            for path, body in (drop[-1] for drop in drops):
                path.write_bytes(body)
            self._tidied(before)

        if self.switch.fault is Fault.SLOW:
            later = self.switch.ms / 1000
            self._late = asyncio.get_running_loop().call_later(later, whole)
        else:
            whole()

    def _files(self, table: Table, at: datetime) -> list[tuple[Path, bytes]]:
        """What is written of one table, in order; the last file says that all is there."""
        export, local = self._export, at.astimezone(CHINA)
        lying, told, rows = export.spoilt(table, self.switch.fault)
        name = f"{table.stem}_{local:%Y%m%d%H%M%S}{export.ending}"
        beside = export.beside(Told(name=name, body=told, rows=rows, at=local))
        files = {name: lying, **beside}
        return [(self._folder / each, body) for each, body in files.items()]

    def _night(self) -> datetime:
        """Now; no two nights in the same second, because names tell only seconds."""
        now = datetime.now(UTC).replace(microsecond=0)
        self._last = max(now, self._last + timedelta(seconds=1))
        return self._last - (STALE if self.switch.fault is Fault.MAINTENANCE else timedelta())

    def _wait_no_longer(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _tidied(self, files: Sequence[Path]) -> None:
        """Delete what was written last first, so that no half drop is ever seen."""
        for each in reversed(files):
            each.unlink(missing_ok=True)
        gone = set(files)
        self._lying = [each for each in self._lying if each not in gone]
