"""What is to be done when."""

import heapq
from collections import deque
from datetime import datetime


class Agenda:
    """Keys in order of their times; at one time in the order in which they were put.

    Thousands share a time, so the heap holds times, each once, and not keys.
    """

    def __init__(self) -> None:
        self._times: list[datetime] = []
        self._keys: dict[datetime, deque[str]] = {}

    @property
    def next_time(self) -> datetime | None:
        """None: there is nothing to be done."""
        return self._times[0] if self._times else None

    def put(self, time: datetime, key: str) -> None:
        keys = self._keys.get(time)
        if keys is None:
            self._keys[time] = deque((key,))
            heapq.heappush(self._times, time)
        else:
            keys.append(key)

    def pop(self, now: datetime) -> tuple[datetime, str] | None:
        """Take the first whose time has come."""
        if not self._times or self._times[0] > now:
            return None
        time = self._times[0]
        keys = self._keys[time]
        key = keys.popleft()
        if not keys:
            heapq.heappop(self._times)
            del self._keys[time]
        return time, key
