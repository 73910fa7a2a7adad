"""Liquidity memory: a simulated fill leaves the real book unchanged, so the order remembers what it took.

Per exchange and price, c is the quantity taken. At each look with displayed quantity d, c becomes min(c, d)
and d - c is available: only an increase of a level is new liquidity, a level that vanished starts afresh.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from twap.domain.scene import Scene
from twap.ports.market import ZERO
from twap.ports.numbers import add, exact_sum, whole_lots
from twap.ports.order import Execution, Quantities, Taken


def merged(memories: Iterable[Taken]) -> dict[tuple[str, Decimal], Decimal]:
    """Several orders' memories as one: what was taken adds up."""
    total: dict[tuple[str, Decimal], Decimal] = {}
    for memory in memories:
        for key, quantity in memory.items():
            total[key] = add(total.get(key, ZERO), quantity)
    return total


def lots_gone(taken: Taken, lot: Decimal) -> int:
    """At most so many whole lots of what is displayed are gone for the order, on all exchanges together."""
    return whole_lots(exact_sum(taken.values()), lot) + len(taken)


def seen(taken: Taken, scene: Scene, deeper: Quantities) -> Taken:
    """The memory after a look. What can't be seen (no live book, beyond the known depth) stays as it was.

    deeper  what is displayed at remembered prices behind the levels of the scene

    Nearly always nothing changes: then it is the same object.
    """
    displayed = scene.displayed if taken else taken
    less: dict[tuple[str, Decimal], Decimal | None] = {}
    for key, quantity in taken.items():
        shown = displayed.get(key)
        if shown is None:
            shown = deeper.get(key)
        if shown is None:
            if not scene.hides(*key):
                less[key] = None
        elif shown < quantity:
            less[key] = shown
    if not less:
        return taken
    after = {key: less.get(key, quantity) for key, quantity in taken.items()}
    return {key: quantity for key, quantity in after.items() if quantity is not None}


def with_fills(taken: Taken, executions: Sequence[Execution]) -> dict[tuple[str, Decimal], Decimal]:
    after = dict(taken)
    for fill in executions:
        key = (fill.exchange, fill.price)
        before = after.get(key)
        after[key] = fill.quantity if before is None else add(before, fill.quantity)
    return after
