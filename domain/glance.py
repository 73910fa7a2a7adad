"""The books at one instant, prepared for all the orders that look at them: what their looks have in common is
made once.

The fills of a slice are computed from its looks alone, never from the books: so whoever has the stored looks
can compute them again.
"""

from datetime import datetime
from decimal import Decimal
from typing import NamedTuple, Protocol

from twap.domain.consolidation import Source
from twap.domain.ladder import Ladder
from twap.domain.scene import Scene
from twap.ports.market import ZERO, BookState
from twap.ports.order import Quantities, Side, Taken, VenueLook

LEAST_LEVELS = 10
MOST_LEVELS = 640
_NOTHING_DEEPER: Quantities = {}


class Demand(NamedTuple):
    """What an order looks for.

    limit            no level beyond this price is of use
    lots             whole lots of `lot` that the look at each exchange should display within the limit
    measure_visible  whether it has to know all that is displayed within the limit
    """

    symbol: str
    exchanges: tuple[str, ...]
    side: Side
    limit: Decimal
    lots: int
    lot: Decimal
    measure_visible: bool


class Glance:
    """One book. exchange_time: when the exchange says it was so. bids, asks: of a live book, else None."""

    __slots__ = ("asks", "bids", "exchange", "exchange_time", "source")

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

    def depth(self, demand: Demand) -> int:
        """How many levels are of use: until the lots are displayed within the limit, at least 10 and at most
        640."""
        far = self._far(demand.side)
        if far is None:
            return 0
        used = far.reach(demand.lots, demand.lot, MOST_LEVELS)
        if used > LEAST_LEVELS:
            used = min(used, far.within(demand.limit, used) + 1)
        return max(used, LEAST_LEVELS)

    def look(self, side: Side, depth: int, limit: Decimal | None) -> VenueLook:
        """The best `depth` levels that orders of this side take from. limit: where all that is visible within
        it has to be known."""
        far, near = (self.asks, self.bids) if side is Side.BUY else (self.bids, self.asks)
        if far is None or near is None:
            return VenueLook(self.exchange, self.source.state, self.source.sequence, None, self.source.age_ms)
        best = near.top(1)
        return VenueLook(
            self.exchange,
            BookState.LIVE,
            self.source.sequence or 0,
            self.exchange_time,
            self.source.age_ms or 0,
            best[0].price if best else None,
            far.top(min(depth, far.count)),
            depth < far.count,
            ZERO if limit is None else far.visible(limit),
            far.horizon,
        )

    def displayed(self, side: Side, price: Decimal) -> Decimal | None:
        """None where there is nothing, or nothing can be known."""
        far = self._far(side)
        return None if far is None else far.displayed(price)

    def _far(self, side: Side) -> Ladder | None:
        return self.asks if side is Side.BUY else self.bids


class Glances(Protocol):
    def glance(self, exchange: str, symbol: str) -> Glance:
        """One book as it is now."""


class Instant:
    """All books at one instant. Implements twap.domain.execution.Books."""

    def __init__(self, books: Glances) -> None:
        self._books = books
        self._glances: dict[tuple[str, str], Glance] = {}
        self._scenes: dict[Demand, Scene] = {}
        self._alike: dict[tuple[object, ...], Scene] = {}

    def look(self, demand: Demand, memory: Taken) -> tuple[Scene, Quantities]:
        """What the exchanges show, and what is displayed at remembered prices behind it: so that the memory
        can be followed, however deep they lie."""
        scene = self._scenes.get(demand)
        if scene is None:
            scene = self._scenes[demand] = self._scene(demand)
        if not memory or memory.keys() <= scene.displayed.keys():
            return scene, _NOTHING_DEEPER
        return scene, self._deeper(demand, [key for key in memory if key not in scene.displayed])

    def _scene(self, demand: Demand) -> Scene:
        """Demands of all sizes nearly always come to the same depths."""
        glances = [self._glance(exchange, demand.symbol) for exchange in demand.exchanges]
        depths = tuple([each.depth(demand) for each in glances])
        limit = demand.limit if demand.measure_visible else None
        key = (demand.symbol, demand.exchanges, demand.side, depths, limit)
        scene = self._alike.get(key)
        if scene is None:
            looks = [
                each.look(demand.side, depth, limit) for each, depth in zip(glances, depths, strict=True)
            ]
            scene = self._alike[key] = Scene(looks, demand.side)
        return scene

    def _deeper(self, demand: Demand, keys: list[tuple[str, Decimal]]) -> Quantities:
        deeper = {}
        for key in keys:
            exchange, price = key
            displayed = self._glance(exchange, demand.symbol).displayed(demand.side, price)
            if displayed is not None:
                deeper[key] = displayed
        return deeper

    def _glance(self, exchange: str, symbol: str) -> Glance:
        glance = self._glances.get((exchange, symbol))
        if glance is None:
            glance = self._glances[exchange, symbol] = self._books.glance(exchange, symbol)
        return glance
