"""The simulated market as its answers show it: integers become text, steps become times."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from twap.plugins.exchanges.simulated.market import LISTINGS, STEPS_PER_SECOND, Book, Market
from twap.plugins.exchanges.simulated.protocol import BookDelta, BookSnapshot, CandleRow, Pair, WireLevels

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
STEP = timedelta(seconds=1) / STEPS_PER_SECOND
STEP_MS = 1000 // STEPS_PER_SECOND
LOOKS_PER_CANDLE = 12


def step_at(moment: datetime) -> int:
    return (moment - EPOCH) // STEP


class Venue:
    """All pairs of one seed."""

    def __init__(self, seed: int) -> None:
        self._markets = {symbol: Market(listing, seed) for symbol, listing in LISTINGS.items()}

    def __contains__(self, symbol: str) -> bool:
        return symbol in self._markets

    def pairs(self) -> list[Pair]:
        return [
            Pair(
                listing.symbol,
                listing.base,
                listing.quote,
                tick_size=_text(1, listing.price_places),
                lot_size=_text(1, listing.lot_places),
                min_notional="0.0001" if listing.quote == "BTC" else "5",
            )
            for listing in LISTINGS.values()
        ]

    def book(self, symbol: str, step: int) -> Book:
        return self._markets[symbol].book(step)

    def snapshot(self, symbol: str, step: int, book: Book) -> BookSnapshot:
        bids, asks = self._levels(symbol, book.bids), self._levels(symbol, book.asks)
        return BookSnapshot(symbol, step, step * STEP_MS, bids, asks)

    def delta(self, symbol: str, before: int, old: Book, step: int, new: Book) -> BookDelta:
        """What changed after the step `before`, up to `step`."""
        bids = self._levels(symbol, _changes(old.bids, new.bids))
        asks = self._levels(symbol, _changes(old.asks, new.asks))
        return BookDelta(symbol, before + 1, step, step * STEP_MS, bids, asks)

    def candle(self, symbol: str, first: int, length: int, now: int) -> CandleRow:
        """Of `length` steps from `first` on; while it runs, up to `now`. High and low are those of twelve
        looks spread evenly, open and close included."""
        market = self._markets[symbol]
        last = min(first + length, now)
        looks = [
            market.price(first + (last - first) * look // (LOOKS_PER_CANDLE - 1))
            for look in range(LOOKS_PER_CANDLE)
        ]
        prices = (looks[0], max(looks), min(looks), looks[-1])
        opened, high, low, close = (_text(price, market.listing.price_places) for price in prices)
        volume = _text(market.volume(first, last), market.listing.lot_places)
        return CandleRow(first * STEP_MS, opened, high, low, close, volume, closed=first + length <= now)

    def _levels(self, symbol: str, levels: Mapping[int, int]) -> WireLevels:
        listing = self._markets[symbol].listing
        return [
            (_text(price, listing.price_places), _text(lots, listing.lot_places))
            for price, lots in levels.items()
        ]


def _changes(old: Mapping[int, int], new: Mapping[int, int]) -> dict[int, int]:
    changed = {price: lots for price, lots in new.items() if old.get(price) != lots}
    return changed | {price: 0 for price in old if price not in new}


def _text(units: int, places: int) -> str:
    """123456 units of two places are `1234.56`."""
    if not places:
        return str(units)
    whole, part = divmod(units, 10**places)
    return f"{whole}.{part:0{places}d}"
