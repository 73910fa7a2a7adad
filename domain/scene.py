"""What the exchanges of an order show at one instant, and what follows from that alone.

Thousands of orders may see the same: it is computed once for all of them. What is an order's own, above all
its liquidity memory, is not in here.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import cached_property

from twap.domain.consolidation import mid_price
from twap.ports.market import ZERO, BookState
from twap.ports.numbers import add, multiply, subtract
from twap.ports.order import BookStamp, FeeRanking, Quantities, Side, Ticket, VenueLook, VenueTerms

_ONE = Decimal(1)

Fees = tuple[tuple[str, Decimal], ...]
"""Exchanges with their taker fees."""

RankedLevel = tuple[Decimal, Decimal, tuple[str, Decimal], Decimal]
"""Rank (ascending: the lowest is taken first), minus displayed, (exchange, price), displayed."""


class Scene:
    """venues: one look per exchange; they and the side never change."""

    def __init__(self, venues: Sequence[VenueLook], side: Side) -> None:
        self.venues, self.side = tuple(venues), side
        self._ranked: dict[Fees, Sequence[RankedLevel]] = {}

    @cached_property
    def live(self) -> Sequence[VenueLook]:
        return [look for look in self.venues if look.state is BookState.LIVE]

    @cached_property
    def displayed(self) -> Quantities:
        """At the levels of the live looks."""
        return {(look.exchange, each.price): each.quantity for look in self.live for each in look.levels}

    @cached_property
    def mid(self) -> Decimal | None:
        """Mid price between the best bid and the best ask of all live looks together."""
        far = [look.levels[0].price for look in self.live if look.levels]
        near = [look.near_best for look in self.live if look.near_best is not None]
        if not (far and near):
            return None
        buying = self.side is Side.BUY
        return mid_price(min(far) if buying else max(far), max(near) if buying else min(near))

    @cached_property
    def stamps(self) -> Mapping[str, BookStamp]:
        """Which book each live exchange showed."""
        return {
            look.exchange: BookStamp(look.sequence, look.exchange_time, look.age_ms or 0)
            for look in self.live
        }

    @cached_property
    def _horizons(self) -> Mapping[str, Decimal | None]:
        return {look.exchange: look.horizon for look in self.live}

    def hides(self, exchange: str, price: Decimal) -> bool:
        """Whether it can't tell what is displayed there: no live book, or behind what is known of it."""
        if exchange not in self._horizons:
            return True
        horizon = self._horizons[exchange]
        return horizon is not None and worse(self.side, price, horizon)

    def ranked(self, ticket: Ticket, terms: Sequence[VenueTerms]) -> Sequence[RankedLevel]:
        """All levels in the order in which an order takes them: by price (after taker fee where the ticket
        says so); at equal prices the exchange that displays more first, then by name."""
        fees = ranking_fees(ticket, terms)
        ranked = self._ranked.get(fees)
        if ranked is None:
            ranked = self._ranked[fees] = self._rank(dict(fees))
        return ranked

    def _rank(self, fee_of: Mapping[str, Decimal]) -> Sequence[RankedLevel]:
        levels = []
        for look in self.live:
            exchange = look.exchange
            factor = ranking_factor(self.side, fee_of.get(exchange, ZERO))
            for level in look.levels:
                price, displayed = level.price, level.quantity
                rank = multiply(price, factor)
                levels.append((rank, displayed.copy_negate(), (exchange, price), displayed))
        return sorted(levels)


def ranking_fees(ticket: Ticket, terms: Sequence[VenueTerms]) -> Fees:
    """Those that levels are ranked with; empty where fees don't count."""
    if ticket.fees is FeeRanking.IGNORE:
        return ()
    return tuple([(each.exchange, each.taker_fee) for each in terms])


def ranking_factor(side: Side, fee: Decimal) -> Decimal:
    """Times a price: its rank, which ascends from best to worst, and whose absolute value is the price after
    fee."""
    return add(fee, _ONE) if side is Side.BUY else subtract(fee, _ONE)


def worse(side: Side, price: Decimal, than: Decimal) -> bool:
    """For an order of this side."""
    return price > than if side is Side.BUY else price < than
