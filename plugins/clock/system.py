"""The machine's clocks, made steady."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

MAX_CORRECTION_RATIO = 0.01
_BOOT = getattr(time, "CLOCK_BOOTTIME", getattr(time, "CLOCK_MONOTONIC", None))

seconds_since_boot: Callable[[], float] = (
    time.monotonic if _BOOT is None else partial(time.clock_gettime, _BOOT)
)
"""Grows while the machine is suspended too, where the system offers such a clock.

Linux counts suspension in CLOCK_BOOTTIME alone, macOS in CLOCK_MONOTONIC, Windows in `time.monotonic`.
"""


class SystemClock:
    """Starts at the wall clock's time, then advances by elapsed time.

    When somebody steps the wall clock (by hand, by NTP), `now` draws towards it by at most 1 % of the time
    that passes, so that no schedule fires or skips in a burst. It never goes backwards.

    wall     seconds since 1970; may be stepped
    elapsed  seconds since some instant; only grows, and counts suspension
    """

    def __init__(
        self, wall: Callable[[], float] = time.time, elapsed: Callable[[], float] = seconds_since_boot
    ) -> None:
        self._wall = wall
        self.monotonic = elapsed  # read at every frame of an exchange: without a step in between
        self._read_at = elapsed()
        self._time = wall()

    def now(self) -> datetime:
        read_at = self.monotonic()
        passed = max(0.0, read_at - self._read_at)
        self._read_at += passed
        off = self._wall() - (self._time + passed)
        most = passed * MAX_CORRECTION_RATIO
        self._time += passed + min(max(off, -most), most)
        return datetime.fromtimestamp(self._time, UTC)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
