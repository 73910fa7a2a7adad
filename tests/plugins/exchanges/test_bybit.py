import contextlib
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings

from tests.market_data import fixture, needs_recordings, recording
from tests.plugins.exchanges.mutations import damaged
from twap.plugins.exchanges.bybit import Bybit, twap_exchange
from twap.ports.errors import CodecError
from twap.ports.events import Alive, Broken, Delta, Ignored, Rejected, Snapshot, Subscribed

CHANGES = {
    "s": "BTCUSDT",
    "b": [["100.10", "1.500"], ["100.00", "0"]],
    "a": [["100.20", "2"]],
    "u": 7,
    "seq": 99,
}
DELTA = {
    "topic": "orderbook.1000.BTCUSDT",
    "ts": 1700000000123,
    "type": "delta",
    "data": CHANGES,
    "cts": 1700000000120,
}
SNAPSHOT = DELTA | {"type": "snapshot"}
SUBSCRIBED = {"success": True, "ret_msg": "subscribe", "conn_id": "x", "req_id": "1", "op": "subscribe"}
LISTED = {
    "symbol": "BTCUSDT",
    "baseCoin": "BTC",
    "quoteCoin": "USDT",
    "status": "Trading",
    "lotSizeFilter": {"basePrecision": "0.000001", "minOrderQty": "0.000048", "minOrderAmt": "5"},
    "priceFilter": {"tickSize": "0.10"},
}
ROW = ["1700000000000", "1.10", "1.30", "1.00", "1.20", "55.5", "61"]
FRAMES = [
    DELTA,
    SNAPSHOT,
    SUBSCRIBED,
    SUBSCRIBED | {"success": False},
    {"success": True, "ret_msg": "pong", "conn_id": "x", "op": "ping"},
]


def encoded(value):
    return json.dumps(value, separators=(",", ":")).encode()


def answer(result, time=1700000060000, code=0, message="OK"):
    return encoded({"retCode": code, "retMsg": message, "result": result, "retExtInfo": {}, "time": time})


def receive(value, codec=None):
    return (codec or Bybit().codec()).receive(encoded(value))


def instruments(*entries):
    return Bybit().instruments(answer({"category": "spot", "list": list(entries)}))


def test_hook_when_called_then_gives_the_exchange():
    assert twap_exchange().name == "Bybit"


def test_receive_when_delta_then_one_update_with_the_wire_texts():
    (delta,) = receive(DELTA)
    assert isinstance(delta, Delta)
    assert (delta.symbol, delta.first, delta.last, delta.exchange_time) == ("BTCUSDT", 7, 7, 1700000000123)
    assert [tuple(level) for level in delta.bids] == [("100.10", "1.500"), ("100.00", "0")]
    assert [tuple(level) for level in delta.asks] == [("100.20", "2")]


@pytest.mark.parametrize("frame", [SNAPSHOT, DELTA | {"data": CHANGES | {"u": 1}}])
def test_receive_when_snapshot_or_restarted_service_then_the_book_is_replaced(frame):
    (snapshot,) = receive(frame)
    assert isinstance(snapshot, Snapshot)
    assert (snapshot.symbol, snapshot.sequence) == ("BTCUSDT", frame["data"]["u"])


def test_receive_when_keys_come_in_another_order_then_the_same_event():
    swapped = dict(reversed((DELTA | {"data": dict(reversed(CHANGES.items()))}).items()))
    assert receive(swapped) == receive(DELTA)


def test_receive_when_levels_are_longer_than_pairs_then_still_a_delta():
    (delta,) = receive(DELTA | {"data": CHANGES | {"a": [["100.20", "2", "x"]]}})
    assert isinstance(delta, Delta)
    assert list(delta.asks[0][:2]) == ["100.20", "2"]


@pytest.mark.parametrize(
    "frame",
    [
        *(
            DELTA | {"data": CHANGES | damage}
            for damage in (
                {"u": "7"},
                {"u": -7},
                {"u": 2**64},
                {"b": None},
                {"b": [["1"]]},
                {"a": [[1, 2]]},
                {"s": 5},
            )
        ),
        DELTA | {"data": None},
        DELTA | {"data": []},
        DELTA | {"type": "patch"},
    ],
)
def test_receive_when_a_known_symbols_data_is_damaged_then_that_book_is_broken(frame):
    (event,) = receive(frame)
    assert isinstance(event, Broken)
    assert event.symbol == "BTCUSDT"


def test_receive_when_another_topic_then_ignored():
    assert receive({"topic": "kline.5.BTCUSDT", "data": [], "ts": 1, "type": "snapshot"}) == [
        Ignored("kline.5.BTCUSDT")
    ]
    assert isinstance(receive({"hello": 1})[0], Ignored)


@pytest.mark.parametrize(
    "pong",
    [
        {"success": True, "ret_msg": "pong", "conn_id": "x", "op": "ping"},
        {"op": "pong", "args": ["1700000000123"]},
    ],
)
def test_receive_when_pong_then_alive(pong):
    assert receive(pong) == [Alive()]


def test_subscribe_when_symbols_given_then_one_numbered_request():
    codec = Bybit().codec()
    (frame,) = codec.subscribe(["BTCUSDT", "ETHUSDT"])
    assert json.loads(frame) == {
        "req_id": "1",
        "op": "subscribe",
        "args": ["orderbook.1000.BTCUSDT", "orderbook.1000.ETHUSDT"],
    }
    (frame,) = codec.unsubscribe(["BTCUSDT"])
    assert json.loads(frame) == {"req_id": "2", "op": "unsubscribe", "args": ["orderbook.1000.BTCUSDT"]}
    assert codec.opened() == ()
    assert json.loads(codec.probe()) == {"op": "ping"}


def test_receive_when_acknowledged_then_the_symbols_of_that_request():
    codec = Bybit().codec()
    codec.subscribe(["BTCUSDT"])
    codec.subscribe(["ETHUSDT", "XRPUSDT"])
    assert receive(SUBSCRIBED | {"req_id": "2"}, codec) == [Subscribed(("ETHUSDT", "XRPUSDT"))]
    assert receive(SUBSCRIBED, codec) == [Subscribed(("BTCUSDT",))]
    assert isinstance(receive(SUBSCRIBED, codec)[0], Ignored)
    assert isinstance(receive(SUBSCRIBED | {"op": "unsubscribe"}, codec)[0], Ignored)


def test_receive_when_refused_then_every_symbol_of_that_request():
    codec = Bybit().codec()
    codec.subscribe(["BTCUSDT"])
    codec.subscribe(["NOPE", "ETHUSDT"])
    refusal = SUBSCRIBED | {"success": False, "ret_msg": "Invalid symbol", "req_id": "2"}
    assert receive(refusal, codec) == [Rejected(("NOPE", "ETHUSDT"), "Invalid symbol")]


def test_receive_when_refused_without_an_id_then_the_topic_or_the_order_says_whose():
    codec = Bybit().codec()
    for symbol in ("BTCUSDT", "ETHUSDT", "NOPE"):
        codec.subscribe([symbol])
    refusal = {"success": False, "ret_msg": "Invalid topic: orderbook.1000.NOPE", "op": "subscribe"}
    assert receive(refusal, codec) == [Rejected(("NOPE",), refusal["ret_msg"])]
    refusal["ret_msg"] = "too many requests"
    assert receive(refusal, codec) == [Rejected(("BTCUSDT",), "too many requests")]


def test_instruments_when_listed_then_exact_sizes_and_no_deprecated_minimum():
    (instrument,) = instruments(LISTED)
    assert (instrument.exchange, instrument.symbol, instrument.native) == ("Bybit", "BTCUSDT", "BTCUSDT")
    sizes = (instrument.tick_size, instrument.lot_size, instrument.min_quantity, instrument.min_notional)
    assert [str(size) for size in sizes] == ["0.1", "0.000001", "0", "5"]


@pytest.mark.parametrize(
    "change",
    [
        {"status": "PreLaunch"},
        {"priceFilter": {}},
        {"priceFilter": {"tickSize": "0"}},
        {"priceFilter": {"tickSize": 0.1}},
        {"lotSizeFilter": {"basePrecision": "Infinity"}},
        {"symbol": None},
        {"symbol": ""},
        {"baseCoin": ""},
        {"quoteCoin": ""},
    ],
)
def test_instruments_when_one_is_not_trading_or_unreadable_then_the_others_stay(change):
    other = LISTED | {"symbol": "ETHUSDT", "baseCoin": "ETH"}
    assert [each.symbol for each in instruments(LISTED | change, other)] == ["ETHUSDT"]


def test_candles_request_when_range_given_then_spot_and_the_end_is_left_out():
    (instrument,) = instruments(LISTED)
    start = datetime(2025, 2, 1, tzinfo=UTC)
    request = Bybit().candles_request(instrument, "1h", start, start + timedelta(hours=2))
    assert request.path == "/v5/market/kline"
    assert dict(request.query) == {
        "category": "spot",
        "symbol": "BTCUSDT",
        "interval": "60",
        "start": "1738368000000",
        "end": "1738375199999",
        "limit": "1000",
    }


@pytest.mark.parametrize(("time", "closed"), [(1700000059999, False), (1700000060000, True)])
def test_candles_when_read_then_exact_and_closed_by_the_answers_time(time, closed):
    (candle,) = Bybit().candles(answer({"list": [ROW]}, time), None, "1m")
    assert candle.open_at == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    values = (candle.open, candle.high, candle.low, candle.close, candle.volume)
    assert values == tuple(map(Decimal, ("1.1", "1.3", "1", "1.2", "55.5")))
    assert candle.closed is closed


@pytest.mark.parametrize(("day", "closed"), [(31, False), (32, True)])
def test_candles_when_a_month_then_closed_with_the_calendar(day, closed):
    january = datetime(2025, 1, 1, tzinfo=UTC)
    now = january + timedelta(days=day - 1)
    row = [str(int(january.timestamp()) * 1000), *ROW[1:]]
    (candle,) = Bybit().candles(answer({"list": [row]}, int(now.timestamp()) * 1000), None, "1M")
    assert candle.closed is closed


@pytest.mark.parametrize(
    "row",
    [[], ROW[:5], ["x", *ROW[1:]], ["9" * 18, *ROW[1:]], [ROW[0], "NaN", *ROW[2:]], [ROW[0], "-1", *ROW[2:]]],
)
def test_candles_when_a_row_is_damaged_then_codec_error(row):
    with pytest.raises(CodecError):
        Bybit().candles(answer({"list": [row]}), None, "1m")


def test_answers_when_the_exchange_refuses_then_its_own_words():
    body = answer({}, code=10001, message="params error: symbol invalid")
    exchange = Bybit()
    for read in (
        lambda: exchange.candles(body, None, "1m"),
        lambda: exchange.snapshot(body, "X"),
        lambda: exchange.instruments(body),
    ):
        with pytest.raises(CodecError, match=r"symbol invalid \(10001\)"):
            read()


def test_limits_when_compared_with_the_exchanges_then_inside():
    exchange = Bybit()
    assert not exchange.rules.snapshot_by_rest
    assert exchange.limits.symbols_per_frame == 10
    assert exchange.limits.keepalive_seconds == 20
    assert exchange.open_feed(None).path == "/v5/public/spot"
    assert list(exchange.intervals.values()) == sorted(exchange.intervals.values())


@settings(max_examples=400, deadline=None)
@given(frame=damaged([encoded(frame) for frame in FRAMES]))
def test_receive_when_frame_is_damaged_then_events_or_codec_error_only(frame):
    codec = Bybit().codec()
    codec.subscribe(["BTCUSDT"])
    with contextlib.suppress(CodecError):
        assert codec.receive(frame)


@settings(max_examples=300, deadline=None)
@given(body=damaged([answer({"list": [LISTED]}), answer({"list": [ROW]}), answer(CHANGES | {"ts": 1})]))
def test_answers_when_damaged_then_a_value_or_codec_error_only(body):
    exchange = Bybit()
    for read in (
        lambda: exchange.instruments(body),
        lambda: exchange.candles(body, None, "1M"),
        lambda: exchange.snapshot(body, "BTCUSDT"),
    ):
        with contextlib.suppress(CodecError):
            read()


@needs_recordings
def test_receive_when_fed_the_recording_then_a_snapshot_and_contiguous_deltas():
    codec = Bybit().codec()
    events = []
    for line in recording("bybit_v5.ws"):
        (event,) = codec.receive(line["raw"].encode())
        data = json.loads(line["raw"])["data"]
        assert [list(level) for level in event.bids] == data["b"]
        assert [list(level) for level in event.asks] == data["a"]
        events.append(event)
    snapshot, *deltas = events
    assert isinstance(snapshot, Snapshot)
    assert len(deltas) == 49
    assert [delta.first for delta in deltas] == list(range(snapshot.sequence + 1, snapshot.sequence + 50))


@needs_recordings
def test_answers_when_fed_fixtures_then_read():
    exchange = Bybit()
    found = exchange.instruments(fixture("bybit/nautilus__http_get_instruments_spot.json"))
    assert [(each.native, str(each.tick_size), str(each.lot_size)) for each in found] == [
        ("BTCUSDT", "0.1", "0.0001"),
        ("ETHUSDT", "0.01", "0.00001"),
    ]
    (candle,) = exchange.candles(fixture("bybit/nautilus__http_get_klines_linear.json"), None, "1m")
    assert (candle.close, candle.closed) == (Decimal(27455), False)
    snapshot = exchange.snapshot(fixture("bybit/nautilus__http_get_orderbook.json"), "BTCUSDT")
    assert (snapshot.sequence, snapshot.bids[0]) == (1234567, ("27450.50", "1.500"))


@needs_recordings
def test_receive_when_fed_fixtures_then_the_expected_events():
    codec = Bybit().codec()
    codec.subscribe(["BTCUSDT"])
    expected = {
        "subscription_failure": Rejected,
        "orderbook_snapshot": Snapshot,
        "orderbook_delta": Delta,
        "kline": Ignored,
        "public_trade": Ignored,
    }
    for name, kind in expected.items():
        (event,) = codec.receive(fixture(f"bybit/nautilus__ws_{name}.json"))
        assert isinstance(event, kind), name


@pytest.mark.parametrize("nothing", [None, ""])
def test_instruments_when_the_minimum_is_empty_then_there_is_none(nothing):
    (instrument,) = instruments(LISTED | {"lotSizeFilter": {"basePrecision": "0.1", "minOrderAmt": nothing}})
    assert instrument.min_notional == 0
