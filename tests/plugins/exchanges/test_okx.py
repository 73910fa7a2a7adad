"""OKX's feed: its frames, subscriptions and books."""

import json
import zlib
from dataclasses import dataclass, field
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.market_data import golden, needs_recordings, recording
from tests.plugins.exchanges.mutations import DAMAGE
from twap.plugins.exchanges.okx import OKX
from twap.ports.errors import CodecError
from twap.ports.events import (
    Alive,
    Broken,
    Delta,
    Ignored,
    Reconnect,
    Rejected,
    Snapshot,
    Subscribed,
)

EXCHANGE = OKX()

BIDS = [["8476.97", "256", "0", "12"], ["8475.55", "101", "0", "1"]]


ASKS = [["8476.98", "415", "0", "13"]]


@dataclass
class Book:
    """The plainest book: prices to wire text."""

    bids: dict = field(default_factory=dict)
    asks: dict = field(default_factory=dict)
    sequence: int | None = None

    def apply(self, event):
        if isinstance(event, Snapshot):
            self.bids, self.asks, self.sequence = {}, {}, event.sequence
        else:
            assert event.first == self.sequence + 1
            self.sequence = event.last
        for side, changes in ((self.bids, event.bids), (self.asks, event.asks)):
            for price, quantity, *_ in changes:
                side[Decimal(price)] = (price, quantity)
                if not Decimal(quantity):
                    del side[Decimal(price)]

    def best(self):
        bids = [self.bids[price] for price in sorted(self.bids, reverse=True)]
        return bids, [self.asks[price] for price in sorted(self.asks)]


def books(action, symbol="BTC-USDT", bids=BIDS, asks=ASKS, **fields):
    data = {"asks": asks, "bids": bids, "ts": "1597026383085", **fields}
    arg = {"channel": "books", "instId": symbol}
    return json.dumps({"arg": arg, "action": action, "data": [data]}).encode()


def event(name, **fields):
    return json.dumps({"event": name, **fields}).encode()


def test_receive_when_snapshot_then_levels_as_they_came():
    frame = books("snapshot", seqId=123, prevSeqId=-1, checksum=-855196043)

    assert EXCHANGE.codec().receive(frame) == [
        Snapshot("BTC-USDT", BIDS, ASKS, 123, 1597026383085, -855196043)
    ]


def test_receive_when_update_then_it_follows_the_one_it_names():
    frame = books("update", bids=[], seqId=200, prevSeqId=123)

    assert EXCHANGE.codec().receive(frame) == [Delta("BTC-USDT", 124, 200, [], ASKS, 1597026383085, None)]


def test_receive_when_checksum_is_zero_then_none():
    (update,) = EXCHANGE.codec().receive(books("update", seqId=2, prevSeqId=1, checksum=0))

    assert update.checksum is None


def test_receive_when_nothing_changed_then_a_delta_that_checks_the_chain():
    frame = books("update", bids=[], asks=[], seqId=200, prevSeqId=200)

    assert EXCHANGE.codec().receive(frame) == [Delta("BTC-USDT", 201, 200, [], [], 1597026383085, None)]


def test_receive_when_numbers_start_anew_then_the_chain_still_holds():
    book = Book()
    codec = EXCHANGE.codec()
    for frame in (
        books("snapshot", seqId=500, prevSeqId=-1),
        books("update", seqId=7, prevSeqId=500),
        books("update", seqId=9, prevSeqId=7),
    ):
        (change,) = codec.receive(frame)
        book.apply(change)

    assert book.sequence == 9


def test_receive_when_frames_have_no_numbers_then_counted_per_symbol():
    codec = EXCHANGE.codec()

    events = [
        event
        for action, symbol in [("snapshot", "A-B"), ("update", "A-B"), ("snapshot", "C-D"), ("update", "A-B")]
        for event in codec.receive(books(action, symbol))
    ]

    assert [(type(e), e.symbol) for e in events[:3]] == [(Snapshot, "A-B"), (Delta, "A-B"), (Snapshot, "C-D")]
    assert (events[0].sequence, events[1].first, events[1].last) == (1, 2, 2)
    assert (events[2].sequence, events[3].first, events[3].last) == (1, 3, 3)


@pytest.mark.parametrize(
    "fields",
    [
        {"bids": [["1"]]},
        {"bids": [[1, 2]]},
        {"bids": ["1"]},
        {"bids": None},
        {"ts": "soon"},
        {"ts": "9" * 30},
        {"seqId": "x"},
        {"seqId": 1.5},
        {"checksum": 2**40},
        {"seqId": 7},
    ],
)
def test_receive_when_data_is_damaged_then_that_book_is_broken(fields):
    (broken,) = EXCHANGE.codec().receive(books("update", **fields))

    assert isinstance(broken, Broken)
    assert broken.symbol == "BTC-USDT"


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"ping pong",
        b"\xff\xfe",
        b"[]",
        b"null",
        b"{}",
        b'{"event":7}',
        b'{"arg":{"channel":"books"},"action":"update","data":[]}',
        b'{"arg":{"channel":"books","instId":""},"action":"update","data":[]}',
        b'{"arg":{"channel":"books","instId":7},"data":[]}',
        b"[" * 5000,
        b'{"arg":' * 5000,
        b"9" * 5000,
        b"NaN",
        b"1e999999",
    ],
)
def test_receive_when_no_frame_of_the_protocol_then_codec_error(frame):
    with pytest.raises(CodecError):
        EXCHANGE.codec().receive(frame)


def test_receive_when_pong_then_alive():
    codec = EXCHANGE.codec()

    assert codec.probe() == "ping"
    assert codec.receive(b"pong") == [Alive()]


def test_receive_when_notice_then_planned_reconnect():
    frame = event("notice", code="64008", msg="The connection will soon be closed for a service upgrade.")

    assert EXCHANGE.codec().receive(frame) == [
        Reconnect("64008 The connection will soon be closed for a service upgrade.", planned=True)
    ]


@pytest.mark.parametrize(
    "frame",
    [
        event("unsubscribe", arg={"channel": "books", "instId": "BTC-USDT"}),
        event("channel-conn-count", channel="books", connCount="2", connId="abcd1234"),
        event("subscribe", arg={"channel": "tickers", "instId": "BTC-USDT"}),
        b'{"arg":{"channel":"tickers","instId":"BTC-USDT"},"data":[{"last":"1"}]}',
        b'{"arg":{"channel":"books5","instId":"BTC-USDT"},"action":"snapshot","data":[]}',
        b'{"arg":{"channel":"books","instId":"BTC-USDT"},"action":"update","data":[]}',
    ],
)
def test_receive_when_nothing_to_us_then_ignored(frame):
    (ignored,) = EXCHANGE.codec().receive(frame)

    assert isinstance(ignored, Ignored)


def test_subscribe_when_some_symbols_then_one_frame():
    codec = EXCHANGE.codec()

    frames = [*codec.subscribe(["BTC-USDT", "ETH-USDT"]), *codec.unsubscribe(["ETH-USDT"])]

    assert [json.loads(frame) for frame in frames] == [
        {
            "op": "subscribe",
            "args": [
                {"channel": "books", "instId": "BTC-USDT"},
                {"channel": "books", "instId": "ETH-USDT"},
            ],
        },
        {"op": "unsubscribe", "args": [{"channel": "books", "instId": "ETH-USDT"}]},
    ]
    assert list(codec.opened()) == []


def test_answer_when_confirmed_then_subscribed():
    frame = event("subscribe", arg={"channel": "books", "instId": "BTC-USDT"}, connId="a4d3ae55")

    assert EXCHANGE.codec().receive(frame) == [Subscribed(["BTC-USDT"])]


@pytest.mark.parametrize(
    ("fields", "symbols"),
    [
        ({"arg": {"channel": "books", "instId": "C-D"}, "msg": "no"}, ["C-D"]),
        ({"msg": "channel:books,instId:E-F doesn't exist"}, ["E-F"]),
        ({"msg": "Invalid request"}, ["C-D", "E-F"]),
        ({"msg": "channel:books,instId:A-B doesn't exist"}, ["C-D", "E-F"]),
    ],
)
def test_answer_when_refused_then_whom_it_names_else_all_that_wait(fields, symbols):
    codec = EXCHANGE.codec()
    codec.subscribe(["A-B", "C-D", "E-F"])
    codec.receive(event("subscribe", arg={"channel": "books", "instId": "A-B"}))

    assert codec.receive(event("error", code="60018", **fields)) == [
        Rejected(symbols, f"60018 {fields['msg']}")
    ]


def test_answer_when_nobody_waits_then_ignored():
    codec = EXCHANGE.codec()
    codec.subscribe(["A-B"])
    codec.unsubscribe(["A-B"])

    assert codec.receive(event("error", code="60012", msg="Invalid request")) == [
        Ignored("60012 Invalid request")
    ]


def test_checksum_when_one_side_is_longer_then_it_goes_on_alone():
    bids = [["3366.1", "7", "0", "3"]]
    asks = [["3366.8", "9"], ["3368", "8"]]

    expected = zlib.crc32(b"3366.1:7:3366.8:9:3368:8")

    assert expected == EXCHANGE.rules.checksum(bids, asks) % 2**32


def test_checksum_when_the_high_bit_is_set_then_negative():
    """The value that the exchange's documentation gives for this book."""
    bids = [["3366.1", "7", "0", "3"], ["3366", "6", "3", "4"]]
    asks = [["3366.8", "9", "10", "3"], ["3368", "8", "3", "4"]]

    assert EXCHANGE.rules.checksum(bids, asks) == -1881014294


@needs_recordings
def test_recording_when_applied_then_all_checksums_and_golden_books():
    codec, seen, verified = EXCHANGE.codec(), {}, 0
    for line in recording("okx.ws"):
        for change in codec.receive(line["raw"].encode()):
            assert not isinstance(change, Broken | Rejected)
            if isinstance(change, Snapshot | Delta):
                book = seen.setdefault(change.symbol, Book())
                book.apply(change)
                assert EXCHANGE.rules.checksum(*book.best()) == change.checksum
                verified += 1

    assert verified == 290
    for symbol, expected in golden("okx").items():
        bids, asks = seen[symbol].best()
        assert [list(level) for level in bids[:10]] == expected["bids"]
        assert [list(level) for level in asks[:10]] == expected["asks"]


def test_rules_when_read_then_a_chain():
    assert EXCHANGE.rules.contiguous
    assert not EXCHANGE.rules.drops_old
    assert EXCHANGE.open_feed(EXCHANGE.handshake_request()).path == "/ws/v5/public"
    assert EXCHANGE.transport() is None
    with pytest.raises(CodecError, match="in the feed"):
        EXCHANGE.snapshot_request("BTC-USDT")
    with pytest.raises(CodecError, match="in the feed"):
        EXCHANGE.snapshot(b"{}", "BTC-USDT")


FRAMES = [
    books("snapshot", seqId=123, prevSeqId=-1, checksum=0),
    books("update", seqId=124, prevSeqId=123),
    books("update", checksum=-855196043),
    event("subscribe", arg={"channel": "books", "instId": "BTC-USDT"}),
    event("error", code="60018", msg="channel:books,instId:BTC-USDT doesn't exist"),
    event("notice", code="64008", msg="soon"),
    b"pong",
]


@given(frame=st.sampled_from(FRAMES), start=st.integers(0, 400), length=st.integers(0, 30), damage=DAMAGE)
def test_receive_when_any_piece_of_a_frame_is_replaced_then_events_of_text_or_codec_error(
    frame, start, length, damage
):
    codec = EXCHANGE.codec()
    codec.subscribe(["BTC-USDT"])
    start %= len(frame)
    try:
        events = codec.receive(frame[:start] + damage + frame[start + length :])
    except CodecError:
        return
    for change in events:
        if isinstance(change, Snapshot | Delta):
            levels = [*change.bids, *change.asks]
            assert all(len(level) >= 2 for level in levels)
            assert all(isinstance(text, str) for level in levels for text in level)


def test_limits_when_frames_keep_coming_then_pings_are_sent_before_the_exchange_hangs_up():
    assert OKX().limits.keepalive_seconds < 30


def test_limits_when_subscriptions_come_and_go_then_a_connection_ends_before_its_480_requests_an_hour():
    count, seconds = OKX().limits.requests_per_connection
    assert count < 480
    assert seconds == 3600
