"""Whole orders over random books: every rule of the domain is met sooner or later. A function of the seed."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from random import Random

from tests.fakes.books import FakeBooks, run_order
from tests.fakes.orders import NOON, make_order, make_terms
from twap.domain.lifecycle import moved
from twap.ports.market import BookState
from twap.ports.order import FeeRanking, OrderStatus, Progress, Randomize, Side

NAMES = ("Binance", "Kraken", "OKX")


def chance_of(seed):
    return Random(seed)  # noqa: S311 - it must be the same every time


def random_order(chance):
    lot = chance.choice([Decimal("0.1"), Decimal("0.01"), Decimal("0.003")])
    slices = chance.randint(1, 12)
    interval = timedelta(milliseconds=chance.choice([100, 500, 1000, 3000]))
    exchanges = NAMES[: chance.randint(1, 3)]
    side = chance.choice(list(Side))
    return make_order(
        id=f"{chance.getrandbits(128):032x}",
        side=side,
        quantity=lot * chance.randint(1, 200),
        limit_price=Decimal(100 if side is Side.BUY else 99) + Decimal(chance.randint(-20, 60)) / 100,
        duration=interval * slices - timedelta(milliseconds=chance.choice([0, 50])),
        interval=interval,
        exchanges=exchanges,
        randomize=chance.choice([None, Randomize(Decimal("0.3"), Decimal("0.5"), chance.randint(0, 99))]),
        max_participation=chance.choice([None, None, Decimal("0.3")]),
        catch_up=chance.choice([Decimal(1), Decimal(3), Decimal("2.5")]),
        latency=timedelta(milliseconds=chance.choice([0, 0, 250])),
        fees=chance.choice(list(FeeRanking)),
        lot_size=lot,
        slices_total=slices,
        terms=tuple(_terms(chance, exchange) for exchange in exchanges),
        progress=Progress(),
    )


def random_run(seed, **others):
    """An order from its start to its end, with its slices."""
    chance = chance_of(seed)
    order = random_order(chance)
    books = FakeBooks()

    def before(now, order):
        for exchange in order.ticket.exchanges:
            _change(books, exchange, chance)
        return _interrupted(order, now, chance)

    def woken(due):
        return due + timedelta(milliseconds=chance.choice([0, 0, 0, 1, 80, 400, 6000]))

    return run_order(order, books, before=before, woken=woken, **others)


def _terms(chance, exchange):
    return make_terms(
        exchange,
        min_quantity=chance.choice([Decimal(0), Decimal("0.05")]),
        min_notional=chance.choice([Decimal(0), Decimal(5), Decimal(40)]),
        taker_fee=Decimal(chance.choice([0, 10, 26, 60])) / 10_000,
    )


def _change(books, exchange, chance):
    """Often nothing changes, so that the liquidity memory matters."""
    dice = chance.random()
    if dice < 0.35:
        middle = 9950 + chance.randint(-40, 40)
        books.show(
            exchange,
            bids=_side(middle, -1, chance),
            asks=_side(middle, 1, chance),
            at=chance.choice([None, NOON]),
        )
    elif dice < 0.45:
        books.set_state(exchange, chance.choice([BookState.DOWN, BookState.STALE, BookState.SYNCING]))


def _side(middle, sign, chance):
    steps = chance.sample(range(1, 60), chance.choice([0, 1, 3, 12, 25]))
    return {Decimal(middle + sign * step) / 100: Decimal(chance.randint(1, 900)) / 1000 for step in steps}


def _interrupted(order, now, chance):
    dice = chance.random()
    if order.status is OrderStatus.PAUSED and dice < 0.5:
        started = order.progress.started_at is not None
        return moved(order, OrderStatus.EXECUTING if started else OrderStatus.PENDING, now)
    if order.status is OrderStatus.EXECUTING and dice < 0.05:
        return moved(order, OrderStatus.PAUSED, now)
    if order.status is OrderStatus.EXECUTING and dice < 0.06:
        return moved(order, OrderStatus.CANCELED, now)
    return None


def with_progress(order, **changes):
    """The order as if somebody had changed its stored progress by hand."""
    return order.advanced(replace(order.progress, **changes))
