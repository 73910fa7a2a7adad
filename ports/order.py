"""Values of an order: what was asked, what came of it, and what each slice looked at."""

from collections.abc import Mapping
from dataclasses import field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from twap.ports.market import ZERO, BookState, Level
from twap.ports.values import value


class Side(StrEnum):
    BUY = "buy"
    SELL = "sell"


class OrderStatus(StrEnum):
    PENDING = "pending"
    EXECUTING = "executing"
    PAUSED = "paused"
    COMPLETED = "completed"
    CANCELED = "canceled"
    FAILED = "failed"

    @property
    def over(self) -> bool:
        return self in _OVER


_OVER = frozenset({OrderStatus.COMPLETED, OrderStatus.CANCELED, OrderStatus.FAILED})


class Outcome(StrEnum):
    FILLED = "filled"
    PARTIALLY_FILLED = "partially_filled"
    UNFILLED = "unfilled"


class MissReason(StrEnum):
    """Why a slice filled less than its target.

    STALE          no true and fresh book (syncing counts as stale)
    DOWN           every exchange of the order was away
    BEYOND_LIMIT   there was liquidity, but only beyond the limit price
    NO_LIQUIDITY   the books held too little within the limit
    PARTICIPATION  `max_participation` allowed no more
    MINIMUM        what could be taken lies below the exchange's minimum quantity or notional
    LATE           the executor came too late for this slice
    PAUSED         the order was paused
    """

    STALE = "stale"
    DOWN = "down"
    BEYOND_LIMIT = "beyond_limit"
    NO_LIQUIDITY = "no_liquidity"
    PARTICIPATION = "participation"
    MINIMUM = "minimum"
    LATE = "late"
    PAUSED = "paused"


class FeeRanking(StrEnum):
    INCLUDE = "include"
    IGNORE = "ignore"


@value(frozen=True, slots=True)
class Randomize:
    """size, time: 0 to 0.5, how far a slice's quantity and due time may stray, as a share of their plan."""

    size: Decimal = ZERO
    time: Decimal = ZERO
    seed: int = 0


@value(frozen=True, slots=True)
class Ticket:
    """What a user asks for. Symbols canonical, exchanges as spelled by their plugins, in the order given.

    quantity           base, in total
    limit_price        quote; no execution is worse
    duration, interval of the order and between slices; whole milliseconds
    max_participation  0 to 1: of the liquidity displayed within the limit, at each slice
    catch_up           a slice is at most so many times its planned quantity
    latency            the books are looked at that long after a slice was due
    fees               INCLUDE: exchanges are ranked by price after taker fee
    """

    symbol: str
    side: Side
    quantity: Decimal
    limit_price: Decimal
    duration: timedelta
    exchanges: tuple[str, ...]
    interval: timedelta = timedelta(seconds=1)
    client_order_id: str | None = None
    start_at: datetime | None = None
    randomize: Randomize | None = None
    max_participation: Decimal | None = None
    catch_up: Decimal = Decimal(3)
    latency: timedelta = timedelta(0)
    fees: FeeRanking = FeeRanking.IGNORE


@value(frozen=True, slots=True)
class VenueTerms:
    """What an exchange asked of this order when it was submitted; kept, so that fills can be recomputed.

    taker_fee  ratio of the notional, paid in quote
    """

    exchange: str
    tick_size: Decimal
    lot_size: Decimal
    min_quantity: Decimal
    min_notional: Decimal
    taker_fee: Decimal


Quantities = Mapping[tuple[str, Decimal], Decimal]
"""(exchange, price) to a base quantity."""

Taken = Quantities
"""Liquidity memory: what the order has taken of what is displayed there."""


@value(frozen=True, slots=True)
class VenueLook:
    """One exchange's book at an instant: the side that orders take from, best first, as deep as was relevant.
    Nothing in it is one order's own.

    near_best  best price of the other side, for the mid price
    sequence, exchange_time, age_ms  None where there was no book
    more       True: the book held further levels that were not looked at
    visible    base displayed within the limit, all levels (what `max_participation` is a share of); only
               filled in where the order has a `max_participation`
    horizon    the worst price up to which the book is known; None: all of it is
    """

    exchange: str
    state: BookState
    sequence: int | None = None
    exchange_time: datetime | None = None
    age_ms: int | None = None
    near_best: Decimal | None = None
    levels: tuple[Level, ...] = ()
    more: bool = False
    visible: Decimal = ZERO
    horizon: Decimal | None = None


@value(frozen=True, slots=True)
class BookStamp:
    """Which book an execution was filled against."""

    sequence: int | None
    exchange_time: datetime | None
    age_ms: int


@value(frozen=True, slots=True)
class Execution:
    """A simulated fill: one per exchange and price of a slice. fee: quote.

    id         as `execution_id` makes it
    symbol, side  the order's; timestamp: when the slice looked
    """

    id: str
    order_id: str
    slice: int
    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal
    fee: Decimal
    exchange: str
    timestamp: datetime
    book: BookStamp


def execution_id(order_id: str, number: int, place: int) -> str:
    """number: of the slice; place: among the fills of the slice, from 1."""
    return f"{order_id}-{number}-{place}"


@value(frozen=True, slots=True)
class Slice:
    """A slice that is over, whatever it filled. Quantities in base.

    number     from 1; 0 is the look at arrival, which fills nothing
    planned    by the schedule; target: planned plus its share of what earlier slices left
    reason     why filled < target; None where it is not
    mid        consolidated mid price of the fresh books at the look; None without one
    taken      the liquidity memory at the look: nowhere more than is displayed
    deeper     what is displayed at remembered prices that lie behind the levels of the looks
    intact     False: what the storage gave back of the look is not what was stored
    """

    order_id: str
    number: int
    due_at: datetime
    looked_at: datetime
    planned: Decimal
    target: Decimal
    filled: Decimal
    reason: MissReason | None
    mid: Decimal | None
    venues: tuple[VenueLook, ...]
    taken: Taken = field(default_factory=dict)
    deeper: Quantities = field(default_factory=dict)
    executions: tuple[Execution, ...] = ()
    intact: bool = True


@value(frozen=True, slots=True)
class Progress:
    """All of an order that changes.

    revision     grows by one with each stored change; a write names the one it is based on
    executed     base; notional, fees: quote; all exact sums over the executions
    lots_count   number of executions
    arrival_mid  mid price of the first fresh look at or after the start
    note         why it failed or waits, for the user
    """

    status: OrderStatus = OrderStatus.PENDING
    revision: int = 0
    started_at: datetime | None = None
    ended_at: datetime | None = None
    slices_done: int = 0
    executed: Decimal = ZERO
    notional: Decimal = ZERO
    fees: Decimal = ZERO
    lots_count: int = 0
    arrival_mid: Decimal | None = None
    taken: Taken = field(default_factory=dict)
    note: str | None = None


@value(frozen=True, slots=True)
class Order:
    """A stored order.

    lot_size      the coarsest of its exchanges
    starts_at     of the schedule: slice k is due at starts_at + k * interval
    slices_total  ceil(duration / interval)
    warnings      said at submission (empty slices, slices below a minimum)
    intact        False: what the storage gave back, but for the progress, is not what was stored
    """

    id: str
    user_id: str
    ticket: Ticket
    terms: tuple[VenueTerms, ...]
    lot_size: Decimal
    created_at: datetime
    starts_at: datetime
    slices_total: int
    progress: Progress = field(default_factory=Progress)
    warnings: tuple[str, ...] = ()
    intact: bool = True

    def advanced(self, progress: Progress) -> "Order":
        return replace(self, progress=progress)

    @property
    def status(self) -> OrderStatus:
        return self.progress.status

    @property
    def outcome(self) -> Outcome | None:
        """None while running."""
        if not self.status.over:
            return None
        if self.progress.executed >= self.ticket.quantity:
            return Outcome.FILLED
        return Outcome.PARTIALLY_FILLED if self.progress.executed else Outcome.UNFILLED
