from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from tests.api.conftest import exact, make_api, problem
from tests.fakes.feed import FakeFeed
from twap.ports.market import Candle

MIDNIGHT = datetime(2025, 2, 1, tzinfo=UTC)
RANGE = "start_time=2025-02-01T00:00:00Z&end_time=2025-02-01T03:00:00Z"


def candle(hour, closed=True):
    prices = [Decimal(text) for text in ("100635.65", "100800.10", "0.00000001", "100700")]
    return Candle(MIDNIGHT + timedelta(hours=hour), *prices, Decimal("12.5"), closed)


async def test_exchanges_when_asked_then_enabled_ones_sorted(api):
    response = await api.client.get("/exchanges")
    assert await response.get_json() == {"exchanges": ["Binance", "Kucoin"]}


async def test_exchanges_status_when_one_is_down_then_says_why():
    api = make_api(feed=FakeFeed(down={"Kucoin": "refused"}))
    told = (await (await api.client.get("/exchanges/status")).get_json())["exchanges"]
    assert told["Binance"]["connected"] is True
    assert told["Binance"]["last_message_age_ms"] == 43
    assert (told["Kucoin"]["state"], told["Kucoin"]["reason"]) == ("down", "refused")


@pytest.mark.parametrize("name", ["Binance", "binance"])
async def test_symbols_when_exchange_is_known_then_sorted(api, name):
    response = await api.client.get(f"/{name}/symbols")
    assert await response.get_json() == {"symbols": ["BTCUSDT", "ETHUSDT", "PEPEUSDT"]}


async def test_symbols_when_client_has_them_then_304_without_body(api):
    tag = (await api.client.get("/Binance/symbols")).headers["ETag"]
    response = await api.client.get("/Binance/symbols", headers={"If-None-Match": tag})
    assert (response.status_code, await response.get_data()) == (304, b"")
    assert response.headers["ETag"] == tag


async def test_symbols_when_exchange_is_unknown_then_404_naming_the_known(api):
    told = await problem(await api.client.get("/Nasdaq/symbols"), 404)
    assert "Binance, Kucoin" in told["detail"]


async def test_symbols_when_exchange_is_away_then_503_with_retry_after():
    api = make_api(feed=FakeFeed(down={"Binance": "connection refused"}))
    response = await api.client.get("/Binance/symbols")
    assert "connection refused" in (await problem(response, 503))["detail"]
    assert response.headers["Retry-After"] == "5"


@pytest.mark.parametrize("symbol", ["BTC/USDT", "BTC%2FUSDT", "BTCUSDT/", "btc-usdt"])
async def test_klines_when_symbol_is_written_otherwise_then_same_candles(symbol):
    api = make_api(feed=FakeFeed(history={("Binance", "BTCUSDT", "1h"): [candle(0)]}))
    response = await api.client.get(f"/klines/Binance/{symbol}?interval=1h&{RANGE}")
    assert list((await response.get_json())["klines"]) == ["2025-02-01T00:00:00Z"]


async def test_klines_when_asked_then_exact_ascending_and_closed_ones_only():
    history = {("Binance", "BTCUSDT", "1h"): [candle(0), candle(1), candle(2, closed=False)]}
    api = make_api(feed=FakeFeed(history=history))
    response = await api.client.get(f"/klines/binance/BTC-USDT?interval=1h&{RANGE}")
    text = await response.get_data(as_text=True)
    klines = exact(text)["klines"]
    assert list(klines) == ["2025-02-01T00:00:00Z", "2025-02-01T01:00:00Z"]
    assert klines["2025-02-01T00:00:00Z"]["Open"] == Decimal("100635.65")
    assert '"Low":0.00000001' in text


@pytest.mark.parametrize(
    "start",
    [
        "2025-02-01T00:00:00",
        "2025-02-01",
        "2025-02-01T01:00:00%2B01:00",
        "2025-02-01T01:00:00+01:00",
        "2025-02-01T00:00:00.0000000Z",
        "2025-02-01t00:00:00.000000999z",
    ],
)
async def test_klines_when_start_is_written_otherwise_then_same_moment(start):
    api = make_api(feed=FakeFeed(history={("Binance", "BTCUSDT", "1h"): [candle(0)]}))
    address = f"/klines/Binance/BTCUSDT?interval=1h&start_time={start}&end_time=2025-02-01T03:00:00Z"
    response = await api.client.get(address)
    assert list((await response.get_json())["klines"]) == ["2025-02-01T00:00:00Z"]


@pytest.mark.parametrize(
    ("query", "field", "said"),
    [
        (f"interval=7m&{RANGE}", "interval", "supported: 1m, 1h, 1d"),
        (RANGE, "interval", "is required"),
        ("interval=1h&end_time=2025-02-01T00:00:00Z", "start_time", "is required"),
        ("interval=1h&start_time=now&end_time=2025-02-01", "start_time", "ISO 8601"),
        ("interval=1h&start_time=2025-02-30&end_time=2025-03-01", "start_time", "no time that exists"),
        ("interval=1h&start_time=1738368000&end_time=2025-03-01", "start_time", "ISO 8601"),
        ("interval=1h&start_time=2025-02-01&end_time=2025-02-01", "end_time", "later than start_time"),
    ],
)
async def test_klines_when_query_is_wrong_then_422_naming_the_parameter(api, query, field, said):
    told = await problem(await api.client.get(f"/klines/Binance/BTCUSDT?{query}"), 422)
    assert told["errors"][0]["field"] == field
    assert said in told["errors"][0]["problem"]


@pytest.mark.parametrize("path", ["Nasdaq/BTCUSDT", "Binance/NOSUCH"])
async def test_klines_when_exchange_or_symbol_is_unknown_then_404(api, path):
    await problem(await api.client.get(f"/klines/{path}?interval=1h&{RANGE}"), 404)


async def test_klines_when_exchange_is_away_then_503():
    api = make_api(feed=FakeFeed(down={"Binance": "refused"}))
    await problem(await api.client.get(f"/klines/Binance/BTCUSDT?interval=1h&{RANGE}"), 503)
