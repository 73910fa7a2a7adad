"""Faults of single books, and what makes them true again."""

import pytest

from tests.fakes.clock import settle
from tests.fakes.exchange import FakeExchange, frame, snapshot_body, snapshot_frame
from twap.plugins.transport import Timing
from twap.ports.exchange import Limits
from twap.ports.feed import Cause
from twap.ports.transport import HttpResponse


async def test_gap_when_snapshots_come_by_rest_then_refetched_without_reconnecting(make_market):
    market = await make_market(FakeExchange(by_rest=True))
    market.network.reply("/snapshot", snapshot_body(100), snapshot_body(200))
    await market.acquire("BTC-USDT")
    market.book().heal(Cause.GAP, "expected 101")
    market.book().heal(Cause.GAP, "expected 101")
    await settle()
    assert market.book().told("snapshot") == [("snapshot", 100), ("snapshot", 200)]
    assert len(market.network.connections) == 1
    assert (market.status().gaps, market.status().resyncs) == (2, 1)


async def test_old_snapshot_when_repeated_then_fetched_again_after_growing_delays(make_market):
    market = await make_market(FakeExchange(by_rest=True))
    await market.acquire("BTC-USDT")
    book, times = market.book(), []

    def note(request):
        times.append(market.clock.monotonic())
        return snapshot_body(100)

    market.network.reply("/snapshot", note)
    start = market.clock.monotonic()
    book.heal(Cause.OLD_SNAPSHOT, "old")
    for _ in range(200):
        await market.clock.advance(0.05)
        if len(book.told("snapshot")) == len(times) + 1 and len(times) < 6:
            book.heal(Cause.OLD_SNAPSHOT, "old")
    waits = [later - earlier for earlier, later in zip([start, *times], times, strict=False)]
    assert waits == pytest.approx([0.2, 0.25, 0.5, 1, 2, 4], abs=0.1)


async def test_checksum_when_in_band_then_that_symbol_alone_is_subscribed_again(make_market):
    market = await make_market()
    await market.acquire("BTC-USDT", "ETH-USDT")
    await market.push(snapshot_frame("BTC-USDT", 1), snapshot_frame("ETH-USDT", 1))
    market.book().heal(Cause.CHECKSUM, "1 != 2")
    await market.clock.advance(0.01)
    assert market.asked("unsubscribe") == [["BTC-USDT"]]
    assert market.asked("subscribe") == [["BTC-USDT", "ETH-USDT"], ["BTC-USDT"]]
    assert market.book("ETHUSDT").log == [("connected",), ("snapshot", 1)]
    assert market.status().checksum_failures == 1
    await market.push(snapshot_frame("BTC-USDT", 8))
    assert market.book().log[-1] == ("snapshot", 8)


async def test_book_when_it_can_never_be_cured_then_remedies_grow_rare(make_market):
    market = await make_market()
    await market.acquire("BTC-USDT")
    for _ in range(240):
        market.book().heal(Cause.CHECKSUM, "again")
        await market.clock.advance(0.5)
    assert 5 <= len(market.asked("unsubscribe")) <= 12


async def test_gaps_when_the_book_was_well_between_them_then_each_is_mended_at_once(make_market):
    market = await make_market(FakeExchange(by_rest=True))
    await market.acquire("BTC-USDT")
    book = market.book()
    for number in range(1, 13):
        await market.clock.advance(8)
        book.heal(Cause.GAP, "lost")
        await market.clock.advance(0.1)
        assert len(book.told("snapshot")) == 1 + number


async def test_gap_when_the_delay_of_the_last_one_was_cut_short_by_a_new_connection_then_not_waited_twice(
    make_market,
):
    market = await make_market()
    await market.acquire("BTC-USDT")
    for _ in range(60):
        market.book().heal(Cause.GAP, "lost")
        await market.clock.advance(0.5)
    market.network.connection.end("reset")
    await market.clock.advance(1)
    market.book().heal(Cause.GAP, "lost")
    await market.clock.advance(31)
    assert ["BTC-USDT"] in market.asked("unsubscribe")


async def test_broken_when_codec_says_so_then_only_that_book(make_market):
    market = await make_market()
    await market.acquire("BTC-USDT", "ETH-USDT")
    await market.push(frame("broken", symbol="BTC-USDT", reason="damaged"))
    await market.clock.advance(0.01)
    assert market.book().states()[0] == "syncing"
    assert market.asked("subscribe")[1:] == [["BTC-USDT"]]
    assert market.book("ETHUSDT").states() == []


async def test_malformed_when_damage_is_found_by_the_codec_or_by_the_book_then_counted_each_time(make_market):
    market = await make_market()
    await market.acquire("BTC-USDT")
    await market.push(frame("broken", symbol="BTC-USDT", reason="damaged"))
    assert market.status().malformed == 1
    market.book().heal(Cause.MALFORMED, "a price of zero")
    assert market.status().malformed == 2


async def test_malformed_when_a_snapshot_never_comes_then_not_counted(make_market):
    market = await make_market(timing=Timing(patience=2, closing=0.2))
    await market.acquire("BTC-USDT")
    await market.clock.advance(5)
    assert market.status().resyncs >= 1
    assert market.status().malformed == 0


async def test_gap_when_it_is_of_a_whole_connection_then_counted_unless_the_end_was_announced(make_market):
    market = await make_market()
    await market.acquire("BTC-USDT")
    await market.push(frame("reconnect", reason="maintenance", planned=True))
    assert market.status().gaps == 0
    await market.clock.advance(1)
    await market.push(frame("reconnect", reason="frame 7 came where 6 was due"))
    assert market.status().gaps == 1


async def test_snapshot_when_its_connection_is_gone_then_never_delivered(make_market):
    market = await make_market(FakeExchange(by_rest=True))
    slow = {"first": True}

    async def answer(request):
        first, slow["first"] = slow["first"], False
        if first:
            await market.clock.sleep(3)
            return snapshot_body(1)
        return snapshot_body(200)

    market.network.reply("/snapshot", answer)
    await market.acquire("BTC-USDT")
    market.network.connection.end()
    await market.clock.advance(10)
    assert market.book().told("snapshot") == [("snapshot", 200)]


async def test_snapshot_when_it_cannot_be_fetched_then_down_and_a_newer_one_after_the_return(make_market):
    market = await make_market(FakeExchange(by_rest=True))
    failed = [HttpResponse(500, {}, b"")] * 4
    market.network.reply("/snapshot", *failed, snapshot_body(10), snapshot_body(20))
    await market.acquire("BTC-USDT")
    await market.clock.advance(1)
    assert market.book().log[-1][:2] == ("interrupted", "down")
    await market.clock.advance(5)
    # Changes were not kept while it was DOWN: snapshot 10 has nothing to be spliced with.
    assert market.book().log[-2:] == [("connected",), ("snapshot", 20)]


async def test_snapshot_when_it_fails_then_the_book_is_told_why_it_waits(make_market):
    market = await make_market(FakeExchange(by_rest=True))
    market.network.reply("/snapshot", HttpResponse(429, {"Retry-After": "60"}, b""), snapshot_body(10))
    await market.acquire("BTC-USDT")
    state, reason = market.book().log[-1][1:]
    assert (state, reason) == ("syncing", "no snapshot: Fake can't be reached: HTTP 429")
    await market.clock.advance(61)
    assert market.book().log[-1] == ("snapshot", 10)


async def test_refill_when_no_snapshot_can_be_had_then_the_book_that_is_true_stays_so(make_market):
    market = await make_market(FakeExchange(by_rest=True))
    await market.acquire("BTC-USDT")
    market.network.reply("/snapshot", *[HttpResponse(500, {}, b"")] * 6, snapshot_body(300))
    market.book().heal(Cause.SHALLOW, "9 known levels left")
    await market.clock.advance(60)
    assert market.book().states() == []
    assert market.book().told("snapshot") == [("snapshot", 100), ("snapshot", 300)]


async def test_refill_when_a_gap_comes_meanwhile_then_the_book_is_told_why_it_waits(make_market):
    market = await make_market(FakeExchange(by_rest=True))
    await market.acquire("BTC-USDT")
    market.network.reply("/snapshot", HttpResponse(500, {}, b""))
    market.book().heal(Cause.SHALLOW, "9 known levels left")
    market.book().heal(Cause.GAP, "expected 101")
    await market.clock.advance(30)
    assert market.book().states()[-1] == "down"


async def test_snapshots_when_none_can_be_had_then_many_books_take_turns_and_all_come_back_together(
    make_market,
):
    limits = Limits(rest=(60, 60))
    market = await make_market(FakeExchange(by_rest=True, limits=limits))
    market.network.reply("/snapshot", HttpResponse(500, {}, b""))
    natives = [f"A{number}-USDT" for number in range(12)]
    await market.acquire(*natives)
    await market.clock.advance(120)
    first_tries, half_the_limit = 12 + 5, 120 / 2
    assert market.network.paths().count("/snapshot") <= first_tries + half_the_limit
    market.network.reply("/snapshot", snapshot_body(300))
    await market.clock.advance(3)
    told = [market.book(native.replace("-", "")).told("snapshot") for native in natives]
    assert told == [[("snapshot", 300)]] * 12
