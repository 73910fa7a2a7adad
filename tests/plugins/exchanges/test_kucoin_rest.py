"""Kucoin's REST bodies: instruments, candles, and what else comes by request."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings

from tests.market_data import fixture, needs_recordings, recording
from tests.plugins.exchanges.kucoin_material import answer
from tests.plugins.exchanges.mutations import damaged, encode
from twap.plugins.exchanges.kucoin.codec import KucoinCodec
from twap.plugins.exchanges.kucoin.exchange import Kucoin
from twap.ports.errors import CodecError
from twap.ports.market import Instrument

BTC = Instrument("Kucoin", "BTCUSDT", "BTC-USDT", "BTC", "USDT", Decimal("0.1"), Decimal("0.00000001"))


def symbol_entry(**changes):
    entry = {
        "symbol": "BTC-USDT",
        "name": "BTC-USDT",
        "baseCurrency": "BTC",
        "quoteCurrency": "USDT",
        "baseMinSize": "0.00001",
        "baseIncrement": "0.00000001",
        "priceIncrement": "0.10",
        "minFunds": "0.1",
        "enableTrading": True,
    }
    return {**entry, **changes}


def test_answer_when_it_is_a_refusal_then_its_message_is_told():
    with pytest.raises(CodecError, match="429000 Too Many Requests"):
        Kucoin().instruments(encode({"code": "429000", "msg": "Too Many Requests"}))


def test_instruments_when_some_are_unreadable_or_closed_then_the_rest_stay():
    body = answer(
        [
            symbol_entry(),
            symbol_entry(symbol="BCHSV-USDT", name="BSV-USDT", baseCurrency="BSV", minFunds=None),
            symbol_entry(symbol="OFF-USDT", enableTrading=False),
            symbol_entry(symbol="ODD-USDT", priceIncrement="NaN"),
            symbol_entry(symbol="NIL-USDT", baseIncrement="0"),
            symbol_entry(symbol=None),
            symbol_entry(symbol=""),
            symbol_entry(symbol="NON-USDT", baseCurrency=""),
            7,
        ]
    )
    bitcoin, renamed = Kucoin().instruments(body)
    assert (bitcoin.symbol, bitcoin.native, bitcoin.base, bitcoin.quote) == (
        "BTCUSDT",
        "BTC-USDT",
        "BTC",
        "USDT",
    )
    assert (str(bitcoin.tick_size), bitcoin.lot_size) == ("0.1", Decimal("0.00000001"))
    assert (bitcoin.min_quantity, bitcoin.min_notional) == (Decimal("0.00001"), Decimal("0.1"))
    assert (renamed.symbol, renamed.native, renamed.min_notional) == ("BCHSVUSDT", "BCHSV-USDT", 0)


def test_candles_request_when_a_range_is_asked_then_the_end_is_outside():
    start = datetime(2025, 2, 1, tzinfo=UTC)
    request = Kucoin().candles_request(BTC, "1h", start, start + timedelta(hours=2))
    assert request.query == {
        "symbol": "BTC-USDT",
        "type": "1hour",
        "startAt": "1738368000",
        "endAt": "1738375199",
    }
    with pytest.raises(CodecError):
        Kucoin().candles_request(BTC, "7h", start, start + timedelta(hours=7))


def test_candles_when_rows_come_then_close_stands_before_high_and_low():
    [candle] = Kucoin().candles(answer([["1566789720", "2", "3", "4", "1", "29.11", "302.5"]]), BTC, "1m")
    assert candle.open_at == datetime(2019, 8, 26, 3, 22, tzinfo=UTC)
    assert [candle.open, candle.high, candle.low, candle.close] == [2, 4, 1, 3]
    assert candle.volume == Decimal("29.11")


@pytest.mark.parametrize(
    "row",
    [
        ["1"],
        ["x", "1", "1", "1", "1", "1"],
        ["9" * 30] + ["1"] * 6,
        ["1", "NaN", "1", "1", "1", "1"],
        [1] * 7,
    ],
)
def test_candles_when_a_row_is_damaged_then_codec_error(row):
    with pytest.raises(CodecError):
        Kucoin().candles(answer([row]), BTC, "1m")


def test_snapshot_when_read_then_levels_as_sent():
    body = answer({"time": 17, "sequence": "14610502970", "bids": [["1.0", "2"]], "asks": [["1.1", "3"]]})
    snapshot = Kucoin().snapshot(body, "BTC-USDT")
    assert (snapshot.sequence, snapshot.exchange_time) == (14610502970, 17)
    assert (snapshot.bids, snapshot.asks) == ([("1.0", "2")], [("1.1", "3")])


def test_snapshot_when_its_sequence_is_a_number_then_read_all_the_same():
    body = answer({"sequence": 17, "bids": [["1.0", "2"]], "asks": []})
    assert Kucoin().snapshot(body, "BTC-USDT").sequence == 17


@pytest.mark.parametrize("sequence", [None, "", "x", "9" * 5000])
def test_snapshot_when_it_has_no_sequence_then_codec_error(sequence):
    with pytest.raises(CodecError):
        Kucoin().snapshot(answer({"sequence": sequence, "bids": [], "asks": []}), "BTC-USDT")


@needs_recordings
def test_fixtures_when_read_then_every_body_makes_sense():
    exchange = Kucoin()
    [bitcoin] = exchange.instruments(fixture("kucoin/sdk__http_get_all_symbols.json"))
    assert (bitcoin.native, bitcoin.min_notional) == ("BTC-USDT", Decimal("0.1"))
    assert len(exchange.candles(fixture("kucoin/sdk__http_get_klines.json"), BTC, "1m")) == 3
    snapshot = exchange.snapshot(fixture("kucoin/sdk__http_get_part_order_book.json"), "BTC-USDT")
    assert snapshot.sequence == 14610502970
    opening = exchange.open_feed(fixture("kucoin/sdk__http_get_public_token.json"))
    assert opening.url.startswith("wss://ws-api-spot.kucoin.com/?token=2neAiuYv")
    [delta] = KucoinCodec().receive(fixture("kucoin/sdk__ws_orderbook_increment.json"))
    assert (delta.symbol, delta.first, delta.exchange_time) == ("BTC-USDT", 14701689783, 1729816425625)


@needs_recordings
def test_recorded_symbols_when_read_then_none_is_lost():
    [line] = recording("kucoin.symbols")
    entries = json.loads(line["raw"])["data"]
    natives = [instrument.native for instrument in Kucoin().instruments(line["raw"].encode())]
    assert natives == [entry["symbol"] for entry in entries if entry["enableTrading"]]


BODIES = [
    answer([symbol_entry(), symbol_entry(symbol="A-B")]),
    answer([["1566789720", "2", "3", "4", "1", "29.11", "302.5"]]),
    answer({"time": 17, "sequence": "146", "bids": [["1.0", "2"]], "asks": [["1.1", "3"]]}),
    answer({"token": "t", "instanceServers": [{"endpoint": "wss://a/"}]}),
]


@settings(max_examples=300, deadline=None)
@given(body=damaged(BODIES))
def test_bodies_when_damaged_then_only_codec_error(body):
    exchange = Kucoin()
    readers = [
        exchange.instruments,
        exchange.open_feed,
        lambda body: exchange.candles(body, BTC, "1m"),
        lambda body: exchange.snapshot(body, "BTC-USDT"),
    ]
    for read in readers:
        try:
            read(body)
        except CodecError:
            continue


@pytest.mark.parametrize("nothing", [None, ""])
def test_instruments_when_minimums_are_empty_then_there_are_none(nothing):
    [instrument] = Kucoin().instruments(answer([symbol_entry(baseMinSize=nothing, minFunds=nothing)]))
    assert (instrument.min_quantity, instrument.min_notional) == (0, 0)
