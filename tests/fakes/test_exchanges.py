"""The stand-ins checked with plain clients, by the exchanges' documented rules."""

import asyncio
import itertools
import json
from decimal import Decimal

import aiohttp
import pytest

from tests.fakes.exchanges import recorded, synthetic
from tests.market_data import golden, needs_recordings

NOW = 1_730_000_000


@pytest.fixture
async def http():
    async with aiohttp.ClientSession() as session:
        yield session


async def get(http, server, path, **query):
    async with http.get(server.rest_url + path, params=query) as response:
        return await response.json(content_type=None)


async def frames(socket, count):
    return [json.loads((await socket.receive(2)).data) for _ in range(count)]


class Rebuilt:
    """A book put together from what came over the wire."""

    def __init__(self, bids, asks):
        self.bids, self.asks = {}, {}
        self.apply(bids, asks)

    def apply(self, bids, asks):
        for side, levels in ((self.bids, bids), (self.asks, asks)):
            for price, quantity, *_ in levels:
                side[Decimal(price)] = Decimal(quantity)
                if not Decimal(quantity):
                    del side[Decimal(price)]

    def best_first(self, depth=None):
        bids = sorted(self.bids.items(), reverse=True)[:depth]
        return bids, sorted(self.asks.items())[:depth]


def exact(levels):
    return [(Decimal(price), Decimal(quantity)) for price, quantity in levels]


def true_book(server, symbol, depth=None):
    bids, asks, _ = server.book(symbol, depth)
    return exact(bids), exact(asks)


async def binance_subscribe(http, server, *streams):
    socket = await http.ws_connect(server.ws_url + "/ws")
    await socket.send_str(json.dumps({"method": "SUBSCRIBE", "params": streams, "id": 7}))
    assert await frames(socket, 1) == [{"result": None, "id": 7}]
    return socket


async def test_binance_when_synced_by_its_rules_then_true_book(http):
    async with synthetic("binance", ["BTCUSDT", "ETHUSDT"]) as server:
        socket = await binance_subscribe(http, server, "btcusdt@depth@100ms")
        await server.step(3, "BTCUSDT")
        snapshot = await get(http, server, "/api/v3/depth", symbol="BTCUSDT", limit="1000")
        await server.step(40, "BTCUSDT")
        await server.step(5, "ETHUSDT")
        book, last = Rebuilt(snapshot["bids"], snapshot["asks"]), snapshot["lastUpdateId"]
        for event in await frames(socket, 43):
            if event["u"] <= snapshot["lastUpdateId"]:
                continue
            assert event["U"] == last + 1
            book.apply(event["b"], event["a"])
            last = event["u"]
        assert book.best_first() == true_book(server, "BTCUSDT")
        assert last == server.book("BTCUSDT")[2]
        assert server.violations == []


@needs_recordings
async def test_binance_when_recording_is_replayed_then_golden_book(http):
    async with recorded("binance") as server:
        streams = [f"{symbol.lower()}@depth@100ms" for symbol in server.market.symbols]
        socket = await http.ws_connect(server.ws_url + "/stream?streams=" + "/".join(streams))
        await socket.send_str('{"method":"LIST_SUBSCRIPTIONS","id":1}')
        assert len((await frames(socket, 1))[0]["result"]) == 4
        await server.step(1000)
        for symbol, expected in golden("binance").items():
            bids, asks = true_book(server, symbol, 10)
            assert (bids, asks) == (exact(expected["bids"]), exact(expected["asks"]))
        assert (await frames(socket, 1))[0]["stream"].endswith("@depth@100ms")


async def test_binance_when_candles_are_asked_then_page_by_its_rules(http):
    async with synthetic("binance", ["BTCUSDT"], now=lambda: NOW) as server:
        newest = await get(http, server, "/api/v3/klines", symbol="BTCUSDT", interval="1m", limit="50")
        assert len(newest) == 50
        assert newest[-1][0] <= NOW * 1000 <= newest[-1][6]
        first = newest[0][0]
        page = {"symbol": "BTCUSDT", "interval": "1m", "startTime": str(first), "limit": "10"}
        assert await get(http, server, "/api/v3/klines", **page) == newest[:10]
        opens = [row[0] for row in newest]
        assert opens == sorted(opens)
        assert any(b - a > 60_000 for a, b in itertools.pairwise(opens))


async def test_binance_when_client_sends_too_fast_then_cut_off_and_counted(http):
    async with synthetic("binance", ["BTCUSDT"]) as server:
        socket = await http.ws_connect(server.ws_url + "/ws")
        for number in range(8):
            await socket.send_str(json.dumps({"method": "LIST_SUBSCRIPTIONS", "id": number}))
        kinds = [(await socket.receive(2)).type for _ in range(6)]
        assert kinds[-1] in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)
        assert len(server.violations) == 1


async def test_market_when_seed_is_the_same_then_same_book():
    async with synthetic("binance", ["BTCUSDT"]) as one, synthetic("binance", ["BTCUSDT"]) as other:
        await one.step(500)
        await other.step(500)
        assert one.book("BTCUSDT") == other.book("BTCUSDT")
        (bid, _), (ask, _) = one.market.books["BTCUSDT"].top()
        assert Decimal(bid) < Decimal(ask)
        assert 50 < len(one.book("BTCUSDT")[0]) < 150


async def test_server_when_restarted_then_same_port_and_book_goes_on(http):
    async with synthetic("binance", ["BTCUSDT"]) as server:
        before = server.rest_url
        socket = await binance_subscribe(http, server, "btcusdt@depth")
        await server.stop()
        assert (await socket.receive(2)).type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)
        await server.start()
        assert server.rest_url == before
        await asyncio.wait_for(binance_subscribe(http, server, "btcusdt@depth"), 2)
