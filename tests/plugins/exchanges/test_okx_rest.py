"""OKX's REST bodies: instruments, candles, and what else comes by request."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.market_data import fixture, needs_recordings
from tests.plugins.exchanges.mutations import DAMAGE
from twap.plugins.exchanges.okx import OKX
from twap.ports.errors import CodecError
from twap.ports.market import Instrument

EXCHANGE = OKX()

BTCUSDT = Instrument("OKX", "BTCUSDT", "BTC-USDT", "BTC", "USDT", Decimal("0.1"), Decimal("0.00000001"))


PAIR = {
    "instId": "BTC-USDT",
    "instType": "SPOT",
    "baseCcy": "BTC",
    "quoteCcy": "USDT",
    "tickSz": "0.10",
    "lotSz": "0.00000001",
    "minSz": "0.00001",
    "state": "live",
}


ROW = ["1747094040000", "102806.10", "102820.4", "102800", "102820.4", "1040.370", "10.4", "1069603.3", "1"]


def body(*data):
    return json.dumps({"code": "0", "msg": "", "data": data}).encode()


def test_instruments_when_one_is_unreadable_then_the_rest():
    listed = [
        PAIR,
        {**PAIR, "state": "suspend"},
        {**PAIR, "instType": "SWAP"},
        {**PAIR, "tickSz": ""},
        {**PAIR, "lotSz": "-1"},
        {"instId": "X-Y"},
        {**PAIR, "instId": ""},
        {**PAIR, "baseCcy": ""},
        {**PAIR, "quoteCcy": ""},
        7,
    ]

    (instrument,) = EXCHANGE.instruments(body(*listed))

    assert instrument == Instrument(
        "OKX",
        "BTCUSDT",
        "BTC-USDT",
        "BTC",
        "USDT",
        tick_size=Decimal("0.1"),
        lot_size=Decimal("0.00000001"),
        min_quantity=Decimal("0.00001"),
    )
    assert EXCHANGE.instruments_request().query == {"instType": "SPOT"}


@needs_recordings
def test_instruments_when_fixture_then_all_five():
    instruments = EXCHANGE.instruments(fixture("okx/nautilus__http_get_instruments_spot.json"))

    assert [i.symbol for i in instruments] == ["BTCUSD", "ETHUSD", "SOLUSD", "XRPUSD", "USDTUSD"]
    assert instruments[3].min_quantity == 1


@pytest.mark.parametrize(("interval", "bar"), [("1m", "1m"), ("1h", "1H"), ("6h", "6Hutc"), ("1M", "1Mutc")])
def test_candles_request_when_asked_then_exclusive_cursors_and_utc_bars(interval, bar):
    start = datetime(2026, 8, 1, tzinfo=UTC)

    request = EXCHANGE.candles_request(BTCUSDT, interval, start, start + timedelta(hours=1))

    assert request.path == "/api/v5/market/history-candles"
    assert (request.beside.path, request.beside.query) == ("/api/v5/market/candles", request.query)
    assert request.query == {
        "instId": "BTC-USDT",
        "bar": bar,
        "before": "1785542399999",
        "after": "1785546000000",
        "limit": "100",
    }


def test_candles_when_rows_then_exact_numbers_and_the_running_one_is_open():
    running = ["1747094100000", *ROW[1:8], "0"]

    newest, oldest = EXCHANGE.candles(body(running, ROW), BTCUSDT, "1m")

    assert oldest.open_at == datetime(2025, 5, 12, 23, 54, tzinfo=UTC)
    assert [str(n) for n in (oldest.open, oldest.high, oldest.low, oldest.close, oldest.volume)] == [
        "102806.1",
        "102820.4",
        "102800",
        "102820.4",
        "1040.37",
    ]
    assert (newest.closed, oldest.closed) == (False, True)


@needs_recordings
def test_candles_when_fixture_then_newest_first():
    candles = EXCHANGE.candles(fixture("okx/nautilus__http_get_candlesticks_full.json"), BTCUSDT, "1m")

    assert [candle.close for candle in candles] == [Decimal("102820.4"), Decimal("102806.1")]


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"<html>",
        b"\xff",
        b"[]",
        b"{}",
        b"[" * 5000,
        b'{"code":"0","data":{}}',
        body(7),
        body(ROW[:5]),
        body(["soon", *ROW[1:]]),
        body(["9" * 30, *ROW[1:]]),
        body([ROW[0], "NaN", *ROW[2:]]),
        body([ROW[0], "1e5", *ROW[2:]]),
    ],
)
def test_candles_when_body_is_damaged_then_codec_error(answer):
    with pytest.raises(CodecError):
        EXCHANGE.candles(answer, BTCUSDT, "1m")


@pytest.mark.parametrize("code", ["50011", 50011])
def test_bodies_when_exchange_reports_an_error_then_its_words(code):
    answer = json.dumps({"code": code, "msg": "Too Many Requests", "data": []}).encode()

    with pytest.raises(CodecError, match="50011 Too Many Requests"):
        EXCHANGE.instruments(answer)
    with pytest.raises(CodecError, match="50011 Too Many Requests"):
        EXCHANGE.candles(answer, BTCUSDT, "1m")


@given(
    answer=st.sampled_from([body(PAIR), body(ROW)]),
    start=st.integers(0, 400),
    length=st.integers(0, 30),
    damage=DAMAGE,
)
def test_bodies_when_any_piece_is_replaced_then_values_or_codec_error(answer, start, length, damage):
    start %= len(answer)
    answer = answer[:start] + damage + answer[start + length :]
    for read in (EXCHANGE.instruments, lambda answer: EXCHANGE.candles(answer, BTCUSDT, "1m")):
        try:
            read(answer)
        except CodecError:
            continue


@pytest.mark.parametrize("nothing", [None, ""])
def test_instruments_when_the_minimum_is_empty_then_there_is_none(nothing):
    (instrument,) = EXCHANGE.instruments(body({**PAIR, "minSz": nothing}))
    assert instrument.min_quantity == 0
