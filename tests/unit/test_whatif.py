from datetime import timedelta
from decimal import Decimal as D

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.books import FakeBooks, run_order
from tests.fakes.orders import make_order, make_terms
from tests.fakes.runs import random_run, with_progress
from twap.domain import whatif
from twap.ports.order import FeeRanking, OrderStatus, Randomize, Side

seeds = st.integers(0, 2**32)
quickly = settings(max_examples=60, deadline=None, derandomize=True)


def run(**changes):
    """Ten slices of 1 base on two exchanges whose books never change; Kraken is dearer."""
    fields = {
        "quantity": D(10),
        "limit_price": D(110),
        "duration": timedelta(seconds=10),
        "slices_total": 10,
        "lot_size": D(1),
        "exchanges": ("Binance", "Kraken"),
    } | changes
    terms = (
        make_terms("Binance", min_quantity=D(0), min_notional=D(0), taker_fee=D("0.001")),
        make_terms("Kraken", min_quantity=D(0), min_notional=D(0), taker_fee=D("0.002")),
        make_terms("OKX", min_quantity=D(0), min_notional=D(0), taker_fee=D(0)),
    )
    books = FakeBooks()
    books.show("Binance", bids={99: 40}, asks={101: 4, 103: 40})
    books.show("Kraken", bids={99: 40}, asks={102: 40})
    books.show("OKX", bids={99: 40}, asks={104: 40})
    names = fields["exchanges"]
    order = make_order(**fields, terms=tuple(each for each in terms if each.exchange in names))
    return run_order(order, books)


def outcome(order, slices, name):
    variant = next(each for each in whatif.variants(order, slices) if each.name == name)
    return whatif.run(order, slices, variant)


@given(seeds)
@quickly
def test_whatif_when_nothing_is_changed_then_the_order_comes_out_as_it_was(seed):
    order, slices = random_run(seed)
    same = outcome(order, slices, "as it was")
    progress = order.progress
    assert (same.executed, same.fees, same.executions) == (
        progress.executed,
        progress.fees,
        progress.lots_count,
    )


def test_whatif_when_a_level_vanished_while_the_order_was_paused_then_it_started_afresh_there_too():
    books = FakeBooks()

    def before(now, order):
        second = (now - order.starts_at).seconds
        books.show("Binance", bids={99: 1}, asks={101: 1, 102: 9} if second != 2 else {102: 9})
        wanted = OrderStatus.PAUSED if second == 2 else OrderStatus.EXECUTING
        return with_progress(order, status=wanted) if second and not order.status.over else None

    order, slices = run_order(
        make_order(
            quantity=D(3),
            limit_price=D(110),
            duration=timedelta(seconds=3),
            slices_total=3,
            lot_size=D(1),
            exchanges=("Binance",),
            terms=(make_terms(min_notional=D(0)),),
        ),
        books,
        before=before,
    )
    bought = [(fill.slice, fill.price) for one in slices for fill in one.executions]
    assert bought == [(1, D(101)), (3, D(101)), (3, D(102))]
    same = outcome(order, slices, "as it was")
    assert (same.executions, same.average_price) == (3, D("101.33333333"))


@given(seeds)
@quickly
def test_whatif_when_any_variant_then_never_more_than_the_order_and_never_beyond_the_limit(seed):
    order, slices = random_run(seed)
    sign = 1 if order.ticket.side is Side.BUY else -1
    for row in whatif.table(order, slices):
        assert 0 <= row.executed <= order.ticket.quantity
        assert row.average_price is None or sign * row.average_price <= sign * order.ticket.limit_price


def test_variants_when_two_exchanges_then_each_alone_and_no_repetitions():
    order, slices = run()
    names = [each.name for each in whatif.variants(order, slices)]
    assert names == [
        "as it was",
        "interval x 2",
        "interval x 5",
        "interval x 10",
        "random sizes 0.25",
        "max_participation 0.1",
        "max_participation 0.25",
        "catch_up 1",
        "catch_up 10",
        "fees include",
        "Binance alone",
        "Kraken alone",
    ]


def test_variants_when_the_order_is_random_and_has_three_exchanges_then_seeds_and_leave_one_out():
    randomize = Randomize(size=D("0.3"), seed=7)
    order, slices = run(
        exchanges=("Binance", "Kraken", "OKX"), randomize=randomize, fees=FeeRanking.INCLUDE, quantity=D(100)
    )
    names = [each.name for each in whatif.variants(order, slices)]
    assert {"seed 8", "seed 9", "fees ignore", "without Kraken", "OKX alone"} <= set(names)
    assert outcome(order, slices, "seed 8").executed == D(100)


def test_interval_when_coarser_then_slices_are_larger_and_fewer_looks_are_used():
    order, slices = run()
    assert outcome(order, slices, "as it was").executions == 10
    coarse = outcome(order, slices, "interval x 5")
    assert (coarse.executed, coarse.executions) == (D(10), 3)
    assert coarse.average_price == D("101.6")


def test_interval_when_the_order_was_canceled_then_only_its_looks_are_used():
    order, slices = run()
    canceled = with_progress(order, status=OrderStatus.CANCELED, slices_done=5)
    assert outcome(canceled, slices[:6], "interval x 2").executed == D(4)
    assert "interval x 10" not in [each.name for each in whatif.variants(canceled, slices[:6])]


def test_exchanges_when_one_is_alone_then_only_its_levels_and_fees_count():
    order, slices = run()
    binance, kraken = outcome(order, slices, "Binance alone"), outcome(order, slices, "Kraken alone")
    assert (binance.executed, binance.average_price) == (D(10), D("102.2"))
    assert binance.fees == D("1.022")
    assert (kraken.average_price, kraken.fees) == (D(102), D("2.04"))
    assert kraken.slippage.quote == D(20)
    assert kraken.shortfall.quote == D("22.04")
    assert kraken.shortfall.bps == D("220.4")


def test_participation_when_bounded_then_slices_take_no_more_than_their_share():
    order, slices = run(quantity=D(500), catch_up=D(1))
    bounded = outcome(order, slices, "max_participation 0.25")
    # 84 are displayed within the limit: 21 lots a slice, until the memory has used them up.
    assert bounded.executed == D(84)
    assert bounded.limited is False


def test_limited_when_a_look_was_not_deep_enough_for_the_variant_then_it_is_counted():
    books = FakeBooks()

    def before(now, order):
        best = 101 + D(order.progress.slices_done) / 100
        books.show("Binance", bids={99: 40}, asks={best + n: 1 for n in range(40)})

    order = make_order(
        quantity=D(20),
        limit_price=D(200),
        duration=timedelta(seconds=10),
        slices_total=10,
        lot_size=D(1),
        exchanges=("Binance",),
        terms=(make_terms("Binance", min_quantity=D(0), min_notional=D(0)),),
    )
    order, slices = run_order(order, books, before=before)
    assert outcome(order, slices, "as it was").limited is False
    assert outcome(order, slices, "interval x 5").limited is False
    # A look for a slice of 2 stored 10 levels of 1: enough for 10, not for 20.
    whole = outcome(order, slices, "interval x 10")
    assert (whole.limited, whole.limited_slices, whole.executed) == (True, 1, D(10))


def test_slippage_when_the_order_met_no_book_then_it_is_unknown():
    order, slices = run_order(make_order(slices_total=3, duration=timedelta(seconds=3)), FakeBooks())
    row = outcome(order, slices, "as it was")
    assert (row.executed, row.average_price, row.slippage, row.shortfall) == (0, None, None, None)


@pytest.mark.parametrize("bound", [D(1), D(10)])
def test_catch_up_when_another_bound_then_it_is_tried_unless_it_is_the_orders_own(bound):
    order, slices = run(catch_up=bound)
    names = [each.name for each in whatif.variants(order, slices)]
    assert f"catch_up {bound}" not in names
    assert "catch_up 3" in names
