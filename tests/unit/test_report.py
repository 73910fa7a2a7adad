import gc
from datetime import datetime, timedelta
from decimal import Decimal as D

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.books import FakeBooks, run_order
from tests.fakes.orders import NOON, make_order, make_terms
from tests.fakes.runs import random_run, with_progress
from twap.domain import costs, report, timeline
from twap.ports.market import BookState
from twap.ports.order import OrderStatus, Side, Slice

seeds = st.integers(0, 2**32)
quickly = settings(max_examples=80, deadline=None, derandomize=True)


def a_second(number):
    return NOON + timedelta(seconds=number)


def small_order(**changes):
    """Four slices of 1 base, a lot of 1, fees of 0.1 %."""
    fields = {
        "quantity": D(4),
        "limit_price": D(110),
        "duration": timedelta(seconds=4),
        "slices_total": 4,
        "lot_size": D(1),
        "exchanges": ("Binance",),
    } | changes
    exchanges = fields["exchanges"]
    return make_order(
        **fields, terms=tuple(make_terms(name, min_quantity=D(0), min_notional=D(0)) for name in exchanges)
    )


def one_book_run(order, bids, asks):
    """bids, asks: by number of slices done."""
    books = FakeBooks()

    def before(now, order):
        step = order.progress.slices_done
        books.show("Binance", bids=bids[step], asks=asks[step])

    return run_order(order, books, before=before)


def rising_market():
    """Mids 100, 101, 102, 103 at the looks of slices 0 to 3; the fourth finds the book empty."""
    bids = [{99: 5}, {100: 5}, {101: 5}, {102: 5}]
    asks = [{101: 1, 102: 9}, {102: "0.5", 103: 9}, {103: 2}, {120: 9}]
    return one_book_run(small_order(), bids, asks)


@given(seeds)
@quickly
def test_cost_split_when_any_order_then_its_parts_add_up_to_the_last_digit(seed):
    order, slices = random_run(seed)
    shortfall = report.build(order, slices).shortfall
    assert shortfall is None or shortfall.split.total == shortfall.quote


@given(seeds)
@quickly
def test_report_when_any_order_then_shares_and_totals_agree(seed):
    order, slices = random_run(seed)
    built = report.build(order, slices)
    assert (built.executed, built.notional) == (order.progress.executed, order.progress.notional)
    assert sum(each.quantity for each in built.venues) == built.executed
    assert sum(each.fees for each in built.venues) == built.fees == order.progress.fees
    assert built.missed.slices == sum(each.slices for each in built.missed.by_reason)
    assert 0 <= built.fill_rate <= 1
    assert built == report.build(order, slices)


@given(seeds, st.integers(1, 5))
@quickly
def test_builder_when_fed_in_parts_then_the_report_is_the_same(seed, size):
    order, slices = random_run(seed)
    builder = report.Builder(order)
    for at in range(0, len(slices), size):
        builder.add(slices[at : at + size])
    assert report.as_dict(builder.report()) == report.as_dict(report.build(order, slices))


@given(seeds)
@quickly
def test_builder_when_fed_as_the_slices_looked_then_the_report_is_the_same(seed):
    """The arrival look (0) may have come after slices that met no fresh book; those know no mid."""
    order, slices = random_run(seed)
    as_looked = sorted(slices, key=lambda one: (one.looked_at, one.number))
    assert report.build(order, as_looked) == report.build(order, slices)


def test_builder_when_parts_went_by_then_only_the_arrival_look_is_kept():
    order = small_order(duration=timedelta(seconds=60), slices_total=60, quantity=D(60))
    order, slices = one_book_run(order, [{99: 5}] * 60, [{101: 5}] * 60)
    builder = report.Builder(order)
    builder.add(slices)
    expected = report.build(order, slices)
    del slices
    gc.collect()
    kept = [one.number for one in gc.get_objects() if type(one) is Slice and one.order_id == order.id]
    assert kept == [0]
    assert builder.report() == expected


def test_cost_split_when_the_market_rises_then_each_part_is_what_it_should_be():
    order, slices = rising_market()
    built = report.build(order, slices)
    # Bought 1 at 101 (mid 100), then 1 at 103 (mid 101, best 102), then 1 at 103 (mid 102).
    assert [(x.price, x.quantity) for one in slices for x in one.executions] == [
        (D(101), D(1)),
        (D(103), D(1)),
        (D(103), D(1)),
    ]
    assert built.shortfall.split == costs.CostSplit(
        spread=D(3), depth=D(1), timing=D(3), fees=D("0.307"), opportunity=D(11)
    )
    assert built.shortfall.quote == D("18.307")
    assert built.shortfall.bps == D("457.6750")


def test_benchmarks_when_samples_hold_for_their_time_then_weighted_by_it():
    order, slices = rising_market()
    built = report.build(order, slices)
    # From 0 s on the mid is 100, from 2 s 101, from 3 s 102; the look at 4 s is the end.
    assert built.arrival_mid == 100
    assert built.final_mid == D(111)
    assert built.twap_benchmark == D("100.75")
    assert built.slippage_arrival == costs.Slippage(D("233.3333"), D(7))
    assert built.slippage_benchmark == costs.Slippage(D("157.1547"), D("4.75"))
    assert built.average_price == D("102.33333333")


def test_slippage_when_selling_below_the_arrival_then_it_is_a_cost():
    bids = [{100: 1, 98: 9}] * 4
    order, slices = one_book_run(small_order(side=Side.SELL, limit_price=D(90)), bids, [{102: 1}] * 4)
    built = report.build(order, slices)
    assert built.arrival_mid == 101
    assert built.slippage_arrival.quote == D(1 * 1 + 3 * 3)
    assert built.shortfall.split.total == built.shortfall.quote
    assert built.shortfall.split.spread == D(4)
    assert built.shortfall.split.depth == D(6)


def test_report_when_nothing_was_filled_then_prices_are_unknown_and_the_miss_is_explained():
    order, slices = one_book_run(small_order(limit_price=D(90)), [{99: 1}] * 4, [{101: 1}] * 4)
    built = report.build(order, slices)
    assert (built.average_price, built.slippage_arrival, built.participation) == (None, None, None)
    assert (built.fill_rate, built.outcome.value) == (0, "unfilled")
    counts = [(x.reason.value, x.slices, x.missing) for x in built.missed.by_reason]
    assert counts == [("beyond_limit", 4, D(1 + 2 + 2 + 3))]
    assert built.shortfall.quote == 0


def test_report_when_no_fresh_book_was_met_then_it_has_no_benchmarks():
    order, slices = run_order(small_order(), FakeBooks())
    built = report.build(order, slices)
    assert (built.arrival_mid, built.twap_benchmark, built.shortfall, built.market_order) == (None,) * 4
    assert [each.live_ratio for each in built.venues] == [0]
    assert [each.reason.value for each in built.missed.listed] == ["stale"] * 4


def test_report_when_the_order_has_not_begun_then_it_can_be_built():
    built = report.build(small_order(), [])
    assert (built.executed, built.status, built.outcome, built.venues[0].live_ratio) == (
        0,
        "pending",
        None,
        None,
    )


def test_missed_when_many_then_the_list_is_bounded_and_the_counts_are_not():
    order = small_order(duration=timedelta(seconds=150), slices_total=150, quantity=D(150))
    built = report.build(*run_order(order, FakeBooks()))
    assert (len(built.missed.listed), built.missed.more, built.missed.slices) == (100, 50, 150)


def test_live_ratio_when_an_exchange_was_away_then_its_time_is_not_counted():
    books = FakeBooks()
    books.show("Binance", bids={99: 9}, asks={101: 9})
    books.show("Kraken", bids={99: 9}, asks={101: 9})

    def before(now, order):
        books.set_state("Kraken", BookState.DOWN if now >= a_second(1) else BookState.LIVE)

    built = report.build(*run_order(small_order(exchanges=("Binance", "Kraken")), books, before=before))
    assert [each.live_ratio for each in built.venues] == [D(1), D("0.25")]


def test_time_weights_when_the_program_was_down_at_the_end_then_the_schedule_ends_the_order():
    order, _ = rising_market()
    late = with_progress(order, ended_at=a_second(3600))
    assert timeline.held(late, [a_second(0), a_second(3)]) == [3_000_000, 1_000_000]
    assert timeline.held(late, [a_second(4)]) == [1]
    canceled = with_progress(order, ended_at=a_second(2), status=OrderStatus.CANCELED)
    assert timeline.held(canceled, [a_second(0), a_second(1)]) == [1_000_000, 1_000_000]


def test_market_order_when_the_arrival_look_is_deep_then_its_cost_is_known():
    built = report.build(*rising_market()).market_order
    assert (built.filled, built.average_price, built.worst_price) == (D(4), D("101.75"), D(102))
    assert (built.slippage.quote, built.slippage.bps) == (D(7), D("175.0000"))
    assert built.fees == D("0.407")
    assert (built.complete, built.deep_enough) == (True, True)


def test_market_order_when_the_look_ended_at_the_limit_then_it_says_so():
    asks = {101 + n: D("0.1") for n in range(40)}
    order, slices = one_book_run(small_order(limit_price=D(102)), [{99: 1}] * 4, [asks] * 4)
    built = report.build(order, slices).market_order
    assert (built.filled, built.complete, built.deep_enough) == (D(0), False, False)
    whole = FakeBooks()
    whole.show("Binance", bids={99: 1}, asks={101: 2})
    built = report.build(*run_order(small_order(), whole)).market_order
    assert (built.filled, built.complete, built.deep_enough) == (D(2), False, True)


def test_fill_band_when_the_same_level_is_met_again_then_memory_and_halves_matter():
    order, slices = one_book_run(small_order(limit_price=D(101)), [{99: 9}] * 4, [{101: 2, 102: 9}] * 4)
    band = report.build(order, slices).fill_band
    assert order.progress.executed == 2
    assert (band.optimistic.fill_rate, band.optimistic.average_price) == (D(1), D(101))
    assert (band.pessimistic.fill_rate, band.pessimistic.average_price) == (D("0.25"), D(101))
    assert (band.optimistic.limited_slices, band.pessimistic.limited_slices) == (0, 0)


def test_participation_when_slices_fill_then_executed_over_what_they_saw_within_the_limit():
    order, slices = one_book_run(small_order(limit_price=D(101)), [{99: 9}] * 4, [{101: 8, 102: 99}] * 4)
    assert report.build(order, slices).participation == D("0.125000")
    measured = small_order(limit_price=D(101), max_participation=D("0.5"))
    order, slices = one_book_run(measured, [{99: 9}] * 4, [{101: 8, 102: 99}] * 4)
    assert report.build(order, slices).participation == D("0.125000")


def test_build_when_slices_are_newer_than_the_order_then_they_are_left_out():
    order, slices = rising_market()
    earlier = with_progress(order, slices_done=2, status=OrderStatus.EXECUTING, ended_at=None)
    assert report.build(earlier, slices) == report.build(earlier, slices[:3])
    unaware = with_progress(earlier, slices_done=0, arrival_mid=None)
    assert report.build(unaware, slices).shortfall is None


def test_cost_split_when_a_look_had_no_mid_then_the_one_before_stands_in():
    bids = [{99: 5}, {}, {99: 5}, {99: 5}]
    order, slices = one_book_run(small_order(), bids, [{101: 9}, {103: 9}, {101: 9}, {101: 9}])
    assert slices[2].mid is None
    shortfall = report.build(order, slices).shortfall
    assert shortfall.split == costs.CostSplit(D(6), D(0), D(0), D("0.406"), D(0))
    assert shortfall.quote == D("6.406")


def test_as_dict_when_built_then_plain_values_alone():
    plain = report.as_dict(report.build(*random_run(7)))
    assert list(plain)[:3] == ["order_id", "symbol", "side"]

    def check(value):
        if isinstance(value, dict):
            assert all(type(key) is str for key in value)
            return all(check(item) for item in value.values())
        if isinstance(value, list):
            return all(check(item) for item in value)
        return value is None or type(value) in (D, str, int, bool, datetime)

    assert check(plain)
    assert plain["fill_band"]["optimistic"].keys() == {"average_price", "fill_rate", "limited_slices"}


@pytest.mark.parametrize(
    ("numerator", "denominator", "places", "expected"),
    [
        ("1", 3, 8, "0.33333333"),
        ("2", 3, 4, "0.6667"),
        ("1", 8, 2, "0.12"),
        ("3", 8, 2, "0.38"),
        ("-1", 8, 2, "-0.12"),
        ("100635.645", 1, 2, "100635.64"),
        ("123456789012345678901234567890.5", 1, 0, "123456789012345678901234567890"),
    ],
)
def test_quotient_when_between_two_values_then_half_goes_to_the_even_one(
    numerator, denominator, places, expected
):
    assert str(costs.quotient(D(numerator), denominator, places)) == expected
