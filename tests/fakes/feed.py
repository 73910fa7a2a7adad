"""A market feed that knows what a test tells it."""

from dataclasses import dataclass, field
from decimal import Decimal

from twap.ports.errors import ExchangeUnavailable, UnknownExchange, UnknownInterval, UnknownSymbol
from twap.ports.feed import FeedStatus
from twap.ports.market import BookState, Instrument, canonical_symbol


def instrument(symbol="BTCUSDT", exchange="Binance", tick="0.01", lot="0.00001", **more):
    """An instrument quoted in the last four letters of its symbol."""
    base, quote = symbol[:-4], symbol[-4:]
    return Instrument(exchange, symbol, f"{base}-{quote}", base, quote, Decimal(tick), Decimal(lot), **more)


def feed_status(exchange="Binance", state=BookState.LIVE, reason=None):
    return FeedStatus(exchange, state, reason, 1, 2, 43, 1000, 19.5, 0, 1, 2, 0, 0, 3)


def default_instruments():
    return {
        "Binance": [instrument(), instrument("ETHUSDT"), instrument("PEPEUSDT", tick="0.00000001", lot="1")],
        "Kucoin": [instrument(exchange="Kucoin"), instrument("ETHUSDT", "Kucoin")],
    }


@dataclass
class FakeFeed:
    """Implements twap.ports.feed.MarketFeed.

    listed    instruments by exchange
    history   candles by (exchange, symbol, interval)
    down      exchanges that can't be reached, with the reason
    statuses  by exchange; live where there is none
    acquired  how often each (exchange, symbol) is held
    """

    listed: dict = field(default_factory=default_instruments)
    history: dict = field(default_factory=dict)
    down: dict = field(default_factory=dict)
    statuses: dict = field(default_factory=dict)
    acquired: dict = field(default_factory=dict)
    supported: tuple = ("1m", "1h", "1d")

    def exchanges(self):
        return sorted(self.listed)

    def name_of(self, exchange):
        for name in self.listed:
            if name.casefold() == exchange.casefold():
                return name
        raise UnknownExchange(exchange, self.listed)

    async def instruments(self, exchange):
        name = self.name_of(exchange)
        if name in self.down:
            raise ExchangeUnavailable(name, self.down[name])
        return {each.symbol: each for each in self.listed[name]}

    async def instrument(self, exchange, symbol):
        found = (await self.instruments(exchange)).get(canonical_symbol(symbol))
        if found is None:
            raise UnknownSymbol(symbol, self.name_of(exchange))
        return found

    def intervals(self, exchange):
        return self.supported

    async def candles(self, exchange, symbol, interval, start, end):
        if interval not in self.supported:
            raise UnknownInterval(interval, self.supported)
        known = self.history.get((exchange, symbol, interval), [])
        return [each for each in known if start <= each.open_at < end]

    def acquire(self, instrument):
        key = instrument.exchange, instrument.symbol
        self.acquired[key] = self.acquired.get(key, 0) + 1

    def release(self, instrument):
        self.acquired[instrument.exchange, instrument.symbol] -= 1

    def status(self):
        return [self.statuses.get(name) or self._status(name) for name in self.exchanges()]

    def _status(self, name):
        if name in self.down:
            return feed_status(name, BookState.DOWN, self.down[name])
        return feed_status(name)
