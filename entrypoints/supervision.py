"""Jobs that run side by side until told to stop; one failure stops all and is raised."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Job:
    """Something that runs until it is cancelled. grace_seconds: what its clean-up may take."""

    name: str
    run: Callable[[], Awaitable[None]]
    grace_seconds: float = 2.0


class JobEnded(Exception):
    """A job that should run until it is stopped has ended by itself."""


async def supervise(
    jobs: Sequence[Job], stop: asyncio.Event, before_cancel: Callable[[], Awaitable[None]] | None = None
) -> None:
    """Run the jobs until `stop`, drain, then cancel them one after the other, the last first.

    The first error of a job stops the others in the same way and is raised. A job that does not end within
    its grace is left behind: a stop is never hung up by one of them.
    """
    tasks = [asyncio.create_task(_run(job), name=job.name) for job in jobs]
    stopping = asyncio.create_task(stop.wait(), name="stop")
    done, _ = await asyncio.wait((*tasks, stopping), return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if before_cancel is not None:
        await before_cancel()
    for job, task in reversed(list(zip(jobs, tasks, strict=True))):
        task.cancel()
        await asyncio.wait((task,), timeout=job.grace_seconds)
    for task in tasks:
        if task in done and not task.cancelled() and (error := task.exception()) is not None:
            raise error


async def _run(job: Job) -> None:
    await job.run()
    raise JobEnded(f"{job.name} ended by itself")
