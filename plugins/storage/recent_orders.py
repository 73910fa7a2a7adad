"""Orders that were read not long ago: they need not be decoded again while their revision stands."""

from collections.abc import Sequence

from twap.plugins.storage.database import Database
from twap.plugins.storage.reading import read_orders
from twap.ports.order import Order

_KEPT = 2048


class RecentOrders:
    """A stored order never changes without a new revision, so what was decoded holds for as long as the
    database still names that one, whoever writes to it. At most 2,048 are kept."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._kept: dict[str, Order] = {}

    async def orders(self, wanted: Sequence[tuple[str, int]]) -> list[Order]:
        """These ids at these revisions (or newer, where one was changed meanwhile), in that order; without
        those that can't be read."""
        found = {order_id: self._kept.get(order_id) for order_id, _ in wanted}
        missing = [
            order_id
            for order_id, revision in wanted
            if (kept := found[order_id]) is None or kept.progress.revision != revision
        ]
        if missing:
            async with self._database.reading() as session:
                read = await read_orders(self._database, session, missing)
                found |= {order_id: self._keep(order) for order_id, order in read.items()}
        return [order for order_id, _ in wanted if (order := found[order_id]) is not None]

    def _keep(self, order: Order) -> Order:
        self._kept.pop(order.id, None)
        self._kept[order.id] = order
        if len(self._kept) > _KEPT:
            del self._kept[next(iter(self._kept))]
        return order
