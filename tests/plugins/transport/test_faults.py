"""Faults of connections, of frames and of plugins."""

import itertools

import pytest

from tests.fakes.clock import settle
from tests.fakes.exchange import FakeExchange, delta_frame, frame, snapshot_frame
from tests.fakes.network import FakeConnection
from twap.ports.exchange import Limits
from twap.ports.market import BookState
from twap.ports.transport import UpgradeRefused


async def test_connection_when_it_breaks_then_syncing_backoff_and_all_books_begin_anew(make_market):
    market = await make_market()
    await market.acquire("BTC-USDT")
    await market.push(snapshot_frame("BTC-USDT", 5))
    market.network.connection.end("reset by peer")
    await settle()
    assert market.book().log[-1] == ("interrupted", "syncing", "reset by peer")
    assert len(market.network.connections) == 1
    await market.clock.advance(0.2)
    assert len(market.network.connections) == 2
    assert market.network.connections[0].closed
    assert market.book().log[-1] == ("connected",)
    assert market.asked("subscribe") == [["BTC-USDT"]]
    assert len(market.exchange.codecs) == 2
    assert market.status().reconnects == 1


async def test_connection_when_it_cannot_be_opened_then_down_and_waits_double(make_market):
    market = await make_market()
    market.network.refusals.extend(OSError("connection refused") for _ in range(9))
    await market.acquire("BTC-USDT")
    assert market.book().log[-1] == ("interrupted", "down", "connection refused")
    assert market.status().state is BookState.DOWN
    await market.clock.advance(120)
    tries = market.network.connect_attempts
    waits = [later - earlier for earlier, later in itertools.pairwise(tries)]
    assert waits == pytest.approx([0.125, 0.25, 0.5, 1, 2, 4, 4, 4, 4])
    assert market.book().told("connected")


async def test_connection_when_refused_with_a_pause_then_that_is_waited_out_once(make_market):
    market = await make_market()
    market.network.refusals.append(UpgradeRefused(429, {"Retry-After": "30"}))
    market.network.refusals.append(UpgradeRefused(503, {}))
    await market.acquire("BTC-USDT")
    await market.clock.advance(29)
    assert len(market.network.connect_attempts) == 1
    assert market.status().reason == "the WebSocket was refused with HTTP 429"
    await market.clock.advance(2)
    assert len(market.network.connect_attempts) == 3
    assert market.book().told("connected")


async def test_connection_when_it_was_healthy_for_long_then_backoff_starts_afresh(make_market):
    market = await make_market()
    market.network.refusals.extend(OSError("refused") for _ in range(5))
    await market.acquire("BTC-USDT")
    await market.clock.advance(8)
    await market.push(snapshot_frame("BTC-USDT", 1))
    await market.clock.advance(31)
    market.network.connection.end()
    await market.clock.advance(0.126)
    assert len(market.network.connections) == 2


async def test_connection_when_it_opens_and_ends_without_a_frame_then_down(make_market):
    market = await make_market()
    await market.acquire("BTC-USDT")
    market.network.connection.end("go away")
    await settle()
    assert market.book().log[-1] == ("interrupted", "down", "go away")


async def test_connects_when_more_than_allowed_then_paced(make_market):
    market = await make_market(FakeExchange(limits=Limits(symbols_per_connection=1, connects=(2, 10))))
    await market.acquire("A-USDT", "B-USDT", "C-USDT")
    assert len(market.network.connections) == 2
    await market.clock.advance(11.1)
    assert len(market.network.connect_attempts) == 3


async def test_reconnect_when_announced_then_at_once_and_counted(make_market):
    market = await make_market()
    await market.acquire("BTC-USDT")
    await market.clock.advance(6)
    await market.push(frame("reconnect", reason="maintenance", planned=True))
    assert len(market.network.connections) == 2
    assert market.book().states() == ["syncing"]
    assert market.status().reconnects == 1


async def test_reconnect_when_announced_again_and_again_then_it_does_not_spin(make_market):
    market = await make_market()
    market.network.answer = lambda _: [frame("reconnect", reason="busy", planned=True)]
    await market.acquire("BTC-USDT")
    await market.clock.advance(30)
    assert len(market.network.connections) < 15


async def test_connection_when_near_its_greatest_age_then_replaced(make_market):
    market = await make_market(FakeExchange(limits=Limits(max_life_seconds=100)))
    await market.acquire("BTC-USDT")
    await market.clock.advance(100)
    assert len(market.network.connections) == 2


async def test_frame_when_it_breaks_the_protocol_then_counted_and_connected_anew(make_market):
    market = await make_market()
    await market.acquire("BTC-USDT")
    await market.push("not json")
    await market.clock.advance(0.2)
    assert market.status().malformed == 1
    assert len(market.network.connections) == 2


async def test_codec_when_it_has_a_bug_then_contained_and_others_go_on(make_market):
    market = await make_market(FakeExchange(), FakeExchange("Other"))
    await market.acquire("BTC-USDT", exchange="Other")
    other = market.network.connection
    await market.acquire("BTC-USDT")
    await market.push(frame("fault"))
    reason = market.book().log[-1][2]
    assert reason == "a fault in the exchange's plugin: ZeroDivisionError: a plugin's bug"
    await market.push(snapshot_frame("BTC-USDT", 9), connection=other)
    assert market.book(exchange="Other").log == [("connected",), ("snapshot", 9)]


async def test_book_when_it_raises_then_its_neighbours_go_on(make_market):
    market = await make_market()
    await market.acquire("BTC-USDT", "ETH-USDT")
    await market.push(snapshot_frame("BTC-USDT", 1), snapshot_frame("ETH-USDT", 1))
    market.book().failing = True
    await market.push(*(delta_frame("BTC-USDT", n) for n in range(2, 50)), delta_frame("ETH-USDT", 2))
    await market.clock.advance(0.1)
    assert market.book("ETHUSDT").log[-1] == ("delta", 2)
    assert len(market.network.connections) == 1
    assert market.asked("subscribe")[1:] == [["BTC-USDT"]]


async def test_silence_when_pongs_come_then_alive(make_market):
    market = await make_market()
    await market.acquire("BTC-USDT")
    await market.clock.advance(60)
    assert len(market.network.connections) == 1
    assert 20 <= market.network.connection.sent.count(FakeConnection.PING) <= 31
    assert market.clock.monotonic() - market.book().pulse.seen_at <= 2.5


async def test_silence_when_only_pongs_come_where_the_exchange_itself_should_speak_then_replaced(make_market):
    market = await make_market(FakeExchange(limits=Limits(pongs_are_life=False)))
    await market.acquire("BTC-USDT")
    await market.clock.advance(10.7)
    assert ("interrupted", "down", "silent for 10 s") in market.book().log
    assert len(market.network.connections) == 2


async def test_silence_when_nothing_answers_then_probed_and_replaced_after_ten_seconds(make_market):
    market = await make_market(FakeExchange(probe='{"op": "ping"}'))
    await market.acquire("BTC-USDT")
    await market.push(snapshot_frame("BTC-USDT", 1))
    await market.clock.advance(9.4)
    assert len(market.asked("ping")) == 4
    assert market.status().state is BookState.STALE
    await market.clock.advance(1.3)
    assert market.book().log[-2:] == [("interrupted", "syncing", "silent for 10 s"), ("connected",)]
    assert len(market.network.connections) == 2


async def test_silence_when_sending_is_stuck_then_noticed_all_the_same(make_market):
    market = await make_market()
    await market.acquire("BTC-USDT")
    market.network.connection.stuck_sending = True
    market.network.connection.answers_pings = False
    await market.acquire("ETH-USDT")
    await market.clock.advance(11)
    assert len(market.network.connections) == 2


async def test_keepalive_when_frames_flow_then_probes_are_sent_all_the_same(make_market):
    market = await make_market(FakeExchange(probe='{"op": "ping"}', limits=Limits(keepalive_seconds=5)))
    await market.acquire("BTC-USDT")
    for sequence in range(20):
        await market.push(snapshot_frame("BTC-USDT", sequence))
        await market.clock.advance(1)
    assert 4 <= len(market.asked("ping")) <= 5


async def test_keepalive_when_the_handshake_asks_for_more_then_it_is_kept(make_market):
    market = await make_market(
        FakeExchange(probe='{"op": "ping"}', handshake=True, keepalive=3, limits=Limits(keepalive_seconds=20))
    )
    market.network.reply("/token", b'{"token": "t"}')
    await market.acquire("BTC-USDT")
    for sequence in range(30):
        await market.push(snapshot_frame("BTC-USDT", sequence))
        await market.clock.advance(0.5)
    assert 4 <= len(market.asked("ping")) <= 6


async def test_connection_when_it_fed_books_but_ends_often_then_it_comes_back_soon(make_market):
    market = await make_market()
    await market.acquire("BTC-USDT")
    for number in range(10):
        await market.push(snapshot_frame("BTC-USDT", number))
        market.network.connection.end()
        await market.clock.advance(1.1)
    assert len(market.network.connections) == 11
