"""How much memory books take, by what Python allocates for them."""

import gc
import random
import tracemalloc
from decimal import Decimal

from tests.fakes.clock import ManualClock
from twap.domain.market import Market
from twap.ports.events import Snapshot
from twap.ports.exchange import BookRules
from twap.ports.feed import Pulse
from twap.ports.market import Instrument


def books_to_dicts(symbols, levels):
    """Bytes of that many books in one market, with all that the market remembers of them, and of the same
    levels in `dict[Decimal, Decimal]`. The best 10 of each book were read once, as broadcasts do."""
    return _allocated(lambda: _books(symbols, levels)), _allocated(lambda: _dicts(symbols, levels))


def _allocated(make):
    gc.collect()
    tracemalloc.start()
    kept = make()
    gc.collect()
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del kept
    return size


def _books(symbols, levels):
    clock = ManualClock()
    market = Market(clock)
    for number in range(symbols):
        name = f"S{number}USDT"
        instrument = Instrument("A", name, name, f"S{number}", "USDT", Decimal("0.01"), Decimal("0.00001"))
        book = market.open(instrument, BookRules(), lambda cause, reason: None)
        book.connected(Pulse(clock.monotonic()))
        book.snapshot(Snapshot(name, *_texts(number, levels), 1))
        book.book.bids.best(10)
        book.book.asks.best(10)
    return market


def _dicts(symbols, levels):
    return [
        [{Decimal(price): Decimal(quantity) for price, quantity in side} for side in _texts(number, levels)]
        for number in range(symbols)
    ]


def _texts(number, levels):
    """Bids and asks of symbol `number` around a price of its own."""
    chance = random.Random(number)  # noqa: S311
    middle = 1000 * (number + 1)
    return [
        [
            (f"{middle + sign * 0.01 * (3 * n + 1):.2f}", f"{chance.uniform(0.001, 3):.5f}")
            for n in range(levels)
        ]
        for sign in (-1, 1)
    ]
