"""What the stand-ins answer to requests, refuse and count."""

import asyncio
import itertools
import json
import sys
from pathlib import Path

import aiohttp
import pytest

from tests.fakes.exchanges import STAND_INS, recorded, synthetic
from tests.fakes.exchanges.readers import READERS
from tests.market_data import needs_recordings

NOW = 1_730_000_000
HOUR = 3600


@pytest.fixture
async def http():
    async with aiohttp.ClientSession() as session:
        yield session


def made_up(name, **options):
    return synthetic(name, [READERS[name][1]], now=lambda: NOW, **options)


async def get(http, server, path, **query):
    async with http.get(server.rest_url + path, params=query) as response:
        return response.status, await response.json(content_type=None)


MS, S = 1000, 1
PAGES = {
    "binance": ("/api/v3/klines", {"symbol": "BTCUSDT", "interval": "1h"}, ("startTime", "endTime", MS)),
    "bybit": (
        "/v5/market/kline",
        {"category": "spot", "symbol": "BTCUSDT", "interval": "60"},
        ("start", "end", MS),
    ),
    "coinbase": (
        "/api/v3/brokerage/market/products/BTC-USD/candles",
        {"granularity": "ONE_HOUR"},
        ("start", "end", S),
    ),
    "kucoin": ("/api/v1/market/candles", {"symbol": "BTC-USDT", "type": "1hour"}, ("startAt", "endAt", S)),
    "okx": ("/api/v5/market/candles", {"instId": "BTC-USDT", "bar": "1H"}, ("before", "after", MS)),
    "kraken": ("/0/public/OHLC", {"pair": "XBTUSD", "interval": "60"}, ("since", None, S)),
}


def opens(name, answer):
    """Unix seconds of the rows, in the order they came."""
    match name:
        case "binance":
            return [row[0] // 1000 for row in answer]
        case "bybit":
            return [int(row[0]) // 1000 for row in answer["result"]["list"]]
        case "coinbase":
            return [int(row["start"]) for row in answer["candles"]]
        case "kraken":
            return [row[0] for row in answer["result"]["XXBTZUSD"]]
        case "kucoin":
            return [int(row[0]) for row in answer["data"]]
        case "okx":
            return [int(row[0]) // 1000 for row in answer["data"]]


@pytest.mark.parametrize("name", PAGES)
async def test_candles_when_a_range_is_asked_for_then_its_order_and_holes(http, name):
    path, query, (start, end, unit) = PAGES[name]
    first, last = NOW - 300 * HOUR, NOW - 10 * HOUR
    query = {**query, start: str(first * unit)} | ({end: str(last * unit)} if end else {})
    query |= {} if name in ("kucoin", "kraken", "coinbase") else {"limit": "300"}
    async with made_up(name) as server:
        status, answer = await get(http, server, path, **query)
        rows = opens(name, answer)
        assert status == 200
        assert rows == sorted(rows, reverse=name not in ("binance", "kraken"))
        assert all(first <= row <= (last if end else NOW) for row in rows)
        steps = {abs(after - before) for before, after in itertools.pairwise(rows)}
        assert (steps == {HOUR}) is (name == "kraken")
        assert server.violations == []


@pytest.mark.parametrize("name", PAGES)
async def test_candles_when_more_than_the_limit_is_asked_for_then_cut_or_refused(http, name):
    path, query, (start, end, unit) = PAGES[name]
    query = {**query, start: str((NOW - 9000 * HOUR) * unit)} | ({end: str(NOW * unit)} if end else {})
    query |= {} if name in ("kucoin", "kraken", "coinbase") else {"limit": "5000"}
    most = {"binance": 1000, "bybit": 1000, "kucoin": 1500, "okx": 300, "kraken": 721}
    async with made_up(name) as server:
        status, answer = await get(http, server, path, **query)
        if name == "coinbase":
            assert status == 400
            assert server.violations == ["more than 350 candles asked for"]
        else:
            assert len(opens(name, answer)) == most[name]


async def test_kraken_when_older_candles_are_asked_for_then_only_the_last_720(http):
    async with made_up("kraken") as server:
        _, answer = await get(http, server, "/0/public/OHLC", pair="XBTUSD", interval="1", since="0")
        rows = opens("kraken", answer)
        assert len(rows) == 721
        assert rows[-1] <= NOW < rows[-1] + 60


INSTRUMENTS = {
    "binance": ("/api/v3/exchangeInfo", {}, lambda answer: answer["symbols"]),
    "bybit": ("/v5/market/instruments-info", {"category": "spot"}, lambda answer: answer["result"]["list"]),
    "coinbase": ("/api/v3/brokerage/market/products", {}, lambda answer: answer["products"]),
    "kraken": ("/0/public/AssetPairs", {}, lambda answer: answer["result"]),
    "kucoin": ("/api/v2/symbols", {}, lambda answer: answer["data"]),
    "okx": ("/api/v5/public/instruments", {"instType": "SPOT"}, lambda answer: answer["data"]),
}


@pytest.mark.parametrize("name", INSTRUMENTS)
async def test_instruments_when_listed_then_one_that_is_not_tradable(http, name):
    path, query, entries = INSTRUMENTS[name]
    async with made_up(name) as server:
        _, answer = await get(http, server, path, **query)
        assert len(entries(answer)) == (3 if name == "coinbase" else 2)


@needs_recordings
@pytest.mark.parametrize("name", INSTRUMENTS)
async def test_instruments_when_recorded_then_every_recorded_symbol_is_there(http, name):
    path, query, entries = INSTRUMENTS[name]
    async with recorded(name) as server:
        _, answer = await get(http, server, path, **query)
        listed = json.dumps(entries(answer)).replace("XBT/USD", "BTC/USD")
        assert all(f'"{symbol}"' in listed for symbol in server.market.symbols)


@pytest.mark.parametrize(("kind", "status"), [("http_429", 429), ("http_418", 418), ("http_5xx", 503)])
async def test_rest_when_told_to_fail_then_once(http, kind, status):
    async with made_up("binance") as server:
        server.fault(kind, count=1, retry_after=7, path="/api/v3/depth")
        async with http.get(server.rest_url + "/api/v3/depth?symbol=BTCUSDT") as response:
            assert (response.status, response.headers["Retry-After"]) == (status, "7")
        assert (await get(http, server, "/api/v3/depth", symbol="BTCUSDT"))[0] == 200


async def test_rest_when_the_body_is_slow_then_half_of_it(http):
    async with made_up("binance") as server:
        server.fault("slow_body", count=1)
        async with http.get(server.rest_url + "/api/v3/depth?symbol=BTCUSDT") as response:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(response.read(), 0.1)


async def test_binance_when_the_weight_is_used_up_then_429_and_then_418(http):
    async with made_up("binance") as server:
        path = "/api/v3/depth"
        answers = [await get(http, server, path, symbol="BTCUSDT", limit="5000") for _ in range(27)]
        assert [status for status, _ in answers[-4:]] == [200, 429, 429, 418]
        assert len(server.violations) == 3


@pytest.mark.parametrize("name", ["binance", "kucoin"])
async def test_snapshot_when_an_old_one_is_served_then_its_sequence_is_behind(http, name):
    path = {"binance": "/api/v3/depth", "kucoin": "/api/v1/market/orderbook/level2_100"}[name]
    symbol = READERS[name][1]
    async with made_up(name) as server:
        first = await get(http, server, path, symbol=symbol)
        await server.step(5)
        server.fault("wrong_snapshot", symbol=symbol, count=1)
        assert await get(http, server, path, symbol=symbol) == first
        assert await get(http, server, path, symbol=symbol) != first


BAD = {
    "bybit": (
        "/v5/public/spot",
        {"op": "subscribe", "args": ["orderbook.50.BTCUSDT", "orderbook.50.NONE"]},
        '"success": false',
    ),
    "coinbase": (
        "/",
        {"type": "subscribe", "channel": "level2", "product_ids": ["NONE-USD"]},
        "not a valid product",
    ),
    "kraken": (
        "/v2",
        {"method": "subscribe", "params": {"channel": "book", "symbol": ["NONE/USD"]}},
        "not supported",
    ),
    "okx": ("/ws/v5/public", {"op": "subscribe", "args": [{"channel": "books", "instId": "NONE"}]}, "60018"),
}


@pytest.mark.parametrize("name", BAD)
async def test_subscription_when_the_symbol_is_unknown_then_refused(http, name):
    path, message, expected = BAD[name]
    async with made_up(name) as server:
        socket = await http.ws_connect(server.ws_url + path)
        await socket.send_str(json.dumps(message))
        replies = [await socket.receive_str(timeout=2)]
        if name == "kraken":
            replies.append(await socket.receive_str(timeout=2))
        assert expected in replies[-1]
        assert server.connections[0].subscriptions == {}


async def test_bybit_when_eleven_args_are_sent_then_refused_and_counted(http):
    async with made_up("bybit") as server:
        socket = await http.ws_connect(server.ws_url + "/v5/public/spot")
        await socket.send_str(json.dumps({"op": "subscribe", "args": ["orderbook.50.BTCUSDT"] * 11}))
        assert not json.loads(await socket.receive_str(timeout=2))["success"]
        assert server.violations == ["more than 10 args in a request"]


async def test_coinbase_when_nothing_is_subscribed_in_time_then_closed(http):
    async with made_up("coinbase") as server:
        server.subscribe_within_seconds = 0.05
        socket = await http.ws_connect(server.ws_url)
        assert (await socket.receive(2)).type == aiohttp.WSMsgType.CLOSE
        assert len(server.violations) == 1


async def test_binance_when_client_sends_too_fast_then_cut_off(http):
    async with made_up("binance") as server:
        socket = await http.ws_connect(server.ws_url + "/ws")
        for number in range(8):
            await socket.send_str(json.dumps({"method": "LIST_SUBSCRIPTIONS", "id": number}))
        kinds = [(await socket.receive(2)).type for _ in range(6)]
        assert kinds[-1] in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)
        assert len(server.violations) == 1


async def test_pings_when_the_exchange_has_its_own_then_answered(http):
    pings = {
        "bybit": ("/v5/public/spot", '{"op":"ping"}', "pong"),
        "kraken": ("/v2", '{"method":"ping","req_id":3}', '"pong"'),
        "okx": ("/ws/v5/public", "ping", "pong"),
    }
    for name, (path, ping, pong) in pings.items():
        async with made_up(name) as server:
            socket = await http.ws_connect(server.ws_url + path)
            await socket.send_str(ping)
            replies = [await socket.receive_str(timeout=2) for _ in range(2 if name == "kraken" else 1)]
            assert pong in replies[-1]


async def test_runner_when_started_as_a_process_then_steered_over_http(http):
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.fakes.exchanges", "okx", "--synthetic", "BTC-USDT", "--rate", "50"),
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[3],
    )
    try:
        ready = json.loads(await asyncio.wait_for(process.stdout.readline(), 10))
        control = ready["rest_url"] + "/control"
        async with http.get(control + "/book?symbol=BTC-USDT&depth=5") as response:
            assert len((await response.json())["bids"]) == 5
        async with http.post(control + "/fault", json={"fault": "skip", "count": 2}) as response:
            assert response.status == 200
        async with http.post(control + "/fault", json={"fault": "nonsense"}) as response:
            assert response.status == 400
        async with http.get(control + "/state") as response:
            assert (await response.json())["symbols"] == ["BTC-USDT"]
    finally:
        process.terminate()
        await process.wait()


def test_stand_ins_when_imported_then_nothing_of_the_product():
    for file in Path(__file__).parent.glob("*.py"):
        if file.name != Path(__file__).name:
            assert "from twap" not in file.read_text()
            assert "import twap" not in file.read_text()
    assert len(STAND_INS) == 6
