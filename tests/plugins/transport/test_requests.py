"""Requests by HTTP: instruments, candles, rate limits and the exchange's "come back later"."""

import asyncio
import json
from datetime import timedelta

import pytest

from tests.fakes.clock import NOON, ManualClock, settle
from tests.fakes.exchange import FakeExchange, instruments_body
from tests.fakes.network import FakeNetwork
from twap.plugins.transport.limiter import Limiter
from twap.plugins.transport.rest import pause_asked_for
from twap.ports.errors import (
    AmbiguousSymbol,
    ExchangeUnavailable,
    InvalidField,
    UnknownInterval,
    UnknownSymbol,
    UpstreamError,
)
from twap.ports.exchange import Limits
from twap.ports.transport import HttpResponse


async def finish(market, work, seconds=5):
    """The result of `work` while the clock runs on."""
    task = asyncio.ensure_future(work)
    await market.clock.advance(seconds)
    return await asyncio.wait_for(task, 1)


def opening(*minutes):
    return json.dumps([int((NOON + timedelta(minutes=minute)).timestamp()) for minute in minutes]).encode()


async def test_instruments_when_asked_by_many_at_once_then_one_request(make_market):
    market = await make_market()
    answers = await asyncio.gather(*(market.engine.instruments("fake") for _ in range(20)))
    assert all(list(answer) == ["BTCUSDT", "ETHUSDT"] for answer in answers)
    assert market.network.paths() == ["/instruments"]


async def test_instruments_when_one_who_asked_gives_up_then_the_others_get_them(make_market):
    market = await make_market()
    impatient = asyncio.ensure_future(market.engine.instruments("Fake"))
    patient = asyncio.ensure_future(market.engine.instruments("Fake"))
    await asyncio.sleep(0)
    impatient.cancel()
    assert "BTCUSDT" in await patient


async def test_instruments_when_an_hour_old_then_old_ones_at_once_and_new_ones_later(make_market):
    market = await make_market()
    await market.engine.instruments("Fake")
    market.network.reply("/instruments", instruments_body("SOL-USDT"))
    await market.clock.advance(3601)
    assert "BTCUSDT" in await market.engine.instruments("Fake")
    await settle()
    assert list(await market.engine.instruments("Fake")) == ["SOLUSDT"]


async def test_instrument_when_it_was_listed_since_then_known_soon_after_it_is_asked_for(make_market):
    market = await make_market()
    await market.engine.instruments("Fake")
    market.network.reply("/instruments", instruments_body("BTC-USDT", "NEW-USDT"))
    await market.clock.advance(61)
    with pytest.raises(UnknownSymbol):
        await market.engine.instrument("Fake", "NEWUSDT")
    await settle()
    assert (await market.engine.instrument("Fake", "NEWUSDT")).native == "NEW-USDT"


async def test_instrument_when_misspelt_again_and_again_then_the_list_is_fetched_once_a_minute(make_market):
    market = await make_market()
    for _ in range(100):
        with pytest.raises(UnknownSymbol):
            await market.engine.instrument("Fake", "BTCUSDDT")
        await market.clock.advance(2)
    assert len(market.network.requests) == 4


async def test_instruments_when_renewal_fails_then_the_old_ones_stay(make_market):
    market = await make_market()
    await market.engine.instruments("Fake")
    market.network.reply("/instruments", HttpResponse(404, {}, b""))
    await market.clock.advance(3601)
    for _ in range(3):
        assert "BTCUSDT" in await market.engine.instruments("Fake")
        await settle()
    assert len(market.network.requests) == 2


async def test_instruments_when_first_fetch_fails_then_said_and_forgotten_soon(make_market):
    market = await make_market()
    market.network.reply("/instruments", b"<html>", instruments_body("BTC-USDT"))
    for _ in range(3):
        with pytest.raises(UpstreamError, match="no JSON"):
            await market.engine.instruments("Fake")
    assert len(market.network.requests) == 1
    await market.clock.advance(2)
    assert "BTCUSDT" in await market.engine.instruments("Fake")


async def test_instrument_when_two_share_a_symbol_then_ambiguous_and_left_out(make_market):
    market = await make_market()
    market.network.reply("/instruments", instruments_body("AB-CUSDT", "ABC-USDT", "BTC-USDT"))
    assert list(await market.engine.instruments("Fake")) == ["BTCUSDT"]
    with pytest.raises(AmbiguousSymbol, match="AB-CUSDT, ABC-USDT"):
        await market.engine.instrument("Fake", "abc-usdt")
    with pytest.raises(UnknownSymbol):
        await market.engine.instrument("Fake", "XYZUSDT")
    assert (await market.engine.instrument("Fake", "btc/usdt")).native == "BTC-USDT"


async def test_request_when_server_fails_then_tried_again_a_few_times(make_market):
    market = await make_market()
    market.network.reply(
        "/instruments", HttpResponse(500, {}, b""), OSError("reset"), instruments_body("A-B")
    )
    assert "AB" in await finish(market, market.engine.instruments("Fake"))
    market.network.reply("/candles", HttpResponse(502, {}, b""))
    with pytest.raises(ExchangeUnavailable, match="HTTP 502"):
        await finish(market, market.engine.candles("Fake", "AB", "1m", NOON - timedelta(hours=1), NOON))
    assert market.network.paths().count("/candles") == 3


async def test_request_when_refused_for_good_then_upstream_error_with_its_words(make_market):
    market = await make_market()
    market.network.reply("/instruments", HttpResponse(400, {}, b'{"msg": "bad parameter"}'))
    with pytest.raises(UpstreamError, match=r"HTTP 400.*bad parameter"):
        await market.engine.instruments("Fake")
    assert len(market.network.requests) == 1


@pytest.mark.parametrize("status", [418, 429, 503])
async def test_retry_after_when_given_then_every_request_of_that_exchange_waits(make_market, status):
    market = await make_market(FakeExchange(by_rest=True), FakeExchange("Other"))
    market.network.reply("/instruments", HttpResponse(status, {"RETRY-after": "30"}, b""))
    with pytest.raises(ExchangeUnavailable) as caught:
        await market.engine.instruments("Fake")
    assert caught.value.retry_after_seconds == 30
    market.network.reply("/instruments", instruments_body("BTC-USDT"))
    assert await market.engine.instruments("Other")
    await market.acquire("BTC-USDT")
    await market.clock.advance(20)
    with pytest.raises(ExchangeUnavailable, match="10 s more"):
        await market.engine.instruments("Fake")
    assert market.network.paths() == ["/instruments", "/instruments"]
    await market.clock.advance(12)
    assert "/snapshot" in market.network.paths()
    assert await market.engine.instruments("Fake")


async def test_retry_after_when_short_then_waited_for(make_market):
    market = await make_market()
    market.network.reply(
        "/instruments", HttpResponse(429, {"Retry-After": "2"}, b""), instruments_body("A-B")
    )
    task = asyncio.ensure_future(market.engine.instruments("Fake"))
    await market.clock.advance(1.9)
    assert len(market.network.requests) == 1
    await market.clock.advance(0.2)
    assert "AB" in await task


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120),
        ("0", 0),
        ("Sat, 01 Feb 2025 12:00:45 GMT", 45),
        ("Sat, 01 Feb 2025 11:00:00 GMT", 0),
        ("soon", None),
        ("-5", None),
        ("", None),
    ],
)
def test_retry_after_when_seconds_or_date_then_read(text, seconds):
    assert pause_asked_for({"retry-After": text}, NOON) == seconds


async def test_limiter_when_asked_by_many_then_in_order_and_never_too_much_in_any_window():
    clock, passed = ManualClock(), []
    limiter = Limiter(clock, 10, 1)

    async def use(number, weight):
        await limiter.take(weight)
        passed.append((number, clock.monotonic(), weight))

    tasks = [asyncio.ensure_future(use(number, 1 + number % 4)) for number in range(40)]
    await clock.advance(30)
    await asyncio.gather(*tasks)
    assert [number for number, _, _ in passed] == list(range(40))
    for _, begin, _ in passed:
        assert sum(weight for _, at, weight in passed if begin <= at < begin + 1) <= 10
    assert passed[-1][1] - passed[0][1] < 15


async def test_rest_when_over_the_weight_then_paced(make_market):
    market = await make_market(FakeExchange(limits=Limits(rest=(2, 60)), candles_per_request=10))
    market.network.reply("/candles", b"[]")
    task = asyncio.ensure_future(
        market.engine.candles("Fake", "BTCUSDT", "1m", NOON - timedelta(minutes=30), NOON)
    )
    await settle()
    assert len(market.network.requests) == 2
    await market.clock.advance(70)
    assert len(market.network.requests) == 4
    assert await task == []


async def test_candles_when_range_is_long_then_pages_in_order_without_repetitions(make_market):
    market = await make_market(FakeExchange(candles_per_request=10))
    start = NOON - timedelta(minutes=25)
    market.network.reply(
        "/candles", opening(-25, -16, -24, -26), opening(-16, -15, -14), opening(-5, -1, 0, -14)
    )
    candles = await market.engine.candles("Fake", "BTCUSDT", "1m", start, NOON)
    assert [(c.open_at - NOON) / timedelta(minutes=1) for c in candles] == [-25, -24, -16, -15, -14, -5, -1]
    asked = [request.query for request in market.network.requests if request.path == "/candles"]
    assert [(int(q["end"]) - int(q["start"])) / 60 for q in asked] == [10, 10, 5]
    assert int(asked[0]["start"]) == start.timestamp()


async def test_candles_when_the_last_one_still_runs_then_marked(make_market):
    market = await make_market()
    market.network.reply("/candles", opening(-1, 0))
    candles = await market.engine.candles(
        "Fake", "BTCUSDT", "1m", NOON - timedelta(minutes=1), NOON + timedelta(minutes=1)
    )
    assert [candle.closed for candle in candles] == [True, False]


async def test_candles_when_a_month_still_runs_then_marked_by_the_calendar(make_market):
    market = await make_market()
    market.clock.time = NOON.replace(month=3, day=30)
    first_of_march = int(NOON.replace(month=3, day=1, hour=0).timestamp())
    market.network.reply("/candles", json.dumps([first_of_march]).encode())
    [candle] = await market.engine.candles("Fake", "BTCUSDT", "1M", NOON, market.clock.time)
    assert not candle.closed


async def test_candles_when_asked_by_many_at_once_then_fetched_once(make_market):
    market = await make_market()
    market.network.reply("/candles", opening(-1))
    start = NOON - timedelta(minutes=5)
    ask = [market.engine.candles("Fake", "BTCUSDT", "1m", start, NOON) for _ in range(5)]
    answers = await asyncio.gather(*ask)
    assert [len(answer) for answer in answers] == [1] * 5
    assert market.network.paths().count("/candles") == 1


@pytest.mark.parametrize(
    ("start", "end", "field"),
    [(0, 0, "end_time"), (5, 0, "end_time"), (-300_000, 0, "end_time")],
)
async def test_candles_when_range_is_wrong_then_refused(make_market, start, end, field):
    market = await make_market()
    with pytest.raises(InvalidField) as caught:
        await market.engine.candles(
            "Fake", "BTCUSDT", "1m", NOON + timedelta(minutes=start), NOON + timedelta(minutes=end)
        )
    assert caught.value.field == field


async def test_candles_when_older_than_the_exchange_keeps_then_earliest_is_named(make_market):
    market = await make_market(FakeExchange(candle_history=60))
    market.network.reply("/candles", opening(-1))
    with pytest.raises(InvalidField, match="2025-02-01T11:01:00Z") as caught:
        await market.engine.candles("Fake", "BTCUSDT", "1m", NOON - timedelta(minutes=60), NOON)
    assert caught.value.field == "start_time"
    assert await market.engine.candles("Fake", "BTCUSDT", "1m", NOON - timedelta(minutes=59), NOON)


async def test_candles_when_interval_is_unknown_then_the_supported_ones_are_named(make_market):
    market = await make_market()
    with pytest.raises(UnknownInterval, match="1m, 1h, 1M"):
        await market.engine.candles("Fake", "BTCUSDT", "7m", NOON, NOON + timedelta(hours=1))
    assert market.engine.intervals("fake") == ("1m", "1h", "1M")


async def test_candles_when_range_lies_ahead_then_none_and_no_request(make_market):
    market = await make_market()
    start = NOON + timedelta(days=3)
    assert await market.engine.candles("Fake", "BTCUSDT", "1m", start, start + timedelta(hours=1)) == []
    assert "/candles" not in market.network.paths()


async def test_network_when_used_as_a_fake_then_unknown_paths_are_404():
    response = await FakeNetwork().request("", FakeExchange().instruments_request(), 1)
    assert response.status == 404
