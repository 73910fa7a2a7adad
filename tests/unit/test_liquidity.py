"""What becomes of the memory when a look sees a level, does not, or can't."""

from decimal import Decimal as D
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.orders import make_look
from twap.domain import liquidity
from twap.domain.scene import Scene
from twap.ports.market import BookState, Level
from twap.ports.order import Side

TAKEN = {("Binance", D(101)): D(5)}


def after(*looks, side=Side.BUY, deeper=()):
    return liquidity.seen(TAKEN, Scene(looks, side), dict(deeper))


def look(*levels, horizon=None, **changes):
    shown = tuple(Level(D(price), D(quantity)) for price, quantity in levels)
    return make_look(levels=shown, horizon=None if horizon is None else D(horizon), **changes)


@pytest.mark.parametrize(
    ("seen", "left"),
    [
        (look((100, 1), (101, 8)), 5),
        (look((100, 1), (101, 3)), 3),
        (look((100, 1), (102, 9)), None),
        (look((100, 1), horizon=100), 5),
        (look((100, 1), horizon=101), None),
        (look((100, 1), (101, 3), horizon=100), 3),
        (look((101, 3), state=BookState.STALE), 5),
        (look((101, 3), exchange="Kraken"), 5),
    ],
    ids=[
        "more is shown",
        "less is shown",
        "it vanished",
        "beyond what is known",
        "the last that is known",
        "shown behind a gap in what is known",
        "no live book",
        "another exchange",
    ],
)
def test_memory_when_a_look_comes_then_at_most_what_is_displayed_where_it_can_tell(seen, left):
    expected = {} if left is None else {("Binance", D(101)): D(left)}
    assert after(seen) == expected


def test_memory_when_selling_then_beyond_is_below():
    assert after(look((110, 1), horizon=105), side=Side.SELL) == TAKEN
    assert after(look((110, 1), horizon=100), side=Side.SELL) == {}


@pytest.mark.parametrize(("displayed", "left"), [(8, 5), (3, 3)])
def test_memory_when_the_price_lies_behind_the_look_then_what_is_displayed_there_counts(displayed, left):
    key = ("Binance", D(101))
    assert after(look((90, 1), (91, 1)), deeper={key: D(displayed)}) == {key: D(left)}


def test_memory_when_one_level_of_several_vanished_then_the_others_stay_in_their_order():
    taken = {("Kraken", D(90)): D(2), ("Binance", D(100)): D(4), ("Binance", D(101)): D(5)}
    scene = Scene([look((101, 3))], Side.BUY)
    left = liquidity.seen(taken, scene, {})
    assert list(left.items()) == [(("Kraken", D(90)), D(2)), (("Binance", D(101)), D(3))]
    assert taken["Binance", D(101)] == D(5)


def test_memory_when_nothing_changes_then_the_same_object():
    assert liquidity.seen(TAKEN, Scene([look((101, 8))], Side.BUY), {}) is TAKEN


@given(st.lists(st.tuples(st.sampled_from("AB"), st.decimals(0, 2, places=3)), max_size=8))
def test_lots_gone_when_parts_of_lots_were_taken_then_never_too_few(quantities):
    lot = D("0.1")
    taken = {(exchange, D(price)): quantity for price, (exchange, quantity) in enumerate(quantities)}
    touched = sum(ceil(quantity / lot) for quantity in taken.values())
    assert touched <= liquidity.lots_gone(taken, lot) <= touched + len(taken)
