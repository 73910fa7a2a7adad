"""Four live books of one symbol, and what keeps them changing."""

import asyncio
import random
from decimal import Decimal

from twap.domain.market import Market
from twap.ports.events import Delta, Snapshot
from twap.ports.exchange import BookRules
from twap.ports.feed import Pulse
from twap.ports.market import Instrument

EXCHANGES = ("Binance", "Bybit", "Coinbase", "Kucoin")
LEVELS = 400
MIDDLE = 100_000
STEP = 0.5
CHURN_SECONDS = 0.1


class Venues:
    """market: to be read; its books hold 400 levels a side, half a quote apart, 1.5 base each on average."""

    def __init__(self, clock):
        self.market = Market(clock)
        self._clock, self._chance, self._sequence = clock, random.Random(5), 1  # noqa: S311
        self._books, self._pulse = [], Pulse(clock.monotonic())
        for name in EXCHANGES:
            listed = Instrument(
                name, "BTCUSDT", "BTC-USDT", "BTC", "USDT", Decimal("0.1"), Decimal("0.00001")
            )
            book = self.market.open(listed, BookRules(), lambda cause, reason: None)
            book.connected(self._pulse)
            sides = [[self._level(sign * n) for n in range(1, LEVELS)] for sign in (-1, 1)]
            book.snapshot(Snapshot("BTC-USDT", *sides, 1, 1_700_000_000_000))
            self._books.append(book)

    def change(self):
        """One level of each side of each book, near the best."""
        self._sequence += 1
        self._pulse.seen_at = self._clock.monotonic()
        for book in self._books:
            sides = [[self._level(sign * self._chance.randrange(1, 50))] for sign in (-1, 1)]
            book.delta(Delta("BTC-USDT", self._sequence, self._sequence, *sides, 1_700_000_000_000))

    async def churn(self):
        while True:
            self.change()
            await asyncio.sleep(CHURN_SECONDS)

    def _level(self, steps):
        return f"{MIDDLE + steps * STEP:.1f}", f"{self._chance.random() * 3:.5f}"
