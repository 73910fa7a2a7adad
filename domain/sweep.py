"""The fills of one slice: best price first over the looks of the order's exchanges.

Computed from the looks alone. Quantities are whole lots; what a level holds beyond whole lots is left there.
"""

from collections.abc import Collection, Sequence
from decimal import Decimal
from typing import NamedTuple

from twap.domain.scene import RankedLevel, Scene, worse
from twap.ports.market import ZERO, BookState
from twap.ports.numbers import add, exact_sum, multiply, subtract, whole_lots
from twap.ports.order import MissReason, Side, Taken, Ticket, VenueLook, VenueTerms


class Fill(NamedTuple):
    """lots > 0 at one price of one exchange; quantity: base, notional: quote."""

    exchange: str
    price: Decimal
    lots: int
    quantity: Decimal
    notional: Decimal


class Swept(NamedTuple):
    """reason: why fewer than the target's lots were filled; None: all were."""

    fills: tuple[Fill, ...]
    reason: MissReason | None


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
        return Swept((), MissReason.DOWN if all_down else MissReason.STALE)
    allowed = _participation(ticket, lot, live, target_lots)
    ranked = scene.ranked(ticket, terms)
    fills = _take(ticket, lot, ranked, taken, allowed)
    below = _below_minimum(fills, terms)
    left_out: list[str] = []
    while below is not None:
        left_out.append(below)
        fills = _take(ticket, lot, ranked, taken, allowed, left_out)
        below = _below_minimum(fills, terms)
    filled = sum([fill.lots for fill in fills])
    if filled >= target_lots:
        return Swept(fills, None)
    if left_out:
        return Swept(fills, MissReason.MINIMUM)
    # A share of nothing is nothing: where nothing is displayed within the limit, that is the reason.
    if filled >= allowed and any(look.visible for look in live):
        return Swept(fills, MissReason.PARTICIPATION)
    return Swept(fills, _shortage(ticket, live))


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
) -> tuple[Fill, ...]:
    """Level by level, until there is enough."""
    fills: list[Fill] = []
    buying, limit = ticket.side is Side.BUY, ticket.limit_price
    for _, _, key, displayed in ranked:
        if lots <= 0:
            break
        exchange, price = key
        if (price > limit if buying else price < limit) or exchange in left_out:
            continue  # not the end: after fees another exchange's price may rank behind and lie within
        gone = taken.get(key)
        free = whole_lots(displayed if gone is None else subtract(displayed, gone), lot)
        if free > 0:
            filled = min(free, lots)
            quantity = multiply(lot, filled)
            fills.append(Fill(exchange, price, filled, quantity, multiply(quantity, price)))
            lots -= filled
    return tuple(fills)


def _below_minimum(fills: Sequence[Fill], terms: Sequence[VenueTerms]) -> str | None:
    """The exchange with the smallest notional of those whose minimum this slice would break."""
    below: tuple[Decimal, str] | None = None
    for each in terms:
        exchange, quantity, notional = each.exchange, ZERO, ZERO
        for fill in fills:
            if fill.exchange == exchange:
                quantity, notional = add(quantity, fill.quantity), add(notional, fill.notional)
        if (
            quantity
            and (notional < each.min_notional or quantity < each.min_quantity)
            and (below is None or (notional, exchange) < below)
        ):
            below = notional, exchange
    return None if below is None else below[1]


def _shortage(ticket: Ticket, live: Sequence[VenueLook]) -> MissReason:
    """The books gave out within the limit: is there more beyond it?"""
    beyond = any(not within_limit(ticket, level.price) for look in live for level in look.levels)
    return MissReason.BEYOND_LIMIT if beyond else MissReason.NO_LIQUIDITY
