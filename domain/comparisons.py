"""What the order would have cost otherwise: as one market order, or with more or less liquidity."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, localcontext

from twap.domain import costs
from twap.domain.costs import RATIO_PLACES, Slippage, quotient
from twap.domain.replay import Replayed, deep_enough, halved, replay
from twap.domain.sweep import sweep
from twap.ports.market import ZERO
from twap.ports.numbers import EXACT
from twap.ports.order import Order, Side, Slice

_NO_LIMIT = {Side.BUY: Decimal(10) ** 40, Side.SELL: ZERO}


@dataclass(frozen=True, slots=True)
class MarketOrder:
    """The whole quantity at once, without a limit, on the books at arrival.

    complete     all of it could be filled from what the arrival look holds
    deep_enough  False: the books went on where the look ended, so the real cost would have been another
    """

    filled: Decimal
    average_price: Decimal | None
    worst_price: Decimal | None
    slippage: Slippage | None
    fees: Decimal
    complete: bool
    deep_enough: bool


@dataclass(frozen=True, slots=True)
class BandEdge:
    """limited_slices: whose looks were not deep enough for this assumption."""

    average_price: Decimal | None
    fill_rate: Decimal
    limited_slices: int


@dataclass(frozen=True, slots=True)
class FillBand:
    """How far the fills depend on the simulation's assumptions, replayed over the stored looks.

    optimistic   nothing is remembered: every look offers all that it displays
    pessimistic  half of every displayed quantity is there, with the liquidity memory
    """

    optimistic: BandEdge
    pessimistic: BandEdge


def market_order(order: Order, slices: Sequence[Slice]) -> MarketOrder | None:
    """None where the order never met a fresh book."""
    arrival = next((one for one in slices if one.number == 0), None)
    if arrival is None:
        return None
    side, lot = order.ticket.side, order.lot_size
    ticket = replace(order.ticket, limit_price=_NO_LIMIT[side], max_participation=None)
    lots = int(EXACT.divide_int(ticket.quantity, lot))
    swept = sweep(ticket, order.terms, lot, arrival.venues, lots)
    fee_of = {terms.exchange: terms.taker_fee for terms in order.terms}
    filled = notional = fees = ZERO
    with localcontext(EXACT):
        for fill in swept.fills:
            filled += fill.lots * lot
            notional += fill.lots * lot * fill.price
            fees += fill.lots * lot * fill.price * fee_of[fill.exchange]
    prices = [fill.price for fill in swept.fills]
    worst = (max if side is Side.BUY else min)(prices, default=None)
    return MarketOrder(
        filled,
        costs.average_price(notional, filled),
        worst,
        costs.slippage(side, notional, filled, arrival.mid),
        fees,
        complete=filled == ticket.quantity,
        deep_enough=deep_enough(ticket, order.terms, lot, arrival.venues, lots, swept, stored=arrival.venues),
    )


def fill_band(order: Order, slices: Sequence[Slice]) -> FillBand:
    looks = [(one.number, one) for one in slices if one.number]
    return FillBand(
        _edge(order, replay(order, looks, memory=False)),
        _edge(order, replay(order, looks, view=halved)),
    )


def _edge(order: Order, replayed: Replayed) -> BandEdge:
    return BandEdge(
        costs.average_price(replayed.notional, replayed.executed),
        quotient(replayed.executed, order.ticket.quantity, RATIO_PLACES),
        replayed.limited,
    )
