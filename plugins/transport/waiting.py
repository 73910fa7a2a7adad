"""Waiting with bounds, for jobs and for each other."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

import structlog

from twap.ports.clock import Clock

T = TypeVar("T")
Key = TypeVar("Key", bound=Hashable)


async def within(clock: Clock, seconds: float, work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`, or TimeoutError when it takes longer; then it is cancelled, not waited for."""
    task = asyncio.ensure_future(work)
    timer = asyncio.ensure_future(clock.sleep(seconds))
    try:
        await asyncio.wait({task, timer}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise TimeoutError(f"not done within {seconds:g} s")
        return task.result()
    finally:
        timer.cancel()
        task.cancel()


class Jobs:
    """Tasks that belong together: kept from the garbage collector, their faults are logged."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            structlog.get_logger().error("job failed", job=task.get_name(), error=repr(error))

    async def close(self, grace_seconds: float) -> None:
        """Cancels all; waits at most `grace_seconds` for them, and for what they start to clean up."""
        loop = asyncio.get_running_loop()
        until = loop.time() + grace_seconds
        for task in self._tasks:
            task.cancel()
        while self._tasks and (left := until - loop.time()) > 0:
            await asyncio.wait(set(self._tasks), timeout=left)
        for task in self._tasks:
            task.cancel()


class SingleFlight(Generic[Key, T]):
    """Lets concurrent callers who want the same share one piece of work.

    It is cancelled when the last of them no longer waits.
    """

    def __init__(self) -> None:
        self._flights: dict[Key, _Flight[T]] = {}

    async def run(self, key: Key, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        flight = self._flights.get(key)
        if flight is None:
            flight = self._flights[key] = _Flight(asyncio.ensure_future(work()))
        flight.waiters += 1
        try:
            return await asyncio.shield(flight.task)
        finally:
            flight.waiters -= 1
            if (flight.task.done() or not flight.waiters) and self._flights.get(key) is flight:
                del self._flights[key]
            if not flight.waiters:
                flight.task.cancel()


class _Flight(Generic[T]):
    def __init__(self, task: "asyncio.Task[T]") -> None:
        self.task, self.waiters = task, 0
