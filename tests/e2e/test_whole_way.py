"""From a frame on an exchange's wire to a fill in the database, and every number on the way."""

from decimal import Decimal

from tests.e2e.audit import audited
from tests.market_data import golden, needs_recordings

SYMBOL = "NKNUSDT"
DEPTH = 500


def levels(side):
    """Of an `order_book_update`."""
    return [(Decimal(price), quantity) for price, (quantity, _) in side.items()]


def as_numbers(side, depth=DEPTH):
    return [(Decimal(price), Decimal(quantity)) for price, quantity in side[:depth]]


async def book_at(live, sequence):
    """The update that shows the book at this sequence."""
    return await live.first(
        "order_book_update", lambda update: update["sources"]["Binance"]["sequence"] == sequence
    )


def check_books(live, histories, depth=DEPTH):
    """Every book that was served is the exchange's own at that sequence."""
    compared = 0
    for update in live.all("order_book_update"):
        for name, source in update["sources"].items():
            if source["state"] == "live":
                bids, asks = histories[name][int(source["sequence"])]
                assert levels(update["order_book"]["bids"]) == as_numbers(bids, depth)
                assert levels(update["order_book"]["asks"]) == as_numbers(asks, depth)
                compared += 1
    assert compared >= 3


async def followed_to_the_end(live, api, order_id, seconds=15):
    """The order as REST tells it once it is over; the same as /ws has told it, change by change."""
    last = await live.first("order_update", lambda update: update["status"] == "completed", seconds)
    order = await api.order(order_id)
    executions = {each["id"]: each for each in order["executions"]}
    assert live.executions() == executions
    assert last["order"] == {name: value for name, value in order.items() if name != "executions"}
    percents = [update["order"]["percent_exec"] for update in live.all("order_update")]
    assert percents == sorted(percents)
    return order


@needs_recordings
async def test_order_when_recorded_market_runs_then_books_golden_and_fills_exact(stand_in, serve):
    binance = await stand_in("Binance", "--recording", "--speed", "0")
    _, api = await serve(binance)
    wanted = golden("binance")[SYMBOL]
    async with api.live() as live:
        await live.follow_orders(api.token)
        await live.subscribe(SYMBOL, ["Binance"], DEPTH)
        start = await binance.ask("book", symbol=SYMBOL)
        await book_at(live, start["sequence"])
        order_id = await api.submit(
            symbol=SYMBOL,
            side="sell",
            total_quantity=60_001,
            limit_price="0.3524",
            duration_seconds=10,
            slice_interval_seconds=0.5,
            exchanges=["Binance"],
        )
        applied = 0
        for point in wanted["checkpoints"]:
            await play(binance, live, point["n_applied"] - applied)
            applied = point["n_applied"]
            update = await book_at(live, (await binance.ask("book", symbol=SYMBOL))["sequence"])
            assert levels(update["order_book"]["bids"])[0] == tuple(map(Decimal, point["bid"]))
            assert levels(update["order_book"]["asks"])[0] == tuple(map(Decimal, point["ask"]))
        await binance.control("step", count=wanted["checks"]["applied"] - applied, symbol=SYMBOL)
        last = await book_at(live, wanted["last_seq"])
        assert levels(last["order_book"]["bids"])[:10] == as_numbers(wanted["bids"])
        assert levels(last["order_book"]["asks"])[:10] == as_numbers(wanted["asks"])
        await followed_to_the_end(live, api, order_id)
        check_books(live, {"Binance": await binance.books(SYMBOL)})
    found = await audited(api, order_id, [binance], min_quantity=1, min_notional=10, lot=1)
    seen = {venue["sequence"] for each in found.slices for venue in each["venues"]}
    assert len(seen) >= 8, "the market hardly moved"
    assert len(found.executions) > len({each["slice"] for each in found.executions}), "one level was enough"
    assert set(found.missed.values()) == {"beyond_limit"}, "nothing was ever carried"


async def play(binance, live, count):
    """The market moves on, with a slice of the order in the middle."""
    done = len(live.all("order_update"))
    await binance.control("step", count=count // 2, symbol=SYMBOL)
    updates = live.all("order_update")
    if not (updates and updates[-1]["status"] == "completed"):
        await live.first("order_update", lambda _: len(live.all("order_update")) > done)
    await binance.control("step", count=count - count // 2, symbol=SYMBOL)


async def test_order_when_two_synthetic_markets_run_then_books_and_fills_exact(stand_in, serve):
    market = ("--synthetic", "BTCUSDT", "--rate", "25")
    binance = await stand_in("Binance", *market, "--seed", "7")
    bybit = await stand_in("Bybit", *market, "--seed", "8")
    _, api = await serve(binance, bybit)
    async with api.live() as live, api.live() as other:
        await live.follow_orders(api.token)
        await live.subscribe("BTCUSDT", ["Binance"], 50)
        await other.subscribe("BTCUSDT", ["Bybit"], 50)
        best = (await binance.ask("book", symbol="BTCUSDT", depth="1"))["bids"][0][0]
        order_id = await api.submit(
            symbol="btc/usdt",
            side="sell",
            total_quantity="80.00003",
            limit_price=str(Decimal(best) - 60),
            duration_seconds=8,
            slice_interval_seconds=0.3,
            max_participation=0.012,
            exchanges=["Binance", "Bybit"],
        )
        await followed_to_the_end(live, api, order_id)
        check_books(live, {"Binance": await binance.books("BTCUSDT")}, 50)
        check_books(other, {"Bybit": await bybit.books("BTCUSDT")}, 50)
    found = await audited(api, order_id, [binance, bybit], lot="0.00001", participation=Decimal("0.012"))
    assert {each["exchange"] for each in found.executions} == {"Binance", "Bybit"}
    assert set(found.missed.values()) == {"participation"}
