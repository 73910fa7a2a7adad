"""A finished order once more over its stored looks, under other assumptions.

The looks are what the order saw, so nothing is invented; where one is not deep enough for what is asked of it
now, that is said.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, localcontext

from twap.domain import liquidity
from twap.domain.look import LEAST_LEVELS
from twap.domain.schedule import Schedule, target
from twap.domain.sweep import Swept, sweep, within_limit
from twap.ports.market import ZERO, BookState
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
        if not stored.venues or stored.reason is MissReason.PAUSED:
            continue
        wanted = target(schedule, number, executed_lots, ticket.catch_up)
        chosen = [view(_bounded(x, ticket)) for x in stored.venues if x.exchange in ticket.exchanges]
        taken = liquidity.seen(taken, chosen, ticket.side) if memory else {}
        venues = [_remembering(look, taken) for look in chosen]
        swept = sweep(ticket, order.terms, lot, venues, wanted)
        limited += not deep_enough(ticket, order.terms, lot, venues, wanted, swept)
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
) -> bool:
    """Whether levels that the looks left out could not have changed these fills.

    That is sure of a look that reached the limit or the end of its book, that offers all that was wanted by
    itself, or whose last level ranks behind every fill while nothing was lacking.
    """
    cut = [(x, edge(x)) for x in venues if x.state is BookState.LIVE and x.more and x.levels]
    cut = [(look, price) for look, price in cut if within_limit(ticket, price)]
    if cut and ticket.max_participation is not None and _unmeasured(cut):
        return False
    with localcontext(EXACT):
        rank = _ranking(ticket, terms)
        worst = max((rank(fill.exchange, fill.price) for fill in swept.fills), default=None)
        lacking = swept.reason not in (None, MissReason.PARTICIPATION)
        return all(
            _offered(look, price, ticket.side, lot) >= wanted_lots
            or (not lacking and (worst is None or worst <= rank(look.exchange, price)))
            for look, price in cut
        )


def edge(look: VenueLook) -> Decimal:
    """The price down to which a look surely skipped no level.

    Behind it there are only prices that were remembered, with gaps between them; those have `taken` above 0.
    """
    certain = [level.price for at, level in enumerate(look.levels) if at < LEAST_LEVELS or not level.taken]
    return certain[-1]


def _offered(look: VenueLook, last: Decimal, side: Side, lot: Decimal) -> int:
    """Lots to be had down to the price `last`."""
    certain = (x for x in look.levels if (x.price <= last if side is Side.BUY else x.price >= last))
    return sum(int((x.displayed - x.taken) // lot) for x in certain)


def _ranking(ticket: Ticket, terms: Sequence[VenueTerms]) -> Callable[[str, Decimal], Decimal]:
    """Lower is better, for both sides."""
    fee = {x.exchange: x.taker_fee if ticket.fees is FeeRanking.INCLUDE else ZERO for x in terms}
    if ticket.side is Side.BUY:
        return lambda exchange, price: price * (1 + fee[exchange])
    return lambda exchange, price: -price * (1 - fee[exchange])


def _unmeasured(cut: Sequence[tuple[VenueLook, Decimal]]) -> bool:
    """`_bounded` filled in a sum over the levels looked at: less than all that was displayed."""
    return any(look.visible == _shown(look) for look, _ in cut)


def _shown(look: VenueLook) -> Decimal:
    with localcontext(EXACT):
        return sum((level.displayed for level in look.levels), ZERO)


def _bounded(look: VenueLook, ticket: Ticket) -> VenueLook:
    """The look with what a replay must know of it besides: that the book went on behind the last level
    (so the memory of deeper prices stays), and the visible quantity where it was not measured."""
    if not look.levels:
        return look
    if look.more:
        look = replace(look, horizon=edge(look))
    if ticket.max_participation is None or look.visible:
        return look
    with localcontext(EXACT):
        within = (x.displayed for x in look.levels if within_limit(ticket, x.price))
        return replace(look, visible=sum(within, ZERO))


def _remembering(look: VenueLook, taken: Taken) -> VenueLook:
    levels = tuple(
        LookLevel(x.price, x.displayed, min(taken.get((look.exchange, x.price), ZERO), x.displayed))
        for x in look.levels
    )
    return replace(look, levels=levels)
