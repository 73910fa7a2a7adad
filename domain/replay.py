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


def replay(
    order: Order, looks: Looks, *, view: Callable[[VenueLook], VenueLook] = as_stored, memory: bool = True
) -> Replayed:
    """Schedule, sweep and liquidity memory of `order` over stored looks; late and paused slices fill nothing.

    order   the replayed one: its ticket may differ from that of the order that took the looks
    view    what becomes of each look
    memory  False: each look offers all that it displays. The memory is the replay's own; what other orders
            had taken is not in it

    Looks of exchanges that `order` does not name are left out.
    """
    schedule = Schedule.of(order)
    ticket, lot = order.ticket, order.lot_size
    fees_of = {terms.exchange: terms.taker_fee for terms in order.terms}
    taken: dict[tuple[str, Decimal], Decimal] = {}
    executed_lots = executions = limited = 0
    notional = fees = ZERO
    for number, stored in looks:
        if not stored.venues:
            continue
        wanted = target(schedule, number, executed_lots, ticket.catch_up)
        origins = [look for look in stored.venues if look.exchange in ticket.exchanges]
        venues = [view(look) for look in origins]
        if ticket.max_participation is not None:
            venues = [_measured(look, ticket) for look in venues]
        if memory and taken:
            bounded = [_bounded(look, origin) for look, origin in zip(venues, origins, strict=True)]
            taken = liquidity.seen(taken, bounded, ticket.side)
        if stored.reason is MissReason.PAUSED:
            continue
        venues = [_remembering(look, taken if memory else {}) for look in venues]
        swept = sweep(ticket, order.terms, lot, venues, wanted)
        limited += not deep_enough(ticket, order.terms, lot, venues, wanted, swept, stored=origins)
        with localcontext(EXACT):
            for fill in swept.fills:
                quantity = fill.lots * lot
                notional += fill.price * quantity
                fees += fill.price * quantity * fees_of[fill.exchange]
                key = (fill.exchange, fill.price)
                taken[key] = taken.get(key, ZERO) + quantity
                executed_lots += fill.lots
        executions += len(swept.fills)
    return Replayed(EXACT.multiply(lot, executed_lots), notional, fees, executions, limited)


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
