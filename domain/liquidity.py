"""Liquidity memory: a simulated fill leaves the real book unchanged, so the order remembers what it took.

Per exchange and price, c is the quantity taken. At each look with displayed quantity d, c becomes min(c, d)
and d - c is available: only an increase of a level is new liquidity, a level that vanished starts afresh.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from twap.ports.market import ZERO, BookState
from twap.ports.numbers import EXACT
from twap.ports.order import Execution, Side, Taken, VenueLook


def by_exchange(taken: Taken) -> dict[str, dict[Decimal, Decimal]]:
    """Price to quantity, of each exchange that something was taken of."""
    split: dict[str, dict[Decimal, Decimal]] = {}
    for (exchange, price), quantity in taken.items():
        split.setdefault(exchange, {})[price] = quantity
    return split


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
    displayed: dict[str, dict[Decimal, Decimal]] = {}
    after: dict[tuple[str, Decimal], Decimal] = {}
    for key, quantity in taken.items():
        exchange, price = key
        look = looks.get(exchange)
        if look is None:
            after[key] = quantity
            continue
        shown = displayed.get(exchange)
        if shown is None:
            shown = displayed[exchange] = {level.price: level.displayed for level in look.levels}
        if price in shown:
            after[key] = min(quantity, shown[price])
        elif _beyond(look.horizon, price, side):
            after[key] = quantity
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
