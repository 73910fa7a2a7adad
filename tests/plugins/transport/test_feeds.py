"""Feeds: which books are carried, and by which connection."""

import pytest

from tests.fakes.exchange import FakeExchange, delta_frame, frame, snapshot_body, snapshot_frame
from twap.ports.errors import ExchangeUnavailable, UnknownExchange
from twap.ports.exchange import Endpoints, Limits
from twap.ports.feed import Cause
from twap.ports.market import BookState


async def test_acquire_when_first_then_connects_subscribes_and_routes(make_market):
    market = await make_market()
    await market.acquire("BTC-USDT", "ETH-USDT")
    assert market.network.connection.url == "wss://ws.fake.test/feed"
    assert market.asked("hello") == [None]
    assert market.asked("subscribe") == [["BTC-USDT", "ETH-USDT"]]
    await market.push(snapshot_frame("BTC-USDT", 5), delta_frame("BTC-USDT", 6), delta_frame("XRP-USDT", 1))
    assert market.book().log == [("connected",), ("snapshot", 5), ("delta", 6)]
    assert market.book("ETHUSDT").log == [("connected",)]
    status = market.status()
    assert (status.state, status.connections, status.feeds, status.messages) == (BookState.LIVE, 1, 2, 3)


async def test_acquire_when_link_is_open_then_same_connection_and_one_frame_for_many(make_market):
    market = await make_market()
    await market.acquire("BTC-USDT")
    await market.acquire("ETH-USDT", "XRP-USDT", "SOL-USDT")
    assert len(market.network.connections) == 1
    assert market.asked("subscribe") == [["BTC-USDT"], ["ETH-USDT", "XRP-USDT", "SOL-USDT"]]


async def test_acquire_when_connection_is_full_then_another_one_is_opened(make_market):
    market = await make_market(FakeExchange(limits=Limits(symbols_per_connection=2)))
    await market.acquire("A-USDT", "B-USDT", "C-USDT")
    assert [market.asked("subscribe", c) for c in market.network.connections] == [
        [["A-USDT", "B-USDT"]],
        [["C-USDT"]],
    ]


async def test_subscribing_when_many_symbols_then_in_batches_at_the_allowed_pace(make_market):
    market = await make_market(FakeExchange(limits=Limits(symbols_per_frame=1, frames_per_second=2)))
    await market.acquire(*(f"S{number}-USDT" for number in range(5)))
    assert len(market.network.connection.sent) == 2  # hello and one more
    await market.clock.advance(1.2)
    assert len(market.network.connection.sent) == 4
    await market.clock.advance(2.2)  # a probe takes its share
    assert [one for [one] in market.asked("subscribe")] == [f"S{number}-USDT" for number in range(5)]


async def test_release_when_on_many_connections_at_once_then_their_frames_together_keep_the_pace(make_market):
    limits = Limits(symbols_per_connection=2, frames_together=(3, 1))
    market = await make_market(FakeExchange(limits=limits))
    natives = [f"S{number}-USDT" for number in range(12)]
    await market.acquire(*natives)

    async def heard_for(seconds):
        for _ in range(seconds * 2):
            for connection in market.network.connections:
                connection.push(frame("pong"))
            await market.clock.advance(0.5)

    def ended():
        return sum(one.count("unsubscribe") for each in market.network.connections for one in each.sent)

    await heard_for(6)
    for native in natives[::2]:
        await market.release(native)
    await heard_for(5)
    await market.clock.advance(0.1)
    assert ended() == 3
    await heard_for(2)
    assert ended() == 6


async def test_subscribing_when_a_connection_has_used_up_its_requests_then_it_is_replaced(make_market):
    limits = Limits(frames_per_second=100, requests_per_connection=(4, 3600))
    market = await make_market(FakeExchange(limits=limits))
    for number in range(4):
        await market.acquire(f"S{number}-USDT")
        await market.clock.advance(2)
    assert len(market.network.connections) == 1
    await market.acquire("S4-USDT")
    await market.clock.advance(0.1)
    assert len(market.network.connections) == 2
    assert market.asked("subscribe") == [[f"S{number}-USDT" for number in range(5)]]
    assert market.book("S0USDT").log[-2][:2] == ("interrupted", "syncing")


async def test_subscribing_when_requests_lie_long_ago_then_they_no_longer_count(make_market):
    limits = Limits(requests_per_connection=(2, 60))
    market = await make_market(FakeExchange(limits=limits))
    for number in range(4):
        await market.acquire(f"S{number}-USDT")
        await market.push(snapshot_frame(f"S{number}-USDT", 1))
        await market.clock.advance(31)
    assert len(market.network.connections) == 1


async def test_release_when_somebody_else_still_uses_the_book_then_it_stays(make_market):
    market = await make_market()
    await market.acquire("BTC-USDT", "BTC-USDT")
    await market.release("BTC-USDT")
    await market.clock.advance(4.9)
    market.network.connection.pong()
    await market.clock.advance(4.9)
    assert market.sink.closed == []
    assert market.asked("unsubscribe") == []


async def test_release_when_last_then_unsubscribed_after_lingering_and_others_go_on(make_market):
    market = await make_market()
    await market.acquire("BTC-USDT", "ETH-USDT")
    await market.release("BTC-USDT")
    await market.clock.advance(4.9)
    assert market.asked("unsubscribe") == []
    await market.clock.advance(0.2)
    assert market.asked("unsubscribe") == [["BTC-USDT"]]
    assert market.sink.closed == [("Fake", "BTCUSDT")]
    assert not market.network.connection.closed


async def test_release_when_acquired_again_while_lingering_then_nothing_happens(make_market):
    market = await make_market()
    await market.acquire("BTC-USDT")
    await market.release("BTC-USDT")
    await market.clock.advance(3)
    await market.acquire("BTC-USDT")
    await market.clock.advance(6)
    assert market.sink.closed == []
    assert market.asked("subscribe") == [["BTC-USDT"]]


async def test_release_when_last_of_a_connection_then_it_is_closed(make_market):
    market = await make_market()
    await market.acquire("BTC-USDT")
    await market.release("BTC-USDT")
    await market.clock.advance(5.1)
    assert market.network.connection.closed
    assert (market.status().connections, market.status().feeds) == (0, 0)


async def test_release_when_too_often_then_ignored(make_market):
    market = await make_market()
    await market.acquire("BTC-USDT")
    await market.release("BTC-USDT")
    await market.release("BTC-USDT")
    await market.acquire("BTC-USDT")
    await market.clock.advance(6)
    assert market.sink.closed == []


async def test_acquire_when_released_and_taken_up_again_then_a_new_snapshot_is_asked_for(make_market):
    market = await make_market(FakeExchange(limits=Limits(frames_per_second=1)))
    await market.acquire("BTC-USDT", "ETH-USDT")
    await market.clock.advance(2)
    await market.release("BTC-USDT")
    await market.clock.advance(5)
    await market.acquire("BTC-USDT")
    await market.clock.advance(5)
    assert market.asked("unsubscribe") == [["BTC-USDT"]]
    assert market.asked("subscribe") == [["BTC-USDT", "ETH-USDT"], ["BTC-USDT"]]


async def test_rest_snapshot_when_confirmed_then_fetched_once(make_market):
    market = await make_market(FakeExchange(by_rest=True))
    await market.acquire("BTC-USDT")
    await market.push(delta_frame("BTC-USDT", 101), delta_frame("BTC-USDT", 102))
    assert market.network.paths() == ["/snapshot"]
    assert ("snapshot", 100) in market.book().log


async def test_rest_snapshot_when_never_confirmed_then_first_delta_starts_it(make_market):
    market = await make_market(FakeExchange(by_rest=True))
    market.network.answer = None
    await market.acquire("BTC-USDT")
    assert market.network.paths() == []
    await market.push(delta_frame("BTC-USDT", 101))
    assert market.network.paths() == ["/snapshot"]
    assert market.book().log == [("connected",), ("delta", 101), ("snapshot", 100)]


async def test_rest_snapshot_when_neither_confirmed_nor_changing_then_fetched_after_patience(make_market):
    market = await make_market(FakeExchange(by_rest=True))
    market.network.answer = None
    await market.acquire("BTC-USDT")
    await market.clock.advance(16)
    assert market.network.paths() == ["/snapshot"]
    # The request may not have been heard: a snapshot that no changes follow would be shown for long.
    assert market.asked("subscribe") == [["BTC-USDT"], ["BTC-USDT"]]


async def test_in_band_snapshot_when_it_never_comes_then_subscribed_again(make_market):
    market = await make_market()
    await market.acquire("BTC-USDT")
    await market.clock.advance(16)
    assert market.asked("subscribe") == [["BTC-USDT"], ["BTC-USDT"]]
    assert market.asked("unsubscribe") == [["BTC-USDT"]]


async def test_rejected_when_named_then_that_book_is_down_and_tried_again_after_a_minute(make_market):
    market = await make_market()
    await market.acquire("BTC-USDT", "ETH-USDT")
    await market.push(frame("rejected", symbols=["BTC-USDT"], reason="no such market"))
    assert market.book().log[-1] == ("interrupted", "down", "refused: no such market")
    assert market.book("ETHUSDT").states() == []
    await market.push(snapshot_frame("ETH-USDT", 1))
    await market.clock.advance(59)
    assert market.asked("subscribe") == [["BTC-USDT", "ETH-USDT"]]
    await market.clock.advance(2)
    assert market.asked("subscribe")[1:] == [["BTC-USDT"]]
    assert market.book().log[-1] == ("connected",)


async def test_rejected_when_none_is_named_then_those_without_an_answer_are_meant(make_market):
    market = await make_market()
    await market.acquire("BTC-USDT", "ETH-USDT")
    await market.push(snapshot_frame("ETH-USDT", 1), frame("rejected", symbols=[], reason="no"))
    assert market.book().states() == ["down"]
    assert market.book("ETHUSDT").states() == []


async def test_rejected_when_acquired_again_then_tried_at_once(make_market):
    market = await make_market()
    await market.acquire("BTC-USDT")
    await market.push(frame("rejected", symbols=["BTC-USDT"], reason="no"))
    await market.acquire("BTC-USDT")
    assert market.asked("subscribe") == [["BTC-USDT"], ["BTC-USDT"]]


async def test_handshake_when_needed_then_new_token_and_subscription_waits_for_the_welcome(make_market):
    market = await make_market(FakeExchange(handshake=True))
    market.network.reply("/token", b'{"token": "first"}', b'{"token": "second"}')
    await market.acquire("BTC-USDT")
    assert market.network.connection.url == "wss://named.test/?token=first"
    await market.clock.advance(5)
    assert market.asked("subscribe") == []
    await market.push(frame("welcome"))
    await market.clock.advance(0.1)
    assert market.asked("subscribe") == [["BTC-USDT"]]
    market.network.connection.end()
    await market.clock.advance(5)
    assert market.network.connection.url == "wss://named.test/?token=second"


async def test_endpoints_when_overridden_then_host_changes_and_path_follows(make_market):
    elsewhere = Endpoints("http://127.0.0.1:1", "ws://127.0.0.1:2")
    market = await make_market(endpoints={"fake": elsewhere})
    await market.acquire("BTC-USDT")
    assert market.network.connection.url == "ws://127.0.0.1:2/feed"


async def test_transport_when_exchange_brings_its_own_then_that_is_used(make_market):
    own = FakeExchange("Own")
    market = await make_market(FakeExchange(), own)
    own_market = await make_market(FakeExchange("Own", transport=market.network))
    await own_market.acquire("BTC-USDT")
    assert own_market.network.connections == []
    assert market.network.connection.url == "wss://ws.own.test/feed"


async def test_name_when_any_case_then_the_plugins_spelling(make_market):
    market = await make_market()
    assert market.engine.name_of("fAKE") == "Fake"
    with pytest.raises(UnknownExchange, match="Fake"):
        market.engine.name_of("other")


async def test_exchange_when_its_plugin_failed_to_load_then_listed_down_and_unusable(make_market):
    market = await make_market(failures={"Broken": "ImportError: no module"})
    assert market.engine.exchanges() == ["Broken", "Fake"]
    status = market.status("Broken")
    assert (status.state, status.reason) == (BookState.DOWN, "ImportError: no module")
    with pytest.raises(ExchangeUnavailable, match="no module"):
        await market.engine.instruments("broken")
    with pytest.raises(ExchangeUnavailable):
        await market.acquire("BTC-USDT", exchange="Broken")


async def test_exchange_when_its_plugin_raises_at_the_start_then_only_it_is_down(make_market):
    class Faulty(FakeExchange):
        def transport(self):
            raise ZeroDivisionError("oops")

    market = await make_market(FakeExchange(), Faulty("Faulty"))
    assert "oops" in market.status("Faulty").reason
    assert await market.engine.instruments("Fake")


async def test_status_when_nothing_is_fed_then_says_what_the_last_request_found(make_market):
    market = await make_market()
    assert market.status().state is BookState.SYNCING
    await market.engine.instruments("Fake")
    assert market.status().state is BookState.LIVE


async def test_status_when_messages_flow_then_mean_of_ten_seconds(make_market):
    market = await make_market()
    await market.acquire("BTC-USDT")
    for _ in range(20):
        await market.push(*[frame("something")] * 5)
        await market.clock.advance(1)
    status = market.status()
    assert status.messages_per_second == pytest.approx(5, rel=0.1)
    assert (status.messages, status.ignored) == (100, 100)
    assert status.last_message_age_ms == 1000


async def test_close_when_a_socket_is_stuck_then_bounded(make_market):
    market = await make_market()
    await market.acquire("BTC-USDT")
    market.network.connection.stuck_closing = True
    await market.engine.close()
    assert market.network.connection.closed
    assert market.network.closed


async def test_rest_snapshot_when_fetched_for_many_then_each_gets_its_own(make_market):
    market = await make_market(FakeExchange(by_rest=True))
    market.network.reply("/snapshot", lambda asked: snapshot_body(len(asked.query["symbol"])))
    await market.acquire("BTC-USDT", "DOGE-USDT")
    assert ("snapshot", 8) in market.book().log
    assert ("snapshot", 9) in market.book("DOGEUSDT").log


async def test_refill_when_the_market_runs_away_for_minutes_then_it_stays_quick(make_market):
    market = await make_market(FakeExchange(by_rest=True))
    await market.acquire("BTC-USDT")
    for number in range(30):
        market.book().heal(Cause.SHALLOW, "19 known levels left")
        await market.clock.advance(0.6)
        assert len(market.book().told("snapshot")) == number + 2
