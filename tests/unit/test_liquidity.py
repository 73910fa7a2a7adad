"""What becomes of the memory when a look sees a level, does not, or can't."""

from decimal import Decimal as D

import pytest

from tests.fakes.orders import make_look
from twap.domain import liquidity
from twap.ports.market import BookState
from twap.ports.order import LookLevel, Side

TAKEN = {("Binance", D(101)): D(5)}


def look(*levels, horizon=None, **changes):
    shown = tuple(LookLevel(D(price), D(quantity), D(0)) for price, quantity in levels)
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
    assert liquidity.seen(TAKEN, (seen,), Side.BUY) == expected


def test_memory_when_selling_then_beyond_is_below():
    assert liquidity.seen(TAKEN, (look((110, 1), horizon=105),), Side.SELL) == TAKEN
    assert liquidity.seen(TAKEN, (look((110, 1), horizon=100),), Side.SELL) == {}
