import contextlib
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings

from tests.market_data import fixture, needs_recordings, recording
from tests.plugins.exchanges.mutations import damaged
from twap.plugins.exchanges.binance import Binance, twap_exchange
from twap.ports.errors import CodecError
from twap.ports.events import Broken, Delta, Ignored, Reconnect, Rejected, Snapshot, Subscribed

DEPTH = {
    "e": "depthUpdate",
    "E": 1700000000123,
    "s": "BTCUSDT",
    "U": 11,
    "u": 14,
    "b": [["100.10", "1.500"], ["100.00", "0.000"]],
    "a": [["100.20", "2.000"]],
}
LISTED = {
    "symbol": "BTCUSDT",
    "status": "TRADING",
    "baseAsset": "BTC",
    "quoteAsset": "USDT",
    "isSpotTradingAllowed": True,
    "filters": [
        {"filterType": "PRICE_FILTER", "tickSize": "0.01000000"},
        {"filterType": "LOT_SIZE", "minQty": "0.00002000", "stepSize": "0.00001000"},
        {"filterType": "NOTIONAL", "minNotional": "5.00000000"},
    ],
    "permissions": [],
    "permissionSets": [],
}
ROW = [1700000000000, "1.10", "1.30", "1.00", "1.20", "55.5", 1700000059999, "60", 7, "1", "1", "0"]
FRAMES = [
    DEPTH,
    {"stream": "btcusdt@depth@100ms", "data": DEPTH},
    {"result": None, "id": 1},
    {"error": {"code": 2, "msg": "Invalid request"}, "id": 1},
    {"code": 2, "msg": "Invalid request", "id": 1},
    {"e": "serverShutdown", "E": 1700000000123},
]


def encoded(value):
    return json.dumps(value, separators=(",", ":")).encode()


def receive(value, codec=None):
    return (codec or Binance().codec()).receive(encoded(value))


def instruments(*entries):
    return Binance().instruments(encoded({"symbols": list(entries)}))


def test_hook_when_called_then_gives_the_exchange():
    assert twap_exchange().name == "Binance"


@pytest.mark.parametrize("frame", [DEPTH, {"stream": "btcusdt@depth@100ms", "data": DEPTH}])
def test_receive_when_depth_update_then_delta_with_the_wire_texts(frame):
    (delta,) = receive(frame)
    assert isinstance(delta, Delta)
    assert (delta.symbol, delta.first, delta.last, delta.exchange_time) == ("BTCUSDT", 11, 14, 1700000000123)
    assert [tuple(level) for level in delta.bids] == [("100.10", "1.500"), ("100.00", "0.000")]
    assert [tuple(level) for level in delta.asks] == [("100.20", "2.000")]


def test_receive_when_keys_come_in_another_order_then_the_same_delta():
    swapped = {"data": dict(reversed(DEPTH.items())), "stream": "btcusdt@depth@100ms"}
    (delta,) = receive(swapped)
    assert (delta.first, delta.last, delta.bids[0][0]) == (11, 14, "100.10")


def test_receive_when_levels_are_longer_than_pairs_then_still_a_delta():
    (delta,) = receive(DEPTH | {"b": [["100.10", "1.500", "3"]]})
    assert isinstance(delta, Delta)
    assert list(delta.bids[0][:2]) == ["100.10", "1.500"]


@pytest.mark.parametrize(
    "damage",
    [
        {"U": "11"},
        {"U": -1},
        {"u": 2**63},
        {"U": 15},
        {"b": None},
        {"b": [["100.10"]]},
        {"b": [[100.1, 1]]},
        {"a": ["100.2"]},
        {"a": {}},
    ],
)
def test_receive_when_a_known_symbols_data_is_damaged_then_that_book_is_broken(damage):
    (event,) = receive(DEPTH | damage)
    assert isinstance(event, Broken)
    assert event.symbol == "BTCUSDT"


def test_receive_when_another_stream_then_ignored():
    assert receive({"e": "trade", "s": "BTCUSDT"}) == [Ignored("trade")]
    assert isinstance(receive({"u": 1, "s": "BTCUSDT", "b": "1", "B": "2"})[0], Ignored)


def test_receive_when_server_shuts_down_then_planned_reconnect():
    (event,) = receive({"e": "serverShutdown", "E": 1700000000123})
    assert isinstance(event, Reconnect)
    assert event.planned


def test_subscribe_when_symbols_given_then_one_frame_of_lower_case_streams():
    codec = Binance().codec()
    (frame,) = codec.subscribe(["BTCUSDT", "ETHUSDT"])
    assert json.loads(frame) == {
        "method": "SUBSCRIBE",
        "params": ["btcusdt@depth@100ms", "ethusdt@depth@100ms"],
        "id": 1,
    }
    (frame,) = codec.unsubscribe(["BTCUSDT"])
    assert json.loads(frame) == {"method": "UNSUBSCRIBE", "params": ["btcusdt@depth@100ms"], "id": 2}
    assert codec.opened() == ()
    assert codec.probe() is None


def test_receive_when_acknowledged_then_the_symbols_of_that_request():
    codec = Binance().codec()
    codec.subscribe(["BTCUSDT"])
    codec.subscribe(["ETHUSDT", "XRPUSDT"])
    assert receive({"result": None, "id": 2}, codec) == [Subscribed(("ETHUSDT", "XRPUSDT"))]
    assert receive({"result": None, "id": 1}, codec) == [Subscribed(("BTCUSDT",))]
    assert isinstance(receive({"result": None, "id": 1}, codec)[0], Ignored)


@pytest.mark.parametrize(
    "refusal", [{"error": {"code": 2, "msg": "Invalid request"}}, {"code": 2, "msg": "Invalid request"}]
)
def test_receive_when_refused_then_the_symbols_of_that_request_or_all_pending(refusal):
    codec = Binance().codec()
    for symbol in ("BTCUSDT", "ETHUSDT", "XRPUSDT"):
        codec.subscribe([symbol])
    codec.unsubscribe(["LTCUSDT"])
    assert receive(refusal | {"id": 1}, codec) == [Rejected(("BTCUSDT",), "Invalid request")]
    assert isinstance(receive(refusal | {"id": 4}, codec)[0], Ignored)
    assert receive(refusal, codec) == [Rejected(("ETHUSDT", "XRPUSDT"), "Invalid request")]
    assert isinstance(receive(refusal, codec)[0], Ignored)


def test_instruments_when_listed_then_exact_sizes():
    (instrument,) = instruments(LISTED)
    assert (instrument.exchange, instrument.symbol, instrument.native) == ("Binance", "BTCUSDT", "BTCUSDT")
    assert (instrument.base, instrument.quote) == ("BTC", "USDT")
    sizes = (instrument.tick_size, instrument.lot_size, instrument.min_quantity, instrument.min_notional)
    assert [str(size) for size in sizes] == ["0.01", "0.00001", "0.00002", "5"]


def test_instruments_when_only_the_older_minimum_is_there_then_it_counts():
    older = {"filterType": "MIN_NOTIONAL", "minNotional": "0.00010000"}
    (instrument,) = instruments(LISTED | {"filters": [*LISTED["filters"][:2], older]})
    assert instrument.min_notional == Decimal("0.0001")


@pytest.mark.parametrize(
    "change",
    [
        {"status": "BREAK"},
        {"isSpotTradingAllowed": False},
        {"isSpotTradingAllowed": None, "permissions": ["MARGIN"]},
        {"isSpotTradingAllowed": None, "permissionSets": [["LEVERAGED"], ["TRD_GRP_001"]]},
        {"filters": []},
        {"filters": "none"},
        {"filters": [{"filterType": "PRICE_FILTER", "tickSize": "0.00000000"}, *LISTED["filters"][1:]]},
        {"filters": [{"filterType": "PRICE_FILTER", "tickSize": "NaN"}, *LISTED["filters"][1:]]},
        {"filters": [{"filterType": "PRICE_FILTER", "tickSize": 0.01}, *LISTED["filters"][1:]]},
        {"symbol": 7},
        {"symbol": ""},
        {"baseAsset": ""},
        {"quoteAsset": ""},
    ],
)
def test_instruments_when_one_is_not_tradable_or_unreadable_then_the_others_stay(change):
    other = LISTED | {"symbol": "ETHUSDT", "baseAsset": "ETH"}
    assert [each.symbol for each in instruments(LISTED | change, other)] == ["ETHUSDT"]


@pytest.mark.parametrize("change", [{}, {"permissions": ["SPOT"]}, {"permissionSets": [["SPOT", "MARGIN"]]}])
def test_instruments_when_nothing_says_spot_is_forbidden_then_listed(change):
    unsaid = {key: value for key, value in LISTED.items() if key != "isSpotTradingAllowed"}
    assert len(instruments(unsaid | change)) == 1


def test_candles_request_when_range_given_then_the_end_is_left_out():
    exchange = Binance()
    (instrument,) = instruments(LISTED)
    start = datetime(2025, 2, 1, tzinfo=UTC)
    request = exchange.candles_request(instrument, "1m", start, start + timedelta(minutes=2))
    assert (request.path, request.weight) == ("/api/v3/klines", 2)
    assert dict(request.query) == {
        "symbol": "BTCUSDT",
        "interval": "1m",
        "startTime": "1738368000000",
        "endTime": "1738368119999",
        "limit": "1000",
    }


def test_candles_when_read_then_exact_and_utc():
    (candle,) = Binance().candles(encoded([ROW]), None, "1m")
    assert candle.open_at == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    values = (candle.open, candle.high, candle.low, candle.close, candle.volume)
    assert values == tuple(map(Decimal, ("1.1", "1.3", "1", "1.2", "55.5")))


@pytest.mark.parametrize(
    "row",
    [[], ROW[:5], ["x", *ROW[1:]], [10**30, *ROW[1:]], [ROW[0], "NaN", *ROW[2:]], [ROW[0], "-1", *ROW[2:]]],
)
def test_candles_when_a_row_is_damaged_then_codec_error(row):
    with pytest.raises(CodecError):
        Binance().candles(encoded([row]), None, "1m")


def test_answers_when_the_exchange_refuses_then_its_own_words():
    body = encoded({"code": -1121, "msg": "Invalid symbol."})
    exchange = Binance()
    for read in (
        lambda: exchange.candles(body, None, "1m"),
        lambda: exchange.snapshot(body, "X"),
        lambda: exchange.instruments(body),
    ):
        with pytest.raises(CodecError, match=r"Invalid symbol\. \(-1121\)"):
            read()


def test_snapshot_when_read_then_sequence_and_levels():
    exchange = Binance()
    request = exchange.snapshot_request("BTCUSDT")
    assert (request.path, request.weight) == ("/api/v3/depth", 50)
    assert dict(request.query) == {"symbol": "BTCUSDT", "limit": "1000"}
    body = encoded({"lastUpdateId": 10, "bids": [["100.10", "1"]], "asks": []})
    assert exchange.snapshot(body, "BTCUSDT") == Snapshot("BTCUSDT", [("100.10", "1")], [], 10)


def test_limits_when_compared_with_the_exchanges_then_inside():
    exchange = Binance()
    assert exchange.rules.snapshot_by_rest
    assert exchange.rules.seed_depth == 1000
    assert exchange.limits.symbols_per_connection <= 1024
    assert exchange.limits.frames_per_second < 5
    assert exchange.limits.max_life_seconds < 24 * 3600
    assert list(exchange.intervals.values()) == sorted(exchange.intervals.values())


@settings(max_examples=400, deadline=None)
@given(frame=damaged([encoded(frame) for frame in FRAMES]))
def test_receive_when_frame_is_damaged_then_events_or_codec_error_only(frame):
    codec = Binance().codec()
    codec.subscribe(["BTCUSDT"])
    with contextlib.suppress(CodecError):
        assert codec.receive(frame)


@settings(max_examples=300, deadline=None)
@given(
    body=damaged(
        [
            encoded({"symbols": [LISTED]}),
            encoded([ROW]),
            encoded({"lastUpdateId": 1, "bids": [["1", "2"]], "asks": []}),
        ]
    )
)
def test_answers_when_damaged_then_a_value_or_codec_error_only(body):
    exchange = Binance()
    for read in (
        lambda: exchange.instruments(body),
        lambda: exchange.candles(body, None, "1m"),
        lambda: exchange.snapshot(body, "BTCUSDT"),
    ):
        with contextlib.suppress(CodecError):
            read()


@needs_recordings
def test_receive_when_fed_the_recording_then_contiguous_deltas():
    codec = Binance().codec()
    last, deltas = {}, 0
    for line in recording("binance.ws"):
        (event,) = codec.receive(line["raw"].encode())
        if not isinstance(event, Delta):
            assert isinstance(event, Ignored)
            continue
        deltas += 1
        data = json.loads(line["raw"])["data"]
        assert (event.first, event.last, event.exchange_time) == (data["U"], data["u"], data["E"])
        assert [list(level) for level in event.bids] == data["b"]
        assert last.get(event.symbol, event.first - 1) == event.first - 1
        last[event.symbol] = event.last
    assert deltas == 177


@needs_recordings
def test_snapshot_when_fed_the_recording_then_every_level():
    for line in recording("binance.http"):
        data = json.loads(line["raw"])
        snapshot = Binance().snapshot(line["raw"].encode(), "X")
        assert snapshot.sequence == data["lastUpdateId"]
        assert [list(level) for level in snapshot.asks] == data["asks"]


@needs_recordings
def test_instruments_when_fed_the_recording_then_all_that_trade():
    (line,) = recording("binance.symbols")
    found = {each.native: each for each in Binance().instruments(line["raw"].encode())}
    assert len(found) == 1222
    assert found["ETHBTC"].tick_size == Decimal("0.000001")
    assert found["ETHBTC"].min_notional == Decimal("0.0001")


@needs_recordings
def test_instruments_when_fed_newer_answers_then_all_that_trade():
    newer = json.loads(fixture("binance/gct__exchangeInfo.json.gz"))
    assert len(Binance().instruments(encoded(newer.get("response", newer)))) == 12
    assert Binance().instruments(fixture("binance/nautilus__exchange_info_response.json")) == []
    payloads = json.loads(fixture("binance/hummingbot__test_payloads.json"))
    for name, rules in payloads.items():
        if name.endswith("trading_rules"):
            named = [rule | {"baseAsset": "COINALPHA", "quoteAsset": "HBOT"} for rule in rules]
            assert len(instruments(*named)) == 1, name


@needs_recordings
@pytest.mark.parametrize(
    ("path", "count"),
    [("gct__klines_1.json", 60), ("gct__klines_5.json.gz", 1000), ("gct__klines_7.json", 168)],
)
def test_candles_when_fed_real_answers_then_every_row(path, count):
    rows = json.loads(fixture(f"binance/{path}"))["response"]
    candles = Binance().candles(encoded(rows), None, "1h")
    assert len(candles) == count
    assert [candle.close for candle in candles] == [Decimal(row[4]) for row in rows]
    assert [candle.open_at.timestamp() * 1000 for candle in candles] == [row[0] for row in rows]


@pytest.mark.parametrize("nothing", [None, ""])
def test_instruments_when_minimums_are_empty_then_there_are_none(nothing):
    price, lot, notional = LISTED["filters"]
    filters = [price, lot | {"minQty": nothing}, notional | {"minNotional": nothing}]
    (instrument,) = instruments(LISTED | {"filters": filters})
    assert (instrument.min_quantity, instrument.min_notional) == (0, 0)
