"""The engine: lanes that claim chunks from the ledger, have them worked off, and write the outcomes.

Several processes may run one over the same ledger. A chunk that a killed worker held is begun anew
when its lease ends: a row may then be asked a second time, but its outcome is written once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

import structlog

from hub.errors import HubError
from hub.ids import new_id
from hub.jobs.model import Chunk, Job
from hub.jobs.store import Ledger
from hub.model import Json

log = structlog.get_logger()

Outcomes = Sequence[Mapping[str, Json]]
"""One a row, in the order of the rows; each has an `outcome`."""

ChunkWork = Callable[[Job, Chunk], Awaitable[Outcomes]]
"""Work off one chunk.

Raises:
    HubError: Not now; the chunk is given back and begun again later. Anything else counts as an
        attempt, as if the worker had died.
"""

_IDLE_SECONDS = 2.0
"""How often an idle lane looks for work that another process took in."""
_MOST_ATTEMPTS = 5
_PURGE_SECONDS = 3600.0
_BROKEN_OFF = timedelta(hours=1)


class JobEngine:
    """Works off the jobs of a ledger while it is started."""

    def __init__(
        self,
        ledger: Ledger,
        works: Mapping[str, ChunkWork],
        now: Callable[[], datetime],
        *,
        ended: Callable[[Job], Awaitable[None]],
        lanes: int = 2,
        lease: timedelta = timedelta(seconds=30),
    ) -> None:
        """Args:
        ledger: Where jobs and chunks stand.
        works: By kind of job.
        now: UTC.
        ended: Told when the last chunk of a job is done, before the job counts as done; again,
            where it could not be told or nobody knows whether it was.
        lanes: Chunks worked off at a time in this process.
        lease: How long a chunk waits for a worker that does not report; it does three times in it.
        """
        self.ledger = ledger
        self._works, self._now, self._ended = works, now, ended
        self._lanes, self._lease = lanes, lease
        self._worker = new_id("wrk")
        self._tasks: list[asyncio.Task[None]] = []
        self._woken = asyncio.Event()

    def start(self) -> None:
        """Begin to work; needs a running loop."""
        self._tasks = [
            *(asyncio.create_task(self._lane(n), name=f"job-lane-{n}") for n in range(self._lanes)),
            asyncio.create_task(self._sweep(), name="job-sweep"),
        ]

    def wake(self) -> None:
        """There is work: do not wait for the next look."""
        self._woken.set()

    async def close(self) -> None:
        """Stop at once; what was under way is given back and done by whoever comes next."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _lane(self, number: int) -> None:
        worker = f"{self._worker}-{number}"
        while True:
            try:
                found = await self._claimed(worker)
                if found is not None:
                    await self._work_off(worker, *found)
                    continue
                await self._end()
            except HubError as problem:
                # The database or the log is away; the ledger keeps everything until it is back.
                log.warning("job_waits", why=problem.why)
            except Exception as problem:  # noqa: BLE001  (a lane outlives everything)
                # Without the traceback: its texts may hold a row.
                log.error("job_failed", error=type(problem).__name__)  # noqa: TRY400  (see above)
            await self._idle()

    async def _claimed(self, worker: str) -> tuple[Job, Chunk] | None:
        claiming = asyncio.ensure_future(
            asyncio.to_thread(
                self.ledger.claim, worker, tuple(self._works), self._now(), self._lease
            )
        )
        try:
            return await asyncio.shield(claiming)
        except asyncio.CancelledError:
            # The thread goes on: what it claims would lie until its lease ends.
            if found := await claiming:
                await asyncio.to_thread(self.ledger.release, worker, found[1])
            raise

    async def _idle(self) -> None:
        with suppress(TimeoutError):
            # Not `wait_for`: on 3.11 it loses a cancellation that comes together with the event.
            async with asyncio.timeout(_IDLE_SECONDS):
                await self._woken.wait()
        self._woken.clear()

    async def _work_off(self, worker: str, job: Job, chunk: Chunk) -> None:
        keeping = asyncio.create_task(self._keep(worker, chunk))
        try:
            outcomes = await self._outcomes(job, chunk)
        except (HubError, asyncio.CancelledError):
            # Not the chunk's fault, and whoever comes next need not wait for the lease to end.
            await asyncio.shield(asyncio.to_thread(self.ledger.release, worker, chunk))
            raise
        finally:
            keeping.cancel()
        await asyncio.to_thread(self.ledger.finish, worker, chunk, outcomes)
        await self._end(job.id)

    async def _end(self, job: str | None = None) -> None:
        """End what is worked off: that job, or any that was left so, by two who finished at once or
        by one that ended before it could tell.
        """
        kinds = tuple(self._works)
        for whole in await asyncio.to_thread(self.ledger.worked_off, kinds, job):
            await self._ended(whole)
            await asyncio.to_thread(self.ledger.end, whole.id, self._now())

    async def _outcomes(self, job: Job, chunk: Chunk) -> Outcomes:
        if chunk.attempt > _MOST_ATTEMPTS:
            # It has ended a worker each time: the job goes on without it, and says so.
            log.error("chunk_given_up", job=job.id)
            places = range(chunk.first_row, chunk.first_row + len(chunk.rows))
            return [{"row": place, "outcome": "given-up"} for place in places]
        return await self._works[job.kind](job, chunk)

    async def _keep(self, worker: str, chunk: Chunk) -> None:
        while True:
            await asyncio.sleep(self._lease.total_seconds() / 3)
            with suppress(HubError):
                until = self._now() + self._lease
                await asyncio.to_thread(self.ledger.renew, worker, chunk, until)

    async def _sweep(self) -> None:
        while True:
            with suppress(HubError):
                now = self._now()
                await asyncio.to_thread(self.ledger.purge, now, now - _BROKEN_OFF)
            await asyncio.sleep(_PURGE_SECONDS)
