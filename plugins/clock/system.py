"""The machine's clocks, made steady."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime

MAX_CORRECTION_RATIO = 0.01
_SINCE_BOOT: int | None = getattr(time, "CLOCK_BOOTTIME", getattr(time, "CLOCK_MONOTONIC", None))


def seconds_since_boot() -> float:
    """Grows while the machine is suspended too, where the system offers such a clock.

    Linux counts suspension in CLOCK_BOOTTIME alone, macOS in CLOCK_MONOTONIC, Windows in `time.monotonic`.
    """
    return time.monotonic() if _SINCE_BOOT is None else time.clock_gettime(_SINCE_BOOT)


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
        self._wall, self._elapsed = wall, elapsed
        self._read_at = elapsed()
        self._time = wall()

    def now(self) -> datetime:
        read_at = self._elapsed()
        passed = max(0.0, read_at - self._read_at)
        self._read_at += passed
        off = self._wall() - (self._time + passed)
        most = passed * MAX_CORRECTION_RATIO
        self._time += passed + min(max(off, -most), most)
        return datetime.fromtimestamp(self._time, UTC)

    def monotonic(self) -> float:
        return self._elapsed()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
