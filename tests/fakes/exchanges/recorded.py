"""Recorded market data as a market: the books as they were, change by change."""

import json
from collections import deque

from tests.fakes.exchanges.market import Book, Change
from tests.market_data import recording

RECORDED_DEPTH = {"kraken": 25}
"""Levels a side that the recording knows of; deeper ones must be forgotten."""


class RecordedMarket:
    """Replays the recording of one exchange (`binance`, ...), per symbol or in the recorded order.

    Each book begins as its first recorded snapshot; changes that it already contains are left out.
    """

    recorded = True

    def __init__(self, exchange):
        self.exchange = exchange
        self.depth = RECORDED_DEPTH.get(exchange)
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
        if self.depth:
            self.books[symbol].cut(self.depth)
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


def load_kucoin():
    """Snapshots are of the whole book; the changes keep their own payload."""
    books = {}
    for line in recording("kucoin.http"):
        data = json.loads(line["raw"])["data"]
        symbol = line["url"].split("symbol=")[1]
        books[symbol] = Book(data["bids"], data["asks"], int(data["sequence"]))
    changes = []
    for line in recording("kucoin.ws"):
        message = json.loads(line["raw"])
        if message.get("subject") == "trade.l2update":
            changes.append((line["t"], kucoin_change(message["data"], round(line["t"] * 1000), books)))
    return books, changes


def kucoin_change(data, time_ms, books):
    change = Change(data["symbol"], data["sequenceStart"], data["sequenceEnd"], time_ms=time_ms, raw=data)
    known = books[change.symbol].sequence if change.symbol in books else 0
    for name, side in (("bids", change.bids), ("asks", change.asks)):
        for price, size, sequence in sorted(data["changes"][name], key=lambda entry: int(entry[2])):
            if int(sequence) > known and price != "0":
                side[price] = size
    return change


def load_bybit():
    books, changes = {}, []
    for line in recording("bybit_v5.ws"):
        message = json.loads(line["raw"])
        data = message["data"]
        if message["type"] == "snapshot":
            books[data["s"]] = Book(data["b"], data["a"], data["u"])
        else:
            sides = dict(data["b"]), dict(data["a"])
            changes.append((line["t"], Change(data["s"], data["u"], data["u"], *sides, message["ts"])))
    return books, changes


def load_coinbase():
    """The recorded feed has no sequence numbers: changes are counted."""
    books, changes, count = {}, [], {}
    for line in recording("coinbase.ws"):
        message = json.loads(line["raw"])
        symbol = message.get("product_id")
        if message["type"] == "snapshot":
            books[symbol] = Book(message["bids"], message["asks"], 1)
            count[symbol] = 1
        elif message["type"] == "l2update":
            count[symbol] += 1
            change = Change(symbol, count[symbol], count[symbol], time_ms=round(line["t"] * 1000))
            for side, price, size in message["changes"]:
                (change.bids if side == "buy" else change.asks)[price] = size
            changes.append((line["t"], change))
    return books, changes


def load_okx():
    """The one spot symbol. Recorded without sequence numbers: they get some, in uneven steps."""
    books, changes, last = {}, [], 1000
    for line in recording("okx.ws"):
        message = json.loads(line["raw"])
        symbol = message["arg"]["instId"] if message.get("action") else None
        if symbol != "BTC-USDT":
            continue
        data = message["data"][0]
        bids, asks = ([level[:2] for level in data[side]] for side in ("bids", "asks"))
        if message["action"] == "snapshot":
            books[symbol] = Book(bids, asks, last)
        else:
            first, last = last + 1, last + 1 + len(changes) % 7
            change = Change(symbol, first, last, dict(bids), dict(asks), int(data["ts"]))
            changes.append((line["t"], change))
    return books, changes


def load_kraken():
    """The connections with depth 25, one symbol each; numbers stay the text they were."""
    books, changes = {}, []
    for line in recording("kraken_v2.ws"):
        message = json.loads(line["raw"], parse_float=str, parse_int=str)
        if line["conn"] == 1 or message.get("channel") != "book":
            continue
        data = message["data"][0]
        symbol = data["symbol"]
        bids, asks = ([(level["price"], level["qty"]) for level in data[side]] for side in ("bids", "asks"))
        if message["type"] == "snapshot":
            books[symbol], count = Book(bids, asks, 1), 1
        else:
            count += 1
            changes.append(
                (line["t"], Change(symbol, count, count, dict(bids), dict(asks), round(line["t"] * 1000)))
            )
    return books, changes


LOADERS = {
    "binance": load_binance,
    "bybit": load_bybit,
    "coinbase": load_coinbase,
    "kraken": load_kraken,
    "kucoin": load_kucoin,
    "okx": load_okx,
}
