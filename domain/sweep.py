"""The fills of one slice: best price first over the looks of the order's exchanges.

Computed from the looks alone. Quantities are whole lots; what a level holds beyond whole lots is left there.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from twap.ports.market import ZERO, BookState
from twap.ports.numbers import EXACT, exact_sum
from twap.ports.order import FeeRanking, MissReason, Side, Ticket, VenueLook, VenueTerms

_ONE = Decimal(1)


class Fill(NamedTuple):
    """lots > 0 at one price of one exchange."""

    exchange: str
    price: Decimal
    lots: int


class Swept(NamedTuple):
    """reason: why fewer than the target's lots were filled; None: all were."""

    fills: tuple[Fill, ...]
    reason: MissReason | None


def sweep(
    ticket: Ticket,
    terms: Sequence[VenueTerms],
    lot: Decimal,
    venues: Sequence[VenueLook],
    target_lots: int,
) -> Swept:
    """Fill up to `target_lots`, never beyond the limit price.

    Ranking: by price (after taker fee where the ticket says so); at equal prices the exchange that displays
    more first, then by name. An exchange on which the slice would stay below the minimum quantity or
    notional gets nothing, and the others are swept again without it.
    """
    live = [look for look in venues if look.state is BookState.LIVE]
    if not live:
        all_down = all(look.state is BookState.DOWN for look in venues)
        return Swept((), MissReason.DOWN if all_down else MissReason.STALE)
    by_exchange = {each.exchange: each for each in terms}
    allowed = _participation(ticket, lot, live, target_lots)
    fills = _take(ticket, by_exchange, lot, live, allowed)
    below = _below_minimum(fills, by_exchange, lot)
    excluded = False
    while below is not None:
        excluded = True
        live = [look for look in live if look.exchange != below]
        fills = _take(ticket, by_exchange, lot, live, allowed)
        below = _below_minimum(fills, by_exchange, lot)
    filled = sum([fill.lots for fill in fills])
    if filled >= target_lots:
        return Swept(fills, None)
    if excluded:
        return Swept(fills, MissReason.MINIMUM)
    # A share of nothing is nothing: where nothing is displayed within the limit, that is the reason.
    if filled >= allowed and any(look.visible for look in live):
        return Swept(fills, MissReason.PARTICIPATION)
    return Swept(fills, _shortage(ticket, live))


def within_limit(ticket: Ticket, price: Decimal) -> bool:
    return price <= ticket.limit_price if ticket.side is Side.BUY else price >= ticket.limit_price


def _participation(ticket: Ticket, lot: Decimal, live: Sequence[VenueLook], target_lots: int) -> int:
    if ticket.max_participation is None:
        return target_lots
    share = EXACT.multiply(exact_sum(look.visible for look in live), ticket.max_participation)
    return min(target_lots, int(EXACT.divide_int(share, lot)))


def _ranked(
    ticket: Ticket, terms: Mapping[str, VenueTerms], look: VenueLook
) -> Iterator[tuple[Decimal, Decimal, str, Decimal, Decimal]]:
    """The levels of one look within the limit: rank, minus displayed, exchange, price, available."""
    buying, limit, exchange = ticket.side is Side.BUY, ticket.limit_price, look.exchange
    factor = None
    if ticket.fees is FeeRanking.INCLUDE:
        fee = terms[exchange].taker_fee
        factor = EXACT.add(_ONE, fee) if buying else EXACT.subtract(_ONE, fee)
    for level in look.levels:
        price, displayed = level.price, level.displayed
        if price > limit if buying else price < limit:
            return
        rank = price if buying else price.copy_negate()
        if factor is not None:
            rank = EXACT.multiply(rank, factor)
        yield rank, displayed.copy_negate(), exchange, price, EXACT.subtract(displayed, level.taken)


def _take(
    ticket: Ticket, terms: Mapping[str, VenueTerms], lot: Decimal, live: Sequence[VenueLook], lots: int
) -> tuple[Fill, ...]:
    """Each look is in order already: the best of their foremost levels is taken, until there is enough."""
    fills: list[Fill] = []
    ways = {look.exchange: _ranked(ticket, terms, look) for look in live}
    foremost = [level for way in ways.values() if (level := next(way, None)) is not None]
    while lots > 0 and foremost:
        best = min(foremost)
        _, _, exchange, price, available = best
        free = int(EXACT.divide_int(available, lot))
        if free > 0:
            taken = min(free, lots)
            fills.append(Fill(exchange, price, taken))
            lots -= taken
        following = next(ways[exchange], None) if lots else None
        if following is None:
            foremost.remove(best)
        else:
            foremost[foremost.index(best)] = following
    return tuple(fills)


def _below_minimum(fills: Sequence[Fill], terms: Mapping[str, VenueTerms], lot: Decimal) -> str | None:
    """The exchange with the smallest notional of those whose minimum this slice would break."""
    quantities: dict[str, Decimal] = {}
    notionals: dict[str, Decimal] = {}
    for fill in fills:
        quantity, notional = EXACT.multiply(lot, fill.lots), notionals.get(fill.exchange, ZERO)
        quantities[fill.exchange] = EXACT.add(quantities.get(fill.exchange, ZERO), quantity)
        notionals[fill.exchange] = EXACT.add(notional, EXACT.multiply(quantity, fill.price))
    below = [
        (notionals[name], name)
        for name, quantity in quantities.items()
        if quantity < terms[name].min_quantity or notionals[name] < terms[name].min_notional
    ]
    return min(below)[1] if below else None


def _shortage(ticket: Ticket, live: Sequence[VenueLook]) -> MissReason:
    """The books gave out within the limit: is there more beyond it?"""
    beyond = any(not within_limit(ticket, level.price) for look in live for level in look.levels)
    return MissReason.BEYOND_LIMIT if beyond else MissReason.NO_LIQUIDITY
