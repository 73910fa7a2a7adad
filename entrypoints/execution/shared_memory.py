"""One user's orders on a symbol may share their liquidity memory: then splitting an order gains nothing."""

from collections.abc import Mapping
from decimal import Decimal

from twap.domain import liquidity
from twap.ports.order import Order, Taken

_NOTHING: Mapping[tuple[str, Decimal], Decimal] = {}


class SharedMemory:
    """What the running orders of this process have taken, by user, symbol and side. Off unless `shares`."""

    def __init__(self, *, shares: bool) -> None:
        self._shares = shares
        self._taken: dict[tuple[str, str, str], dict[str, Taken]] = {}

    def put(self, order: Order) -> None:
        if self._shares:
            self._taken.setdefault(_key(order), {})[order.id] = order.progress.taken

    def forget(self, order: Order) -> None:
        mine = self._taken.get(_key(order))
        if mine is not None:
            mine.pop(order.id, None)
            if not mine:
                del self._taken[_key(order)]

    def others(self, order: Order) -> Taken:
        """The memory of the user's other running orders that take from the same books."""
        if not self._shares:
            return _NOTHING
        mine = self._taken.get(_key(order))
        if mine is None or len(mine) < 2:
            return _NOTHING
        return liquidity.merged(taken for order_id, taken in mine.items() if order_id != order.id)


def _key(order: Order) -> tuple[str, str, str]:
    return order.user_id, order.ticket.symbol, order.ticket.side.value
