"""Streams that die while their connection lives: all of it, or one book's."""

from tests.fakes.exchange import FakeExchange, delta_frame, snapshot_body


async def test_audit_when_snapshot_is_ahead_of_a_quiet_stream_then_connected_anew(make_market):
    market = await make_market(FakeExchange(by_rest=True))
    await market.acquire("BTC-USDT")
    await market.push(delta_frame("BTC-USDT", 101))
    market.network.reply("/snapshot", snapshot_body(150))
    await market.clock.advance(63)
    assert "changes of BTC-USDT were lost" in market.book().told("interrupted")[0][2]
    assert len(market.network.connections) == 2


async def test_audit_when_nothing_changed_then_the_connection_stays(make_market):
    market = await make_market(FakeExchange(by_rest=True))
    await market.acquire("BTC-USDT")
    await market.push(delta_frame("BTC-USDT", 101))
    market.network.reply("/snapshot", snapshot_body(101))
    await market.clock.advance(200)
    assert len(market.network.connections) == 1
    assert market.network.paths().count("/snapshot") >= 4
    assert market.book().told("interrupted") == []


async def test_audit_when_the_change_arrives_a_little_later_then_the_connection_stays(make_market):
    market = await make_market(FakeExchange(by_rest=True))
    await market.acquire("BTC-USDT")
    await market.push(delta_frame("BTC-USDT", 101))

    def changed(request):
        market.network.connection.push(delta_frame("BTC-USDT", 150))
        return snapshot_body(150)

    market.network.reply("/snapshot", changed, snapshot_body(150))
    await market.clock.advance(100)
    assert len(market.network.connections) == 1


async def one_quiet(make_market, ahead, seconds):
    """ETH's changes come each second, BTC's never, and the exchange's own book of BTC is at `ahead`."""
    market = await make_market(FakeExchange(by_rest=True))
    await market.acquire("BTC-USDT", "ETH-USDT")
    market.network.reply("/snapshot", snapshot_body(ahead))
    for number in range(seconds):
        await market.clock.advance(1)
        await market.push(delta_frame("ETH-USDT", 101 + number))
    return market


async def test_audit_when_one_of_two_books_lost_changes_then_it_alone_is_subscribed_to_anew(make_market):
    market = await one_quiet(make_market, ahead=150, seconds=40)
    assert ["BTC-USDT"] in market.asked("unsubscribe")
    assert market.asked("subscribe")[1] == ["BTC-USDT"]
    assert market.book().told("connected") == [("connected",)] * 2
    assert ("snapshot", 150) in market.book().log
    assert len(market.book("ETHUSDT").told("connected")) == 1
    assert len(market.network.connections) == 1


async def test_audit_when_one_of_two_books_is_quiet_and_true_then_it_stays(make_market):
    market = await one_quiet(make_market, ahead=100, seconds=70)
    assert market.asked("unsubscribe") == []
    assert market.book().told("connected") == [("connected",)]
