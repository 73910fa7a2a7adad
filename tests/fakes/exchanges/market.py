"""The truth behind a stand-in: each symbol's whole book, and a source of changes.

Prices and quantities are exact text. A book is `dict[Decimal price, (price text, quantity text)]` a side.
"""

import random
import time
from dataclasses import dataclass, field
from decimal import Decimal

from tests.fakes.exchanges.listings import listing

ZERO = "0"


@dataclass(slots=True)
class Change:
    """Absolute quantities by price text that take a book from sequence `first - 1` to `last`.

    raw  the recorded payload it came from, where the stand-in passes that on
    """

    symbol: str
    first: int
    last: int = 0
    bids: dict = field(default_factory=dict)
    asks: dict = field(default_factory=dict)
    time_ms: int = 0
    raw: dict | None = None


class Book:
    def __init__(self, bids=(), asks=(), sequence=0):
        self.bids, self.asks, self.sequence = {}, {}, sequence
        self.set_levels(self.bids, bids)
        self.set_levels(self.asks, asks)

    @staticmethod
    def set_levels(side, levels):
        for price, quantity in levels:
            key = Decimal(price)
            if Decimal(quantity):
                side[key] = (price, quantity)
            else:
                side.pop(key, None)

    def apply(self, change):
        self.set_levels(self.bids, change.bids.items())
        self.set_levels(self.asks, change.asks.items())
        self.sequence = change.last

    def cut(self, depth):
        """Forget what lies deeper."""
        for price in sorted(self.bids, reverse=True)[depth:]:
            del self.bids[price]
        for price in sorted(self.asks)[depth:]:
            del self.asks[price]

    def levels(self, depth=None):
        """Bids and asks, best first, as lists of [price, quantity]."""
        bids = [list(self.bids[price]) for price in sorted(self.bids, reverse=True)[:depth]]
        asks = [list(self.asks[price]) for price in sorted(self.asks)[:depth]]
        return bids, asks

    def top(self):
        """Best bid and best ask as [price, quantity], None for an empty side."""
        bid = list(self.bids[max(self.bids)]) if self.bids else None
        ask = list(self.asks[min(self.asks)]) if self.asks else None
        return bid, ask


class SyntheticMarket:
    """Deterministic random books: the same seed, symbol and number of steps give the same book.

    levels    a side, about
    one_each  a change's sequence range covers one id (False: one per changed level and some more)
    """

    recorded = False

    def __init__(self, symbols, seed=1, levels=100, one_each=False):
        self.symbols = list(symbols)
        self.listings = {symbol: listing(symbol) for symbol in self.symbols}
        self.levels, self.one_each = levels, one_each
        self.random = {symbol: random.Random(f"{seed}:{symbol}") for symbol in self.symbols}  # noqa: S311
        self.books = {symbol: self._first_book(symbol) for symbol in self.symbols}
        self._crossing = {}
        self._turn = 0

    def _first_book(self, symbol):
        chance, listed = self.random[symbol], self.listings[symbol]
        middle = listed.price + chance.randint(-20, 20) * listed.tick
        sides = []
        for direction in (-1, 1):
            price, side = middle, []
            for _ in range(self.levels):
                price += direction * chance.randint(1, 3) * listed.tick
                side.append((listed.price_text(price), self._quantity(symbol)))
            sides.append(side)
        return Book(*sides, sequence=chance.randint(10**6, 10**7))

    def _quantity(self, symbol):
        return self.listings[symbol].quantity_text(self.random[symbol].randint(1, 200_000))

    def next_symbol(self):
        """Whose turn it is when nobody says."""
        self._turn += 1
        return self.symbols[self._turn % len(self.symbols)]

    def step(self, symbol):
        """Change the book a little: sizes, new and deleted levels, moves of the touch; never crossed."""
        change = self._begin(symbol)
        for _ in range(self.random[symbol].randint(1, 6)):
            self._move(change)
        return self._end(change)

    def cross(self, symbol):
        """Put a bid above the best ask; the next change takes it away first."""
        change = self._begin(symbol)
        listed, book = self.listings[symbol], self.books[symbol]
        price = listed.price_text(min(book.asks) + listed.tick)
        self._set(change, "bids", price, self._quantity(symbol))
        self._crossing[symbol] = price
        return self._end(change)

    def _begin(self, symbol):
        change = Change(symbol, self.books[symbol].sequence + 1, time_ms=time.time_ns() // 10**6)
        if price := self._crossing.pop(symbol, None):
            self._set(change, "bids", price, ZERO)
        return change

    def _end(self, change):
        entries = len(change.bids) + len(change.asks)
        extra = self.random[change.symbol].randint(0, 2)
        change.last = change.first if self.one_each else change.first + entries - 1 + extra
        self.books[change.symbol].sequence = change.last
        return change

    def _set(self, change, side, price, quantity):
        getattr(change, side)[price] = quantity
        Book.set_levels(getattr(self.books[change.symbol], side), [(price, quantity)])

    def _move(self, change):
        symbol, chance = change.symbol, self.random[change.symbol]
        book, listed = self.books[symbol], self.listings[symbol]
        side, away = chance.choice([("bids", -1), ("asks", 1)])
        own = getattr(book, side)
        best = max(own) if side == "bids" else min(own)
        worst = min(own) if side == "bids" else max(own)
        gap = int((min(book.asks) - max(book.bids)) / listed.tick)
        roll = chance.random()
        if len(own) > self.levels * 1.3:
            price, quantity = worst, ZERO
        elif roll < 0.15 and gap > 1:
            price, quantity = best - away * chance.randint(1, gap - 1) * listed.tick, None
        elif roll < 0.30 and len(own) > self.levels * 0.7:
            price, quantity = best if roll < 0.22 else chance.choice(list(own)), ZERO
        elif roll < 0.55:
            price, quantity = best + away * chance.randint(1, self.levels * 2) * listed.tick, None
        else:
            price, quantity = best if roll < 0.7 else chance.choice(list(own)), None
        self._set(change, side, listed.price_text(price), quantity or self._quantity(symbol))
