"""A finished order once more over its stored looks, under other assumptions.

The looks are what the order saw, so nothing is invented; where one is not deep enough for what is asked of it
now, that is said.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, localcontext

from twap.domain import liquidity
from twap.domain.glance import LEAST_LEVELS
from twap.domain.schedule import Schedule, target
from twap.domain.sweep import Swept, sweep, within_limit
from twap.ports.market import ZERO
from twap.ports.numbers import EXACT
from twap.ports.order import (
    FeeRanking,
    LookLevel,
    MissReason,
    Order,
    Side,
    Slice,
    Taken,
    Ticket,
    VenueLook,
    VenueTerms,
)

Looks = Iterable[tuple[int, Slice]]
"""Number of a slice in the replayed schedule, and the stored slice whose looks it takes."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """executed: base; notional, fees: quote, exact. limited: slices whose looks were not deep enough."""

    executed: Decimal
    notional: Decimal
    fees: Decimal
    executions: int
    limited: int


def as_stored(look: VenueLook) -> VenueLook:
    return look


def halved(look: VenueLook) -> VenueLook:
    """The same book with half of every displayed quantity."""
    with localcontext(EXACT):
        levels = tuple(LookLevel(x.price, x.displayed / 2, x.taken) for x in look.levels)
        return replace(look, levels=levels, visible=look.visible / 2)


class Replay:
    """Schedule, sweep and liquidity memory of `order` over stored looks; late and paused slices fill nothing.

    order   the replayed one: its ticket may differ from that of the order that took the looks
    view    what becomes of each look
    memory  False: each look offers all that it displays. The memory is the replay's own; what other orders
            had taken is not in it

    Looks of exchanges that `order` does not name are left out.
    """

    def __init__(
        self, order: Order, *, view: Callable[[VenueLook], VenueLook] = as_stored, memory: bool = True
    ) -> None:
        self._order, self._view, self._memory = order, view, memory
        self._schedule = Schedule.of(order)
        self._fees_of = {terms.exchange: terms.taker_fee for terms in order.terms}
        self._taken: dict[tuple[str, Decimal], Decimal] = {}
        self._executed_lots = self._executions = self._limited = 0
        self._notional = self._fees = ZERO

    def add(self, number: int, stored: Slice) -> None:
        """The next slice in the replayed schedule, by its number there, on the looks of a stored one."""
        if not stored.venues:
            return
        order, ticket = self._order, self._order.ticket
        wanted = target(self._schedule, number, self._executed_lots, ticket.catch_up)
        origins = [look for look in stored.venues if look.exchange in ticket.exchanges]
        venues = [self._view(look) for look in origins]
        if ticket.max_participation is not None:
            venues = [_measured(look, ticket) for look in venues]
        if self._memory and self._taken:
            bounded = [_bounded(look, origin) for look, origin in zip(venues, origins, strict=True)]
            self._taken = liquidity.seen(self._taken, bounded, ticket.side)
        if stored.reason is MissReason.PAUSED:
            return
        venues = [_remembering(look, self._taken) for look in venues]
        swept = sweep(ticket, order.terms, order.lot_size, venues, wanted)
        self._limited += not deep_enough(
            ticket, order.terms, order.lot_size, venues, wanted, swept, stored=origins
        )
        self._count(swept)

    def _count(self, swept: Swept) -> None:
        with localcontext(EXACT):
            for fill in swept.fills:
                quantity = fill.lots * self._order.lot_size
                self._notional += fill.price * quantity
                self._fees += fill.price * quantity * self._fees_of[fill.exchange]
                self._executed_lots += fill.lots
                if self._memory:
                    key = (fill.exchange, fill.price)
                    self._taken[key] = self._taken.get(key, ZERO) + quantity
        self._executions += len(swept.fills)

    def outcome(self) -> Replayed:
        return Replayed(
            EXACT.multiply(self._order.lot_size, self._executed_lots),
            self._notional,
            self._fees,
            self._executions,
            self._limited,
        )


def replay(order: Order, looks: Looks) -> Replayed:
    """All at once, with the looks as they were stored and the liquidity memory."""
    replayed = Replay(order)
    for number, stored in looks:
        replayed.add(number, stored)
    return replayed.outcome()


def deep_enough(
    ticket: Ticket,
    terms: Sequence[VenueTerms],
    lot: Decimal,
    venues: Sequence[VenueLook],
    wanted_lots: int,
    swept: Swept,
    *,
    stored: Sequence[VenueLook],
) -> bool:
    """Whether levels that the looks left out could not have changed these fills.

    That is sure of a look that reached the limit or the end of its book, that offers all that was wanted by
    itself, or whose last level ranks behind every fill while nothing was lacking.

    stored  the same looks with the memory they were taken with: see `edge`
    """
    bounded = ticket.max_participation is not None
    lacking = swept.reason not in (None, MissReason.PARTICIPATION)
    for look, origin in zip(venues, stored, strict=True):
        if not (look.more and look.levels):
            continue
        offers_all = _offers(look, origin, lot, wanted_lots)
        if offers_all and not bounded:
            continue
        price = edge(origin)
        if not within_limit(ticket, price):
            continue
        if (bounded and _unmeasured(look)) or (not offers_all and lacking):
            return False
        if not offers_all and _ranks_before_a_fill(ticket, terms, look.exchange, price, swept):
            return False
    return True


def edge(look: VenueLook) -> Decimal:
    """The price down to which a look surely skipped no level.

    Behind it there are only prices that were remembered, with gaps between them; those have `taken` above 0.
    """
    certain = [level.price for at, level in enumerate(look.levels) if at < LEAST_LEVELS or not level.taken]
    return certain[-1]


def _offers(look: VenueLook, origin: VenueLook, lot: Decimal, wanted_lots: int) -> bool:
    """Whether its certain levels hold all that was wanted.

    Levels beyond the limit count too: a look that has one of them reached the limit, and is deep enough.
    """
    for at, (level, before) in enumerate(zip(look.levels, origin.levels, strict=True)):
        if wanted_lots <= 0:
            break
        if at < LEAST_LEVELS or not before.taken:
            wanted_lots -= int(EXACT.divide_int(EXACT.subtract(level.displayed, level.taken), lot))
    return wanted_lots <= 0


def _ranks_before_a_fill(
    ticket: Ticket, terms: Sequence[VenueTerms], exchange: str, price: Decimal, swept: Swept
) -> bool:
    sign = 1 if ticket.side is Side.BUY else -1
    fees = {x.exchange: x.taker_fee if ticket.fees is FeeRanking.INCLUDE else ZERO for x in terms}
    with localcontext(EXACT):
        rank = sign * price * (1 + sign * fees[exchange])
        return any(rank < sign * fill.price * (1 + sign * fees[fill.exchange]) for fill in swept.fills)


def _unmeasured(look: VenueLook) -> bool:
    """`_measured` filled in a sum over the levels looked at: less than all that was displayed."""
    with localcontext(EXACT):
        return look.visible == sum((level.displayed for level in look.levels), ZERO)


def _measured(look: VenueLook, ticket: Ticket) -> VenueLook:
    """With the visible quantity, at least that of the levels looked at, where it was not measured."""
    if look.visible or not look.levels:
        return look
    with localcontext(EXACT):
        within = (x.displayed for x in look.levels if within_limit(ticket, x.price))
        return replace(look, visible=sum(within, ZERO))


def _bounded(look: VenueLook, origin: VenueLook) -> VenueLook:
    """Where the book went on behind the look, the memory of deeper prices must stay."""
    return replace(look, horizon=edge(origin)) if look.more and look.levels else look


def _remembering(look: VenueLook, taken: Taken) -> VenueLook:
    remembered = [taken.get((look.exchange, level.price), ZERO) for level in look.levels]
    if not any(remembered) and not any(level.taken for level in look.levels):
        return look
    levels = tuple(
        LookLevel(x.price, x.displayed, min(quantity, x.displayed))
        for x, quantity in zip(look.levels, remembered, strict=True)
    )
    return replace(look, levels=levels)
