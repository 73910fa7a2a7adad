"""What the executor has done, for `/metrics` and `/health/ready`. Plain counters: read when asked for."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping
from typing import Any

from twap.domain.execution import Advance

LATENESS_BUCKETS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 1.0, 2.0, 5.0)


class ExecutionStats:
    """lateness: slices by seconds from due to look, in LATENESS_BUCKETS; the last bucket holds the rest.

    longest_busy_seconds  the longest that a batch kept the event loop to itself
    """

    def __init__(self) -> None:
        self.slices = 0
        self.executions = 0
        self.missed: Counter[str] = Counter()
        self.lateness = [0] * (len(LATENESS_BUCKETS) + 1)
        self.lateness_sum = 0.0
        self.last_tick_seconds = 0.0
        self.longest_tick_seconds = 0.0
        self.longest_busy_seconds = 0.0
        self.steps_lost = 0
        self.steps_failed = 0
        self.storage_error: str | None = None

    def stored(self, step: Advance) -> None:
        for one in step.slices:
            if not one.number:
                continue
            self.slices += 1
            self.executions += len(one.executions)
            if one.reason is not None:
                self.missed[one.reason.value] += 1
            late = (one.looked_at - one.due_at - step.order.ticket.latency).total_seconds()
            self.lateness[bisect_left(LATENESS_BUCKETS, late)] += 1
            self.lateness_sum += late

    def tick(self, seconds: float) -> None:
        self.last_tick_seconds = seconds
        self.longest_tick_seconds = max(self.longest_tick_seconds, seconds)

    def busy(self, seconds: float) -> None:
        self.longest_busy_seconds = max(self.longest_busy_seconds, seconds)

    def lost(self) -> None:
        self.steps_lost += 1

    def failed(self) -> None:
        self.steps_failed += 1

    def storage_fails(self, reason: str) -> bool:
        """True where this is news."""
        news = self.storage_error != reason
        self.storage_error = reason
        return news

    def storage_works(self) -> None:
        self.storage_error = None

    def summary(self) -> Mapping[str, Any]:
        return {
            "slices": self.slices,
            "executions": self.executions,
            "last_tick_ms": round(self.last_tick_seconds * 1000),
            "storage_error": self.storage_error,
        }
