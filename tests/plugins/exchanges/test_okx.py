"""OKX: the feed's frames, the REST bodies, and every checksum of the recording."""

import json
import zlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.market_data import fixture, golden, needs_recordings, recording
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
from twap.ports.market import Instrument

EXCHANGE = OKX()
BTCUSDT = Instrument("OKX", "BTCUSDT", "BTC-USDT", "BTC", "USDT", Decimal("0.1"), Decimal("0.00000001"))
BIDS = [["8476.97", "256", "0", "12"], ["8475.55", "101", "0", "1"]]
ASKS = [["8476.98", "415", "0", "13"]]

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


def body(*data):
    return json.dumps({"code": "0", "msg": "", "data": data}).encode()


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


FRAMES = [
    books("snapshot", seqId=123, prevSeqId=-1, checksum=0),
    books("update", seqId=124, prevSeqId=123),
    books("update", checksum=-855196043),
    event("subscribe", arg={"channel": "books", "instId": "BTC-USDT"}),
    event("error", code="60018", msg="channel:books,instId:BTC-USDT doesn't exist"),
    event("notice", code="64008", msg="soon"),
    b"pong",
]
DAMAGE = st.one_of(
    st.binary(max_size=6),
    st.sampled_from(
        [b"null", b'"\\ud800"', b"1e400", b"-0", b"[[[[", b"{}", b"NaN", b"9" * 400, b"\xff", b'""']
    ),
)


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


def test_limits_when_frames_keep_coming_then_pings_are_sent_before_the_exchange_hangs_up():
    assert OKX().limits.keepalive_seconds < 30


def test_limits_when_subscriptions_come_and_go_then_a_connection_ends_before_its_480_requests_an_hour():
    count, seconds = OKX().limits.requests_per_connection
    assert count < 480
    assert seconds == 3600


@pytest.mark.parametrize("nothing", [None, ""])
def test_instruments_when_the_minimum_is_empty_then_there_is_none(nothing):
    (instrument,) = EXCHANGE.instruments(body({**PAIR, "minSz": nothing}))
    assert instrument.min_quantity == 0
