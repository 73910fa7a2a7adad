"""Orders on recordings: books as live, fills that follow from the stored looks, the same bytes twice."""

import asyncio
import gzip
import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from tests.fakes.backtests import AT, EXCHANGES, Replayed, order_of, run
from tests.fakes.clock import ManualClock
from tests.fakes.ids import CountingIds
from twap.domain.market import Market
from twap.domain.verify import verify
from twap.entrypoints.backtest.instruments import Sizes
from twap.entrypoints.backtest.order import BASE, variants
from twap.entrypoints.backtest.replay import confirmed_depth
from twap.entrypoints.recording.files import Kind, encode_line, file_name
from twap.entrypoints.recording.recorded import recorded
from twap.entrypoints.recording.writer import RecordingWriter
from twap.plugins.exchanges.simulated import Simulated
from twap.plugins.transport.engine import FeedEngine
from twap.ports.errors import InvalidField, TwapError
from twap.ports.market import BookState
from twap.ports.order import MissReason


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
