"""Kraken's REST bodies: instruments, candles, and what else comes by request."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.market_data import fixture, needs_recordings
from tests.plugins.exchanges.mutations import DAMAGE
from twap.plugins.exchanges.kraken import Kraken
from twap.ports.errors import CodecError
from twap.ports.market import Instrument

KRAKEN = Kraken()

BTCUSD = Instrument("Kraken", "BTCUSD", "BTC/USD", "BTC", "USD", Decimal("0.1"), Decimal("0.00000001"))


PAIR = {
    "altname": "XBTUSD",
    "wsname": "XBT/USD",
    "aclass_base": "currency",
    "base": "XXBT",
    "quote": "ZUSD",
    "lot_decimals": 8,
    "ordermin": "0.00005",
    "costmin": "0.5",
    "tick_size": "0.10",
    "status": "online",
}


def pairs(**listed):
    return json.dumps({"error": [], "result": listed}).encode()


def test_instruments_when_old_codes_then_modern_names():
    listed = {
        "XXBTZUSD": PAIR,
        "XDGXBT": {**PAIR, "wsname": "XDG/XBT", "lot_decimals": 0, "tick_size": "1e-10"},
        "CLOSED": {**PAIR, "wsname": "ETH/USD", "status": "cancel_only"},
        "DARK": {key: value for key, value in PAIR.items() if key != "wsname"},
        "ODD": {**PAIR, "tick_size": "much"},
        "NEVER": {**PAIR, "tick_size": "0"},
        "WORSE": 7,
    }

    btc, doge = KRAKEN.instruments(pairs(**listed))

    assert btc == Instrument(
        "Kraken",
        "BTCUSD",
        "BTC/USD",
        "BTC",
        "USD",
        tick_size=Decimal("0.1"),
        lot_size=Decimal("0.00000001"),
        min_quantity=Decimal("0.00005"),
        min_notional=Decimal("0.5"),
    )
    assert (doge.symbol, doge.native, doge.base, doge.quote) == ("DOGEBTC", "DOGE/BTC", "DOGE", "BTC")
    assert (doge.tick_size, doge.lot_size) == (Decimal("0.0000000001"), Decimal(1))


@needs_recordings
def test_instruments_when_fixtures_then_currencies_and_no_shares():
    (btc,) = KRAKEN.instruments(fixture("kraken/nautilus__http_asset_pairs.json"))

    assert (btc.symbol, btc.native, btc.tick_size) == ("BTCUSDT", "BTC/USDT", Decimal("0.1"))
    assert list(KRAKEN.instruments(fixture("kraken/nautilus__http_asset_pairs_tokenized.json"))) == []


@pytest.mark.parametrize(
    ("native", "pair"), [("BTC/USD", "XBTUSD"), ("DOGE/BTC", "XDGXBT"), ("ETH/EUR", "ETHEUR")]
)
def test_candles_request_when_modern_names_then_old_codes(native, pair):
    instrument = Instrument("Kraken", "X", native, "X", "Y", Decimal(1), Decimal(1))
    start = datetime(2026, 8, 1, tzinfo=UTC)

    request = KRAKEN.candles_request(instrument, "1h", start, start + timedelta(days=1))

    assert request.path == "/0/public/OHLC"
    assert request.query == {"pair": pair, "interval": "60", "since": str(int(start.timestamp()) - 1)}


def test_candles_when_last_row_runs_then_it_is_not_closed():
    rows = [
        [1762820160, "105899.40", "105900.0", "105800", "105850.5", "105870.1", "1.50000000", 9],
        [1762820220, "105850.5", "105850.5", "105850.5", "105850.5", "0.0", "0.00000000", 0],
    ]

    first, second = KRAKEN.candles(pairs(XXBTZUSD=rows, last=1762820160), BTCUSD, "1m")

    assert first.open_at == datetime(2025, 11, 11, 0, 16, tzinfo=UTC)
    assert [str(n) for n in (first.open, first.high, first.low, first.close, first.volume)] == [
        "105899.4",
        "105900",
        "105800",
        "105850.5",
        "1.5",
    ]
    assert (first.closed, second.closed) == (True, False)


@needs_recordings
def test_candles_when_fixture_then_721_ascending_minutes_of_which_one_runs():
    candles = KRAKEN.candles(fixture("kraken/nautilus__http_ohlc.json.gz"), BTCUSD, "1m")

    times = [candle.open_at for candle in candles]
    assert len(candles) == 721
    assert all(later - earlier == timedelta(minutes=1) for earlier, later in pairwise(times))
    assert [candle.closed for candle in candles] == [True] * 720 + [False]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"\xff",
        b"{}",
        b'{"error":[],"result":[]}',
        b"[" * 5000,
        pairs(),
        pairs(A=[], last="x"),
        pairs(A=[[1, "2"]], last=1),
        pairs(A=[[1, "NaN", "1", "1", "1", "1", "1"]], last=1),
        pairs(A=[[10**30, "1", "1", "1", "1", "1", "1"]], last=1),
        pairs(A=[], B=[], last=1),
    ],
)
def test_candles_when_body_is_damaged_then_codec_error(body):
    with pytest.raises(CodecError):
        KRAKEN.candles(body, BTCUSD, "1m")


def test_bodies_when_exchange_reports_an_error_then_its_words():
    body = b'{"error":["EGeneral:Too many requests"]}'

    with pytest.raises(CodecError, match="EGeneral:Too many requests"):
        KRAKEN.instruments(body)
    with pytest.raises(CodecError, match="EGeneral:Too many requests"):
        KRAKEN.candles(body, BTCUSD, "1m")


@given(
    body=st.sampled_from([pairs(XXBTZUSD=PAIR), pairs(A=[[1, "1", "1", "1", "1", "1", "1", 1]], last=1)]),
    start=st.integers(0, 400),
    length=st.integers(0, 30),
    damage=DAMAGE,
)
def test_bodies_when_any_piece_is_replaced_then_values_or_codec_error(body, start, length, damage):
    start %= len(body)
    body = body[:start] + damage + body[start + length :]
    for read in (KRAKEN.instruments, lambda body: KRAKEN.candles(body, BTCUSD, "1m")):
        try:
            read(body)
        except CodecError:
            continue


@pytest.mark.parametrize("nothing", [None, ""])
def test_instruments_when_minimums_are_empty_then_there_are_none(nothing):
    (instrument,) = KRAKEN.instruments(pairs(XXBTZUSD={**PAIR, "ordermin": nothing, "costmin": nothing}))
    assert (instrument.min_quantity, instrument.min_notional) == (0, 0)


def test_instruments_when_an_older_answer_then_the_tick_follows_from_the_decimals():
    older = {key: value for key, value in PAIR.items() if key not in ("tick_size", "status")}
    (instrument,) = KRAKEN.instruments(pairs(XXBTZUSD={**older, "pair_decimals": 5}))
    assert instrument.tick_size == Decimal("0.00001")
