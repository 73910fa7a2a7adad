"""Orders and books on recordings."""

import json

from tests.market_data import FOLDER
from twap.domain.market import Market
from twap.entrypoints.backtest.backtest import Terms, backtest, files_by_exchange
from twap.entrypoints.backtest.instruments import Sizes, find_instrument
from twap.entrypoints.backtest.order import read_order, variants
from twap.entrypoints.backtest.replay import ReplayClock, ReplayedFeed, open_recording
from twap.plugins.exchanges import binance, bybit, coinbase, kraken, kucoin, okx
from twap.ports.market import BookState

PLUGINS = (binance, bybit, coinbase, kraken, kucoin, okx)
EXCHANGES = {each.name: each for each in (plugin.twap_exchange() for plugin in PLUGINS)}
AT = 1_700_000_000_000_000
RECORDINGS = FOLDER / "recordings"


def order_of(symbol="NKNUSDT", quantity="2000", limit="0.36", seconds=10, exchanges=("Binance",), **more):
    body = {
        "symbol": symbol,
        "side": "buy",
        "total_quantity": quantity,
        "limit_price": limit,
        "duration_seconds": seconds,
        "exchanges": list(exchanges),
        **more,
    }
    return read_order(json.dumps(body).encode())


def run(fields, paths, compare=(), exchanges=EXCHANGES, sizes=None, **more):
    terms = Terms({name: each.taker_fee for name, each in exchanges.items()}, sizes or {})
    files = files_by_exchange(paths, list(exchanges))
    return backtest(variants(fields, compare), files, exchanges, terms, **more)


class Replayed:
    """One book at every line of a recording."""

    def __init__(self, exchange, paths, symbol, sizes=Sizes(), *, only=lambda line: True):  # noqa: B008
        recording = open_recording(files_by_exchange(paths, [exchange.name]))
        instrument = find_instrument(recording, exchange, symbol, sizes).instrument
        self.clock = ReplayClock(recording.first)
        self.market = Market(self.clock)
        self.feed = ReplayedFeed(exchange, instrument, self.market, self.clock)
        self.exchange, self.symbol, self.seen, self.states = exchange.name, symbol, {}, []
        for _, kind, line in recording.lines():
            if not only(line):
                continue
            self.clock.at = line.at
            self.feed.take(kind, line)
            self.note()

    def note(self):
        source = self.market.source(self.exchange, self.symbol)
        if not self.states or self.states[-1] != source.state:
            self.states.append(source.state)
        if source.state is BookState.LIVE:
            self.seen[source.sequence] = self.best()

    def best(self, depth=None):
        sides = self.market.levels(self.exchange, self.symbol)
        return [[(level.price, level.quantity) for level in side[:depth]] for side in sides]
