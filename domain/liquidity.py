"""Liquidity memory: a simulated fill leaves the real book unchanged, so the order remembers what it took.

Per exchange and price, c is the quantity taken. At each look with displayed quantity d, c becomes min(c, d)
and d - c is available: only an increase of a level is new liquidity, a level that vanished starts afresh.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from twap.domain.scene import Scene
from twap.ports.market import ZERO
from twap.ports.numbers import add, whole_lots
from twap.ports.order import Execution, Quantities, Taken


def merged(memories: Iterable[Taken]) -> dict[tuple[str, Decimal], Decimal]:
    """Several orders' memories as one: what was taken adds up."""
    total: dict[tuple[str, Decimal], Decimal] = {}
    for memory in memories:
        for key, quantity in memory.items():
            total[key] = add(total.get(key, ZERO), quantity)
    return total


def lots_gone(taken: Taken, lot: Decimal) -> dict[str, int]:
    """At most so many whole lots of what an exchange displays are gone for the order."""
    sums: dict[str, tuple[Decimal, int]] = {}
    for (exchange, _), quantity in taken.items():
        total, prices = sums.get(exchange, (ZERO, 0))
        sums[exchange] = add(total, quantity), prices + 1
    return {name: whole_lots(total, lot) + prices for name, (total, prices) in sums.items()}


def seen(taken: Taken, scene: Scene, deeper: Quantities) -> dict[tuple[str, Decimal], Decimal]:
    """The memory after a look. What can't be seen (no live book, beyond the known depth) stays as it was.

    deeper  what is displayed at remembered prices behind the levels of the scene
    """
    after: dict[tuple[str, Decimal], Decimal] = {}
    if not taken:
        return after
    displayed = scene.displayed
    for key, quantity in taken.items():
        shown = displayed.get(key)
        if shown is None:
            shown = deeper.get(key)
        if shown is not None:
            after[key] = quantity if quantity <= shown else shown
        elif scene.hides(*key):
            after[key] = quantity
    return after


def with_fills(taken: Taken, executions: Sequence[Execution]) -> dict[tuple[str, Decimal], Decimal]:
    after = dict(taken)
    for fill in executions:
        key = (fill.exchange, fill.price)
        before = after.get(key)
        after[key] = fill.quantity if before is None else add(before, fill.quantity)
    return after
