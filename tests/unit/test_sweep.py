from datetime import timedelta
from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twap.domain.scene import Scene
from twap.domain.sweep import Fill, sweep
from twap.ports.market import BookState, Level
from twap.ports.order import FeeRanking, MissReason, Side, Ticket, VenueLook, VenueTerms


def ticket(side=Side.BUY, limit="110", **options):
    return Ticket("BTCUSDT", side, D(100), D(limit), timedelta(seconds=10), ("A", "B"), **options)


def terms(name, fee="0", min_quantity="0", min_notional="0"):
    return VenueTerms(name, D("0.1"), D("0.1"), D(min_quantity), D(min_notional), D(fee))


def look(name, *levels, state=BookState.LIVE, more=False, visible="0"):
    """levels: price and displayed"""
    shown = tuple(Level(D(price), D(displayed)) for price, displayed in levels)
    return VenueLook(name, state, 1, None, 5, D(99), shown, more, D(visible))


def fills(swept):
    return [(fill.exchange, str(fill.price), fill.lots) for fill in swept.fills]


TERMS = (terms("A"), terms("B"))


def run(looks, lots, order=None, venues=TERMS, lot="0.1", taken=()):
    """taken: exchange, price and quantity"""
    order = order or ticket()
    memory = {(exchange, D(price)): D(quantity) for exchange, price, quantity in taken}
    return sweep(order, venues, D(lot), Scene(looks, order.side), memory, lots)


def test_sweep_when_several_exchanges_then_best_price_first_over_all():
    swept = run([look("A", ("101", "1"), ("103", "1")), look("B", ("102", "1"))], 25)
    assert fills(swept) == [("A", "101", 10), ("B", "102", 10), ("A", "103", 5)]
    assert swept.reason is None


def test_sweep_when_selling_then_the_highest_bid_first():
    swept = run([look("A", ("99", "1"), ("97", "1")), look("B", ("98", "1"))], 25, ticket(Side.SELL, "90"))
    assert fills(swept) == [("A", "99", 10), ("B", "98", 10), ("A", "97", 5)]


def test_sweep_when_prices_are_equal_then_who_displays_more_first_then_by_name():
    assert fills(run([look("A", ("101", "1")), look("B", ("101", "2"))], 5)) == [("B", "101", 5)]
    assert fills(run([look("B", ("101", "1")), look("A", ("101", "1"))], 5)) == [("A", "101", 5)]


def test_sweep_when_displayed_more_was_taken_before_then_it_still_ranks_by_what_is_displayed():
    looks = [look("A", ("101", "1")), look("B", ("101", "2"))]
    assert fills(run(looks, 5, taken=[("B", "101", "1.9")])) == [("B", "101", 1), ("A", "101", 4)]


def test_sweep_when_fees_are_included_then_ranked_after_fee_and_filled_at_the_price():
    venues = (terms("A", "0.02"), terms("B", "0.001"))
    looks = [look("A", ("100", "1")), look("B", ("101", "1"))]
    assert fills(run(looks, 5, venues=venues)) == [("A", "100", 5)]
    assert fills(run(looks, 5, ticket(fees=FeeRanking.INCLUDE), venues)) == [("B", "101", 5)]


def test_sweep_when_the_limit_is_reached_then_nothing_beyond_it():
    swept = run([look("A", ("109", "1"), ("110", "1"), ("110.1", "9"))], 50)
    assert fills(swept) == [("A", "109", 10), ("A", "110", 10)]
    assert swept.reason is MissReason.BEYOND_LIMIT


def test_sweep_when_the_books_end_within_the_limit_then_no_liquidity():
    assert run([look("A", ("109", "1"))], 50).reason is MissReason.NO_LIQUIDITY
    assert run([look("A")], 50).reason is MissReason.NO_LIQUIDITY


def test_sweep_when_a_level_holds_a_part_of_a_lot_then_it_is_left_there():
    swept = run([look("A", ("101", "0.19"), ("102", "0.05"), ("103", "1"))], 3)
    assert fills(swept) == [("A", "101", 1), ("A", "103", 2)]


def test_sweep_when_taken_before_then_only_the_rest_is_available():
    looks = [look("A", ("101", "1"), ("102", "1"))]
    assert fills(run(looks, 9, taken=[("A", "101", "0.7"), ("A", "102", "1")])) == [("A", "101", 3)]


def test_sweep_when_participation_is_bounded_then_at_most_that_share_of_what_is_visible():
    swept = run([look("A", ("101", "10"), visible="10")], 50, ticket(max_participation=D("0.25")))
    assert fills(swept) == [("A", "101", 25)]
    assert swept.reason is MissReason.PARTICIPATION


def test_sweep_when_participation_is_bounded_and_all_is_beyond_the_limit_then_that_is_the_reason():
    swept = run([look("A", ("111", "10"), visible="0")], 50, ticket(max_participation=D("0.25")))
    assert (swept.fills, swept.reason) == ((), MissReason.BEYOND_LIMIT)


def test_sweep_when_no_book_is_live_then_stale_or_down():
    stale = look("A", state=BookState.STALE)
    down = look("B", state=BookState.DOWN)
    assert run([stale, down], 5).reason is MissReason.STALE
    assert run([down, down], 5).reason is MissReason.DOWN
    assert fills(run([stale, look("B", ("101", "1"))], 5)) == [("B", "101", 5)]


@pytest.mark.parametrize("minimum", [{"min_quantity": "2"}, {"min_notional": "200"}])
def test_sweep_when_an_exchange_would_get_less_than_its_minimum_then_it_gets_nothing(minimum):
    venues = (terms("A", **minimum), terms("B"))
    swept = run([look("A", ("101", "1")), look("B", ("102", "9"))], 30, venues=venues)
    assert fills(swept) == [("B", "102", 30)]
    assert swept.reason is None
    alone = run([look("A", ("101", "1"))], 30, venues=venues)
    assert (fills(alone), alone.reason) == ([], MissReason.MINIMUM)


LEVELS = st.lists(
    st.tuples(st.integers(90, 120), st.decimals(0, 5, places=2), st.decimals(0, 5, places=2)),
    max_size=8,
    unique_by=lambda level: level[0],
)


@given(
    LEVELS,
    LEVELS,
    st.integers(0, 200),
    st.sampled_from(Side),
    st.integers(90, 120),
    st.sampled_from(FeeRanking),
)
def test_sweep_when_any_books_then_within_limit_displayed_and_target(a, b, lots, side, limit, ranking):
    books = {name: sorted(levels, reverse=side is Side.SELL) for name, levels in (("A", a), ("B", b))}
    looks = [look(name, *((p, d) for p, d, _ in levels)) for name, levels in books.items()]
    taken = [(name, p, min(t, d)) for name, levels in books.items() for p, d, t in levels]
    order = ticket(side, limit, fees=ranking)
    swept = run(looks, lots, order, taken=taken)
    free = {(name, D(p)): d - min(t, d) for name, levels in books.items() for p, d, t in levels}
    assert sum(fill.lots for fill in swept.fills) <= lots
    assert len({(fill.exchange, fill.price) for fill in swept.fills}) == len(swept.fills)
    for fill in swept.fills:
        assert fill.lots * D("0.1") <= free[fill.exchange, fill.price]
        assert fill.price <= limit if side is Side.BUY else fill.price >= limit
    left = sum(
        int(quantity // D("0.1"))
        for (_, price), quantity in free.items()
        if (price <= limit if side is Side.BUY else price >= limit)
    )
    assert sum(fill.lots for fill in swept.fills) == min(lots, left)
    assert swept == run(list(reversed(looks)), lots, order, taken=taken)


def test_fill_when_compared_then_by_value():
    assert Fill("A", D(1), 2, D(4), D(4)) == Fill("A", D("1.0"), 2, D("4.0"), D(4))
