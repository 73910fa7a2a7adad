from datetime import UTC, datetime
from decimal import Decimal as D

import pytest

from tests.fakes.clock import ManualClock
from twap.domain.glance import Demand
from twap.domain.market import Market, exchange_time
from twap.ports.events import Delta, Snapshot
from twap.ports.exchange import BookRules
from twap.ports.feed import Pulse
from twap.ports.market import BookState, Instrument
from twap.ports.order import Side

LOT = D("0.1")


class Scene:
    """A market with books that tests feed by hand."""

    def __init__(self):
        self.clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
        self.market = Market(self.clock, stale_after_seconds=5)
        self.inputs, self.sequence = {}, {}

    def feed(self, exchange, bids, asks):
        if exchange not in self.inputs:
            instrument = Instrument(exchange, "BTCUSDT", "BTC-USDT", "BTC", "USDT", D("0.1"), D("0.1"))
            self.inputs[exchange] = self.market.open(
                instrument, BookRules(contiguous=False), lambda cause, reason: None
            )
            self.inputs[exchange].connected(Pulse(self.clock.monotonic()))
            self.inputs[exchange].snapshot(Snapshot("BTC-USDT", bids, asks, 7, 1_700_000_000_000))
        else:
            self.inputs[exchange].delta(Delta("BTC-USDT", 8, 8, bids, asks))

    def look(self, side=Side.BUY, limit="200", need="1", visible=False):
        return self.see(side, limit, need, visible)[0].venues[0]

    def see(self, side=Side.BUY, limit="200", need="1", visible=False, remembered=()):
        demand = Demand("BTCUSDT", ("A",), side, D(limit), int(D(need) / LOT), LOT, visible)
        return self.market.at_once().look(demand, {("A", price): taken for price, taken in remembered})


@pytest.fixture
def scene():
    return Scene()


def rows(levels):
    return [(str(x.price), str(x.quantity), x.exchanges) for x in levels]


def test_view_when_exchanges_show_the_same_price_then_quantities_add_up_and_sources_join(scene):
    scene.feed("B", [("99", "1")], [("101", "0.1")])
    scene.feed("A", [("99.0", "0.5"), ("98", "4")], [("101", "0.2"), ("100.5", "1")])
    view = scene.market.view("BTCUSDT", ["A", "B"], 10)
    assert rows(view.bids) == [("99", "1.5", ("A", "B")), ("98", "4", ("A",))]
    assert rows(view.asks) == [("100.5", "1", ("A",)), ("101", "0.3", ("A", "B"))]
    assert view.mid == D("99.75")
    assert rows(scene.market.view("BTCUSDT", ["B"], 10).bids) == [("99", "1", ("B",))]
    assert len(scene.market.view("BTCUSDT", ["A", "B"], 1).bids) == 1


def test_view_when_a_book_is_stale_or_missing_then_it_is_left_out_and_named(scene):
    scene.feed("A", [("99", "1")], [("101", "1")])
    scene.clock.jump(6)
    scene.feed("B", [("98", "1")], [("102", "1")])
    view = scene.market.view("BTCUSDT", ["A", "B", "C"], 10)
    assert rows(view.bids) == [("98", "1", ("B",))]
    assert [view.sources[name].state for name in "ABC"] == [
        BookState.STALE,
        BookState.LIVE,
        BookState.SYNCING,
    ]
    assert view.sources["A"].age_ms == 6000
    assert "no sign of life" in view.sources["A"].reason
    assert view.sources["B"].sequence == 7


def test_view_when_nothing_changed_then_the_same_levels_and_when_changed_then_new_ones(scene):
    scene.feed("A", [("99", "1")], [("101", "1")])
    first = scene.market.view("BTCUSDT", ["A"], 10)
    assert scene.market.view("BTCUSDT", ["A"], 10).bids is first.bids
    scene.feed("A", [("99", "2")], [])
    assert rows(scene.market.view("BTCUSDT", ["A"], 10).bids) == [("99", "2", ("A",))]


def test_view_when_no_side_then_no_mid(scene):
    scene.feed("A", [], [("101", "1")])
    assert scene.market.view("BTCUSDT", ["A"], 10).mid is None


def test_look_when_live_then_stamped_and_at_least_ten_levels(scene):
    scene.feed("A", [("99", "1")], [(str(price), "1") for price in range(101, 151)])
    look = scene.look(need="1")
    assert (look.state, look.sequence, look.age_ms, look.near_best) == (BookState.LIVE, 7, 0, D(99))
    assert look.exchange_time == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert len(look.levels) == 10
    assert look.more


def test_look_when_much_is_needed_then_down_to_as_much(scene):
    scene.feed("A", [("99", "1")], [(str(price), "1.05") for price in range(101, 151)])
    look = scene.look(need="30")
    assert len(look.levels) == 30  # whole lots: 1.0 of each level's 1.05
    assert not scene.look(need="80").more


def test_look_when_prices_behind_it_are_remembered_then_what_is_displayed_there_is_told(scene):
    scene.feed("A", [("99", "1")], [(str(price), f"0.{price}") for price in range(101, 151)])
    seen, deeper = scene.see(remembered=[(D(101), D(1)), (D(140), D("0.4")), (D(160), D(1))])
    assert len(seen.venues[0].levels) == 10
    assert deeper == {("A", D(140)): D("0.14")}


def test_look_when_demands_differ_but_not_the_depth_then_the_scene_is_the_same(scene):
    scene.feed("A", [("99", "1")], [(str(price), "1") for price in range(101, 151)])
    books = scene.market.at_once()
    one, other, deep = (
        books.look(Demand("BTCUSDT", ("A",), Side.BUY, D(limit), lots, LOT, measure_visible=False), {})[0]
        for limit, lots in (("200", 10), ("150", 20), ("150", 200))
    )
    assert one is other
    assert (len(one.venues[0].levels), len(deep.venues[0].levels)) == (10, 20)


def test_look_when_beyond_the_limit_then_shown_but_not_counted(scene):
    scene.feed("A", [("99", "1")], [(str(price), "1") for price in range(101, 151)])
    look = scene.look(limit="103", need="100", visible=True)
    assert len(look.levels) == 10
    assert look.visible == D(3)
    assert len(scene.look(limit="125", need="100").levels) == 26


def test_look_when_selling_then_at_the_bids(scene):
    scene.feed("A", [(str(price), "1") for price in range(50, 100)], [("101", "1")])
    look = scene.look(side=Side.SELL, limit="98", visible=True)
    assert (look.levels[0].price, look.near_best, look.visible) == (D(99), D(101), D(2))


def test_look_when_not_live_then_no_levels(scene):
    assert scene.look().state is BookState.SYNCING
    scene.feed("A", [("99", "1")], [("101", "1")])
    scene.clock.jump(6)
    look = scene.look()
    assert (look.state, look.levels, look.age_ms) == (BookState.STALE, (), 6000)


def test_levels_when_the_book_is_closed_then_empty(scene):
    scene.feed("A", [("99", "1")], [("101", "1")])
    bids, asks = scene.market.levels("A", "BTCUSDT")
    assert (bids[0].price, asks[0].price) == (D(99), D(101))
    assert scene.market.counters("A", "BTCUSDT").applied == 0
    scene.market.close("A", "BTCUSDT")
    assert scene.market.levels("A", "BTCUSDT") == ([], [])
    assert scene.market.counters("A", "BTCUSDT") is None


@pytest.mark.parametrize(
    ("wire", "expected"),
    [
        (None, None),
        (0, datetime(1970, 1, 1, tzinfo=UTC)),
        (10**30, None),
        ("2021-04-17T16:44:07.845614Z", datetime(2021, 4, 17, 16, 44, 7, 845614, tzinfo=UTC)),
        ("2021-04-17T18:44:07+02:00", datetime(2021, 4, 17, 16, 44, 7, tzinfo=UTC)),
        ("2021-04-17T16:44:07", datetime(2021, 4, 17, 16, 44, 7, tzinfo=UTC)),
        ("yesterday", None),
    ],
)
def test_exchange_time_when_read_then_aware_utc_or_none(wire, expected):
    assert exchange_time(wire) == expected
