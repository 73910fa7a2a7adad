"""The market's state at any step, as a pure function of (seed, symbol, step). Integers only.

A step is a tenth of a second; step n begins n / 10 s after 1970. Joining at any moment costs the same.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from zlib import crc32

STEPS_PER_SECOND = 10

OCTAVES = 12
"""The slowest part of the price moves over 4 ** 11 steps: 4.9 days."""
SWING_PPM = 12
"""How far the fastest part of the price moves, in millionths of the anchor. Each slower part moves twice as
far in four times the time, as a random walk does; in all the price stays within 5 % of its anchor."""

LEVELS = 250
"""Grid prices a side; about one in eight is empty."""

_MASK = 2**64 - 1


@dataclass(frozen=True, slots=True)
class Listing:
    """A pair of this market.

    price_places, lot_places  decimal places of price and quantity: tick = 10 ** -price_places
    anchor                    the price around which the market moves, in ticks
    grid                      ticks between neighbouring levels
    lots                      a usual quantity at the best price
    """

    base: str
    quote: str
    price_places: int
    lot_places: int
    anchor: int
    grid: int
    lots: int

    @property
    def symbol(self) -> str:
        return self.base + self.quote


LISTINGS: Mapping[str, Listing] = MappingProxyType(
    {
        listing.symbol: listing
        for listing in (
            Listing("BTC", "USDT", 2, 5, anchor=100_000_00, grid=50, lots=8_000),
            Listing("ETH", "USDT", 2, 4, anchor=3_500_00, grid=2, lots=20_000),
            Listing("SOL", "USDT", 2, 3, anchor=180_00, grid=1, lots=40_000),
            Listing("XRP", "USDT", 4, 1, anchor=2_2000, grid=1, lots=30_000),
            Listing("ADA", "USDT", 4, 1, anchor=8000, grid=1, lots=60_000),
            Listing("DOGE", "USDT", 5, 0, anchor=20000, grid=1, lots=20_000),
            Listing("LTC", "USDT", 2, 3, anchor=110_00, grid=1, lots=25_000),
            Listing("ETH", "BTC", 5, 4, anchor=3500, grid=1, lots=15_000),
        )
    }
)


@dataclass(frozen=True, slots=True)
class Book:
    """Quantities in lots by price in ticks. Every bid is below every ask."""

    bids: Mapping[int, int]
    asks: Mapping[int, int]


class Market:
    """One pair's price and book."""

    def __init__(self, listing: Listing, seed: int) -> None:
        self.listing = listing
        self._root = _mix(seed & _MASK, crc32(listing.symbol.encode()))
        # Neighbouring steps share nearly all corners of the noise.
        self._corner: Callable[[int, int], int] = lru_cache(maxsize=4096)(self._draw_corner)

    def mid(self, step: int) -> int:
        """Price in thousandths of a tick: the anchor, and noise of twelve periods."""
        drift = 0
        for octave in range(OCTAVES):
            period = 4**octave
            corner, way = divmod(step, period)
            here, there = self._corner(octave, corner), self._corner(octave, corner + 1)
            drift += (here * (period - way) + there * way) // period << octave
        return self.listing.anchor * 1000 + self.listing.anchor * drift * SWING_PPM // (1000 * 1000)

    def price(self, step: int) -> int:
        """In ticks."""
        return self.mid(step) // 1000

    def book(self, step: int) -> Book:
        grid = self.listing.grid
        best_bid = self.mid(step) // (grid * 1000)
        bids = {(best_bid - away) * grid: self._lots(best_bid - away, away, step) for away in range(LEVELS)}
        best_ask = best_bid + 1
        asks = {(best_ask + away) * grid: self._lots(best_ask + away, away, step) for away in range(LEVELS)}
        return Book(_displayed(bids), _displayed(asks))

    def volume(self, first: int, last: int) -> int:
        """Lots traded in the steps first to last - 1: a usual pace, more or less."""
        pace = 50 + _mix(_mix(self._root, first), last) % 100
        return self.listing.lots * (last - first) * pace // 1000

    def _lots(self, index: int, away: int, step: int) -> int:
        """What the level at that place of the grid holds. Each level has a rhythm of its own, 3 to 400
        steps, in which it is drawn anew; deeper levels are larger, by powers of two of the distance."""
        level = _mix(self._root, index)
        lifetime = 3 * (level % 134 + 1)
        draw = _mix(level, (step + (level >> 32)) // lifetime)
        if draw % 8 == 0 and away:
            return 0
        heavy_tail = (draw >> 8 & 1023) * (draw >> 24 & 1023)
        return 1 + self.listing.lots * (1 + away.bit_length()) * heavy_tail // 2**19

    def _draw_corner(self, octave: int, corner: int) -> int:
        """-1000 to 1000."""
        return _mix(_mix(self._root, octave), corner) % 2001 - 1000


def _displayed(levels: dict[int, int]) -> dict[int, int]:
    return {price: lots for price, lots in levels.items() if lots}


def _mix(state: int, value: int) -> int:
    """64 well-stirred bits of both numbers (the finaliser of SplitMix64, Steele et al. 2014)."""
    bits = (state + (value + 1) * 0x9E3779B97F4A7C15) & _MASK
    bits = (bits ^ bits >> 30) * 0xBF58476D1CE4E5B9 & _MASK
    bits = (bits ^ bits >> 27) * 0x94D049BB133111EB & _MASK
    return bits ^ bits >> 31
