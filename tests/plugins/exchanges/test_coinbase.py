"""Coinbase's feed: its frames, subscriptions and books."""

import json
from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given, settings

from tests.market_data import golden, needs_recordings, recording
from tests.plugins.exchanges.mutations import damaged, encode
from twap.plugins.exchanges.coinbase import twap_exchange
from twap.plugins.exchanges.coinbase.codec import CoinbaseCodec
from twap.plugins.exchanges.coinbase.exchange import Coinbase
from twap.ports.errors import CodecError
from twap.ports.events import Alive, Broken, Delta, Ignored, Reconnect, Rejected, Snapshot, Subscribed

TIME = "2026-04-07T14:30:00.123456Z"


def level(side, price, quantity):
    return {
        "side": side,
        "event_time": "1970-01-01T00:00:00Z",
        "price_level": price,
        "new_quantity": quantity,
    }


def event(kind, product, *levels):
    return {"type": kind, "product_id": product, "updates": list(levels)}


def frame(number, channel, *events):
    return encode(
        {
            "channel": channel,
            "client_id": "",
            "timestamp": TIME,
            "sequence_num": number,
            "events": list(events),
        }
    )


def heartbeat(number):
    return frame(number, "heartbeats", {"current_time": "2026-04-07 14:30:10 +0000", "heartbeat_counter": 42})


def subscriptions(number, **channels):
    return frame(number, "subscriptions", {"subscriptions": channels})


def test_books_when_snapshot_and_update_come_then_sides_as_exact_texts():
    codec = CoinbaseCodec()
    first = event("snapshot", "BTC-USD", level("bid", "68900.00", "1.5"), level("offer", "68901.00", "0.50"))
    second = event("update", "BTC-USD", level("offer", "68901.00", "0.00000000"))
    assert codec.receive(frame(0, "l2_data", first)) == [
        Snapshot("BTC-USD", [("68900.00", "1.5")], [("68901.00", "0.50")], 0, TIME)
    ]
    assert codec.receive(frame(1, "l2_data", second)) == [
        Delta("BTC-USD", 1, 1, [], [("68901.00", "0.00000000")], TIME)
    ]


def test_books_when_a_frame_holds_several_events_then_each_in_its_order():
    events = [
        event("snapshot", "A-B"),
        event("update", "A-B", level("bid", "1", "2")),
        event("update", "C-D"),
    ]
    assert CoinbaseCodec().receive(frame(0, "l2_data", *events)) == [
        Snapshot("A-B", [], [], 0, TIME),
        Delta("A-B", 0, 0, [("1", "2")], [], TIME),
        Alive(),
    ]


@pytest.mark.parametrize("number", [0, 1, 3, 10**30])
def test_sequence_when_a_number_is_not_the_next_then_reconnect_for_good(number):
    codec = CoinbaseCodec()
    codec.receive(heartbeat(0))
    codec.receive(heartbeat(1))
    update = event("update", "BTC-USD", level("bid", "1", "2"))
    assert codec.receive(frame(number, "l2_data", update)) == [
        Reconnect(f"frame {number} came where 2 was due", planned=False)
    ]
    [again] = codec.receive(frame(2, "l2_data", update))
    assert isinstance(again, Reconnect)


def test_sequence_when_the_first_frame_was_missed_then_reconnect():
    assert CoinbaseCodec().receive(heartbeat(1)) == [Reconnect("frame 1 came where 0 was due")]


def test_sequence_when_frames_of_every_channel_come_then_each_counts_but_errors_without_a_number():
    codec = CoinbaseCodec()
    frames = [
        subscriptions(0, heartbeats=["heartbeats"]),
        heartbeat(1),
        frame(2, "market_trades", {"type": "update", "trades": []}),
        encode({"type": "error", "message": "no such product"}),
        frame(3, "l2_data", event("update", "BTC-USD", {"side": "bid"})),
        frame(4, "l2_data", event("update", "BTC-USD", level("bid", "1", "2"))),
    ]
    kinds = [type(what) for received in frames for what in codec.receive(received)]
    assert kinds == [Alive, Alive, Ignored, Rejected, Broken, Delta]


@pytest.mark.parametrize(
    "wrong",
    [
        level("ask", "1", "2"),
        level("bid", 1, "2"),
        level("bid", "1", None),
        {"side": "bid", "price_level": "1"},
        None,
        [],
    ],
)
def test_books_when_one_event_is_damaged_then_only_its_product_is_broken(wrong):
    events = [event("update", "A-B", wrong), event("update", "C-D", level("bid", "1", "2"))]
    broken, delta = CoinbaseCodec().receive(frame(0, "l2_data", *events))
    assert isinstance(broken, Broken)
    assert broken.symbol == "A-B"
    assert delta.symbol == "C-D"


@pytest.mark.parametrize(
    "received",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"null",
        b"1e400",
        b'{"channel":"\xff"}',
        b'{"channel":"l2_data","sequence_num":0,"events":[',
        b'{"channel":"l2_data","sequence_num":NaN,"events":[]}',
        b'{"channel":"heartbeats","sequence_num":1.5}',
        b'{"channel":"l2_data","events":[]}',
        b'{"channel":"heartbeats"}',
        frame(0, "l2_data", {"type": "update", "updates": []}),
        frame(0, "subscriptions", {"subscriptions": ["level2"]}),
    ],
)
def test_receive_when_the_protocol_is_broken_then_codec_error(received):
    with pytest.raises(CodecError):
        CoinbaseCodec().receive(received)


def test_receive_when_nested_deeper_than_python_reads_then_no_other_error():
    deep = b"[" * 5000 + b"]" * 5000
    with pytest.raises(CodecError):
        CoinbaseCodec().receive(b'{"channel":"l2_data","sequence_num":0,"events":' + deep + b"}")
    with suppress(CodecError):  # how deep what nobody asked for may be depends on the Python
        CoinbaseCodec().receive(b'{"channel":"x","sequence_num":0,"y":' + deep + b"}")


def test_receive_when_the_frame_is_unknown_then_ignored():
    assert CoinbaseCodec().receive(b'{"type":"maintenance"}') == [Ignored("maintenance")]
    assert CoinbaseCodec().receive(frame(0, "status")) == [Ignored("status")]


def test_opened_when_connected_then_heartbeats_are_subscribed():
    codec = CoinbaseCodec()
    assert [json.loads(text) for text in codec.opened()] == [{"type": "subscribe", "channel": "heartbeats"}]
    assert codec.probe() is None


def test_subscribe_when_products_are_given_then_one_frame_of_one_channel():
    codec = CoinbaseCodec()
    [text] = codec.subscribe(["BTC-USD", "ETH-USD"])
    assert json.loads(text) == {
        "type": "subscribe",
        "product_ids": ["BTC-USD", "ETH-USD"],
        "channel": "level2",
    }
    [text] = codec.unsubscribe(["BTC-USD"])
    assert json.loads(text) == {"type": "unsubscribe", "product_ids": ["BTC-USD"], "channel": "level2"}


def test_subscriptions_when_listed_then_only_what_is_new_is_confirmed():
    codec = CoinbaseCodec()
    assert codec.receive(subscriptions(0, heartbeats=["heartbeats"])) == [Alive()]
    assert codec.receive(subscriptions(1, level2=["A-B", "C-D"])) == [Subscribed(["A-B", "C-D"])]
    assert codec.receive(subscriptions(2, level2=["A-B", "C-D", "E-F"])) == [Subscribed(["E-F"])]
    assert codec.receive(subscriptions(3, level2=["A-B"])) == [Alive()]
    assert codec.receive(subscriptions(4, level2=["A-B", "C-D"])) == [Subscribed(["C-D"])]


def test_error_when_it_comes_then_all_that_is_pending_is_rejected():
    received = encode({"type": "error", "message": "INVALID-PAIR is not a valid product"})
    assert CoinbaseCodec().receive(received) == [Rejected((), "INVALID-PAIR is not a valid product")]


def test_hook_when_called_then_coinbase():
    exchange = twap_exchange()
    assert exchange.name == "Coinbase"
    assert list(exchange.intervals) == ["1m", "5m", "15m", "30m", "1h", "2h", "6h", "1d"]
    assert exchange.handshake_request() is None
    assert exchange.open_feed(None).path == "/"
    assert exchange.limits.max_frame_bytes > 3 * 4_800_000
    assert exchange.transport() is None


def enveloped(lines):
    """Frames of the older Exchange feed, their books in Advanced Trade's envelope."""
    sides = {"buy": "bid", "sell": "offer"}
    for line in lines:
        old = json.loads(line["raw"])
        if old["type"] == "snapshot":
            bids = [level("bid", *pair) for pair in old["bids"]]
            asks = [level("offer", *pair) for pair in old["asks"]]
            yield event("snapshot", old["product_id"], *bids, *asks)
        elif old["type"] == "l2update":
            yield event("update", old["product_id"], *(level(sides[s], *rest) for s, *rest in old["changes"]))


@needs_recordings
def test_recording_when_replayed_in_todays_envelope_then_the_golden_books():
    codec, books = CoinbaseCodec(), {}
    for number, book in enumerate(enveloped(recording("coinbase.ws"))):
        [heard] = codec.receive(frame(number, "l2_data", book))
        if isinstance(heard, Snapshot):
            books[heard.symbol] = (dict(heard.bids), dict(heard.asks))
            continue
        assert heard.first == heard.last == number
        for side, levels in zip(books[heard.symbol], (heard.bids, heard.asks), strict=True):
            side.update(levels)
    for symbol, expected in golden("coinbase").items():
        for side, name, down in zip(books[symbol], ("bids", "asks"), (True, False), strict=True):
            levels = sorted(((Decimal(p), Decimal(q)) for p, q in side.items()), reverse=down)
            assert [pair for pair in levels if pair[1]][:10] == [
                (Decimal(p), Decimal(q)) for p, q in expected[name]
            ]


FRAMES = [
    frame(0, "l2_data", event("snapshot", "A-B", level("bid", "1", "2"), level("offer", "3", "4"))),
    frame(0, "l2_data", event("update", "A-B", level("bid", "1", "2")), event("update", "C-D")),
    subscriptions(0, level2=["A-B"], heartbeats=["heartbeats"]),
    heartbeat(0),
    encode({"type": "error", "message": "no"}),
]


@settings(max_examples=300, deadline=None)
@given(received=damaged(FRAMES))
def test_receive_when_a_frame_is_damaged_then_only_codec_error(received):
    try:
        events = CoinbaseCodec().receive(received)
    except CodecError:
        return
    for heard in events:
        if isinstance(heard, Delta | Snapshot):
            levels = [*heard.bids, *heard.asks]
            assert all(len(pair) == 2 and all(isinstance(text, str) for text in pair) for pair in levels)


def test_limits_when_there_are_many_connections_then_their_frames_together_stay_below_eight_a_second():
    count, seconds = Coinbase().limits.frames_together
    assert count / seconds < 8
