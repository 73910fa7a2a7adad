"""The stand-ins checked with plain clients, by the exchanges' documented rules."""

import asyncio
import json
from decimal import Decimal

import aiohttp
import pytest

from tests.fakes.exchanges import STAND_INS, recorded, synthetic
from tests.fakes.exchanges.readers import READERS, Gap, KrakenReader, exact
from tests.market_data import golden, needs_recordings

EXCHANGES = sorted(STAND_INS)


@pytest.fixture
async def http():
    async with aiohttp.ClientSession() as session:
        yield session


def reader(http, server, symbol=None):
    kind, usual = READERS[server.name]
    return kind(http, server, symbol or usual)


def made_up(name, **options):
    return synthetic(name, [READERS[name][1]], levels=60, **options)


@pytest.mark.parametrize("name", EXCHANGES)
async def test_book_when_followed_by_the_rules_then_true_book(http, name):
    async with made_up(name) as server:
        client = await reader(http, server).open()
        await client.catch_up()
        for _ in range(20):
            await server.step(5)
            await client.catch_up()
        assert server.violations == []
        assert server.history[client.symbol][client.sequence] == server.market.books[client.symbol].top()


@pytest.mark.parametrize("name", EXCHANGES)
async def test_delta_when_skipped_then_continuity_rule_breaks(http, name):
    async with made_up(name) as server:
        client = await reader(http, server).open()
        await client.catch_up()
        server.fault("skip", symbol=client.symbol, count=1)
        await server.step(30)
        with pytest.raises(Gap):
            await client.read_on(100)


@pytest.mark.parametrize("name", EXCHANGES)
async def test_delta_when_two_change_places_then_continuity_rule_breaks(http, name):
    async with made_up(name) as server:
        client = await reader(http, server).open()
        await client.catch_up()
        server.fault("reorder", count=1)
        await server.step(30)
        with pytest.raises(Gap):
            await client.read_on(100)


@pytest.mark.parametrize("name", EXCHANGES)
async def test_delta_when_corrupt_then_no_json(http, name):
    async with made_up(name) as server:
        client = await reader(http, server).open()
        await client.catch_up()
        server.fault("corrupt", count=1)
        await server.step(1)
        with pytest.raises(json.JSONDecodeError):
            await client.read_on(10)


async def test_kraken_when_a_digit_is_changed_then_checksum_differs(http):
    async with made_up("kraken") as server:
        client = await reader(http, server).open()
        await client.catch_up()
        server.fault("corrupt", mode="digit")
        await server.step(60)
        with pytest.raises(Gap):
            await client.read_on(70)


@pytest.mark.parametrize("name", EXCHANGES)
async def test_book_when_crossed_on_demand_then_for_one_change(http, name):
    async with made_up(name) as server:
        client = await reader(http, server).open()
        server.fault("crossed", count=1)
        await server.step(1)
        await client.catch_up()
        assert max(client.bids) > min(client.asks)
        await server.step(1)
        await client.catch_up()
        assert max(client.bids) < min(client.asks)


@pytest.mark.parametrize("name", EXCHANGES)
async def test_connection_when_dropped_then_a_new_one_follows_on(http, name):
    async with made_up(name) as server:
        client = await reader(http, server).open()
        await client.catch_up()
        server.fault("drop", symbol=client.symbol)
        with pytest.raises(ConnectionError):
            await client.read_on(5)
        await server.step(3)
        again = await reader(http, server).open()
        await again.catch_up()
        assert server.violations == []


@pytest.mark.parametrize("name", EXCHANGES)
async def test_connection_when_half_open_then_silence(http, name):
    async with made_up(name) as server:
        client = await reader(http, server).open()
        await client.catch_up()
        server.fault("half_open", count=1)
        await client.socket.ping()
        await server.step(3)
        while True:
            try:
                await asyncio.wait_for(client.next(), 0.05)
            except TimeoutError:
                break
        assert not client.same()
        assert len(server.connections) == 1


@pytest.mark.parametrize("name", EXCHANGES)
async def test_connection_when_refused_then_error(http, name):
    async with made_up(name) as server:
        server.fault("refuse", count=1)
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await reader(http, server).open()
        await reader(http, server).open()


@pytest.mark.parametrize("name", EXCHANGES)
async def test_connection_when_shut_down_then_notice_and_close(http, name):
    async with made_up(name) as server:
        client = await reader(http, server).open()
        await client.catch_up()
        server.fault("shutdown", code=1012)
        with pytest.raises(ConnectionError, match="CLOS"):
            await client.read_on(6)
        assert client.socket.close_code == 1012
        if name in ("binance", "okx"):
            assert "serverShutdown" in client.others[-1] or "notice" in client.others[-1]


@pytest.mark.parametrize("name", EXCHANGES)
async def test_server_when_restarted_then_same_port_and_the_book_goes_on(http, name):
    async with made_up(name) as server:
        before = server.rest_url
        client = await reader(http, server).open()
        await server.stop()
        with pytest.raises(ConnectionError):
            await client.read_on(9)
        await server.start()
        assert server.rest_url == before
        await (await reader(http, server).open()).catch_up()


@needs_recordings
@pytest.mark.parametrize("name", EXCHANGES)
async def test_recording_when_replayed_then_golden_books(http, name):
    async with recorded(name) as server:
        symbol = server.market.symbols[0]
        client = reader(http, server, symbol)
        if name == "kraken":
            client.depth = 25
        await client.open()
        await server.step(len(server.market.order))
        books = golden({"bybit": "bybit_v5", "kraken": "kraken_v2"}.get(name, name))
        for key, expected in books.items():
            if (known := key.partition(":")[2] or key) in server.market.books and not key.startswith(
                "conn1:"
            ):
                bids, asks, _ = server.book(known, 10)
                assert (exact(bids), exact(asks)) == (exact(expected["bids"]), exact(expected["asks"])), known
        top = [exact([level])[0] for level in server.market.books[symbol].top()]
        while [side[:1] for side in client.best_first()] != [[level] for level in top]:
            await client.next()
        assert server.violations == []


async def test_kraken_when_a_book_of_ten_is_followed_then_checksums_agree(http):
    async with synthetic("kraken", ["XRP/USD"], levels=30) as server:
        client = KrakenReader(http, server, "XRP/USD")
        client.depth = 10
        await client.open()
        for _ in range(100):
            await server.step(1)
        server.connections[0].send('{"channel":"end"}')
        while '{"channel":"end"}' not in client.others:
            await client.next()
        bids, asks, _ = server.book("XRP/USD", 10)
        assert client.best_first() == (exact(bids), exact(asks))


async def test_market_when_seed_is_the_same_then_same_book():
    async with made_up("binance") as one, made_up("binance") as other:
        await one.step(500)
        await other.step(500)
        assert one.book("BTCUSDT") == other.book("BTCUSDT")
        (bid, _), (ask, _) = one.market.books["BTCUSDT"].top()
        assert Decimal(bid) < Decimal(ask)
        assert 30 < len(one.book("BTCUSDT")[0]) < 90
