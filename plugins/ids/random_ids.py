"""Ids and chance from the operating system."""

import os
import random
import time
from collections.abc import Callable

TAIL_BITS = 74
STEP_BITS = 32
POOL_BYTES = 4096
"""Drawn at once: a call of the operating system for each id would cost more than all the rest of it."""


def milliseconds_since_1970() -> int:
    return time.time_ns() // 1_000_000


class RandomIds:
    """Ids laid out as UUID version 7 (RFC 9562, 5.7): 48 bits of milliseconds, then 74 bits of chance.

    Within a process each id sorts after the one before, even in the same millisecond or when the wall clock
    goes back: then the tail grows by a random step instead (method 2 of RFC 9562, 6.2).
    """

    def __init__(self, milliseconds: Callable[[], int] = milliseconds_since_1970) -> None:
        self._milliseconds = milliseconds
        self._chance = random.SystemRandom()
        self._pool, self._used = b"", 0
        self._last = -1
        self._tail = 0

    def new(self) -> str:
        now = self._milliseconds()
        if now > self._last:
            self._last = now
            self._tail = self._bits(TAIL_BITS - 1)  # the top bit is left as room to grow
        else:
            self._tail += 1 + self._bits(STEP_BITS)
        version, variant = 7, 0b10
        high, low = self._tail >> 62, self._tail & (1 << 62) - 1
        return f"{self._last << 80 | version << 76 | high << 64 | variant << 62 | low:032x}"

    def _bits(self, count: int) -> int:
        begin, end = self._used, self._used + (count + 7) // 8
        if end > len(self._pool):
            begin, end = 0, end - begin
            self._pool = os.urandom(POOL_BYTES)
        self._used = end
        return int.from_bytes(self._pool[begin:end], "big") >> -count % 8

    def uniform(self) -> float:
        return self._chance.random()
