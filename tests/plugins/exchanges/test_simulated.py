import asyncio
import json
from contextlib import suppress
from datetime import UTC, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.clock import NOON, ManualClock
from tests.plugins.exchanges.mutations import damaged
from twap.plugins.exchanges.simulated import Simulated, twap_exchange
from twap.plugins.exchanges.simulated.clock import WallClock
from twap.plugins.exchanges.simulated.market import LISTINGS, Market
from twap.ports.errors import CodecError
from twap.ports.events import Alive, Broken, Delta, Ignored, Rejected, Snapshot, Subscribed
from twap.ports.transport import ConnectionEnded, HttpRequest

NOON_STEP = int(NOON.timestamp()) * 10
FRAMES = [
    b'{"type":"snapshot","symbol":"BTCUSDT","step":1,"time":100,"bids":[["1","2"]],"asks":[["2","1"]]}',
    b'{"type":"delta","symbol":"BTCUSDT","first":2,"last":2,"time":200,"bids":[["1","0"]],"asks":[]}',
    b'{"type":"subscribed","symbols":["BTCUSDT"]}',
    b'{"type":"rejected","symbols":["NOPE"],"reason":"unknown"}',
    b'{"type":"heartbeat"}',
]


async def answer(exchange, request):
    return await exchange.transport().request(exchange.endpoints.rest, request, 5)


async def connect(exchange):
    return await exchange.transport().connect("simulated://market/feed", {}, 2**20, 5)


async def watch(clock, seed, steps, symbols=("BTCUSDT",)):
    """Events of a new connection during that many steps."""
    exchange = Simulated(clock=clock, seed=seed)
    connection, codec, events = await connect(exchange), exchange.codec(), []

    async def read():
        while True:
            events.extend(codec.receive(await connection.receive()))

    for frame in codec.subscribe(symbols):
        await connection.send(frame)
    reader = asyncio.create_task(read())
    for _ in range(steps):
        await clock.advance(0.1)
    reader.cancel()
    await asyncio.gather(reader, return_exceptions=True)
    return events


def books(events):
    """(sequence, bids, asks) after each snapshot and delta, by price; checks that no delta is missing."""
    bids, asks, sequence, states = {}, {}, None, []
    for event in events:
        if isinstance(event, Snapshot):
            bids, asks, sequence = {}, {}, event.sequence
        elif isinstance(event, Delta):
            assert event.first == sequence + 1
            sequence = event.last
        else:
            continue
        for side, levels in ((bids, event.bids), (asks, event.asks)):
            for price, quantity in levels:
                side[Decimal(price)] = Decimal(quantity)
                if not Decimal(quantity):
                    del side[Decimal(price)]
        states.append((sequence, dict(bids), dict(asks)))
    return states


def test_hook_when_called_then_gives_the_exchange_with_a_clock_of_its_own():
    assert twap_exchange().name == "Simulated"
    assert twap_exchange().transport() is not None


async def test_wall_clock_when_asked_then_aware_time_and_growing_seconds():
    clock = WallClock()
    before = clock.monotonic()
    await clock.sleep(0)
    assert clock.monotonic() >= before
    assert clock.now().tzinfo is UTC


@settings(max_examples=60, deadline=None)
@given(symbol=st.sampled_from(sorted(LISTINGS)), seed=st.integers(0, 2**64), step=st.integers(0, 2**36))
def test_book_when_any_step_then_deep_positive_and_never_crossed(symbol, seed, step):
    market = Market(LISTINGS[symbol], seed)
    book = market.book(step)
    assert max(book.bids) <= market.price(step) < min(book.asks)
    assert min(book.bids) > 0
    assert min(len(book.bids), len(book.asks)) >= 180
    assert all(lots > 0 for side in (book.bids, book.asks) for lots in side.values())
    anchor = market.listing.anchor
    assert abs(market.price(step) - anchor) <= anchor * 5 // 100 + 1
    again = Market(LISTINGS[symbol], seed).book(step)
    assert (again.bids, again.asks) == (book.bids, book.asks)


def test_book_when_a_step_passes_then_few_levels_change():
    market = Market(LISTINGS["BTCUSDT"], 1)
    for step in range(NOON_STEP, NOON_STEP + 20):
        old, new = market.book(step).bids, market.book(step + 1).bids
        kept = sum(1 for price, lots in new.items() if old.get(price) == lots)
        assert kept > len(new) // 2


def test_price_when_seeds_or_symbols_differ_then_other_ways():
    ways = [
        [Market(LISTINGS[symbol], seed).price(step) for step in range(NOON_STEP, NOON_STEP + 50)]
        for symbol, seed in (("BTCUSDT", 1), ("BTCUSDT", 2), ("ETHUSDT", 1))
    ]
    assert ways[0] != ways[1]
    assert ways[0] != ways[2]
    assert len(set(ways[0])) > 10


async def test_instruments_when_asked_then_all_listings_with_exact_sizes():
    exchange = Simulated(clock=ManualClock(), seed=1)
    response = await answer(exchange, exchange.instruments_request())
    found = {each.symbol: each for each in exchange.instruments(response.body)}
    assert {"BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT"} <= set(found)
    bitcoin = found["BTCUSDT"]
    sizes = (bitcoin.tick_size, bitcoin.lot_size, bitcoin.min_notional)
    assert sizes == (Decimal("0.01"), Decimal("0.00001"), Decimal(5))
    assert found["DOGEUSDT"].lot_size == 1


async def test_feed_when_subscribed_then_snapshot_and_contiguous_deltas_of_valid_levels():
    clock = ManualClock()
    exchange = Simulated(clock=clock, seed=1)
    listed = exchange.instruments((await answer(exchange, exchange.instruments_request())).body)
    sizes = {each.symbol: (each.tick_size, each.lot_size) for each in listed}
    for symbol in ("BTCUSDT", "DOGEUSDT"):
        events = await watch(clock, 1, 15, [symbol])
        assert events[0] == Subscribed([symbol])
        assert isinstance(events[1], Snapshot)
        assert Alive() in events
        states = books(events)
        assert len(states) == 16
        tick, lot = sizes[symbol]
        for _, bids, asks in states:
            assert max(bids) < min(asks)
            assert all(price % tick == 0 and quantity % lot == 0 for price, quantity in (bids | asks).items())


async def test_feed_when_joined_later_then_the_same_book_at_the_same_step():
    early, late = ManualClock(), ManualClock()
    first = await watch(early, 1, 20)
    await late.advance(1.5)
    second = await watch(late, 1, 5)
    joined = {sequence: (bids, asks) for sequence, bids, asks in books(second)}
    shared = [(step, bids, asks) for step, bids, asks in books(first) if step in joined]
    assert len(shared) == 6
    assert all((bids, asks) == joined[step] for step, bids, asks in shared)


async def test_feed_when_same_seed_and_times_then_the_same_events():
    runs = [await watch(ManualClock(), seed, 10) for seed in (5, 5, 6)]
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


async def test_feed_when_time_jumps_then_one_delta_covers_it():
    clock = ManualClock()
    exchange = Simulated(clock=clock, seed=1)
    connection, codec = await connect(exchange), exchange.codec()
    await connection.send(codec.subscribe(["BTCUSDT"])[0])
    await connection.receive()
    (snapshot,) = codec.receive(await connection.receive())
    clock.jump(60)
    (delta,) = codec.receive(await connection.receive())
    assert (snapshot.sequence, delta.first, delta.last) == (NOON_STEP, NOON_STEP + 1, NOON_STEP + 600)
    assert delta.exchange_time == int(NOON.timestamp() * 1000) + 60_000


async def test_feed_when_symbol_is_unknown_then_rejected_and_the_others_subscribed():
    events = await watch(ManualClock(), 1, 1, ["NOPE", "BTCUSDT"])
    assert isinstance(events[0], Rejected)
    assert events[0].symbols == ["NOPE"]
    assert events[1] == Subscribed(["BTCUSDT"])


async def test_connection_when_unsubscribed_pinged_and_closed_then_answers_and_ends():
    clock = ManualClock()
    exchange = Simulated(clock=clock, seed=1)
    connection, codec = await connect(exchange), exchange.codec()
    await connection.send(codec.subscribe(["BTCUSDT"])[0])
    await connection.send(codec.unsubscribe(["BTCUSDT"])[0])
    await connection.send(codec.probe())
    await connection.ping()
    clock.jump(0.2)
    received = [await connection.receive() for _ in range(5)]
    assert isinstance(codec.receive(received[2])[0], Ignored)
    assert codec.receive(received[3]) == [Alive()]
    assert received[4] is None
    await connection.close()
    for use in (connection.receive, connection.ping, lambda: connection.send("{}")):
        with pytest.raises(ConnectionEnded):
            await use()


async def test_connection_when_sent_nonsense_then_it_ends():
    connection = await connect(Simulated(clock=ManualClock(), seed=1))
    with pytest.raises(ConnectionEnded, match="did not understand"):
        await connection.send("nonsense")


async def test_candles_when_asked_then_aligned_of_the_same_walk_and_the_last_one_open():
    clock = ManualClock(NOON + timedelta(seconds=90))
    exchange = Simulated(clock=clock, seed=1)
    listed = exchange.instruments((await answer(exchange, exchange.instruments_request())).body)
    bitcoin = next(each for each in listed if each.symbol == "BTCUSDT")
    start = NOON - timedelta(minutes=60)
    request = exchange.candles_request(bitcoin, "1m", start, NOON + timedelta(hours=1))
    candles = exchange.candles((await answer(exchange, request)).body, bitcoin, "1m")
    assert [candle.open_at for candle in candles] == [start + timedelta(minutes=k) for k in range(62)]
    assert [candle.closed for candle in candles] == [True] * 61 + [False]
    for candle, following in pairwise(candles):
        assert candle.low <= min(candle.open, candle.close) <= max(candle.open, candle.close) <= candle.high
        assert candle.close == following.open
        assert candle.volume > 0
    market = Market(LISTINGS["BTCUSDT"], 1)
    assert candles[60].open == Decimal(market.price(NOON_STEP)).scaleb(-2)


async def test_snapshot_when_requested_then_the_book_of_now():
    exchange = Simulated(clock=ManualClock(), seed=1)
    response = await answer(exchange, exchange.snapshot_request("BTCUSDT"))
    snapshot = exchange.snapshot(response.body, "BTCUSDT")
    assert snapshot.sequence == NOON_STEP
    assert len(snapshot.bids) > 180


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        ("/book", {"symbol": "NOPE"}, 404),
        ("/nothing", {"symbol": "BTCUSDT"}, 404),
        ("/candles", {"symbol": "BTCUSDT", "start": "x"}, 400),
    ],
)
async def test_request_when_wrong_then_refused_in_words(path, query, status):
    exchange = Simulated(clock=ManualClock(), seed=1)
    response = await answer(exchange, HttpRequest(path, query))
    assert response.status == status
    with pytest.raises(CodecError, match="the simulated market says"):
        exchange.candles(response.body, None, "1m")


def test_candles_when_damaged_then_codec_error():
    exchange = Simulated(clock=ManualClock(), seed=1)
    row = [0, "1", "1", "1", "1", "1", True]
    for damage in ([10**18, *row[1:]], [0, "x", *row[2:]], row[:3]):
        with pytest.raises(CodecError):
            exchange.candles(json.dumps([damage]).encode(), None, "1m")


def test_receive_when_a_symbols_data_is_damaged_then_that_book_is_broken():
    frame = FRAMES[0].replace(b'"step":1', b'"step":-1')
    (event,) = Simulated(clock=ManualClock(), seed=1).codec().receive(frame)
    assert isinstance(event, Broken)
    assert event.symbol == "BTCUSDT"


@settings(max_examples=300, deadline=None)
@given(frame=damaged(FRAMES))
def test_receive_when_frame_is_damaged_then_events_or_codec_error_only(frame):
    with suppress(CodecError):
        assert Simulated(clock=ManualClock(), seed=1).codec().receive(frame)


def test_intervals_when_listed_then_shortest_first():
    lengths = list(Simulated(clock=ManualClock(), seed=1).intervals.values())
    assert lengths == sorted(lengths)
