"""One order, one moment: which slices are over, and what they filled. Pure: time and books are arguments."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple, Protocol

from twap.domain import liquidity
from twap.domain.consolidation import mid_price
from twap.domain.glance import Demand, Remembered
from twap.domain.running import Running
from twap.domain.schedule import Schedule, target
from twap.domain.sweep import Fill, sweep
from twap.ports.market import ZERO, BookState
from twap.ports.numbers import EXACT
from twap.ports.order import (
    BookStamp,
    Execution,
    MissReason,
    Order,
    OrderStatus,
    Progress,
    Side,
    Slice,
    Taken,
    VenueLook,
)

LEAST_GRACE = timedelta(seconds=1)
MOST_GRACE = timedelta(seconds=5)
ARRIVAL_RETRY = timedelta(milliseconds=100)
_MOST_SLICES = 500
_NOTHING_TAKEN: Mapping[tuple[str, Decimal], Decimal] = {}
_NOTHING_REMEMBERED: Remembered = {}


class Books(Protocol):
    """What `twap.domain.market.Market` offers to orders."""

    def look(self, exchange: str, symbol: str, demand: Demand, remembered: Remembered) -> VenueLook: ...


class Advance(NamedTuple):
    """The order one revision on, with the slices that became over on the way (0: the arrival look)."""

    order: Order
    slices: tuple[Slice, ...]

    @property
    def executions(self) -> tuple[Execution, ...]:
        return tuple(fill for each in self.slices for fill in each.executions)


def grace(interval: timedelta) -> timedelta:
    """How much later than due a slice may still look: one interval, but 1 to 5 seconds."""
    return min(max(interval, LEAST_GRACE), MOST_GRACE)


def is_late(schedule: Schedule, due_at: datetime, looked_at: datetime, latency: timedelta) -> bool:
    """Whether a slice comes too late to look: after its grace, or a second after the order's end."""
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
    if order.status.over or now < order.starts_at:
        return None
    schedule = schedule or Schedule.of(order)
    ticket, running = order.ticket, Running.of(order.progress)
    begins = running.started_at is None
    if begins:
        running.started_at = now
        if running.status is OrderStatus.PENDING:
            running.status = OrderStatus.EXECUTING
    newest = schedule.latest_due(now, ticket.latency)
    last = min(newest, running.slices_done + _MOST_SLICES)
    slices: list[Slice] = []
    if running.arrival_mid is None and not is_late(schedule, schedule.ends_at, now, ticket.latency):
        _arrive(order, running, schedule, now, books, slices)
    for number in range(running.slices_done + 1, last + 1):
        due_at = schedule.due_at(number)
        late = number < newest or is_late(schedule, due_at, now, ticket.latency)
        one = _slice(order, running, schedule, number, due_at, now, None if late else books, others_took)
        slices.append(one)
        running.count(one, ticket.side)
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
    venues = _looks(order, schedule.lots, _NOTHING_TAKEN, books)
    mid = consolidated_mid(venues, order.ticket.side)
    if mid is not None:
        slices.append(Slice(order.id, 0, order.starts_at, now, ZERO, ZERO, ZERO, None, mid, venues))
        running.arrival_mid = mid


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
    executed_lots = int(EXACT.divide_int(running.executed, lot))
    planned = EXACT.multiply(lot, schedule.planned(number))
    wanted = target(schedule, number, executed_lots, order.ticket.catch_up)
    quantity = EXACT.multiply(lot, wanted)
    if books is None:
        reason = MissReason.LATE if wanted else None
        return Slice(order.id, number, due_at, now, planned, quantity, ZERO, reason, None, ())
    memory = liquidity.merged((running.taken, others_took)) if others_took else running.taken
    venues = _looks(order, wanted, memory, books)
    mid = consolidated_mid(venues, order.ticket.side)
    if running.status is OrderStatus.PAUSED:
        reason = MissReason.PAUSED if wanted else None
        return Slice(order.id, number, due_at, now, planned, quantity, ZERO, reason, mid, venues)
    return filled_slice(order, number, due_at, now, planned, wanted, mid, venues)


def filled_slice(
    order: Order,
    number: int,
    due_at: datetime,
    looked_at: datetime,
    planned: Decimal,
    wanted_lots: int,
    mid: Decimal | None,
    venues: tuple[VenueLook, ...],
) -> Slice:
    """What the slice fills, computed from its looks alone."""
    lot = order.lot_size
    swept = sweep(order.ticket, order.terms, lot, venues, wanted_lots)
    executions = tuple(
        [
            _execution(order, number, position, fill, looked_at, venues)
            for position, fill in enumerate(swept.fills, 1)
        ]
    )
    filled = EXACT.multiply(lot, sum([fill.lots for fill in swept.fills]))
    reason = swept.reason if wanted_lots else None
    return Slice(
        order.id,
        number,
        due_at,
        looked_at,
        planned,
        EXACT.multiply(lot, wanted_lots),
        filled,
        reason,
        mid,
        venues,
        executions,
    )


def _execution(
    order: Order,
    number: int,
    position: int,
    fill: Fill,
    looked_at: datetime,
    venues: tuple[VenueLook, ...],
) -> Execution:
    """The fee is price x quantity x taker fee, in quote, exact: nothing is rounded."""
    quantity = EXACT.multiply(order.lot_size, fill.lots)
    terms = next(terms for terms in order.terms if terms.exchange == fill.exchange)
    look = next(look for look in venues if look.exchange == fill.exchange)
    return Execution(
        f"{order.id}-{number}-{position}",
        order.id,
        number,
        order.ticket.symbol,
        order.ticket.side,
        quantity,
        fill.price,
        EXACT.multiply(EXACT.multiply(fill.price, quantity), terms.taker_fee),
        fill.exchange,
        looked_at,
        BookStamp(look.sequence, look.exchange_time, look.age_ms or 0),
    )


def _looks(order: Order, lots: int, memory: Taken, books: Books) -> tuple[VenueLook, ...]:
    ticket = order.ticket
    demand = Demand(
        ticket.side, ticket.limit_price, lots, order.lot_size, ticket.max_participation is not None
    )
    remembered = liquidity.by_exchange(memory)
    return tuple(
        [
            books.look(exchange, ticket.symbol, demand, remembered.get(exchange, _NOTHING_REMEMBERED))
            for exchange in ticket.exchanges
        ]
    )


def consolidated_mid(venues: tuple[VenueLook, ...], side: Side) -> Decimal | None:
    """Mid price between the best bid and the best ask of all live looks together."""
    buying, far, near = side is Side.BUY, None, None
    for look in venues:
        if look.state is not BookState.LIVE:
            continue
        ours, theirs = look.levels[0].price if look.levels else None, look.near_best
        if ours is not None and (far is None or (ours < far if buying else ours > far)):
            far = ours
        if theirs is not None and (near is None or (theirs > near if buying else theirs < near)):
            near = theirs
    return None if far is None or near is None else mid_price(far, near)
