"""What becomes of the memory when a look sees a level, does not, or can't."""

from decimal import Decimal as D

import pytest

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


def test_lots_gone_when_parts_of_lots_were_taken_then_never_too_few():
    taken = {("A", D(1)): D("0.15"), ("A", D(2)): D("0.19"), ("B", D(1)): D("0.3")}
    gone = liquidity.lots_gone(taken, D("0.1"))
    assert gone["A"] >= 2 + 2
    assert gone["B"] >= 3
