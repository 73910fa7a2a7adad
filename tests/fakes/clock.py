"""A clock that stands still until a test moves it."""

import asyncio
import heapq
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count

NOON = datetime(2025, 2, 1, 12, tzinfo=UTC)


async def settle(turns=60):
    """Let every task run until it waits for something that only the test can bring about."""
    for _ in range(turns):
        await asyncio.sleep(0)


@dataclass
class ManualClock:
    """`await advance(seconds)` wakes sleepers in the order they are due and lets the loop run in between.

    `jump` moves time without running anything, for tests that are not asynchronous.
    """

    time: datetime = NOON
    _elapsed: float = 1000.0
    _sleepers: list = field(default_factory=list)
    _numbers: count = field(default_factory=count)

    def now(self):
        return self.time

    def monotonic(self):
        return self._elapsed

    async def sleep(self, seconds):
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._elapsed + seconds, next(self._numbers), woken))
        await woken

    def jump(self, seconds):
        self.time += timedelta(seconds=seconds)
        self._elapsed += seconds

    async def advance(self, seconds):
        await settle()
        until = self._elapsed + seconds
        while self._sleepers and self._sleepers[0][0] <= until + 1e-9:
            due, _, woken = heapq.heappop(self._sleepers)
            if woken.done():
                continue
            self.jump(max(due - self._elapsed, 0))
            woken.set_result(None)
            await settle()
        self.jump(max(until - self._elapsed, 0))
        await settle()
