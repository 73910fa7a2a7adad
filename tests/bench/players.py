"""The contenders: the product's whole path, and two floors written as plainly as possible, without any check.

A player is made anew for each run: `play` is what is timed. Snapshots that come by REST are in the books
before, on both sides; those that come in the stream are part of the run, on both sides.
"""

from decimal import Decimal

import msgspec

from twap.domain.book import PriceTexts
from twap.domain.synchroniser import Synchroniser
from twap.plugins.clock.system import SystemClock
from twap.plugins.transport.counters import Counters
from twap.plugins.transport.subscription import Subscription
from twap.ports.events import Delta, Snapshot
from twap.ports.feed import Pulse
from twap.ports.market import Instrument


def _refuse(cause, reason):
    raise AssertionError(f"a recorded book asks for a remedy: {cause}: {reason}")


class Product:
    """Codec, sequence and checksum rules, book, status counters: what `Session` does with every frame."""

    def __init__(self, tape):
        self.frames, self.codec, self.counters = tape.frames, tape.exchange.codec(), Counters()
        self.clock = SystemClock()
        self.pulse = Pulse(self.clock.monotonic())
        self.subscriptions = {}
        prices = PriceTexts()
        for symbol in tape.symbols:
            instrument = Instrument(
                tape.exchange.name, symbol, symbol, "BASE", "QUOTE", Decimal("0.1"), Decimal("0.1")
            )
            book = Synchroniser(instrument, tape.rules, prices, _refuse)
            book.connected(self.pulse)
            if symbol in tape.bodies:
                book.snapshot(tape.exchange.snapshot(tape.bodies[symbol], symbol))
            subscription = self.subscriptions[symbol] = Subscription(instrument, self.counters)
            subscription.book = book

    def play(self):
        decode, subscriptions = self.codec.receive, self.subscriptions
        pulse, counters, monotonic = self.pulse, self.counters, self.clock.monotonic
        for frame in self.frames:
            pulse.seen_at = monotonic()
            counters.messages += 1
            for event in decode(frame):
                if type(event) is Delta:
                    subscription = subscriptions[event.symbol]
                    subscription.last = event
                    subscription.book.delta(event)
                elif type(event) is Snapshot:
                    subscriptions[event.symbol].book.snapshot(event)

    def best(self, symbol):
        book = self.subscriptions[symbol].book
        assert book.is_true, book.reason
        return book.book.bids.best(1)[0].price, book.book.asks.best(1)[0].price


class Decode:
    """JSON to plain objects, and nothing more."""

    def __init__(self, tape):
        self.frames, self.decode = tape.frames, msgspec.json.Decoder().decode

    def play(self):
        decode = self.decode
        for frame in self.frames:
            decode(frame)


class Decimals:
    """Decode, then `dict[Decimal, Decimal]` a side. books: (bids, asks) by symbol."""

    def __init__(self, tape):
        self.frames, self.decode = tape.frames, msgspec.json.Decoder().decode
        self.books = {symbol: ({}, {}) for symbol in tape.symbols}
        for symbol, body in tape.bodies.items():
            snapshot = tape.exchange.snapshot(body, symbol)
            bids, asks = self.books.setdefault(symbol, ({}, {}))
            put(bids, snapshot.bids)
            put(asks, snapshot.asks)

    def best(self, symbol):
        bids, asks = self.books[symbol]
        return max(bids), min(asks)


def put(side, levels):
    for level in levels:
        price, quantity = Decimal(level[0]), Decimal(level[1])
        if quantity:
            side[price] = quantity
        else:
            side.pop(price, None)


class BinanceDecimals(Decimals):
    def play(self):
        decode, books = self.decode, self.books
        for frame in self.frames:
            message = decode(frame)
            bids, asks = books[message["s"]]
            put(bids, message["b"])
            put(asks, message["a"])


class BybitDecimals(Decimals):
    def play(self):
        decode, books = self.decode, self.books
        for frame in self.frames:
            changes = decode(frame)["data"]
            bids, asks = books[changes["s"]]
            put(bids, changes["b"])
            put(asks, changes["a"])


class CoinbaseDecimals(Decimals):
    def play(self):
        decode, books = self.decode, self.books
        for frame in self.frames:
            for event in decode(frame)["events"]:
                bids, asks = books[event["product_id"]]
                for update in event["updates"]:
                    side = bids if update["side"] == "bid" else asks
                    price, quantity = Decimal(update["price_level"]), Decimal(update["new_quantity"])
                    if quantity:
                        side[price] = quantity
                    else:
                        side.pop(price, None)


class KrakenDecimals(Decimals):
    """Its prices are JSON numbers, read as Decimals right away. Levels that fall out of the window stay."""

    def __init__(self, tape):
        super().__init__(tape)
        self.decode = msgspec.json.Decoder(float_hook=Decimal).decode

    def play(self):
        decode, books = self.decode, self.books
        for frame in self.frames:
            message = decode(frame)
            if message.get("channel") != "book":
                continue
            for book in message["data"]:
                bids, asks = books[book["symbol"]]
                for side, levels in ((bids, book["bids"]), (asks, book["asks"])):
                    for level in levels:
                        if level["qty"]:
                            side[level["price"]] = level["qty"]
                        else:
                            side.pop(level["price"], None)


class KucoinDecimals(Decimals):
    """A price of 0 moves the sequence alone."""

    def play(self):
        decode, books = self.decode, self.books
        for frame in self.frames:
            update = decode(frame)["data"]
            bids, asks = books[update["symbol"]]
            put(bids, update["changes"]["bids"])
            put(asks, update["changes"]["asks"])

    def best(self, symbol):
        bids, asks = self.books[symbol]
        return max(bids), min(price for price in asks if price)


class OKXDecimals(Decimals):
    def play(self):
        decode, books = self.decode, self.books
        for frame in self.frames:
            message = decode(frame)
            bids, asks = books[message["arg"]["instId"]]
            for book in message["data"]:
                put(bids, book["bids"])
                put(asks, book["asks"])


DECIMALS = {
    "binance": BinanceDecimals,
    "bybit": BybitDecimals,
    "coinbase": CoinbaseDecimals,
    "kraken": KrakenDecimals,
    "kucoin": KucoinDecimals,
    "okx": OKXDecimals,
}


def prepared(maker, material):
    """A run of one player per tape, made ready: call it to play them all."""
    players = [maker(tape) for tape in material]

    def play():
        for player in players:
            player.play()

    return play
