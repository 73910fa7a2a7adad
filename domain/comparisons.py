"""What the order would have cost otherwise: as one market order, or with more or less liquidity."""

from dataclasses import dataclass, replace
from decimal import Decimal, localcontext

from twap.domain import costs
from twap.domain.costs import RATIO_PLACES, Slippage, quotient
from twap.domain.replay import Replay, Replayed, deep_enough
from twap.domain.scene import Scene
from twap.domain.sweep import sweep
from twap.ports.market import ZERO
from twap.ports.numbers import EXACT, whole_lots
from twap.ports.order import Order, Side, Slice

_HALF = Decimal("0.5")
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


def market_order(order: Order, arrival: Slice) -> MarketOrder:
    """arrival: slice 0, the look at the books as the order met them."""
    side, lot = order.ticket.side, order.lot_size
    ticket = replace(order.ticket, limit_price=_NO_LIMIT[side], max_participation=None)
    lots = whole_lots(ticket.quantity, lot)
    scene = Scene(arrival.venues, side)
    swept = sweep(ticket, order.terms, lot, scene, {}, lots)
    fee_of = {terms.exchange: terms.taker_fee for terms in order.terms}
    filled = notional = fees = ZERO
    with localcontext(EXACT):
        for fill in swept.fills:
            filled += fill.quantity
            notional += fill.notional
            fees += fill.notional * fee_of[fill.exchange]
    prices = [fill.price for fill in swept.fills]
    worst = (max if side is Side.BUY else min)(prices, default=None)
    return MarketOrder(
        filled,
        costs.average_price(notional, filled),
        worst,
        costs.slippage(side, notional, filled, arrival.mid),
        fees,
        complete=filled == ticket.quantity,
        deep_enough=deep_enough(order, ticket, scene, {}, lots, swept),
    )


class BandReplays:
    """Both edges of the fill band, slice by slice; of the looks only the liquidity memory is kept."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._optimistic = Replay(order, memory=False)
        self._pessimistic = Replay(order, share=_HALF)

    def add(self, one: Slice) -> None:
        """By number."""
        if one.number:
            self._optimistic.add(one.number, one)
            self._pessimistic.add(one.number, one)

    def band(self) -> FillBand:
        return FillBand(
            _edge(self._order, self._optimistic.outcome()), _edge(self._order, self._pessimistic.outcome())
        )


def _edge(order: Order, replayed: Replayed) -> BandEdge:
    return BandEdge(
        costs.average_price(replayed.notional, replayed.executed),
        quotient(replayed.executed, order.ticket.quantity, RATIO_PLACES),
        replayed.limited,
    )
