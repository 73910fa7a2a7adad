"""A book whose exchange sends a checksum of its best levels with every change."""

from bisect import bisect_left

from twap.domain.book import MAX_TEXT, ZEROS, BadLevel, BookSide, OrderBook, PriceTexts
from twap.ports.events import WireLevels
from twap.ports.exchange import Checksum


class SummedSide(BookSide):
    """Sorted at all times, as it is read after every change.

    best_digests  what the best levels add to the checksum, best first; as many as the checksum counts
    """

    __slots__ = ("_depth", "_digest", "_ordered", "_texts", "best_digests")

    def __init__(self, *, descending: bool, checksum: Checksum) -> None:
        super().__init__(descending=descending)
        self._depth, self._digest = checksum.depth, checksum.digest
        self._ordered: list[int] = []
        self._sorted = self._ordered
        self._texts: dict[int, str] = {}
        self.best_digests: list[str] = []

    def apply(self, levels: WireLevels, prices: PriceTexts) -> None:
        quantities, texts, ordered, best = self.quantities, self._texts, self._ordered, self.best_digests
        descending, depth, digest = self.descending, self._depth, self._digest
        for level in levels:
            text, quantity = level[0], level[1]
            price = prices[text]
            at = bisect_left(ordered, price)
            if quantity not in ZEROS:
                # As in BookSide, and written out there and here: a call for each level would cost as much.
                if (
                    not (quantity.replace(".", "", 1).isdigit() and quantity.isascii())
                    or len(quantity) > MAX_TEXT
                ):
                    raise BadLevel(f"quantity {quantity[:MAX_TEXT]!r} is no plain number")
                if quantity[0] != "0" or quantity.strip("0."):
                    rank = len(ordered) - at if descending else at
                    if price in quantities:
                        rank -= descending
                        if rank < depth:
                            best[rank] = digest(text, quantity)
                    else:
                        ordered.insert(at, price)
                        if rank < depth:
                            best.insert(rank, digest(text, quantity))
                            del best[depth:]
                    quantities[price], texts[price] = quantity, text
                    continue
            if price in quantities:
                del quantities[price], texts[price]
                self._removed(at)
        self._ladder = []

    def _removed(self, at: int) -> None:
        """The level that was at this place of `_ordered` is gone: the next best one moves up."""
        ordered, depth, best = self._ordered, self._depth, self.best_digests
        del ordered[at]
        rank = len(ordered) - at if self.descending else at
        if rank >= depth:
            return
        del best[rank]
        if len(ordered) >= depth:
            price = ordered[-depth] if self.descending else ordered[depth - 1]
            best.append(self._digest(self._texts[price], self.quantities[price]))

    def cut(self, depth: int) -> None:
        """Forget all but the best `depth` levels; never fewer than the checksum counts."""
        ordered = self._ordered
        while len(ordered) > depth:
            price = ordered.pop(0) if self.descending else ordered.pop()
            del self.quantities[price], self._texts[price]
        self._ladder = []


class SummedBook(OrderBook):
    __slots__ = ("_combine", "_summands")

    def __init__(self, prices: PriceTexts, checksum: Checksum) -> None:
        bids, asks = (SummedSide(descending=descending, checksum=checksum) for descending in (True, False))
        super().__init__(prices, bids, asks)
        self._combine, self._summands = checksum.combine, (bids.best_digests, asks.best_digests)

    def checksum(self) -> int:
        return self._combine(*self._summands)
