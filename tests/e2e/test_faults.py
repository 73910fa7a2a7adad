"""What goes wrong at an exchange in mid-order: nothing is filled from a book that is not true."""

from decimal import Decimal

from tests.e2e.audit import audited
from tests.e2e.processes import until

SYMBOL = "BTCUSDT"
MARKET = ("--synthetic", SYMBOL, "--rate", "25")
LOT = "0.00001"


async def ordered(stand_in, serve, seconds=7):
    """A running order with its first fills: the exchange, a client, and the order's id."""
    binance = await stand_in("Binance", *MARKET)
    _, api = await serve(binance)
    bids = (await binance.ask("book", symbol=SYMBOL, depth="1"))["bids"]
    order_id = await api.submit(
        symbol=SYMBOL,
        side="sell",
        total_quantity="20.00007",
        limit_price=str(Decimal(bids[0][0]) - 200),
        duration_seconds=seconds,
        slice_interval_seconds=0.2,
        exchanges=["Binance"],
    )
    await progressed(api, order_id, 3)
    return binance, api, order_id


async def progressed(api, order_id, executions, seconds=10):
    """Once the order has that many executions more than now."""
    before = (await api.order(order_id))["lots_count"]

    async def reached():
        return (await api.order(order_id))["lots_count"] >= before + executions

    await until(reached, f"{executions} more executions", seconds)


async def over(api, order_id, seconds=15):
    async def completed():
        return (await api.order(order_id))["status"] == "completed"

    await until(completed, "the order is completed", seconds, every=0.1)


async def fed_again(api, fits, what):
    """Once the feed is live and its counters fit."""

    async def found():
        status = await api.feed()
        return status if status["state"] == "live" and fits(status) else None

    return await until(found, what)


def check_no_burst(found):
    """Missed slices were carried, evenly: none took more than 3 times its plan, and no two came at once."""
    for each in found.slices:
        assert each["filled"] <= 3 * each["target"]["planned"]
    looked = [each["looked_at"] for each in found.slices if each["filled"]]
    assert len(set(looked)) == len(looked)


async def test_frame_when_skipped_in_mid_order_then_gap_seen_and_no_fill_from_the_broken_book(
    stand_in, serve
):
    binance, api, order_id = await ordered(stand_in, serve)
    await binance.fault("skip", symbol=SYMBOL, count=1)
    await fed_again(api, lambda status: status["gaps"] == 1 and status["resyncs"] == 1, "the gap is seen")
    await progressed(api, order_id, 3)
    await over(api, order_id)
    found = await audited(api, order_id, [binance], lot=LOT)
    assert found.order["outcome"] == "filled"
    state = await binance.ask("state")
    assert (state["faults_used"], state["accepted"]) == ({"skip": 1}, 1), "healed on the same connection"
    assert state["violations"] == []


async def test_snapshots_when_refused_with_429_then_slices_missed_as_stale_and_carried(stand_in, serve):
    binance, api, order_id = await ordered(stand_in, serve)
    await binance.fault("http_429", path="/api/v3/depth", count=1, retry_after=2)
    await binance.fault("skip", symbol=SYMBOL, count=1)
    await fed_again(api, lambda status: status["gaps"] == 1, "the gap is seen")
    await over(api, order_id)
    found = await audited(api, order_id, [binance], lot=LOT)
    assert found.order["outcome"] == "filled"
    assert set(found.missed.values()) == {"stale"}
    assert 5 <= len(found.missed) <= 20, "about the 2 s that the exchange asked for, in slices of 0.2 s"
    check_no_burst(found)
    state = await binance.ask("state")
    assert state["faults_used"] == {"http_429": 1, "skip": 1}, "asked again before it was allowed to"
    assert state["violations"] == []


async def test_connection_when_dropped_in_mid_order_then_opened_anew_and_fills_right(stand_in, serve):
    binance, api, order_id = await ordered(stand_in, serve)
    await binance.fault("drop")
    await fed_again(api, lambda status: status["reconnects"] == 1, "the connection is back")
    await progressed(api, order_id, 3)
    await over(api, order_id)
    found = await audited(api, order_id, [binance], lot=LOT)
    assert found.order["outcome"] == "filled"
    check_no_burst(found)
    state = await binance.ask("state")
    assert (state["accepted"], state["violations"]) == (2, [])


async def test_exchange_when_down_for_a_while_then_slices_missed_with_reasons_and_carried_without_a_burst(
    stand_in, serve
):
    binance, api, order_id = await ordered(stand_in, serve, seconds=18)
    await binance.fault("refuse")
    await binance.fault("drop")
    await binance.books(SYMBOL)  # nothing that comes later is heard any more
    await binance.kill()

    async def down():
        return (await api.feed())["state"] == "down"

    await until(down, "the exchange is known to be down")
    missed_from = int((await api.order(order_id))["slices_done"])
    await until_slices(api, order_id, missed_from + 8)
    await binance.start(*MARKET, "--seed", "2")
    await fed_again(api, lambda status: status["reconnects"] >= 1, "the exchange is back")
    await over(api, order_id, seconds=25)
    found = await audited(api, order_id, [binance], lot=LOT)
    assert found.order["outcome"] == "filled"
    assert set(found.missed.values()) <= {"down", "stale"}
    away = [found.missed.get(number, "late") for number in range(missed_from + 1, missed_from + 8)]
    assert set(away) <= {"down", "late"}
    assert "down" in away
    check_no_burst(found)


async def until_slices(api, order_id, count):
    async def reached():
        return (await api.order(order_id))["slices_done"] >= count

    await until(reached, f"{count} slices are over")
