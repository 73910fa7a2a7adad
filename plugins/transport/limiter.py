"""Keeps within a rate: so much in any window of time."""

import asyncio
from collections import deque

from twap.ports.clock import Clock

MARGIN = 1.1
"""The window is kept this much longer than the exchange's: the network bunches what was sent apart."""


class Limiter:
    """At most `amount` in any `seconds`. Who asks first goes first, however large the request."""

    def __init__(self, clock: Clock, amount: float, seconds: float) -> None:
        self._clock = clock
        self._amount = amount
        self._window = seconds * MARGIN
        self._turn = asyncio.Lock()
        self._taken: deque[tuple[float, float]] = deque()
        self._sum = 0.0

    async def take(self, weight: float = 1) -> None:
        """Returns when `weight` may be used. More than the whole amount counts as the whole amount."""
        weight = min(weight, self._amount)
        async with self._turn:
            while (wait := self._wait_for(weight)) > 0:
                await self._clock.sleep(wait)
            self._taken.append((self._clock.monotonic(), weight))
            self._sum += weight

    def _wait_for(self, weight: float) -> float:
        """Seconds until the window has room."""
        now = self._clock.monotonic()
        while self._taken and self._taken[0][0] + self._window <= now:
            self._sum -= self._taken.popleft()[1]
        excess = self._sum + weight - self._amount
        for taken_at, taken in self._taken:
            if excess <= 0:
                return 0.0
            excess -= taken
            if excess <= 0:
                return taken_at + self._window - now
        return 0.0
