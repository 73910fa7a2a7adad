"""When the slices of an order are due, and how large they are planned: exact, a function of the order alone.

Everything counts in lots and milliseconds, so sums are exact and nothing drifts. Slice k of N (from 1) is due
at start + k * interval; the last one at the end of the order at the latest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_FLOOR, Decimal
from hashlib import sha256

from twap.ports.numbers import multiply, whole_lots
from twap.ports.order import Order, Randomize

_MILLISECOND = timedelta(milliseconds=1)
_NO_TIME = timedelta(0)


def slice_count(duration: timedelta, interval: timedelta) -> int:
    """ceil(duration / interval)."""
    return -(-duration // interval)


def split(lots: int, slices: int) -> list[int]:
    """Exact and even: the parts sum to `lots` and differ by at most one."""
    return [_even_until(k, lots, slices) - _even_until(k - 1, lots, slices) for k in range(1, slices + 1)]


def _even_until(k: int, lots: int, slices: int) -> int:
    return k * lots // slices


@dataclass(frozen=True, slots=True)
class Schedule:
    """The plan of one order.

    lots      of the total; slices: how many
    duration, interval  whole milliseconds
    """

    starts_at: datetime
    duration: timedelta
    interval: timedelta
    lots: int
    slices: int
    randomize: Randomize | None = None

    @classmethod
    def of(cls, order: Order) -> "Schedule":
        ticket = order.ticket
        lots = whole_lots(ticket.quantity, order.lot_size)
        return cls(
            order.starts_at, ticket.duration, ticket.interval, lots, order.slices_total, ticket.randomize
        )

    @property
    def ends_at(self) -> datetime:
        return self.starts_at + self.duration

    def due_at(self, number: int) -> datetime:
        """Random times stray by up to `randomize.time` of an interval either way, never past the end."""
        due = self.starts_at + number * self.interval
        if self.randomize is None:
            return due if number < self.slices else min(due, self.ends_at)
        if self.randomize.time:
            stray = self.randomize.time * Decimal(self.interval // _MILLISECOND)
            due += _uniform(self.randomize.seed, "time", number, stray) * _MILLISECOND
        return min(due, self.ends_at)

    def planned(self, number: int) -> int:
        """Lots of one slice."""
        return self.planned_until(number) - self.planned_until(number - 1)

    def planned_until(self, number: int) -> int:
        """Lots of slices 1 to `number` together.

        Random sizes move lots between the two slices of each pair (1, 2), (3, 4), ...: the total stays
        exact, and no slice strays further than `randomize.size` of the smaller even part of its pair.
        """
        even = _even_until(number, self.lots, self.slices)
        if self.randomize is None or number % 2 == 0 or number == self.slices:
            return even
        return even + self._moved(number)

    def _moved(self, first: int) -> int:
        """Lots that slice `first` of a pair gets from (or, below 0, gives to) its partner."""
        if self.randomize is None or not self.randomize.size:
            return 0
        bounds = [_even_until(k, self.lots, self.slices) for k in (first - 1, first, first + 1)]
        smaller = min(bounds[1] - bounds[0], bounds[2] - bounds[1])
        return _uniform(self.randomize.seed, "size", first, self.randomize.size * smaller)

    def empty_slices(self) -> int:
        """How many even slices hold no lot."""
        return max(self.slices - self.lots, 0)

    def latest_due(self, now: datetime, latency: timedelta) -> int:
        """The greatest slice whose look (due + latency) has come by `now`; 0: none yet."""
        looked_at = now - latency
        elapsed = looked_at - self.starts_at
        if elapsed < _NO_TIME:
            return 0
        whole = elapsed // self.interval
        if self.randomize is None and whole < self.slices - 1:
            return whole
        guess = min(whole + 1, self.slices)
        while guess > 0 and self.due_at(guess) > looked_at:
            guess -= 1
        return guess

    def due_after(self, done: int, looked_at: datetime, most: int) -> tuple[int, Sequence[datetime]]:
        """The greatest slice that is due by `looked_at`, and when those after slice `done` up to it were due,
        at most so many of them."""
        number = done + 1
        due_at = self.due_at(number)
        if (
            self.randomize is None
            and number < self.slices - 1
            and due_at <= looked_at < due_at + self.interval
        ):
            return number, (due_at,)  # nearly always, and without dividing times, which is slow
        newest = self.latest_due(looked_at, _NO_TIME)
        return newest, [self.due_at(k) for k in range(number, min(newest, done + most) + 1)]


def _uniform(seed: int, purpose: str, number: int, bound: Decimal) -> int:
    """An integer from [-bound, bound], the same for the same arguments on every machine, for ever."""
    most = int(bound.to_integral_value(ROUND_FLOOR))
    digest = sha256(f"{seed}/{purpose}/{number}".encode()).digest()
    return int.from_bytes(digest[:16], "big") % (2 * most + 1) - most


def planned_and_target(
    schedule: Schedule, number: int, executed_lots: int, catch_up: Decimal
) -> tuple[int, int]:
    """Lots that slice `number` plans, and lots that it tries to fill: its plan and an even share of what
    earlier slices left.

    The share is rounded up, so that less is left for the end; no slice is larger than `catch_up` times its
    plan. An empty slice stays empty.
    """
    before = schedule.planned_until(number - 1)
    planned = schedule.planned_until(number) - before
    behind = before - executed_lots
    share = -(-behind // (schedule.slices - number + 1))
    if share <= 0:
        return planned, planned + share
    most = int(multiply(catch_up, planned).to_integral_value(ROUND_FLOOR))
    return planned, min(planned + share, most)


def target(schedule: Schedule, number: int, executed_lots: int, catch_up: Decimal) -> int:
    """Lots that slice `number` tries to fill: the second of `planned_and_target`."""
    _, wanted = planned_and_target(schedule, number, executed_lots, catch_up)
    return wanted
