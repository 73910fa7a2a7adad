"""One order, one moment: which slices are over, and what they filled. Pure: time and books are arguments."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Protocol

from twap.domain import liquidity
from twap.domain.glance import Demand
from twap.domain.running import Running
from twap.domain.scene import Scene
from twap.domain.schedule import Schedule, planned_and_target
from twap.domain.sweep import Fill, sweep
from twap.ports.market import ZERO
from twap.ports.numbers import multiply, whole_lots
from twap.ports.order import (
    Execution,
    MissReason,
    Order,
    OrderStatus,
    Progress,
    Quantities,
    Slice,
    Taken,
    execution_id,
)
from twap.ports.values import value

LEAST_GRACE = timedelta(seconds=1)
MOST_GRACE = timedelta(seconds=5)
ARRIVAL_RETRY = timedelta(milliseconds=100)
_MOST_SLICES = 500
_NOTHING_TAKEN: Taken = {}
_LOOKED_FOR = 2
"""Times what a slice wants: so much should each of its looks display."""


class Books(Protocol):
    """What `twap.domain.market.Market` offers to orders, at one instant."""

    def look(self, demand: Demand, memory: Taken) -> tuple[Scene, Quantities]:
        """What the exchanges show, and what is displayed at remembered prices behind it."""


@value(frozen=True, slots=True)
class Advance:
    """The order one revision on, with the slices that became over on the way (0: the arrival look)."""

    order: Order
    slices: tuple[Slice, ...]

    @property
    def executions(self) -> tuple[Execution, ...]:
        if len(self.slices) == 1:  # nearly always
            return self.slices[0].executions
        return tuple([fill for each in self.slices for fill in each.executions])


def grace(interval: timedelta) -> timedelta:
    """How much later than due a slice may still look: one interval, but 1 to 5 seconds."""
    return min(max(interval, LEAST_GRACE), MOST_GRACE)


def is_late(schedule: Schedule, due_at: datetime, looked_at: datetime, latency: timedelta) -> bool:
    """Whether a slice comes too late to look: after its grace, or a second after the order's end.

    due_at  not after the end
    """
    if looked_at - due_at <= LEAST_GRACE:  # nearly always
        return False
    last = min(due_at + grace(schedule.interval), schedule.ends_at + LEAST_GRACE)
    return looked_at - latency > last


def next_event_at(order: Order, now: datetime, schedule: Schedule | None = None) -> datetime | None:
    """When `advance` has something to do for this order; None: never again.

    schedule  of the order, where it is known already
    """
    if order.status.over:
        return None
    progress = order.progress
    if progress.started_at is None:
        return order.starts_at
    due = (schedule or Schedule.of(order)).due_at(progress.slices_done + 1) + order.ticket.latency
    if progress.arrival_mid is None and progress.slices_done == 0:
        return min(due, now + ARRIVAL_RETRY)
    return due


def advance(
    order: Order,
    now: datetime,
    books: Books,
    *,
    others_took: Taken = _NOTHING_TAKEN,
    schedule: Schedule | None = None,
) -> Advance | None:
    """Do what is due at `now`; None: nothing is.

    A late caller does not shift the schedule: of several slices due only the newest one looks at the books,
    and only within its grace; the others are missed as late and their quantity is carried. At most 500
    slices are worked off at once; the rest is due at the next call.

    others_took  what the liquidity memory of the user's other orders holds, where that is shared
    schedule     of the order, where it is known already
    """
    if order.progress.status.over or now < order.starts_at:
        return None
    schedule = schedule or Schedule.of(order)
    ticket, running = order.ticket, Running(order.progress)
    begins = running.started_at is None
    if begins:
        running.started_at = now
        if running.status is OrderStatus.PENDING:
            running.status = OrderStatus.EXECUTING
    newest, due_times = schedule.due_after(running.slices_done, now - ticket.latency, _MOST_SLICES)
    slices: list[Slice] = []
    if running.arrival_mid is None and not is_late(schedule, schedule.ends_at, now, ticket.latency):
        _arrive(order, running, schedule, now, books, slices)
    for number, due_at in enumerate(due_times, running.slices_done + 1):
        late = number < newest or is_late(schedule, due_at, now, ticket.latency)
        one = _slice(order, running, schedule, number, due_at, now, None if late else books, others_took)
        slices.append(one)
        running.count(one)
    if not (begins or slices):
        return None
    is_over = running.slices_done >= schedule.slices
    if is_over:
        running.status = OrderStatus.COMPLETED
    progress = running.progress(order.progress.revision + 1, now if is_over else None)
    return Advance(_advanced(order, progress), tuple(slices))


def _advanced(order: Order, progress: Progress) -> Order:
    """`order.advanced(progress)` at a third of the price, as every slice of every order needs it."""
    return Order(
        order.id,
        order.user_id,
        order.ticket,
        order.terms,
        order.lot_size,
        order.created_at,
        order.starts_at,
        order.slices_total,
        progress,
        order.warnings,
        order.intact,
    )


def _arrive(
    order: Order, running: Running, schedule: Schedule, now: datetime, books: Books, slices: list[Slice]
) -> None:
    """Note the market as the order met it: the first fresh look from its start on."""
    scene, _ = _look(order, schedule.lots, _NOTHING_TAKEN, books)
    if scene.mid is not None:
        looks = scene.venues
        slices.append(Slice(order.id, 0, order.starts_at, now, ZERO, ZERO, ZERO, None, scene.mid, looks))
        running.arrival_mid = scene.mid


def _slice(
    order: Order,
    running: Running,
    schedule: Schedule,
    number: int,
    due_at: datetime,
    now: datetime,
    books: Books | None,
    others_took: Taken,
) -> Slice:
    """Slice `number` at `now`; without books it is late."""
    lot = order.lot_size
    executed_lots = whole_lots(running.executed, lot)
    planned_lots, wanted = planned_and_target(schedule, number, executed_lots, order.ticket.catch_up)
    planned = multiply(lot, planned_lots)
    target = planned if wanted == planned_lots else multiply(lot, wanted)
    if books is None:
        reason = MissReason.LATE if wanted else None
        return Slice(order.id, number, due_at, now, planned, target, ZERO, reason, None, ())
    memory = _shared(order, running.taken, others_took) if others_took else running.taken
    scene, deeper = _look(order, wanted, memory, books)
    taken = liquidity.seen(memory, scene, deeper)
    running.taken = liquidity.seen(running.taken, scene, deeper) if others_took else taken
    if running.status is OrderStatus.PAUSED:
        reason, venues = MissReason.PAUSED if wanted else None, scene.venues
        return Slice(
            order.id, number, due_at, now, planned, target, ZERO, reason, scene.mid, venues, taken, deeper
        )
    return filled_slice(order, number, due_at, now, planned, target, wanted, scene, taken, deeper)


def _shared(order: Order, own: Taken, others_took: Taken) -> Taken:
    exchanges = order.ticket.exchanges
    return liquidity.merged((own, {key: x for key, x in others_took.items() if key[0] in exchanges}))


def filled_slice(
    order: Order,
    number: int,
    due_at: datetime,
    looked_at: datetime,
    planned: Decimal,
    target: Decimal,
    wanted_lots: int,
    scene: Scene,
    taken: Taken,
    deeper: Quantities,
) -> Slice:
    """What the slice fills, computed from its looks alone.

    wanted_lots            of the target
    planned, target, taken, deeper  as in the slice
    """
    lot = order.lot_size
    swept = sweep(order.ticket, order.terms, lot, scene, taken, wanted_lots)
    executions = tuple(
        [
            _execution(order, number, position, fill, looked_at, scene)
            for position, fill in enumerate(swept.fills, 1)
        ]
    )
    return Slice(
        order.id,
        number,
        due_at,
        looked_at,
        planned,
        target,
        target if swept.lots == wanted_lots else multiply(lot, swept.lots),
        swept.reason if wanted_lots else None,
        scene.mid,
        scene.venues,
        taken,
        deeper,
        executions,
    )


def _execution(
    order: Order, number: int, position: int, fill: Fill, looked_at: datetime, scene: Scene
) -> Execution:
    """The fee is price x quantity x taker fee, in quote, exact: nothing is rounded."""
    exchange, ticket = fill.exchange, order.ticket
    return Execution(
        execution_id(order.id, number, position),
        order.id,
        number,
        ticket.symbol,
        ticket.side,
        fill.quantity,
        fill.price,
        multiply(fill.notional, _taker_fee(order, exchange)),
        exchange,
        looked_at,
        scene.stamps[exchange],
    )


def _taker_fee(order: Order, exchange: str) -> Decimal:
    for terms in order.terms:
        if terms.exchange == exchange:
            return terms.taker_fee
    raise LookupError(f"the order has no terms of {exchange}")


def _look(order: Order, lots: int, memory: Taken, books: Books) -> tuple[Scene, Quantities]:
    """Deep enough for twice of what is wanted, even if all that was taken is still gone."""
    ticket, lots = order.ticket, _rounded_up(_LOOKED_FOR * lots)
    if memory:
        lots += _rounded_up(liquidity.lots_gone(memory, order.lot_size))
    demand = Demand(
        ticket.symbol,
        ticket.exchanges,
        ticket.side,
        ticket.limit_price,
        lots,
        order.lot_size,
        ticket.max_participation is not None,
    )
    return books.look(demand, memory)


def _rounded_up(lots: int) -> int:
    """By an eighth at most: so that demands of nearly the same size share what they see."""
    insignificant = lots.bit_length() - 4
    return lots if insignificant <= 0 else -(-lots >> insignificant) << insignificant
