import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal as D

import pytest

from tests.fakes.bus import ListBus
from tests.fakes.clock import ManualClock
from tests.fakes.feed import FakeFeed, instrument
from tests.fakes.ids import CountingIds
from tests.fakes.memory_store import MemoryStorage
from twap.domain.market import Market
from twap.domain.submission import coarsest_lot, submit
from twap.ports.errors import Conflict, InvalidField, Throttled, UnknownExchange, UnknownSymbol
from twap.ports.events import Snapshot
from twap.ports.exchange import BookRules
from twap.ports.feed import Pulse
from twap.ports.order import OrderStatus, Side, Ticket

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
TICKET = Ticket("btc-usdt", Side.BUY, D("1"), D("100.5"), timedelta(seconds=10), ("binance",))


class Desk:
    def __init__(self):
        self.storage = MemoryStorage()
        self.feed = FakeFeed(
            {
                "Binance": [instrument(tick="0.5", lot="0.1", min_quantity=D("0.2"), min_notional=D("50"))],
                "Kucoin": [instrument(exchange="Kucoin", tick="0.1", lot="0.25")],
            }
        )
        self.clock = ManualClock(NOON)
        self.market = Market(self.clock)
        self.bus = ListBus()
        self.ids = CountingIds()

    async def submit(self, most_running=1000, **changes):
        return await submit(
            replace(TICKET, **changes),
            user_id="ada",
            feed=self.feed,
            market=self.market,
            orders=self.storage.orders,
            clock=self.clock,
            bus=self.bus,
            ids=self.ids,
            fees={"Binance": D("0.001"), "Kucoin": D("0.002")},
            most_running=most_running,
        )

    def show(self, exchange, asks):
        """A live book with these asks."""
        told = self.market.open(
            self.feed.listed[exchange][0], BookRules(contiguous=False), lambda cause, reason: None
        )
        told.connected(Pulse(self.clock.monotonic()))
        told.snapshot(Snapshot("BTC-USDT", [("99", "1")], asks, 7, None))


@pytest.fixture
def desk():
    return Desk()


async def test_submit_when_valid_then_stored_pending_under_canonical_names(desk):
    order = await desk.submit()
    assert (order.ticket.symbol, order.ticket.exchanges) == ("BTCUSDT", ("Binance",))
    assert (order.status, order.slices_total, order.starts_at, order.lot_size) == (
        OrderStatus.PENDING,
        10,
        NOON,
        D("0.1"),
    )
    assert order.terms[0].taker_fee == D("0.001")
    assert await desk.storage.orders.get(order.id) == order
    assert order.warnings == (
        "a slice of 0.1 is below the minimum quantity 0.2 of Binance;"
        " a longer slice interval makes slices larger",
    )


@pytest.mark.parametrize(
    ("changes", "field", "nearest"),
    [
        ({"quantity": D("1.04")}, "total_quantity", "1"),
        ({"quantity": D("1.06")}, "total_quantity", "1.1"),
        ({"quantity": D("0.1")}, "total_quantity", "0.5"),
        ({"quantity": D("0.01")}, "total_quantity", "0.5"),
        ({"quantity": D("0.3")}, "total_quantity", "0.5"),
        ({"limit_price": D("100.7")}, "limit_price", "100.5"),
        ({"limit_price": D("0.1")}, "limit_price", "0.5"),
    ],
)
async def test_submit_when_off_the_grid_or_below_a_minimum_then_refused_with_the_nearest(
    desk, changes, field, nearest
):
    with pytest.raises(InvalidField) as refusal:
        await desk.submit(**changes)
    assert refusal.value.field == field
    assert refusal.value.nearest == D(nearest)
    assert f"nearest valid value is {nearest}" in str(refusal.value)
    if field == "total_quantity":
        assert (await desk.submit(quantity=refusal.value.nearest)).ticket.quantity == D(nearest)


async def test_submit_when_several_exchanges_then_the_lot_fits_all_and_the_finest_tick_counts(desk):
    order = await desk.submit(exchanges=("kucoin", "BINANCE"), limit_price=D("100.7"))
    assert order.lot_size == D("0.5")
    assert order.ticket.exchanges == ("Kucoin", "Binance")


def test_coarsest_lot_when_lots_are_powers_of_ten_then_the_largest():
    lots = ["0.00001", "10", "0.1"]
    assert coarsest_lot([instrument(lot=lot) for lot in lots]) == D(10)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"exchanges": ("Nowhere",)}, UnknownExchange),
        ({"symbol": "NOPEUSDT"}, UnknownSymbol),
        ({"exchanges": ()}, InvalidField),
        ({"exchanges": ("Binance", "binance")}, InvalidField),
        ({"start_at": NOON - timedelta(seconds=6)}, InvalidField),
        ({"start_at": NOON + timedelta(days=8)}, InvalidField),
    ],
)
async def test_submit_when_a_name_or_time_is_wrong_then_refused(desk, changes, error):
    with pytest.raises(error):
        await desk.submit(**changes)


async def test_submit_when_start_at_is_given_then_the_schedule_begins_there(desk):
    later = NOON + timedelta(hours=1)
    assert (await desk.submit(start_at=later)).starts_at == later


async def test_submit_when_larger_than_the_books_could_give_then_warned_with_the_largest_quantity(desk):
    both = {"exchanges": ("Binance", "Kucoin"), "quantity": D("30.5")}
    desk.show("Binance", [("100", "2"), ("100.5", "1"), ("101", "50")])
    assert not (await desk.submit(**both)).warnings, "nothing is known of Kucoin yet"
    desk.show("Kucoin", [("100.2", "0.05")])
    assert (await desk.submit(**both)).warnings == ()
    (warning,) = (await desk.submit(**both | {"quantity": D("31")})).warnings
    assert (
        "31 is more than the books could give: they display 3.05 within the limit, so 30.5 at most" in warning
    )
    (warning,) = (await desk.submit(**both, max_participation=D("0.5"))).warnings
    assert "15 at most" in warning
    assert (await desk.submit(**both, limit_price=D("99.5"))).warnings == (), "it waits for its price"


async def test_submit_when_repeated_then_announced_once(desk):
    orders = await asyncio.gather(*(desk.submit(client_order_id="mine") for _ in range(3)))
    assert [event.order for event in desk.bus.events] == [orders[0]]
    with pytest.raises(InvalidField):
        await desk.submit(quantity=D("0.01"))
    assert len(desk.bus.events) == 1


async def test_submit_when_repeated_with_the_same_client_order_id_then_the_same_order(desk):
    first, *others = await asyncio.gather(*(desk.submit(client_order_id="mine") for _ in range(5)))
    assert {each.id for each in others} == {first.id}
    with pytest.raises(Conflict, match="mine"):
        await desk.submit(client_order_id="mine", quantity=D(2))


async def test_submit_when_repeated_long_after_its_start_then_still_the_same_order(desk):
    start_at = NOON + timedelta(seconds=1)
    first = await desk.submit(client_order_id="mine", start_at=start_at)
    desk.clock.jump(3600)
    desk.feed.down["Binance"] = "refused"
    assert (await desk.submit(client_order_id="mine", start_at=start_at)).id == first.id


async def test_submit_when_too_many_are_running_then_throttled(desk):
    await desk.submit()
    with pytest.raises(Throttled, match="1 orders are running"):
        await desk.submit(most_running=1)


async def test_submit_when_more_slices_than_lots_then_warned(desk):
    order = await desk.submit(duration=timedelta(seconds=100))
    assert order.warnings[0] == "90 of 100 slices are empty: the total is 10 lots of 0.1"
