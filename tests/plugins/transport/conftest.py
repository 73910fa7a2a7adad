"""One engine with one fake exchange on a fake network, and a clock that tests move."""

import json

import pytest

from tests.fakes.clock import ManualClock, settle
from tests.fakes.exchange import FakeExchange, confirm, fake_instrument, instruments_body, snapshot_body
from tests.fakes.ids import CountingIds
from tests.fakes.network import FakeNetwork
from tests.fakes.sink import RecordingSink
from twap.plugins.transport import FeedEngine, Timing


class Market:
    """What a test of the engine works with."""

    def __init__(self, exchange, *others, share=0.5, **settings):
        self.clock, self.ids, self.sink = ManualClock(), CountingIds(share), RecordingSink()
        self.exchange = exchange
        self.network = FakeNetwork(
            {
                "/instruments": [instruments_body("BTC-USDT", "ETH-USDT")],
                "/snapshot": [snapshot_body(100)],
            },
            answer=confirm if exchange.rules.snapshot_by_rest else None,
        )
        self.network.clock = self.clock
        settings.setdefault("timing", Timing(closing=0.2))
        self.engine = FeedEngine(
            {one.name: one for one in (exchange, *others)},
            self.sink,
            self.clock,
            self.ids,
            transport=self.network,
            **settings,
        )

    async def acquire(self, *natives, exchange=None):
        """Begin feeds, and let what can happen at once happen."""
        for native in natives:
            self.engine.acquire(fake_instrument(native, exchange or self.exchange.name))
        await self.clock.advance(0.01)

    async def release(self, native):
        self.engine.release(fake_instrument(native, self.exchange.name))
        await settle()

    async def push(self, *frames, connection=None):
        (connection or self.network.connection).push(*frames)
        await settle()

    def book(self, symbol="BTCUSDT", exchange=None):
        return self.sink.books[exchange or self.exchange.name, symbol]

    def asked(self, op, connection=None):
        """Symbols of the client's frames with that `op`, frame by frame."""
        sent = (connection or self.network.connection).sent
        frames = [json.loads(text) for text in sent if text.startswith("{")]
        return [said.get("symbols") for said in frames if said["op"] == op]

    def status(self, name=None):
        wanted = name or self.exchange.name
        return next(status for status in self.engine.status() if status.exchange == wanted)


@pytest.fixture
async def make_market():
    markets = []

    async def make(exchange=None, *others, **settings):
        market = Market(exchange or FakeExchange(), *others, **settings)
        markets.append(market)
        await market.engine.start()
        return market

    yield make
    for market in markets:
        await market.engine.close()
