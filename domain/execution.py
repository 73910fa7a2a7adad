"""One order, one moment: which slices are over, and what they filled. Pure: time and books are arguments."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Protocol

from twap.domain import liquidity
from twap.domain.consolidation import mid_price
from twap.domain.schedule import Schedule, target
from twap.domain.sweep import Fill, sweep
from twap.ports.market import ZERO, BookState
from twap.ports.numbers import EXACT, exact_sum
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


class Books(Protocol):
    """What `twap.domain.market.Market` offers to orders."""

    def look(
        self,
        exchange: str,
        symbol: str,
        side: Side,
        *,
        limit: Decimal,
        need: Decimal,
        lot: Decimal,
        remembered: Mapping[Decimal, Decimal],
        measure_visible: bool,
    ) -> VenueLook: ...


@dataclass(frozen=True, slots=True)
class Advance:
    """The order one revision on, with the slices that became over on the way (0: the arrival look)."""

    order: Order
    slices: tuple[Slice, ...]

    @property
    def executions(self) -> tuple[Execution, ...]:
        return tuple(fill for each in self.slices for fill in each.executions)


def grace(interval: timedelta) -> timedelta:
    """How much later than due a slice may still look: one interval, but 1 to 5 seconds."""
    return min(max(interval, LEAST_GRACE), MOST_GRACE)


def next_event_at(order: Order, now: datetime) -> datetime | None:
    """When `advance` has something to do for this order; None: never again."""
    if order.status.over:
        return None
    if order.progress.started_at is None:
        return order.starts_at
    due = Schedule.of(order).due_at(order.progress.slices_done + 1) + order.ticket.latency
    if order.progress.arrival_mid is None and order.progress.slices_done == 0:
        return min(due, now + ARRIVAL_RETRY)
    return due


def advance(
    order: Order, now: datetime, books: Books, *, others_took: Taken = _NOTHING_TAKEN
) -> Advance | None:
    """Do what is due at `now`; None: nothing is.

    A late caller does not shift the schedule: of several slices due only the newest one looks at the books,
    and only within its grace; the others are missed as late and their quantity is carried. At most 500
    slices are worked off at once; the rest is due at the next call.

    others_took  what the liquidity memory of the user's other orders holds, where that is shared
    """
    if order.status.over or now < order.starts_at:
        return None
    progress = order.progress
    begins = progress.started_at is None
    if begins:
        status = OrderStatus.EXECUTING if order.status is OrderStatus.PENDING else order.status
        progress = replace(progress, status=status, started_at=now)
    schedule = Schedule.of(order)
    newest = schedule.latest_due(now, order.ticket.latency)
    last = min(newest, progress.slices_done + _MOST_SLICES)
    slices: list[Slice] = []
    if now <= schedule.ends_at + grace(order.ticket.interval):
        progress = _arrive(order, progress, now, books, slices)
    for number in range(progress.slices_done + 1, last + 1):
        look_due = schedule.due_at(number) + order.ticket.latency
        late = number < newest or now - look_due > grace(order.ticket.interval)
        one = _slice(order, progress, schedule, number, now, None if late else books, others_took)
        slices.append(one)
        progress = _counted(order, progress, one)
    if not (begins or slices):
        return None
    is_over = progress.slices_done >= schedule.slices
    progress = replace(
        progress,
        status=OrderStatus.COMPLETED if is_over else progress.status,
        ended_at=now if is_over else None,
        revision=order.progress.revision + 1,
        note=None,
    )
    return Advance(order.advanced(progress), tuple(slices))


def _arrive(order: Order, progress: Progress, now: datetime, books: Books, slices: list[Slice]) -> Progress:
    """Note the market as the order met it: the first fresh look from its start on."""
    if progress.arrival_mid is not None:
        return progress
    venues = _looks(order, order.ticket.quantity, _NOTHING_TAKEN, books)
    mid = consolidated_mid(venues, order.ticket.side)
    if mid is None:
        return progress
    slices.append(Slice(order.id, 0, order.starts_at, now, ZERO, ZERO, ZERO, None, mid, venues))
    return replace(progress, arrival_mid=mid)


def _slice(
    order: Order,
    progress: Progress,
    schedule: Schedule,
    number: int,
    now: datetime,
    books: Books | None,
    others_took: Taken,
) -> Slice:
    """Slice `number` at `now`; without books it is late."""
    lot = order.lot_size
    executed_lots = int(EXACT.divide_int(progress.executed, lot))
    planned = EXACT.multiply(lot, schedule.planned(number))
    wanted = target(schedule, number, executed_lots, order.ticket.catch_up)
    quantity = EXACT.multiply(lot, wanted)
    due_at = schedule.due_at(number)
    if books is None:
        reason = MissReason.LATE if wanted else None
        return Slice(order.id, number, due_at, now, planned, quantity, ZERO, reason, None, ())
    memory = liquidity.merged((progress.taken, others_took)) if others_took else progress.taken
    venues = _looks(order, quantity, memory, books)
    mid = consolidated_mid(venues, order.ticket.side)
    if progress.status is OrderStatus.PAUSED:
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
        _execution(order, number, position, fill, looked_at, venues)
        for position, fill in enumerate(swept.fills, 1)
    )
    filled = EXACT.multiply(lot, sum(fill.lots for fill in swept.fills))
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
    terms = next(each for each in order.terms if each.exchange == fill.exchange)
    look = next(each for each in venues if each.exchange == fill.exchange)
    return Execution(
        id=f"{order.id}-{number}-{position}",
        order_id=order.id,
        slice=number,
        symbol=order.ticket.symbol,
        side=order.ticket.side,
        quantity=quantity,
        price=fill.price,
        fee=EXACT.multiply(EXACT.multiply(fill.price, quantity), terms.taker_fee),
        exchange=fill.exchange,
        timestamp=looked_at,
        book=BookStamp(look.sequence, look.exchange_time, look.age_ms or 0),
    )


def _looks(order: Order, need: Decimal, memory: Taken, books: Books) -> tuple[VenueLook, ...]:
    ticket = order.ticket
    return tuple(
        books.look(
            exchange,
            ticket.symbol,
            ticket.side,
            limit=ticket.limit_price,
            need=need,
            lot=order.lot_size,
            remembered=liquidity.of_exchange(memory, exchange) if memory else {},
            measure_visible=ticket.max_participation is not None,
        )
        for exchange in ticket.exchanges
    )


def consolidated_mid(venues: tuple[VenueLook, ...], side: Side) -> Decimal | None:
    """Mid price between the best bid and the best ask of all live looks together."""
    live = [look for look in venues if look.state is BookState.LIVE]
    far = [look.levels[0].price for look in live if look.levels]
    near = [look.near_best for look in live if look.near_best is not None]
    if not (far and near):
        return None
    return mid_price(min(far), max(near)) if side is Side.BUY else mid_price(max(far), min(near))


def _counted(order: Order, progress: Progress, one: Slice) -> Progress:
    """Totals after a slice: exact sums over its executions."""
    if not one.venues:
        return replace(progress, slices_done=one.number)
    taken = liquidity.seen(progress.taken, one.venues, order.ticket.side)
    if not one.executions:
        return replace(progress, slices_done=one.number, taken=taken)
    notional = exact_sum(EXACT.multiply(fill.price, fill.quantity) for fill in one.executions)
    return replace(
        progress,
        slices_done=one.number,
        executed=EXACT.add(progress.executed, one.filled),
        notional=EXACT.add(progress.notional, notional),
        fees=EXACT.add(progress.fees, exact_sum(fill.fee for fill in one.executions)),
        lots_count=progress.lots_count + len(one.executions),
        taken=liquidity.with_fills(taken, one.executions),
    )
