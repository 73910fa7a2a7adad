"""What an order cost against the market it met. Exact in quote; only ratios are rounded, half to even."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction

from twap.ports.market import ZERO, BookState
from twap.ports.numbers import EXACT, exact_sum
from twap.ports.order import Side, Slice, VenueLook

PRICE_PLACES = 8
BPS_PLACES = 4
RATIO_PLACES = 6
_BPS = 10_000


@dataclass(frozen=True, slots=True)
class Slippage:
    """Positive = cost. bps: of the reference price, 4 places; quote: over the executed quantity, exact."""

    bps: Decimal
    quote: Decimal


@dataclass(frozen=True, slots=True)
class CostSplit:
    """Implementation shortfall in its parts; quote, positive = cost, every digit exact.

    spread       from the mid to the best price of the side taken, at each fill's own look
    depth        from that best price to the price of the fill
    timing       from the arrival mid to the mid at the fill's look: what the market did meanwhile
    fees         taker fees
    opportunity  what the market did to the quantity that was not filled
    """

    spread: Decimal
    depth: Decimal
    timing: Decimal
    fees: Decimal
    opportunity: Decimal

    @property
    def total(self) -> Decimal:
        return exact_sum((self.spread, self.depth, self.timing, self.fees, self.opportunity))


def quotient(numerator: Decimal, denominator: Decimal | int, places: int) -> Decimal:
    """Rounded once, half to even, at `places` decimals; `round` of a fraction does that. Divisor not 0."""
    units = round(Fraction(numerator) / Fraction(denominator) * 10**places)
    return EXACT.scaleb(Decimal(units), -places)


def sign_of(side: Side) -> int:
    """1 where a higher price is a cost, -1 where a lower one is."""
    return 1 if side is Side.BUY else -1


def average_price(notional: Decimal, executed: Decimal) -> Decimal | None:
    """notional / executed, 8 places; None where nothing was executed."""
    return quotient(notional, executed, PRICE_PLACES) if executed else None


def slippage(side: Side, notional: Decimal, executed: Decimal, reference: Decimal | None) -> Slippage | None:
    """Side-signed (average price - reference) x executed, without fees; bps of reference x executed.

    Computed from the exact notional, not from the rounded average. None without fills or reference.
    """
    if reference is None or not executed:
        return None
    with localcontext(EXACT):
        paper = reference * executed
        quote = sign_of(side) * (notional - paper)
        return Slippage(quotient(quote * _BPS, paper, BPS_PLACES), quote)


def shortfall(
    side: Side,
    *,
    quantity: Decimal,
    executed: Decimal,
    notional: Decimal,
    fees: Decimal,
    arrival: Decimal,
    final: Decimal,
) -> Slippage:
    """Implementation shortfall: the paper order, all of it at the arrival mid, against what came of it.

    Perold, "The Implementation Shortfall: Paper versus Reality" (Journal of Portfolio Management, 1988):
    execution cost (notional - arrival x executed) and fees, plus the opportunity cost of what stayed
    unfilled, (final - arrival) x unfilled. bps of arrival x quantity.
    """
    with localcontext(EXACT):
        sign = sign_of(side)
        unfilled = quantity - executed
        quote = sign * (notional - arrival * executed) + fees + sign * (final - arrival) * unfilled
        return Slippage(quotient(quote * _BPS, arrival * quantity, BPS_PLACES), quote)


class CostSums:
    """The parts of the shortfall, slice by slice as they looked; their sum is `shortfall` to the last digit.

    For a fill of q at price p on a look with mid m and best price b: timing (m - arrival) q, spread
    (b - m) q, depth (p - b) q, each with the side's sign. Where a look that filled had no mid (one side of
    all books was empty), the mid known before it stands in.
    """

    def __init__(self, side: Side, arrival: Decimal) -> None:
        self._side, self._arrival, self._mid = side, arrival, arrival
        self._spread = self._depth = self._timing = self._fees = self._executed = ZERO

    def add(self, one: Slice) -> None:
        """By number: the arrival look comes first, and slices that were over before it had no mid."""
        mid = self._mid = self._mid if one.mid is None else one.mid
        if not one.executions:
            return
        best, sign = best_price(one.venues, self._side), sign_of(self._side)
        with localcontext(EXACT):
            for fill in one.executions:
                reference = fill.price if best is None else best
                self._timing += sign * (mid - self._arrival) * fill.quantity
                self._spread += sign * (reference - mid) * fill.quantity
                self._depth += sign * (fill.price - reference) * fill.quantity
                self._fees += fill.fee
                self._executed += fill.quantity

    def split(self, quantity: Decimal, final: Decimal) -> CostSplit:
        """quantity: of the whole order."""
        with localcontext(EXACT):
            unfilled = quantity - self._executed
            opportunity = sign_of(self._side) * (final - self._arrival) * unfilled
        return CostSplit(self._spread, self._depth, self._timing, self._fees, opportunity)


def best_price(venues: Sequence[VenueLook], side: Side) -> Decimal | None:
    """Of the side the order takes from, over all live looks together."""
    prices = [look.levels[0].price for look in venues if look.state is BookState.LIVE and look.levels]
    if not prices:
        return None
    return min(prices) if side is Side.BUY else max(prices)
