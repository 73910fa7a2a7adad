"""The port to time. Nothing reads a clock but through it."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """Aware UTC; never jumps: a stepped wall clock is followed slowly."""
        ...

    def monotonic(self) -> float:
        """Seconds that only grow, and that count a machine's sleep; for ages and time-outs."""
        ...

    async def sleep(self, seconds: float) -> None: ...
