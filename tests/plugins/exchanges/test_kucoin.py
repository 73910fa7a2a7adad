"""Kucoin's feed: its frames, subscriptions and books."""

import json
from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given, settings

from tests.market_data import golden, needs_recordings, recording
from tests.plugins.exchanges.kucoin_material import answer
from tests.plugins.exchanges.mutations import damaged, encode
from twap.plugins.exchanges.kucoin import twap_exchange
from twap.plugins.exchanges.kucoin.codec import KucoinCodec
from twap.plugins.exchanges.kucoin.exchange import Kucoin
from twap.ports.errors import CodecError
from twap.ports.events import Alive, Broken, Delta, Ignored, Rejected, Subscribed


def update(first, last, bids=(), asks=(), symbol="BTC-USDT", **more):
    changes = {"asks": list(asks), "bids": list(bids)}
    data = {"changes": changes, "sequenceStart": first, "sequenceEnd": last, "symbol": symbol, **more}
    return {
        "topic": f"/market/level2:{symbol}",
        "type": "message",
        "subject": "trade.l2update",
        "data": data,
    }


def test_update_when_one_change_then_delta_with_exact_texts():
    frame = encode(update(5, 5, asks=[["67993.30", "1.21427407", "5"]], time=1729816425625))
    [delta] = KucoinCodec().receive(frame)
    assert delta == Delta("BTC-USDT", 5, 5, [], [("67993.30", "1.21427407", "5")], 1729816425625)


def test_update_when_its_sequences_are_text_then_read_all_the_same():
    [delta] = KucoinCodec().receive(encode(update("5", "6", bids=[["10", "1", "6"]])))
    assert (delta.first, delta.last) == (5, 6)


def test_update_when_changes_are_out_of_order_then_each_side_by_its_sequence():
    bids = [["10", "3", "1000"], ["10", "1", "998"], ["9", "0", "999"]]
    [delta] = KucoinCodec().receive(encode(update(998, 1001, bids, [["11", "1", "1001"]])))
    assert [tuple(level[:2]) for level in delta.bids] == [("10", "1"), ("9", "0"), ("10", "3")]
    assert delta.asks == [("11", "1", "1001")]
    assert (delta.first, delta.last) == (998, 1001)


def test_update_when_price_is_zero_then_only_the_sequence_moves():
    [delta] = KucoinCodec().receive(encode(update(7, 8, [["0", "0", "7"]], [["0", "5", "8"]])))
    assert delta == Delta("BTC-USDT", 7, 8, [], [])


@pytest.mark.parametrize(
    "frame",
    [
        update(1, 1, [["10", "1"]]),
        update(1, 1, [["10", 1, "1"]]),
        update(1, 1, [None]),
        update(1, "x"),
        update(2, 1),
        update(1, 2, [["10", "1", "two"], ["10", "1", "1"]]),
        {**update(1, 1), "data": None},
        {**update(1, 1), "data": "nonsense"},
    ],
)
def test_update_when_damaged_then_its_book_is_broken(frame):
    [event] = KucoinCodec().receive(encode(frame))
    assert isinstance(event, Broken)
    assert event.symbol == "BTC-USDT"


@pytest.mark.parametrize(
    ("frame", "event"),
    [
        ({"id": "NSkIrWGB1s", "type": "welcome"}, Alive()),
        ({"id": "1", "type": "pong"}, Alive()),
        ({"id": "77", "type": "ack"}, Alive()),
        ({"type": "notice", "topic": "/notice"}, Ignored("/notice")),
        (
            {"type": "message", "topic": "/market/match:A-B", "subject": "trade.l3match"},
            Ignored("trade.l3match"),
        ),
    ],
)
def test_receive_when_no_book_is_concerned_then_said_so(frame, event):
    assert KucoinCodec().receive(encode(frame)) == [event]


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"{}",
        b"null",
        b"1e400",
        b'{"type":"\xff"}',
        b'{"type":"message"',
        b'{"type":"message","data":NaN}',
        b'{"type":3}',
    ],
)
def test_receive_when_no_frame_at_all_then_codec_error(frame):
    with pytest.raises(CodecError):
        KucoinCodec().receive(frame)


@pytest.mark.parametrize("field", ["data", "x"])
def test_receive_when_nested_deeper_than_python_reads_then_no_other_error(field):
    deep = b'{"type":"message","' + field.encode() + b'":' + b"[" * 5000 + b"]" * 5000 + b"}"
    with suppress(CodecError):  # how deep an unread field may be depends on the Python
        KucoinCodec().receive(deep)


def test_subscribe_when_many_symbols_then_one_topic_and_its_ack_names_them():
    codec = KucoinCodec()
    assert list(codec.opened()) == []
    [frame] = codec.subscribe(["BTC-USDT", "ETH-USDT"])
    request = json.loads(frame)
    assert request == {
        "id": "1",
        "type": "subscribe",
        "topic": "/market/level2:BTC-USDT,ETH-USDT",
        "privateChannel": False,
        "response": True,
    }
    codec.subscribe(["XRP-USDT"])
    assert codec.receive(encode({"id": "2", "type": "ack"})) == [Subscribed(("XRP-USDT",))]
    assert codec.receive(encode({"id": "1", "type": "ack"})) == [Subscribed(("BTC-USDT", "ETH-USDT"))]
    assert codec.receive(encode({"id": "1", "type": "ack"})) == [Alive()]


def test_unsubscribe_when_acknowledged_then_nothing_is_subscribed():
    codec = KucoinCodec()
    request = json.loads(codec.unsubscribe(["BTC-USDT"])[0])
    assert (request["type"], request["topic"]) == ("unsubscribe", "/market/level2:BTC-USDT")
    assert codec.receive(encode({"id": request["id"], "type": "ack"})) == [Alive()]


def test_error_when_it_answers_a_subscription_then_those_symbols_are_rejected():
    codec = KucoinCodec()
    codec.subscribe(["BTC-USDT"])
    codec.subscribe(["ETH-USDT"])
    error = {"id": "2", "type": "error", "code": 404, "data": "topic is not found"}
    assert codec.receive(encode(error)) == [Rejected(("ETH-USDT",), "404: topic is not found")]


def test_error_when_it_has_no_id_then_all_that_is_pending_is_rejected():
    error = {"type": "error", "code": 509, "data": "exceed max subscription count limit of 300"}
    [event] = KucoinCodec().receive(encode(error))
    assert event == Rejected((), "509: exceed max subscription count limit of 300")


def test_error_when_it_answers_something_else_then_ignored():
    [event] = KucoinCodec().receive(encode({"id": "9", "type": "error", "code": 415, "data": "bad ping"}))
    assert event == Ignored("error 415: bad ping")


def test_probe_when_sent_then_json_pings_with_ids_of_their_own():
    codec = KucoinCodec()
    assert [json.loads(codec.probe()) for _ in range(2)] == [
        {"id": "1", "type": "ping"},
        {"id": "2", "type": "ping"},
    ]


def test_hook_when_called_then_kucoin():
    exchange = twap_exchange()
    assert exchange.name == "Kucoin"
    assert list(exchange.intervals.values()) == sorted(exchange.intervals.values())
    assert exchange.handshake_request().method == "POST"
    assert exchange.transport() is None


@pytest.mark.parametrize(
    ("endpoint", "before"),
    [
        ("wss://ws-api-spot.kucoin.com/", "wss://ws-api-spot.kucoin.com/?token="),
        ("ws://127.0.0.1:9/kucoin/endpoint", "ws://127.0.0.1:9/kucoin/endpoint?token="),
        ("wss://h/endpoint?acceptUserMessage=true", "wss://h/endpoint?acceptUserMessage=true&token="),
    ],
)
def test_open_feed_when_any_endpoint_then_kept_as_given(endpoint, before):
    body = answer(
        {"token": "2ne-_x.y==&z", "instanceServers": [{"endpoint": endpoint, "pingInterval": 18000}]}
    )
    opening = Kucoin().open_feed(body)
    assert opening.url.startswith(f"{before}2ne-_x.y==%26z&connectId=")
    assert opening == Kucoin().open_feed(body)


@pytest.mark.parametrize(("interval", "keepalive"), [(18_000, 8), (5_000, 2.5), (0, None), (None, None)])
def test_open_feed_when_the_token_names_an_interval_then_pings_come_at_least_twice_as_often(
    interval, keepalive
):
    server = {"endpoint": "wss://h/", "pingInterval": interval}
    assert (
        Kucoin().open_feed(answer({"token": "t", "instanceServers": [server]})).keepalive_seconds == keepalive
    )


@pytest.mark.parametrize(
    "body",
    [
        None,
        b"<html>",
        answer(None),
        answer({"token": "t", "instanceServers": []}),
        answer({"token": "t", "instanceServers": [{"endpoint": "http://x"}]}),
        answer(None, code="429000", msg="Too Many Requests"),
    ],
)
def test_open_feed_when_the_handshake_is_unusable_then_codec_error(body):
    with pytest.raises(CodecError):
        Kucoin().open_feed(body)


@needs_recordings
def test_recording_when_replayed_then_contiguous_and_the_golden_books():
    frames = [line["raw"].encode() for line in recording("kucoin.ws")]
    snapshots = {}
    for line in recording("kucoin.http"):
        symbol = line["url"].rpartition("=")[2]
        snapshots[symbol] = Kucoin().snapshot(line["raw"].encode(), symbol)
    books = {s: (dict(x.bids), dict(x.asks)) for s, x in snapshots.items()}
    last, odd, codec = {}, [], KucoinCodec()
    for event in (event for frame in frames for event in codec.receive(frame)):
        if not isinstance(event, Delta):
            odd.append(event)
            continue
        assert event.first == last.get(event.symbol, event.first - 1) + 1
        last[event.symbol] = event.last
        if event.last > snapshots[event.symbol].sequence:
            for side, levels in zip(books[event.symbol], (event.bids, event.asks), strict=True):
                for price, quantity, *_ in levels:
                    side[price] = quantity
    assert {type(event) for event in odd} == {Alive, Ignored}
    for symbol, expected in golden("kucoin").items():
        assert last[symbol] == expected["last_seq"]
        for side, name, down in zip(books[symbol], ("bids", "asks"), (True, False), strict=True):
            levels = sorted(((Decimal(p), Decimal(q)) for p, q in side.items()), reverse=down)
            best = [level for level in levels if level[1]][:10]
            assert best == [(Decimal(p), Decimal(q)) for p, q in expected[name]]


FRAMES = [
    encode(update(5, 6, [["1", "2", "5"], ["0", "0", "6"]], [["3", "4", "5"], ["3", "5", "6"]], time=1)),
    encode({"id": "1", "type": "ack"}),
    encode({"id": "1", "type": "error", "code": 404, "data": "topic"}),
    encode({"type": "message", "topic": "/market/ticker:A-B", "subject": "trade.ticker", "data": {"a": 1}}),
]


@settings(max_examples=300, deadline=None)
@given(frame=damaged(FRAMES))
def test_receive_when_a_frame_is_damaged_then_only_codec_error(frame):
    codec = KucoinCodec()
    codec.subscribe(["BTC-USDT"])
    try:
        events = codec.receive(frame)
    except CodecError:
        return
    for event in events:
        if isinstance(event, Delta):
            levels = [*event.bids, *event.asks]
            assert all(len(level) >= 2 and all(isinstance(text, str) for text in level) for level in levels)


def test_limits_when_frames_keep_coming_then_pings_are_sent_before_the_exchange_hangs_up():
    assert Kucoin().limits.keepalive_seconds < 18
