"""Orders on recordings: books as live, fills that follow from the stored looks, the same bytes twice."""

import asyncio
import gzip
import json
import time
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from typer.testing import CliRunner

from tests.fakes.clock import ManualClock
from tests.fakes.ids import CountingIds
from tests.market_data import FOLDER, golden, needs_recordings
from twap.domain.market import Market
from twap.domain.verify import verify
from twap.entrypoints.backtest import Terms, backtest, files_by_exchange
from twap.entrypoints.backtest_order import BASE, read_order, variants
from twap.entrypoints.cli.app import app
from twap.entrypoints.recorded_instruments import Sizes, find_instrument
from twap.entrypoints.recording import recorded
from twap.entrypoints.recording_files import Kind, encode_line, file_name
from twap.entrypoints.recording_writer import RecordingWriter
from twap.entrypoints.replay import ReplayClock, ReplayedFeed, confirmed_depth, open_recording
from twap.plugins.exchanges import binance, bybit, coinbase, kraken, kucoin, okx
from twap.plugins.exchanges.simulated import Simulated
from twap.plugins.transport.engine import FeedEngine
from twap.ports.errors import InvalidField, TwapError
from twap.ports.market import BookState
from twap.ports.order import MissReason

PLUGINS = (binance, bybit, coinbase, kraken, kucoin, okx)
EXCHANGES = {each.name: each for each in (plugin.twap_exchange() for plugin in PLUGINS)}
AT = 1_700_000_000_000_000
RECORDINGS = FOLDER / "recordings"


def order_of(symbol="NKNUSDT", quantity="2000", limit="0.36", seconds=10, exchanges=("Binance",), **more):
    body = {
        "symbol": symbol,
        "side": "buy",
        "total_quantity": quantity,
        "limit_price": limit,
        "duration_seconds": seconds,
        "exchanges": list(exchanges),
        **more,
    }
    return read_order(json.dumps(body).encode())


def run(fields, paths, compare=(), exchanges=EXCHANGES, sizes=None, **more):
    terms = Terms({name: each.taker_fee for name, each in exchanges.items()}, sizes or {})
    files = files_by_exchange(paths, list(exchanges))
    return backtest(variants(fields, compare), files, exchanges, terms, **more)


class Replayed:
    """One book at every line of a recording."""

    def __init__(self, exchange, paths, symbol, sizes=Sizes(), *, only=lambda line: True):  # noqa: B008
        recording = open_recording(files_by_exchange(paths, [exchange.name]))
        instrument = find_instrument(recording, exchange, symbol, sizes).instrument
        self.clock = ReplayClock(recording.first)
        self.market = Market(self.clock)
        self.feed = ReplayedFeed(exchange, instrument, self.market, self.clock)
        self.exchange, self.symbol, self.seen, self.states = exchange.name, symbol, {}, []
        for _, kind, line in recording.lines():
            if not only(line):
                continue
            self.clock.at = line.at
            self.feed.take(kind, line)
            self.note()

    def note(self):
        source = self.market.source(self.exchange, self.symbol)
        if not self.states or self.states[-1] != source.state:
            self.states.append(source.state)
        if source.state is BookState.LIVE:
            self.seen[source.sequence] = self.best()

    def best(self, depth=None):
        sides = self.market.levels(self.exchange, self.symbol)
        return [[(level.price, level.quantity) for level in side[:depth]] for side in sides]


# --- the recordings of real exchanges ---

GOLDEN = [
    ("Binance", "binance", "NKNUSDT", None),
    ("Binance", "binance", "LRCBTC", None),
    ("Bybit", "bybit_v5", "XRPUSDT", None),
    ("Kraken", "kraken_v2", "conn1:BTC/USD", 1),
    ("Kraken", "kraken_v2", "conn2:BTC/USD", 2),
    ("Kraken", "kraken_v2", "conn3:ETH/USD", 3),
    ("Kraken", "kraken_v2", "conn4:XRP/USD", 4),
    ("Kucoin", "kucoin", "BCHSV-USDT", None),
    ("Kucoin", "kucoin", "SNX-BTC", None),
    ("OKX", "okx", "BTC-USDT", None),
]


@needs_recordings
@pytest.mark.parametrize(("name", "file", "key", "connection"), GOLDEN)
def test_book_when_a_recording_is_replayed_then_it_ends_as_computed_independently(
    name, file, key, connection
):
    symbol = key.partition(":")[2] or key
    played = Replayed(
        EXCHANGES[name],
        [RECORDINGS],
        symbol.replace("-", "").replace("/", ""),
        only=lambda line: connection in (None, line.conn) or line.ch == "http",
    )
    expected = golden(file)[key]
    wanted = [
        [(Decimal(price), Decimal(quantity)) for price, quantity in expected[side]]
        for side in ("bids", "asks")
    ]
    assert played.best(10) == wanted


REAL_ORDERS = {
    "Binance": order_of(quantity="20000", seconds=20),
    "Kucoin": order_of("BCHSVUSDT", "20", "250", 20, ["Kucoin"]),
    "Kraken": order_of("XRPUSD", "5000", "1.1", 30, ["kraken"]),
    "OKX": order_of("BTCUSDT", "0.5", "31000", 8, ["OKX"]),
    "Bybit": order_of("XRPUSDT", "5000", "2", 4, ["Bybit"]),
}


@needs_recordings
@pytest.mark.parametrize("name", sorted(REAL_ORDERS))
def test_order_when_run_on_a_recording_then_every_digit_follows_from_its_looks(name):
    done = run(REAL_ORDERS[name], [RECORDINGS], ["default"])
    for outcome in done.outcomes:
        assert verify(outcome.order, outcome.slices) == []
        assert outcome.is_whole
    base = done.outcomes[0]
    assert base.name == BASE
    assert base.report.executed == base.order.ticket.quantity
    assert not base.report.missed.by_reason


@needs_recordings
def test_variant_when_run_beside_others_then_it_is_as_run_alone():
    fields = REAL_ORDERS["Binance"]
    beside = run(fields, [RECORDINGS], ["interval=5", "participation=0.1"]).outcomes[1].report
    alone = run({**fields, "slice_interval_seconds": "5"}, [RECORDINGS]).outcomes[0].report
    assert replace(beside, order_id="") == replace(alone, order_id="")


@needs_recordings
def test_command_when_run_twice_then_its_output_is_the_same_byte_for_byte(tmp_path):
    body = {
        "symbol": "nkn-usdt",
        "side": "buy",
        "total_quantity": 2000,
        "limit_price": 0.36,
        "duration_seconds": 10,
        "exchanges": ["binance"],
        "randomize": {"size": 0.3, "time": 0.2},
    }
    (tmp_path / "order.json").write_text(json.dumps(body))
    asked = ["backtest", str(tmp_path / "order.json"), str(RECORDINGS), "--compare", "default"]
    for way in ([], ["--json"]):
        first, second = (CliRunner().invoke(app, asked + way) for _ in range(2))
        assert first.exit_code == 0, first.output
        assert first.stdout == second.stdout
    found = json.loads(first.stdout)
    assert found["order"]["status"] == "completed"
    assert [each["name"] for each in found["variants"]][:2] == ["interval=5", "interval=10"]


@needs_recordings
def test_page_when_asked_for_then_it_is_written(tmp_path):
    (tmp_path / "order.json").write_text(
        '{"symbol":"NKNUSDT","side":"buy","total_quantity":2000,"limit_price":0.36,"duration_seconds":10,'
        '"exchanges":["Binance"]}'
    )
    page = tmp_path / "page.html"
    asked = ["backtest", str(tmp_path / "order.json"), str(RECORDINGS), "--html", str(page)]
    assert CliRunner().invoke(app, asked).exit_code == 0
    assert "<svg" in page.read_text()


@needs_recordings
def test_recording_when_it_is_of_a_feed_that_no_codec_reads_then_the_exchange_and_that_are_said():
    with pytest.raises(TwapError, match="Coinbase: none of the 9946 recorded frames is of a book"):
        run(order_of("SKLUSD", "100", "1", exchanges=["Coinbase"]), [RECORDINGS])


@needs_recordings
def test_instrument_when_no_list_holds_it_then_its_sizes_come_from_the_book_or_the_user():
    fields = REAL_ORDERS["Bybit"]
    done = run(fields, [RECORDINGS])
    given = run(fields, [RECORDINGS], sizes={"Bybit": Sizes(lot=Decimal(10))})
    assert (done.outcomes[0].order.lot_size, given.outcomes[0].order.lot_size) == (1, 10)
    assert "tick 0.0001 (read from the digits of its book), lot 10 (given)" in given.notes[0]


@needs_recordings
def test_replay_when_timed_then_it_is_many_times_faster_than_life():
    began = time.perf_counter()
    done = run(REAL_ORDERS["Kucoin"], [RECORDINGS])
    seconds = time.perf_counter() - began
    recorded_seconds = (done.last - done.first).total_seconds()
    assert recorded_seconds / seconds > 10, f"{recorded_seconds:.1f} s of recording took {seconds:.2f} s"


# --- recorded by ourselves ---


async def record_simulated(folder, seconds, symbol="BTCUSDT"):
    """A recording, and the live books by sequence as they stood every 0.1 s."""
    clock = ManualClock()
    writer = RecordingWriter(folder)
    exchange = Simulated(clock=clock, seed=5)
    market = Market(clock)
    engine = FeedEngine(recorded({"Simulated": exchange}, None, writer, clock), market, clock, CountingIds())
    task = asyncio.ensure_future(engine.instrument("Simulated", symbol))
    await clock.advance(0.1)
    engine.acquire(await task)
    live = {}
    for _ in range(int(seconds * 10)):
        await clock.advance(0.1)
        source = market.source("Simulated", symbol)
        if source.state is BookState.LIVE:
            sides = market.levels("Simulated", symbol)
            live[source.sequence] = [[(level.price, level.quantity) for level in side] for side in sides]
    await engine.close()
    writer.close()
    return exchange, live


async def test_books_when_recorded_and_replayed_then_they_are_the_live_ones_at_the_same_sequences(tmp_path):
    exchange, live = await record_simulated(tmp_path, 12)
    played = Replayed(exchange, [tmp_path], "BTCUSDT")
    assert len(live) > 100
    assert {sequence: played.seen.get(sequence) for sequence in live} == live


async def test_order_when_run_on_our_own_recording_then_it_fills_and_verifies(tmp_path):
    exchange, _ = await record_simulated(tmp_path, 12)
    fields = order_of("BTCUSDT", "0.5", "200000", 10, ["Simulated"])
    done = run(fields, [tmp_path], ["default"], {"Simulated": exchange})
    first = done.outcomes[0]
    assert (first.report.executed, first.report.missed.slices) == (Decimal("0.5"), 0)
    assert not done.notes
    for outcome in done.outcomes:
        assert verify(outcome.order, outcome.slices) == []


async def test_order_when_the_recording_ends_before_it_then_that_and_the_longest_duration_are_said(tmp_path):
    exchange, _ = await record_simulated(tmp_path, 6)
    fields = order_of("BTCUSDT", "0.5", "200000", 60, ["Simulated"])
    done = run(fields, [tmp_path], exchanges={"Simulated": exchange})
    (outcome,) = done.outcomes
    longest = (done.last - done.started_at).total_seconds()
    assert not outcome.is_whole
    assert (outcome.report.slices_done, outcome.report.slices_total) == (5, 60)
    assert f"The longest duration from this start is {longest:.3f} s" in done.notes[-1]
    again = run({**fields, "duration_seconds": "5"}, [tmp_path], exchanges={"Simulated": exchange})
    assert again.outcomes[0].is_whole


async def test_order_when_a_start_is_given_then_it_starts_there_or_is_refused(tmp_path):
    exchange, _ = await record_simulated(tmp_path, 8)
    fields = order_of("BTCUSDT", "0.5", "200000", 2, ["Simulated"])
    first = run(fields, [tmp_path], exchanges={"Simulated": exchange})
    start = first.started_at + timedelta(seconds=3)
    later = run(fields, [tmp_path], exchanges={"Simulated": exchange}, start=start)
    assert later.outcomes[0].order.starts_at == start
    assert later.outcomes[0].slices[0].looked_at == start
    with pytest.raises(TwapError, match="is not in the recording"):
        run(fields, [tmp_path], exchanges={"Simulated": exchange}, start=start + timedelta(hours=1))


async def test_order_when_a_live_one_would_be_refused_then_so_is_this(tmp_path):
    exchange, _ = await record_simulated(tmp_path, 3)
    fields = order_of("BTCUSDT", "0.000001", "200000", 2, ["Simulated"])
    with pytest.raises(InvalidField, match="total_quantity"):
        run(fields, [tmp_path], exchanges={"Simulated": exchange})


# --- small recordings by hand ---


def write(folder, exchange, **kinds):
    """kinds: lists of (seconds, channel, connection, payload); http ones are of ABCUSDT."""
    for kind, entries in kinds.items():
        url = "https://there/depth?symbol=ABCUSDT" if kind == "http" else "wss://there"
        lines = [
            encode_line(
                AT + round(seconds * 1_000_000),
                channel,
                number,
                url,
                payload.encode() if isinstance(payload, str) else json.dumps(payload).encode(),
            )
            for seconds, channel, number, payload in entries
        ]
        (folder / file_name(exchange, Kind(kind), 1)).write_bytes(gzip.compress(b"".join(lines)))
    return folder


def change(first, last, bids=(), asks=()):
    return {"e": "depthUpdate", "E": 1, "s": "ABCUSDT", "U": first, "u": last, "b": [*bids], "a": [*asks]}


def depth(sequence, bid, ask):
    return {"lastUpdateId": sequence, "bids": [[bid, "1.00"]], "asks": [[ask, "1.00"]]}


SMALL = Sizes(Decimal("0.01"), Decimal("0.01"))


def test_gap_when_replayed_then_the_next_recorded_snapshot_heals_it(tmp_path):
    write(
        tmp_path,
        "Binance",
        sent=[(0, "ws_open", 1, "")],
        ws=[
            (1, "ws", 1, change(10, 11)),
            (3, "ws", 1, change(12, 12, [["99.00", "2"]])),
            (4, "ws", 1, change(20, 20, [["99.10", "2"]])),
            (6, "ws", 1, change(21, 21, [["99.20", "2"]])),
        ],
        http=[(2, "http", 0, depth(11, "98.00", "101.00")), (5, "http", 0, depth(20, "99.10", "101.00"))],
    )
    played = Replayed(EXCHANGES["Binance"], [tmp_path], "ABCUSDT", SMALL)
    states = [BookState.SYNCING, BookState.LIVE, BookState.SYNCING, BookState.LIVE]
    assert played.states == states
    assert sorted(played.seen) == [11, 12, 20, 21]
    assert played.best(2)[0] == [(Decimal("99.2"), 2), (Decimal("99.1"), 1)]


def test_snapshot_when_nobody_asked_for_it_then_the_book_goes_on_as_it_is(tmp_path):
    write(
        tmp_path,
        "Binance",
        ws=[(1, "ws", 1, change(10, 11)), (4, "ws", 1, change(12, 12, [["99.00", "2"]]))],
        http=[(2, "http", 0, depth(11, "98.00", "101.00")), (3, "http", 0, depth(500, "1.00", "2.00"))],
    )
    played = Replayed(EXCHANGES["Binance"], [tmp_path], "ABCUSDT", SMALL)
    assert played.best()[0] == [(Decimal(99), 2), (Decimal(98), 1)]


@pytest.mark.parametrize("is_said", [True, False])
def test_reconnect_when_replayed_then_the_book_begins_anew(tmp_path, is_said):
    ended = [(3, "ws_end", 1, "it broke")] if is_said else []
    write(
        tmp_path,
        "Binance",
        sent=[(0, "ws_open", 1, ""), *ended, (4, "ws_open", 2, "")],
        ws=[
            (1, "ws", 1, change(10, 11)),
            (6, "ws", 2, change(900, 901)),
            (7, "ws", 2, change(902, 902, [["50.00", "3"]])),
        ],
        http=[(2, "http", 0, depth(11, "98.00", "101.00")), (5, "http", 0, depth(901, "49.00", "51.00"))],
    )
    played = Replayed(EXCHANGES["Binance"], [tmp_path], "ABCUSDT", SMALL)
    assert played.best() == [[(Decimal(50), 3), (Decimal(49), 1)], [(Decimal(51), 1)]]
    assert set(played.seen) >= {11, 901, 902}
    assert (BookState.SYNCING in played.states[1:]) is is_said


def test_book_when_only_pongs_come_then_it_stays_live_and_without_them_it_is_stale(tmp_path):
    beats = [(second, "ws_pong", 1, "") for second in range(2, 12)]
    for name, more in (("with", beats), ("without", [])):
        folder = tmp_path / name
        folder.mkdir()
        frames = [(1, "ws", 1, change(10, 11)), (1.2, "ws", 1, change(12, 12)), *more]
        snapshots = [(1.1, "http", 0, depth(11, "98.00", "101.00")), (12, "http", 0, depth(9, "1.0", "2.0"))]
        write(folder, "Binance", ws=frames, http=snapshots)
    fields = order_of("ABCUSDT", "1", "102", 10, ["Binance"])
    sizes = {"Binance": SMALL}
    beating, silent = (
        run(fields, [tmp_path / name], sizes=sizes).outcomes[0].report for name in ("with", "without")
    )
    assert beating.missed.slices == 0
    assert MissReason.STALE in [count.reason for count in silent.missed.by_reason]


def test_exchanges_when_recorded_apart_then_they_are_merged_by_time(tmp_path):
    topic = {"topic": "orderbook.1000.ABCUSDT", "ts": 1}
    pushes = [
        {
            **topic,
            "type": "snapshot",
            "data": {"s": "ABCUSDT", "b": [["97", "5"]], "a": [["100", "5"]], "u": 7},
        },
        {**topic, "type": "delta", "data": {"s": "ABCUSDT", "b": [], "a": [["100", "4"]], "u": 8}},
    ]
    write(tmp_path, "Bybit", ws=[(1.5, "ws", 1, pushes[0]), (6, "ws", 1, pushes[1])])
    write(
        tmp_path,
        "Binance",
        ws=[(1, "ws", 1, change(10, 11)), (6, "ws", 1, change(12, 12))],
        http=[(2, "http", 0, depth(11, "98.00", "99.00"))],
    )
    fields = order_of("ABCUSDT", "4", "102", 2, ["Bybit", "Binance"])
    sizes = {name: Sizes(Decimal(1), Decimal(1)) for name in ("Bybit", "Binance")}
    done = run(fields, [tmp_path], ["exchanges=Bybit", "exchanges=Bybit+Binance,fees=include"], sizes=sizes)
    filled = [
        [(fill.exchange, fill.price, fill.quantity) for one in each.slices for fill in one.executions]
        for each in done.outcomes
    ]
    both = [("Binance", 99, 1), ("Bybit", 100, 1), ("Bybit", 100, 2)]
    assert filled == [both, [("Bybit", 100, 2), ("Bybit", 100, 2)], both]
    assert (done.started_at - done.first).total_seconds() == 1


def test_recording_when_its_exchange_is_missing_then_the_ones_that_are_there_are_named(tmp_path):
    write(tmp_path, "Binance", ws=[(1, "ws", 1, change(10, 11))])
    with pytest.raises(TwapError, match="no recording of OKX; there are ones of: Binance"):
        run(order_of(exchanges=["OKX"]), [tmp_path])


def test_order_when_its_books_are_never_live_then_each_exchange_says_why(tmp_path):
    write(tmp_path, "Binance", ws=[(1, "ws", 1, change(10, 11)), (2, "ws", 1, change(12, 12))])
    with pytest.raises(TwapError, match=r"Binance ended syncing \(waiting for the first snapshot\) after 2"):
        run(order_of("ABCUSDT", exchanges=["Binance"]), [tmp_path], sizes={"Binance": SMALL})


def test_depth_when_a_subscription_is_confirmed_then_it_is_read():
    answer = b'{"method":"subscribe","result":{"channel":"book","depth":25},"success":true}'
    assert confirmed_depth(answer) == 25
    assert confirmed_depth(b'{"method":"subscribe","success":false,"error":"no"}') is None
    assert confirmed_depth(b'{"channel":"heartbeat"}') is None


# --- variants ---


def test_variants_when_written_short_then_they_change_those_fields_alone():
    fields = order_of(exchanges=["Binance", "OKX"], seconds=60)
    asked = ["interval=5", "randomize.size=0.3,seed=7", "exchanges=okx+binance", "latency=250"]
    found = {each.name: each.ticket for each in variants(fields, asked)}
    base = found[BASE]
    assert found["interval=5"] == replace(base, interval=timedelta(seconds=5))
    assert found["exchanges=okx+binance"] == replace(base, exchanges=("okx", "binance"))
    assert found["latency=250"].latency == timedelta(milliseconds=250)
    randomize = found["randomize.size=0.3,seed=7"].randomize
    assert (randomize.size, randomize.time, randomize.seed) == (Decimal("0.3"), 0, 7)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("interval", "is no FIELD=VALUE"),
        ("interval=x", "not a decimal number"),
        ("tempo=3", "tempo: is not known here"),
        ("randomize.size=0.9", "randomize.size"),
        ("seed=1.5", "randomize.seed"),
    ],
)
def test_variant_when_it_is_none_then_the_reason_is_said(text, problem):
    with pytest.raises(TwapError, match=f"variant '{text}'.*{problem}"):
        variants(order_of(), [text])
