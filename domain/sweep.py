"""The fills of one slice: best price first over the looks of the order's exchanges.

Computed from the looks alone. Quantities are whole lots; what a level holds beyond whole lots is left there.
"""

from collections.abc import Collection, Sequence
from decimal import Decimal

from twap.domain.scene import RankedLevel, Scene, worse
from twap.ports.market import BookState
from twap.ports.numbers import add, exact_sum, multiply, subtract, whole_lots
from twap.ports.order import FeeRanking, MissReason, Side, Taken, Ticket, VenueLook, VenueTerms
from twap.ports.values import value


@value(frozen=True, slots=True)
class Fill:
    """lots > 0 at one price of one exchange; quantity: base, notional: quote."""

    exchange: str
    price: Decimal
    lots: int
    quantity: Decimal
    notional: Decimal


@value(frozen=True, slots=True)
class Swept:
    """reason: why fewer than the target's lots were filled; None: all were. lots: of all fills."""

    fills: tuple[Fill, ...]
    reason: MissReason | None
    lots: int


def sweep(
    ticket: Ticket,
    terms: Sequence[VenueTerms],
    lot: Decimal,
    scene: Scene,
    taken: Taken,
    target_lots: int,
) -> Swept:
    """Fill up to `target_lots`, never beyond the limit price.

    taken  what is displayed but gone for this order

    Levels are taken as `Scene.ranked` has them. An exchange on which the slice would stay below the minimum
    quantity or notional gets nothing, and the others are swept again without it.
    """
    live = scene.live
    if not live:
        all_down = all(look.state is BookState.DOWN for look in scene.venues)
        return Swept((), MissReason.DOWN if all_down else MissReason.STALE, 0)
    allowed = _participation(ticket, lot, live, target_lots)
    ranked = scene.ranked(ticket, terms)
    fills, filled = _take(ticket, lot, ranked, taken, allowed)
    below = _below_minimum(fills, terms)
    left_out: list[str] = []
    while below is not None:
        left_out.append(below)
        fills, filled = _take(ticket, lot, ranked, taken, allowed, left_out)
        below = _below_minimum(fills, terms)
    if filled >= target_lots:
        return Swept(fills, None, filled)
    if left_out:
        return Swept(fills, MissReason.MINIMUM, filled)
    # A share of nothing is nothing: where nothing is displayed within the limit, that is the reason.
    if filled >= allowed and any(look.visible for look in live):
        return Swept(fills, MissReason.PARTICIPATION, filled)
    return Swept(fills, _shortage(ticket, live), filled)


def within_limit(ticket: Ticket, price: Decimal) -> bool:
    return not worse(ticket.side, price, ticket.limit_price)


def _participation(ticket: Ticket, lot: Decimal, live: Sequence[VenueLook], target_lots: int) -> int:
    if ticket.max_participation is None:
        return target_lots
    share = multiply(exact_sum(look.visible for look in live), ticket.max_participation)
    return min(target_lots, whole_lots(share, lot))


def _take(
    ticket: Ticket,
    lot: Decimal,
    ranked: Sequence[RankedLevel],
    taken: Taken,
    lots: int,
    left_out: Collection[str] = (),
) -> tuple[tuple[Fill, ...], int]:
    """Level by level, until there is enough; with the lots of all fills."""
    if lots <= 0:
        return (), 0
    fills: list[Fill] = []
    buying, limit, by_price = ticket.side is Side.BUY, ticket.limit_price, ticket.fees is FeeRanking.IGNORE
    left, wanted = lots, multiply(lot, lots)
    for _, _, key, displayed in ranked:
        exchange, price = key
        if price > limit if buying else price < limit:
            if by_price:
                break
            continue  # after fees another exchange's price may rank behind and lie within
        if exchange in left_out:
            continue
        gone = taken.get(key)
        free = displayed if gone is None else subtract(displayed, gone)
        if free >= wanted:  # nearly always: to count its lots would cost more than all else here
            fills.append(Fill(exchange, price, left, wanted, multiply(wanted, price)))
            return tuple(fills), lots
        if free >= lot:
            filled = whole_lots(free, lot)
            quantity = multiply(lot, filled)
            fills.append(Fill(exchange, price, filled, quantity, multiply(quantity, price)))
            left, wanted = left - filled, subtract(wanted, quantity)
    return tuple(fills), lots - left


def _below_minimum(fills: Sequence[Fill], terms: Sequence[VenueTerms]) -> str | None:
    """The exchange with the smallest notional of those whose minimum this slice would break."""
    sums: dict[str, tuple[Decimal, Decimal]] = {}
    for fill in fills:
        exchange, quantity, notional = fill.exchange, fill.quantity, fill.notional
        if exchange in sums:
            before, before_notional = sums[exchange]
            quantity, notional = add(before, quantity), add(before_notional, notional)
        sums[exchange] = quantity, notional
    below: tuple[Decimal, str] | None = None
    for each in terms:
        if each.exchange not in sums:
            continue
        quantity, notional = sums[each.exchange]
        if (notional < each.min_notional or quantity < each.min_quantity) and (
            below is None or (notional, each.exchange) < below
        ):
            below = notional, each.exchange
    return None if below is None else below[1]


def _shortage(ticket: Ticket, live: Sequence[VenueLook]) -> MissReason:
    """The books gave out within the limit: is there more beyond it?"""
    beyond = any(not within_limit(ticket, level.price) for look in live for level in look.levels)
    return MissReason.BEYOND_LIMIT if beyond else MissReason.NO_LIQUIDITY
