"""Liquidity memory: a simulated fill leaves the real book unchanged, so the order remembers what it took.

Per exchange and price, c is the quantity taken. At each look with displayed quantity d, c becomes min(c, d)
and d - c is available: only an increase of a level is new liquidity, a level that vanished starts afresh.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from twap.ports.market import ZERO, BookState
from twap.ports.numbers import EXACT
from twap.ports.order import Execution, Side, Taken, VenueLook


def of_exchange(taken: Taken, exchange: str) -> dict[Decimal, Decimal]:
    return {price: quantity for (name, price), quantity in taken.items() if name == exchange}


def merged(memories: Iterable[Taken]) -> dict[tuple[str, Decimal], Decimal]:
    """Several orders' memories as one: what was taken adds up."""
    total: dict[tuple[str, Decimal], Decimal] = {}
    for memory in memories:
        for key, quantity in memory.items():
            total[key] = EXACT.add(total.get(key, ZERO), quantity)
    return total


def seen(taken: Taken, venues: Sequence[VenueLook], side: Side) -> dict[tuple[str, Decimal], Decimal]:
    """The memory after a look. What can't be seen (no live book, beyond the known depth) stays as it was."""
    if not taken:
        return {}
    looks = {look.exchange: look for look in venues if look.state is BookState.LIVE}
    displayed = {
        (look.exchange, level.price): level.displayed for look in looks.values() for level in look.levels
    }
    after: dict[tuple[str, Decimal], Decimal] = {}
    for key, quantity in taken.items():
        look = looks.get(key[0])
        if look is None or _beyond(look.horizon, key[1], side):
            after[key] = quantity
        elif key in displayed:
            after[key] = min(quantity, displayed[key])
    return after


def _beyond(horizon: Decimal | None, price: Decimal, side: Side) -> bool:
    if horizon is None:
        return False
    return price > horizon if side is Side.BUY else price < horizon


def with_fills(taken: Taken, executions: Sequence[Execution]) -> dict[tuple[str, Decimal], Decimal]:
    after = dict(taken)
    for fill in executions:
        key = (fill.exchange, fill.price)
        after[key] = EXACT.add(after.get(key, ZERO), fill.quantity)
    return after
