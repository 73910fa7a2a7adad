"""Coinbase's REST bodies: instruments, candles, and what else comes by request."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings

from tests.market_data import fixture, needs_recordings
from tests.plugins.exchanges.coinbase_material import product
from tests.plugins.exchanges.mutations import damaged, encode
from twap.plugins.exchanges.coinbase.codec import CoinbaseCodec
from twap.plugins.exchanges.coinbase.exchange import Coinbase
from twap.ports.errors import CodecError
from twap.ports.events import Alive, Subscribed
from twap.ports.market import Instrument

BTC = Instrument("Coinbase", "BTCUSD", "BTC-USD", "BTC", "USD", Decimal("0.01"), Decimal("0.00000001"))


def test_snapshot_when_asked_by_http_then_codec_error():
    with pytest.raises(CodecError):
        Coinbase().snapshot_request("BTC-USD")
    with pytest.raises(CodecError):
        Coinbase().snapshot(b"{}", "BTC-USD")


def test_instruments_when_some_are_unreadable_or_closed_then_the_rest_stay():
    flags = ["is_disabled", "trading_disabled", "view_only", "cancel_only", "post_only", "auction_mode"]
    closed = [product(product_id=f"OFF{n}-USD", **{flag: True}) for n, flag in enumerate(flags)]
    odd = [
        product(product_id="BTC-PERP", product_type="FUTURE"),
        product(product_id="OLD-USD", status="delisted"),
        product(product_id="ODD-USD", price_increment="NaN"),
        product(product_id="NIL-USD", base_increment="0"),
        product(product_id=None),
        product(product_id="", alias=""),
        product(product_id="NON-USD", base_currency_id=""),
        7,
    ]
    body = encode({"products": [*closed, *odd, product(), product(product_id="ETH-USD", price_increment="")]})
    bitcoin, ether = Coinbase().instruments(body)
    assert (bitcoin.symbol, bitcoin.native, bitcoin.base, bitcoin.quote) == (
        "BTCUSD",
        "BTC-USD",
        "BTC",
        "USD",
    )
    assert (bitcoin.tick_size, bitcoin.lot_size) == (Decimal("0.01"), Decimal("0.00000001"))
    assert (bitcoin.min_quantity, bitcoin.min_notional) == (Decimal("0.00000001"), 1)
    assert ether.tick_size == Decimal("0.01")


def test_instruments_when_a_product_is_an_alias_then_left_out_if_its_original_is_listed():
    alias = product(product_id="BTC-USDC", quote_currency_id="USDC", alias="BTC-USD")
    lonely = product(product_id="ETH-USDC", quote_currency_id="USDC", alias="ETH-USD")
    found = Coinbase().instruments(encode({"products": [alias, product(), lonely]}))
    assert [instrument.native for instrument in found] == ["BTC-USD", "ETH-USDC"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        encode({"error": "NOT_FOUND", "error_details": "x", "message": "valid product_id is required"}),
    ],
)
def test_bodies_when_unusable_then_codec_error(body):
    for read in (Coinbase().instruments, lambda body: Coinbase().candles(body, BTC, "1m")):
        with pytest.raises(
            CodecError, match="NOT_FOUND valid product_id" if b"NOT_FOUND" in body else "Coinbase"
        ):
            read(body)


def test_candles_request_when_a_range_is_asked_then_the_end_is_outside():
    start = datetime(2025, 2, 1, tzinfo=UTC)
    request = Coinbase().candles_request(BTC, "6h", start, start + timedelta(hours=12))
    assert request.path == "/api/v3/brokerage/market/products/BTC-USD/candles"
    assert request.query == {"start": "1738368000", "end": "1738411199", "granularity": "SIX_HOUR"}
    with pytest.raises(CodecError):
        Coinbase().candles_request(BTC, "1w", start, start + timedelta(weeks=1))


def test_candles_when_rows_come_then_exact():
    row = {"start": "1712192400", "low": "1.10", "high": "4", "open": "2", "close": "3", "volume": "0.5"}
    [candle] = Coinbase().candles(encode({"candles": [row]}), BTC, "1h")
    assert candle.open_at == datetime(2024, 4, 4, 1, tzinfo=UTC)
    assert [candle.open, candle.high, candle.low, candle.close] == [2, 4, Decimal("1.1"), 3]
    assert candle.volume == Decimal("0.5")


@pytest.mark.parametrize("start", ["", "x", "9" * 30, "9" * 5000, 1712192400, None])
def test_candles_when_a_row_is_damaged_then_codec_error(start):
    row = {"start": start, "low": "1", "high": "4", "open": "2", "close": "3", "volume": "0.5"}
    with pytest.raises(CodecError):
        Coinbase().candles(encode({"candles": [row]}), BTC, "1h")


@needs_recordings
def test_fixtures_when_read_then_every_payload_makes_sense():
    exchange = Coinbase()
    [bitcoin] = exchange.instruments(fixture("coinbase/nautilus__http_products.json"))
    assert (bitcoin.native, bitcoin.min_notional) == ("BTC-USD", 1)
    assert len(exchange.candles(fixture("coinbase/nautilus__http_candles.json"), BTC, "1h")) == 2
    codec = CoinbaseCodec()
    [snapshot] = codec.receive(fixture("coinbase/nautilus__ws_l2_data_snapshot.json"))
    [delta] = codec.receive(fixture("coinbase/nautilus__ws_l2_data_update.json"))
    assert (len(snapshot.bids), len(snapshot.asks), delta.first) == (3, 3, 1)
    assert CoinbaseCodec().receive(fixture("coinbase/nautilus__ws_heartbeats.json")) == [Alive()]
    confirmed = CoinbaseCodec().receive(fixture("coinbase/nautilus__ws_subscriptions.json"))
    assert confirmed == [Subscribed(["BTC-USD"])]


BODIES = [
    encode({"products": [product(), product(product_id="A-B", alias="BTC-USD")]}),
    encode(
        {
            "candles": [
                {"start": "1712192400", "low": "1", "high": "4", "open": "2", "close": "3", "volume": "5"}
            ]
        }
    ),
    encode({"error": "NOT_FOUND", "message": "no"}),
]


@settings(max_examples=300, deadline=None)
@given(body=damaged(BODIES))
def test_bodies_when_damaged_then_only_codec_error(body):
    for read in (Coinbase().instruments, lambda body: Coinbase().candles(body, BTC, "1m")):
        try:
            read(body)
        except CodecError:
            continue


@pytest.mark.parametrize("nothing", [None, ""])
def test_instruments_when_minimums_and_flags_are_empty_then_there_are_none(nothing):
    bare = product(base_min_size=nothing, quote_min_size=nothing, price_increment=nothing, alias=nothing)
    [instrument] = Coinbase().instruments(encode({"products": [{**bare, "view_only": None}]}))
    assert (instrument.min_quantity, instrument.min_notional) == (0, 0)
    assert instrument.tick_size == Decimal("0.01")


def test_candles_when_null_stands_for_none_then_there_are_none():
    assert Coinbase().candles(b'{"candles": null}', BTC, "1m") == []
