"""The clock of a market that nobody gave one to: hooks take no arguments."""

import asyncio
import time
from datetime import UTC, datetime


class WallClock:
    """Implements `twap.ports.clock.Clock` as far as this market needs it: a step of the wall clock makes the
    market jump or pause, which does no harm."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
