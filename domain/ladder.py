"""One side of a book, prepared once for all the orders that look at the same version of it."""

from bisect import bisect_left, bisect_right
from decimal import Decimal

from twap.domain.book import BookSide, key_of, price_of
from twap.ports.market import ZERO, Level
from twap.ports.numbers import add

_FIRST = 16


class Ladder:
    """The known levels of a side, best first, read from the book only as deep as somebody needs.

    Valid as long as the book has not changed.
    """

    def __init__(self, side: BookSide) -> None:
        self.side = side
        self.count = side.known_count()
        self.horizon = None if side.horizon is None else price_of(side.horizon)
        self._levels: list[Level] = []
        self._ranks: list[Decimal] = []
        self._lots: dict[Decimal, list[int]] = {}
        self._shown: dict[int, tuple[Level, ...]] = {}
        self._visible: dict[Decimal, Decimal] = {}
        self._deep: dict[Decimal, Decimal | None] = {}

    def top(self, count: int) -> tuple[Level, ...]:
        """The best `count` levels (or all there are)."""
        shown = self._shown.get(count)
        if shown is None:
            self._read(count)
            shown = self._shown[count] = tuple(self._levels[:count])
        return shown

    def within(self, limit: Decimal, most: int) -> int:
        """How many of the best `most` levels are not beyond the limit price."""
        rank = self._rank(limit)
        while True:
            found = bisect_right(self._ranks, rank)
            if found < len(self._ranks) or not self._read_more(most):
                return min(found, most)

    def reach(self, lots: int, lot: Decimal, most: int) -> int:
        """How many levels, at most `most`, together display that many whole lots each of their own."""
        sums = self._lots.get(lot)
        if sums is None:
            sums = self._lots[lot] = []
        while True:
            if len(sums) < len(self._levels):
                for level in self._levels[len(sums) :]:
                    sums.append(int(level.quantity // lot) + (sums[-1] if sums else 0))
            found = bisect_left(sums, lots) + 1
            if found <= len(sums) or not self._read_more(most):
                return min(found, len(sums), most)

    def visible(self, limit: Decimal) -> Decimal:
        """Base displayed within the limit, over all known levels."""
        total = self._visible.get(limit)
        if total is None:
            levels = self.top(self.count)[: self.within(limit, self.count)]
            total = ZERO
            for level in levels:
                total = add(total, level.quantity)
            self._visible[limit] = total
        return total

    def displayed(self, price: Decimal) -> Decimal | None:
        """At any price; None where there is nothing, or nothing can be known."""
        if price not in self._deep:
            known = not self.side.is_beyond_horizon(key_of(price))
            self._deep[price] = (self.side.quantity_at(price) or None) if known else None
        return self._deep[price]

    def _read_more(self, most: int) -> bool:
        have = len(self._levels)
        if have >= min(self.count, most):
            return False
        self._read(max(2 * have, _FIRST))
        return True

    def _read(self, count: int) -> None:
        have = len(self._levels)
        if have >= min(count, self.count):
            return
        for level in self.side.best(count)[have:]:
            self._levels.append(level)
            self._ranks.append(self._rank(level.price))

    def _rank(self, price: Decimal) -> Decimal:
        """Ascends from the best price to the worst; exact, as `-price` would not be."""
        return price.copy_negate() if self.side.descending else price
