"""Recorded market data as a market: the books as they were, change by change."""

import json
from collections import deque

from tests.fakes.exchanges.market import Book, Change
from tests.market_data import recording


class RecordedMarket:
    """Replays the recording of one exchange (`binance`, ...), per symbol or in the recorded order.

    Each book begins as its first recorded snapshot; changes that it already contains are left out.
    """

    recorded = True

    def __init__(self, exchange):
        self.exchange = exchange
        self.books, changes = LOADERS[exchange]()
        self.symbols = list(self.books)
        self.queues = {symbol: deque() for symbol in self.symbols}
        self.order = deque()
        for seconds, change in changes:
            if change.symbol in self.books and change.last > self.books[change.symbol].sequence:
                self.queues[change.symbol].append(change)
                self.order.append((seconds, change.symbol))
        self._clock = self.order[0][0] if self.order else 0

    def next_symbol(self):
        """Whose change came next, or None at the end."""
        if not self.order:
            return None
        self._clock, symbol = self.order.popleft()
        return symbol

    def pause_seconds(self):
        """Recorded time until the next change; None at the end."""
        return max(0.0, self.order[0][0] - self._clock) if self.order else None

    def step(self, symbol):
        """The symbol's next change, applied; None when there is none left."""
        if not self.queues[symbol]:
            return None
        change = self.queues[symbol].popleft()
        self.books[symbol].apply(change)
        return change

    def cross(self, symbol):
        raise ValueError("a recorded book can't be crossed")


def load_binance():
    books = {}
    for line in recording("binance.http"):
        snapshot = json.loads(line["raw"])
        symbol = line["url"].split("symbol=")[1].split("&")[0]
        books[symbol] = Book(snapshot["bids"], snapshot["asks"], snapshot["lastUpdateId"])
    changes = []
    for line in recording("binance.ws"):
        data = json.loads(line["raw"])["data"]
        if data.get("e") == "depthUpdate":
            change = Change(data["s"], data["U"], data["u"], dict(data["b"]), dict(data["a"]), data["E"])
            changes.append((line["t"], change))
    return books, changes


LOADERS = {"binance": load_binance}
