"""Many books as one: quantities at equal prices add up, the sources are kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext

from twap.ports.market import BookState, Level
from twap.ports.numbers import EXACT, add, multiply

_HALF = Decimal("0.5")


@dataclass(frozen=True, slots=True)
class ConsolidatedLevel:
    """quantity: base, the sum over `exchanges`, which are sorted by name."""

    price: Decimal
    quantity: Decimal
    exchanges: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """What one exchange gave to a view. age_ms: since its last sign of life; sequence: of its book."""

    state: BookState
    age_ms: int | None
    sequence: int | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class BookView:
    """A consolidated book: bids descend, asks ascend. Only live books are in it; `sources` names all."""

    symbol: str
    bids: tuple[ConsolidatedLevel, ...]
    asks: tuple[ConsolidatedLevel, ...]
    sources: Mapping[str, Source]

    @property
    def mid(self) -> Decimal | None:
        if not (self.bids and self.asks):
            return None
        return mid_price(self.bids[0].price, self.asks[0].price)


def mid_price(bid: Decimal, ask: Decimal) -> Decimal:
    """Half the sum of best bid and best ask; exact."""
    return EXACT.normalize(multiply(add(bid, ask), _HALF))


def consolidate(
    sides: Mapping[str, Sequence[Level]], depth: int, *, descending: bool
) -> tuple[ConsolidatedLevel, ...]:
    """The best `depth` prices of all exchanges together.

    sides  by exchange, best first, each with its best `depth` levels at least (or all it has): a price
           among the best of all is among the best of each exchange that shows it
    """
    totals: dict[Decimal, Decimal] = {}
    sources: dict[Decimal, list[str]] = {}
    with localcontext(EXACT):
        for exchange in sorted(sides):
            for level in sides[exchange][:depth]:
                price = level.price
                if price in totals:
                    totals[price] += level.quantity
                    sources[price].append(exchange)
                else:
                    totals[price] = level.quantity
                    sources[price] = [exchange]
        best = sorted(totals, reverse=descending)[:depth]
    return tuple(ConsolidatedLevel(price, totals[price], tuple(sources[price])) for price in best)
