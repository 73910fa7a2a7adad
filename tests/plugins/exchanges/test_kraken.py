"""Kraken's feed: its frames, subscriptions and books."""

import json
import zlib
from dataclasses import dataclass, field
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.market_data import golden, needs_recordings, recording
from tests.plugins.exchanges.mutations import DAMAGE
from twap.domain.book import BadLevel, OrderBook, PriceTexts
from twap.plugins.exchanges.kraken import Kraken
from twap.ports.errors import CodecError
from twap.ports.events import Alive, Broken, Delta, Ignored, Rejected, Snapshot, Subscribed

KRAKEN = Kraken()

SNAPSHOT = (
    b'{"channel":"book","type":"snapshot","data":[{"symbol":"BTC/USD",'
    b'"bids":[{"price":45283.5,"qty":0.10000000},{"price":45283.4,"qty":1.54582015}],'
    b'"asks":[{"price":45285.2,"qty":0.00100000}],'
    b'"checksum":2439117997,"timestamp":"2026-08-01T02:53:53.646219Z"}]}'
)


UPDATE = (
    b'{"channel":"book","type":"update","data":['
    b'{"symbol":"BTC/USD","bids":[],"asks":[{"price":45285.2,"qty":0.00000000}],"checksum":17},'
    b'{"symbol":"ETH/USD","bids":[{"price":1e-08,"qty":2.50E+3}],"asks":[],"checksum":18}]}'
)


ACK = (
    b'{"method":"subscribe","result":{"channel":"book","depth":500,"snapshot":true,"symbol":"BTC/USD"},'
    b'"success":true,"req_id":1}'
)


STATUS = b'{"channel":"status","type":"update","data":[{"system":"online","version":"2.0.10"}]}'


HEARTBEAT = b'{"channel":"heartbeat"}'


PONG = b'{"method":"pong","req_id":42,"time_in":"2026-08-01T09:05:00.123456Z"}'


@dataclass
class Book:
    """The plainest book: prices to wire text, cut to a depth after each change."""

    depth: int
    bids: dict = field(default_factory=dict)
    asks: dict = field(default_factory=dict)

    def apply(self, event):
        if isinstance(event, Snapshot):
            self.bids, self.asks = {}, {}
        for side, changes, sign in ((self.bids, event.bids, -1), (self.asks, event.asks, 1)):
            for price, quantity in changes:
                side[Decimal(price)] = (price, quantity)
                if not Decimal(quantity):
                    del side[Decimal(price)]
            for price in sorted(side, key=lambda p, sign=sign: sign * p)[self.depth :]:
                del side[price]

    def best(self):
        bids = [self.bids[price] for price in sorted(self.bids, reverse=True)]
        return bids, [self.asks[price] for price in sorted(self.asks)]


def answer(**fields):
    return json.dumps({"method": "subscribe", **fields}).encode()


def test_receive_when_snapshot_then_exact_wire_text_and_checksum_as_sequence():
    (event,) = KRAKEN.codec().receive(SNAPSHOT)

    assert event == Snapshot(
        "BTC/USD",
        bids=[("45283.5", "0.10000000"), ("45283.4", "1.54582015")],
        asks=[("45285.2", "0.00100000")],
        sequence=2439117997,
        exchange_time="2026-08-01T02:53:53.646219Z",
        checksum=2439117997,
    )


def test_receive_when_update_of_two_books_then_a_delta_each_without_exponents():
    assert KRAKEN.codec().receive(UPDATE) == [
        Delta("BTC/USD", 17, 17, [], [("45285.2", "0.00000000")], None, 17),
        Delta("ETH/USD", 18, 18, [("0.00000001", "2500")], [], None, 18),
    ]


def test_receive_when_no_checksum_then_none():
    frame = b'{"channel":"book","type":"update","data":[{"symbol":"A/B","bids":[],"asks":[]}]}'

    assert KRAKEN.codec().receive(frame) == [Delta("A/B", 0, 0, [], [], None, None)]


@pytest.mark.parametrize("frame", [STATUS, HEARTBEAT, PONG])
def test_receive_when_sign_of_life_then_alive(frame):
    assert KRAKEN.codec().receive(frame) == [Alive()]


@pytest.mark.parametrize(
    "frame",
    [
        b'{"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","price":1.0}]}',
        b'{"channel":"book","type":"update","data":[]}',
        b'{"method":"unsubscribe","success":true,"result":{"symbol":"BTC/USD"}}',
        b'{"error":"Exceeded msg rate"}',
    ],
)
def test_receive_when_nothing_to_us_then_ignored(frame):
    (event,) = KRAKEN.codec().receive(frame)

    assert isinstance(event, Ignored)


@pytest.mark.parametrize(
    "level",
    ['{"price":1.0}', '{"qty":1.0}', "[1.0,1.0]", "7", "null"],
)
def test_receive_when_a_level_is_damaged_then_that_book_is_broken(level):
    frame = f'{{"channel":"book","type":"update","data":[{{"symbol":"A/B","bids":[{level}],"asks":[]}}]}}'

    (event,) = KRAKEN.codec().receive(frame.encode())

    assert isinstance(event, Broken)
    assert event.symbol == "A/B"


@pytest.mark.parametrize("odd", ['"é"', "true", "null", "-1.0", "[1.0]", "1e400"])
def test_receive_when_a_number_is_none_then_its_text_is_nothing_that_a_book_takes(odd):
    book = f'{{"symbol":"A/B","bids":[],"asks":[{{"price":{odd},"qty":1.0}}]}}'
    (event,) = KRAKEN.codec().receive(f'{{"channel":"book","type":"update","data":[{book}]}}'.encode())

    with pytest.raises(BadLevel):
        OrderBook(PriceTexts()).apply(event.bids, event.asks, 1)


@pytest.mark.parametrize(
    ("written", "plain"), [("1.5E-7", "0.00000015"), ("2e3", "2000"), ("0E-8", "0.00000000"), ("12", "12")]
)
def test_receive_when_a_number_is_written_otherwise_then_its_plain_form(written, plain):
    book = f'{{"symbol":"A/B","bids":[{{"price":{written},"qty":{written}}}],"asks":[]}}'
    (event,) = KRAKEN.codec().receive(f'{{"channel":"book","type":"update","data":[{book}]}}'.encode())

    assert event.bids == [(plain, plain)]


def test_receive_when_one_of_two_books_is_damaged_then_both_are_broken():
    frame = UPDATE.replace(b'"checksum":18', b'"checksum":-1')

    events = KRAKEN.codec().receive(frame)

    assert [(type(event), event.symbol) for event in events] == [(Broken, "BTC/USD"), (Broken, "ETH/USD")]


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"pong",
        b"\xff\xfe",
        b"[]",
        b"[1,2]",
        b"null",
        b"{}",
        b'{"channel":7}',
        b'{"channel":"book"}',
        b'{"channel":"book","data":[]}',
        b'{"channel":"book","type":"update","data":[{"bids":[],"asks":[]}]}',
        b'{"channel":"book","type":"update","data":[{"symbol":"","bids":[],"asks":[]}]}',
        b'{"channel":"book","type":"update","data":[{"symbol":"A/B","bids":[{"price":NaN,"qty":1}]}]}',
        b'{"method":"subscribe"}',
        b'{"method":"subscribe","success":"yes"}',
        b"[" * 5000,
        b'{"channel":' * 5000,
        b'{"channel":"book","type":"update","data":[{"symbol":"A/B","x":' + b"[" * 5000,
        b"9" * 5000,
        b"1e999999",
    ],
)
def test_receive_when_no_frame_of_the_protocol_then_codec_error(frame):
    with pytest.raises(CodecError):
        KRAKEN.codec().receive(frame)


def test_subscribe_when_some_symbols_then_one_numbered_frame():
    codec = KRAKEN.codec()

    frames = [*codec.subscribe(["BTC/USD", "ETH/USD"]), *codec.unsubscribe(["ETH/USD"])]

    assert [json.loads(frame) for frame in frames] == [
        {
            "method": "subscribe",
            "params": {"channel": "book", "symbol": ["BTC/USD", "ETH/USD"], "depth": 500, "snapshot": True},
            "req_id": 1,
        },
        {
            "method": "unsubscribe",
            "params": {"channel": "book", "symbol": ["ETH/USD"], "depth": 500},
            "req_id": 2,
        },
    ]
    assert list(codec.opened()) == []
    assert json.loads(codec.probe()) == {"method": "ping"}


def test_answer_when_success_then_subscribed():
    codec = KRAKEN.codec()
    codec.subscribe(["BTC/USD", "ETH/USD"])

    assert codec.receive(ACK) == [Subscribed(["BTC/USD"])]


@pytest.mark.parametrize(
    ("refusal", "symbols"),
    [
        ({"symbol": "C/D", "error": "Currency pair not supported C/D"}, ["C/D"]),
        ({"req_id": 1, "error": "Currency pair not supported B/C"}, ["B/C"]),
        ({"req_id": 1, "error": "Depth is not supported"}, ["A/B", "B/C"]),
        ({"req_id": 2, "error": "Depth is not supported"}, ["C/D"]),
        ({"error": "Malformed request"}, ["A/B", "B/C", "C/D"]),
    ],
)
def test_answer_when_refused_then_whom_it_names_else_all_it_can_mean(refusal, symbols):
    codec = KRAKEN.codec()
    codec.subscribe(["A/B", "B/C"])
    codec.subscribe(["C/D"])

    assert codec.receive(answer(success=False, **refusal)) == [Rejected(symbols, refusal["error"])]


def test_answer_when_nobody_waits_then_ignored():
    codec = KRAKEN.codec()
    codec.subscribe(["A/B"])
    codec.unsubscribe(["A/B"])

    (event,) = codec.receive(answer(success=False, error="Depth is not supported"))

    assert isinstance(event, Ignored)


def test_checksum_when_zeros_and_points_then_they_are_dropped():
    bids = [("49.99", "0.00012")]
    asks = [("50.000", "0.10"), ("0.0060", "0")]

    assert KRAKEN.rules.checksum(bids, asks) == zlib.crc32(b"500001060499912")


def test_checksum_when_more_than_ten_levels_then_the_rest_is_not_in_it():
    ten = [(str(price), "1") for price in range(10)]

    assert KRAKEN.rules.checksum([*ten, ("99", "9")], ten) == KRAKEN.rules.checksum(ten, ten)


@needs_recordings
def test_recording_when_applied_and_truncated_then_all_checksums_and_golden_books():
    codecs, books, verified = {}, {}, 0
    depths = {1: 10, 2: 25, 3: 25, 4: 25}
    for line in recording("kraken_v2.ws"):
        codec = codecs.setdefault(line["conn"], KRAKEN.codec())
        for event in codec.receive(line["raw"].encode()):
            assert not isinstance(event, Broken | Rejected)
            if isinstance(event, Snapshot | Delta):
                key = f"conn{line['conn']}:{event.symbol}"
                book = books.setdefault(key, Book(depths[line["conn"]]))
                book.apply(event)
                bids, asks = book.best()
                assert KRAKEN.rules.checksum(bids[:10], asks[:10]) == event.checksum
                verified += 1

    assert verified == 4629
    for key, expected in golden("kraken_v2").items():
        bids, asks = books[key].best()
        assert [list(level) for level in bids[:10]] == expected["bids"]
        assert [list(level) for level in asks[:10]] == expected["asks"]


def test_rules_when_read_then_checksum_is_what_keeps_books_true():
    assert not KRAKEN.rules.contiguous
    assert not KRAKEN.rules.snapshot_by_rest
    assert KRAKEN.rules.kept_depth == 500
    assert KRAKEN.open_feed(KRAKEN.handshake_request()).path == "/v2"
    assert KRAKEN.transport() is None
    with pytest.raises(CodecError, match="in the feed"):
        KRAKEN.snapshot_request("BTC/USD")
    with pytest.raises(CodecError, match="in the feed"):
        KRAKEN.snapshot(b"{}", "BTC/USD")


@given(
    frame=st.sampled_from([SNAPSHOT, UPDATE, ACK, STATUS, HEARTBEAT, PONG]),
    start=st.integers(0, 400),
    length=st.integers(0, 30),
    damage=DAMAGE,
)
def test_receive_when_any_piece_of_a_frame_is_replaced_then_events_of_text_or_codec_error(
    frame, start, length, damage
):
    codec = KRAKEN.codec()
    codec.subscribe(["BTC/USD"])
    start %= len(frame)
    try:
        events = codec.receive(frame[:start] + damage + frame[start + length :])
    except CodecError:
        return
    for event in events:
        if isinstance(event, Snapshot | Delta):
            assert all(
                isinstance(text, str) for side in (event.bids, event.asks) for level in side for text in level
            )


def test_limits_when_frames_keep_coming_then_pings_are_sent_before_the_exchange_hangs_up():
    assert Kraken().limits.keepalive_seconds < 60
