"""One book at one moment, prepared for all the orders that look at it: what their looks have in common is
made once.

The fills of a slice are computed from its looks alone, never from the books: so whoever has the stored looks
can compute them again.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from twap.domain.book import key_of
from twap.domain.consolidation import Source
from twap.domain.ladder import Ladder
from twap.ports.market import ZERO, BookState
from twap.ports.order import LookLevel, Side, VenueLook

Remembered = Mapping[Decimal, Decimal]
"""Price to the quantity that the order has taken there, of one exchange."""

LEAST_LEVELS = 10
MOST_LEVELS = 640


class Demand(NamedTuple):
    """What an order looks for.

    limit            no level beyond this price is of use
    lots             whole lots of `lot` that it wants
    measure_visible  whether it has to know all that is displayed within the limit
    """

    side: Side
    limit: Decimal
    lots: int
    lot: Decimal
    measure_visible: bool


class Glance:
    """exchange_time: when the exchange says its book was so. bids, asks: of a live book; else not read."""

    __slots__ = ("_alike", "asks", "bids", "exchange", "exchange_time", "source")

    def __init__(
        self,
        exchange: str,
        source: Source,
        bids: Ladder | None = None,
        asks: Ladder | None = None,
        exchange_time: datetime | None = None,
    ) -> None:
        self.exchange, self.source = exchange, source
        self.bids, self.asks, self.exchange_time = bids, asks, exchange_time
        self._alike: dict[tuple[Side, int, Decimal | None], VenueLook] = {}

    def look(self, demand: Demand, remembered: Remembered) -> VenueLook:
        """At the side an order takes from, best first.

        Goes down until twice the demand is available within the limit, at least 10 levels and at most 640.
        Every remembered price that the book still shows is included, however deep: so the memory can be
        followed.
        """
        far, near = (self.asks, self.bids) if demand.side is Side.BUY else (self.bids, self.asks)
        if far is None or near is None:
            return VenueLook(self.exchange, self.source.state, self.source.sequence, None, self.source.age_ms)
        wanted = 2 * demand.lots
        for quantity in remembered.values():  # at most so many of the displayed lots are gone
            wanted += int(quantity // demand.lot) + 1
        used = far.reach(wanted, demand.lot, MOST_LEVELS)
        if used > LEAST_LEVELS:
            used = min(used, far.within(demand.limit, used) + 1)
        key = (demand.side, max(used, LEAST_LEVELS), demand.limit if demand.measure_visible else None)
        look = self._alike.get(key)
        if look is None:
            look = self._alike[key] = self._untouched(far, near, *key[1:])
        return _marked(look, far, remembered) if remembered else look

    def _untouched(self, far: Ladder, near: Ladder, count: int, limit: Decimal | None) -> VenueLook:
        """limit: where all that is visible within it has to be known."""
        best = near.top(1)
        return VenueLook(
            self.exchange,
            BookState.LIVE,
            self.source.sequence or 0,
            self.exchange_time,
            self.source.age_ms or 0,
            best[0].price if best else None,
            far.top(min(count, far.count)),
            count < far.count,
            ZERO if limit is None else far.visible(limit),
            far.horizon,
        )


def _marked(look: VenueLook, far: Ladder, remembered: Remembered) -> VenueLook:
    """The look with what was taken at its levels, and the remembered ones that lie deeper."""
    levels, left = list(look.levels), dict(remembered)
    for number, level in enumerate(look.levels):
        taken = left.pop(level.price, None)
        if taken is not None:
            levels[number] = LookLevel(level.price, level.displayed, min(taken, level.displayed))
            if not left:
                break
    for price in sorted(left, reverse=not far.buying):
        displayed = far.side.quantity_at(price)
        if displayed and not far.side.is_beyond_horizon(key_of(price)):
            levels.append(LookLevel(price, displayed, min(left[price], displayed)))
    return VenueLook(
        look.exchange,
        look.state,
        look.sequence,
        look.exchange_time,
        look.age_ms,
        look.near_best,
        tuple(levels),
        look.more,
        look.visible,
        look.horizon,
    )
